"""Columns of a batch in PostgreSQL's binary form, and the time in a message's id, as PostgreSQL reads them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from bandit_selector.store.columns import Column, bigints, integers, moments, reals, texts, uuids
from bandit_selector.store.connection import Connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SAME_DATABASE = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
ZERO = datetime(1970, 1, 1, tzinfo=UTC)


def moment(since: timedelta, minutes: int) -> datetime:
    return (ZERO + since).astimezone(timezone(timedelta(minutes=minutes)))


MOMENTS = st.builds(moment, st.timedeltas(timedelta(0), timedelta(days=376_000)), st.integers(-23 * 60, 23 * 60))
KINDS = {
    "bigint": (bigints, st.integers(-(2**63), 2**63 - 1)),
    "integer": (integers, st.integers(-(2**31), 2**31 - 1)),
    "real": (reals, st.integers(0, 10).map(lambda half: half / 2)),
    "timestamptz": (moments, MOMENTS),
    "uuid": (uuids, st.uuids()),
    "text": (texts, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)),
}


@pytest.mark.parametrize("kind", KINDS)
@SAME_DATABASE
@given(st.data())
def test_postgresql_reads_the_values_that_were_written(connection: Connection, kind: str, data: st.DataObject) -> None:
    write, values = KINDS[kind]
    written = data.draw(st.lists(values, max_size=50))
    assert read(connection, kind, write(written)) == written  # type: ignore[operator]


def read(connection: Connection, kind: str, column: Column) -> Any:
    row = connection.execute(f"SELECT %s::{kind}[]".encode(), [column]).fetchone()
    return row[0] if row else None


@SAME_DATABASE
@given(st.uuids(), st.integers(0, 2**48 - 1), st.integers(0, 15))
def test_a_messages_time_is_that_of_its_id_of_version_7(
    connection: Connection, random: UUID, milliseconds: int, version: int
) -> None:
    milliseconds %= 32_503_680_000_000  # the years that Python can read
    name = UUID(int=milliseconds << 80 | version << 76 | random.int % (1 << 76))
    row = connection.execute(
        "SELECT CASE WHEN isfinite(time) THEN time END FROM bandit_message_time(%s) AS time", [name]
    ).fetchone()
    carried = ZERO + timedelta(milliseconds=milliseconds)
    if version == 7 and carried.year > 2254:  # microseconds since 1970 no longer fit into a double
        assert row
        assert abs(row[0] - carried) <= timedelta(microseconds=8)
    else:
        assert row == (carried if version == 7 else None,)
