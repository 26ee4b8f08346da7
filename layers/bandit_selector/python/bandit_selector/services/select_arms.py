"""One selection: which arm fills each place of a list that the site fills. Knows the order of steps only.

A selection is a list without movies. A place of it is shown once the site says so, by the tracking action `seen` or by
a reaction; a place of which nothing is said has no outcome.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from time import perf_counter
from typing import Annotated, Final
from uuid import UUID

from pydantic import ConfigDict, Field

from bandit_selector.errors import InvalidRequest
from bandit_selector.lists.context import Context, user_type
from bandit_selector.lists.names import CONTROL, FALLBACK, OFF, SHADOW
from bandit_selector.lists.selection import Choice, draw_arms, of_arms
from bandit_selector.lists.shadow import Shadow
from bandit_selector.services.asked import Asking, keys_of, possible_contexts
from bandit_selector.services.assignment import Group, assign, compared, share_in_force, test_of
from bandit_selector.services.chances import believed, newest_version, probabilities
from bandit_selector.services.meter import Meter
from bandit_selector.services.meter import Request as Metered
from bandit_selector.services.recommend import recommendation_id
from bandit_selector.settings import Arm, Settings
from bandit_selector.store.connection import Database
from bandit_selector.store.selections import Drawn, record_selection
from bandit_selector.store.serving import Belief, read_visitor_and
from bandit_selector.store.showing import Showing

NAMES: Final[Mapping[Group | None, str]] = {"control": CONTROL, "treatment": FALLBACK, None: OFF}


class SelectionRequest(Asking):
    """The body of POST /selections. Further fields are read where CONTEXT_FACTORS names them.

    The visitor need not be in `users`; `ratings` tells the kind of visitor, and without any it is `cold_start`.
    """

    model_config = ConfigDict(extra="allow")

    places: int = Field(ge=1, le=50, description="How many places the site will fill.", examples=[3])
    arms: Annotated[tuple[Arm, ...], Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="The arms that have something to show now; without it, all of ARMS.",
        examples=[["svd", "graph"]],
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """The arms of the places, from place 1 on, and what was recorded of them."""

    list_id: int
    group: Group | None
    context: Context
    choices: Sequence[Choice]

    @property
    def id(self) -> UUID:
        return recommendation_id(self.list_id)

    def event_id(self, place: int) -> int:
        """The id of what is shown at a place, for feedback."""
        return self.list_id * 64 + place


def select_arms(
    database: Database,
    request: SelectionRequest,
    settings: Settings,
    now: datetime,
    randomness: Random,
    on_failure: Callable[[Exception], None],
    meter: Meter,
) -> Selection:
    """Draws and records the arms; `on_failure` gets what fails in the bandit, and the visitor control's arms.

    `meter` counts the request, and what it has counted is written with the selection.
    Raises InvalidRequest for an arm that is not configured, DatabaseUnavailable, MissingTable.
    """
    check_arms(request.arms or (), settings, "arms")
    with meter.request(request.user_id) as metered:
        return _selected(database, request, settings, now, randomness, on_failure, metered)


def _selected(
    database: Database,
    request: SelectionRequest,
    settings: Settings,
    now: datetime,
    randomness: Random,
    on_failure: Callable[[Exception], None],
    metered: Metered,
) -> Selection:
    contexts = possible_contexts(request, settings, now, request.model_extra or {})
    keys = keys_of(contexts.values())
    visitor, _ = database.read(lambda connection: read_visitor_and(connection, request.user_id, keys, None, {}))
    context = contexts[user_type(len(visitor.rated))]
    share = share_in_force(visitor, settings, now)
    group = assign(request, settings, share)
    metered.group = compared(group, settings)
    drawn = _drawn(request, group, believed(visitor, context), settings, randomness, on_failure)
    silence = "off" if settings.silence == "off" else "seen"
    showing = Showing(
        user_id=request.user_id,
        context_key=context.key,
        ab_group=group,
        silence=silence,
        seed=None,
        version=drawn.version,
        bound=settings.max_places_per_visitor,
        test=test_of(group, settings),
        share=share,
        requests=metered.carries,
    )
    list_id = database.run(lambda connection: record_selection(connection, drawn, showing, now))
    return Selection(list_id, group, context, drawn.choices)


def check_arms(named: Sequence[str], settings: Settings, field: str) -> None:
    """Raises InvalidRequest that names every arm which is not configured."""
    unknown = [arm for arm in named if arm not in settings.arms]
    if unknown:
        known = f"this is not one of the arms {', '.join(settings.arms)}"
        raise InvalidRequest([{"field": f"{field}.{arm}", "message": known, "value": arm} for arm in unknown[:20]])


def _drawn(
    request: SelectionRequest,
    group: Group | None,
    beliefs: Sequence[Belief],
    settings: Settings,
    randomness: Random,
    on_failure: Callable[[Exception], None],
) -> Drawn:
    """By the published probabilities; in the control group, and when the bandit fails, by the control weights."""
    arms = tuple(dict.fromkeys(request.arms or settings.arms))
    if group == "treatment":
        try:
            chances = probabilities(beliefs, settings)
            drawn = draw_arms({arm: chances[arm] for arm in arms}, request.places, randomness)
            return Drawn(drawn, None, newest_version(beliefs))
        except Exception as error:  # whatever it is, the site still gets its arms
            on_failure(error)
    weights = {arm: settings.control_weights.get(arm, 0.0) for arm in arms}
    shown = draw_arms(weights, request.places, randomness)
    if settings.bandit != "shadow":
        return Drawn(shown, NAMES[group], None)
    return Drawn(shown, SHADOW, None, _shadow(arms, beliefs, shown, settings, randomness, on_failure))


def _shadow(
    arms: Sequence[str],
    beliefs: Sequence[Belief],
    shown: Sequence[Choice],
    settings: Settings,
    randomness: Random,
    on_failure: Callable[[Exception], None],
) -> Shadow | None:
    """The bandit's arms for the same places; what it fails with goes to `on_failure`."""
    began = perf_counter()
    try:
        chances = probabilities(beliefs, settings)
        drawn = draw_arms({arm: chances[arm] for arm in arms}, len(shown), randomness)
        return of_arms(arms, drawn, shown, newest_version(beliefs), 1000 * (perf_counter() - began))
    except Exception as error:  # whatever it is, the site still gets its arms
        on_failure(error)
        return None
