"""Updates the database's tables to the newest version; running it again changes nothing."""

import argparse

from bandit_selector.store.connection import Connection, named_failures
from bandit_selector.store.migrate import migrate

from infra.local.database import open_database

NEXT_STEPS = """
✨ Migration completed successfully!

Next steps:
1. Build the candidate lists: ./dev candidates
2. Start the service (./dev serve); the bandit selector will automatically start learning
3. Monitor performance with: ./dev monitor --days 7"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "DATABASE_URL names the database; without it, this checkout's own."


def run(arguments: argparse.Namespace) -> int:
    del arguments
    with open_database() as connection, named_failures():
        print("🎰 Adding bandit_states table for Thompson Sampling...")
        applied = migrate(connection)
        for step in applied:
            print(f"📊 Applied {step}")
        print("✅ bandit_states table with indexes is there" if applied else "✅ Nothing to do: every table is there")
        print(f"   ({_rows(connection)} learned cells kept)")
    print(NEXT_STEPS)
    return 0


def _rows(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM bandit_states").fetchone()
    return int(row[0]) if row else 0
