"""The existing application's way: SQLAlchemy's ORM, one row a movie, counts read, changed and written back."""

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from bandit_selector.settings import GUIDE_ARMS
from bandit_selector.store.connection import Connection, connect
from sqlalchemy import JSON, DateTime, Float, String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks._path_load import ASKING, MOVIES, PLACES, REACTIONS
from benchmarks._path_meter import Meter, Spent

TABLES: Final = b"""
CREATE TABLE bandit_states (
    id serial PRIMARY KEY, context_key varchar(200) NOT NULL, algorithm varchar(50) NOT NULL,
    alpha float NOT NULL DEFAULT 1.0, beta float NOT NULL DEFAULT 1.0, total_pulls integer DEFAULT 0,
    total_successes integer DEFAULT 0, total_failures integer DEFAULT 0, created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT now());
CREATE INDEX idx_bandit_context ON bandit_states (context_key);
CREATE INDEX idx_bandit_algo ON bandit_states (algorithm);
CREATE UNIQUE INDEX idx_bandit_context_algo ON bandit_states (context_key, algorithm);
CREATE TABLE recommendation_events (
    id serial PRIMARY KEY, user_id integer NOT NULL, movie_id integer NOT NULL, algorithm varchar(50) NOT NULL,
    recommendation_score float, position int, context json, clicked boolean DEFAULT false, clicked_at timestamp,
    rated boolean DEFAULT false, rated_at timestamp, rating_value float, added_to_watchlist boolean DEFAULT false,
    added_to_favorites boolean DEFAULT false, thumbs_up boolean DEFAULT false, thumbs_up_at timestamp,
    thumbs_down boolean DEFAULT false, thumbs_down_at timestamp, created_at timestamp NOT NULL DEFAULT now());
CREATE INDEX idx_rec_events_user ON recommendation_events (user_id);
CREATE INDEX idx_rec_events_movie ON recommendation_events (movie_id);
CREATE INDEX idx_rec_events_algo ON recommendation_events (algorithm);
CREATE INDEX idx_rec_events_clicked ON recommendation_events (clicked);
CREATE INDEX idx_rec_events_created ON recommendation_events (created_at);
"""
CONTEXT: Final = {
    "time_period": "evening",
    "day_of_week": "weekend",
    "user_type": "regular",
    "genre_saturation": "low",
    "session_position": "middle",
}
KEY: Final = "4c1e9a6d0f7b5e2c8a3d6f1b9e0c7a5d2f8b4e61"


class Base(DeclarativeBase):
    pass


class State(Base):
    __tablename__ = "bandit_states"
    id: Mapped[int] = mapped_column(primary_key=True)
    context_key: Mapped[str] = mapped_column(String(200))
    algorithm: Mapped[str] = mapped_column(String(50))
    alpha: Mapped[float] = mapped_column(Float, default=1.0)
    beta: Mapped[float] = mapped_column(Float, default=1.0)
    total_pulls: Mapped[int] = mapped_column(default=0)
    total_successes: Mapped[int] = mapped_column(default=0)
    total_failures: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(DateTime, default=datetime.now)
    updated_at: Mapped[datetime] = mapped_column(DateTime, default=datetime.now, onupdate=datetime.now)


class Event(Base):
    __tablename__ = "recommendation_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int]
    movie_id: Mapped[int]
    algorithm: Mapped[str] = mapped_column(String(50))
    recommendation_score: Mapped[float]
    position: Mapped[int]
    context: Mapped[dict[str, str]] = mapped_column(JSON)
    clicked: Mapped[bool] = mapped_column(default=False)
    clicked_at: Mapped[datetime | None] = mapped_column(DateTime)
    rated: Mapped[bool] = mapped_column(default=False)
    rated_at: Mapped[datetime | None] = mapped_column(DateTime)
    rating_value: Mapped[float | None]
    added_to_watchlist: Mapped[bool] = mapped_column(default=False)
    added_to_favorites: Mapped[bool] = mapped_column(default=False)
    thumbs_up: Mapped[bool] = mapped_column(default=False)
    thumbs_up_at: Mapped[datetime | None] = mapped_column(DateTime)
    thumbs_down: Mapped[bool] = mapped_column(default=False)
    thumbs_down_at: Mapped[datetime | None] = mapped_column(DateTime)
    created_at: Mapped[datetime] = mapped_column(DateTime, default=datetime.now)


@dataclass(frozen=True, slots=True)
class Existing:
    """What recording a list and counting a click cost, and the bytes stored for a list; it settles nothing."""

    record: Spent
    feedback: Spent
    stored: float

    @property
    def wal(self) -> float:
        return self.record.each("wal") + REACTIONS * self.feedback.each("wal")

    @property
    def cpu(self) -> float:
        return self.record.each("cpu") + REACTIONS * self.feedback.each("cpu")


def existing_way(url: str, lists: int) -> Existing:
    """Measures it in an empty database."""
    engine = create_engine(
        url.replace("postgresql:", "postgresql+psycopg:"), connect_args={"options": "-c synchronous_commit=off"}
    )
    with connect(url, statement_seconds=0) as watcher, Session(engine) as session:
        watcher.execute(TABLES)
        meter = Meter(watcher, _pid(session))
        randomness, shown = Random(1), list[tuple[int, int]]()
        record = meter.of(lambda: [shown.append(_recommend(session, randomness)) for _ in range(lists)], lists)
        clicked = randomness.sample(shown, int(lists * REACTIONS))
        feedback = meter.of(lambda: [_click(session, *pair) for pair in clicked], len(clicked))
        stored = _bytes(watcher) / lists
    engine.dispose()
    return Existing(record, feedback, stored)


def _pid(session: Session) -> int:
    driver = session.connection().connection.driver_connection
    return int(driver.info.backend_pid) if driver else 0


def _bytes(watcher: Connection) -> int:
    watcher.execute("VACUUM")
    row = watcher.execute("SELECT pg_total_relation_size('recommendation_events')").fetchone()
    return int(row[0]) if row else 0


def _recommend(session: Session, randomness: Random) -> tuple[int, int]:
    """Records a list of thirty; returns its user and one of its movies."""
    if not session.query(State).filter_by(context_key=KEY).count():
        session.add_all([State(context_key=KEY, algorithm=arm) for arm in GUIDE_ARMS])
    user, arm = randomness.randint(1, ASKING), randomness.choice(GUIDE_ARMS)
    movies = randomness.sample(range(1, MOVIES + 1), PLACES)
    session.add_all([_event(user, movie, arm, place) for place, movie in enumerate(movies, start=1)])
    session.commit()
    return user, randomness.choice(movies)


def _event(user: int, movie: int, arm: str, place: int) -> Event:
    return Event(
        user_id=user,
        movie_id=movie,
        algorithm=f"bandit_{arm}",
        recommendation_score=0.5,
        position=place,
        context=CONTEXT,
    )


def _click(session: Session, user: int, movie: int) -> None:
    newest = select(Event).filter_by(user_id=user, movie_id=movie).order_by(Event.created_at.desc()).limit(1)
    event = session.scalars(newest).one()
    event.clicked, event.clicked_at = True, datetime.now()  # noqa: DTZ005 # as the application does it
    state = session.query(State).filter_by(context_key=KEY, algorithm=event.algorithm.removeprefix("bandit_")).one()
    state.alpha += 1
    state.total_pulls += 1
    state.total_successes += 1
    session.commit()
