"""Problem details: always JSON, short, with the request's id, and without a word about the inside."""

import json
from io import StringIO
from itertools import count
from math import isfinite
from typing import Any, cast

import pytest
from aws_lambda_powertools import Logger
from bandit_selector import errors
from bandit_selector.errors import BanditSelectorError, InvalidRequest
from bandit_selector.faults import SHOWN
from bandit_selector.jsontext import as_json
from bandit_selector.web import (
    MAX_BODY,
    MAX_SERVICE_BODY,
    PUBLIC,
    answers_problems,
    read_body,
    read_query,
)
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from tests.integration.events import REQUEST_ID, http_event

PRIVATE = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db at 10.0.0.7:5432 as role/select"
NUMBERS = count()  # powertools keeps one logger for each name
VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
    max_leaves=8,
)


class Numbers(BaseModel):
    """A body of three fields."""

    model_config = ConfigDict(strict=True)

    a: int
    b: float
    c: list[int]


def answered(error: Exception) -> tuple[dict[str, Any], str]:
    """(answer, log) of a handler that raises."""
    log = StringIO()

    @answers_problems(Logger(service=f"test-{next(NUMBERS)}", stream=log))
    def failing(_event: dict[str, Any], _context: object) -> dict[str, Any]:
        raise error

    answer = failing(http_event(), None)
    return answer, log.getvalue()


def of_every_kind() -> list[BanditSelectorError]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BanditSelectorError)]
    own = [kind for kind in kinds if "__init__" not in vars(kind)]
    return [kind(PRIVATE) for kind in own] + [errors.MissingTable(PRIVATE)]


@pytest.mark.parametrize("error", of_every_kind(), ids=lambda error: type(error).__name__)
def test_a_fault_of_the_inside_is_a_fixed_sentence_outside_and_told_in_the_log(error: BanditSelectorError) -> None:
    answer, log = answered(error)
    problem = json.loads(answer["body"])
    assert (answer["statusCode"] >= 500) is (problem["detail"] not in str(error))
    assert not any(word in answer["body"] for word in ("arn:", "10.0.0.7", "5432", "role/"))
    assert (answer["headers"]["x-request-id"], problem["instance"]) == (REQUEST_ID, REQUEST_ID)
    line = json.loads(log.splitlines()[0])
    assert line["request_id"] == REQUEST_ID
    assert PRIVATE.lower() in line["message"].lower()


def test_an_unknown_fault_is_logged_with_its_request_and_stays_a_fault() -> None:
    with pytest.raises(ZeroDivisionError):
        answered(ZeroDivisionError())


def test_every_error_that_repeats_its_own_words_is_about_what_the_caller_sent() -> None:
    own_words = {kind.__name__ for kind, public in PUBLIC.items() if not public.sentence}
    of_requests = {"InvalidRequest", "BodyTooLarge", "UnknownUser", "TooManyRequests"}
    told = of_requests | {"NoReport", "OutdatedReport", "ForeignUser", "MissingScope", "RefusedToken"}
    assert own_words == told
    assert all(public.status < 500 for public in PUBLIC.values() if not public.sentence)


def without_what_is_not_finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, list):
        return [without_what_is_not_finite(part) for part in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: without_what_is_not_finite(part) for name, part in cast("dict[str, Any]", value).items()}
    return value


@given(VALUES)
@example({"\ud800": [2**100, float("nan"), "\udfff"]})
@example({"a": [-(10**4000), 5e-324, -0.0, 1e23, True, 1, 1.0, "\0\u2028\x7f"]})
@example(json.loads("[" * 400 + "NaN" + "]" * 400))
def test_an_answer_is_always_json_and_loses_nothing(value: object) -> None:
    read = json.loads(as_json(value), parse_constant=pytest.fail)
    assert repr(read) == repr(without_what_is_not_finite(value))  # 1, 1.0 and True are equal


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES))
def test_a_refused_body_is_named_in_short_valid_json(body: dict[str, object]) -> None:
    try:
        read_body(http_event(body=body), Numbers)
    except InvalidRequest as refused:
        answer, _ = answered(refused)
        json.loads(answer["body"], parse_constant=pytest.fail)
        assert len(answer["body"]) < 4 * MAX_BODY


@pytest.mark.parametrize(
    "body",
    [
        '{"a": NaN, "b": Infinity, "c": [-Infinity]}',
        json.dumps("x" * 7_000),
        json.dumps({"c": ["y" * 9] * 500}),
        "\ud800",
        "{",
        '{"a":"\\ud800"}',
    ],
)
def test_a_wrong_value_is_shortened(body: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_body(http_event() | {"body": body}, Numbers)
    answer, _ = answered(refused.value)
    problem = json.loads(answer["body"], parse_constant=pytest.fail)
    for value in (fault["value"] for fault in problem["errors"]):
        assert len(value if isinstance(value, str) else json.dumps(value)) <= SHOWN
    assert len(answer["body"]) < 3 * MAX_BODY


@pytest.mark.parametrize(
    ("most", "extra"), [(MAX_BODY, 0), (MAX_BODY, 1), (MAX_SERVICE_BODY, 0), (MAX_SERVICE_BODY, 1)]
)
@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_body_is_measured_in_bytes(most: int, extra: int, letter: str) -> None:
    room = most - 2 + extra
    text = '"' + letter * (room // len(letter.encode())) + "x" * (room % len(letter.encode())) + '"'
    with pytest.raises(errors.BodyTooLarge if extra else InvalidRequest) as refused:
        read_body(http_event() | {"body": text}, Numbers, most)
    assert answered(refused.value)[0]["statusCode"] == (413 if extra else 422)


def test_text_that_the_database_cannot_hold_is_refused_where_it_is_named_and_ignored_elsewhere() -> None:
    class Named(BaseModel):
        name: str

    for value in ("\0", "a\0b", "\ud800"):
        with pytest.raises(InvalidRequest, match="name: must be text"):
            read_query(http_event({"name": value}), Named)
    assert read_query(http_event({"name": "ok", "other": "\0"}), Named).name == "ok"
