"""Columns of values as PostgreSQL's arrays in its binary form, which it reads with less work than JSON.

The form is that of `array_send` in PostgreSQL's arrayfuncs.c: the number of dimensions, whether there are nulls, the
type of the elements, their number, the first index; then each element's length in bytes and the element, all
big-endian. A column has no nulls: what is missing is 0, and the statement makes it null.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)  # of PostgreSQL's timestamps
MICROSECOND: Final = timedelta(microseconds=1)
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


def integers(values: Sequence[int]) -> Column:
    """An integer[]. Raises OverflowError beyond 32 bits."""
    return _numbers(INTEGERS, np.array(values, ">i4"))


def reals(values: Sequence[float]) -> Column:
    """A real[]; what is beyond its range becomes infinite."""
    return _numbers(REALS, np.array(values, ">f4"))


def moments(values: Sequence[datetime]) -> Column:
    """A timestamptz[] of moments in any zone: microseconds since 2000."""
    return _numbers(MOMENTS, np.array([(moment - EPOCH) // MICROSECOND for moment in values], ">i8"))


def uuids(values: Sequence[UUID]) -> Column:
    """A uuid[]."""
    return _numbers(UUIDS, np.frombuffer(b"".join([value.bytes for value in values]), "V16"))


def texts(values: Sequence[str]) -> Column:
    """A text[]."""
    elements = [value.encode() for value in values]
    return Column(_head(TEXTS, len(elements)) + b"".join([struct.pack(">i", len(one)) + one for one in elements]))


def _numbers(kind: int, numbers: "NDArray[np.generic]") -> Column:
    elements = np.empty(len(numbers), [("length", ">i4"), ("value", numbers.dtype)])
    elements["length"], elements["value"] = numbers.itemsize, numbers
    return Column(_head(kind, len(numbers)) + elements.tobytes())


def _head(kind: int, size: int) -> bytes:
    return struct.pack(">iiiii", 1, 0, kind, size, 1)
