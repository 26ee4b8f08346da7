"""The load of `./dev bench path`: a site, candidates, and lists of thirty with their feedback, made by SQL in sets."""

from datetime import UTC, datetime, timedelta
from random import Random

from bandit_selector.feedback import Message, new_message_id
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.settings import GUIDE_ARMS
from bandit_selector.store.connection import Connection

from infra.local import site

PLACES = 30
REACTIONS = 0.3  # a list
USERS = 200_000
ASKING = 2_000  # users with candidates and ratings of their own
MOVIES = 5_000
CANDIDATES = 50  # of each arm, as the reference builder makes them
CHUNK = 200_000  # lists in one statement
CHOICES = ("click",) * 7 + ("thumbs_up", "rating", "thumbs_down")


def build_site(connection: Connection) -> None:
    """Users, movies and forty ratings of each asking user; the product's tables are not there yet."""
    site.create_tables(connection)
    connection.execute("INSERT INTO users SELECT generate_series(1, %s)", [USERS])
    connection.execute(
        """
        INSERT INTO movies SELECT n, 'A title of usual length ' || n, '["Drama", "Comedy"]'::json
        FROM generate_series(1, %s) AS n
        """,
        [MOVIES],
    )
    connection.execute(
        """
        INSERT INTO ratings (user_id, movie_id, rating)
        SELECT DISTINCT u, 1 + abs(hashint8(u * 1000 + n)) %% %s, 4.0
        FROM generate_series(1, %s) AS u, generate_series(1, 40) AS n
        """,
        [MOVIES, ASKING],
    )


def fill_candidates(connection: Connection) -> None:
    """Six lists of fifty for each asking user and for everybody; four movies in five are long tail."""
    connection.execute("INSERT INTO movie_popularity SELECT id, 10, id % 5 > 0 FROM movies")
    connection.execute(
        """
        INSERT INTO recommendation_candidates (user_id, algorithm, movie_ids, scores, updated_at)
        SELECT u, arm, array_agg(1 + (abs(hashint8(u * 10 + length(arm))) + n * 37) %% %s ORDER BY n),
            array_agg((1.0 / n)::real ORDER BY n), now()
        FROM generate_series(0, %s) AS u, unnest(%s::text[]) AS arm, generate_series(1, %s) AS n
        GROUP BY u, arm
        """,
        [MOVIES, ASKING, list(GUIDE_ARMS), CANDIDATES],
    )
    connection.execute(
        """
        INSERT INTO bandit_posteriors
        SELECT key, arm, 20, 80, 1 / 6.0, 1, now(), 20, 80, 20, 80
        FROM unnest(%s::text[]) AS key, unnest(%s::text[]) AS arm
        """,
        [list(CONTEXT_KEYS), list(GUIDE_ARMS)],
    )


def make_templates(connection: Connection) -> None:
    """Two thousand lists' movies, arms, scores and propensities, from which many lists are made."""
    connection.execute(
        """
        CREATE TABLE template AS
        SELECT t, array_agg(1 + (abs(hashint8(t)) + n * 37) %% %(movies)s ORDER BY n) AS movie_ids,
            array_agg((1.0 / n)::real ORDER BY n) AS scores, array_agg((1 / 6.0)::real ORDER BY n) AS propensities,
            decode(string_agg(lpad(to_hex(1 + abs(hashint8(t * 100 + n)) %% 6), 2, '0'), '' ORDER BY n), 'hex') AS drawn
        FROM generate_series(0, 1999) AS t, generate_series(1, %(places)s) AS n GROUP BY t
        """,
        {"movies": MOVIES, "places": PLACES},
    )
    connection.execute("ALTER TABLE template ADD PRIMARY KEY (t)")


def fill_lists(connection: Connection, count: int, since: datetime, until: datetime, *, settled: bool) -> None:
    """Adds lists, evenly over a span; where they are settled, the reactions of a usual list with them."""
    for first in range(0, count, CHUNK):
        span = {"count": count, "first": first, "last": min(count, first + CHUNK) - 1, "since": since, "until": until}
        connection.execute(
            """
            INSERT INTO bandit_lists
                (id, created_at, user_id, posterior_version, settled_at, first_position, context_key, ab_group,
                 silence, arms, drawn, movie_ids, scores, propensities)
            SELECT (floor(extract(epoch FROM at))::bigint - 1735689600) << 16 | (n & 65535), at,
                1 + abs(hashint8(n)) %% %(users)s, 1, CASE WHEN %(settled)s THEN at + interval '10 minutes' END, 1,
                (%(keys)s::text[])[1 + abs(hashint8(n + 7)) %% 24], 'treatment', 'shown', %(arms)s::text[],
                t.drawn, t.movie_ids, t.scores, t.propensities
            FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
            CROSS JOIN LATERAL (
                SELECT %(since)s + (%(until)s - %(since)s) * (n::float8 / %(count)s::bigint) AS at
            ) AS clock
            JOIN template AS t ON t.t = n %% 2000
            """,
            {
                **span,
                "users": USERS,
                "settled": settled,
                "keys": list(CONTEXT_KEYS),
                "arms": sorted(GUIDE_ARMS),
            },
        )
    span = {"since": since, "until": until}
    if settled:
        _react_in_sets(connection, since, until)
    else:
        connection.execute(
            "INSERT INTO bandit_unsettled SELECT id, created_at FROM bandit_lists"
            " WHERE created_at >= %(since)s AND created_at < %(until)s",
            span,
        )


def _react_in_sets(connection: Connection, since: datetime, until: datetime) -> None:
    """A click for three lists in ten, in the log and folded."""
    connection.execute(
        """
        WITH clicked AS MATERIALIZED (
            SELECT id * 64 + 1 + abs(hashint8(id)) %% %(places)s AS event, user_id, bandit_second(id) AS second,
                created_at + interval '30 seconds' AS at,
                movie_ids[1 + abs(hashint8(id)) %% %(places)s] AS movie_id
            FROM bandit_lists
            WHERE created_at >= %(since)s AND created_at < %(until)s AND abs(hashint8(id + 1)) %% 10 < 3
        ), logged AS (
            INSERT INTO feedback_events
                (message_id, message_time, user_id, movie_id, claimed_event_id, action, occurred_at, received_at,
                 event_id)
            SELECT id, bandit_message_time(id), user_id, movie_id, event, 'click', at, at, event
            FROM clicked CROSS JOIN LATERAL (
                SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
                    || substr(md5(event::text), 1, 3) || '8' || substr(md5(event::text), 4, 15))::uuid AS id
            ) AS named
        )
        INSERT INTO bandit_reactions (event_id, shown_at, clicked_at, outcome)
        SELECT event, second, at, 'success' FROM clicked
        """,
        {"since": since, "until": until, "places": PLACES},
    )


def fill_rows(connection: Connection, count: int, since: datetime, until: datetime, *, settled: bool) -> None:
    """The same lists in the table of version 1.0, one row a movie."""
    connection.execute(
        """
        INSERT INTO recommendation_events
            (recommendation_id, user_id, context, posterior_version, created_at, algorithm, movie_id, position,
             recommendation_score, propensity, settled_at, outcome, clicked, clicked_at)
        SELECT list.id, 1 + abs(hashint8(n)) %% %(users)s,
            jsonb_build_object('time_period', split_part(key, '|', 1), 'day_of_week', split_part(key, '|', 2),
                'user_type', split_part(key, '|', 3), 'context_key', key),
            1, at, 'bandit_' || (%(arms)s::text[])[get_byte(t.drawn, place - 1)], t.movie_ids[place], place,
            t.scores[place], t.propensities[place], CASE WHEN %(settled)s THEN at + interval '10 minutes' END,
            CASE WHEN %(settled)s THEN CASE WHEN likes THEN 'success' ELSE 'failure' END END, %(settled)s AND likes,
            CASE WHEN %(settled)s AND likes THEN at + interval '30 seconds' END
        FROM generate_series(0, %(count)s::bigint - 1) AS n
        CROSS JOIN LATERAL (
            SELECT %(since)s + (%(until)s - %(since)s) * (n::float8 / %(count)s::bigint) AS at,
                (%(keys)s::text[])[1 + abs(hashint8(n + 7)) %% 24] AS key, md5(n::text)::uuid AS id,
                CASE WHEN abs(hashint8(n + 1)) %% 10 < 3 THEN 1 + abs(hashint8(n)) %% %(places)s END AS liked
        ) AS list
        JOIN template AS t ON t.t = n %% 2000
        CROSS JOIN LATERAL (
            SELECT place, place IS NOT DISTINCT FROM list.liked AS likes FROM generate_series(1, %(places)s) AS place
        ) AS places
        """,
        {
            "count": count,
            "since": since,
            "until": until,
            "users": USERS,
            "settled": settled,
            "keys": list(CONTEXT_KEYS),
            "arms": sorted(GUIDE_ARMS),
            "places": PLACES,
        },
    )
    if settled:
        connection.execute(
            """
            INSERT INTO feedback_events
                (message_id, user_id, movie_id, claimed_event_id, action, occurred_at, received_at, event_id)
            SELECT gen_random_uuid(), user_id, movie_id, id, 'click', clicked_at, clicked_at, id
            FROM recommendation_events WHERE clicked AND created_at >= %s AND created_at < %s
            """,
            [since, until],
        )


Place = tuple[int, int, int, datetime]
"""An impression's event id, user, movie and moment."""


def unsettled_places(connection: Connection, since: datetime) -> list[Place]:
    """A random place of each unsettled list shown since then."""
    return connection.execute(
        """
        SELECT DISTINCT ON (recommendation_id) id, user_id, movie_id, created_at FROM recommendation_events
        WHERE settled_at IS NULL AND created_at >= %s AND position = 1 + abs(hashint8(user_id)) %% 30
        ORDER BY recommendation_id
        """,
        [since],
    ).fetchall()  # type: ignore[return-value]


def react(places: list[Place], count: int, seed: int, naming: float = 0.8) -> list[Message]:
    """Messages for random impressions: seven clicks in ten; `naming` of them name their event."""
    randomness = Random(seed)
    return [_reaction(place, randomness, naming) for place in randomness.sample(places, count)]


def _reaction(place: Place, randomness: Random, naming: float) -> Message:
    event_id, user_id, movie_id, shown = place
    at = shown.astimezone(UTC) + timedelta(seconds=30)
    action = randomness.choice(CHOICES)
    return Message.model_validate(
        {
            "message_id": new_message_id(at, randomness),
            "action": action,
            "user_id": user_id,
            "movie_id": movie_id,
            "event_id": event_id if randomness.random() < naming else None,
            "rating": randomness.randint(1, 10) / 2 if action == "rating" else None,
            "occurred_at": at,
            "received_at": at,
        }
    )
