"""The brake on errors and latency: treatment's requests against control's, and never by chance or by one visitor."""

from datetime import timedelta

import numpy as np
import pytest
from bandit_selector.evidence.brake import Bounds, Fallbacks, Look, reason
from bandit_selector.evidence.requests import Requests

BOUNDS = Bounds(None, 0.05, 0.02, 0.05, timedelta(seconds=1))
FINE = Requests(2_000, 4, 10, 0b1111, 0b1111111111)
MANY = (1 << 40) - 1  # visitors of forty parts


def why(treatment: Requests, control: Requests = FINE) -> str | None:
    return reason(Look(None, Fallbacks(0, treatment.number), treatment, control), BOUNDS)


def test_errors_of_treatment_alone_brake_and_the_reason_has_the_figures() -> None:
    assert why(Requests(1_000, 120, 0, MANY, 0)) == (
        "120 of treatment's 1,000 requests of the last hour (12.0%), against 4 of control's 2,000 (0.2%), failed,"
        " surely more than BRAKE_ERRORS 2.0% apart"
    )


def test_slow_requests_of_treatment_alone_brake() -> None:
    assert why(Requests(1_000, 0, 200, 0, MANY)) == (
        "200 of treatment's 1,000 requests of the last hour (20.0%), against 10 of control's 2,000 (0.5%), took longer"
        " than BRAKE_LATENCY 1 s, surely more than BRAKE_SLOW 5.0% apart"
    )


@pytest.mark.parametrize(
    ("treatment", "control"),
    [
        (Requests(1_000, 300, 600, MANY, MANY), Requests(2_000, 600, 1_200, MANY, MANY)),  # the database is slow
        (Requests(199, 199, 199, MANY, MANY), FINE),  # few requests
        (Requests(1_000, 900, 900, 0b111, 0b111), FINE),  # three visitors
        (Requests(1_000, 30, 70, MANY, MANY), FINE),  # above the bound, but not surely
        (Requests(1_000, 500, 500, MANY, MANY), Requests()),  # no control to compare with
    ],
)
def test_what_does_not_brake(treatment: Requests, control: Requests) -> None:
    assert why(treatment, control) is None


def test_equal_groups_brake_by_chance_in_none_of_ninety_days_of_looks() -> None:
    rng = np.random.default_rng(5)
    for rate in (0.005, 0.05, 0.3):
        for number in (200, 2_000):
            ours, theirs = rng.binomial(number, rate, 2_160), rng.binomial(3_000, rate, 2_160)
            looks = zip(ours.tolist(), theirs.tolist(), strict=True)
            bounds = Bounds(None, 1, 0.0, 1, timedelta(seconds=1))  # the tightest: any difference at all
            found = [
                reason(
                    Look(None, Fallbacks(0, 0), Requests(number, one, 0, MANY), Requests(3_000, other, 0, MANY)), bounds
                )
                for one, other in looks
            ]
            assert not any(found)
