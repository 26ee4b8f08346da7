"""Columns of values as PostgreSQL's arrays in its binary form, which it reads with less work than JSON.

The form is that of `array_send` in PostgreSQL's arrayfuncs.c: the number of dimensions, whether there are nulls, the
type of the elements, their number, the first index; then each element's length in bytes and the element, all
big-endian. A column has no nulls: what is missing is 0, and the statement makes it null.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)  # of PostgreSQL's timestamps
UUIDS: Final = 2950  # types of elements, as pg_type numbers them
TEXTS: Final = 25
BIGINTS: Final = 20
INTEGERS: Final = 23
REALS: Final = 700
MOMENTS: Final = 1184


@dataclass(frozen=True, slots=True)
class Column:
    """An array in binary form. The statement casts its parameter to the array's type."""

    data: bytes


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Column) -> bytes:
        return obj.data


psycopg.adapters.register_dumper(Column, _Dumper)


def bigints(values: Sequence[int]) -> Column:
    """A bigint[]."""
    return _numbers(BIGINTS, np.array(values, ">i8"))


def integers(values: "Sequence[int] | NDArray[np.integer]") -> Column:
    """An integer[]. Raises OverflowError beyond 32 bits."""
    return _numbers(INTEGERS, np.array(values, ">i4"))


def reals(values: "Sequence[float] | NDArray[np.floating]") -> Column:
    """A real[]."""
    return _numbers(REALS, np.array(values, ">f4"))


def moments(values: Sequence[datetime]) -> Column:
    """A timestamptz[] of moments in any zone: microseconds since 2000."""
    since = [moment.astimezone(UTC) - EPOCH for moment in values]
    return _numbers(
        MOMENTS, np.array([(one.days * 86_400 + one.seconds) * 1_000_000 + one.microseconds for one in since], ">i8")
    )


def uuids(values: Sequence[UUID]) -> Column:
    """A uuid[]."""
    return _joined(UUIDS, [value.bytes for value in values])


def texts(values: Sequence[str]) -> Column:
    """A text[]; for columns of few different values."""
    written = {value: value.encode() for value in set(values)}
    return _joined(TEXTS, [written[value] for value in values])


def _numbers(kind: int, numbers: "NDArray[np.generic]") -> Column:
    elements = np.empty(len(numbers), [("length", ">i4"), ("value", numbers.dtype)])
    elements["length"], elements["value"] = numbers.itemsize, numbers
    return Column(_head(kind, len(numbers)) + elements.tobytes())


def _joined(kind: int, elements: Sequence[bytes]) -> Column:
    lengths = [struct.pack(">i", size) for size in range(1 + max(map(len, elements), default=0))]
    return Column(_head(kind, len(elements)) + b"".join([lengths[len(one)] + one for one in elements]))


def _head(kind: int, size: int) -> bytes:
    return struct.pack(">iiiii", 1, 0, kind, size, 1)
