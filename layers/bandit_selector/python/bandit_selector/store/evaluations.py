"""The newest answer of `./dev evaluate`, kept for those who look at the dashboard. Decides nothing."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bandit_selector.store.connection import Connection


def keep(connection: Connection, answer: Mapping[str, object], now: datetime) -> None:
    """Keeps an answer in place of the one before; JSON has no infinity and no NaN, so these become null."""
    finite = json.loads(json.dumps(answer), parse_constant=lambda _: None)
    with connection.transaction():
        connection.execute("DELETE FROM bandit_evaluations")
        connection.execute("INSERT INTO bandit_evaluations VALUES (%s, %s::jsonb)", [now, json.dumps(finite)])


def newest(connection: Connection) -> tuple[datetime, dict[str, Any]] | None:
    row = connection.execute("SELECT made_at, answer FROM bandit_evaluations ORDER BY made_at DESC LIMIT 1").fetchone()
    return (row[0], row[1]) if row else None
