"""A ramp's form, its steps over time, and that a larger share only ever adds visitors."""

from datetime import UTC, datetime, timedelta

import pytest
from bandit_selector.errors import InvalidSetting
from bandit_selector.lists.slate import is_treated
from bandit_selector.ramp import Step, planned, step_below
from bandit_selector.settings import read_settings
from hypothesis import given
from hypothesis import strategies as st

from infra.service import FUNCTIONS

RAMP = "0.05@2027-01-10,.25@+3d, 0.5@+7d"
FIRST = datetime(2027, 1, 10, tzinfo=UTC)
STEPS = (Step(0.05, FIRST), Step(0.25, FIRST + timedelta(days=3)), Step(0.5, FIRST + timedelta(days=10)))
SERVER = {"ASSIGNMENT": "server"}


def test_days_count_from_the_step_before() -> None:
    assert read_settings({"RAMP": RAMP, **SERVER}).ramp == STEPS


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.05", "0.05@2027-01-10"),
        ("0.05@soon", "0.05@2027-01-10"),
        ("5%@2027-01-10", "0.05@2027-01-10"),
        ("0.05@+3d", "the first step '0.05@+3d' needs a date"),
        ("0.05@2027-02-30", "day"),
        ("0.5@2027-01-10,0.25@+3d", "must have a larger share and a later day"),
        ("0.25@2027-01-10,0.5@+0d", "must have a larger share and a later day"),
        ("0.25@2027-01-10,1@+3d", "so that a control group stays"),
        ("0@2027-01-10", "is not a step of a ramp"),
    ],
)
def test_another_form_is_refused_with_the_fix(text: str, says: str) -> None:
    with pytest.raises(InvalidSetting, match="RAMP=") as refused:
        read_settings({"RAMP": text, **SERVER})
    assert says in str(refused.value)


def test_a_ramp_needs_the_server_to_assign() -> None:
    with pytest.raises(InvalidSetting, match="RAMP needs ASSIGNMENT=server: otherwise callers decide"):
        read_settings({"RAMP": RAMP})


@pytest.mark.parametrize("name", [one.name for one in FUNCTIONS if "RAMP" in one.settings])
def test_each_function_that_gets_the_ramp_gets_what_it_is_refused_without(name: str) -> None:
    (function,) = (one for one in FUNCTIONS if one.name == name)
    assert {"ASSIGNMENT", "TREATMENT_SHARE"} <= {*function.settings}


def test_select_and_settle_name_a_plan_by_the_same_settings() -> None:
    chosen = {"RAMP": RAMP, **SERVER, "EXPERIMENT_SALT": "two", "EXPERIMENT_START": "2027-01-10T00:00:00Z"}
    plans = {
        read_settings({name: value for name, value in chosen.items() if name in function.settings}).share_plan
        for function in FUNCTIONS
        if function.name in {"select", "settle"}
    }
    assert plans == {read_settings(chosen).share_plan}


def test_a_step_begins_at_its_midnight_and_stays() -> None:
    moments = [FIRST - timedelta(seconds=1), FIRST, *(FIRST + timedelta(days=days) for days in (2.99, 3, 10, 400))]
    assert [planned(STEPS, at) for at in moments] == [0, 0.05, 0.05, 0.25, 0.5, 0.5]


def test_a_step_back_ends_with_nobody() -> None:
    assert [step_below(STEPS, share) for share in (0.5, 0.25, 0.05, 0.0)] == [0.25, 0.05, 0.0, 0.0]
    assert step_below((), 0.5) == 0.0


@given(st.integers(1, 2**31 - 1), st.text(max_size=12), st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_a_larger_share_only_adds_visitors(user_id: int, salt: str, shares: list[float]) -> None:
    treated = [is_treated(user_id, salt, share) for share in sorted(shares)]
    assert treated == sorted(treated)
