"""One module per command of ./dev: its docstring is its help, `add_arguments` its options, `run` its work."""
