"""The demo: worlds, visitors, and its printed results. Must not know how AWS is emulated."""
