"""The same service on one machine."""
