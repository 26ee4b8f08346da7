"""Shadows: how they are recorded beside the list that is shown. Decides nothing."""

from typing import Any, Final

from bandit_selector.lists.shadow import Shadow

_INSERT: Final = """, beside AS (
            INSERT INTO bandit_shadows (id, created_at, user_id, posterior_version, milliseconds, places, same, common,
                context_key, arms, drawn, movie_ids, propensities, stocked, agreed_places, agreed_arms)
            SELECT list.id, list.created_at, %(user_id)s, %(shadow_version)s, %(milliseconds)s, %(shown_places)s,
                %(same)s, %(common)s, %(context_key)s, %(shadow_arms)s::text[], %(shadow_drawn)s::bytea,
                %(shadow_movies)s::integer[], %(shadow_propensities)s::real[], %(stocked)s::smallint[],
                {agreed}
            FROM list
        )"""
_NUMBERED: Final = """ARRAY(SELECT place.number FROM agreed JOIN place USING (index) ORDER BY agreed.row),
                ARRAY(SELECT agreed.arm FROM agreed JOIN place USING (index) ORDER BY agreed.row)"""
_AGREED: Final = """, agreed AS (
            SELECT * FROM unnest(%(agreed_places)s::smallint[], %(agreed_arms)s::smallint[])
                WITH ORDINALITY AS a (index, arm, row)
        )"""


def of_list(shadow: Shadow | None) -> tuple[str, dict[str, Any]]:
    """SQL that records the shadow of a list beside it, and its parameters; nothing without one.

    A movie that does not exist was left out of the list: the places after it have lower numbers than they were drawn
    with.
    """
    return (_AGREED + _INSERT.format(agreed=_NUMBERED), _parameters(shadow)) if shadow else ("", {})


def of_selection(shadow: Shadow | None) -> tuple[str, dict[str, Any]]:
    """The same for a selection, whose places are as they were drawn."""
    agreed = "%(agreed_places)s::smallint[], %(agreed_arms)s::smallint[]"
    return (_INSERT.format(agreed=agreed), _parameters(shadow)) if shadow else ("", {})


def _parameters(shadow: Shadow) -> dict[str, Any]:
    pairs = shadow.agreements.pairs
    return {
        "shadow_version": shadow.version,
        "milliseconds": shadow.milliseconds,
        "shown_places": shadow.places,
        "same": shadow.same,
        "common": shadow.common,
        "shadow_arms": list(shadow.arms),
        "shadow_drawn": shadow.drawn,
        "shadow_movies": None if shadow.movie_ids is None else list(shadow.movie_ids),
        "shadow_propensities": list(shadow.propensities),
        "stocked": list(shadow.agreements.stocked),
        "agreed_places": [place for place, _ in pairs],
        "agreed_arms": [arm for _, arm in pairs],
    }
