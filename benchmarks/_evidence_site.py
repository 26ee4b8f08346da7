"""A synthetic site in real PostgreSQL: a day's lists and reactions through the product, then the monitor's morning.

Every visitor comes once, unless Habits.back. The archive function and the nightly build of candidates are played by one
statement each.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np
from bandit_selector.feedback import Message
from bandit_selector.services.daily import make_due
from bandit_selector.services.publish import publish
from bandit_selector.services.report import Report
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.migrate import migrate
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.showing import Key

from infra.local import site

FIRST: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
PLACES: Final = 10
MOVIES: Final = 600
LONG_TAIL_FROM: Final = 200
EVENING_FROM: Final = 18
GENRES: Final = ("Drama", "Comedy", "Action", "Horror", "Romance", "Thriller")
SETTINGS: Final = Settings()
RULE: Final = Rule(
    success=4.0, failure=2.0, silence_counts=True, window=timedelta(days=7), prior_alpha=1.0, prior_beta=1.0
)


@dataclass(frozen=True, slots=True)
class Habits:
    """How the site behaves on a day; rates are per movie shown. Visitors differ: `sd` in logits.

    `heard` is the share of each group's reactions that arrive, `joined` the share that name their list.
    """

    a_day: int = 266
    share: float = 0.5
    ctr: float = 0.13
    lift: float = 0.0
    sd: float = 0.5
    heard: tuple[float, float] = (1.0, 1.0)
    joined: float = 0.995
    rated: float = 0.02
    stars: float = 3.8
    arms: tuple[float, ...] = (1 / 6,) * 6
    movies: tuple[int, int] = (1, MOVIES)
    one_genre: bool = False
    missing: float = 0.0  # of treatment's visitors
    scripts: int = 0  # accounts of treatment that click 100 lists a day
    eager: float = 0.0  # visitors with twelve lists a day
    builds: bool = True
    archives: bool = True
    dead_letters: int = 0
    seen: bool = False  # whether pages report what was in view
    back: float = 0.0  # visitors who were here on an earlier day, and are assigned again
    evening: float = 0.0  # logits above those of other hours


@contextmanager
def template(admin: Connection, url: str) -> Generator[str]:
    """The name of a database with the site's catalogue and our tables, to copy from."""
    name = "site_template"
    admin.execute(f"CREATE DATABASE {name}".encode())
    with connect(_address(url, name)) as connection:
        site.create_tables(connection)
        migrate(connection)
        prepare(connection)
    yield name


def prepare(connection: Connection) -> None:
    """Gives a migrated database a catalogue, and partitions for the simulated days."""
    connection.execute("SELECT bandit_make_partitions(%s, %s)", [FIRST, FIRST + timedelta(days=150)])
    connection.execute(
        "INSERT INTO movies (id, title, genres) SELECT n, 'Movie ' || n,"
        " json_build_array((%(genres)s::text[])[1 + n %% 6], (%(genres)s::text[])[1 + n / 6 %% 6])"
        " FROM generate_series(1, %(movies)s) AS n",
        {"genres": list(GENRES), "movies": MOVIES},
    )
    connection.execute(
        "INSERT INTO movie_popularity SELECT n, 2000 / n, n > %s FROM generate_series(1, %s) AS n",
        [LONG_TAIL_FROM, MOVIES],
    )
    for arm in GUIDE_ARMS:
        connection.execute(
            "INSERT INTO recommendation_candidates VALUES (0, %s, ARRAY[1, 2, 3], ARRAY[.9, .8, .7], now())", [arm]
        )


@contextmanager
def copy(admin: Connection, url: str, source: str, name: str) -> Generator[Connection]:
    """A connection to a copy of a database; the copy stays."""
    admin.execute(f"CREATE DATABASE {name} TEMPLATE {source}".encode())
    with connect(_address(url, name)) as connection:
        yield connection


def morning(connection: Connection, day: int, habits: Habits, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Lives the 24 hours until 9 AM of a day, then runs the monitor; (kind, metric) of the mails that it wrote."""
    live(connection, day, habits, rng, SETTINGS)
    return watch(connection, day, habits, SETTINGS)


def watch(connection: Connection, day: int, habits: Habits, settings: Settings, days: int = 7) -> list[tuple[str, str]]:
    """The night and the monitor's run at 9 AM of a day; (kind, metric) of the mails that it wrote."""
    now = FIRST + timedelta(days=day)
    _nightly(connection, now, habits)
    publish(connection, settings)
    row = connection.execute("SELECT coalesce(max(id), 0) FROM monitor_mails").fetchone()
    make_due(connection, now, days, settings, habits.dead_letters)
    connection.execute(  # sums carry the real clock's time; where something was wrong, it stays as it was
        "UPDATE bandit_retention SET verified_at = clock_timestamp() WHERE verified_at = %s", [now]
    )
    rows = connection.execute("SELECT kind, metric FROM monitor_mails WHERE id > %s ORDER BY id", row)
    return rows.fetchall()


def verdict(connection: Connection, day: int) -> str:
    """The test's verdict in the report of a day."""
    row = connection.execute(
        "SELECT report FROM monitor_reports WHERE day = %s", [(FIRST + timedelta(days=day)).date()]
    ).fetchone()
    assert row is not None  # noqa: S101 # the morning has made it
    return Report.model_validate(row[0]).ab_test.verdict


@dataclass(frozen=True, slots=True)
class _Visit:
    """One list: its id, visitor, moment, group, each place's arm and movie, and the chance of a click."""

    list_id: int
    user: int
    at: datetime
    treated: bool
    arms: Sequence[int]
    movies: Sequence[int]
    chance: float


def live(connection: Connection, day: int, habits: Habits, rng: np.random.Generator, settings: Settings) -> None:
    """The 24 hours until 9 AM of a day: lists and reactions. Lists from before EXPERIMENT_START have no phase."""
    now = FIRST + timedelta(days=day)
    visits = _visits(now, day, habits, rng)
    phase = connection.execute(
        "SELECT bandit_phase(%(salt)s, %(started)s::timestamptz, %(share)s::real, %(now)s)",
        Key(settings.experiment_salt, settings.experiment_begins).parameters | {"share": habits.share, "now": now},
    ).fetchone()
    _record(connection, visits, phase[0] if phase else None, settings.experiment_begins)
    messages = [said for visit in visits for said in _reactions(visit, habits, rng) if said.received_at < now]
    for start in range(0, len(messages), 1_000):
        apply(connection, messages[start : start + 1_000], RULE, now)
    settle(connection, now - timedelta(minutes=10), RULE, now, 10_000)


def _visits(now: datetime, day: int, habits: Habits, rng: np.random.Generator) -> list[_Visit]:
    treated = rng.random(habits.a_day) < habits.share
    stays = ~treated | (rng.random(habits.a_day) >= habits.missing)
    lists = np.where(rng.random(habits.a_day) < habits.eager, 12, 1)
    users = [(day * 10_000 + int(n) + 1, bool(treated[n]), int(lists[n]), None) for n in np.flatnonzero(stays)]
    users += [(day * 10_000 + 9_000 + n, True, 100, 1.0) for n in range(habits.scripts)]
    answer: list[_Visit] = []
    for user, group, number, chance in users:
        logit = np.log(habits.ctr / (1 - habits.ctr)) + rng.normal(scale=habits.sd)
        own = chance or float(np.clip((1 + habits.lift * group) / (1 + np.exp(-logit)), 0, 1))
        again = habits.back and day and rng.random() < habits.back
        who = int(rng.integers(day)) * 10_000 + user % 10_000 if again else user
        for _ in range(number):
            at = now - timedelta(days=float(rng.random()))
            answer.append(_visit(who, at, len(answer), group, _at_hour(own, at, habits), habits, rng))
    return answer


def _at_hour(chance: float, at: datetime, habits: Habits) -> float:
    odds = chance / (1 - chance) * np.exp(habits.evening) if chance < 1 else np.inf
    return float(odds / (1 + odds)) if habits.evening and at.hour >= EVENING_FROM else chance


def _visit(
    user: int, at: datetime, number: int, treated: bool, chance: float, habits: Habits, rng: np.random.Generator
) -> _Visit:
    low, high = habits.movies
    ids = rng.choice(np.arange(low, high + 1), PLACES, replace=False)
    if habits.one_genre:
        ids = 36 * rng.choice(np.arange(1, 17), PLACES, replace=False)  # both genres of these are the same
    arms = rng.choice(6, PLACES, p=habits.arms)
    second = int(at.timestamp()) - 1_735_689_600
    return _Visit(second << 16 | number, user, at, treated, arms.tolist(), ids.tolist(), chance)


def _record(connection: Connection, visits: Sequence[_Visit], phase: int | None, begins: datetime | None) -> None:
    names = (
        "id, created_at, user_id, first_position, ramp_phase, counted_places, context_key, ab_group, silence,"
        " algorithm, arms, drawn, movie_ids, scores, propensities"
    )
    shown: dict[int, int] = {}
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(f"COPY bandit_lists ({names}) FROM STDIN".encode()) as copying:
            for one in visits:
                counted = max(0, min(PLACES, (SETTINGS.max_places_per_visitor or 0) - shown.get(one.user, 0)))
                shown[one.user] = shown.get(one.user, 0) + PLACES
                copying.write_row(_row(one, phase if begins is None or one.at >= begins else None, counted))
        cursor.executemany(
            "INSERT INTO bandit_unsettled VALUES (%s, %s)", [(visit.list_id, visit.at) for visit in visits]
        )


def _row(one: _Visit, phase: int | None, counted: int) -> tuple[object, ...]:
    period = ("night", "morning", "afternoon", "evening")[one.at.hour // 6]
    return (
        *(one.list_id, one.at, one.user, 1, phase, None if counted == PLACES else counted),
        *(f"{period}|weekday|regular", "treatment" if one.treated else "control", "shown"),
        *(
            (None, list(GUIDE_ARMS), bytes(arm + 1 for arm in one.arms))
            if one.treated
            else ("hybrid_control", None, None)
        ),
        *(one.movies, [0.5] * PLACES, [1 / 6] * PLACES if one.treated else None),
    )


def _reactions(one: _Visit, habits: Habits, rng: np.random.Generator) -> list[Message]:
    """Clicks and ratings within ten minutes; some do not arrive, and some name no list."""
    heard = habits.heard[0 if one.treated else 1]
    clicked = (rng.random(PLACES) < one.chance) & (rng.random(PLACES) < heard)
    rated = (rng.random(PLACES) < habits.rated) & (rng.random(PLACES) < heard)
    stars = np.clip(np.round(2 * rng.normal(habits.stars, 1.0, PLACES)) / 2, 0.5, 5.0)
    said = [(place, "click", None) for place in np.flatnonzero(clicked)]
    said += [(place, "rating", float(stars[place])) for place in np.flatnonzero(rated)]
    answer = [_seen(one)] if habits.seen else []
    for number, (place, action, rating) in enumerate(said):
        at = one.at + timedelta(seconds=float(rng.uniform(5, 500)))
        lost = rng.random() >= habits.joined
        answer.append(
            Message.model_validate(
                {
                    "message_id": _message_id(at, one.list_id << 6 | number),
                    "occurred_at": at,
                    "received_at": at,
                    "user_id": one.user,
                    "action": action,
                    "rating": rating,
                    **({"movie_id": MOVIES + 1} if lost else {"event_id": one.list_id << 6 | int(place) + 1}),
                }
            )
        )
    return answer


def _seen(one: _Visit) -> Message:
    """A page's beacon: the whole list was in view."""
    return Message.model_validate(
        {
            "message_id": _message_id(one.at, one.list_id << 6 | 63),
            "occurred_at": one.at,
            "received_at": one.at + timedelta(seconds=2),
            "user_id": one.user,
            "action": "seen",
            "event_id": one.list_id << 6,
            "seen": (1 << PLACES + 1) - 2,
        }
    )


def _message_id(at: datetime, number: int) -> UUID:
    """Version 7, which carries its time."""
    return UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | number & (1 << 62) - 1)


def _nightly(connection: Connection, now: datetime, habits: Habits) -> None:
    if habits.builds:
        connection.execute("UPDATE recommendation_candidates SET updated_at = %s", [now - timedelta(hours=6)])
    if habits.archives:
        connection.execute(
            "INSERT INTO bandit_archives SELECT day, 0, '[]', %(now)s"
            " FROM generate_series((%(now)s - interval '40 days')::date, (%(now)s - interval '8 days')::date, '1 day')"
            " AS day ON CONFLICT DO NOTHING",
            {"now": now},
        )


def _address(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"
