"""Runs commands of `./dev` one after another, each in a process of its own that starts in a few milliseconds.

One process imports everything once and forks for each command. Must not know what a command does.
"""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PRELOADED: Final = """
import gc, json, os, sys, tempfile, traceback
from importlib import import_module
import boto3, rich.console, rich.table
from infra.local import __main__ as door
for name in door.names():
    import_module("infra.local.commands." + name.replace("-", "_"))

def child(asked, out, err):
    os.environ.update(asked["settings"])
    if asked["reader_gone"]:
        gone, out = os.pipe()
        os.close(gone)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    status = door.run(asked["words"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the end of a whole interpreter would cost a second

gc.freeze()
for line in sys.stdin:
    asked = json.loads(line)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = os.fork()
        if process == 0:
            try:
                child(asked, out.fileno(), err.fileno())
            except BaseException:
                traceback.print_exc()
            os._exit(99)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    print(json.dumps([code, *texts]), file=sys.__stdout__, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Shell:
    """Asks the process that forks."""

    process: "subprocess.Popen[str]"

    def say(
        self, *words: str, settings: Mapping[str, str] | None = None, reader_gone: bool = False
    ) -> tuple[int, str, str]:
        """(exit code, output, errors) of one command."""
        asked = {"words": words, "settings": dict(settings or {}), "reader_gone": reader_gone}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        code, out, err = json.loads(self.process.stdout.readline())
        return code, out, err


@contextmanager
def shell(checkout: Path) -> Generator[Shell]:
    """A shell in a checkout, whose service's files are there."""
    quiet = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "COLUMNS"}}
    process = subprocess.Popen(
        [sys.executable, "-c", PRELOADED],
        cwd=checkout,
        env=quiet,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Shell(process)
    finally:
        process.communicate()
