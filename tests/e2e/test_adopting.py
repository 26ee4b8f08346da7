"""A site adopts Bandit Selector, runs beside it, rolls back and uninstalls, while its old application never stops."""

import threading
import time
from asyncio import wait_for
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from bandit_selector.store.connection import connect
from sqlalchemy.orm import Session

from infra.local.__main__ import main
from infra.local.installation import Installation, Plan, installation
from infra.local.postgres import Postgres
from tests.integration.activity import copy_database
from tests.integration.beside import old_application
from tests.integration.beside.old_application import Event, feedback, learn, recommend

from .conftest import Run
from .pages import call, eventually

PAUSE = 0.02  # seconds between two rounds of the application, which leave the processor to the service
LONGEST_WAIT = 2.0  # seconds; a lock is waited for at most 0.3, the rest is for a loaded machine
WORDS = ("click", "rating", "watchlist", "favorite", "up", "down")
LIKE_THE_GUIDE = (
    "🎰 Adding bandit_states table for Thompson Sampling...",
    "📊 Creating bandit_states table...",
    "✅ Created bandit_states table with indexes",
    "✨ Migration completed successfully!",
    "Next steps:",
)


class OldApplication(threading.Thread):
    """Shows lists to users 1 to 25 and takes their feedback.

    It notes what it wrote last of each row, and its longest transaction.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.stopping = url, threading.Event()
        self.longest, self.rounds = 0.0, 0
        self.failure: BaseException | None = None
        self.wrote: dict[int, tuple[Any, ...]] = {}

    def run(self) -> None:
        try:
            with old_application.opened(self.url) as session:
                while not self.stopping.is_set():
                    self._round(session, Random(self.rounds))
                    self.rounds += 1
                    self.stopping.wait(PAUSE)
        except BaseException as failure:  # read by the test's own thread
            self.failure = failure

    def _round(self, session: Session, randomness: Random) -> None:
        user, movies = randomness.randint(1, 25), randomness.sample(range(1, 41), 3)
        self._timed(lambda: recommend(session, user, movies, "svd"))
        for word in randomness.sample(WORDS, 2):
            event = self._timed(lambda word=word: feedback(session, user, movies[0], word, 4.5))
            self.wrote[event.id] = said(event)
        self._timed(lambda: learn(session, "svd"))

    def _timed(self, work: Callable[[], Any]) -> Any:
        before = time.monotonic()
        done = work()
        self.longest = max(self.longest, time.monotonic() - before)
        return done

    def await_rounds(self, number: int) -> None:
        until = self.rounds + number
        eventually(lambda: self.rounds >= until or self.failure is not None, 60)
        assert self.failure is None


def said(event: Event) -> tuple[Any, ...]:
    return (
        *(event.user_id, event.movie_id, event.algorithm, event.clicked, event.clicked_at, event.rating_value),
        *(event.added_to_watchlist, event.added_to_favorites, event.thumbs_up, event.thumbs_up_at, event.thumbs_down),
    )


@pytest.fixture
def site_url(server: Postgres) -> str:
    url = copy_database(server, "template1", "adopting_site")
    with connect(url) as connection:
        old_application.install(connection, 2_000)
        connection.execute(
            "INSERT INTO ratings (user_id, movie_id, rating) SELECT u, 1 + (u * 7 + m * 3) %% 40, 1 + (u + m) %% 5"
            " FROM generate_series(1, 50) AS u, generate_series(1, 8) AS m",
            [],
        )
    return url


@pytest.fixture
def running(site_url: str) -> Iterator[OldApplication]:
    application = OldApplication(site_url)
    application.start()
    yield application
    application.stopping.set()
    application.join()


@pytest.mark.long
def test_a_site_adopts_runs_beside_rolls_back_and_uninstalls(
    site_url: str,
    running: OldApplication,
    run: Run,
    open_folder: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", site_url)

    def say(*words: str) -> str:
        assert main(words) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    running.await_rounds(3)
    assert "Rename recommendation_events to recommendation_events_site" in say("migrate", "--plan")
    printed = say("migrate")
    assert all(line in printed for line in LIKE_THE_GUIDE)
    running.await_rounds(3)

    stack = AsyncExitStack()
    service: Installation = run(
        wait_for(stack.enter_async_context(installation(Plan(open_folder(), 0, database_url=site_url))), 60)
    )
    run(service.invoke("candidates", {"time": datetime.now(UTC).isoformat()}))
    movies = call(service, "GET", "/movies/recommendations?user_id=30&limit=5&use_bandit=true", 30)
    call(service, "POST", "/analytics/track/click", 30, {"user_id": 30, "event_id": movies[0]["event_id"]})
    with old_application.opened(site_url) as session:
        for movie, words in ((movies[1], ("up",)), (movies[2], ("up", "up")), (movies[3], ("down",))):
            for word in words:
                feedback(session, 30, movie["id"], word)
    later = datetime.now(UTC) + timedelta(minutes=11)
    eventually(lambda: row(site_url, movies[0]["event_id"])[0] is True)
    run(service.invoke("settle", {"time": later.isoformat()}))
    outcomes = [row(site_url, movie["event_id"])[1] for movie in movies]
    assert outcomes == ["success", "success", "failure", "failure", "failure"]
    assert "holds" in say("verify")
    stats = call(service, "GET", "/analytics/performance?days=90", 0, scope="analytics")
    assert {"manual", "unified", "bandit_hybrid_fallback", "hybrid_control"} <= stats["algorithms"].keys()

    run(stack.aclose())  # rolled back: the old application serves user 30 again
    with old_application.opened(site_url) as session:
        recommend(session, 30, [movies[0]["id"]], "svd")
        feedback(session, 30, movies[0]["id"], "rating", 5.0)
        feedback(session, 30, movies[4]["id"], "click")
    assert row(site_url, movies[4]["event_id"])[0] is True
    assert "Nothing to do" in say("migrate")

    running.await_rounds(2)
    assert "recommendation_events again" in say("uninstall", "--yes")
    running.await_rounds(3)
    running.stopping.set()
    running.join()
    assert running.failure is None
    assert running.longest < LONGEST_WAIT
    with old_application.opened(site_url) as session:
        kept = {event.id: said(event) for event in session.query(Event).where(Event.id.in_(running.wrote))}
    assert kept == running.wrote


def row(url: str, event_id: int) -> tuple[Any, ...]:
    """(clicked, outcome) of one of our impressions, as the view has it."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT clicked, outcome FROM recommendation_events WHERE bandit_event_id = %s", [event_id]
        ).fetchone()
    assert found is not None
    return found
