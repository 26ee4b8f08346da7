"""Gives an arm another name in every table, and changes no count. Decides nothing."""

from bandit_selector.errors import ArmKnown, ArmUnknown
from bandit_selector.lists.names import algorithm_of
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import take_turn

OWN: tuple[tuple[str, str], ...] = (
    *(("bandit_posteriors", "algorithm"), ("bandit_forgettings", "arm"), ("bandit_shadow_arms", "arm")),
    ("bandit_site_arms", "arm"),
)
"""Tables in which an arm has its own name, and the column; `bandit_states` has other rows, too."""


def rename_arm(connection: Connection, old: str, new: str) -> dict[str, int]:
    """Renames an arm in cells, posteriors, lists, sums, candidates and history; returns {table: rows}.

    One transaction, in which no feedback is counted. Raises ArmUnknown where nothing is known of `old`, and ArmKnown
    where `new` has learned something or has been drawn: two arms are not made one. The archive keeps the old name.
    """
    names = {"old": old, "new": new, "old_algorithm": algorithm_of(old), "new_algorithm": algorithm_of(new)}
    with connection.transaction():
        take_turn(connection, alone=True)
        _check(connection, old, new, names)
        connection.execute("LOCK TABLE bandit_states IN SHARE ROW EXCLUSIVE MODE")
        _drop_empty(connection, names)
        return {table: connection.execute(text.encode(), names).rowcount for table, text in _statements()}


def _check(connection: Connection, old: str, new: str, names: dict[str, str]) -> None:
    row = connection.execute(
        """
        SELECT EXISTS (SELECT FROM bandit_states WHERE algorithm = %(old)s AND position('|' IN context_key) > 0)
                OR EXISTS (SELECT FROM recommendation_candidates WHERE algorithm = %(old)s),
            EXISTS (
                SELECT FROM bandit_states
                WHERE algorithm = %(new)s AND position('|' IN context_key) > 0 AND total_pulls > 0
            ) OR EXISTS (SELECT FROM recommendation_hours WHERE algorithm = %(new_algorithm)s)
            OR EXISTS (SELECT FROM bandit_lists WHERE settled_at IS NULL AND arms @> ARRAY[%(new)s::text])
        """,
        names,
    ).fetchone()
    known, taken = row or (False, False)
    if not known:
        raise ArmUnknown(old)
    if taken:
        raise ArmKnown(new)


def _drop_empty(connection: Connection, names: dict[str, str]) -> None:
    """What was made for the new name and holds nothing yet, and lists of both names for one visitor."""
    for text in (
        "DELETE FROM bandit_states WHERE algorithm = %(new)s AND position('|' IN context_key) > 0",
        "DELETE FROM bandit_posteriors WHERE algorithm = %(new)s",
        "DELETE FROM bandit_shadow_arms WHERE arm = %(new)s",
        "DELETE FROM bandit_site_arms WHERE arm = %(new)s",
        "DELETE FROM recommendation_candidates AS c WHERE algorithm = %(old)s AND EXISTS (SELECT FROM"
        " recommendation_candidates AS n WHERE n.user_id = c.user_id AND n.algorithm = %(new)s)",
    ):
        connection.execute(text.encode(), names)


def _statements() -> list[tuple[str, str]]:
    """Lists first: who counts feedback locks them first, too."""
    own = [(table, f"UPDATE {table} SET {column} = %(new)s WHERE {column} = %(old)s") for table, column in OWN]  # noqa: S608 # ours
    cells = (
        "UPDATE bandit_states SET algorithm = %(new)s WHERE algorithm = %(old)s AND position('|' IN context_key) > 0"
    )
    return [
        *(
            (
                table,
                f"UPDATE {table} SET arms = array_replace(arms, %(old)s::text, %(new)s::text)"  # noqa: S608 # ours
                " WHERE arms @> ARRAY[%(old)s::text]",
            )
            for table in ("bandit_lists", "bandit_shadows")
        ),
        ("bandit_states", cells),
        *own,
        *(
            (table, f"UPDATE {table} SET algorithm = %(new_algorithm)s WHERE algorithm = %(old_algorithm)s")  # noqa: S608 # ours
            for table in ("recommendation_hours", "recommendation_events_set_aside")
        ),
        (
            "recommendation_candidates",
            "UPDATE recommendation_candidates SET algorithm = %(new)s WHERE algorithm = %(old)s",
        ),
    ]
