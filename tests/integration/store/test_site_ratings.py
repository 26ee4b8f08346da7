"""What the site's own backend writes into `ratings` counts like feedback: the newest inside the window, once."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bandit_selector.errors import RatingsNotReadable
from bandit_selector.services.site_ratings import read_site_ratings
from bandit_selector.settings import Settings
from bandit_selector.store import verification
from bandit_selector.store.connection import Connection
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.outcomes import settle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import EPOCH, RULE, Impression, show, truncate

SAME_DATABASE = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings()


@pytest.fixture(autouse=True)
def site(connection: Connection) -> None:
    connection.execute("INSERT INTO users SELECT generate_series(1, 3)")
    connection.execute("INSERT INTO movies SELECT n, 'Movie' FROM generate_series(1, 4) AS n")


def run(connection: Connection, now: datetime, chosen: Settings = SETTINGS) -> int:
    return read_site_ratings(connection, now, chosen, lambda: True)


def rate(connection: Connection, rating: float, at: datetime, user: int = 1, movie: int = 1) -> None:
    """What a site's backend does at POST /ratings/."""
    connection.execute(
        "INSERT INTO ratings VALUES (%s, %s, %s, %s) ON CONFLICT (user_id, movie_id)"
        ' DO UPDATE SET rating = excluded.rating, "timestamp" = excluded."timestamp"',
        [user, movie, rating, at],
    )


def said(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT rating_value, rated_at, outcome FROM recommendation_events ORDER BY created_at, position"
    ).fetchall()


def test_a_rating_given_before_the_silence_ends_is_never_a_failure(connection: Connection) -> None:
    run(connection, EPOCH)
    show(connection, [Impression(1)])
    rate(connection, 5, EPOCH + MINUTE)
    assert run(connection, EPOCH + 10 * MINUTE) == 1
    assert settle(connection, EPOCH + MINUTE, RULE, EPOCH + 10 * MINUTE, 10) == 1
    assert said(connection) == [(5, EPOCH + MINUTE, "success")]
    assert verification.first_difference(connection) is None


def test_a_late_rating_turns_silence_and_a_changed_one_turns_it_back(connection: Connection) -> None:
    run(connection, EPOCH)
    show(connection, [Impression(1)])
    settle(connection, EPOCH + MINUTE, RULE, EPOCH + 10 * MINUTE, 10)
    outcomes: list[str] = []
    for given_after, stars, read_after in (
        (30 * MINUTE, 4.5, HOUR),
        (5 * HOUR, 2.0, DAY),
        (3 * DAY, 3.0, 7 * DAY + MINUTE),
        (8 * DAY, 5.0, 9 * DAY),
    ):
        rate(connection, stars, EPOCH + given_after)
        run(connection, EPOCH + read_after)
        outcomes.append(said(connection)[0][2])
    assert outcomes == ["success", "failure", "neutral", "neutral"]
    assert verification.first_difference(connection) is None


def test_a_rating_of_the_windows_last_hours_counts_and_a_later_one_does_not(connection: Connection) -> None:
    run(connection, EPOCH)
    show(connection, [Impression(1, movie_id=1), Impression(1, movie_id=2, place=2)])
    rate(connection, 5, EPOCH + 7 * DAY - MINUTE)
    rate(connection, 5, EPOCH + 7 * DAY + MINUTE, movie=2)
    run(connection, EPOCH + 8 * DAY)
    assert [row[0] for row in said(connection)] == [5, None]


def test_a_value_that_changes_under_its_timestamp_is_the_newer_opinion(connection: Connection) -> None:
    run(connection, EPOCH)
    show(connection, [Impression(1)])
    for stars in (5.0, 1.0, 1.0):
        rate(connection, stars, EPOCH + MINUTE)
        connection.execute("UPDATE bandit_site_ratings SET read_until = %s", [EPOCH])
        run(connection, EPOCH + 2 * HOUR)
    assert [(row[0], row[2]) for row in said(connection)] == [(1, "failure")]
    assert connection.execute("SELECT count(*) FROM feedback_events").fetchone() == (2,)


def test_stars_between_halves_count_as_they_are(connection: Connection) -> None:
    connection.execute("ALTER TABLE ratings ALTER rating TYPE numeric(3, 1)")
    run(connection, EPOCH)
    show(connection, [Impression(1, movie_id=n, place=n) for n in (1, 2, 3)])
    for movie, stars in ((1, 3.9), (2, 4.1), (3, 2.1)):
        rate(connection, stars, EPOCH + MINUTE, movie=movie)
    run(connection, EPOCH + HOUR)
    assert [row[2] for row in said(connection)] == ["neutral", "success", "neutral"]


def test_a_clock_without_zone_is_the_sites(connection: Connection) -> None:
    connection.execute('ALTER TABLE ratings ALTER "timestamp" TYPE timestamp USING "timestamp" AT TIME ZONE \'UTC\'')
    run(connection, EPOCH)
    show(connection, [Impression(1)])
    connection.execute("INSERT INTO ratings VALUES (1, 1, 5, '2026-03-01 13:01')")
    run(connection, EPOCH + HOUR, Settings(site_time_zone=ZoneInfo("Europe/Berlin")))
    assert said(connection) == [(5, EPOCH + MINUTE, "success")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ('ALTER TABLE ratings DROP "timestamp"', 'no column "timestamp"'),
        ('ALTER TABLE ratings DROP "timestamp", ADD "timestamp" bigint', "is bigint"),
        (
            "ALTER TABLE ratings DROP CONSTRAINT ratings_pkey, DROP CONSTRAINT ratings_user_id_fkey;"
            " ALTER TABLE ratings ADD notes char(1900) DEFAULT 'x';"
            " INSERT INTO ratings SELECT 1, 1, 1, now() FROM generate_series(1, 34000)",
            "has 69 MB and no index that begins with user_id",
        ),
        ("DROP TABLE ratings", 'no column "timestamp"'),
    ],
)
def test_ratings_that_cannot_be_read_are_named(connection: Connection, change: str, reason: str) -> None:
    connection.execute(change.encode())
    with pytest.raises(RatingsNotReadable, match=reason):
        run(connection, EPOCH)


def test_a_sites_extra_rows_and_odd_values_are_no_obstacle(connection: Connection) -> None:
    connection.execute(
        "ALTER TABLE ratings DROP CONSTRAINT ratings_pkey, DROP CONSTRAINT ratings_rating_check,"
        " ALTER rating TYPE double precision, ALTER rating DROP NOT NULL"
    )
    run(connection, EPOCH)
    show(connection, [Impression(1)])
    for value in ("NaN", "1e300", "-1", "0", "6", None, "5", "5"):
        connection.execute("INSERT INTO ratings VALUES (1, 1, %s, %s)", [value, EPOCH + MINUTE])
    connection.execute("INSERT INTO ratings VALUES (1, 1, 3, '-infinity'), (1, 1, 3, 'infinity')")
    assert run(connection, EPOCH + HOUR) == 1
    assert said(connection)[0][0] == 5


SHORT = Settings(attribution_window=4 * HOUR)  # so that all of it is over after a few runs
moments = st.integers(0, 6 * 60).map(lambda minutes: minutes * MINUTE)
shows = st.tuples(st.just("show"), moments, st.integers(1, 2), st.integers(1, 2))
rates = st.tuples(st.just("rate"), moments, st.integers(1, 2), st.integers(1, 2))
runs = st.tuples(st.sampled_from(("run", "crash", "settle")), moments, st.just(0), st.just(0))


@SAME_DATABASE
@given(history=st.lists(shows | rates | runs, max_size=25), stars=st.lists(st.integers(1, 10), min_size=25))
def test_in_the_end_the_newest_rating_inside_the_window_counts(
    connection: Connection, history: list[tuple[str, timedelta, int, int]], stars: list[int]
) -> None:
    truncate(connection)
    connection.execute("TRUNCATE ratings, bandit_site_ratings")
    run(connection, EPOCH - MINUTE, SHORT)
    shown: list[Impression] = []
    given_: list[tuple[datetime, int, int, float]] = []
    for number, (what, after, user, movie) in enumerate(sorted(history, key=lambda event: event[1]), start=1):
        at = EPOCH + after + number * timedelta(seconds=1)
        if what == "show":
            shown.append(Impression(number, user, movie, created_at=at))
            show(connection, shown[-1:])
        elif what == "rate":
            given_.append((at, user, movie, stars[number - 1] / 2))
            rate(connection, stars[number - 1] / 2, at, user, movie)
        else:
            happen(connection, what, at)
    run(connection, EPOCH + 12 * HOUR, SHORT)
    settle(connection, EPOCH + DAY, Rule.of(SHORT), EPOCH + DAY, 1000)
    known = dict(connection.execute("SELECT id, rating_value FROM recommendation_events").fetchall())
    assert {one.id: known[one.id] for one in shown} == expected(shown, given_, read_or_kept(connection))
    assert verification.first_difference(connection) is None


def happen(connection: Connection, what: str, at: datetime) -> None:
    """A run, a run that is killed before it remembers what it has read, or a settling."""
    if what == "settle":
        settle(connection, at - 10 * MINUTE, Rule.of(SHORT), at, 1000)
        return
    before = connection.execute("SELECT read_until FROM bandit_site_ratings").fetchone()
    run(connection, at, SHORT)
    if what == "crash" and before:
        connection.execute("UPDATE bandit_site_ratings SET read_until = %s", before)


def read_or_kept(connection: Connection) -> set[tuple[Any, ...]]:
    """(moment, user, movie) of the ratings that were ever read; one that was replaced before any run is gone."""
    rows = connection.execute(
        "SELECT received_at, user_id, movie_id FROM feedback_events"
        ' UNION SELECT "timestamp", user_id, movie_id FROM ratings'
    )
    return set(rows.fetchall())


def expected(
    shown: list[Impression], rated: list[tuple[datetime, int, int, float]], read: set[tuple[Any, ...]]
) -> dict[int, float | None]:
    """By the words of the rule: each rating counts for the newest impression before it, the newest rating wins."""
    opinions: dict[int, float | None] = {one.id: None for one in shown}
    for at, user, movie, value in rated:
        before = [one for one in shown if (one.user_id, one.movie_id) == (user, movie) and one.created_at <= at]
        if before and at - before[-1].created_at <= SHORT.attribution_window and (at, user, movie) in read:
            opinions[before[-1].id] = value
    return opinions
