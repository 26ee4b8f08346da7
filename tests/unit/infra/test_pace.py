"""The rates that a demo prints."""

import pytest

from infra.local.demo.pace import Pace


def paced(*marks: tuple[float, int]) -> Pace:
    moments = iter([moment for moment, _ in marks])
    pace = Pace(lambda: next(moments))
    for _, visits in marks:
        pace.mark(visits)
    return pace


def test_the_steady_rate_is_that_of_the_second_half_and_the_emptying_of_the_queue_is_told_apart() -> None:
    pace = paced((0, 0), (10, 100), (11, 500), (15, 1000), (16, 1000))
    assert pace.steady == pytest.approx(500 / 4)
    assert pace.emptying == 1
    assert pace.whole == pytest.approx(1000 / 16)
    assert pace.seconds == 16


@pytest.mark.parametrize("marks", [(), ((3, 0),), ((3, 0), (3, 0))])
def test_no_time_is_no_rate(marks: tuple[tuple[float, int], ...]) -> None:
    pace = paced(*marks)
    assert (pace.steady, pace.emptying, pace.whole, pace.seconds) == (0, 0, 0, 0)
