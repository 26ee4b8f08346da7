"""The report's three charts, each with a caption and the same figures as a table. Must not know SQL or AWS."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Final

from bandit_selector.answers.timeline import RateAnswer
from bandit_selector.lists.names import algorithm_of, arm_of
from bandit_selector.pages.picture import Line, Point, bars, lines
from bandit_selector.services.report import Report

GROUPS: Final = {"treatment": "bandit", "control": "control"}


def charts(report: Report) -> str:
    """HTML of the CTR by day, the lift up to each day, and the algorithms' shares."""
    return f"{_ctr(report)}\n{_lift(report)}\n{_shares(report)}"


def table(kind: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table of cells that are HTML already; the first cell of each row is its heading."""
    top = "".join(f'<th scope="col">{head}</th>' for head in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    )
    return f'<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def signed(percent: float) -> str:
    """`+12.0 %`; a negative number has a minus sign (−), not a hyphen."""
    return f"{percent:+.1f} %".replace("-", "−")


def between(low: float, high: float) -> str:
    """`+1.0 to +12.0 %`."""
    return f"{signed(low).removesuffix(' %')} to {signed(high)}"


def _ctr(report: Report) -> str:
    days = report.ctr_by_day
    drawn = [
        Line(
            words,
            colour,
            [
                Point(column, rate.percent, rate.percent_low, rate.percent_high)
                for column, day in enumerate(days)
                if (rate := day.groups.get(name))
            ],
        )
        for colour, (name, words) in enumerate(GROUPS.items())
    ]
    title = "CTR of both groups, day by day"
    caption = "Each day has its own 95 % interval over visitors; days begin at midnight UTC."
    legend = _legend(list(enumerate(GROUPS.values())))
    picture = lines(title, [_short(day.day) for day in days], drawn)
    rows = [(_short(day.day), *(_rate(day.groups.get(name)) for name in GROUPS)) for day in days]
    return _figure(title, f"{legend}{picture}", caption, table("numbers", ("Day", *GROUPS.values()), rows))


def _lift(report: Report) -> str:
    points = [
        Point(column, point.percent, point.percent_low, point.percent_high) for column, point in enumerate(report.lift)
    ]
    title = "Lift of the bandit over control, up to each day"
    caption = (
        "All data up to the day, with a 95 % confidence sequence: it holds on all days at once, so you may look every "
        "day. A band that does not touch zero proves a difference."
    )
    labels = [_short(point.day) for point in report.lift]
    picture = lines(title, labels, [Line("lift", 0, points)], zero=True)
    rows = [(_short(p.day), f"{signed(p.percent)} ({between(p.percent_low, p.percent_high)})") for p in report.lift]
    return _figure(title, picture, caption, table("numbers", ("Up to", "Lift"), rows))


def _shares(report: Report) -> str:
    arms = _arms(report)
    parts = {arm: [_share(point.algorithms.get(algorithm_of(arm))) for point in report.timeline] for arm in arms}
    title = "Who fills the bandit's places"
    labels = [f"{point.at.astimezone(report.timestamp.tzinfo):%d %b}" for point in report.timeline]
    caption = "Share of the places in the bandit's lists that each algorithm filled, by day."
    picture = f"{_legend(list(enumerate(arms)))}{bars(title, labels, parts)}"
    rows = [(label, *(f"{parts[arm][column]:.0f} %" for arm in arms)) for column, label in enumerate(labels)]
    heads = ("Day", *(escape(arm.replace("_", " ")) for arm in arms))
    return _figure(title, picture, caption, table("numbers", heads, rows))


def _figure(title: str, picture: str, caption: str, numbers: str) -> str:
    same = (
        "<details><summary>The same as a table</summary>"
        f'<div class="scroll" role="region" aria-label="{title}" tabindex="0">{numbers}</div></details>'
    )
    return f'<figure class="figure"><h2>{title}</h2>{picture}<figcaption>{caption}</figcaption>{same}</figure>'


def _legend(entries: Sequence[tuple[int, str]]) -> str:
    keys = "".join(
        f'<span><i class="c{colour}"></i>{escape(name.replace("_", " "))}</span>' for colour, name in entries
    )
    return f'<p class="legend">{keys}</p>'


def _arms(report: Report) -> list[str]:
    names = {name for point in report.timeline for name in point.algorithms}
    return sorted(arm for name in names if (arm := arm_of(name)) is not None)


def _share(point: object) -> float:
    return float(getattr(point, "share", 0.0))


def _rate(rate: RateAnswer | None) -> str:
    return f"{rate.percent:.1f} % ({rate.percent_low:.1f} to {rate.percent_high:.1f} %)" if rate else "–"


def _short(day: str) -> str:
    return f"{datetime.fromisoformat(day):%d %b}"
