"""Plays one policy in one world and counts its regret; must not know which policy or which world."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.arena.environments import BATCH, Indices, Reals, World

POINTS = 60  # moments at which the regret is recorded


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Outcomes of earlier decisions, which are numbered from 0; each array has one entry per decision."""

    decisions: Indices
    visits: Indices
    arms: Indices
    clicked: Indices
    seconds: float = float("inf")  # since the last ones; inf where there is no clock


class Player(Protocol):
    """A policy in play."""

    def choose(self, visits: Indices, available: Indices) -> Indices:
        """One available arm per decision."""
        ...

    def learn(self, outcomes: Outcomes) -> None:
        """Outcomes in the order of their decisions."""
        ...


def play(world: World, player: Player) -> Reals:
    """Cumulative regret (expected clicks lost against the best available arm) at POINTS equal steps."""
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
            player.learn(Outcomes(known, world.visits[known], chosen[known], clicked[known]))
    return np.cumsum(lost)[np.linspace(0, horizon, POINTS + 1).astype(int)[1:] - 1]
