"""Rehearses learning on a site's traffic, with clicks that are simulated: what it costs, and when contexts know their
best arm. Knows the order of things only; randomness is an argument."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from bandit_selector.evidence.planning import Reals, Traffic
from bandit_selector.learning.memory import Ages, Memory
from bandit_selector.learning.posterior import PRIOR
from bandit_selector.services.learning_rule import forget_refuted, half_lives, learn_from
from bandit_selector.settings import Settings

DAY: Final = 86_400.0
STEPS: Final = 60
"""Publications in a rehearsal, each an equal part longer than the one before: of 90 days, half an hour to twelve days.

The service publishes every minute, so a rehearsal learns somewhat too late and loses somewhat too many clicks.
"""
FIRST: Final = 0.02
"""The length of the first step, in days: about half an hour."""
CLOSE: Final = 0.05
"""A context knows its best arm once the arm it draws most has at least this much less than the best arm's rate."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One simulated run. `days` and `lost` have one number a publication; `knows` one a context, in days, inf if never.

    `lost` are the expected clicks lost so far against always showing each context's best arm; `even` those that equal
    chances for all arms would have lost.
    """

    days: Reals
    lost: Reals
    even: float
    knows: Reals


def rehearse(
    traffic: Traffic, settings: Settings, days: float, share: float, rng: np.random.Generator, history: float = 0.0
) -> Rehearsal:
    """The rule under these settings, from nothing, while it fills `share` of all places for some days.

    With `history`, it begins with so many outcomes of each arm, drawn at the arms' true rates by the mix of contexts.

    The arms' rates are drawn around the site's click rate with the spread that the rule expects (`hierarchy.Prior`).
    Outcomes reach the rule with the publication after the one they were drawn from: silence takes its time, and here
    the more, the later it is.
    """
    rates = _rates(traffic, settings, rng)
    ends = _ends(days)
    memory, ages = Memory.empty(*rates.shape), Ages(*(np.zeros((len(rates), 1)) for _ in range(3)))
    memory = memory.recalling(_history(rates, traffic, history, rng.spawn(1)[0]))
    best, mix, lives = rates.max(axis=1), np.array(traffic.mix), half_lives(settings)
    lost, leading, waiting = (
        np.zeros(len(ends)),
        np.zeros((len(ends), len(rates)), dtype=bool),
        np.zeros((2, *rates.shape)),
    )
    for step, length in enumerate(np.diff(ends, prepend=0.0)):
        chances = learn_from(traffic.contexts, memory, settings).probability
        leading[step] = rates[np.arange(len(rates)), chances.argmax(axis=1)] >= best * (1 - CLOSE)
        places = length * share * traffic.places_per_day
        lost[step] = places * float(mix @ (best - (chances * rates).sum(axis=1)))
        drawn = rng.poisson(places * mix[:, None] * chances)
        successes = rng.binomial(drawn, rates)
        now = ages.after(float(waiting.sum()), length * DAY, lives)
        memory, _ = forget_refuted(traffic.contexts, memory.aged(ages, now).plus(waiting[0], waiting[1]), settings)
        ages, waiting = now, np.stack([successes, drawn - successes]).astype(float)
    even = float(mix @ (best - rates.mean(axis=1))) * share * traffic.places_per_day * days
    return Rehearsal(ends, lost.cumsum(), even, _known_from(leading, ends))


def _rates(traffic: Traffic, settings: Settings, rng: np.random.Generator) -> Reals:
    """The rates of a made-up site, (contexts, arms): effects of the prior's spread, and the traffic's click rate."""
    levels = [context.split("|") for context in traffic.contexts]
    arms = len(settings.arms)
    logit = np.log(traffic.ctr / (1 - traffic.ctr)) + rng.normal(0, PRIOR.arm, (1, arms))
    logit = logit + rng.normal(0, PRIOR.cell, (len(levels), arms))
    for factor in range(max(map(len, levels))):
        effects = {
            level: rng.normal(0, PRIOR.arm_factor, arms) for level in sorted({level[factor] for level in levels})
        }
        logit = logit + np.array([effects[level[factor]] for level in levels])
    rates = 1 / (1 + np.exp(-logit))
    return np.clip(rates * traffic.ctr / float(np.array(traffic.mix) @ rates.mean(axis=1)), 1e-6, 0.95)


def _history(rates: Reals, traffic: Traffic, outcomes: float, rng: np.random.Generator) -> Reals:
    """(successes, failures) of each cell, whose arm has so many outcomes over all contexts.

    By a generator of its own, so that all else is drawn as without history.
    """
    if not outcomes:
        return np.zeros((2, *rates.shape))
    shown = rng.poisson(outcomes * np.array(traffic.mix)[:, None] * np.ones_like(rates))
    successes = rng.binomial(shown, rates)
    return np.stack([successes, shown - successes]).astype(float)


def _ends(days: float) -> Reals:
    """When each of STEPS publications ends: equal steps in the logarithm, from FIRST on."""
    return np.geomspace(min(FIRST, days / STEPS), days, STEPS)


def _known_from(leading: np.ndarray[tuple[int, int], np.dtype[np.bool_]], ends: Reals) -> Reals:
    """The day from which each context's leading arm was close to the best to the end; inf if not at the end."""
    since = len(ends) - np.argmax(~leading[::-1], axis=0)
    always = leading.all(axis=0)
    started = np.concatenate([[0.0], ends])[np.where(always, 0, since)]
    return np.where(leading[-1], started, np.inf)
