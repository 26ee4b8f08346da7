"""The application that a site has already: its tables, history and models, and what it does at each event.

It plays its own statements through SQLAlchemy's ORM, unchanged before, beside and after Bandit Selector.
"""

import datetime as dt
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bandit_selector.store.connection import Connection
from sqlalchemy import JSON, String, create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

ARMS = ("svd", "embeddings", "graph", "item_cf", "long_tail", "serendipity")
TABLES = (Path(__file__).parent / "site.sql").read_text()
HISTORY = (Path(__file__).parent / "history.sql").read_text()
KEY = "4c1e9a6d0f7b5e2c8a3d6f1b9e0c7a5d2f8b4e61"
CONTEXT = {
    "time_period": "evening",
    "day_of_week": "weekend",
    "user_type": "regular",
    "genre_saturation": "low",
    "session_position": "middle",
}


class Base(DeclarativeBase):
    pass


class State(Base):
    __tablename__ = "bandit_states"
    id: Mapped[int] = mapped_column(primary_key=True)
    context_key: Mapped[str] = mapped_column(String(200))
    algorithm: Mapped[str] = mapped_column(String(50))
    alpha: Mapped[float] = mapped_column(default=1.0)
    beta: Mapped[float] = mapped_column(default=1.0)
    total_pulls: Mapped[int | None] = mapped_column(default=0)
    total_successes: Mapped[int | None] = mapped_column(default=0)
    total_failures: Mapped[int | None] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(default=dt.datetime.now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=dt.datetime.now, onupdate=dt.datetime.now)


class Event(Base):
    __tablename__ = "recommendation_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int]
    movie_id: Mapped[int]
    algorithm: Mapped[str] = mapped_column(String(50))
    recommendation_score: Mapped[float | None]
    position: Mapped[int | None]
    context: Mapped[dict[str, str] | None] = mapped_column(JSON)
    clicked: Mapped[bool] = mapped_column(default=False)
    clicked_at: Mapped[dt.datetime | None]
    rated: Mapped[bool] = mapped_column(default=False)
    rated_at: Mapped[dt.datetime | None]
    rating_value: Mapped[float | None]
    added_to_watchlist: Mapped[bool] = mapped_column(default=False)
    added_to_favorites: Mapped[bool] = mapped_column(default=False)
    thumbs_up: Mapped[bool] = mapped_column(default=False)
    thumbs_up_at: Mapped[dt.datetime | None]
    thumbs_down: Mapped[bool] = mapped_column(default=False)
    thumbs_down_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=dt.datetime.now)


def install(connection: Connection, events: int, users: int = 50, movies: int = 40) -> None:
    """Makes the site's tables and fills them with a history of `events` impressions."""
    connection.execute(TABLES.encode())
    connection.execute("INSERT INTO users (email) SELECT 'user' || n FROM generate_series(1, %s) AS n", [users])
    connection.execute(
        "INSERT INTO movies (title, genres) SELECT 'Movie ' || n, '[\"Drama\"]' FROM generate_series(1, %s) AS n",
        [movies],
    )
    connection.execute(HISTORY.replace(":users", str(users)).replace(":n", str(events)).encode())


def engine(url: str) -> Engine:
    return create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))


@contextmanager
def opened(url: str) -> Generator[Session]:
    """A session of the application, with a pool of its own."""
    pool = engine(url)
    with Session(pool) as session:
        yield session
    pool.dispose()


def recommend(session: Session, user: int, movies: list[int], arm: str, key: str = KEY) -> None:
    if not session.query(State).filter_by(context_key=key).count():
        session.add_all([State(context_key=key, algorithm=name) for name in ARMS])
    for place, movie in enumerate(movies, start=1):
        session.add(
            Event(
                user_id=user,
                movie_id=movie,
                algorithm=f"bandit_{arm}",
                recommendation_score=0.5,
                position=place,
                context=CONTEXT,
            )
        )
    session.commit()


def feedback(session: Session, user: int, movie: int, what: str, rating: float | None = None) -> Event:
    """What its routes do: the newest row of this user and movie is changed, or one is inserted as `manual`."""
    event = session.query(Event).filter_by(user_id=user, movie_id=movie).order_by(Event.created_at.desc()).first()
    if event is None:
        event = Event(user_id=user, movie_id=movie, algorithm="manual")
        session.add(event)
    now = dt.datetime.now()  # noqa: DTZ005 # its clock is the server's
    if what == "click":
        event.clicked, event.clicked_at = True, now
    elif what == "rating":
        event.rated, event.rated_at, event.rating_value = True, now, rating
    elif what == "watchlist":
        event.added_to_watchlist = not event.added_to_watchlist
    elif what == "favorite":
        event.added_to_favorites = not event.added_to_favorites
    elif what == "up":
        _toggle(event, now)
    elif what == "down":
        event.thumbs_down, event.thumbs_down_at, event.thumbs_up = True, now, False
    session.commit()
    return event


def _toggle(event: Event, now: dt.datetime) -> None:
    """A second press takes the thumb back."""
    if event.thumbs_up:
        event.thumbs_up, event.thumbs_up_at = False, None
    else:
        event.thumbs_up, event.thumbs_up_at, event.thumbs_down = True, now, False


def learn(session: Session, arm: str, key: str = KEY) -> None:
    """Counts are read, changed and written back."""
    state = session.query(State).filter_by(context_key=key, algorithm=arm).one()
    state.alpha += 1
    state.total_pulls = (state.total_pulls or 0) + 1
    state.total_successes = (state.total_successes or 0) + 1
    session.commit()
