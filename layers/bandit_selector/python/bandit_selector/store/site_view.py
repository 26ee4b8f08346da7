"""SQL of the view `recommendation_events` over our lists and a site's own table. Makes text; runs nothing.

The view has the site's columns, in the site's order and types: what an application of the site reads does not change.
"""

from typing import Final

from bandit_selector.store.site import EVENTS, SET_ASIDE, Column
from bandit_selector.store.site_shape import Shape, quoted, text

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
    name = quoted(column.name)
    written = f"(SELECT w.{name} FROM jsonb_to_record(i.extra) AS w ({name} {column.type}))"  # arrays, too
    return f"CASE WHEN i.extra ? {text(column.name)} THEN {written} ELSE ({unset})::{column.type} END"


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
    factors = " || '|' || ".join(
        _factor(name, "context" in names) for name in ("time_period", "day_of_week", "user_type")
    )
    return [
        f"CREATE OR REPLACE FUNCTION bandit_site_clock(moment timestamptz) RETURNS {created}"
        f" LANGUAGE sql IMMUTABLE AS $site$ SELECT ({clock})::{created} $site$",
        f"CREATE VIEW bandit_site_rows AS SELECT e.created_at, ({at})::timestamptz AS at, e.algorithm::text, {said},"
        f" coalesce({factors}, '') AS context_key"
        f" FROM {shape.site(SET_ASIDE)} AS e",
    ]


def _factor(name: str, known: bool) -> str:
    """SQL of a factor's level in a row's context: of whatever type that is, and whatever else is in it."""
    return f"""substring(e.context::text FROM '"{name}"\\s*:\\s*"([a-z_]+)"')""" if known else "NULL"
