"""Simulated visitors as real HTTP clients: each asks for a list, looks at it, and reports what it liked.

Knows the service's public routes and must not know what is behind them.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
import numpy as np

from infra.local.demo.shadows import Shadows
from infra.local.demo.visitors import Reaction, Visit, World
from infra.local.emulation.gateway import SIMULATED_TIME
from infra.local.emulation.issuer import Issuer

AT_ONCE: Final = 6
PLACES: Final = 10
STAY: Final = timedelta(days=30)  # an endless demo outlives a visitor's usual token
AHEAD: Final = timedelta(hours=6)  # how far the visits' clock may run ahead of the real one at full speed
PAUSE_SECONDS: Final = 1.0  # before a visit further ahead, so that an endless demo leaves the machine idle time
GATHERED: Final = timedelta(seconds=30)  # reactions of this time are one request, as the browser client sends them
TOGETHER: Final = 25  # the most reactions that POST /analytics/track takes
Told = tuple[timedelta, Mapping[str, object]]
"""How long after its list a reaction was, and what POST /analytics/track takes of it."""


def clicks(reactions: Sequence[Reaction]) -> int:
    """How many movies were clicked."""
    return len({reaction.movie_id for reaction in reactions if reaction.action == "click"})


def told(reactions: Sequence[Reaction], events: Mapping[int, int]) -> list[Told]:
    """The reactions to movies whose event ids are given, as the service takes them."""
    return [
        (
            one.delay,
            {"action": one.action.replace("_", "-"), "event_id": events[one.movie_id]}
            | ({} if one.rating is None else {"rating": one.rating}),
        )
        for one in reactions
    ]


def gathered(everything: Sequence[Told]) -> Iterator[Sequence[Told]]:
    """What is sent together, in the order of delay."""
    waiting: list[Told] = []
    for one in everything:
        if waiting and (one[0] - waiting[0][0] >= GATHERED or len(waiting) == TOGETHER):
            yield waiting
            waiting = []
        waiting.append(one)
    if waiting:
        yield waiting


class RequestFailed(Exception):
    """The service gave a visitor an unexpected answer."""


@dataclass(slots=True)
class Crowd:
    """Visitors of one world at one service; counts movies shown and clicks.

    Each looks at a whole list, and reports that if `reports_seen`.
    """

    world: World
    api: str
    issuer: Issuer
    seed: int
    session: aiohttp.ClientSession
    reports_seen: bool = False
    shadows: Shadows | None = None
    visits: int = 0
    tracked: int = 0
    shown: Counter[str] = field(default_factory=Counter[str])
    clicked: Counter[str] = field(default_factory=Counter[str])
    _tokens: dict[int, str] = field(default_factory=dict[int, str])

    async def come(self, visits: Iterator[Visit], at_once: int = AT_ONCE) -> None:
        """Makes every visit in order, `at_once` at a time. Raises RequestFailed at the first failure."""
        numbered = enumerate(visits)
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._one_after_another(numbered))

    def ctr(self, group: str) -> float:
        """Clicks per movie shown to this group so far."""
        return self.clicked[group] / max(self.shown[group], 1)

    async def _one_after_another(self, numbered: Iterator[tuple[int, Visit]]) -> None:
        for number, visit in numbered:
            if visit.at > datetime.now(UTC) + AHEAD:
                await asyncio.sleep(PAUSE_SECONDS)
            await self._visit(visit, np.random.default_rng([self.seed, number]))
            self.visits += 1

    async def _visit(self, visit: Visit, rng: np.random.Generator) -> None:
        """One list, what the other group's would be, and the reactions to it."""
        rated = self.world.rated_before(visit.user_id, visit.at) if self.shadows else ()
        async with self.shadows.at_the_site(visit.user_id, rated) if self.shadows else nullcontext():
            group, events = await self._ask(visit)
            other = await self.shadows.other(visit, group, PLACES) if self.shadows else []
        chance = deepcopy(rng)  # both lists meet the same mood
        reactions = self.world.react(visit.user_id, list(events), visit.at, rng)
        self.shown[group] += len(events)
        clicked = clicks(reactions)
        self.clicked[group] += clicked
        if self.shadows and other:
            unseen = clicks(self.world.react(visit.user_id, other, visit.at, chance))
            self.shadows.count(visit.user_id, group, (clicked, len(events)), (unseen, len(other)))
        looked = self.reports_seen and events
        seen: list[Told] = [(timedelta(), {"action": "seen", "event_ids": list(events.values())})] if looked else []
        for together in gathered([*seen, *told(reactions, events)]):
            await self._report(visit, together)
        self.tracked += len(reactions)

    async def _ask(self, visit: Visit) -> tuple[str, dict[int, int]]:
        """The visitor's group and the event id of each movie shown, from the top."""
        query = {"user_id": str(visit.user_id), "limit": str(PLACES), "use_bandit": "auto"}
        headers = self._headers(visit.user_id, visit.at)
        async with self.session.get(f"{self.api}/movies/recommendations", params=query, headers=headers) as response:
            if response.status != 200:
                raise RequestFailed(f"A list was answered by {response.status}: {await response.text()}")
            movies: list[dict[str, int]] = await response.json()
            return response.headers["X-AB-Group"], {movie["id"]: movie["event_id"] for movie in movies}

    async def _report(self, visit: Visit, together: Sequence[Told]) -> None:
        """One request with what the visitor did, made when its last reaction has happened."""
        reactions = [{**about, "occurred_at": (visit.at + delay).isoformat()} for delay, about in together]
        headers = self._headers(visit.user_id, visit.at + together[-1][0])
        said = {"user_id": visit.user_id, "reactions": reactions}
        async with self.session.post(f"{self.api}/analytics/track", json=said, headers=headers) as response:
            if response.status != 202:
                raise RequestFailed(f"Feedback was answered by {response.status}: {await response.text()}")

    def _headers(self, user_id: int, moment: datetime) -> dict[str, str]:
        if user_id not in self._tokens:
            self._tokens[user_id] = self.issuer.mint(str(user_id), datetime.now(UTC), lifetime=STAY)
        return {"Authorization": f"Bearer {self._tokens[user_id]}", SIMULATED_TIME: moment.isoformat()}
