"""SQL of the view `recommendation_events` over our lists and a site's own table. Makes text; runs nothing.

The view has the site's columns, in the site's order and types: what an application of the site reads does not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bandit_selector.store.site import EVENTS, SET_ASIDE, Column

FLAGS: Final = ("clicked", "rated", "added_to_watchlist", "added_to_favorites", "thumbs_up", "thumbs_down")
PLACE: Final = "(p.place)::integer"

# What we know of an impression, by the guide's column. l: its list, p: its place, r: its reaction, i: what the site's
# application said about it and is not counted yet.
OURS: Final = {
    "user_id": "l.user_id",
    "movie_id": f"l.movie_ids[{PLACE}]",
    "algorithm": f"bandit_algorithm(bandit_arm(l.arms, l.drawn, {PLACE}), l.algorithm)",
    "recommendation_score": f"l.scores[{PLACE}]::double precision",
    "position": f"l.first_position + {PLACE} - 1",
    "context": (
        "json_build_object('time_period', split_part(l.context_key, '|', 1), 'day_of_week',"
        " split_part(l.context_key, '|', 2), 'user_type', split_part(l.context_key, '|', 3), 'context_key',"
        " l.context_key)"
    ),
    "clicked": "CASE WHEN i.clicked IS NULL THEN r.clicked_at IS NOT NULL ELSE i.clicked END",
    "clicked_at": "CASE WHEN i.clicked IS NULL THEN r.clicked_at WHEN i.clicked THEN i.clicked_at END",
    "rated": "CASE WHEN i.rated IS NULL THEN r.rating_value IS NOT NULL ELSE i.rated END",
    "rated_at": "CASE WHEN i.rated IS NULL THEN r.rated_at WHEN i.rated THEN i.rated_at END",
    "rating_value": "CASE WHEN i.rated IS NULL THEN r.rating_value WHEN i.rated THEN i.rating_value END",
    "added_to_watchlist": "coalesce(i.watchlist, r.added_to_watchlist, false)",
    "added_to_favorites": "coalesce(i.favorite, r.added_to_favorites, false)",
    "thumbs_up": "CASE WHEN i.thumb IS NULL THEN r.thumbs_up_at IS NOT NULL ELSE i.thumb = 'up' END",
    "thumbs_up_at": "CASE WHEN i.thumb IS NULL THEN r.thumbs_up_at WHEN i.thumb = 'up' THEN i.thumbed_at END",
    "thumbs_down": "CASE WHEN i.thumb IS NULL THEN r.thumbs_down_at IS NOT NULL ELSE i.thumb = 'down' END",
    "thumbs_down_at": "CASE WHEN i.thumb IS NULL THEN r.thumbs_down_at WHEN i.thumb = 'down' THEN i.thumbed_at END",
    "created_at": "l.created_at",
}
FURTHER: Final = {  # what the guide's table lacks: (ours, its type)
    "recommendation_id": ("bandit_recommendation_id(l.id)", "uuid"),
    "propensity": (f"l.propensities[{PLACE}]", "double precision"),
    "posterior_version": ("l.posterior_version", "bigint"),
    "outcome": (
        "CASE WHEN l.settled_at IS NULL THEN r.outcome ELSE coalesce(r.outcome,"
        f" bandit_silence(l.silence, (l.seen >> {PLACE}) & 1 = 1)) END",
        "character varying(10)",
    ),
    "settled_at": ("l.settled_at", "timestamp with time zone"),
    "seen": (f"((l.seen >> {PLACE}) & 1 = 1 OR r.event_id IS NOT NULL)", "boolean"),
    "bandit_event_id": ("p.event_id", "bigint"),
}
KEYED: Final = """
    {schema}.bandit_keys AS p0
    CROSS JOIN LATERAL (SELECT p0.event_id, p0.event_id & 63 AS place, p0.id) AS p
    JOIN {schema}.bandit_lists AS l ON l.id = p0.event_id >> 6
        AND l.created_at >= bandit_second(p0.event_id >> 6)
        AND l.created_at < bandit_second(p0.event_id >> 6) + interval '1 second'
    LEFT JOIN {schema}.bandit_reactions AS r
        ON r.event_id = p0.event_id AND r.shown_at = bandit_second(p0.event_id >> 6)
    LEFT JOIN {schema}.bandit_inbox AS i ON i.event_id = p0.event_id"""
UNNESTED: Final = """
    {schema}.bandit_lists AS l
    CROSS JOIN LATERAL (
        SELECT l.id * 64 + n AS event_id, n AS place, l.id * 64 + n AS id
        FROM generate_series(1, cardinality(l.movie_ids)) AS n
    ) AS p
    LEFT JOIN {schema}.bandit_reactions AS r ON r.event_id = p.event_id AND r.shown_at = bandit_second(l.id)
    LEFT JOIN {schema}.bandit_inbox AS i ON i.event_id = p.event_id"""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the view is made for.

    `schema` is quoted, `zone` the clock of the site's moments, `beside` whether its application runs.
    """

    schema: str
    columns: tuple[Column, ...]
    zone: str
    beside: bool
    sequence: str | None

    @property
    def id_type(self) -> str:
        """The site's own while its application reads it; else that of our event ids."""
        return self.column("id").type if self.beside else "bigint"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def has_zone(self) -> bool:
        """Whether the site's moments carry a time zone."""
        return self.column("created_at").type == "timestamp with time zone"

    def site(self, name: str) -> str:
        return f"{self.schema}.{quoted(name)}"


def view(shape: Shape) -> str:
    """CREATE VIEW. Both halves have equal types, else PostgreSQL does not look into them for a query's conditions."""
    names = {column.name for column in shape.columns}
    ours = [f"{_ours(shape, column)} AS {quoted(column.name)}" for column in shape.columns]
    theirs = [_theirs(shape, column) for column in shape.columns]
    for name, (expression, kind) in FURTHER.items():
        if name not in names:
            ours.append(f"({expression})::{kind} AS {name}")
            theirs.append(f"NULL::{kind}" if name != "seen" else "false")
    source = (KEYED if shape.beside else UNNESTED).format(schema=shape.schema)
    separator = ",\n    "
    return (
        f"CREATE VIEW {shape.site(EVENTS)} AS\nSELECT {separator.join(ours)}\nFROM {source}\n"
        f"UNION ALL\nSELECT {separator.join(theirs)}\nFROM {shape.site(SET_ASIDE)} AS e"
    )


def _ours(shape: Shape, column: Column) -> str:
    if column.name == "id":
        return f"p.id::{shape.id_type}"
    if column.name not in OURS:
        return _extra(column)
    expression = OURS[column.name]
    if column.type == "timestamp without time zone":
        expression = f"(({expression}) AT TIME ZONE {text(shape.zone)})"
    if (column.name, column.type) in {("user_id", "bigint"), ("created_at", "timestamp with time zone")}:
        return expression  # as it is: a cast would hide its index
    return f"({expression})::{column.type}"


def _extra(column: Column) -> str:
    """A column that only the site knows: what its application wrote, else the constant default, else null."""
    if column.generated:
        return f"NULL::{column.type}"
    unset = column.default if column.constant else "NULL"
    return (
        f"CASE WHEN i.extra ? {text(column.name)} THEN (i.extra ->> {text(column.name)})::{column.type}"
        f" ELSE ({unset})::{column.type} END"
    )


def _theirs(shape: Shape, column: Column) -> str:
    expression = f"e.{quoted(column.name)}"
    return f"{expression}::{shape.id_type}" if column.name == "id" and shape.id_type != column.type else expression


def defaults(shape: Shape) -> list[str]:
    """The table's column defaults on the view, so that an INSERT which omits a column means what it meant."""
    return [
        f"ALTER VIEW {shape.site(EVENTS)} ALTER COLUMN {quoted(column.name)} SET DEFAULT {column.default}"
        for column in shape.columns
        if column.default is not None and not column.generated
    ]


def indexes(shape: Shape) -> list[str]:
    """Indexes on our lists in the site's types, so that its conditions find lists; and on the keys."""
    made: list[str] = []
    user, created = shape.column("user_id"), shape.column("created_at")
    if shape.beside:
        made.append(f"CREATE UNIQUE INDEX IF NOT EXISTS bandit_keys_id ON bandit_keys ((id::{shape.id_type}))")
    if user.type != "bigint":
        made.append(
            f"CREATE INDEX IF NOT EXISTS bandit_lists_site_user ON bandit_lists ((user_id::{user.type}), created_at)"
        )
    if created.type != "timestamp with time zone":
        made.append(
            "CREATE INDEX IF NOT EXISTS bandit_lists_site_time ON bandit_lists"
            f" USING brin ((created_at AT TIME ZONE {text(shape.zone)})) WITH (pages_per_range = 32)"
        )
    return made


def triggers(shape: Shape) -> list[str]:
    """What INSERT, UPDATE and DELETE on the view do. Rows of the site are written with the caller's own rights."""
    written = [column for column in shape.columns if not column.generated]
    return [
        _function(shape, "bandit_site_insert", _insert(shape, written)),
        _function(shape, "bandit_site_update", _update(shape, written)),
        _function(shape, "bandit_site_delete", _delete(shape)),
        *(
            f"CREATE TRIGGER bandit_site_{event.lower()} INSTEAD OF {event} ON {shape.site(EVENTS)}"
            f" FOR EACH ROW EXECUTE FUNCTION {shape.schema}.bandit_site_{event.lower()}()"
            for event in ("INSERT", "UPDATE", "DELETE")
        ),
    ]


def _function(shape: Shape, name: str, body: str, rights: str = "") -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {shape.schema}.{name}() RETURNS trigger LANGUAGE plpgsql {rights} AS $site$\n"
        f"BEGIN\n{body}\nEND $site$"
    )


def _list(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{quoted(name)}" for name in names)


def _insert(shape: Shape, written: Sequence[Column]) -> str:
    every = [column.name for column in shape.columns]
    values = [
        f"coalesce(NEW.{quoted(column.name)}, false)"
        if column.name in FLAGS and column.type == "boolean"
        else f"NEW.{quoted(column.name)}"
        for column in written
    ]

    def statement(chosen: Sequence[int]) -> str:
        names = _list([written[number].name for number in chosen])
        return (
            f"INSERT INTO {shape.site(SET_ASIDE)} ({names}) OVERRIDING SYSTEM VALUE"
            f" VALUES ({', '.join(values[number] for number in chosen)})"
            f" RETURNING {_list(every)} INTO {_list(every, 'NEW.')};"
        )

    whole = statement(range(len(written)))
    if shape.column("id").identity:
        without = statement([number for number, column in enumerate(written) if column.name != "id"])
        whole = f"IF NEW.id IS NULL THEN {without} ELSE {whole} END IF;"
    return f"{whole}\nRETURN NEW;"


def _update(shape: Shape, written: Sequence[Column]) -> str:
    """Writes only the columns that changed: two statements that change different ones do not undo each other."""
    every = [column.name for column in shape.columns]
    changes = ", ".join(
        f"{name} = CASE WHEN NEW.{name}::text IS DISTINCT FROM OLD.{name}::text THEN NEW.{name} ELSE e.{name} END"
        for name in (quoted(column.name) for column in written if not column.identity)
    )
    zone = "NULL" if shape.has_zone else text(shape.zone)
    return (
        "IF OLD.bandit_event_id IS NOT NULL THEN\n"
        f"PERFORM {shape.schema}.bandit_hear(OLD.bandit_event_id, to_jsonb(OLD), to_jsonb(NEW), {zone});\n"
        "RETURN NEW;\nEND IF;\n"
        f"UPDATE {shape.site(SET_ASIDE)} AS e SET {changes} WHERE e.id = OLD.id"
        f" RETURNING {_list(every, 'e.')} INTO {_list(every, 'NEW.')};\n"
        "IF NOT FOUND THEN RETURN NULL; END IF;\nRETURN NEW;"
    )


def _delete(shape: Shape) -> str:
    """An impression of ours is only hidden: what was learned from it stays, as after its retention."""
    return (
        "IF OLD.bandit_event_id IS NOT NULL THEN\n"
        f"PERFORM {shape.schema}.bandit_hide(OLD.bandit_event_id);\nRETURN OLD;\nEND IF;\n"
        f"DELETE FROM {shape.site(SET_ASIDE)} WHERE id = OLD.id;\nIF NOT FOUND THEN RETURN NULL; END IF;\nRETURN OLD;"
    )


def history(shape: Shape) -> list[str]:
    """The site's rows in the form that is summed, and its clock, in which a condition on `created_at` finds them."""
    names = {column.name for column in shape.columns}
    created = shape.column("created_at").type
    at = "e.created_at" if shape.has_zone else f"(e.created_at AT TIME ZONE {text(shape.zone)})"
    clock = "moment" if shape.has_zone else f"moment AT TIME ZONE {text(shape.zone)}"
    parts = {
        "clicked": "clicked",
        "rating": "rating_value",
        "thumbs_up": "thumbs_up",
        "thumbs_down": "thumbs_down",
        "favorite": "added_to_favorites",
        "watchlist": "added_to_watchlist",
    }
    kinds = {part: "double precision" if part == "rating" else "boolean" for part in parts}
    said = ", ".join(
        f"{f'e.{column}' if column in names else 'NULL'}::{kinds[part]} AS {part}" for part, column in parts.items()
    )
    return [
        f"CREATE OR REPLACE FUNCTION bandit_site_clock(moment timestamptz) RETURNS {created}"
        f" LANGUAGE sql IMMUTABLE AS $site$ SELECT ({clock})::{created} $site$",
        f"CREATE VIEW bandit_site_rows AS SELECT e.created_at, ({at})::timestamptz AS at, e.algorithm::text, {said}"
        f" FROM {shape.site(SET_ASIDE)} AS e",
    ]


def keys(shape: Shape) -> list[str]:
    """Gives each impression an id of the site's kind when its list is recorded; only beside a running application."""
    if not shape.beside:
        return []
    number = text(shape.sequence or "bandit_key_number")
    source = f"{'' if shape.sequence else '-'}nextval({number}::regclass)"
    body = (
        "INSERT INTO bandit_keys (event_id, id)"
        f" SELECT shown.id * 64 + n, {source} FROM shown,"
        " generate_series(1, cardinality(shown.movie_ids)) AS n ORDER BY 1;\nRETURN NULL;"
    )
    rights = f"SECURITY DEFINER SET search_path = {shape.schema}, pg_catalog"
    return [
        _function(shape, "bandit_give_keys", body, rights),
        "CREATE TRIGGER bandit_give_keys AFTER INSERT ON bandit_lists REFERENCING NEW TABLE AS shown"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {shape.schema}.bandit_give_keys()",
        # lists from before the trigger
        f"INSERT INTO bandit_keys (event_id, id) SELECT l.id * 64 + n, {source} FROM bandit_lists AS l,"
        " generate_series(1, cardinality(l.movie_ids)) AS n"
        " WHERE NOT EXISTS (SELECT FROM bandit_keys AS k WHERE k.event_id >> 6 = l.id) ORDER BY 1",
    ]
