"""The report as one HTML page that loads nothing else and runs no script. Must not know SQL, AWS or HTTP."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Final

from bandit_selector.answers.performance import LiftAnswer, MetricAnswer
from bandit_selector.answers.stats import CellStats
from bandit_selector.answers.timeline import ForgettingPoint
from bandit_selector.evidence.tally import Metric
from bandit_selector.evidence.words import percent
from bandit_selector.health.facts import Alert, Check, Value
from bandit_selector.health.meanings import readable
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.pages.charts import between, charts, signed, table
from bandit_selector.pages.standing import standing, state
from bandit_selector.services.report import Report

HEADLINES: Final = {
    "healthy": "All is well",
    "warning": "Something needs a look",
    "critical": "Something is wrong",
    "unknown": "Too little data to say whether all is well",
}
STATUS: Final = {"ok": "ok", "warning": "warning", "critical": "critical", "no_data": "too little data"}
PERCENT: Final = {"long_tail_percentage", "ctr", "join_rate", "lift", "lift_moved", "places_beyond"}
CHECKS: Final = (
    "diversity", "quality", "algorithm_balance", "engagement", "experiment", "feedback", "learning", "candidates",
    "partitions", "visitors",
)  # fmt: skip
"""The order on the page, the deployment guide's checks first; jsonb, which stores reports, does not keep an order."""
METRICS: Final[tuple[tuple[Metric, str, str], ...]] = (
    ("ctr", "Click-through rate", " %"),
    ("rating_conversion", "Rating conversion", " %"),
    ("avg_rating", "Average rating", ""),
    ("thumbs_up_rate", "Thumbs up", " %"),
    ("thumbs_down_rate", "Thumbs down", " %"),
)


def page(report: Report, notice: str = "") -> str:
    """The whole page as HTML. A `notice` says that its figures are simulated, and in which world."""
    style = (files("bandit_selector.pages") / "report.css").read_text()
    day = f"{report.timestamp:%A, %d %B %Y}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Bandit Selector, {day}: {report.overall_status}</title>
<style>{style}</style>
</head>
<body>
<header class="{report.overall_status}">
<p class="over">Bandit Selector · last {report.period_days} days · {day}, {report.timestamp:%H:%M %Z}</p>
{f'<p class="simulated"><strong>Simulated</strong> {escape(notice)}</p>' if notice else ""}
<h1>{_headline(report)}</h1>
<p class="verdict">{state(report)}{escape(report.ab_test.sentence)}</p>
</header>
<main>
{_tiles(report)}
{_alerts(report.alerts)}
<div class="pictures">
{charts(report)}
{_groups(report)}
</div>
{_health(report)}
{_posteriors(report)}
{_forgettings(report.forgettings)}
{standing(report)}
{_notes(report)}
</main>
</body>
</html>
"""


def _headline(report: Report) -> str:
    worst = [alert.headline for alert in report.alerts if alert.severity == report.overall_status]
    more = f", and {len(worst) - 1} more" if len(worst) > 1 else ""
    return f"{HEADLINES[report.overall_status]}{f': {escape(worst[0])}{more}' if worst else ''}"


def _tiles(report: Report) -> str:
    test, metrics = report.ab_test, report.ab_test.metrics
    ctr, stars = metrics["ctr"], metrics["avg_rating"]
    planned = f"of {test.sample_size.planned_users:,} planned" if test.sample_size.planned_users else "per group"
    tiles = [
        ("CTR, bandit", _percent(ctr.treatment), f"control {_percent(ctr.control)}"),
        ("Lift in CTR", *_lift_words(ctr.lift)),
        ("Average rating", _stars(stars.treatment), f"control {_stars(stars.control)}"),
        ("Visitors per group", f"{test.sample_size.reached_users:,}", planned),
    ]
    drawn = "".join(f"<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>" for name, value, more in tiles)
    return f'<dl class="tiles">{drawn}</dl>'


def _alerts(alerts: Iterable[Alert]) -> str:
    drawn = "".join(
        f'<li class="{alert.severity}"><h3>{escape(alert.headline)}</h3><p>{escape(alert.detail)}</p>'
        f"<p><b>What to do:</b> {escape(alert.advice)}</p></li>"
        for alert in sorted(alerts, key=lambda alert: alert.severity)
    )
    return f'<section><h2>What needs attention</h2><ul class="alerts">{drawn}</ul></section>' if drawn else ""


def _groups(report: Report) -> str:
    rows = [(name, *_compared(report.ab_test.metrics[metric], unit)) for metric, name, unit in METRICS]
    return f"""<section><h2>Every metric of both groups</h2>
{table("numbers", ("Metric", "Bandit", "Control", "Lift, 95 % at every look"), rows)}
<p>Rates are per movie shown. A lift is that of the whole test so far; it
appears once each group has 100 clicks, ratings or thumbs, from enough visitors.</p></section>"""


def _compared(answer: MetricAnswer, unit: str) -> tuple[str, str, str]:
    ours, theirs = ("–" if value is None else f"{value:.2f}{unit}" for value in (answer.treatment, answer.control))
    lift, bounds = _lift_words(answer.lift)
    return ours, theirs, f"{lift}<small>{bounds}</small>"


def _health(report: Report) -> str:
    named = sorted(report.checks.items(), key=lambda item: _position(CHECKS, item[0]))
    rows = "".join(_check(name, check) for name, check in named)
    return f'<section><h2>Health</h2><table class="health"><tbody>{rows}</tbody></table></section>'


def _position(order: tuple[str, ...], name: str) -> int:
    """The position of a name in an order; unknown names come last."""
    return order.index(name) if name in order else len(order)


def _check(name: str, check: Check) -> str:
    figures = ", ".join(
        f"{readable(metric)} <b>{_value(metric, value, name)}</b>" for metric, value in check.metrics.items()
    )
    title = name.replace("_", " ").capitalize()
    status = f'<span class="pill {check.status}">{STATUS[check.status]}</span>'
    return f'<tr><th scope="row">{title}{status}</th><td>{figures}</td></tr>'


def _posteriors(report: Report) -> str:
    cells = [cell for cell in report.posteriors.values() if cell.probability is not None]
    if not cells:
        return ""
    arms = sorted({cell.algorithm for cell in cells})
    means = sorted(map(_mean, cells))
    span = (means[0], means[-1])
    contexts = sorted({cell.context_key for cell in cells}, key=lambda key: (_position(CONTEXT_KEYS, key), key))
    by_key = {(cell.context_key, cell.algorithm): cell for cell in cells}
    rows = "".join(
        f'<tr><th scope="row">{_context(key)}</th>{"".join(_cell(by_key.get((key, arm)), span) for arm in arms)}</tr>'
        for key in contexts
    )
    heads = "".join(f'<th scope="col">{escape(arm.replace("_", " "))}</th>' for arm in arms)
    return f"""<section><h2>What the bandit believes, context by context</h2>
<p>Expected success rate of each algorithm: a stronger colour is a higher rate. Below it, the probability that the
bandit draws the algorithm.</p>
<div class="scroll" role="region" aria-label="What the bandit believes" tabindex="0"><table class="beliefs">
<thead><tr><th scope="col">Context</th>{heads}</tr></thead><tbody>{rows}</tbody>
</table></div></section>"""


def _forgettings(told: Sequence[ForgettingPoint]) -> str:
    if not told:
        return ""
    items = "".join(
        f"<li>{one.at:%Y-%m-%d %H:%M %Z}: {escape(one.arm.replace('_', ' '))} from {one.percent_before:.1f} % to "
        f"{one.percent_after:.1f} % (z = {one.z:.1f})</li>"
        for one in told
    )
    return f"""<section><h2>Forgotten, because newer outcomes refuted it</h2>
<p>The success rate of these algorithms changed by itself, so what was learned before counts no longer.</p>
<ul>{items}</ul></section>"""


def _cell(cell: CellStats | None, span: tuple[float, float]) -> str:
    if cell is None or cell.probability is None:
        return "<td>–</td>"
    low, high = span
    depth = round(9 * (_mean(cell) - low) / (high - low)) if high > low else 5
    best = " best" if cell.probability >= 0.5 else ""
    share = f"<small>{100 * cell.probability:.0f} %</small>"
    return f'<td class="d{depth}{best}">{100 * _mean(cell):.1f} %{share}</td>'


def _notes(report: Report) -> str:
    test = report.ab_test
    ratio = test.sample_ratio
    observed = "–" if ratio.observed_percent is None else f"{ratio.observed_percent:.1f} %"
    fallback = (
        f" {test.fallback_shown:,} movies of treatment came from control lists, because the bandit failed."
        if test.fallback_shown
        else ""
    )
    return f"""<section class="notes"><h2>How to read this</h2>
<p>The test compares the bandit's lists (treatment) with the fixed hybrid's (control), per visitor as assigned, from
{test.since:%Y-%m-%d %H:%M %Z} to {test.until:%Y-%m-%d %H:%M %Z}, whatever window the other figures have.{fallback}
{_planned(report)} Share of visitors whose first list was treatment's: {observed}, planned:
{percent(ratio.planned_percent / 100)} % (p = {ratio.p:.2g}). A check alerts only when its whole 95 % interval is
beyond its threshold; it counts visitors, not clicks. {escape(" ".join(test.notes))}</p></section>"""


def _planned(report: Report) -> str:
    size = report.ab_test.sample_size
    if size.planned_users is None:
        return (
            "How many visitors it takes is fixed once: with half of the planned evidence, or after two weeks; by "
            "PLANNED_CTR after one day."
        )
    reached = "none" if size.information_percent is None else f"{percent(size.information_percent / 100)} %"
    return (
        f"A lift of {percent(size.planned_lift_percent / 100)} % was planned to take {size.planned_users:,} visitors "
        f"per group; those who came count like {size.reached_users:,} per group, with {reached} of the planned "
        "evidence."
    )


def _mean(cell: CellStats) -> float:
    if cell.posterior_alpha is None or cell.posterior_beta is None:
        return 0.0
    return cell.posterior_alpha / (cell.posterior_alpha + cell.posterior_beta)


def _context(key: str) -> str:
    period, _, rest = key.partition("|")
    return f"{escape(period)}<small>{escape(rest.replace('|', ' · ').replace('_', ' '))}</small>"


def _lift_words(lift: LiftAnswer | None) -> tuple[str, str]:
    if lift is None:
        return "–", "too early to tell"
    return signed(lift.percent), between(lift.percent_low, lift.percent_high)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} %"


def _stars(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _value(metric: str, value: Value, check: str) -> str:
    if isinstance(value, float):
        if metric in {"p", "sample_ratio_p"} and value < 0.001:
            return "&lt; 0.001"
        share = metric in PERCENT or (check == "algorithm_balance" and metric != "balance")
        return (f"{value:.1%}" if share else f"{value:.3g}").replace("-", "−").replace("%", " %")
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else escape(value.replace("_", " "))
