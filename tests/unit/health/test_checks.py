"""Checks alert when the bound crosses its threshold, never for lack of data."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from bandit_selector.evidence.experiment import Part, ReadOut, read_out
from bandit_selector.evidence.ratio import Ratio, clustered
from bandit_selector.evidence.split import Arrivals
from bandit_selector.evidence.tally import Tally
from bandit_selector.evidence.words import sentence
from bandit_selector.health.checks import judge
from bandit_selector.health.facts import Facts, Feedback, Partitions, Visitors, evenness_among
from bandit_selector.services.experiment import planned
from bandit_selector.services.report import thresholds
from bandit_selector.settings import Settings

PLAN, THRESHOLDS = planned(Settings()), thresholds(Settings())
NOW = datetime(2026, 6, 10, 9, tzinfo=UTC)
HALVES = [Arrivals(0.5, 5_000, 5_000)]


def read(treated: int, untreated: int, arrivals: list[Arrivals] = HALVES) -> ReadOut:
    """A hundred clusters of 500 movies in each group, with about so many clicks each."""
    parts = [
        Part(0, group, step, Tally(500, clicks + (step % 5 if clicks else 0)))
        for group, clicks in (("treatment", treated), ("control", untreated))
        for step in range(100)
    ]
    return read_out(parts, arrivals, PLAN)


EVEN = read(60, 60)
USUAL = Ratio(15_000, 100_000, 3e-6, 100)
WELL = Facts(
    now=NOW,
    shown=100_000,
    lists=10_000,
    long_tail=Ratio(30_000, 100_000, 1e-6),
    genre_diversity=Ratio(7_000, 10_000, 1e-6),
    ctr=Ratio(12_000, 100_000, 4e-6),
    avg_rating=Ratio(4_000, 1_000, 1e-3),
    treatment_places={"svd": 20_000, "graph": 30_000},
    arm_shares={"svd": Ratio(8_000, 20_000, 1e-5, 100), "graph": Ratio(12_000, 20_000, 1e-5, 100)},
    experiment=EVEN,
    feedback=Feedback(Ratio(14_900, 15_000, 1e-6), NOW - timedelta(minutes=3), (1,) * 20, USUAL),
    dead_letters=0,
    difference=None,
    candidates_updated=NOW - timedelta(hours=6),
    partitions=Partitions(NOW + timedelta(days=15), None),
    arms_without_outcome=(),
    contexts_published=24,
    expected_shares={"svd": 0.4, "graph": 0.6},
    forgettings=0,
    algorithms={"bandit_svd": Tally(50_000, 6_000), "hybrid_control": Tally(50_000, 6_000)},
    visitors=Visitors(all=4_000, over=3, beyond={"hybrid_control": Tally(100, 13)}),
)
QUIET = Feedback(Ratio(15_000, 15_000, 0.0), NOW - timedelta(hours=7), (50,) * 100, USUAL)

DOMINATED: dict[str, Any] = {
    "treatment_places": {"svd": 40_000, "graph": 10_000},
    "arm_shares": {"svd": Ratio(16_000, 20_000, 1e-5, 100), "graph": Ratio(4_000, 20_000, 1e-5, 100)},
}


def alerted(facts: Facts, **changed: Any) -> list[str]:
    return [alert.metric for alert in judge(facts, replace(THRESHOLDS, **changed)).alerts]


def test_a_service_that_is_well_alerts_nobody() -> None:
    health = judge(WELL, THRESHOLDS)
    assert health.overall_status == "healthy"
    assert {check.status for check in health.checks.values()} == {"ok"}


@pytest.mark.parametrize(
    ("broken", "metric", "overall"),
    [
        ({"long_tail": Ratio(15_000, 100_000, 1e-6)}, "long_tail_rate", "warning"),
        ({"genre_diversity": Ratio(2_500, 10_000, 1e-6)}, "genre_diversity", "warning"),
        ({"avg_rating": Ratio(3_100, 1_000, 1e-3)}, "avg_rating", "critical"),
        ({"ctr": Ratio(8_000, 100_000, 4e-6)}, "ctr", "warning"),
        (DOMINATED, "algorithm_dominance:svd", "warning"),
        ({"feedback": QUIET}, "feedback_silence", "critical"),
        ({"feedback": Feedback(Ratio(13_500, 15_000, 1e-5), NOW, (), USUAL)}, "join_rate", "warning"),
        ({"feedback": Feedback(Ratio(0, 1_000, 0.0), NOW, (), USUAL)}, "join_rate", "warning"),
        ({"experiment": read(0, 60)}, "tracking", "critical"),
        ({"experiment": read(60, 0)}, "tracking", "critical"),
        ({"dead_letters": 2}, "dead_letters", "critical"),
        ({"difference": "A cell is wrong."}, "invariant", "critical"),
        ({"candidates_updated": NOW - timedelta(days=3)}, "candidate_age", "warning"),
        ({"partitions": Partitions(NOW + timedelta(days=6), None)}, "partitions_ahead", "critical"),
        ({"partitions": Partitions(None, None)}, "partitions_ahead", "critical"),
        ({"partitions": Partitions(NOW + timedelta(days=7), date(2026, 5, 18))}, "unarchived", "critical"),
        ({"arms_without_outcome": ("graph",)}, "arm_without_data:graph", "warning"),
        ({"visitors": Visitors(4_000, 1, {"hybrid_control": Tally(900, 800)})}, "visitors_influence", "warning"),
        ({"visitors": Visitors(4_000, 240, {"bandit_svd": Tally(900, 108)})}, "visitors_over", "warning"),
    ],
)
def test_each_fault_is_found_alone(broken: dict[str, Any], metric: str, overall: str) -> None:
    health = judge(replace(WELL, **broken), THRESHOLDS)
    assert [alert.metric for alert in health.alerts] == [metric]
    assert health.overall_status == overall
    assert all(alert.advice and alert.check in health.checks for alert in health.alerts)


@pytest.mark.parametrize(
    ("expected", "changed", "reason"),
    [
        ({"svd": 0.66}, {}, "days whose traffic was another"),
        ({"svd": 0.78}, {}, "traffic shifted"),
        ({"svd": 0.90}, {"dominance": "alert"}, "The cap only tells"),
        ({}, {}, "Nothing is published"),
    ],
)
def test_an_arm_that_dominates_is_told_with_the_reason(
    expected: dict[str, float], changed: dict[str, Any], reason: str
) -> None:
    broken = replace(WELL, **DOMINATED, expected_shares=expected)
    (alert,) = judge(broken, replace(THRESHOLDS, **changed)).alerts
    assert reason in alert.advice


def test_an_arm_that_dominates_because_others_ran_out_is_told_with_both_shares() -> None:
    places = {"svd": (8_000, 3_300), "graph": (2_000, 1_700)}
    broken = replace(WELL, treatment_places={"svd": 40_000, "graph": 10_000}, drop_outs=places)
    health = judge(broken, THRESHOLDS)
    assert "66% of the places for which every arm had a movie. For 50% of the places" in health.alerts[0].advice
    metrics = health.checks["algorithm_balance"].metrics
    assert metrics["drop_outs"] == pytest.approx(0.5)
    assert metrics["largest_without_drop_outs"] == pytest.approx(0.66)


def test_an_arm_that_the_floor_would_hardly_have_shown_is_not_missed() -> None:
    few = replace(WELL, arms_without_outcome=("graph",), treatment_places={"svd": 1_000, "item_cf": 1_000})
    assert alerted(replace(few, expected_shares={"svd": 0.999, "graph": 0.001})) == []
    assert alerted(replace(few, expected_shares={"svd": 0.9, "graph": 0.1})) == ["arm_without_data:graph"]


def test_messages_read_as_in_the_site_s_own_monitor() -> None:
    broken = replace(
        WELL,
        ctr=Ratio(0, 100_000, 0.0),
        avg_rating=Ratio(3_100, 1_000, 1e-3),
        treatment_places={"svd": 71_000, "graph": 29_000},
        arm_shares={"svd": Ratio(14_200, 20_000, 1e-6, 100), "graph": Ratio(5_800, 20_000, 1e-6, 100)},
    )
    assert [alert.message for alert in judge(broken, THRESHOLDS).alerts] == [
        "Average rating (3.10) below threshold (3.50)",
        "Algorithm 'svd' dominates with 71.00% of recommendations (threshold: 70.00%)",
        "CTR (0.00%) below threshold (10.00%)",
    ]


def test_an_estimate_beyond_its_threshold_is_no_alarm_while_its_bound_is_not() -> None:
    unsure = replace(WELL, ctr=Ratio(9_500, 100_000, 1e-5), avg_rating=Ratio(34.0, 10, 0.1))
    assert alerted(unsure) == []


def test_too_few_lists_or_none_are_no_alarm() -> None:
    bad = replace(WELL, ctr=Ratio(0, 100, 0.0), lists=10)
    assert alerted(bad) == []
    assert judge(bad, THRESHOLDS).checks["engagement"].status == "no_data"
    assert alerted(bad, min_lists=5) == ["ctr"]


def test_lists_built_while_the_report_is_made_are_new() -> None:
    new = judge(replace(WELL, candidates_updated=NOW + timedelta(minutes=1)), THRESHOLDS)
    assert new.checks["candidates"].metrics["age_hours"] == 0


def test_a_past_day_knows_nothing_of_partitions() -> None:
    assert judge(replace(WELL, partitions=None), THRESHOLDS).checks["partitions"].status == "no_data"


def test_quiet_nights_are_no_silence() -> None:
    assert alerted(replace(WELL, feedback=replace(QUIET, shown_since=(1,) * 30))) == []


def test_the_silence_of_a_few_eager_visitors_is_no_outage() -> None:
    """They made nearly all of the usual reactions: one of them on holiday is no fault."""
    few = clustered([(3_000.0, 5_000.0)] * 3 + [(1.0, 1_000.0)] * 97)
    assert few.value == pytest.approx(0.08, abs=0.01)
    assert alerted(replace(WELL, feedback=replace(QUIET, shown_since=(5,) * 100, usual=few))) == []
    one_script = (*(1,) * 30, 100_000)
    assert alerted(replace(WELL, feedback=replace(QUIET, shown_since=one_script))) == []


def test_silence_alerts_by_chance_as_seldom_as_it_says() -> None:
    """Visitors react in bursts, and a burst is one decision: of a quiet evening some such visitors are missing."""
    rng = np.random.default_rng(11)
    alarms = silent = 0
    for _ in range(400):
        bursts = rng.poisson(0.03 * 100, size=100)
        usual = clustered([(10.0 * many, 100.0) for many in bursts])
        shown = tuple(rng.poisson(1, size=100).tolist())
        quiet = not rng.poisson(0.03 * np.array(shown)).any()
        silent += quiet
        alarms += quiet and bool(alerted(replace(WELL, feedback=replace(QUIET, shown_since=shown, usual=usual))))
    assert silent > 0
    assert alarms == 0


def test_a_test_that_hurts_and_a_split_that_is_wrong_are_critical() -> None:
    worse = read(50, 70)
    assert (worse.verdict, alerted(replace(WELL, experiment=worse))) == ("lower", ["lift"])
    assert sentence(worse).startswith("So far treatment's CTR is 28% lower (")
    skewed = read(50, 70, [Arrivals(0.5, 6_000, 4_000)])
    assert alerted(replace(WELL, experiment=skewed)) == ["sample_ratio"]


@pytest.mark.parametrize(
    ("check", "changed"),
    [
        ("feedback", {"feedback": Feedback(Ratio(0, 1_000, 0.0, 19), NOW, (), USUAL)}),
        ("quality", {"avg_rating": Ratio(6.0, 2, 0.0, 2.0)}),
        ("engagement", {"ctr": Ratio(0, 100_000, 0.0, 19)}),
        ("algorithm_balance", {"treatment_places": {}, "arm_shares": {}}),
    ],
)
def test_a_check_that_too_few_visitors_tell_of_is_not_ok(check: str, changed: dict[str, Any]) -> None:
    found = judge(replace(WELL, **changed), THRESHOLDS)
    assert (found.checks[check].status, found.alerts) == ("no_data", ())


def test_few_raters_raise_no_alarm_and_end_none() -> None:
    two = judge(replace(WELL, avg_rating=Ratio(6.0, 2, 0.0, 2.0)), THRESHOLDS).checks["quality"]
    assert two.alerts == ()
    assert two.unjudged == ("avg_rating",)


def test_three_raters_a_window_with_a_mean_above_the_threshold_rarely_alarm() -> None:
    rng = np.random.default_rng(17)
    alarms = 0
    for _ in range(500):
        stars = rng.choice([2.5, 3.5, 4.0, 5.0], p=[0.2, 0.25, 0.35, 0.2], size=rng.poisson(3))
        rated = clustered((float(one), 1.0) for one in stars)
        alarms += "avg_rating" in alerted(replace(WELL, avg_rating=rated))
    assert alarms == 0


def test_an_outage_that_empties_the_window_is_still_silence() -> None:
    """A week without any message: the window has none, and what was usual before it still tells what is missing."""
    empty = Feedback(Ratio(0, 0, 0.0, 0.0), NOW - timedelta(days=8), (900,) * 100, USUAL)
    assert alerted(replace(WELL, feedback=empty)) == ["feedback_silence"]


def test_what_nobody_can_judge_now_ends_no_incident() -> None:
    quiet = Feedback(Ratio(0, 0, 0.0, 0.0), NOW - timedelta(days=8), (5,), USUAL)
    unknown = judge(replace(WELL, feedback=quiet, dead_letters=None), THRESHOLDS).checks["feedback"]
    assert set(unknown.unjudged) == {"join_rate", "dead_letters", "feedback_silence", "site_set_aside"}
    mismatch = judge(replace(WELL, experiment=read(50, 70, [Arrivals(0.5, 6_000, 4_000)])), THRESHOLDS)
    assert "lift" in mismatch.checks["experiment"].unjudged


def test_no_incident_ends_because_its_evidence_is_gone() -> None:
    """The bandit fails, so nothing is drawn; control's clicks do not arrive, so no lift can move."""
    failing = judge(replace(WELL, treatment_places={}, arm_shares={}), THRESHOLDS).checks["algorithm_balance"]
    assert failing.unjudged == ("algorithm_balance",)
    deaf = replace(WELL, algorithms={"bandit_svd": Tally(50_000, 6_000), "hybrid_control": Tally(50_000, 0)})
    assert judge(deaf, THRESHOLDS).checks["visitors"].unjudged == ("visitors_influence",)
    assert judge(WELL, THRESHOLDS).checks["visitors"].unjudged == ()


def test_too_few_lists_are_said_in_words() -> None:
    few = judge(replace(WELL, lists=12), THRESHOLDS).checks["engagement"]
    assert few.metrics["meaning"] == "12 lists of this service in the window, 500 are needed to judge"


def test_evenness_is_one_for_equal_shares_and_zero_for_one() -> None:
    assert evenness_among([2, 2, 2, 2], 4) == pytest.approx(1)
    assert evenness_among([5], 4) == 0
    assert evenness_among([], 4) is None


def test_what_visitors_over_their_bound_would_have_moved_is_told_in_words() -> None:
    one = Visitors(4_000, 1, {"hybrid_control": Tally(1_000, 1_000)})
    assert judge(replace(WELL, visitors=one), THRESHOLDS).checks["visitors"].metrics["meaning"] == (
        "1 of 4,000 visitors were shown more places in a day than count; with all of them counted, they would have "
        "moved the lift from +17.6% to +0.0% and hybrid_control's CTR from 10.2% to 12.0%"
    )
    none = judge(replace(WELL, visitors=Visitors(4_000)), THRESHOLDS).checks["visitors"]
    assert none.metrics["meaning"] == "no visitor was shown more places in a day than count"
