"""Which group of the test a request is in, and which test that is."""

from datetime import datetime
from typing import Literal

from bandit_selector.lists.slate import is_treated
from bandit_selector.services.asked import Asking
from bandit_selector.settings import Settings
from bandit_selector.store.serving import Visitor
from bandit_selector.store.showing import Key

Group = Literal["treatment", "control"]


def share_in_force(visitor: Visitor, settings: Settings, now: datetime) -> float:
    """Treatment's share of visitors: as the database has it, or before it knows these settings' plan, as planned."""
    if visitor.shared and visitor.shared[0] == settings.share_plan:
        return visitor.shared[1]
    return settings.planned_share(now)


def assign(request: Asking, settings: Settings, share: float, begun: Group | None = None) -> Group | None:
    """The request's A/B group: that in which its list was `begun`, or as it asks, or by the sticky split.

    `share` is that of treatment in force. None while BANDIT is `off` or `shadow`: nobody is in a group then. With
    ASSIGNMENT=server the split decides, whatever is asked.
    """
    if settings.bandit != "on":
        return None
    if begun is not None:
        return begun
    asked = "auto" if settings.assignment == "server" else request.use_bandit
    treated = is_treated(request.user_id, settings.experiment_salt, share) if asked == "auto" else asked == "true"
    return "treatment" if treated else "control"


def test_of(group: Group | None, settings: Settings) -> Key | None:
    """The test that a list of this group is part of."""
    return Key(settings.experiment_salt, settings.experiment_begins) if group else None


def compared(group: Group | None, settings: Settings) -> Group | None:
    """The group whose requests the brake compares; None where it does not look, because callers choose groups."""
    return group if settings.assignment == "server" else None
