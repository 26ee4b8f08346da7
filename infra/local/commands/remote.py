"""Runs an operator's command inside a deployment: verify, rebuild, prune, migrate, import, rename-arm, forget-user."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.credentials import shell_session
from infra.deployed import Deployment
from infra.local.consent import agreed
from infra.local.errors import WrongUsage
from infra.local.options import USER

EXAMPLE = "./dev remote verify --stack bandit-selector-prod"
ASKS = {
    "rebuild": "Replace the learned counts by those of the recorded events?",
    "prune": "Drop the events that are older?",
    "forget-user": "Erase everything recorded about this user?",
    "rename-arm": "Rename this arm in every table? All its lists are rewritten.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    orders = ("verify", "rebuild", "prune", "migrate", "import", "rename-arm", "forget-user")
    parser.add_argument("order", choices=orders)
    parser.add_argument(
        "what",
        nargs="*",
        help="for forget-user the user's id; for import CSV files of users, movies, ratings; for rename-arm both names",
    )
    parser.add_argument("--stack", required=True, help="the deployment: bandit-selector-prod")
    parser.add_argument("--older-than", metavar="90d", help="for prune; without it KEEP_EVENTS")
    parser.add_argument("--without-archive", action="store_true", help="for prune: drop what no archive holds, too")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.epilog = (
        "Your AWS identity must be allowed to invoke the deployment's functions; each command is logged with it."
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.order in ASKS and not agreed(ASKS[arguments.order], arguments.yes):
        return 1
    deployment = Deployment.find(shell_session(), arguments.stack)
    answers = _ordered(deployment, arguments)
    for answer in answers:
        print(json.dumps(answer, indent=2))
    return int(any(answer.get("holds") is False for answer in answers))


def _ordered(deployment: Deployment, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    if arguments.order == "import":
        return [_import(deployment, Path(name)) for name in arguments.what]
    if arguments.order == "forget-user":
        return [_forget(deployment, user) for user in arguments.what]
    if arguments.order == "rename-arm":
        return [_rename(deployment, arguments.what)]
    options = {"older_than": arguments.older_than} if arguments.older_than else {}
    options |= {"without_archive": True} if arguments.without_archive else {}
    return [deployment.operate(arguments.order, **options)]


def _forget(deployment: Deployment, user: str) -> dict[str, Any]:
    try:
        number = USER(user)
    except argparse.ArgumentTypeError as error:
        raise WrongUsage(str(error)) from error
    return deployment.invoke("ArchiveFunction", {"forget_user": number, "caller": deployment.caller})


def _rename(deployment: Deployment, names: Sequence[str]) -> dict[str, Any]:
    if len(names) != 2:
        raise WrongUsage(f"rename-arm takes the old name and the new one; got {' '.join(names) or 'none'}.")
    return deployment.operate("rename-arm", old=names[0], new=names[1])


def _import(deployment: Deployment, file: Path) -> dict[str, Any]:
    """Uploads a file, whose name is its table's, and appends its rows."""
    if not file.is_file():
        raise WrongUsage(f"There is no file {file}; name CSV files whose first line has the columns, like users.csv.")
    key = f"imports/{file.name}"
    deployment.upload(file, key)
    return deployment.operate("import", table=file.stem, key=key)
