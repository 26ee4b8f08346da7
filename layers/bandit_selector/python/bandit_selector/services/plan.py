"""A plan for a site's traffic: how long a test takes, what learning costs, and a ramp. Knows no storage."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from bandit_selector.evidence.planning import Reals, Traffic, days_until_shown
from bandit_selector.services.rehearsal import Rehearsal, rehearse
from bandit_selector.settings import Settings

LIFTS: Final = (0.05, 0.10, 0.15, 0.20)
SHARES: Final = (0.05, 0.10, 0.25, 0.50)
HARM: Final = -0.20
"""The harm that each step of the ramp should find before the next begins."""
HOLDOUT: Final = 0.10
"""The control's share that stays after the test: what a lift costs to keep measuring."""
WEEK: Final = 7
HISTORY: Final = "with history of every arm (HISTORY_WORTH)"
TREBLE: Final = ("mobile", "desktop", "tv")
"""The levels of a further factor, for "what would three times the contexts cost"."""


@dataclass(frozen=True, slots=True)
class Step:
    """A share of visitors for the bandit, from a day of the ramp on, and why it may begin then."""

    share: float
    day: int
    reason: str


@dataclass(frozen=True, slots=True)
class Variant:
    """Learning under changed settings: the clicks lost, median and 10th and 90th percentile over rehearsals."""

    name: str
    lost: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Saving:
    """How many clicks fewer are lost when each arm begins with history worth `outcomes`: median, 10th and 90th
    percentile over the same made-up sites. The history is right about the arms there."""

    outcomes: float
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Context:
    """When a context draws an arm close to its best, in days; inf where it did not by the end."""

    key: str
    places_per_day: float
    median: float
    slow: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What `./dev plan` answers. `shown[lift][share]` are days; inf where a lift can never be shown.

    `days`, `lost`, `lost_low`, `lost_high` draw the clicks lost while learning; `even` is what equal chances would lose
    by the last day. All of learning is simulated, at `share` of the visitors, over `runs` made-up sites.
    """

    traffic: Traffic
    shown: Mapping[float, Mapping[float, float]]
    contexts: tuple[Context, ...]
    days: Reals
    lost: Reals
    lost_low: Reals
    lost_high: Reals
    even: float
    variants: tuple[Variant, ...]
    saved: Saving | None
    ramp: tuple[Step, ...]
    share: float
    runs: int


def plan(traffic: Traffic, settings: Settings, days: float, runs: int, seed: int, each: Callable[[], None]) -> Plan:
    """Everything a team wants to know before it starts; `each` is called after every rehearsal."""
    share = settings.treatment_share if 0 < settings.treatment_share < 1 else 0.5
    plain = _Change("as configured", traffic, settings)
    rehearsals = [_run(plain, days, share, seed + run, each) for run in range(runs)]
    lost = np.array([one.lost for one in rehearsals])
    changed = {
        one.name: np.array([_run(one, days, share, seed + run, each).lost[-1] for run in range(runs)])
        for one in _changes(traffic, settings)
    }
    kept = [lost[:, -1] - with_history for name, with_history in changed.items() if name == HISTORY]
    return Plan(
        traffic=traffic,
        shown={lift: {s: days_until_shown(traffic, lift, s) for s in SHARES} for lift in LIFTS},
        contexts=_contexts(traffic, np.array([one.knows for one in rehearsals]), share),
        days=rehearsals[0].days,
        lost=np.median(lost, axis=0),
        lost_low=np.quantile(lost, 0.1, axis=0),
        lost_high=np.quantile(lost, 0.9, axis=0),
        even=float(np.median([one.even for one in rehearsals])),
        variants=tuple(
            Variant(name, *_spread(all_lost)) for name, all_lost in ({plain.name: lost[:, -1]} | changed).items()
        ),
        saved=Saving(settings.history_worth, *_spread(kept[0])) if kept else None,
        ramp=tuple(_ramp(traffic, settings)),
        share=share,
        runs=runs,
    )


def rehearsals(traffic: Traffic, settings: Settings, runs: int) -> int:
    """How many rehearsals `plan` runs."""
    return runs * (1 + len(list(_changes(traffic, settings))))


@dataclass(frozen=True, slots=True)
class _Change:
    """What a variant of the learning changes; `history` are the outcomes of each arm that it begins with."""

    name: str
    traffic: Traffic
    settings: Settings
    history: float = 0.0


def _run(change: _Change, days: float, share: float, seed: int, each: Callable[[], None]) -> Rehearsal:
    rng = np.random.default_rng(seed)
    run = rehearse(change.traffic, change.settings, days, share, rng, change.history)
    each()
    return run


def _changes(traffic: Traffic, settings: Settings) -> Iterator[_Change]:
    worth = settings.history_worth
    if worth:
        yield _Change(HISTORY, traffic, settings, worth)
    yield _Change("floor of 1 % a cell", traffic, settings.model_copy(update={"min_arm_probability": 0.01}))
    yield _Change("no floor", traffic, settings.model_copy(update={"min_arm_probability": 0.0}))
    yield _Change("cap only tells (DOMINANCE=alert)", traffic, settings.model_copy(update={"dominance": "alert"}))
    independent = settings.model_copy(update={"policy": "independent"})
    yield _Change("each cell by itself (POLICY=independent)", traffic, independent)
    yield _Change("three times the contexts", _trebled(traffic), settings)


def _trebled(traffic: Traffic) -> Traffic:
    return Traffic(
        traffic.places_per_day,
        traffic.visitors_per_day,
        traffic.ctr,
        traffic.design_effect,
        tuple(f"{key}|{level}" for key in traffic.contexts for level in TREBLE),
        tuple(share / len(TREBLE) for share in traffic.mix for _ in TREBLE),
    )


def _spread(values: Reals) -> tuple[float, float, float]:
    return float(np.median(values)), float(np.quantile(values, 0.1)), float(np.quantile(values, 0.9))


def _contexts(traffic: Traffic, knows: Reals, share: float) -> tuple[Context, ...]:
    """`knows`: (runs, contexts)."""
    median, slow = _quantile(knows, 0.5), _quantile(knows, 0.9)
    rows = zip(traffic.contexts, traffic.mix, median, slow, strict=True)
    return tuple(Context(key, mix * share * traffic.places_per_day, m, s) for key, mix, m, s in rows)


def _quantile(knows: Reals, level: float) -> list[float]:
    """The smallest value that this share of runs does not exceed; inf is a value like any other."""
    place = min(ceil(level * len(knows)), len(knows)) - 1
    return [float(value) for value in np.sort(knows, axis=0)[place]]


def _ramp(traffic: Traffic, settings: Settings) -> Iterator[Step]:
    """Each step lasts until a harm of HARM would be found; the test of half the visitors lasts a week at least."""
    day, before = 0, 0.0
    for share in (0.05, 0.25, 0.50):
        yield Step(share, day, _reason(share, before))
        before = days_until_shown(traffic, HARM, share)
        day += max(ceil(before), 1)
    shown = days_until_shown(traffic, settings.planned_lift, 0.50)
    until = day - max(ceil(before), 1) + max(ceil(before), ceil(shown), WEEK)
    lift, kept = 100 * settings.planned_lift, 100 * HOLDOUT
    yield Step(1 - HOLDOUT, until, f"a lift of {lift:.0f} % would be shown by then; {kept:.0f} % stay in control")


def _reason(share: float, before: float) -> str:
    if not before:
        return f"{100 * share:.0f} % of the visitors are the most that a fault can reach on the first day"
    return f"harm of {-100 * HARM:.0f} % would have been found in the {before:.1f} days before"
