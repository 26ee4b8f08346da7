"""One use case a module: knows the order of things only. Must not know SQL, AWS or HTTP."""
