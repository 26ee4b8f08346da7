"""Gathers what is known of the arms from before their own outcomes. Knows the order of steps and the settings."""

from collections.abc import Sequence

from bandit_selector.learning.counts import Reals
from bandit_selector.learning.history import Told, history, levelled
from bandit_selector.lists.context import CONTEXT_KEYS, OTHER
from bandit_selector.settings import Settings
from bandit_selector.store import history as recorded
from bandit_selector.store.connection import Connection


def read_history(connection: Connection, contexts: Sequence[str], settings: Settings) -> Reals:
    """The discounted evidence of each published cell, (2, contexts, arms); zeros with HISTORY_WORTH=0."""
    told = told_of(connection, settings) if settings.history_worth else []
    return history(_placed(told, settings), contexts, settings.arms, settings.history_worth)


def told_of(connection: Connection, settings: Settings) -> list[Told]:
    """What each source tells of the configured arms.

    The site's old counts are asked about arms of which neither shadows nor rows tell: they leave silence out, so where
    silence counts they are brought to the level of the rows, or of the shadows.
    """
    silence = settings.silence_counts_after is not None
    told = [
        one
        for one in (*recorded.of_shadows(connection), *recorded.of_rows(connection, silence_counts=silence))
        if one.arm in settings.arms
    ]
    known = {one.arm for one in told if one.successes + one.failures}
    states = [one for one in recorded.of_states(connection) if one.arm in settings.arms]
    if silence:
        states = levelled(states, _rate(told))
    return [*told, *(one for one in states if one.arm not in known)]


def _rate(told: Sequence[Told]) -> float | None:
    outcomes = sum(one.successes + one.failures for one in told)
    return sum(one.successes for one in told) / outcomes if outcomes else None


def _placed(told: Sequence[Told], settings: Settings) -> list[Told]:
    """What was told of one of the 24 situations is of the context with all further factors unknown."""
    further = f"|{OTHER}" * len(settings.context_factors)
    return [
        Told(one.source, one.context_key + further, one.arm, one.successes, one.failures)
        if one.context_key in CONTEXT_KEYS
        else one
        for one in told
    ]
