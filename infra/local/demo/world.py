"""A synthetic world: users, movies, ratings and clicks from one formula; must not know arms or bandit.

The chance of a click is a logistic function of how well a movie fits the user (genre, style, franchise), of how
popular it is and how unexpected for the user. Only the coefficients depend on the context, so nothing about
a single user can be memorised: what can be learned is which kind of list suits which context. The coefficients were
searched (`./dev bench world` measures them) so that serving the best arm of each context, under the product's own
rules, beats the control by 29 to 37 %; that lift is a property of this world and says nothing about any real site.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from bandit_selector.lists.context import CONTEXTS, Context, context_at, user_type
from numpy.typing import NDArray

from infra.local.demo.titles import titles
from infra.local.demo.visitors import Rated, Reaction, Visit, visits_of
from infra.local.site import Catalogue, Movie, Ratings

Floats = NDArray[np.float64]

USERS = 1000
MOVIES = 1000
GENRES = (
    *("Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_STYLES = 6
_FRANCHISES = 60
_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)  # ratings are from the year after it

# Weights in the logit of a click: genre fit, style fit, franchise, popular, unexpected.
_PULLS: dict[str, tuple[float, float, float, float, float]] = {
    "always": (0.4, 0.4, 0.2, 0.2, 0.0),
    "morning": (0.6, -0.2, 0.0, 0.0, -0.7),
    "afternoon": (-0.4, 0.0, 0.0, 0.2, 0.0),
    "evening": (-0.1, -0.1, 0.0, 0.0, 0.4),
    "night": (0.3, 0.4, -0.1, -0.3, 0.3),
    "weekday": (0.1, -0.1, 0.0, 0.1, -0.2),
    "weekend": (-0.5, 0.3, -0.4, -0.2, 0.8),
    "cold_start": (-0.4, 0.4, 0.0, 0.1, -0.1),
    "regular": (0.1, 0.5, 0.0, -0.1, 0.1),
    "power_user": (-0.2, -1.1, 0.0, 0.0, -0.2),
}
_BASE = -2.4  # logit of a click at the top of the list, where nothing pulls
_PLACE_BIAS = -0.2  # the chance at place k is k ^ this times that at the top

_RATES_AFTER_CLICK = 0.25
_THUMBS_AFTER_CLICK = 0.15
_THUMBS_DOWN_UNSEEN = 0.004
_SCROLL_SECONDS = 3.0
_WATCH_SECONDS = 60.0
_UTC = ZoneInfo("UTC")
_INDEX = {context: index for index, context in enumerate(CONTEXTS)}


@dataclass(frozen=True, slots=True, eq=False)
class Synthetic:
    """The world as arrays: `pulls` is contexts × features, `features` users × movies × features."""

    catalogue: Catalogue
    ratings_per_user: NDArray[np.int64]
    features: NDArray[np.float32]
    taste: NDArray[np.float32]  # users × movies: the rating that a user would give, before rounding
    pulls: Floats
    name: Literal["synthetic"] = "synthetic"
    sentence: str = (
        "A synthetic world: users, movies and clicks come from a formula in which serving the best arm of each context "
        "would beat the control by 29 to 37 %. A lift shown here is a property of that formula, not a forecast."
    )

    def visits(self, start: datetime, rng: np.random.Generator, per_day: int = 1000) -> Iterator[Visit]:
        return visits_of(self.catalogue.users.tolist(), start, rng, per_day)

    def rated_before(self, user_id: int, at: datetime) -> Sequence[Rated]:
        del user_id, at
        return ()

    def context(self, user_id: int, at: datetime) -> Context:
        """The context of the visitor's decision; KeyError for an unknown user."""
        ratings = int(self.ratings_per_user[_row(user_id, USERS, "user")])
        return context_at(at, _UTC, user_type(ratings))

    def click_probabilities(self, user_id: int, shown: Sequence[int], context: Context) -> Floats:
        """One probability per movie id shown, from the top of the list."""
        columns = [_row(movie, MOVIES, "movie") for movie in shown]
        logits = self.features[_row(user_id, USERS, "user"), columns] @ self.pulls[_INDEX[context]] + _BASE
        return np.arange(1, len(columns) + 1) ** _PLACE_BIAS / (1 + np.exp(-logits))

    def react(self, user_id: int, shown: Sequence[int], at: datetime, rng: np.random.Generator) -> list[Reaction]:
        chances = self.click_probabilities(user_id, shown, self.context(user_id, at))
        draws = rng.random((3, len(shown)))
        reactions: list[Reaction] = []
        for index in np.flatnonzero((draws[0] < chances) | (draws[2] < _THUMBS_DOWN_UNSEEN)).tolist():
            clicked = bool(draws[0, index] < chances[index])
            reactions += self._reactions(user_id, index + 1, shown[index], clicked, float(draws[1, index]))
        return sorted(reactions, key=_delay)

    def _reactions(self, user_id: int, position: int, movie_id: int, clicked: bool, draw: float) -> list[Reaction]:
        """The reactions to one movie; the uniform `draw` decides whether an opinion is given."""
        seen = timedelta(seconds=_SCROLL_SECONDS * position)
        if not clicked:
            return [Reaction(position, movie_id, "thumbs_down", seen)]
        click = Reaction(position, movie_id, "click", seen)
        stars = float(_stars(self.taste[user_id - 1, movie_id - 1]))
        watched = seen + timedelta(seconds=_WATCH_SECONDS)
        if draw < _RATES_AFTER_CLICK:
            return [click, Reaction(position, movie_id, "rating", watched, stars)]
        if draw < _RATES_AFTER_CLICK + _THUMBS_AFTER_CLICK and not 2.5 <= stars <= 3.5:
            return [click, Reaction(position, movie_id, "thumbs_up" if stars > 3.5 else "thumbs_down", watched)]
        return [click]


def synthetic(seed: int) -> Synthetic:
    """The same world for the same seed: 1,000 users, 1,000 movies, about 66,000 ratings."""
    rng = np.random.default_rng(seed)
    franchise = _franchises(rng)
    genres = _genres(rng, franchise)
    styles = _alike(rng.normal(size=(MOVIES, _STYLES)), franchise)
    fame = _standard(-np.log(rng.permutation(MOVIES) + 1.0))  # popularity falls about as 1 / rank
    genre_fit = _standard(rng.normal(size=(USERS, len(GENRES))) @ (genres / genres.sum(axis=1, keepdims=True)).T)
    style_fit = _standard(rng.normal(size=(USERS, _STYLES)) @ styles.T)
    loyal = _loyalty(rng, franchise)
    taste = 3.4 + 0.45 * genre_fit + 0.55 * style_fit + 0.5 * loyal + rng.normal(0, 0.5, (USERS, MOVIES))
    counts = _rating_counts(rng)
    rated = _choose(rng, counts, fame + 0.6 * genre_fit + 0.8 * style_fit + 0.7 * loyal)
    unexpected = _unexpectedness(rated, genres)
    popular = np.broadcast_to(2 * np.tanh(fame / 2), loyal.shape)  # a bound, so that very famous movies do not dominate
    features = np.stack([genre_fit, style_fit, loyal, popular, unexpected], axis=2)
    return Synthetic(
        catalogue=Catalogue(np.arange(1, USERS + 1), _movies(rng, franchise, genres), _ratings(rng, rated, taste)),
        ratings_per_user=counts,
        features=features.astype(np.float32),
        taste=taste.astype(np.float32),
        pulls=np.array([_pulls(context) for context in CONTEXTS]),
    )


def _delay(reaction: Reaction) -> timedelta:
    return reaction.delay


def _row(identity: int, many: int, kind: str) -> int:
    if not 1 <= identity <= many:
        raise KeyError(f"{kind} {identity} does not exist; ids run from 1 to {many}")
    return identity - 1


def _pulls(context: Context) -> Floats:
    levels = ("always", context.time_period, context.day_of_week, context.user_type)
    return np.sum([_PULLS[level] for level in levels], axis=0)


def _standard(values: Floats) -> Floats:
    return (values - values.mean()) / values.std()


def _franchises(rng: np.random.Generator) -> NDArray[np.int64]:
    """Per movie the number of its franchise, or -1; each has 2 to 5 parts."""
    numbers = np.full(MOVIES, -1)
    parts = np.repeat(np.arange(_FRANCHISES), rng.integers(2, 6, _FRANCHISES))
    numbers[rng.permutation(MOVIES)[: len(parts)]] = parts
    return numbers


def _alike(rows: Floats, franchise: NDArray[np.int64]) -> Floats:
    """Gives all parts of a franchise the row of its first part."""
    for number in range(_FRANCHISES):
        parts = np.flatnonzero(franchise == number)
        rows[parts] = rows[parts[0]]
    return rows


def _genres(rng: np.random.Generator, franchise: NDArray[np.int64]) -> Floats:
    """Movies × genres, 1 where the movie is of the genre: one to four each, some genres more common."""
    keys = rng.gumbel(size=(MOVIES, len(GENRES))) + np.log(rng.dirichlet(np.full(len(GENRES), 2.0)))
    ranks = np.argsort(np.argsort(-keys, axis=1), axis=1)
    many = rng.choice([1, 2, 3, 4], MOVIES, p=[0.25, 0.4, 0.25, 0.1])
    return _alike((ranks < many[:, None]).astype(np.float64), franchise)


def _loyalty(rng: np.random.Generator, franchise: NDArray[np.int64]) -> Floats:
    """Users × movies: 1 where the movie is of a franchise that the user follows."""
    follows = np.column_stack([rng.random((USERS, _FRANCHISES)) < 0.1, np.zeros(USERS, dtype=np.bool_)])
    return follows[:, franchise].astype(np.float64)


def _stars(taste: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.clip(np.round(taste * 2) / 2, 0.5, 5.0)


def _rating_counts(rng: np.random.Generator) -> NDArray[np.int64]:
    """A quarter new users, half casual, a quarter power users, in random order of ids."""
    new, power = USERS // 4, USERS // 4
    casual = USERS - new - power
    eager = np.clip(rng.lognormal(5.4, 0.45, power), 30, 600).astype(np.int64)
    return rng.permutation(np.concatenate([rng.integers(0, 3, new), rng.integers(3, 20, casual), eager]))


def _choose(rng: np.random.Generator, counts: NDArray[np.int64], attraction: Floats) -> NDArray[np.bool_]:
    """Users × movies rated: that many per user, drawn without replacement ∝ exp(attraction) (Gumbel top-k)."""
    keys = attraction + rng.gumbel(size=attraction.shape)
    return np.argsort(np.argsort(-keys, axis=1), axis=1) < counts[:, None]


def _unexpectedness(rated: NDArray[np.bool_], genres: Floats) -> Floats:
    """How few of the user's rated movies share the movie's genres; 0 for users without ratings."""
    habits = rated @ genres + 1.0
    habits = np.log(habits / habits.sum(axis=1, keepdims=True))
    surprise = -habits @ (genres / genres.sum(axis=1, keepdims=True)).T
    surprise -= surprise.mean(axis=1, keepdims=True)
    return surprise / surprise.std()


def _movies(rng: np.random.Generator, franchise: NDArray[np.int64], genres: Floats) -> tuple[Movie, ...]:
    names = list(islice(titles(rng), MOVIES))
    years = rng.integers(1950, 2025, MOVIES).tolist()
    parts: dict[int, int] = {}
    movies: list[Movie] = []
    for index, number in enumerate(franchise.tolist()):
        part = parts[number] = parts.get(number, 0) + 1
        title = names[index] if number < 0 else f"{names[number]}{f' {part}' if part > 1 else ''}"
        kinds = tuple(GENRES[genre] for genre in np.flatnonzero(genres[index]).tolist())
        movies.append(Movie(index + 1, f"{title} ({years[index]})", kinds))
    return tuple(movies)


def _ratings(rng: np.random.Generator, rated: NDArray[np.bool_], taste: Floats) -> Ratings:
    users, movies = np.nonzero(rated)
    values = _stars(taste[users, movies]).astype(np.float64)
    times = int(_EPOCH.timestamp()) + rng.integers(0, 365 * 86_400, len(users))
    return Ratings(users + 1, movies + 1, values, times)
