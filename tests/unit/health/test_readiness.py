"""What must hold before a shadow goes live."""

from dataclasses import replace
from datetime import date

from bandit_selector.evidence.ratio import Ratio
from bandit_selector.health.readiness import ShadowArm, ShadowDays, readiness

DAYS = ShadowDays(date(2026, 6, 1), date(2026, 6, 4), 800, 0, 8000, 900, 3000, 0.8, 2.5)
ARMS = [ShadowArm(arm, 8000, 8000, 1300, 900, 60, 500) for arm in ("svd", "graph")]
KNOWN = Ratio(1200, 10_000, 0.0000160, 60)


def states(days: ShadowDays = DAYS, arms: list[ShadowArm] = ARMS, control: Ratio = KNOWN) -> list[str]:
    return [check.state for check in readiness(days, arms, control, 500)]


def test_a_good_shadow_supports_going_live() -> None:
    assert states() == ["met"] * 6


def test_nothing_drawn_is_not_known_and_not_met() -> None:
    nothing = ShadowDays(None, None, 0, 0, 0, 0, 0, None, None)
    assert states(nothing, [], Ratio(0, 0, 0)) == [
        "not yet", "cannot be known", "cannot be known", "cannot be known", "not yet", "cannot be known",
    ]  # fmt: skip


def test_each_fault_is_found_and_says_how_long_it_takes() -> None:
    assert readiness(replace(DAYS, lists=100), ARMS, KNOWN, 500)[0].figure.endswith("16 more days at this pace")
    assert states(replace(DAYS, undrawn=40))[1] == "not yet"
    assert states(replace(DAYS, slow_ms=80.0))[2] == "not yet"
    empty = [*ARMS, replace(ARMS[0], arm="long_tail", stocked=10)]
    assert readiness(DAYS, empty, KNOWN, 500)[3].figure == "long_tail for 0%"
    assert states(arms=[replace(one, successes=1, failures=9) for one in ARMS])[4] == "not yet"
    late = readiness(DAYS, ARMS, replace(KNOWN, variance=4 * KNOWN.variance), 500)[5]
    assert late.state == "not yet"
    assert "more days at this pace" in late.figure
