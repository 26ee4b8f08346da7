"""A real PgBouncer in transaction mode in front of the tests' PostgreSQL; skipped where it is not installed."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from psycopg.conninfo import conninfo_to_dict

from infra.local.postgres import free_port

PROGRAM: Final = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SESSIONS: Final = 2
"""Of the server behind it: transactions of one client change between them."""


@contextmanager
def pooler(url: str, folder: Path) -> Generator[str]:
    """The address of a pooler in front of the server at `url`, for all its databases."""
    if PROGRAM is None:
        pytest.skip("no pgbouncer is installed; `apt-get install pgbouncer` brings it")
    port, server = free_port(), conninfo_to_dict(url)
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        "[databases]\n"
        f"* = host={server['host']} port={server['port']} user={server['user']} password={server['password']}\n"
        "[pgbouncer]\n"
        f"listen_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\nauth_type=any\n"
        f"pool_mode=transaction\ndefault_pool_size={SESSIONS}\nserver_round_robin=1\n"
    )
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # it refuses to run as root
    running = subprocess.Popen(
        [PROGRAM, "-q", configuration],
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port)
        yield f"postgresql://visitor@127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, "PgBouncer did not start"
            time.sleep(0.02)
        else:
            return
