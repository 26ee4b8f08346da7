"""Sets a site's `recommendation_events` aside by a rename and puts the view in its place. Touches none of its rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from bandit_selector.store import inventory, site, site_triggers, site_view
from bandit_selector.store.connection import Connection
from bandit_selector.store.site import EVENTS, SET_ASIDE
from bandit_selector.store.site_shape import Shape, quoted, text

FILLED: Final = {  # the columns of bandit_states that our rows have
    *("id", "context_key", "algorithm", "alpha", "beta", "total_pulls", "total_successes", "total_failures"),
    *("created_at", "updated_at", "prior_alpha", "prior_beta", "archived_pulls", "archived_successes"),
    "archived_failures",
}
ROWS: Final = "bandit_site_rows"  # the view of the site's rows that are summed; made by this module
INTEGERS: Final = {"smallint", "integer", "bigint"}
HELD: Final = {  # by column of the guide: a value of ours, and the guide's type
    **dict.fromkeys(("user_id", "movie_id", "position"), ("1::bigint", "integer")),
    "algorithm": ("'hybrid_shadow'::text", "varchar(50)"),
    **dict.fromkeys(("recommendation_score", "rating_value"), ("0.5::double precision", "double precision")),
    "context": ("'{}'::json", "json"),
    **dict.fromkeys(site_triggers.FLAGS, ("true", "boolean")),
    **dict.fromkeys(("clicked_at", "rated_at", "thumbs_up_at", "thumbs_down_at", "created_at"), ("now()", "timestamp")),
}
CALLED: Final = (
    "bandit_hear(bigint, jsonb, jsonb, text)",
    "bandit_hide(bigint)",
    "bandit_make_partitions(timestamptz, timestamptz)",
    "bandit_drop_partition(text, text)",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """How a site's table is to be shown: the clock of its moments (an IANA name), and whether its application runs."""

    zone: str
    beside: bool | None = None
    """None: as it is now, and in a new installation true."""


def is_due(connection: Connection) -> bool:
    """Whether a table of the site has the name that our view needs; one that a former version of ours made has not."""
    former = site.kind_of(connection, "bandit_migrations") is not None and (
        site.kind_of(connection, "recommendation_events_set_aside") is None
    )
    return site.kind_of(connection, EVENTS) == "table" and not former


def refusals(connection: Connection) -> Iterator[str]:
    """Each reason why this site cannot be adopted, as a sentence that names the object and the remedy."""
    kind = site.kind_of(connection, EVENTS)
    if kind == "table":
        yield from _refused_events(connection)
    elif kind is not None:
        yield f"{EVENTS} is a {kind} of the site, not a table; rename it, or drop it."
    if site.kind_of(connection, "bandit_states") is not None:
        yield from _refused_states(connection)
    if site.kind_of(connection, "bandit_migrations") is None:
        yield from _taken(connection)


def _taken(connection: Connection) -> Iterator[str]:
    """A relation of the site that has the name of one of ours: ours would hide it, or not be made."""
    for name in sorted(inventory.named() - {EVENTS, "bandit_states"}):
        if kind := site.kind_of(connection, name):
            yield (
                f"{name} is a {kind} of the site, and Bandit Selector makes one of that name: rename it, or name a"
                " search path in DATABASE_URL that does not find it."
            )


def _refused_events(connection: Connection) -> Iterator[str]:
    columns = {column.name: column for column in site.columns(connection, EVENTS)}
    for name in ("id", "user_id", "movie_id", "algorithm", "created_at"):
        if name not in columns:
            yield f"{EVENTS} has no column {name}; add one, as the deployment guide has it."
    if "id" in columns and columns["id"].type not in INTEGERS:
        yield f"{EVENTS}.id is of the type {columns['id'].type}; only integers can be adopted. Rename the table."
    for name, (value, kind) in HELD.items():
        if name in columns and not site.holds(connection, value, columns[name].type):
            yield (
                f"{EVENTS}.{name} is of the type {columns[name].type}, which cannot hold what Bandit Selector shows in"
                f" it: change it to {kind}, as the deployment guide has it, or rename the table."
            )
    if site.filters_rows(connection, EVENTS):
        yield (
            f"{EVENTS} has row-level security, and its policies would not hold for the view that takes its name:"
            f" ALTER TABLE {EVENTS} DISABLE ROW LEVEL SECURITY, if the application filters the rows itself."
        )
    if site.kind_of(connection, SET_ASIDE) is not None:
        yield f"{SET_ASIDE} exists already, and {EVENTS} is to be renamed to it; rename one of them."
    owner, ours = site.owner(connection, EVENTS)
    if not ours:
        yield (
            f"{EVENTS} belongs to {owner}, and only its owner can rename it: connect as {owner}, or hand over the"
            " script that `./dev migrate --sql` prints."
        )


def _refused_states(connection: Connection) -> Iterator[str]:
    for column in site.columns(connection, "bandit_states"):
        if column.not_null and column.default is None and not column.identity and column.name not in FILLED:
            yield (
                f"bandit_states.{column.name} is NOT NULL without a default, and Bandit Selector does not know it:"
                f" ALTER TABLE bandit_states ALTER COLUMN {quoted(column.name)} SET DEFAULT ..."
            )
    row = connection.execute(
        "SELECT pg_get_serial_sequence('bandit_states', 'id'),"
        " (SELECT min(context_key) FROM bandit_states WHERE position('|' IN context_key) > 0)"
    ).fetchone()
    if row and row[0] is None:
        yield "bandit_states.id has no sequence of its own: ALTER SEQUENCE ... OWNED BY bandit_states.id."
    if row and row[1] is not None:
        yield f"bandit_states has the key {row[1]!r}; keys with '|' are Bandit Selector's. Rename or delete those rows."
    if site.filters_rows(connection, "bandit_states"):
        yield (
            "bandit_states has row-level security, which would hide cells from Bandit Selector or refuse them: ALTER"
            " TABLE bandit_states DISABLE ROW LEVEL SECURITY."
        )
    owner, ours = site.owner(connection, "bandit_states")
    if not ours:
        yield (
            f"bandit_states belongs to {owner}, and only its owner can add columns: connect as {owner}, or hand over"
            " the script that `./dev migrate --sql` prints."
        )


def unentitled(connection: Connection) -> Iterator[str]:
    """The reason why this connection's role cannot make or change our tables, with the remedy; none if it can."""
    if site.kind_of(connection, "bandit_migrations") is not None:
        owner, ours = site.owner(connection, "bandit_migrations")
        if not ours:
            yield (
                f"The tables of Bandit Selector belong to {owner}, and only their owner can change them: connect as"
                f" {owner}, or hand over the script that `./dev migrate --sql` prints."
            )
        return
    place = site.schema(connection) or site.current(connection)
    if not site.may_create(connection, place):
        yield (
            f"This role may make no table in the schema {place}: GRANT CREATE ON SCHEMA {place} to it, or hand over"
            " the script that `./dev migrate --sql` prints to a role that may."
        )


def shape(connection: Connection, wish: Wish, table: str) -> Shape:
    """The shape of the view over `table`, the site's own, under its present name."""
    schema = site.schema(connection)
    assert schema is not None  # noqa: S101 # the table is there
    beside = wish.beside if wish.beside is not None else _is_beside(connection)
    columns = tuple(site.columns(connection, table))
    return Shape(schema, columns, wish.zone, beside, site.sequence(connection, table))


def _is_beside(connection: Connection) -> bool:
    if site.kind_of(connection, "bandit_site") is None:
        return True
    row = connection.execute("SELECT beside FROM bandit_site").fetchone()
    return bool(row[0]) if row else True


def statements(connection: Connection, wish: Wish) -> list[str]:
    """The SQL of one transaction that adopts the site's table, or makes the view again after a change; else none.

    Before the first of them a site's table still has its own name.
    """
    first = is_due(connection)
    if not first and site.kind_of(connection, SET_ASIDE) is None:
        return []
    wanted = shape(connection, wish, EVENTS if first else SET_ASIDE)
    known = None if first else connection.execute("SELECT shape FROM bandit_site").fetchone()
    if known and known[0] == _digest(wanted):
        return []
    return [*(_first(wanted) if first else _again(wanted)), *_made(connection, wanted, first=first)]


def is_made(connection: Connection, wish: Wish) -> str:
    """The query that finds a row once the `statements` are done."""
    wanted = shape(connection, wish, EVENTS if is_due(connection) else SET_ASIDE)
    return f"SELECT FROM bandit_site WHERE shape = {text(_digest(wanted))}"


def _digest(wanted: Shape) -> str:
    every = [
        site_view.view(wanted),
        *site_view.defaults(wanted),
        *site_triggers.triggers(wanted),
        *site_triggers.keys(wanted),
        *site_view.history(wanted),
    ]
    return sha256("\n".join(every).encode()).hexdigest()


def _first(wanted: Shape) -> list[str]:
    """Locks first: what follows takes no time."""
    return [
        f"LOCK TABLE {wanted.site(EVENTS)} IN ACCESS EXCLUSIVE MODE",
        f"ALTER TABLE {wanted.site(EVENTS)} RENAME TO {SET_ASIDE}",
    ]


def _again(wanted: Shape) -> list[str]:
    return [
        f"LOCK TABLE {wanted.site(EVENTS)} IN ACCESS EXCLUSIVE MODE",
        f"DROP VIEW {wanted.site(EVENTS)}, {ROWS}",
        "DROP FUNCTION bandit_site_clock(timestamptz)",
        "DROP TRIGGER IF EXISTS bandit_give_keys ON bandit_lists",
        "DROP INDEX IF EXISTS bandit_keys_id, bandit_lists_site_user, bandit_lists_site_time",
        *([] if wanted.beside else ["TRUNCATE bandit_keys"]),
    ]


def _made(connection: Connection, wanted: Shape, *, first: bool) -> list[str]:
    return [
        *site_triggers.keys(wanted),
        *site_view.indexes(wanted),
        site_view.view(wanted),
        *site_view.defaults(wanted),
        *site_triggers.triggers(wanted),
        *site_view.history(wanted),
        *_grants(connection, wanted, EVENTS if first else SET_ASIDE),
        *_grants_of_history(connection),
        "INSERT INTO bandit_site (zone, beside, shape)"
        f" VALUES ({text(wanted.zone)}, {str(wanted.beside).lower()}, {text(_digest(wanted))})"
        " ON CONFLICT (only_row) DO UPDATE"
        " SET zone = excluded.zone, beside = excluded.beside, shape = excluded.shape",
    ]


def _grants(connection: Connection, wanted: Shape, table: str) -> list[str]:
    """The table's grants on the view; who writes the table may also call what the view's triggers call."""
    rows = connection.execute(
        """
        SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, is_grantable, NULL
        FROM pg_class CROSS JOIN LATERAL aclexplode(coalesce(relacl, acldefault('r', relowner)))
        WHERE oid = to_regclass(%(table)s)
        UNION ALL
        SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, is_grantable, attname
        FROM pg_attribute CROSS JOIN LATERAL aclexplode(attacl)
        WHERE attrelid = to_regclass(%(table)s) AND attnum > 0 AND NOT attisdropped
        """,
        {"table": table},
    ).fetchall()
    view = wanted.site(EVENTS)
    made = [
        f"GRANT {privilege}{f' ({quoted(column)})' if column else ''} ON {view} TO {role}"
        f"{' WITH GRANT OPTION' if grantable and role != 'PUBLIC' else ''}"
        for privilege, role, grantable, column in rows
        if privilege in {"SELECT", "INSERT", "UPDATE", "DELETE", "TRIGGER", "REFERENCES"}
    ]
    writers = sorted({role for privilege, role, *_ in rows if privilege in {"INSERT", "UPDATE", "DELETE"}})
    return made + [f"GRANT EXECUTE ON FUNCTION {function} TO {role}" for role in writers for function in CALLED[:2]]


def _grants_of_history(connection: Connection) -> list[str]:
    """The view of the site's rows, which is made again, for who may write their sums: see `use_by`."""
    rows = connection.execute(
        "SELECT DISTINCT grantee::regrole::text FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)"
        " WHERE oid = to_regclass('bandit_site_days') AND privilege_type = 'INSERT' AND grantee <> relowner"
    )
    return [f"GRANT SELECT ON {ROWS} TO {role}" for (role,) in rows.fetchall()]


def use_by(role: str, schema: str) -> list[str]:
    """Grants with which a role that may create nothing can run the service; `role` and `schema` are quoted."""
    tables = [name for name, kind in inventory.made().items() if kind != "SEQUENCE"]
    sequences = [name for name, kind in inventory.made().items() if kind == "SEQUENCE"]
    return [
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON bandit_migrations, {', '.join(tables)} TO {role}",
        f"GRANT SELECT ON {ROWS} TO {role}",
        f"GRANT USAGE ON SEQUENCE bandit_states_id_seq, {', '.join(sequences)} TO {role}",
        *(f"GRANT EXECUTE ON FUNCTION {function} TO {role}" for function in CALLED),
    ]
