"""What a request has to do with a visitor's session: what is read of it, and which contexts it may have."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bandit_selector.lists.context import Context, UserType
from bandit_selector.lists.session import ARM
from bandit_selector.services.asked import Asking, OwnCandidates, Request, possible_contexts
from bandit_selector.services.assignment import assign
from bandit_selector.settings import Settings
from bandit_selector.store.recent import Asked

IN_SESSION: Final = "in_session"
"""The factor of the context that the service knows by itself: `yes` within SESSION_GAP of a rating or click."""


def contexts_by_session(
    asking: Asking, settings: Settings, now: datetime, fields: Mapping[str, object]
) -> tuple[dict[UserType, Context], dict[UserType, Context]]:
    """The possible contexts of a request out of a session, and in one: the same, unless CONTEXT_FACTORS has IN_SESSION.

    What the request itself says of that factor does not count.
    """
    if IN_SESSION not in settings.context_factors:
        contexts = possible_contexts(asking, settings, now, fields)
        return contexts, contexts
    outside, inside = ({**fields, IN_SESSION: level} for level in ("no", "yes"))
    return possible_contexts(asking, settings, now, outside), possible_contexts(asking, settings, now, inside)


def reactions(request: Request, settings: Settings, now: datetime) -> Asked | None:
    """Which reactions to read: none where the list is surely control's, or of the caller's own candidates.

    Which share is treated is known only with the same read. A session that makes the context is read for everybody.
    """
    gap = settings.session_gap
    if gap is None or isinstance(request, OwnCandidates):
        return None
    treated = settings.bandit == "shadow" or assign(request, settings, share=1) == "treatment"
    possible = IN_SESSION in settings.context_factors or (treated and ARM in settings.arms)
    return Asked(request.user_id, now, gap, settings.site_time_zone) if possible else None
