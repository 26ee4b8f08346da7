"""A token far beyond a visitor's bound is refused until the next UTC day."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from bandit_selector.errors import TooManyRequests
from bandit_selector.feedback import Message
from bandit_selector.quota import FAR_BEYOND, Quota
from bandit_selector.telemetry import Telemetry
from bandit_selector.web import Event, HttpAnswer, answers_problems
from hypothesis import given
from hypothesis import strategies as st

from functions.feedback import ingest
from tests.integration.events import http_event

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 400)), max_size=60))
def test_a_subject_is_refused_exactly_once_its_day_is_used_up(asked: list[tuple[str, int]]) -> None:
    quota, used = Quota(10), {"a": 0, "b": 0}
    for subject, amount in asked:
        if used[subject] >= 10 * FAR_BEYOND:
            with pytest.raises(TooManyRequests):
                quota.take(subject, amount, NOON)
        else:
            quota.take(subject, amount, NOON)
            used[subject] += amount


def test_the_next_day_begins_again_and_the_answer_says_when() -> None:
    quota = Quota(1)
    quota.take("a", FAR_BEYOND, NOON)
    with pytest.raises(TooManyRequests) as refused:
        quota.take("a", 1, NOON)
    assert refused.value.seconds == 12 * 3600 + 1
    quota.take("a", 1, NOON + timedelta(seconds=refused.value.seconds))


BODIES: dict[str, dict[str, object]] = {
    "POST /analytics/track/{action}": {"user_id": 1, "movie_id": 2},
    ingest.SEVERAL: {"user_id": 1, "reactions": [{"action": "click", "movie_id": 2}]},
}


def reaction(route: str, subject: str, scope: str = "") -> Event:
    return http_event(subject=subject, scope=scope, body=BODIES[route], path={"action": "click"}, route=route)


@pytest.mark.parametrize("route", BODIES)
def test_feedback_beyond_is_answered_429_with_retry_after_and_never_for_a_service(route: str) -> None:
    sent: list[Message] = []
    quota = Quota(1)

    def keep(messages: Sequence[Message]) -> None:
        sent.extend(messages)

    @answers_problems(Telemetry("test").logger)
    def answered(event: Event, _context: object) -> HttpAnswer:
        return ingest.respond(event, keep, quota)

    answers = [answered(reaction(route, "1"), None) for _ in range(FAR_BEYOND + 1)]
    assert [one["statusCode"] for one in answers] == [202] * FAR_BEYOND + [429]
    assert int(answers[-1]["headers"]["retry-after"]) > 0
    assert "ask again in" in json.loads(answers[-1]["body"])["detail"]
    assert answered(reaction(route, "backend", "service"), None)["statusCode"] == 202
    assert len(sent) == FAR_BEYOND + 1
