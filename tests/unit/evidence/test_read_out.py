"""The read-out in figures and in words: every reason that a sentence gives is the reason."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from bandit_selector.answers.performance import Experiment
from bandit_selector.evidence.background import Adjustment
from bandit_selector.evidence.experiment import CLUSTERS, Part, Plan, ReadOut, read_out
from bandit_selector.evidence.lift import planned_error
from bandit_selector.evidence.over_time import lift_over_time
from bandit_selector.evidence.split import Arrivals
from bandit_selector.evidence.tally import Tally
from bandit_selector.evidence.words import sentence
from bandit_selector.health.goals import GoalFacts, goals

from benchmarks._evidence_worlds import fresh
from tests.builders import EPOCH

PLAN = Plan(treatment_share=0.5, lift=0.15)
EVEN = [Arrivals(0.5, 5_000, 5_000)]


def parts(treated: float, untreated: float, shown: int = 500, clusters: int = CLUSTERS) -> list[Part]:
    """Clusters of visitors with these click rates and a little noise."""
    return [
        Part(0, group, cluster, Tally(shown, round(shown * rate) + (cluster % 5 if rate else 0)))
        for group, rate in (("treatment", treated), ("control", untreated))
        for cluster in range(clusters)
    ]


def told(found: list[Part], arrivals: list[Arrivals] | None = None, plan: Plan = PLAN) -> tuple[ReadOut, str]:
    test = read_out(found, arrivals or EVEN, plan, days=30)
    return test, sentence(test)


@pytest.mark.parametrize(
    ("found", "verdict", "words"),
    [
        (parts(0.14, 0.12), "higher", "So far treatment's CTR is "),
        (parts(0.10, 0.12), "lower", "% lower ("),
        (parts(0.121, 0.12, shown=100), "undecided", "No difference in CTR is proven so far"),
        (parts(0.0, 0.12), "tracking_broken", "treatment has 0 clicks on 64,000 movies shown"),
        (parts(0.12, 0.0), "tracking_broken", "control has 0 clicks on 64,000 movies shown"),
        (parts(0.12, 0.12, shown=50_000, clusters=1), "too_early", "spread as over 1.0 equal groups"),
        (parts(0.2, 0.2, shown=3, clusters=30), "too_early", "clicks, and the comparison begins at 100"),
        ([], "no_control", "Nothing was shown in this test yet."),
        (parts(0.1, 0.1)[:CLUSTERS], "no_control", "lists with use_bandit=false"),
        (parts(0.1, 0.1)[CLUSTERS:], "no_control", "lists with use_bandit=true"),
    ],
)
def test_each_state_is_told_with_its_reason(found: list[Part], verdict: str, words: str) -> None:
    test, said = told(found)
    assert test.verdict == verdict
    assert words in said


def test_one_visitor_a_group_is_not_told_to_lack_clicks() -> None:
    _, said = told(parts(0.12, 0.12, shown=50_000, clusters=1))
    assert "clicks, and the comparison begins at 100" not in said


def test_a_group_without_a_click_is_not_told_that_few_visitors_hold_it() -> None:
    found = [
        Part(0, group, cluster, Tally(10, group == "control" and cluster % 8 == 0))
        for group in ("treatment", "control")
        for cluster in range(CLUSTERS)
    ]
    _, said = told(found)
    assert said == "Too early to tell: treatment has 0 clicks, and the comparison begins at 100."


def test_a_small_lift_is_not_told_as_none() -> None:
    test, said = told(parts(0.1203, 0.12, shown=2_000_000), plan=replace(PLAN, lift=0.002))
    assert test.verdict == "higher"
    assert said.startswith("So far treatment's CTR is 0.25% higher (0.")


def test_clicks_that_a_bound_leaves_out_are_the_reason_that_is_told() -> None:
    bounded = [
        replace(part, excess_clicked=part.tally.clicked - 1) if part.tally.clicked > 1 else part
        for part in parts(0.12, 0.12, shown=20, clusters=60)
    ]
    test, said = told(bounded)
    assert test.verdict == "too_early"
    assert "clicks of one group count, because a visitor's weight is bounded" in said
    assert "no phase" not in said


def test_a_split_that_is_not_as_planned_blocks_the_verdict() -> None:
    test, said = told(parts(0.14, 0.12), [Arrivals(0.5, 6_000, 4_000)])
    assert test.verdict == "sample_ratio_mismatch"
    assert "6,000 visitors came to treatment first and 4,000 to control" in said
    assert test.planned_share == 0.5


def test_reached_and_planned_visitors_of_unequal_groups_are_alike_numbers() -> None:
    """With all of the information the plan is what was reached, though the smaller group has half of it."""
    test, _ = told(parts(0.12, 0.12, shown=1_000), [Arrivals(0.95, 1_900, 100)])
    reached = Experiment.of(test, since=EPOCH, until=EPOCH).sample_size.reached_users
    assert test.information is not None
    assert test.plannable == pytest.approx(reached / test.information, abs=1)


@pytest.mark.parametrize(
    ("found", "arrivals", "verdict"),
    [
        (parts(0.2, 0.1), [Arrivals(0.5, 6_000, 4_000)], "sample_ratio_mismatch"),
        (parts(0.3, 0.012), EVEN, "tracking_broken"),
    ],
)
def test_no_lift_is_told_of_groups_that_cannot_be_compared(
    found: list[Part], arrivals: list[Arrivals], verdict: str
) -> None:
    test, said = told(found, arrivals)
    assert test.verdict == verdict
    assert {one.lift for one in test.metrics.values()} == {None}
    assert (test.information, test.plannable, test.adjustable, test.more_users) == (None, None, None, None)
    facts = GoalFacts(2, {}, 0, None, (), test, {}, 0.7, None, False)
    lifted = [one for one in goals(facts) if one.name in {"CTR improving vs control group", "Reduced thumbs-down rate"}]
    assert [(one.state, one.figure) for one in lifted] == [("cannot be known", said)] * 2


def test_fallbacks_count_as_assigned_and_excess_does_not_count_in_the_lift() -> None:
    plain, _ = told(parts(0.12, 0.12))
    heavy = [
        replace(part, tally=part.tally + Tally(2_000, 2_000), excess_clicked=2_000, excess_shown=2_000)
        if (part.group, part.cluster) == ("treatment", 7)
        else part
        for part in parts(0.12, 0.12)
    ]
    bounded, _ = told(heavy)
    assert bounded.metrics["ctr"].lift == plain.metrics["ctr"].lift
    assert bounded.treatment.clicked == plain.treatment.clicked + 2_000


def test_without_a_count_of_visitors_nothing_is_said_of_more() -> None:
    """The lists of before phases are compared, but their visitors were not counted."""
    test, said = told(parts(0.14, 0.12), [Arrivals(0.5, 0, 0)])
    assert (test.verdict, test.more_users) == ("higher", None)
    assert said.endswith("; you may look every day.")


@pytest.mark.parametrize("lift", [0.0001, 0.002, 1.0])
def test_every_planned_lift_gives_a_sentence(lift: float) -> None:
    for found in (parts(0.14, 0.12), parts(0.12, 0.12, shown=40)):
        _, said = told(found, plan=replace(PLAN, lift=lift))
        assert len(said) < 400


def test_the_plan_is_fixed_when_it_hardly_moves_any_more() -> None:
    """133 new visitors a day and group, ten movies each."""
    days = fresh(np.random.default_rng(9), 60, 133).cumsum(axis=0)
    numbers = [
        read_out(
            [
                Part(0, group, cluster, Tally(int(sums[at, cluster, 1]), int(sums[at, cluster, 0])))
                for at, group in enumerate(("treatment", "control"))
                for cluster in range(CLUSTERS)
            ],
            [Arrivals(0.5, 133 * (day + 1), 133 * (day + 1))],
            replace(PLAN, adjustment=Adjustment()),
            day + 1,
        ).plannable
        for day, sums in enumerate(days)
    ]
    assert numbers[:4] == [None] * 4
    known = [number for number in numbers if number]
    assert len(known) > 50
    assert max(known) < 2 * known[0]
    assert min(known) > known[0] / 2


def test_a_planned_rate_fixes_the_plan_after_one_day_whatever_control_does() -> None:
    found = parts(0.12, 0.12, shown=100)
    fixed = [read_out(found, EVEN, replace(PLAN, ctr=rate), days=1).plannable for rate in (0.06, 0.12)]
    assert read_out(found, EVEN, replace(PLAN, ctr=0.12)).plannable is None
    assert fixed[0] is not None
    assert fixed[1] is not None
    assert fixed[0] / fixed[1] == pytest.approx((0.94 / 0.06) / (0.88 / 0.12), rel=0.01)
    # 25,600 movies of 10,000 visitors, one like another: 2 · (1 − p)/p / (movies a visitor) / error²
    assert fixed[1] == pytest.approx(2 * 0.88 / 0.12 / 2.56 / planned_error(0.15) ** 2, rel=0.01)


def test_the_lift_over_time_ends_with_the_lift_of_the_whole() -> None:
    days = [(date(2026, 3, 1) + timedelta(days=day), part) for day in range(5) for part in parts(0.14, 0.12)]
    points = lift_over_time(days, PLAN)
    whole = read_out([part for _, part in days], EVEN, PLAN).metrics["ctr"].lift
    assert [day for day, _ in points] == [f"2026-03-0{day}" for day in range(1, 6)]
    assert whole is not None
    assert points[-1][1].relative.estimate == pytest.approx(whole.relative.estimate)
