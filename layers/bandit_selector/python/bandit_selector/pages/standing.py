"""The report's sections on where the team stands: shadow, share, other policies, goals. Must not know SQL or HTTP."""

from html import escape
from typing import Final

from bandit_selector.answers.shipping import EvaluationAnswer, GoalAnswer, ShadowAnswer, ShareAnswer
from bandit_selector.pages.charts import signed, table
from bandit_selector.services.report import Report

STATES: Final = {
    "on": "",
    "off": "OFF: every visitor gets the control list. ",
    "shadow": "SHADOW: every visitor gets the control list; what the bandit draws is shown to nobody. ",
}
MARKS: Final = {"met": "✓", "not yet": "○", "cannot be known": "–"}


def state(report: Report) -> str:
    """What must be known before any figure is read; empty while the bandit serves."""
    return STATES[report.shipping.bandit] if report.shipping else ""


def standing(report: Report) -> str:
    """The sections, as far as there are figures."""
    known = report.shipping
    return "\n".join(
        [
            _share(known.share) if known and known.share else "",
            _shadow(known.shadow) if known and known.shadow else "",
            _goals("The deployment guide's goals", report.goals),
            _evaluation(known.evaluation) if known else "",
        ]
    )


def _share(share: ShareAnswer) -> str:
    braked = f" <b>The brake took it there.</b> {escape(share.why)}" if share.braked else ""
    return f"""<section><h2>Treatment's share</h2>
<p>{share.percent:g} % of the visitors since {share.since:%Y-%m-%d %H:%M %Z}.{braked}</p></section>"""


def shadow_rows(shadow: ShadowAnswer) -> list[tuple[str, ...]]:
    """Per algorithm its name and its figures in words: drawn, has a movie, agrees, outcomes, success rate."""
    return [
        (
            one.algorithm,
            f"{one.drawn_percent:.1f} %",
            f"{one.stocked_percent:.0f} %",
            f"{one.agreed_percent:.1f} %",
            f"{one.outcomes:,}",
            rate(one.success_percent),
        )
        for one in shadow.algorithms
    ]


def rate(percent: float | None) -> str:
    return "–" if percent is None else f"{percent:.1f} %"


def drawing_cost(shadow: ShadowAnswer) -> str:
    """A sentence; empty before anything was drawn."""
    if shadow.median_ms is None or shadow.slow_ms is None:
        return ""
    return f"Drawing takes {shadow.median_ms:.1f} ms, 95 % below {shadow.slow_ms:.1f} ms."


def _shadow(shadow: ShadowAnswer) -> str:
    rows = [(escape(name), *figures) for name, *figures in shadow_rows(shadow)]
    columns = ("Algorithm", "Would be drawn", "Has a movie", "Agrees with control", "Outcomes", "Success rate")
    title = "The data supports going live" if shadow.ready else "Before going live"
    return f"""<section><h2>Shadow: what the bandit would draw</h2>
<p>{shadow.since} to {shadow.until}, {shadow.lists:,} lists. Both lists have the same movie at
{shadow.same_percent:.1f} % of the places; {shadow.common_percent:.0f} % of the shown movies are on both.
{drawing_cost(shadow)}</p>
{table("numbers", columns, rows)}</section>{_goals(title, shadow.checks)}"""


def _goals(title: str, goals: list[GoalAnswer]) -> str:
    rows = [(MARKS[one.state], escape(f"{one.stage}: {one.goal}"), one.state, escape(one.figure)) for one in goals]
    return (
        f"<section><h2>{title}</h2>{table('goals', ('Mark', 'Goal', 'State', 'Figure'), rows)}</section>"
        if rows
        else ""
    )


def _evaluation(evaluation: EvaluationAnswer | None) -> str:
    if evaluation is None:
        return """<section><h2>What would other policies have earned?</h2>
<p><code>./dev evaluate</code> tells, and keeps its answer for this page.</p></section>"""
    rows = [
        (
            escape(one.policy),
            f"{one.per_100:.2f}",
            f"{one.low:.2f}–{one.high:.2f}",
            "–" if one.lift_percent is None else signed(one.lift_percent),
        )
        for one in evaluation.policies
        if one.per_100 is not None
    ]
    return f"""<section><h2>What other policies would have earned</h2>
<p>By <code>./dev evaluate</code> of {evaluation.made_at:%Y-%m-%d %H:%M %Z}, from {evaluation.impressions:,} places,
which earned {evaluation.served_per_100:.2f} successes per 100 as served.</p>
{table("numbers", ("Policy", "Per 100 places", "95 %", "Against served"), rows)}</section>"""
