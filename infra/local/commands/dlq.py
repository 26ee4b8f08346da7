"""Lists the dead letters with the reason why each failed, or sends them to the feedback queue again."""

import argparse
import json
from typing import Any

from bandit_selector.errors import InvalidMessage
from bandit_selector.feedback import read_message

from infra.local.queues import named_failures, open_queues, peek, replay

EXAMPLE = "./dev dlq list"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "replay"))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    with named_failures():
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    queues = open_queues()
    if arguments.action == "replay":
        print(f"{replay(queues):,} dead letters are in the feedback queue again.")
        return 0
    letters = [describe(letter) for letter in peek(queues)]
    for letter in letters:
        print(json.dumps(letter) if arguments.json else f"{letter['sent']}  {letter['reason']}\n    {letter['body']}")
    if not arguments.json:
        print(f"{len(letters):,} dead letters." if letters else "There are no dead letters.")
    return 0


def describe(letter: dict[str, Any]) -> dict[str, str]:
    """When the letter was sent, why the consumer would refuse it, and its text."""
    read = read_message(letter["Body"])
    reason = str(read) if isinstance(read, InvalidMessage) else "It can be read now; replay it."
    return {"sent": letter["Attributes"]["SentTimestamp"], "reason": reason, "body": letter["Body"]}
