"""The other group's list at each visit of a demo: drawn, recorded as a shadow, shown to nobody.

Knows the service's code and its database; the visits themselves go through the public routes.
"""

import asyncio
import json
from array import array
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Final, TextIO, TypeVar

import numpy as np
from bandit_selector.evidence.paired import by_visitor, paired_lift
from bandit_selector.evidence.ratio import Interval
from bandit_selector.services.asked import Request
from bandit_selector.services.recommend import draft
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Database

from infra.local import site
from infra.local.demo.visitors import Rated, Visit
from infra.local.site import Connection

FILE: Final = "shadows.jsonl"
T = TypeVar("T")
Clicks = tuple[int, int]
"""Movies clicked, and movies listed."""


@dataclass(frozen=True, slots=True)
class Paired:
    """The lift of the bandit's list over the hybrid's at the same visits, by visits and by visitors; None with too few.

    `here` is its interval for the visitors of this world, however often they come: of a visit, who comes is drawn from
    them. `elsewhere` is its interval for other visitors like them.
    """

    here: Interval | None
    elsewhere: Interval | None


class Shadows:
    """Draws lists by the service's own code; counts the reactions to both lists of a visit, by visitor."""

    def __init__(self, database: Database, settings: Settings, worker: ThreadPoolExecutor, file: TextIO) -> None:
        self._database, self._worker, self._file = database, worker, file
        self._settings = settings.model_copy(update={"assignment": "caller"})
        self._visits = array("q")  # five numbers each: the visitor, and what `paired_lift` takes
        self._busy: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def at_the_site(self, user_id: int, rated: Sequence[Rated]) -> AsyncGenerator[None]:
        """A visit for which the site has these ratings; those of the stay are taken back after it.

        So the nightly builder does not know them, and the visitor's next visit may be at another moment of the stay.
        """
        async with self._busy[user_id]:
            made = [(one.movie_id, one.stars, one.at) for one in rated if one.stars is not None]
            if rated:
                dated = [(one.movie_id, one.at) for one in rated if one.stars is None]
                await self._run(lambda: self._database.run(lambda opened: _rate(opened, user_id, dated, made)))
            yield
            if made:
                movies = [movie for movie, _, _ in made]
                await self._run(lambda: self._database.run(lambda opened: site.unrate(opened, user_id, movies)))

    async def other(self, visit: Visit, group: str, places: int) -> list[int]:
        """The movies that the other group's list has for this visit, from the top; none where there is no test."""
        if group not in {"treatment", "control"}:
            return []
        wanted = {"user_id": visit.user_id, "limit": places, "use_bandit": "false" if group == "treatment" else "true"}
        request = Request.model_validate(wanted)
        randomness = Random(f"{visit.user_id} {visit.at.isoformat()}")  # nothing secret
        drawn = await self._run(lambda: draft(self._database, request, self._settings, visit.at, randomness, _raise))
        movies = [place.movie_id for place in drawn]
        shadow = {"at": visit.at.isoformat(), "user_id": visit.user_id, "shown_to": group, "shadow": movies}
        self._file.write(json.dumps(shadow) + "\n")
        return movies

    def count(self, user_id: int, group: str, shown: Clicks, shadow: Clicks) -> None:
        """Adds a visit's reactions to the list that was shown to its group, and to the other group's."""
        treatment, control = (shown, shadow) if group == "treatment" else (shadow, shown)
        self._visits.extend((user_id, *treatment, *control))

    def lift(self) -> Paired:
        """What the visits until now say."""
        rows = np.array(self._visits).reshape(-1, 5)
        who, visits = rows[:, 0], rows[:, 1:].astype(np.float64)
        return Paired(*(paired_lift(units, self._settings.planned_lift) for units in (visits, by_visitor(who, visits))))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


@contextmanager
def opened_shadows(url: str, settings: Settings, folder: Path) -> Generator[Shadows]:
    """Shadows with a connection and a thread of their own, recorded in a file of the folder."""
    with (
        (folder / FILE).open("w") as file,
        closing(Database(lambda: url, statement_seconds=10, plan_once=True)) as database,
        ThreadPoolExecutor(1) as worker,
    ):
        yield Shadows(database, settings, worker, file)


def _rate(
    connection: Connection, user: int, dated: list[tuple[int, datetime]], made: list[tuple[int, float, datetime]]
) -> None:
    site.redate(connection, user, dated)
    site.rate(connection, user, made)


def _raise(error: Exception) -> None:
    raise error
