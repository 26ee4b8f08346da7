"""What a migration would do, as sentences, and as SQL for a person with more rights. Reads; changes nothing."""

from collections.abc import Iterator

from bandit_selector.store import adoption, site
from bandit_selector.store.adoption import Wish
from bandit_selector.store.connection import Connection
from bandit_selector.store.migrate import ADOPTED, LOCK_WAIT, pending, refusals, script
from bandit_selector.store.roles import open_functions
from bandit_selector.store.site import EVENTS, SET_ASIDE
from bandit_selector.store.site_shape import quoted, text


def plan(connection: Connection, wish: Wish) -> Iterator[str]:
    """Each thing that `migrate` would do, and each thing to know before; then what keeps it from being done."""
    missing, due = pending(connection), adoption.statements(connection, wish)
    if not missing and not due:
        yield "Nothing to do: every table is there."
    if missing:
        place = site.schema(connection) or "public"
        yield f"Make Bandit Selector's tables in the schema {place}: {len(missing)} steps."
    if site.kind_of(connection, "bandit_states") is not None and "0001_guide_tables.sql" in missing:
        yield "Add five columns with constant defaults to bandit_states; no row is rewritten."
    if due:
        yield from _view(connection, wish)
    for reason in refusals(connection, missing, wish):
        yield f"Not possible yet: {reason}"


def _view(connection: Connection, wish: Wish) -> Iterator[str]:
    first = adoption.is_due(connection)
    table = EVENTS if first else SET_ASIDE
    if first:
        yield f"Rename {EVENTS} to {SET_ASIDE}: its rows, indexes, triggers and grants stay as they are."
    yield f"Make the view {EVENTS} over it and our lists, with its columns, types, defaults and grants."
    names = [column for column in site.columns(connection, table) if column.type == "timestamp without time zone"]
    if names:
        yield f"Its moments have no time zone; they are read as {wish.zone} (SITE_TIME_ZONE)."
    for role in site.column_writers(connection, table):
        yield (
            f"The role {role} may write some columns of {table} and not all, too little for what writes through"
            f" the view: GRANT INSERT, UPDATE ON {table} TO {role}."
        )
    for dependent in site.dependents(connection, table):
        yield _advice(dependent)


def _advice(dependent: site.Dependent) -> str:
    if dependent.kind == "view":
        return (
            f"The view {dependent.name} follows the renamed table and will not have our rows: make it again after the"
            f" migration (CREATE OR REPLACE VIEW with the same query) if it should."
        )
    return (
        f"The foreign key {dependent.name} follows the renamed table: a row that names one of our impressions is"
        " refused. Drop the constraint if such rows are to come."
    )


def sql(connection: Connection, wish: Wish) -> Iterator[str]:
    """The migration as a script for psql, to be run by the tables' owner; it grants this connection's role its use.

    A step that cannot get a lock within LOCK_WAIT fails as a whole; run again from its beginning, the script goes on
    from there.
    """
    row = connection.execute("SELECT current_user").fetchone()
    role, place = quoted(str(row[0]) if row else ""), site.schema(connection) or "public"
    yield "\\set ON_ERROR_STOP on"
    yield f"SET search_path = {place}, {site.search_path(connection)};\nSET lock_timeout = {text(LOCK_WAIT)};"
    yield (
        "CREATE TABLE IF NOT EXISTS bandit_migrations"
        " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());"
    )
    for step in pending(connection):
        done = f"SELECT FROM bandit_migrations WHERE name = {text(step)}"
        yield _unless(done, f"{script(step)}\nINSERT INTO bandit_migrations (name) VALUES ({text(step)});")
    if due := adoption.statements(connection, wish):
        yield f"-- {ADOPTED}\n" + _unless(adoption.is_made(connection, wish), ";\n".join(due))
    yield from (f"{grant};" for grant in [open_functions(), *adoption.use_by(role, place)])


def _unless(done: str, work: str) -> str:
    """The work as one statement, for which nothing is to do where the query `done` finds a row."""
    return f"DO $once$ BEGIN\nIF NOT EXISTS ({done}) THEN\nEXECUTE $work$\n{work}\n$work$;\nEND IF;\nEND $once$;"
