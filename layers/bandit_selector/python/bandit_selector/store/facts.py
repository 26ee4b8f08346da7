"""What the daily check measures beyond the sums: lists, feedback, candidates, posteriors. Reads; judges nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bandit_selector.evidence.tally import Tally
from bandit_selector.store.connection import Connection
from bandit_selector.store.movies import GENRES


@dataclass(frozen=True, slots=True)
class Listed:
    """One list shown: its visitor's cluster, places, those of them long tail (None while popularity is unknown), each
    movie's genres, and each place's arm (none where nothing was drawn)."""

    cluster: int
    places: int
    long_tail: int | None
    genres: tuple[str | None, ...]
    arms: tuple[str, ...]


def sample_lists(connection: Connection, since: datetime, until: datetime, one_in: int) -> list[Listed]:
    """Every `one_in`-th list shown in [since, until), chosen by the hash of its id; genres as the site stores them.

    Those from before lists are among them; selections have no movies and are left out.
    """
    rows = connection.execute(
        """
        WITH list AS (
            SELECT bandit_cluster(user_id) AS cluster, movie_ids, arms, drawn FROM bandit_lists
            WHERE created_at >= %(since)s AND created_at < %(until)s AND movie_ids[1] IS NOT NULL
                AND mod(hashint8(id) & 2147483647, %(one_in)s) = 0
            UNION ALL
            SELECT bandit_cluster(min(user_id)::bigint), array_agg(movie_id::integer), NULL, NULL
            FROM recommendation_events_set_aside
            WHERE created_at >= %(since)s AND created_at < %(until)s AND recommendation_id IS NOT NULL
                AND mod(uuid_hash(recommendation_id) & 2147483647, %(one_in)s) = 0
            GROUP BY recommendation_id
        )
        SELECT list.cluster, cardinality(list.movie_ids),
            CASE WHEN EXISTS (SELECT FROM movie_popularity)
                THEN (count(*) FILTER (WHERE coalesce(p.long_tail, true)))::integer END,
            array_agg("""  # noqa: S608 # a constant
        + GENRES
        + """), list.arms, list.drawn
        FROM (SELECT row_number() OVER () AS number, * FROM list) AS list
        CROSS JOIN LATERAL unnest(list.movie_ids) AS shown (movie_id)
        LEFT JOIN movies ON movies.id = shown.movie_id
        LEFT JOIN movie_popularity AS p ON p.movie_id = shown.movie_id
        GROUP BY list.number, list.cluster, list.movie_ids, list.arms, list.drawn
        """,
        {"since": since, "until": until, "one_in": one_in},
    )
    return [
        Listed(cluster, places, long_tail, tuple(genres), tuple(arms[which - 1] for which in drawn or b""))
        for cluster, places, long_tail, genres, arms, drawn in rows
    ]


def drop_outs(connection: Connection, since: datetime, until: datetime, one_in: int) -> dict[str, tuple[int, int]]:
    """Of every `one_in`-th drawn list shown in [since, until): each arm's places, and those for which no arm lacked a
    movie."""
    rows = connection.execute(
        """
        SELECT arms[get_byte(drawn, number - 1)], count(*),
            count(*) FILTER (WHERE coalesce(dropped_out, 0) >> number & 1 = 0)
        FROM bandit_lists CROSS JOIN LATERAL generate_series(1, length(drawn)) AS number
        WHERE arms IS NOT NULL AND created_at >= %(since)s AND created_at < %(until)s
            AND mod(hashint8(id) & 2147483647, %(one_in)s) = 0
        GROUP BY 1
        """,
        {"since": since, "until": until, "one_in": one_in},
    )
    return {arm: (places, whole) for arm, places, whole in rows}


def catalogue_genres(connection: Connection) -> list[str | None]:
    """The different values of `movies.genres`, as the site stores them."""
    return [genres for (genres,) in connection.execute("SELECT DISTINCT " + GENRES + " FROM movies")]  # noqa: S608 # a constant


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest reaction ever; by clusters of visitors movies shown after it, and (reactions, movies) before it."""

    newest: datetime | None
    shown_since: tuple[int, ...] = ()
    before: tuple[tuple[int, int], ...] = ()


def joined(connection: Connection, since: datetime, until: datetime) -> list[tuple[int, int]]:
    """(those that found their impression, all messages) received in [since, until), by cluster of visitors."""
    rows = connection.execute(
        """
        SELECT count(event_id), count(*) FROM feedback_events
        WHERE action <> 'seen' AND received_at >= %s AND received_at < %s GROUP BY bandit_cluster(user_id)
        """,
        [since, until],
    )
    return [(found, received) for found, received in rows]


def heard(connection: Connection, until: datetime, days: timedelta) -> Heard:
    """The newest reaction before a moment, and what was usual in the `days` up to it.

    What was seen is no reaction: pages go on to report it while nobody's clicks arrive.
    """
    newest = _newest_reaction(connection, until)
    if newest is None:
        return Heard(None)
    rows = connection.execute(
        """
        SELECT coalesce(sum(shown) FILTER (WHERE late), 0)::bigint, sum(said)::bigint,
            coalesce(sum(shown) FILTER (WHERE NOT late), 0)::bigint
        FROM (
            SELECT bandit_cluster(user_id) AS cluster, created_at > %(newest)s AS late,
                cardinality(movie_ids) AS shown, 0 AS said
            FROM bandit_lists WHERE created_at > %(since)s AND created_at < %(until)s
            UNION ALL
            SELECT bandit_cluster(user_id::bigint), created_at > %(newest)s, 1, 0 FROM recommendation_events_set_aside
            WHERE recommendation_id IS NOT NULL AND created_at > %(since)s AND created_at < %(until)s
            UNION ALL
            SELECT bandit_cluster(user_id), false, 0, 1 FROM feedback_events
            WHERE action <> 'seen' AND received_at > %(since)s AND received_at <= %(newest)s
        ) AS each GROUP BY cluster ORDER BY cluster
        """,
        {"newest": newest, "since": newest - days, "until": until},
    ).fetchall()
    return Heard(newest, tuple(late for late, *_ in rows), tuple((said, shown) for _, said, shown in rows))


def _newest_reaction(connection: Connection, until: datetime) -> datetime | None:
    """Ids that carry their time are in its order; the others are few."""
    row = connection.execute(
        """
        SELECT max(received_at) FROM (
            (
                SELECT received_at FROM feedback_events
                WHERE message_time > '-infinity' AND received_at < %(until)s AND action <> 'seen'
                ORDER BY message_time DESC LIMIT 100
            )
            UNION ALL
            SELECT max(received_at) FROM feedback_events_default WHERE received_at < %(until)s AND action <> 'seen'
        ) AS late
        """,
        {"until": until},
    ).fetchone()
    return row[0] if row else None


def visitors(connection: Connection, since: datetime, until: datetime) -> tuple[int, int]:
    """How many visitors were shown lists in [since, until), and how many of them more places than count."""
    row = connection.execute(
        """
        SELECT count(DISTINCT user_id), count(DISTINCT user_id) FILTER (WHERE counted_places IS NOT NULL)
        FROM bandit_lists WHERE created_at >= %s AND created_at < %s
        """,
        [since, until],
    ).fetchone()
    return row or (0, 0)


def beyond_bound(connection: Connection, since: datetime, until: datetime) -> dict[str, Tally]:
    """By algorithm, what was shown in [since, until) beyond a visitor's bound, and what was clicked of it."""
    rows = connection.execute(
        """
        SELECT t.algorithm, sum(t.shown), sum(t.clicked)
        FROM bandit_lists AS l JOIN bandit_tallies AS t ON t.list_id = l.id AND t.created_at = l.created_at
        WHERE l.counted_places IS NOT NULL AND l.created_at >= %s AND l.created_at < %s AND NOT t.counts
        GROUP BY t.algorithm
        """,
        [since, until],
    )
    return {algorithm: Tally(shown, clicked) for algorithm, shown, clicked in rows}


def candidates_updated(connection: Connection) -> datetime | None:
    """When the newest candidate list was built."""
    row = connection.execute("SELECT max(updated_at) FROM recommendation_candidates").fetchone()
    return row[0] if row else None


def published(connection: Connection, arms: Sequence[str]) -> tuple[int, dict[str, float]]:
    """How many contexts are published, and the arms' shares by what is published and the contexts' recent traffic."""
    rows = connection.execute(
        """
        WITH now AS (SELECT traffic_age FROM bandit_memory),
        context AS (
            SELECT context_key, 1 + sum(p.traffic * 0.5 ^ (now.traffic_age - p.traffic_age)) AS places
            FROM bandit_posteriors AS p CROSS JOIN now WHERE algorithm = ANY(%(arms)s) GROUP BY context_key
        )
        SELECT algorithm, sum(probability * places) / (SELECT sum(places) FROM context), count(*)
        FROM bandit_posteriors JOIN context USING (context_key) WHERE algorithm = ANY(%(arms)s) GROUP BY algorithm
        """,
        {"arms": list(arms)},
    ).fetchall()
    return max((contexts for *_, contexts in rows), default=0), {arm: float(share) for arm, share, _ in rows}
