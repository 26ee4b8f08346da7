"""Ticks the deployment guide's goals from the data: each with its figure, and met, not yet, or cannot be known."""

import argparse
import json

from bandit_selector.answers.shipping import GoalAnswer
from bandit_selector.services.shipping import read_goals, read_shadow
from bandit_selector.settings import read_settings

from infra.local import moment
from infra.local.database import open_database

EPILOG = """\
example:
  ./dev goals
  Week 1
    [x] Bandit table created and populated: 144 cells in bandit_states
    [ ] All algorithms have some pulls: 5 of 6 algorithms have outcomes; none yet: serendipity
    [?] No critical monitoring alerts: there is no report yet; ./dev monitor makes one

[x] met, [ ] not yet, [?] cannot be known from the data so far. While BANDIT=shadow: also what must hold before you go
live. A goal of a lift is met once its whole interval is.
"""
MARKS = {"met": "[x]", "not yet": "[ ]", "cannot be known": "[?]"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--json", action="store_true", help="one JSON array: stage, goal, state, figure")


def run(arguments: argparse.Namespace) -> int:
    settings, now = read_settings(), moment.now()
    with open_database() as connection:
        shadow = read_shadow(connection, settings, now) if settings.bandit == "shadow" else None
        found = [*(shadow.checks if shadow else ()), *map(GoalAnswer.of, read_goals(connection, settings, now))]
    print(json.dumps([one.model_dump() for one in found]) if arguments.json else as_text(found))
    return 0


def as_text(found: list[GoalAnswer]) -> str:
    """A checklist for a terminal."""
    lines: list[str] = []
    for stage in dict.fromkeys(one.stage for one in found):
        lines += [stage, *(f"  {MARKS[one.state]} {one.goal}: {one.figure}" for one in found if one.stage == stage)]
    return "\n".join(lines)
