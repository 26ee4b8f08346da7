"""The sample catalogue of a first start: the synthetic world's, and its candidate lists."""

from datetime import UTC, datetime
from typing import Final

from bandit_selector.store.connection import connect

from infra.local import site
from infra.local.demo.world import synthetic
from infra.local.installation import Installation

SEED: Final = 1


async def fill(service: Installation) -> None:
    """Loads the sample and builds its candidate lists if the site has no users yet; else changes nothing."""
    with connect(service.addresses.database, statement_seconds=0) as connection:
        if connection.execute("SELECT 1 FROM users LIMIT 1").fetchone():
            return
        print("Loading the sample catalogue and building its candidate lists ...", flush=True)
        site.load(connection, synthetic(SEED).catalogue)
    await service.invoke("candidates", {"time": datetime.now(UTC).isoformat()})
