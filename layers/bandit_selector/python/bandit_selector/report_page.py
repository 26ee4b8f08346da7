"""A report as one HTML page: nothing but itself to load, no script, readable on a phone. Knows the report's form."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files
from typing import Final

from bandit_selector.answers import CellStats
from bandit_selector.health import Value
from bandit_selector.monitoring import ARM_PREFIX, AlertReport, CheckReport, Report
from bandit_selector.performance import LiftAnswer
from bandit_selector.picture import Line, Point, bars, lines

HEADLINES: Final = {
    "healthy": "All is well",
    "warning": "Something needs a look",
    "critical": "Something is wrong",
}
STATUS: Final = {"ok": "ok", "warning": "warning", "critical": "critical", "no_data": "too little data"}
PERCENT: Final = {
    "long_tail_percentage", "ctr", "join_rate", "lift",
}  # fmt: skip


def page(report: Report) -> str:
    """The whole page."""
    style = (files("bandit_selector") / "report.css").read_text()
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
<h1>{_headline(report)}</h1>
<p class="verdict">{escape(report.ab_test.sentence)}</p>
</header>
<main>
{_tiles(report)}
{_alerts(report.alerts)}
<div class="pictures">
{_ctr(report)}
{_lift(report)}
{_shares(report)}
{_health(report)}
</div>
{_posteriors(report)}
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


def _alerts(alerts: Iterable[AlertReport]) -> str:
    drawn = "".join(
        f'<li class="{alert.severity}"><h3>{escape(alert.headline)}</h3><p>{escape(alert.detail)}</p>'
        f"<p><b>What to do:</b> {escape(alert.advice)}</p></li>"
        for alert in sorted(alerts, key=lambda alert: alert.severity)
    )
    return f'<section><h2>What needs attention</h2><ul class="alerts">{drawn}</ul></section>' if drawn else ""


def _ctr(report: Report) -> str:
    days = report.ctr_by_day
    drawn = [
        Line(
            name,
            colour,
            [
                Point(place, rate.percent, rate.percent_low, rate.percent_high)
                for place, day in enumerate(days)
                if (rate := day.groups.get(name))
            ],
        )
        for colour, name in enumerate(("treatment", "control"))
    ]
    title = "CTR of both groups, day by day"
    caption = "Each day on its own with its 95 % interval over visitors; days begin at midnight UTC."
    legend = _legend([(0, "bandit"), (1, "control")])
    return _figure(title, lines(title, [_short(day.day) for day in days], drawn), legend, caption)


def _lift(report: Report) -> str:
    points = [
        Point(place, point.percent, point.percent_low, point.percent_high) for place, point in enumerate(report.lift)
    ]
    title = "Lift of the bandit over control, as it became known"
    caption = (
        "Everything since the beginning, with its 95 % confidence sequence: it holds on all days at once, so you may "
        "look every day. Clear of zero means proven."
    )
    labels = [_short(point.day) for point in report.lift]
    return _figure(title, lines(title, labels, [Line("lift", 0, points)], zero=True), "", caption)


def _shares(report: Report) -> str:
    arms = _arms(report)
    parts = {arm: [_share(point.algorithms.get(f"{ARM_PREFIX}{arm}")) for point in report.timeline] for arm in arms}
    title = "Who fills the bandit's places"
    labels = [f"{point.at.astimezone(report.timestamp.tzinfo):%d %b}" for point in report.timeline]
    caption = "Share of the places in the bandit's lists that each algorithm filled, by day."
    return _figure(title, bars(title, labels, parts), _legend(list(enumerate(arms))), caption)


def _health(report: Report) -> str:
    rows = "".join(_check(name, check) for name, check in report.checks.items())
    return f'<section class="figure"><h2>Health</h2><table class="health"><tbody>{rows}</tbody></table></section>'


def _check(name: str, check: CheckReport) -> str:
    figures = ", ".join(
        f"{metric.replace('_', ' ')} <b>{_value(metric, value, name)}</b>" for metric, value in check.metrics.items()
    )
    title = name.replace("_", " ").capitalize()
    status = f'<span class="pill {check.status}">{STATUS[check.status]}</span>'
    return f"<tr><th>{title}{status}</th><td>{figures}</td></tr>"


def _posteriors(report: Report) -> str:
    cells = [cell for cell in report.posteriors.values() if cell.probability is not None]
    if not cells:
        return ""
    arms = sorted({cell.algorithm for cell in cells})
    means = sorted(map(_mean, cells))
    span = (means[0], means[-1])
    contexts = list(dict.fromkeys(cell.context_key for cell in cells))
    by_key = {(cell.context_key, cell.algorithm): cell for cell in cells}
    rows = "".join(
        f"<tr><th>{_context(key)}</th>{''.join(_cell(by_key.get((key, arm)), span) for arm in arms)}</tr>"
        for key in contexts
    )
    heads = "".join(f"<th>{escape(arm.replace('_', ' '))}</th>" for arm in arms)
    return f"""<section><h2>What the bandit believes, context by context</h2>
<p>Expected success rate of each algorithm, darker is higher; below it how often the bandit draws it.</p>
<div class="scroll"><table class="beliefs">
<thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody>
</table></div></section>"""


def _cell(cell: CellStats | None, span: tuple[float, float]) -> str:
    if cell is None or cell.probability is None:
        return "<td>–</td>"
    low, high = span
    depth = round(9 * (_mean(cell) - low) / (high - low)) if high > low else 5
    best = " best" if cell.probability >= 0.5 else ""
    share = f"<small>{cell.probability:.0%}</small>"
    return f'<td class="d{depth}{best}">{_mean(cell):.1%}{share}</td>'


def _notes(report: Report) -> str:
    size, ratio = report.ab_test.sample_size, report.ab_test.sample_ratio
    planned = f"{size.planned_users:,}" if size.planned_users else "not yet known"
    observed = "–" if ratio.observed_percent is None else f"{ratio.observed_percent:.1f} %"
    return f"""<section class="notes"><h2>How to read this</h2>
<p>The bandit's lists (treatment) are compared with the fixed hybrid's (control), per visitor as assigned, since
{report.ab_test.since:%Y-%m-%d %H:%M %Z}. Planned for a lift of {size.planned_lift_percent:.0f} %: {planned}
visitors per group; reached: {size.reached_users:,}. Visitors in treatment: {observed} of
{ratio.planned_percent:.0f} % planned (p = {ratio.p:.2g}). A check speaks up only when its 95 % bound
crosses its threshold.</p></section>"""


def _figure(title: str, picture: str, legend: str, caption: str) -> str:
    return f'<figure class="figure"><h2>{title}</h2>{legend}{picture}<figcaption>{caption}</figcaption></figure>'


def _legend(entries: Sequence[tuple[int, str]]) -> str:
    keys = "".join(
        f'<span><i class="c{colour}"></i>{escape(name.replace("_", " "))}</span>' for colour, name in entries
    )
    return f'<p class="legend">{keys}</p>'


def _arms(report: Report) -> list[str]:
    names = {name for point in report.timeline for name in point.algorithms if name.startswith(ARM_PREFIX)}
    return sorted(name.removeprefix(ARM_PREFIX) for name in names)


def _share(point: object) -> float:
    return float(getattr(point, "share", 0.0))


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
    return _signed(lift.percent), f"{_signed(lift.percent_low)} to {_signed(lift.percent_high)}"


def _signed(percent: float) -> str:
    return f"{percent:+.1f} %".replace("-", "−")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} %"


def _stars(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _value(metric: str, value: Value, check: str) -> str:
    if isinstance(value, float):
        if metric in {"p", "sample_ratio_p"} and value < 0.001:
            return "&lt; 0.001"
        share = metric in PERCENT or (check == "algorithm_balance" and metric != "balance")
        return f"{value:.1%}" if share else f"{value:.3g}"
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else escape(value.replace("_", " "))


def _short(day: str) -> str:
    return f"{datetime.fromisoformat(day):%d %b}"
