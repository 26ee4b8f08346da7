"""One operator's command an event, each written to the audit log before and after. Knows no steps of a command.

The commands are those of `./dev remote`; who may invoke this function may give them.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from time import sleep
from typing import Any, Final

from bandit_selector.errors import InvalidRequest
from bandit_selector.services.archive import safe_before
from bandit_selector.settings import Arm, Duration, Settings, read_settings
from bandit_selector.store.adoption import Wish
from bandit_selector.store.archives import bounds
from bandit_selector.store.arm_names import rename_arm
from bandit_selector.store.connection import Connection, Database, unit
from bandit_selector.store.credentials import database_url
from bandit_selector.store.migrate import migrate
from bandit_selector.store.retention import prune
from bandit_selector.store.roles import grant_roles
from bandit_selector.store.site_files import load_rows
from bandit_selector.store.verification import first_difference_of_all, rebuild
from bandit_selector.telemetry import Telemetry
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from functions.operate.files import lines_of

SETTINGS: Final = read_settings()
STATEMENT_SECONDS: Final = 840
DATABASE: Final = Database(
    lambda: database_url(SETTINGS), statement_seconds=STATEMENT_SECONDS, pooled=SETTINGS.database_pooled
)
TELEMETRY: Final = Telemetry("operate")


class Order(BaseModel):
    """The event: who asks (`caller`, an ARN), for which command, with which options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    caller: str = Field(min_length=1, description="the ARN of who asks, for the audit log")
    older_than: Duration | None = None
    without_archive: bool = False
    table: str = ""
    key: str = ""
    old: Arm = ""
    new: Arm = ""


Work = Callable[[Connection, Order, Settings], dict[str, Any]]


@TELEMETRY.handling
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The command's answer, JSON; raises InvalidRequest for an unknown one, and what the command raises."""
    return obey(event, SETTINGS, DATABASE)


def obey(event: dict[str, Any], settings: Settings, database: Database) -> dict[str, Any]:
    """Does one command and logs who asked for it, and how it ended."""
    order = _read(event)
    asked = order.model_dump(mode="json", exclude_defaults=True)
    TELEMETRY.logger.warning("An operator's command begins", order=asked)
    try:
        run = database.run_in_steps if order.command == "prune" else database.run
        done = run(lambda connection: COMMANDS[order.command](connection, order, settings))
    except Exception as error:
        TELEMETRY.logger.error("An operator's command failed", order=asked, exc_info=error)
        raise
    TELEMETRY.logger.warning("An operator's command is done", order=asked, done=done)
    return done


def _read(event: dict[str, Any]) -> Order:
    try:
        order = Order.model_validate(event)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        raise InvalidRequest(
            [{"field": str(fault["loc"][0]), "message": fault["msg"], "value": fault["input"]} for fault in faults]
        ) from None
    if order.command not in COMMANDS:
        known = f"must be one of {', '.join(COMMANDS)}"
        raise InvalidRequest([{"field": "command", "message": known, "value": order.command}])
    return order


def _verify(connection: Connection, _order: Order, settings: Settings) -> dict[str, Any]:
    wrong = first_difference_of_all(connection, settings.outcomes_change_for)
    return {"holds": wrong is None, "difference": wrong}


def _rebuild(connection: Connection, _order: Order, _settings: Settings) -> dict[str, Any]:
    return {"restored_cells": rebuild(connection)}


def _prune(connection: Connection, order: Order, settings: Settings) -> dict[str, Any]:
    """Whole UTC days, and nothing that the archive lacks unless the order says so."""
    day, _ = bounds((datetime.now(UTC) - (order.older_than or settings.keep_events)).date())
    with unit(connection):
        safe = day if order.without_archive else safe_before(connection, day)
    if safe < day:
        message = f"events from {safe:%Y-%m-%d} on are not archived; let archive run first, or say without_archive"
        raise InvalidRequest([{"field": "older_than", "message": message, "value": str(order.older_than)}])
    return {"dropped": list(prune(connection, day, sleep)), "before": day.isoformat()}


def _migrate(connection: Connection, _order: Order, settings: Settings) -> dict[str, Any]:
    return {
        "applied": migrate(connection, Wish(settings.site_time_zone.key), statement_seconds=STATEMENT_SECONDS),
        "roles": grant_roles(connection),
    }


def _import(connection: Connection, order: Order, settings: Settings) -> dict[str, Any]:
    """Rows of one of the site's tables from a CSV file in the bucket's folder imports/."""
    rows = load_rows(connection, order.table, lines_of(settings.report_bucket, order.key))
    grant_roles(connection)  # the functions' roles may read a table that is new
    return {"table": order.table, "rows": rows}


def _rename_arm(connection: Connection, order: Order, _settings: Settings) -> dict[str, Any]:
    return {"renamed": rename_arm(connection, order.old, order.new), "old": order.old, "new": order.new}


COMMANDS: Final[dict[str, Work]] = {
    "verify": _verify,
    "rebuild": _rebuild,
    "prune": _prune,
    "migrate": _migrate,
    "import": _import,
    "rename-arm": _rename_arm,
}
