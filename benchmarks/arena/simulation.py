"""One policy living through one world, its regret counted; it must not know which policy or which world."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.arena.environments import BATCH, Environment, Indices, Reals

POINTS = 60  # where along the horizon the regret is recorded
WINDOW = 5_000  # decisions
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of earlier decisions, which are numbered from 0; one entry of each array per decision."""

    decisions: Indices
    visits: Indices
    arms: Indices
    clicked: Indices
    seconds: float = float("inf")  # since the last ones; inf where there is no clock


@dataclass(frozen=True, slots=True)
class Game:
    """`regret`: cumulative expected clicks lost against the best available arm, at POINTS equal steps.

    The largest share that one arm had: of all decisions, of WINDOW decisions in a row, of a day (nan without a clock).
    `least`: the smallest probability that the policy published; nan where it publishes none. `forgot`: how often.
    """

    regret: list[float]
    share: float
    window_share: float
    day_share: float
    least: float
    forgot: int


class Player(Protocol):
    """A policy in play."""

    def choose(self, visits: Indices, available: Indices) -> Indices:
        """One arm per decision, of the available ones."""
        ...

    def learn(self, outcomes: Outcomes) -> None:
        """Outcomes in the order of their decisions."""
        ...


def play(world: Environment, player: Player) -> Game:
    """The whole game."""
    horizon = world.horizon
    chosen = np.zeros(horizon, np.int64)
    clicked = np.zeros(horizon, np.int64)
    lost = np.zeros(horizon)
    known_at = np.arange(horizon) + world.delays
    waiting = np.zeros(horizon, bool)
    for start in range(0, horizon, BATCH):
        batch = np.arange(start, min(start + BATCH, horizon))
        phase, visits = world.phase(start), world.visits[batch]
        open_arms = np.flatnonzero(world.available[phase])
        chosen[batch] = player.choose(visits, open_arms)
        rates = world.rates[phase, visits]
        got = rates[np.arange(len(batch)), chosen[batch]]
        lost[batch] = rates[:, open_arms].max(axis=1) - got
        clicked[batch] = world.clicks[batch] < got
        waiting[batch] = True
        end = start + BATCH
        if end % world.apply_every == 0:
            known = np.flatnonzero(waiting[:end] & (known_at[:end] < end))
            waiting[known] = False
            passed = _seconds(world, end - world.apply_every, end)
            player.learn(Outcomes(known, world.visits[known], chosen[known], clicked[known], passed))
    regret = np.cumsum(lost)[np.linspace(0, horizon, POINTS + 1).astype(int)[1:] - 1]
    return _game(world, player, chosen, regret)


def _seconds(world: Environment, start: int, end: int) -> float:
    if world.moments is None:
        return float("inf")
    return float(world.moments[min(end, world.horizon) - 1] - world.moments[start])


def _game(world: Environment, player: Player, chosen: Indices, regret: Reals) -> Game:
    drawn = np.cumsum(np.eye(len(world.arms))[chosen], axis=0)
    window = min(WINDOW, len(drawn))
    windows = np.vstack([drawn[window - 1 : window], drawn[window:] - drawn[:-window]]) / window
    day = float("nan")
    if world.moments is not None:
        days = (world.moments // DAY).astype(np.int64)
        starts = np.flatnonzero(np.diff(days, prepend=-1))
        by_day = np.add.reduceat(np.eye(len(world.arms))[chosen], starts, axis=0)
        day = float((by_day.max(axis=1) / by_day.sum(axis=1)).max())
    return Game(
        regret=regret.tolist(),
        share=float(drawn[-1].max() / len(drawn)),
        window_share=float(windows.max()),
        day_share=day,
        least=float(getattr(player, "least", np.nan)),
        forgot=len(getattr(player, "told", ())),
    )
