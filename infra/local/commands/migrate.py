"""Updates the database's tables to the newest version; running it again changes nothing."""

import argparse

from bandit_selector.settings import read_settings
from bandit_selector.store.adoption import Wish
from bandit_selector.store.connection import Connection, named_failures
from bandit_selector.store.migrate import migrate
from bandit_selector.store.migration_plan import plan, sql
from bandit_selector.store.site import require_site

from infra.local.database import open_database

EXAMPLE = "DATABASE_URL=postgresql://localhost/site ./dev migrate --plan"
NEXT_STEPS = """
✨ Migration completed successfully!

Next steps:
1. Build the candidate lists: ./dev candidates
2. Start the service (./dev serve); the bandit selector will automatically start learning
3. Monitor performance with: ./dev monitor --days 7"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--plan", action="store_true", help="say what would be done, and change nothing")
    shown.add_argument("--sql", action="store_true", help="print a script for the tables' owner, and change nothing")
    beside = parser.add_mutually_exclusive_group()
    beside.add_argument("--beside", action="store_true", help="the site's own application writes events (the default)")
    beside.add_argument("--alone", action="store_true", help="it does no longer: give our impressions no further keys")
    parser.epilog = "DATABASE_URL names the database; without it, this checkout's own. See docs/adopting.md."


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    wish = Wish(settings.site_time_zone.key, True if arguments.beside else False if arguments.alone else None)
    with open_database() as connection, named_failures():
        if settings.database_url:
            require_site(connection)
        if arguments.plan:
            print("\n".join(f"- {sentence}" for sentence in plan(connection, wish)))
        elif arguments.sql:
            print("\n\n".join(sql(connection, wish)))
        else:
            _migrate(connection, wish)
    return 0


def _migrate(connection: Connection, wish: Wish) -> None:
    print("🎰 Adding bandit_states table for Thompson Sampling...")
    applied = migrate(connection, wish)
    if applied:
        print("📊 Creating bandit_states table...")
    for step in applied:
        print(f"   Applied {step}")
    print("✅ Created bandit_states table with indexes" if applied else "✅ Nothing to do: every table is there")
    print(f"   ({_rows(connection)} learned cells kept)")
    print(NEXT_STEPS)


def _rows(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM bandit_states").fetchone()
    return int(row[0]) if row else 0
