"""Benchmarks, one module each, run by `./dev bench NAME`; results go to benchmarks/results."""
