"""Lines and counters of a function: each line names its request, INFO is sampled, what was counted is written."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from bandit_selector.telemetry import GATHER_SECONDS, Telemetry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.events import LAMBDA_REQUEST_ID, context

NUMBERS = count()
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """The JSON lines written since the last call."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def telemetry(**options: Any) -> Telemetry:
    return Telemetry(f"telemetry-{next(NUMBERS)}", **options)


def after(made: Telemetry, work: Callable[[], None]) -> None:
    """One event that does `work`."""
    made.handling(lambda _event, _context: work())({}, context())


def test_every_line_of_an_event_has_the_request_id_of_lambda(lines: Lines) -> None:
    made = telemetry()
    after(made, lambda: made.logger.info("one"))
    assert [line["function_request_id"] for line in lines()] == [LAMBDA_REQUEST_ID]


@pytest.mark.parametrize(("share", "written"), [(0.0, ["two"]), (1.0, ["one", "two"])])
def test_warnings_are_written_though_information_is_not(lines: Lines, share: float, written: list[str]) -> None:
    made = telemetry(log_sample=share)

    def work() -> None:
        made.logger.info("one")
        made.logger.warning("two")

    after(made, work)
    assert [line["message"] for line in lines()] == written


def test_about_a_hundredth_of_all_events_is_told_whole(lines: Lines) -> None:
    made = telemetry(log_sample=0.01)

    def work() -> None:
        made.logger.info("one")
        made.logger.info("two")

    for _ in range(5_000):
        after(made, work)
    told = [line["message"] for line in lines()]
    assert told == ["one", "two"] * (len(told) // 2)
    assert 10 <= len(told) / 2 <= 110  # beyond eight standard deviations


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 9)), min_size=1, max_size=30))
def test_written_and_waiting_together_are_what_was_counted(lines: Lines, events: list[tuple[float, int]]) -> None:
    now = 0.0
    made = telemetry(gather_seconds=GATHER_SECONDS, clock=lambda: now)
    for pause, number in events:
        now += pause
        after(made, lambda number=number: made.count("Impressions", number))
    made.flush()
    assert sum(sum(line["Impressions"]) for line in lines()) == sum(number for _, number in events)


def test_a_busy_process_writes_one_line_in_ten_seconds(lines: Lines) -> None:
    now = 0.0
    made = telemetry(gather_seconds=GATHER_SECONDS, clock=lambda: now)
    for _ in range(1_000):  # ten a second
        after(made, lambda: made.count("Recommendations"))
        now += 0.1
    assert len(lines()) == 10


def test_what_an_alarm_waits_for_is_written_at_once(lines: Lines) -> None:
    made = telemetry(gather_seconds=GATHER_SECONDS)
    after(made, lambda: made.count("Recommendations"))
    lines()
    after(made, lambda: made.count("Recommendations"))
    assert lines() == []
    after(made, lambda: made.count("Fallbacks"))
    (line,) = lines()
    assert (line["Recommendations"], line["Fallbacks"]) == ([1], [1])


def test_counters_are_written_though_the_event_failed(lines: Lines) -> None:
    made = telemetry()

    def work() -> None:
        made.count("FeedbackPoison")
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        after(made, work)
    assert lines()[-1]["FeedbackPoison"] == [1]
