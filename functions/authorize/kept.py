"""Values that are read once and kept for some minutes: the key, and user ids by name. Knows neither."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")
SECONDS: Final = 300.0
SOONEST: Final = 10.0
"""Seconds for which a value is not read again, however often its renewal is asked for."""
MOST: Final = 10_000


class Kept(Generic[Value]):
    """What `read` says of a name, for SECONDS; None is not kept. At most MOST names, the oldest forgotten first."""

    def __init__(self, read: Callable[[str], Value], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._values: OrderedDict[str, tuple[float, Value]] = OrderedDict()

    def get(self, name: str) -> Value:
        """The value, at most SECONDS old."""
        return self._not_older(name, SECONDS)

    def renewed(self, name: str) -> Value:
        """The value, at most SOONEST old."""
        return self._not_older(name, SOONEST)

    def forget(self) -> None:
        """Reads everything again when it is next asked for."""
        self._values.clear()

    def _not_older(self, name: str, seconds: float) -> Value:
        read_at, value = self._values.get(name, (None, None))
        if read_at is None or value is None or self._clock() - read_at > seconds:
            value = self._read(name)
            self._keep(name, value)
        return value

    def _keep(self, name: str, value: Value) -> None:
        self._values.pop(name, None)
        if value is not None:
            self._values[name] = (self._clock(), value)
        if len(self._values) > MOST:
            self._values.popitem(last=False)
