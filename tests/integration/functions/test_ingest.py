"""POST /analytics/track/*: accepted only once the queue has it, refused with the field that is wrong."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bandit_selector.feedback import Message

from functions.feedback import ingest
from infra.local.emulation import aws
from infra.service import FEEDBACK_QUEUE
from tests.integration.events import NOW, context, http_event

CLICK = {"user_id": 1, "movie_id": 550}


@pytest.fixture(scope="module")
def server() -> Iterator[aws.Aws]:
    with tempfile.TemporaryDirectory(prefix="bandit-ingest-") as folder:
        running = aws.start(Path(folder))
        running.await_answer()
        yield running
        running.stop()


@pytest.fixture
def queue(server: aws.Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The queue's URL; this process gets the function's environment."""
    url, _ = aws.create_queue(server.client("sqs"), replace(FEEDBACK_QUEUE, name=tmp_path.name))
    for name, value in {**aws.CREDENTIALS, "AWS_ENDPOINT_URL": server.endpoint}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ingest, "SETTINGS", ingest.SETTINGS.model_copy(update={"feedback_queue_url": url}))
    forget_client()
    yield url
    forget_client()


def forget_client() -> None:
    ingest._queue.cache_clear()  # pyright: ignore[reportPrivateUsage] # as in a new process


def track(action: str, body: object, **more: Any) -> tuple[int, dict[str, str], dict[str, Any]]:
    answer = ingest.handler(http_event(path={"action": action}, body=body, **more), context())
    return answer["statusCode"], answer["headers"], json.loads(answer["body"])


def queued(server: aws.Aws, url: str) -> list[Message]:
    found = server.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [Message.model_validate_json(one["Body"]) for one in found]


@pytest.mark.parametrize(
    ("path", "action", "more"),
    [
        ("click", "click", {}),
        ("rating", "rating", {"rating": 4.5}),
        ("thumbs-up", "thumbs_up", {}),
        ("thumbs-down", "thumbs_down", {}),
        ("thumbs-off", "thumbs_off", {}),
    ],
)
def test_a_reaction_is_tracked_once_the_queue_has_it(
    server: aws.Aws, queue: str, path: str, action: str, more: dict[str, float]
) -> None:
    status, _, body = track(path, CLICK | more)
    assert (status, body) == (202, {"status": "tracked", "action": action})
    (message,) = queued(server, queue)
    assert (message.action, message.user_id, message.movie_id, message.rating) == (action, 1, 550, more.get("rating"))
    assert message.received_at == message.occurred_at == NOW


def test_what_was_seen_is_one_message_per_list(server: aws.Aws, queue: str) -> None:
    lists = [(1 << 40) + number for number in range(12)]
    shown = [number * 64 + place for number in lists for place in (1, 50)] + [lists[0] * 64 + 3, lists[0] * 64 + 1]
    status, _, body = track("seen", {"user_id": 1, "event_ids": shown})
    assert (status, body) == (202, {"status": "tracked", "action": "seen"})
    messages = [one for _ in range(2) for one in queued(server, queue)]
    bits = 1 << 50 | 1 << 1
    assert sorted((one.event_id, one.seen) for one in messages) == [
        (number * 64, bits | (8 if number == lists[0] else 0)) for number in lists
    ]
    assert {(one.action, one.user_id, one.movie_id, one.occurred_at) for one in messages} == {("seen", 1, None, NOW)}
    assert len({one.message_id for one in messages}) == 12


def test_a_visitors_clock_may_lag_but_not_lead(server: aws.Aws, queue: str) -> None:
    for claimed in ("2026-06-01T18:00:00-20:00", "2026-06-01T18:00:00Z"):
        assert track("click", CLICK | {"occurred_at": claimed})[0] == 202
    ahead, behind = sorted(queued(server, queue), key=lambda message: message.occurred_at, reverse=True)
    assert ahead.occurred_at == NOW
    assert behind.occurred_at == datetime(2026, 6, 1, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("click", {"movie_id": 550}, "user_id"),
        ("click", {"user_id": "me", "movie_id": 550}, "user_id"),
        ("click", {"user_id": 0, "movie_id": 550}, "user_id"),
        ("click", {"user_id": 1, "movie_id": 2**31}, "movie_id"),
        ("click", {"user_id": 1, "event_id": -1}, "event_id"),
        ("click", {"user_id": 1}, "body"),
        ("click", CLICK | {"occurred_at": "yesterday"}, "occurred_at"),
        ("click", CLICK | {"occurred_at": "2026-06-01T18:00:00"}, "occurred_at"),
        ("click", CLICK | {"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ("rating", CLICK, "rating"),
        ("rating", CLICK | {"rating": 5.5}, "rating"),
        ("rating", CLICK | {"rating": 3.3}, "rating"),
        ("seen", {"event_ids": [65]}, "user_id"),
        ("seen", {"user_id": 1}, "event_ids"),
        ("seen", {"user_id": 1, "event_ids": []}, "event_ids"),
        ("seen", {"user_id": 1, "event_ids": list(range(65, 116))}, "event_ids"),
        ("seen", {"user_id": 1, "event_ids": [65, "one"]}, "event_ids.1"),
        ("seen", {"user_id": 1, "event_ids": [65, 128]}, "event_ids.1"),
        ("seen", {"user_id": 1, "event_ids": [65, 127]}, "event_ids.1"),
        ("seen", {"user_id": 1, "event_ids": [65], "occurred_at": "yesterday"}, "occurred_at"),
        ("click", None, "body"),
        ("click", [], "body"),
    ],
)
def test_a_body_that_cannot_be_understood_is_refused_by_the_name_of_its_field(
    server: aws.Aws, queue: str, action: str, body: object, field: str
) -> None:
    status, headers, problem = track(action, body)
    assert (status, headers["content-type"]) == (422, "application/problem+json")
    assert field in [fault["field"] for fault in problem["errors"]]
    assert field in problem["detail"]
    assert queued(server, queue) == []


def test_feedback_for_another_user_is_forbidden_unless_a_service_sends_it(server: aws.Aws, queue: str) -> None:
    assert track("click", CLICK, subject="2")[0] == 403
    assert queued(server, queue) == []
    assert track("seen", {"user_id": 1, "event_ids": [65]}, subject="2")[0] == 403
    assert queued(server, queue) == []
    assert track("click", CLICK, subject="back-end", scope="service")[0] == 202


@pytest.mark.usefixtures("queue")
def test_an_unknown_action_is_not_found_and_the_known_ones_are_named() -> None:
    status, _, problem = track("yawn", CLICK)
    assert status == 404
    assert "thumbs-up" in problem["detail"]


@pytest.mark.usefixtures("queue")
def test_without_the_queue_nothing_is_accepted_and_the_answer_says_when_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    forget_client()
    status, headers, problem = track("click", CLICK)
    assert (status, headers["retry-after"]) == (503, "5")
    assert "send it again" in problem["detail"]


def test_a_queue_that_is_gone_is_a_queue_that_is_away(server: aws.Aws, queue: str) -> None:
    server.client("sqs").delete_queue(QueueUrl=queue)
    assert track("click", CLICK)[0] == 503
    assert track("seen", {"user_id": 1, "event_ids": [65, 129]})[0] == 503


SEVERAL = [
    {"action": "click", "event_id": 65_000 << 6 | 1, "occurred_at": "2026-06-01T19:00:00Z"},
    {"action": "rating", "movie_id": 550, "rating": 4.5},
    {"action": "thumbs-down", "movie_id": 551},
    {"action": "thumbs-off", "movie_id": 552},
    {"action": "seen", "event_ids": [65_000 << 6 | 1, 65_000 << 6 | 3, 65_001 << 6 | 2]},
]


def test_several_reactions_become_one_message_each(server: aws.Aws, queue: str) -> None:
    status, _, body = track("", {"user_id": 1, "reactions": SEVERAL}, route=ingest.SEVERAL)
    assert (status, body) == (202, {"status": "tracked", "reactions": 5})
    sent = [(one.action, one.event_id, one.movie_id, one.rating, one.seen) for one in queued(server, queue)]
    assert sorted(sent, key=str) == sorted(
        [
            ("click", 65_000 << 6 | 1, None, None, None),
            ("rating", None, 550, 4.5, None),
            ("thumbs_down", None, 551, None, None),
            ("thumbs_off", None, 552, None, None),
            ("seen", 65_000 << 6, None, None, 0b1010),
            ("seen", 65_001 << 6, None, None, 0b100),
        ],
        key=str,
    )


@pytest.mark.parametrize(
    ("reactions", "field"),
    [
        ([], "reactions"),
        ([{"action": "click", "movie_id": 1}] * 26, "reactions"),
        (
            [{"action": "click", "movie_id": 1}, {"action": "rating", "movie_id": 1, "rating": 9}],
            "reactions.1.rating.rating",
        ),
        ([{"action": "click"}], "reactions.0.click"),
        ([{"action": "buy", "movie_id": 1}], "reactions.0"),
    ],
)
def test_of_several_reactions_all_are_taken_or_none(
    server: aws.Aws, queue: str, reactions: list[dict[str, object]], field: str
) -> None:
    status, _, body = track("", {"user_id": 1, "reactions": reactions}, route=ingest.SEVERAL)
    assert (status, body["errors"][0]["field"]) == (422, field)
    assert queued(server, queue) == []
