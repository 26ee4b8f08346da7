"""A migration whose process stops half-way leaves no lock behind: the server ends its session by itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock
from bandit_selector.store.migrate import migrate

FROZEN = """
import sys
from bandit_selector.store.connection import connect
from bandit_selector.store import migrate as it
def half_way(connection, step, work, patience, seconds):
    with connection.transaction():
        connection.execute("LOCK TABLE bandit_states IN ACCESS EXCLUSIVE MODE")
        print("locked", flush=True)
        sys.stdin.read()
it.in_use = half_way
it.pending = lambda connection: ["9999_never.sql"]
it.migrate(connect(sys.argv[1], statement_seconds=0), statement_seconds=1)
"""


def test_a_process_that_stands_still_holds_no_lock_for_long(database_url: str, connection: Connection) -> None:
    command = [sys.executable, "-c", FROZEN, database_url]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"locked\n"
        os.kill(process.pid, signal.SIGSTOP)  # as Lambda freezes a function that ran out of time
        try:
            assert locks(connection) > 0
            assert becomes(lambda: locks(connection) == 0)
            assert migrate(connection) == []  # nobody holds the migration's own lock either
        finally:
            os.kill(process.pid, signal.SIGKILL)


def locks(connection: Connection) -> int:
    """Sessions that hold the lock of migrations, or a table's."""
    row = connection.execute(
        "SELECT count(DISTINCT pid) FROM pg_locks WHERE pid <> pg_backend_pid() AND granted"
        " AND (objid = %s AND locktype = 'advisory' OR mode = 'AccessExclusiveLock' AND locktype = 'relation')",
        [Lock.MIGRATE],
    ).fetchone()
    return row[0] if row else 0


def becomes(true: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.2)
    return False
