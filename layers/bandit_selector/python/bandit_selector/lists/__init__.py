"""Contexts, slates and algorithm names: what stands where in a list. Must not know storage, clocks or requests."""
