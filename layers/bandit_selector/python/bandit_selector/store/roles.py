"""One database role a function: what it may read and write. Made and granted again by every migration."""

from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg import errors
from psycopg.sql import SQL, Composed, Identifier

from bandit_selector.store import inventory
from bandit_selector.store.connection import Connection

SITE: Final = ("movies", "ratings", "users")
OURS: Final = "^(bandit|experiment|feedback|monitor|recommendation)_|^movie_(popularity|neighbours)$"
"""The names of the product's own tables and views, as a regular expression."""
CHANGE: Final = "INSERT, UPDATE, DELETE"
MAINTAIN_SINCE: Final = 170_000  # the version of PostgreSQL that lets a role analyse a table that it does not own


@dataclass(frozen=True, slots=True)
class Role:
    """`reads` are tables beside its `writes`, which are privileges by table; `all_ours` reads every table of ours.

    `calls` are functions that do with the owner's rights what the role itself may not, by signature.
    """

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[tuple[str, LiteralString], ...] = ()
    sequences: tuple[str, ...] = ()
    all_ours: bool = False
    maintains: tuple[str, ...] = ()
    calls: tuple[LiteralString, ...] = ()


_LEARNED: Final = (
    *("feedback_events", "bandit_reactions", "bandit_states", "bandit_posteriors", "bandit_memory"),
    *("bandit_forgettings", "recommendation_hours", "experiment_days", "experiment_visitors"),
    *("experiment_contexts", "experiment_excess"),
    "recommendation_events_set_aside",
)
_COUNTING: Final[tuple[tuple[str, LiteralString], ...]] = (
    *((table, CHANGE) for table in _LEARNED),
    ("bandit_lists", "UPDATE"),
    ("bandit_unsettled", "DELETE"),
)
_COUNTERS: Final = ("bandit_states_id_seq", "bandit_posterior_version")
_LISTS: Final = ("recommendation_candidates", "bandit_candidates", "movie_popularity", "movie_neighbours")

ROLES: Final = {
    "select": Role(
        "bandit_select",
        reads=(
            *SITE,
            *("bandit_candidates", "bandit_posteriors", "bandit_states", "bandit_lists", "bandit_reactions"),
            *("bandit_shares", "movie_popularity", "movie_neighbours"),
        ),
        writes=(
            *(("bandit_lists", "INSERT"), ("bandit_unsettled", "INSERT"), ("bandit_phases", "INSERT")),
            *(("bandit_shadows", "INSERT"), ("bandit_requests", "INSERT")),
        ),
        sequences=("bandit_list_number",),
    ),
    "feedback": Role("bandit_feedback", writes=_COUNTING, sequences=_COUNTERS, all_ours=True),
    "settle": Role(
        "bandit_settle",
        reads=SITE,
        writes=(
            *_COUNTING,
            *((table, CHANGE) for table in ("bandit_site_ratings", "bandit_inbox")),
            *((table, CHANGE) for table in ("bandit_site_days", "bandit_site_hours", "bandit_site_arms")),
            *((table, CHANGE) for table in ("bandit_shadow_days", "bandit_shadow_arms")),
            *(
                (f"{parent}_default", "UPDATE")
                for parent in ("bandit_lists", "bandit_reactions", "feedback_events", "bandit_shadows")
            ),
            ("bandit_shares", "INSERT"),
            *(("bandit_looks", "UPDATE"), ("bandit_requests", "DELETE")),
            ("monitor_mails", "INSERT, UPDATE"),
        ),
        sequences=(*_COUNTERS, "bandit_shares_id_seq", "monitor_mails_id_seq"),
        all_ours=True,
        calls=("bandit_make_partitions(timestamptz, timestamptz)",),  # for which it locks the default tables
    ),
    "monitor": Role(
        "bandit_monitor",
        reads=SITE,
        writes=(
            *((table, CHANGE) for table in ("monitor_reports", "monitor_incidents", "monitor_mails")),
            ("bandit_retention", "UPDATE"),
            *(("experiment_bounds", CHANGE), ("experiment_excess", CHANGE), ("bandit_plans", "INSERT")),
            *(("experiment_backgrounds", "INSERT"), ("experiment_background_sums", "INSERT, UPDATE")),
            ("bandit_adjustments", "INSERT"),
        ),
        sequences=("monitor_mails_id_seq",),
        all_ours=True,
    ),
    "analytics": Role("bandit_analytics", reads=SITE, all_ours=True),
    "candidates": Role(
        "bandit_builder", reads=SITE, writes=tuple((table, CHANGE) for table in _LISTS), maintains=_LISTS
    ),
}
"""By function. Those that are not here make or drop tables, so they are the owner: migrate, archive, operate."""


def open_functions() -> str:
    """SQL that lets everybody call our functions, which act with their caller's rights: views and statements need them.

    PostgreSQL does so by itself, unless an owner's default privileges withhold it.
    """
    return f"""DO $open$ DECLARE routine text; BEGIN
    FOR routine IN
        SELECT oid::regprocedure::text FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND NOT prosecdef AND pg_has_role(proowner, 'USAGE')
            AND proname = ANY ('{{{",".join(inventory.functions())}}}')
            AND NOT has_function_privilege('public', oid, 'EXECUTE')
    LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', routine);
    END LOOP;
END $open$"""  # noqa: S608 # our own names


def role_of(function: str) -> str:
    """The role that a function acts as; empty for one that is the owner."""
    return ROLES[function].name if function in ROLES else ""


def grant_roles(connection: Connection) -> bool:
    """Makes the roles and gives each exactly its rights; False, and nothing is changed, where this user may not.

    Tables that do not exist are passed over, so this is run again once the site's own tables are there. A role without
    a password logs in by IAM only; where there is no IAM, a session of this user becomes the role (`SET ROLE`).
    """
    try:
        with connection.transaction():
            for role in ROLES.values():
                _make(connection, role.name)
                _take_all(connection, role.name)
                _give(connection, role)
    except (errors.InsufficientPrivilege, errors.InvalidGrantOperation):
        return False
    return True


def take_roles(connection: Connection) -> None:
    """Takes every right in this schema from the roles. They themselves are the whole server's, and stay."""
    rows = connection.execute(
        "SELECT current_schema()::text, rolname FROM pg_roles WHERE rolname = ANY(%s)",
        [[role.name for role in ROLES.values()]],
    )
    for schema, name in rows.fetchall():
        _take_all(connection, name)
        connection.execute(SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(Identifier(schema), Identifier(name)))


def _make(connection: Connection, name: str) -> None:
    """The role, for this user to become, and for IAM where the server knows it. Roles are the whole server's."""
    known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    if name not in known:
        try:
            with connection.transaction():
                connection.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(name)))
        except (errors.DuplicateObject, errors.UniqueViolation):
            pass  # another database of this server is migrated at the same moment
    if not _may_become(connection, name):
        connection.execute(SQL("GRANT {} TO CURRENT_USER").format(Identifier(name)))
    if "rds_iam" in known:
        connection.execute(SQL("GRANT rds_iam TO {}").format(Identifier(name)))


def _may_become(connection: Connection, name: str) -> bool:
    row = connection.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", [name]).fetchone()
    return bool(row and row[0])


def _take_all(connection: Connection, name: str) -> None:
    """A right that a former version gave ends with it."""
    rows = connection.execute(
        """
        SELECT c.relname FROM pg_class AS c
        WHERE c.relnamespace = current_schema()::regnamespace
            AND EXISTS (SELECT FROM aclexplode(c.relacl) AS given WHERE given.grantee = %s::regrole)
        """,
        [name],
    )
    for (table,) in rows.fetchall():
        connection.execute(SQL("REVOKE ALL ON {} FROM {}").format(Identifier(table), Identifier(name)))
    called = connection.execute(
        """
        SELECT p.oid::regprocedure::text FROM pg_proc AS p
        WHERE p.pronamespace = current_schema()::regnamespace
            AND EXISTS (SELECT FROM aclexplode(p.proacl) AS given WHERE given.grantee = %s::regrole)
        """,
        [name],
    )
    for (function,) in called.fetchall():
        connection.execute(f"REVOKE ALL ON FUNCTION {function} FROM {name}".encode())


def _give(connection: Connection, role: Role) -> None:
    """Raises InsufficientPrivilege if the role cannot read everything then: PostgreSQL only warns of a vain grant."""
    ours = _tables(connection) if role.all_ours else set[str]()
    readable = _existing(connection, {*role.reads, *(table for table, _ in role.writes), *ours})
    for statement in _grants(connection, role, readable):
        connection.execute(statement)
    rows = connection.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE NOT has_table_privilege(%s, quote_ident(name), 'SELECT')",
        [sorted(readable), role.name],
    )
    refused = [row[0] for row in rows.fetchall()]
    if refused:
        raise errors.InsufficientPrivilege(f"{role.name} may not read {', '.join(refused)}")


def _grants(connection: Connection, role: Role, readable: set[str]) -> list[Composed]:
    name = Identifier(role.name)
    grant = SQL("GRANT {} ON {} TO {}")
    maintained = role.maintains if connection.info.server_version >= MAINTAIN_SINCE else ()
    row = connection.execute("SELECT current_schema()").fetchone()
    schema = Identifier(str(row[0]) if row else "public")
    return [
        SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, name),
        *(grant.format(SQL("SELECT"), Identifier(table), name) for table in sorted(readable)),
        *(grant.format(SQL(right), Identifier(table), name) for table, right in role.writes if table in readable),
        *(
            SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(Identifier(sequence), name)
            for sequence in sorted(_existing(connection, {*role.sequences}))
        ),
        *(
            SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(SQL(function), name)
            for function in _callable(connection, role.calls)
        ),
        *(
            grant.format(SQL("MAINTAIN"), Identifier(table), name)
            for table in sorted(_existing(connection, {*maintained}))
        ),
    ]


def _tables(connection: Connection) -> set[str]:
    """The tables and views of ours; of the partitions the default ones, which are never dropped."""
    rows = connection.execute(
        """
        SELECT relname FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v')
            AND (NOT relispartition OR relname ~ '_default$') AND relname ~ %s
        """,
        [OURS],
    )
    return {row[0] for row in rows.fetchall()}


def _callable(connection: Connection, signatures: tuple[LiteralString, ...]) -> list[LiteralString]:
    """Those of the functions that the search path finds."""
    rows = connection.execute(
        "SELECT signature FROM unnest(%s::text[]) AS signature WHERE to_regprocedure(signature) IS NOT NULL",
        [[*signatures]],
    )
    found = {row[0] for row in rows.fetchall()}
    return [signature for signature in signatures if signature in found]


def _existing(connection: Connection, names: set[str]) -> set[str]:
    """Those of the names that the search path finds."""
    rows = connection.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL", [list(names)]
    )
    return {row[0] for row in rows.fetchall()}
