"""Runs once per deployment, before any function that needs the tables; an error here fails the deployment."""

from typing import Any, Final

from bandit_selector.settings import read_settings
from bandit_selector.store.adoption import Wish
from bandit_selector.store.connection import WAKING_SECONDS, connect, unit
from bandit_selector.store.credentials import database_url
from bandit_selector.store.migrate import migrate
from bandit_selector.store.roles import grant_roles
from bandit_selector.store.site import absences
from bandit_selector.telemetry import Telemetry

TELEMETRY: Final = Telemetry("migrate")

STATEMENT_SECONDS: Final = 180
"""Shorter than the function's own time, so that the server has let go of every lock when the deployment gives up."""
ONE_ROLE: Final = (
    "This user may not make database roles, so every function works with this user's rights. To give each its own, let"
    " an administrator grant CREATEROLE and the tables of the site, then deploy again."
)

PATIENCE_SECONDS: Final = 240.0  # of the function's five minutes


@TELEMETRY.handling
def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The names of the migrations applied just now, whether each function has a role of its own, and what is missing.

    A new database has none of the site's tables yet, so that they are missing is no failure of the deployment.
    """
    settings = read_settings()
    url = database_url(settings)
    with (
        connect(
            url, statement_seconds=0, pooled=settings.database_pooled, connect_seconds=WAKING_SECONDS
        ) as connection,
        unit(connection),
    ):
        wish = Wish(settings.site_time_zone.key)
        applied = migrate(connection, wish, patience=PATIENCE_SECONDS, statement_seconds=STATEMENT_SECONDS)
        missing = absences(connection)
        for sentence in missing:
            TELEMETRY.logger.warning(sentence)
        return {"applied": applied, "roles": "" if grant_roles(connection) else ONE_ROLE, "missing": missing}
