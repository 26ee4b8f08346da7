"""Runs a program that ends with its parent, as another user if asked. Uses the standard library alone.

usage: python -I -S leash.py SIGNAL PARENT USER COMMAND...   (USER '-' changes no user)

Linux sends SIGNAL to the program when the thread that started it ends, even by kill -9. Other systems send nothing.
"""

import ctypes
import os
import pwd
import signal
import sys
from typing import Final

SET_PARENT_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>


def command(words: list[str], *, ending: signal.Signals = signal.SIGKILL, user: str | None = None) -> list[str]:
    """The command line that runs `words` on a leash of this process."""
    return [sys.executable, "-I", "-S", __file__, str(int(ending)), str(os.getpid()), user or "-", *words]


def become(name: str) -> None:
    """Changes from root to the user `name` with its own group only."""
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def hold(ending: int) -> None:
    """Asks Linux to send this process the signal when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, ending)


def main(ending: str, parent: str, user: str, *words: str) -> None:
    if user != "-":
        become(user)
    hold(int(ending))
    if sys.platform == "linux" and os.getppid() != int(parent):  # it ended before the leash was on
        sys.exit(1)
    os.execv(words[0], words)  # noqa: S606 # no shell is the point


if __name__ == "__main__":
    main(*sys.argv[1:])
