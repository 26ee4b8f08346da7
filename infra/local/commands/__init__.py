"""One module per command of ./dev: its docstring is the help, `add_arguments` adds options, `run` does the work."""
