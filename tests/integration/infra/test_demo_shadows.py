"""A demo's visitor: the site has the ratings of the stay while the list is made, and not afterwards."""

import asyncio
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection

from infra.local.demo.shadows import Shadows, opened_shadows
from infra.local.demo.visitors import Rated, Visit
from tests.integration.events import load_site

AT = datetime(2026, 3, 1, 20, tzinfo=UTC)


@pytest.fixture
def shadows(connection: Connection, database_url: str, tmp_path: Path) -> Generator[Shadows]:
    load_site(connection)
    connection.execute("INSERT INTO ratings (user_id, movie_id, rating, timestamp) VALUES (1, 5, 4, '2020-01-01')")
    with opened_shadows(database_url, Settings(), tmp_path) as opened:
        yield opened


def ratings(connection: Connection) -> dict[int, tuple[float, datetime]]:
    rows = connection.execute("SELECT movie_id, rating, timestamp FROM ratings WHERE user_id = 1").fetchall()
    return {movie: (stars, at.astimezone(UTC)) for movie, stars, at in rows}


def test_the_ratings_of_a_stay_are_the_sites_during_the_visit_only(shadows: Shadows, connection: Connection) -> None:
    minute = timedelta(minutes=1)
    known = [Rated(5, AT - 2 * minute), Rated(6, AT - minute, 4.5)]

    async def visit() -> tuple[dict[int, tuple[float, datetime]], list[int]]:
        async with shadows.at_the_site(1, known):
            return ratings(connection), await shadows.other(Visit(1, AT), "treatment", 10)

    during, listed = asyncio.run(visit())
    assert during == {5: (4.0, AT - 2 * minute), 6: (4.5, AT - minute)}
    assert len(listed) == 10
    assert not {5, 6} & set(listed)
    assert ratings(connection) == {5: (4.0, AT - 2 * minute)}


def test_visits_of_one_visitor_come_one_after_another(shadows: Shadows, connection: Connection) -> None:
    async def visit(movie: int) -> set[int]:
        async with shadows.at_the_site(1, [Rated(movie, AT, 3.0)]):
            await asyncio.sleep(0.01)
            return set(ratings(connection))

    async def both() -> tuple[set[int], set[int]]:
        return await asyncio.gather(visit(7), visit(8))

    assert list(asyncio.run(both())) == [{5, 7}, {5, 8}]
