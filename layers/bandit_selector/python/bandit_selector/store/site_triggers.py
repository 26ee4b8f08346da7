"""SQL of what is written through the view `recommendation_events`, and of the ids of our impressions. Runs nothing."""

from collections.abc import Sequence
from typing import Final

from bandit_selector.store.site import EVENTS, SET_ASIDE, Column
from bandit_selector.store.site_shape import Shape, quoted, text

FLAGS: Final = ("clicked", "rated", "added_to_watchlist", "added_to_favorites", "thumbs_up", "thumbs_down")


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
