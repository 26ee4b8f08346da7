"""Runs once per deployment, before any function that needs the tables; an error here fails the deployment."""

from typing import Any, Final

from bandit_selector.settings import read_settings
from bandit_selector.store.adoption import Wish
from bandit_selector.store.connection import connect, unit
from bandit_selector.store.credentials import database_url
from bandit_selector.store.migrate import migrate

PATIENCE_SECONDS: Final = 240.0  # of the function's five minutes


def handler(_event: dict[str, Any], _context: object) -> dict[str, list[str]]:
    """The names of the migrations applied just now; none when the tables were up to date."""
    settings = read_settings()
    with (
        connect(database_url(settings), statement_seconds=0, pooled=settings.database_pooled) as connection,
        unit(connection),
    ):
        wish = Wish(settings.site_time_zone.key)
        return {"applied": migrate(connection, wish, patience=PATIENCE_SECONDS)}
