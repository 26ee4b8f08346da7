"""What a read-out says in sentences. Computes nothing."""

from math import floor
from typing import Final

from bandit_selector.evidence.experiment import Comparison, ReadOut
from bandit_selector.evidence.exploration import ENOUGH, Exploration
from bandit_selector.evidence.lift import PHASE_FROM, READ_OUT_FROM
from bandit_selector.evidence.ratio import ENOUGH_CLUSTERS, Interval

LARGEST: Final = 10.0
"""Bounds above this lift, 1,000 %, are not written out."""


def sentence(test: ReadOut) -> str:
    """The verdict, its figures, and what it would take to know more."""
    ctr = test.metrics["ctr"]
    match test.verdict:
        case "no_control":
            return _missing_words(test)
        case "sample_ratio_mismatch":
            return (
                f"The groups cannot be compared: {test.treatment_users:,} visitors came to treatment first and "
                f"{test.control_users:,} to control, which cannot come from a random split at "
                f"{percent(test.planned_share)}%. Find out what else decides who gets which list."
            )
        case "tracking_broken":
            return _broken_words(ctr)
        case "too_early":
            return f"Too early to tell: {'; '.join(reasons(ctr))}."
        case "undecided":
            return f"No difference in CTR is proven so far: {_lift_words(ctr)}; {_more_words(test)}"
        case "higher" | "lower":
            return f"So far {_lift_words(ctr)}; {_more_words(test)}"


def exploration_sentence(explored: Exploration) -> str:
    ctr = explored.metrics["ctr"]
    if ctr.lift is None:
        why = "; ".join(reasons(ctr, ENOUGH))
        return f"Too early to tell for this context: {why}. The verdict is the whole test's."
    return (
        f"For exploring only: in this context {_lift_words(ctr)} so far, with bounds that hold in all "
        f"{explored.contexts} contexts at once. The verdict is the whole test's."
    )


def reasons(ctr: Comparison, enough: float = ENOUGH_CLUSTERS) -> list[str]:
    """Every reason why a comparison is not read out."""
    if not ctr.treatment.denominator or not ctr.control.denominator:
        return ["one group was shown nothing"]
    found: list[str] = []
    if ctr.events < READ_OUT_FROM:
        found.append(_few_clicks(ctr))
    clusters = ctr.clusters or min(ctr.treatment.clusters, ctr.control.clusters)  # 0 while no phase counts
    if clusters < enough:
        found.append(
            "one group has few visitors, or a few of them hold most of it: its movies are spread as over "
            f"{floor(10 * clusters) / 10:,.1f} equal groups of visitors, and the comparison begins at {enough:.0f}"
        )
    return found or ["all visitors of a group behaved alike, so nothing tells how far chance reaches"]


def _few_clicks(ctr: Comparison) -> str:
    least, name = min((ctr.treatment, "treatment"), (ctr.control, "control"), key=lambda one: one[0].numerator)
    if least.numerator < READ_OUT_FROM:
        clicks = "1 click" if least.numerator == 1 else f"{least.numerator:,.0f} clicks"
        return f"{name} has {clicks}, and the comparison begins at {READ_OUT_FROM}"
    return (
        f"only {ctr.events:,.0f} clicks of one group count, because a visitor's weight is bounded and a phase needs "
        f"{PHASE_FROM} clicks in both groups; the comparison begins at {READ_OUT_FROM}"
    )


def _missing_words(test: ReadOut) -> str:
    if not test.treatment.shown and not test.control.shown:
        return "Nothing was shown in this test yet."
    name, asked = ("Control", "false") if test.treatment.shown else ("Treatment", "true")
    return (
        f"{name} has no data yet, so the groups cannot be compared: let visitors be assigned (use_bandit=auto and a "
        f"TREATMENT_SHARE between 0 and 1), or ask for some visitors' lists with use_bandit={asked}."
    )


def _broken_words(ctr: Comparison) -> str:
    silent, name = min((ctr.treatment, "treatment"), (ctr.control, "control"), key=lambda one: one[0].value or 0.0)
    other = ctr.control if name == "treatment" else ctr.treatment
    return (
        f"The groups cannot be compared: {name} has {silent.numerator:,.0f} clicks on {silent.denominator:,.0f} movies "
        f"shown, the other group {other.numerator:,.0f} on {other.denominator:,.0f}. Its clicks are probably not "
        "reported: send one by hand and follow it."
    )


def _lift_words(ctr: Comparison) -> str:
    assert ctr.lift is not None  # noqa: S101 # only a read-out lift leads to these sentences
    lift = ctr.lift.relative
    direction = "higher" if lift.estimate >= 0 else "lower"
    bounds = _one_sided(lift) if ctr.lift.significant else f"{_signed(lift.low)} to {_signed(lift.high)}"
    return f"treatment's CTR is {percent(abs(lift.estimate))}% {direction} ({bounds})"


def _one_sided(lift: Interval) -> str:
    small, large = sorted((abs(lift.low), abs(lift.high)))
    return f"{percent(small)}–{percent(large)}%"


def _more_words(test: ReadOut) -> str:
    looks, plan = "you may look every day", test.plan
    if test.more_users is None:
        return f"{looks}."
    if not test.more_users:
        return f"{looks}; the lift is already known to ±{plan.precision:.0%}."
    more = _rounded(test.more_users)
    return f"{looks}; to know it to ±{plan.precision:.0%} takes about {more:,} more visitors per group."


def _signed(share: float) -> str:
    return f"{'−' if share < 0 else '+'}{percent(abs(share))}%"


def percent(share: float) -> str:
    """Whole percent; below one percent two decimals, because nothing that is there is told as 0."""
    if share > LARGEST:
        return f"over {100 * LARGEST:,.0f}"
    return f"{round(100 * share, 2):g}" if 100 * share < 1 else f"{100 * share:.0f}"


def _rounded(number: int) -> int:
    """Rounded to two digits, because a forecast is not more precise."""
    digits = max(0, len(str(number)) - 2)
    return round(number, -digits)
