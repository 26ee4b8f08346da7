"""Asks before something that cannot be undone."""

import sys


def agreed(question: str, said_already: bool) -> bool:
    """Whether the operator says yes; without a terminal only `--yes` counts."""
    if said_already:
        return True
    if not sys.stdin.isatty():
        print(f"{question} Say so with --yes; nothing was changed.", file=sys.stderr)
        return False
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
