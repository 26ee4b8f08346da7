"""The load of `./dev bench feedback`: impressions over all 144 cells, and feedback for them in SQS batches."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from bandit_selector.feedback import Message, new_message_id
from bandit_selector.lists.context import CONTEXTS
from bandit_selector.settings import GUIDE_ARMS
from bandit_selector.store.connection import Connection

START = datetime(2026, 1, 5, tzinfo=UTC)
USERS = 50_000
MOVIES = 5_000
SHOWN_PER_MINUTE = 6_000
CHOICES = ("click",) * 7 + ("thumbs_up", "rating", "thumbs_down")


def show(connection: Connection, count: int, settled: bool) -> range:
    """Adds impressions in lists of ten by random users, settled as failures or not yet settled; returns their ids."""
    row = connection.execute("SELECT coalesce(max(id), 0)::bigint + 1 FROM recommendation_events").fetchone()
    first = int(row[0]) if row else 1
    connection.execute(
        """
        INSERT INTO recommendation_events
            (id, user_id, movie_id, algorithm, position, context, propensity, posterior_version, recommendation_id,
             created_at, settled_at, outcome)
        SELECT n, 1 + abs(hashint8(n / 10)) %% %(users)s, 1 + abs(hashint8(n)) %% %(movies)s,
            'bandit_' || (%(arms)s::text[])[1 + abs(hashint8(n + 7)) %% 6], 1 + n %% 10,
            (%(contexts)s::jsonb[])[1 + abs(hashint8(n / 10 + 7)) %% 24],
            1 / 6.0, 1, md5((n / 10)::text)::uuid, at,
            CASE WHEN %(settled)s THEN at END, CASE WHEN %(settled)s THEN 'failure' END
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
        CROSS JOIN LATERAL (SELECT %(start)s + n * (interval '1 minute' / %(rate)s) AS at) AS clock
        """,
        {
            "users": USERS,
            "movies": MOVIES,
            "arms": list(GUIDE_ARMS),
            "contexts": [json.dumps(context.as_record()) for context in CONTEXTS],
            "first": first,
            "last": first + count - 1,
            "start": START,
            "rate": SHOWN_PER_MINUTE,
            "settled": settled,
        },
    )
    return range(first, first + count)


def react(connection: Connection, impressions: range, seed: int) -> list[Message]:
    """One message for each impression, in random order: seven clicks in ten; four in five name their event."""
    randomness = Random(seed)
    rows: list[tuple[int, int, int, datetime]] = connection.execute(
        "SELECT id, user_id, movie_id, created_at FROM recommendation_events WHERE id BETWEEN %s AND %s",
        [impressions.start, impressions.stop - 1],
    ).fetchall()  # type: ignore[assignment]
    randomness.shuffle(rows)
    return [_reaction(row, randomness) for row in rows]


def _reaction(row: tuple[int, int, int, datetime], randomness: Random) -> Message:
    event_id, user_id, movie_id, shown = row
    at = shown + timedelta(seconds=30)
    action = randomness.choice(CHOICES)
    return Message.model_validate(
        {
            "message_id": new_message_id(at, randomness),
            "action": action,
            "user_id": user_id,
            "movie_id": movie_id,
            "event_id": event_id if randomness.random() < 0.8 else None,
            "rating": randomness.randint(1, 10) / 2 if action == "rating" else None,
            "occurred_at": at,
            "received_at": at,
        }
    )


def as_batches(messages: Sequence[Message], size: int) -> list[str]:
    """The JSON events that Lambda's runtime passes to the consumer: `size` SQS records each, with attributes."""
    return [_as_event(messages[start : start + size]) for start in range(0, len(messages), size)]


def _as_event(messages: Sequence[Message]) -> str:
    records = [
        {
            "messageId": str(message.message_id),
            "receiptHandle": "AQEB" + "x" * 180,
            "body": message.model_dump_json(exclude_none=True),
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1767600000000",
                "SenderId": "AROAEXAMPLE:ingest",
                "ApproximateFirstReceiveTimestamp": "1767600000001",
            },
            "messageAttributes": {},
            "md5OfBody": "0" * 32,
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:feedback",
            "awsRegion": "eu-central-1",
        }
        for message in messages
    ]
    return json.dumps({"Records": records})
