"""./dev export writes any day, also a dropped one; ./dev prune loses nothing without being told to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from bandit_selector.store.archives import COLUMNS
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import settle

from infra.local import __main__ as door
from tests.builders import EPOCH, RULE, show
from tests.integration.archived import days_of, lived

FIRST = EPOCH.date()


@pytest.fixture(autouse=True)
def _here(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] # autouse
    monkeypatch.setenv("DATABASE_URL", database_url)


def rows(files: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as duck:
        return duck.read_parquet(files, hive_partitioning=False).order("event_id").fetchall()


def tables(connection: Connection) -> list[tuple[object, ...]]:
    columns = ", ".join(COLUMNS)
    return connection.execute(f"SELECT {columns} FROM bandit_archive_rows ORDER BY event_id".encode()).fetchall()  # noqa: S608


def test_days_are_written_into_one_file_or_a_folder(connection: Connection, tmp_path: Path) -> None:
    lived(connection, days_of(3))
    span = ["--from", f"{FIRST}", "--until", f"{FIRST + timedelta(days=2)}"]
    assert door.main(["export", *span, "--to", f"{tmp_path}/all.parquet"]) == 0
    assert door.main(["export", *span, "--to", f"{tmp_path}/days"]) == 0
    assert rows(f"{tmp_path}/all.parquet") == rows(f"{tmp_path}/days/*/*.parquet") == tables(connection)
    assert [path.name for path in sorted((tmp_path / "days").iterdir())] == [
        f"date={FIRST + timedelta(days=number)}" for number in range(3)
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"all.parquet", "days"}


def test_a_day_that_is_not_over_is_exported_as_it_is(connection: Connection, tmp_path: Path) -> None:
    show(connection, days_of(1))
    assert door.main(["export", "--from", f"{FIRST}", "--to", f"{tmp_path}/day.parquet"]) == 0
    assert rows(f"{tmp_path}/day.parquet") == tables(connection)


def test_an_export_the_wrong_way_round_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", "--from", "2026-03-02", "--until", "2026-03-01", "--to", "nothing"]
    assert door.main(words) == 1
    assert "2026-03-01 is before --from 2026-03-02" in capsys.readouterr().err


def test_a_dropped_day_needs_its_bucket(
    connection: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.execute("INSERT INTO bandit_archives VALUES (%s, 12, '[]', now())", [FIRST])
    assert door.main(["export", "--from", f"{FIRST}", "--to", f"{tmp_path}/day.parquet"]) == 1
    assert "REPORT_BUCKET" in capsys.readouterr().err


def test_pruning_is_refused_until_the_days_are_archived(
    connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    old = datetime.now(UTC) - timedelta(days=100)
    show(connection, days_of(1, at=old))
    settle(connection, datetime.now(UTC), RULE, datetime.now(UTC), 100)
    assert door.main(["prune", "--yes"]) == 1
    assert f"Events from {old:%Y-%m-%d} on are not archived" in capsys.readouterr().err
    assert len(tables(connection)) == 12
    assert door.main(["prune", "--yes", "--without-archive"]) == 0
    assert tables(connection) == []


def test_a_visitor_is_forgotten_without_any_archive(connection: Connection) -> None:
    lived(connection, days_of(1))
    assert door.main(["forget-user", "1", "--yes"]) == 0
    assert len(tables(connection)) == 8


def test_a_visitor_is_not_forgotten_in_the_tables_alone(
    connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    lived(connection, days_of(1))
    connection.execute("INSERT INTO bandit_archives VALUES (%s, 12, '[]', now())", [FIRST])
    assert door.main(["forget-user", "1", "--yes"]) == 1
    assert "REPORT_BUCKET" in capsys.readouterr().err
    assert len(tables(connection)) == 12
