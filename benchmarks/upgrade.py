"""How long PostgreSQL's own upgrade takes with the product's tables: from 16 to 18, the two versions of the wheel.

RDS runs the same program, pg_upgrade, when it restores a snapshot into a newer major version; how long the restore
itself takes is Aurora's and not measured. Beside it, what moves the data instead: a dump and its restore. Times are CPU
seconds of all processes of a step, servers among them, so that other work on the machine does not count; reading and
writing is not in them. The database is synthetic: settled lists of thirty with .3 reactions, in weekly partitions. Each
upgraded database is verified.
"""

import argparse
import ctypes
import os
import resource
import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.verification import first_difference, rebuild
from psycopg.conninfo import conninfo_to_dict
from rich.console import Console

from benchmarks._path_ways import Product, prepare
from infra.local import postgres

RESULT: Final = Path(__file__).parent / "results" / "upgrade.md"
CONSOLE: Final = Console(stderr=True)
OLD, NEW = "pginstall", "pginstall18"
SET_CHILD_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER of <linux/prctl.h>
SERVER: Final = ("shared_buffers=512MB", "max_wal_size=8GB", "fsync=off", "autovacuum=off")
NAME: Final = "site"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """CPU seconds of each step for `lists` lists in a database of `megabytes`, with `relations` tables and indexes."""

    lists: int
    megabytes: float
    relations: int
    linked: float
    copied: float
    analysed: float
    dumped: float
    restored: float


def main(argv: Sequence[str]) -> int:
    """Measures, prints and saves the table in benchmarks/results."""
    parser = argparse.ArgumentParser(prog="./dev bench upgrade", description=__doc__)
    parser.add_argument("--lists", type=int, nargs="+", default=[0, 100_000, 300_000])
    arguments = parser.parse_args(argv)
    with software() as versions:
        measured: list[Upgrade] = []
        for lists in arguments.lists:
            measured.append(measure(versions, lists))
            CONSOLE.print(measured[-1])
        table = report(measured)
    RESULT.write_text(table)
    print(table)
    return 0


def measure(versions: Path, lists: int) -> Upgrade:
    """One database of the older version, upgraded in both ways, verified, and moved by a dump."""
    home = versions.parent / str(lists)
    home.mkdir(mode=0o755)
    postgres.own(home)
    dump = home / "dump"
    with CONSOLE.status(f"{lists:,} lists ..."):
        old, new = versions / OLD, versions / NEW
        with running(home / "old", old) as url:
            megabytes, relations = _fill(url, lists)
        with cpu() as dumped, running(home / "old", old) as url:
            _tool(old, "pg_dump", url, "-Fc", "-f", dump, NAME)
        copied = upgrade(versions, home / "old", home / "copied", "--copy")
        linked = upgrade(versions, home / "old", home / "linked", "--link")
        with cpu() as analysed, running(home / "linked", new) as url, _site(url) as connection:
            connection.execute("ANALYZE")
        with running(home / "linked", new) as url:
            _verify(url)
        with cpu() as restored, running(home / "linked", new) as url:
            _restore(new, url, dump)
    shutil.rmtree(home)
    return Upgrade(lists, megabytes, relations, linked, copied, analysed[0], dumped[0], restored[0])


@contextmanager
def software() -> Generator[Path]:
    """The wheel's two versions in a temporary folder that every user may enter, removed with all that is beside it."""
    wheel = postgres.wheel()
    with tempfile.TemporaryDirectory(prefix="bandit-upgrade-") as folder:
        Path(folder).chmod(0o711)
        for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
            shutil.copytree(part, Path(folder) / part.name, symlinks=True)
        yield Path(folder) / wheel.name


@contextmanager
def running(folder: Path, version: Path) -> Generator[str]:
    """The address of a server of this version with its files in `folder`."""
    before = os.environ.get("POSTGRES_BINARIES")
    os.environ["POSTGRES_BINARIES"] = str(version / "bin")
    try:
        server = postgres.start(folder, SERVER)
    finally:
        os.environ.pop("POSTGRES_BINARIES")
        if before:
            os.environ["POSTGRES_BINARIES"] = before
    try:
        yield server.url
    finally:
        server.stop()


def upgrade(versions: Path, old: Path, new: Path, way: str) -> float:
    """Makes a cluster of the newer version in `new` from the stopped one in `old`; returns pg_upgrade's seconds."""
    new.mkdir()
    postgres.own(new)
    password = new / "password"
    shutil.copy(old / "password", password)
    postgres.own(password)
    made = ("-U", "postgres", "--auth=scram-sha-256", f"--pwfile={password}", "--locale=C.UTF-8", "--encoding=UTF8")
    postgres.run(versions / NEW / "bin" / "initdb", "-D", new / "data", *made, "--no-data-checksums", "--no-sync")
    words = ["-b", versions / OLD / "bin", "-B", versions / NEW / "bin", "-d", old / "data", "-D", new / "data"]
    words += ["-U", "postgres", "--socketdir", new, "--no-sync", way]
    with cpu() as taken:
        program = versions / NEW / "bin" / "pg_upgrade"
        postgres.run(program, *words, folder=new, PGPASSWORD=password.read_text())
    return taken[0]


@contextmanager
def cpu() -> Generator[list[float]]:
    """Puts into the list the CPU seconds of all processes that began and ended within the block.

    pg_upgrade's servers leave their parents; Linux then gives them to this process, which waits for their end.
    """
    system, taken, others = ctypes.CDLL(None), list[float](), _children()
    before = _of_children()
    system.prctl(SET_CHILD_SUBREAPER, 1)
    yield taken
    for process in _children() - others:
        os.waitpid(process, 0)
    system.prctl(SET_CHILD_SUBREAPER, 0)
    taken.append(_of_children() - before)


def _children() -> set[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return {int(process) for one in lists for process in one.read_text().split()}


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(measured: Sequence[Upgrade]) -> str:
    """The table."""
    rows = [
        f"| {it.lists:,} | {it.megabytes:,.0f} | {it.relations} | {it.linked:.1f} | {it.copied:.1f}"
        f" | {it.analysed:.1f} | {it.dumped:.1f} | {it.restored:.1f} |"
        for it in measured
    ]
    return "\n".join(
        [
            "PostgreSQL 16 to 18: CPU seconds of all processes, servers among them (`./dev bench upgrade`). Synthetic"
            " lists of thirty;\nevery upgraded database is verified.",
            "",
            "| lists | MB | tables and indexes | `pg_upgrade --link` | `--copy` | ANALYZE | `pg_dump` | `pg_restore` |",
            "|--:|--:|--:|--:|--:|--:|--:|--:|",
            *rows,
            "",
        ]
    )


def _fill(url: str, lists: int) -> tuple[float, int]:
    """Makes the database; its size in MB, and its number of tables and indexes."""
    with connect(url, statement_seconds=0) as admin:
        admin.execute(f"CREATE DATABASE {NAME}".encode())
    with _site(url) as connection:
        prepare(Product(), connection, lists, datetime.now(UTC))
        rebuild(connection)
        ((megabytes, relations),) = connection.execute(
            "SELECT pg_database_size(current_database()) / 1e6::float8, (SELECT count(*) FROM pg_class WHERE relkind"
            " IN ('r', 'p', 'i', 'I') AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace))"
        ).fetchall()
    return float(megabytes), int(relations)


def _verify(url: str) -> None:
    with _site(url) as connection:
        wrong = first_difference(connection)
    if wrong:
        raise RuntimeError(f"The upgraded database does not verify: {wrong}")


def _site(url: str) -> Connection:
    return connect(f"{url.rpartition('/')[0]}/{NAME}", statement_seconds=0)


def _restore(version: Path, url: str, dump: Path) -> None:
    with connect(url, statement_seconds=0) as admin:
        admin.execute(b"CREATE DATABASE restored")
    _tool(version, "pg_restore", url, "-d", "restored", dump)


def _tool(version: Path, program: str, url: str, *words: object) -> None:
    at = conninfo_to_dict(url)
    postgres.run(
        version / "bin" / program,
        "-h",
        at["host"],
        "-p",
        at["port"],
        "-U",
        at["user"],
        *words,
        PGPASSWORD=str(at["password"]),
    )
