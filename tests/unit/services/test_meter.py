"""What a process counts of its requests: each once, by group, and carried by one list that was recorded."""

from datetime import timedelta

import pytest
from bandit_selector.errors import DatabaseUnavailable
from bandit_selector.evidence.requests import Requests
from bandit_selector.services.meter import Meter


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def ask(meter: Meter, clock: Clock, group: str | None, user: int = 1, took: float = 0.0) -> dict[str, Requests]:
    with meter.request(user) as one:
        one.group = group
        clock.now += took
        return one.carries


def fail(meter: Meter, group: str | None, user: int) -> None:
    with meter.request(user) as one:
        one.group = group
        raise DatabaseUnavailable("gone")


def test_a_list_carries_what_was_counted_before_it_once() -> None:
    clock = Clock()
    meter = Meter(timedelta(seconds=1), 10, clock)
    assert ask(meter, clock, "treatment", 5, took=1.5) == {}
    assert ask(meter, clock, "control") == {"treatment": Requests(1, 0, 1, 0, 1 << 5)}
    assert ask(meter, clock, "control") == {}  # ten seconds have not passed
    clock.now += 10
    assert ask(meter, clock, None) == {"control": Requests(2)}
    clock.now += 10
    assert ask(meter, clock, "control") == {}  # what has no group is in no test


def test_an_error_counts_as_one_and_keeps_what_its_list_would_have_carried() -> None:
    clock = Clock()
    meter = Meter(timedelta(seconds=1), 0, clock)
    ask(meter, clock, "control")
    for user in (3, 66):  # two visitors of one part
        with pytest.raises(DatabaseUnavailable):
            fail(meter, "treatment", user)
    with pytest.raises(DatabaseUnavailable):
        fail(meter, None, 9)  # before the group is known
    carried = ask(meter, clock, "control")
    assert carried == {"control": Requests(1), "treatment": Requests(2, 2, 0, 1 << 3, 0)}
