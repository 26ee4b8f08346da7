"""Takes the product out of a site's database: the site's table gets its name back, and everything of ours goes."""

from typing import Final

from psycopg import errors

from bandit_selector.errors import SiteRefused
from bandit_selector.store import inventory, site
from bandit_selector.store.connection import Connection
from bandit_selector.store.migrate import alone, in_use
from bandit_selector.store.roles import take_roles
from bandit_selector.store.site import EVENTS, SET_ASIDE

ADDED: Final = ("prior_alpha", "prior_beta", "archived_pulls", "archived_successes", "archived_failures")


def uninstall(connection: Connection, *, patience: float = 600.0) -> list[str]:
    """Removes everything of ours in one transaction; returns what it did, as sentences.

    Raises SiteRefused, with nothing changed, if an object of the site depends on one of ours, or this role owns none.
    """
    with alone(connection, patience), site.home(connection):
        done: list[str] = []

        def work() -> None:
            done[:] = _remove(connection)

        try:
            in_use(connection, "removing the tables", work, patience)
        except errors.DependentObjectsStillExist as error:
            detail = (error.diag.message_detail or "").replace("\n", "; ")
            raise SiteRefused(
                [f"An object of the site depends on Bandit Selector's: {detail}. Drop it first."]
            ) from None
        except errors.InsufficientPrivilege:
            owner, _ = site.owner(connection, "bandit_lists")
            raise SiteRefused(
                [f"The tables belong to {owner}, and only their owner can remove them: connect as {owner}."]
            ) from None
        return done


def _remove(connection: Connection) -> list[str]:
    aside, theirs = site.kind_of(connection, SET_ASIDE), _has_own_states(connection)
    take_roles(connection)
    _drop(connection, keep_states=theirs)
    done = ["The tables, views and functions of Bandit Selector are removed."]
    if aside == "table":
        connection.execute(f"ALTER TABLE {SET_ASIDE} RENAME TO {EVENTS}".encode())
        done.append(f"{SET_ASIDE} is {EVENTS} again, with every row that the site's application has written.")
    if theirs:
        removed = connection.execute("DELETE FROM bandit_states WHERE position('|' IN context_key) > 0").rowcount
        dropped = ", ".join(f"DROP COLUMN IF EXISTS {name}" for name in ADDED)
        connection.execute("DROP INDEX IF EXISTS bandit_states_own")
        connection.execute(f"ALTER TABLE bandit_states {dropped}".encode())
        done.append(f"bandit_states has the site's own rows and columns again; {removed} cells of ours are removed.")
    return done


def _has_own_states(connection: Connection) -> bool:
    """Whether `bandit_states` was the site's before: ours alone has not the index of the first step."""
    if site.kind_of(connection, "bandit_states") is None:
        return False
    row = connection.execute(
        "SELECT to_regclass('bandit_states_own') IS NOT NULL"
        " OR EXISTS (SELECT FROM bandit_states WHERE position('|' IN context_key) = 0)"
    ).fetchone()
    return bool(row and row[0])


def _drop(connection: Connection, *, keep_states: bool) -> None:
    """One statement for each kind: ours that depend on one another go together; one of a site's keeps them all."""
    made = inventory.made() | {"bandit_migrations": "TABLE", "bandit_site_rows": "VIEW"}
    if keep_states:
        made.pop("bandit_states")
    if site.kind_of(connection, EVENTS) != "view":
        made.pop(EVENTS)
    connection.execute("DROP TRIGGER IF EXISTS bandit_give_keys ON bandit_lists")
    functions = _functions(connection)
    for kind in ("VIEW", "TABLE", "SEQUENCE"):
        names = [name for name, its in made.items() if its == kind and site.kind_of(connection, name) is not None]
        if kind == "TABLE":  # triggers of tables use functions, and functions take rows of tables
            for signature in [one for one in functions if "trigger" not in one]:
                _without_dependents(connection, signature)
        if names:
            connection.execute(f"DROP {kind} IF EXISTS {', '.join(names)}".encode())
    for signature in functions:
        _without_dependents(connection, signature)


def _without_dependents(connection: Connection, signature: str) -> None:
    """Drops a routine if nothing depends on it now; the rest of the removal does, and then it goes."""
    try:
        with connection.transaction():
            connection.execute(f"DROP ROUTINE IF EXISTS {signature}".encode())
    except errors.DependentObjectsStillExist:
        return


def _functions(connection: Connection) -> list[str]:
    """The signatures of our functions in this schema."""
    rows = connection.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
        " AND proname = ANY(%s) ORDER BY prokind = 'f'",
        [inventory.functions()],
    )
    return [signature for (signature,) in rows]
