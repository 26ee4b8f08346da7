"""Events in the form of API Gateway, SQS and the scheduler, and a small site."""

import json
from datetime import UTC, datetime
from typing import Any

from awslambdaric.lambda_context import LambdaContext
from bandit_selector.settings import GUIDE_ARMS
from bandit_selector.store.connection import Connection

NOW = datetime(2026, 6, 1, 19, 30, tzinfo=UTC)  # a Monday evening
REQUEST_ID = "JKJaXmPLvHcESHA="
LAMBDA_REQUEST_ID = "52fdfc07-2182-454f-963f-5f0f9a621d72"


def context() -> LambdaContext:
    """What Lambda tells a handler beside the event."""
    return LambdaContext(LAMBDA_REQUEST_ID, None, None, 2**42, "arn:aws:lambda:eu-central-1:111122223333:function:one")


def http_event(
    query: dict[str, str] | None = None,
    subject: str = "1",
    scope: str = "",
    body: object = None,
    path: dict[str, str] | None = None,
    at: datetime = NOW,
    route: str = "GET /movies/recommendations",
) -> dict[str, Any]:
    """An HTTP API event, payload 2.0, with an accepted token."""
    return {
        "version": "2.0",
        "routeKey": route,
        "queryStringParameters": query,
        "pathParameters": path,
        "body": json.dumps(body) if body is not None else None,
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": REQUEST_ID,
            "timeEpoch": int(at.timestamp() * 1000),
            "authorizer": {"jwt": {"claims": {"sub": subject, "scope": scope}, "scopes": None}},
        },
    }


def queue_event(*bodies: str) -> dict[str, Any]:
    """A batch of the SQS event source."""
    return {"Records": [{"messageId": f"record-{at}", "body": body} for at, body in enumerate(bodies)]}


def load_site(connection: Connection, users: int = 3, movies: int = 60) -> None:
    """Users 1…; movies 1…, the first ten of them popular; every arm lists all movies in a different order."""
    connection.execute("INSERT INTO users SELECT generate_series(1, %s)", [users])
    connection.execute(
        "INSERT INTO movies (id, title, genres)"
        " SELECT n, 'Movie ' || n, '[\"Drama\"]' FROM generate_series(1, %s) AS n",
        [movies],
    )
    connection.execute(
        "INSERT INTO movie_popularity SELECT n, 1000 / n, n > 10 FROM generate_series(1, %s) AS n", [movies]
    )
    for shift, arm in enumerate(GUIDE_ARMS):
        ids = [(place + 7 * shift) % movies + 1 for place in range(movies)]
        connection.execute(
            "INSERT INTO recommendation_candidates VALUES (0, %s, %s, %s, now())",
            [arm, ids, [1 - place / movies for place in range(movies)]],
        )
