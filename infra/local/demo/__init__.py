"""The demo: worlds, visitors, and what is shown of them. Must not know how AWS is played."""
