"""What a site's database has: its tables where its own search path finds them, and what depends on them. Reads only."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from psycopg import DataError, IntegrityError, errors

from bandit_selector.errors import SiteRefused
from bandit_selector.store.connection import Connection

NEEDED: Final = ("users", "movies", "ratings")
EVENTS: Final = "recommendation_events"
SET_ASIDE: Final = "recommendation_events_site"
QUOTED: Final = re.compile(r"'(?:[^']|'')*'")
CALLS: Final = re.compile(r"\(|\b(?:CURRENT|LOCAL|SESSION)[A-Z_]+|\bUSER\b")
"""What is not the same at each reading: a function, also one that SQL writes without parentheses."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; `default` is SQL, `constant` whether it calls nothing."""

    name: str
    type: str
    not_null: bool
    default: str | None
    identity: bool
    generated: bool

    @property
    def constant(self) -> bool:
        return self.default is not None and not CALLS.search(QUOTED.sub("", self.default))


@dataclass(frozen=True, slots=True)
class Dependent:
    """Something of the site's that names its table `recommendation_events`: a view, or a foreign key of a table."""

    kind: str
    name: str


def missing(connection: Connection) -> list[str]:
    """The tables of a site that the connection's search path does not find."""
    rows = connection.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL", [[*NEEDED]]
    )
    return [name for (name,) in rows]


def absences(connection: Connection) -> list[str]:
    """A sentence for each table of a site that is missing, with the remedy."""
    path = search_path(connection)
    return [
        f"The table {name} is not on the search path ({path}). If it is in another schema, name that in"
        " DATABASE_URL: ...?options=-csearch_path%3DSCHEMA"
        for name in missing(connection)
    ]


def require_site(connection: Connection) -> None:
    """Raises SiteRefused with the tables of a site that are missing: a team's database has its own."""
    if sentences := absences(connection):
        raise SiteRefused(sentences)


def schema(connection: Connection) -> str | None:
    """The schema in which the site's tables are, and ours are made; None in an empty database."""
    row = connection.execute(
        """
        SELECT c.relnamespace::regnamespace::text
        FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (name, rank)
        JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
        ORDER BY rank LIMIT 1
        """,
        [["bandit_migrations", EVENTS, "bandit_states", "movies", "users"]],
    ).fetchone()
    return row[0] if row else None


def current(connection: Connection) -> str:
    """The first schema of the search path that there is."""
    row = connection.execute("SELECT coalesce(current_schema(), 'public')::text").fetchone()
    return str(row[0]) if row else "public"


def may_create(connection: Connection, place: str) -> bool:
    """Whether this connection's role may make tables in a schema, given as SQL names it."""
    row = connection.execute("SELECT has_schema_privilege(to_regnamespace(%s), 'CREATE')", [place]).fetchone()
    return bool(row and row[0])


def search_path(connection: Connection) -> str:
    row = connection.execute("SELECT current_setting('search_path')").fetchone()
    return str(row[0]) if row else ""


def kind_of(connection: Connection, name: str) -> str | None:
    """`table`, `view` or another kind of relation, of a name on the search path; None where there is none."""
    row = connection.execute(
        """
        SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' ELSE relkind::text END
        FROM pg_class WHERE oid = to_regclass(%s)
        """,
        [name],
    ).fetchone()
    return row[0] if row else None


def columns(connection: Connection, table: str) -> list[Column]:
    rows = connection.execute(
        """
        SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
            a.attidentity <> '', a.attgenerated <> ''
        FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
        WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
        """,
        [table],
    )
    return [Column(*row) for row in rows]


def sequence(connection: Connection, table: str) -> str | None:
    """The sequence that numbers the table's column `id`: owned by it, or named in its default."""
    row = connection.execute(
        """
        SELECT coalesce(
            pg_get_serial_sequence(%(table)s, 'id'),
            (SELECT substring(pg_get_expr(d.adbin, d.adrelid) FROM 'nextval\\(''(.*)''::regclass\\)')
             FROM pg_attrdef AS d JOIN pg_attribute AS a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum)
             WHERE d.adrelid = to_regclass(%(table)s) AND a.attname = 'id'))
        FROM pg_attribute WHERE attrelid = to_regclass(%(table)s) AND attname = 'id'
        """,
        {"table": table},
    ).fetchone()
    return row[0] if row else None


def dependents(connection: Connection, table: str) -> list[Dependent]:
    """Views over the table and foreign keys to it, which follow the table when it is renamed."""
    rows = connection.execute(
        """
        SELECT DISTINCT 'view', r.ev_class::regclass::text
        FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid
        WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = to_regclass(%(table)s)
            AND r.ev_class <> ALL(ARRAY[to_regclass(%(table)s), to_regclass('recommendation_events'),
                coalesce(to_regclass('bandit_site_rows'), 0::regclass)])
        UNION ALL
        SELECT 'foreign key', format('%%s of %%s', conname, conrelid::regclass)
        FROM pg_constraint WHERE contype = 'f' AND confrelid = to_regclass(%(table)s)
        ORDER BY 1, 2
        """,
        {"table": table},
    )
    return [Dependent(*row) for row in rows]


def owner(connection: Connection, table: str) -> tuple[str, bool]:
    """The table's owner, and whether this connection's role may act as it."""
    row = connection.execute(
        "SELECT relowner::regrole::text, pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass(%s)",
        [table],
    ).fetchone()
    assert row is not None  # noqa: S101 # the caller found the table
    return row[0], row[1]


def holds(connection: Connection, value: str, kind: str) -> bool:
    """Whether a type, as SQL names it, can hold this value: an enumeration may lack it, a cast may be none."""
    try:
        with connection.transaction():
            connection.execute(f"SELECT ({value})::{kind}".encode())
    except (errors.CannotCoerce, DataError, IntegrityError):
        return False
    return True


def column_writers(connection: Connection, table: str) -> list[str]:
    """The roles that may write some of the table's columns and not all."""
    rows = connection.execute(
        """
        SELECT DISTINCT grantee::regrole::text FROM pg_attribute CROSS JOIN LATERAL aclexplode(attacl)
        WHERE attrelid = to_regclass(%(table)s) AND attnum > 0 AND NOT attisdropped
            AND privilege_type IN ('INSERT', 'UPDATE') AND grantee <> 0
            AND NOT has_table_privilege(grantee, attrelid, privilege_type)
        ORDER BY 1
        """,
        {"table": table},
    )
    return [role for (role,) in rows]


def filters_rows(connection: Connection, table: str) -> bool:
    """Whether the table has row-level security."""
    row = connection.execute("SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass(%s)", [table]).fetchone()
    return bool(row and row[0])


@contextmanager
def home(connection: Connection) -> Generator[None]:
    """Puts the schema of the site's tables first in the search path: what is made inside is made beside them.

    A superuser acts as the site's own role inside, if that may create tables there: then all of it is that role's.
    """
    before, place = search_path(connection), schema(connection)
    if place is None:
        yield
        return
    role = connection.execute(
        """
        SELECT c.relowner::regrole::text FROM pg_class AS c
        WHERE c.oid = coalesce(to_regclass('recommendation_events_site'), to_regclass('recommendation_events'))
            AND c.relkind IN ('r', 'p') AND c.relowner <> current_user::regrole AND pg_has_role(c.relowner, 'MEMBER')
            AND has_schema_privilege(c.relowner, c.relnamespace, 'CREATE')
        """
    ).fetchone()
    connection.execute("SELECT set_config('search_path', %s, false)", [f"{place}, {before}"])
    if role:
        connection.execute(f"SET ROLE {role[0]}".encode())
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT set_config('search_path', %s, false)", [before])
            if role:
                connection.execute("RESET ROLE")
