"""The load of `./dev bench feedback`: impressions over all 144 cells, and feedback for them in SQS batches."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from bandit_selector.feedback import Message, new_message_id
from bandit_selector.lists.context import CONTEXTS
from bandit_selector.settings import GUIDE_ARMS
from bandit_selector.store.connection import Connection

START = datetime(2026, 1, 5, tzinfo=UTC)
USERS = 50_000
MOVIES = 5_000
PLACES = 10
STEP = timedelta(milliseconds=100)  # between two lists
CHOICES = ("click",) * 7 + ("thumbs_up", "rating", "thumbs_down")


class Span(NamedTuple):
    """The moments from which on, and before which, lists were shown."""

    since: datetime
    until: datetime


def make_partitions(connection: Connection) -> None:
    """The weeks in which everything here is shown."""
    connection.execute("SELECT bandit_make_partitions(%s, %s)", [START - timedelta(days=7), START + timedelta(days=14)])


def show(connection: Connection, count: int, settled: bool) -> Span:
    """Adds impressions in lists of ten by random users, settled as failures or not yet settled; returns their span."""
    row = connection.execute("SELECT max(created_at) FROM bandit_lists").fetchone()
    since = row[0] + STEP if row and row[0] else START
    span = Span(since, since + STEP * (count // PLACES))
    connection.execute(
        """
        WITH list AS (
            INSERT INTO bandit_lists
                (id, created_at, user_id, posterior_version, settled_at, first_position, context_key, ab_group, silence,
                 arms, drawn, movie_ids, scores, propensities)
            SELECT (floor(extract(epoch FROM at))::bigint - 1735689600) << 16 | (n & 65535), at,
                1 + abs(hashint8(n)) %% %(users)s, 1, CASE WHEN %(settled)s THEN at END, 1,
                (%(contexts)s::text[])[1 + abs(hashint8(n + 7)) %% 24], 'treatment', 'shown', %(arms)s::text[],
                (
                    SELECT decode(string_agg(lpad(to_hex(1 + abs(hashint8(n * 10 + place)) %% 6), 2, '0'), ''), 'hex')
                    FROM generate_series(1, 10) AS place
                ),
                ARRAY(
                    SELECT (1 + (abs(hashint8(n)) + place * 7) %% %(movies)s)::integer
                    FROM generate_series(1, 10) AS place
                ),
                array_fill(0.5::real, ARRAY[10]), array_fill((1 / 6.0)::real, ARRAY[10])
            FROM generate_series(0::bigint, %(lists)s::bigint - 1) AS number
            CROSS JOIN LATERAL (
                SELECT %(since)s + number * %(step)s AS at,
                    (extract(epoch FROM %(since)s + number * %(step)s - %(start)s) * 10)::bigint AS n
            ) AS clock
            RETURNING id, created_at
        )
        INSERT INTO bandit_unsettled SELECT id, created_at FROM list WHERE NOT %(settled)s
        """,
        {
            "users": USERS,
            "movies": MOVIES,
            "arms": sorted(GUIDE_ARMS),
            "contexts": [context.key for context in CONTEXTS],
            "lists": count // PLACES,
            "since": since,
            "step": STEP,
            "start": START,
            "settled": settled,
        },
    )
    return span


def react(connection: Connection, shown: Span, seed: int) -> list[Message]:
    """One message for each impression, in random order: seven clicks in ten; four in five name their event."""
    randomness = Random(seed)
    rows: list[tuple[int, int, int, datetime]] = connection.execute(
        "SELECT id, user_id, movie_id, created_at FROM recommendation_events"
        " WHERE created_at >= %s AND created_at < %s",
        shown,
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
