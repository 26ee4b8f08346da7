"""Errors of the local service; every message is one whole sentence that says what to do."""


class LocalError(Exception):
    """Base of every error that the local service raises on purpose."""


class WrongUsage(LocalError):
    """Options that do not fit together."""
