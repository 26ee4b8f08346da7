"""Where a team stands, for a terminal: share in force, shadow, history, newest evaluation. Reads nothing."""

from typing import Final

from bandit_selector.answers.shipping import EvaluationAnswer, HistoryAnswer, ShadowAnswer, ShareAnswer, Shipping
from bandit_selector.pages.standing import drawing_cost, rate, shadow_rows
from rich.console import Console

from infra.local.tables import Listing, show

STATES: Final = {
    "on": "BANDIT=on",
    "off": "BANDIT=off: every visitor gets the control list.",
    "shadow": "BANDIT=shadow: every visitor gets the control list; what the bandit draws is shown to nobody.",
}
SOURCES: Final = {"shadow": "a shadow", "rows": "the site's old rows", "states": "the site's old bandit_states"}


def show_shipping(standing: Shipping, console: Console) -> None:
    """Prints what there is; of what there is not, which command makes it."""
    console.print(f"{STATES[standing.bandit]} {_share(standing.share)}".strip(), markup=False, soft_wrap=True)
    if standing.shadow:
        show(_arms(standing.shadow), console)
        console.print(_shadow(standing.shadow), markup=False, soft_wrap=True)
    if standing.history:
        show(_history(standing.history), console)
    if standing.evaluation:
        show(_evaluation(standing.evaluation), console)
    else:
        console.print("No evaluation yet: ./dev evaluate tells what other policies would have earned.", soft_wrap=True)


def _share(share: ShareAnswer | None) -> str:
    if share is None:
        return ""
    taken = f" The brake took it there: {share.why}" if share.braked else ""
    return f"Treatment has {share.percent:g} % of the visitors, since {share.since:%Y-%m-%d %H:%M %Z}.{taken}"


def _arms(shadow: ShadowAnswer) -> Listing:
    columns = ("algorithm", "would be drawn", "has a movie", "agrees with control", "outcomes", "success rate")
    return Listing(f"Shadow, {shadow.since} to {shadow.until}", columns, shadow_rows(shadow))


def _shadow(shadow: ShadowAnswer) -> str:
    open_ones = [f"  {check.goal}: {check.state} ({check.figure})" for check in shadow.checks if check.state != "met"]
    verdict = "The data supports going live." if shadow.ready else "Before going live:"
    told = (
        f"Both lists have the same movie at {shadow.same_percent:.1f} % of the places of {shadow.lists:,} lists;"
        f" {shadow.common_percent:.0f} % of the shown movies are on both."
    )
    return "\n".join([" ".join(filter(None, (told, drawing_cost(shadow), verdict))), *open_ones])


def _history(history: list[HistoryAnswer]) -> Listing:
    rows = [
        (
            one.algorithm,
            SOURCES[one.source],
            f"{one.outcomes:,.0f}",
            rate(one.success_percent),
            f"{one.worth:.0f}",
        )
        for one in history
    ]
    return Listing("History, discounted", ("algorithm", "from", "outcomes", "success rate", "worth"), rows)


def _evaluation(evaluation: EvaluationAnswer) -> Listing:
    rows = [
        (
            one.policy,
            f"{one.per_100:.2f}",
            f"{one.low:.2f}–{one.high:.2f}",
            _against(one.lift_percent),
        )
        for one in evaluation.policies
        if one.per_100 is not None
    ]
    title = f"./dev evaluate of {evaluation.made_at:%Y-%m-%d}: {evaluation.served_per_100:.2f} per 100 places as served"
    return Listing(title, ("policy", "per 100 places", "95 %", "against served"), rows)


def _against(percent: float | None) -> str:
    return "–" if percent is None else f"{percent:+.1f} %"
