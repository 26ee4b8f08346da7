"""Errors of the local service; every message is one whole sentence that says what to do."""


class LocalError(Exception):
    """Base of every error that the local service raises on purpose."""
