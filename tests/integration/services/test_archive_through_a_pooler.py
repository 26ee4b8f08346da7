"""The archive's night through a pooler: each step is a transaction with its own settings, and leaves nothing behind."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bandit_selector.services import archive
from bandit_selector.services.archive import Shelf
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.verification import first_difference

from infra.local.postgres import Postgres
from tests.builders import EPOCH
from tests.integration.archived import OLD, archived, days_of, in_tables, lived, night
from tests.integration.pooler import pooler


@pytest.fixture(scope="module")
def pooled(server: Postgres, open_folder: Callable[[], Path]) -> Iterator[str]:
    with pooler(server.url, open_folder()) as url:
        yield url


def test_a_night_holds_no_lock_while_it_writes_files_and_leaves_no_setting(
    connection: Connection, database_url: str, pooled: str, kept: Shelf
) -> None:
    newest = connection.execute(
        "SELECT relname FROM pg_class WHERE relispartition AND relname ~ '_[0-9]{8}$'"
    ).fetchall()
    connection.execute(f"DROP TABLE {', '.join(name for (name,) in newest)}".encode())
    connection.execute("SELECT bandit_make_partitions(%s, %s)", [EPOCH, EPOCH + timedelta(days=14)])
    lived(connection, days_of(14, per_day=1))
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET DateStyle = 'German'".encode())
    locks: list[Any] = []

    def put(*day_and_lines: Any) -> Any:
        held = "SELECT relation::regclass::text FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation > 16384"
        locks.extend(connection.execute(held).fetchall())
        return kept.put(*day_and_lines)

    address = f"{pooled}/{database_url.rpartition('/')[2]}"
    with closing(Database(lambda: address, pooled=True, statement_seconds=7)) as database:
        done = database.run_in_steps(lambda one: night(one, replace(kept, put=put), OLD))
        assert sum(database.run_in_steps(lambda one: list(archive.forget(one, 1, kept, OLD)))) > 0
    assert (done.failures, len(done.days), locks) == ([], 14, [])
    assert done.partitions > 0
    assert "bandit_lists_20260223" in done.dropped
    assert len(archived(connection)) == 14
    assert in_tables(connection) == set()
    assert first_difference(connection) is None
    with connect(address, pooled=True) as plain:
        left = {plain.execute("SELECT current_setting('statement_timeout')").fetchone() for _ in range(4)}
    assert left == {("0",)}
