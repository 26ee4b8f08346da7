"""Hands the ratings that the site's own backend wrote to the bandit. Knows the order of things only."""

from collections.abc import Callable
from datetime import datetime

from bandit_selector.errors import RatingsNotReadable
from bandit_selector.settings import Settings
from bandit_selector.store import site_ratings
from bandit_selector.store.connection import Connection
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.outcomes import apply

AT_ONCE = 1_000
"""Messages in one transaction, as in a batch of the queue."""


def read_site_ratings(
    connection: Connection, now: datetime, settings: Settings, time_is_left: Callable[[], bool]
) -> int:
    """Applies what was rated on lists that have reached an age since the last run; returns how many messages were new.

    What is read twice, by a second process or after a crash, counts once. Raises RatingsNotReadable.
    """
    source = site_ratings.readable(connection, settings.site_time_zone)
    if source.reason:
        raise RatingsNotReadable(source.reason)
    rule, new = Rule.of(settings), 0
    ages = site_ratings.ages(settings.silence_counts_after, rule.window)
    for since, until in site_ratings.steps(site_ratings.read_until(connection, now), now):
        if not time_is_left():
            break
        for age in ages:
            messages = site_ratings.read(connection, source, since, until, age, rule.window)
            for first in range(0, len(messages), AT_ONCE):
                new += apply(connection, messages[first : first + AT_ONCE], rule, now).new
        site_ratings.remember(connection, until)
    return new
