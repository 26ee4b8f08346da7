"""A plan as one HTML page that loads nothing else and runs no script. Must not know how a plan is made."""

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from math import ceil, inf

import numpy as np

from bandit_selector.evidence.planning import Reals
from bandit_selector.pages.charts import table
from bandit_selector.pages.picture import Line, Point, lines
from bandit_selector.services.plan import Context, Plan, Variant

POINTS = 24
"""Points of the curve of lost clicks, evenly spaced in days."""


def page(plan: Plan) -> str:
    """The whole page as HTML."""
    style = (files("bandit_selector.pages") / "report.css").read_text()
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Bandit Selector: what to expect</title>
<style>{style}</style>
</head>
<body>
<header>
<p class="over">Bandit Selector · a plan for your traffic</p>
<h1>{escape(headline(plan))}</h1>
<p class="verdict">{escape(traffic(plan))}</p>
</header>
<main>
<div class="pictures">
{_lost(plan)}
{_section("Days until a lift is shown", _shown(plan), SHOWN)}
{_section("A ramp", _ramp(plan), RAMP)}
{_section("What settings cost", _variants(plan.variants), f"{VARIANTS} {saved(plan)}")}
</div>
{_section("When each context knows its best arm", _contexts(plan.contexts), CONTEXTS)}
</main>
</body>
</html>
"""


SHOWN = (
    "With 80 % power, and looked at as often as you like. Columns: the bandit's share of the visitors. "
    "From your click rate and design effect; nothing here is simulated."
)
RAMP = "RAMP takes these shares once ASSIGNMENT=server; the share never goes up faster than this."
VARIANTS = (
    "Simulated: expected clicks lost by the last day against the best arm of each context; 10 to 90 % of the runs."
)
CONTEXTS = (
    "Simulated: the day from which a context's most drawn arm stays within 5 % of its best arm's rate, in half of the "
    "runs and in nine of ten. Contexts with little traffic take longest; they borrow from the others."
)


def saved(plan: Plan) -> str:
    """What history saves, as a sentence; empty where it is worth nothing."""
    one = plan.saved
    if one is None:
        return ""
    return (
        f"History from a shadow or from old rows, worth {one.outcomes:g} outcomes an arm, saves {one.median:,.0f}"
        f" clicks (10 to 90 %: {one.low:,.0f} to {one.high:,.0f}), if it is right about the arms."
    )


def headline(plan: Plan) -> str:
    """The first thing a team asks."""
    best = plan.shown[0.10][0.50]
    return f"A lift of 10 % is shown after {_days(best)} with half of your visitors"


def traffic(plan: Plan) -> str:
    """What the plan was made from, in a sentence."""
    known = plan.traffic
    return (
        f"From {known.places_per_day:,.0f} movies shown a day to {known.visitors_per_day:,.0f} visitors, of which "
        f"{100 * known.ctr:.1f} % are clicked, in {len(known.contexts)} contexts; the design effect is "
        f"{known.design_effect:.1f}. "
        f"Learning is simulated on {plan.runs} made-up sites like it, the bandit serving {_percent(plan.share)}."
    )


def _lost(plan: Plan) -> str:
    last = float(plan.days[-1])
    days = [last * point / (POINTS - 1) for point in range(POINTS)]
    middle, low, high = (_at(days, plan.days, each) for each in (plan.lost, plan.lost_low, plan.lost_high))
    points = [Point(x, middle[x], low[x], high[x]) for x in range(POINTS)]
    picture = lines("Clicks lost while learning", [f"{day:.0f} d" for day in days], [Line("lost", 0, points)], unit="")
    caption = (
        f"Simulated: expected clicks lost against always knowing the best arm, by day; half of the runs lie below the "
        f"line, the band holds eight of ten. Equal chances for all arms would lose {plan.even:,.0f} by the last day."
    )
    heading = "<h2>Clicks lost while learning</h2>"
    return f'<figure class="figure">{heading}{picture}<figcaption>{caption}</figcaption></figure>'


def _at(days: list[float], known: Reals, values: Reals) -> list[float]:
    """A curve's values at these days; 0 before the first."""
    return np.interp(days, known, values, left=0.0).tolist()


def _section(title: str, content: str, caption: str) -> str:
    return (
        f'<section class="figure"><h2>{title}</h2><div class="scroll">{content}</div><p>{escape(caption)}</p></section>'
    )


def _shown(plan: Plan) -> str:
    heads = ("Lift", *(_percent(share) for share in next(iter(plan.shown.values()))))
    rows = [(_percent(lift), *(_days(days) for days in by_share.values())) for lift, by_share in plan.shown.items()]
    return table("numbers", heads, rows)


def _ramp(plan: Plan) -> str:
    steps = "".join(
        f"<li><h3>Day {step.day}: {_percent(step.share)}</h3><p>{escape(step.reason)}</p></li>" for step in plan.ramp
    )
    return f'<ul class="ramp">{steps}</ul>'


def _variants(variants: Iterable[Variant]) -> str:
    rows = [(escape(v.name), f"{v.lost:,.0f}", f"{v.low:,.0f} to {v.high:,.0f}") for v in variants]
    return table("numbers", ("Setting", "Clicks lost", "10 to 90 %"), rows)


def _contexts(contexts: Iterable[Context]) -> str:
    ordered = sorted(contexts, key=lambda one: -one.places_per_day)
    rows = [
        (
            escape(one.key.replace("|", " · ").replace("_", " ")),
            f"{one.places_per_day:,.0f}",
            _day(one.median),
            _day(one.slow),
        )
        for one in ordered
    ]
    return table("numbers", ("Context", "Bandit's places a day", "Half of the runs", "Nine of ten"), rows)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _days(days: float) -> str:
    if days == inf:
        return "never"
    return "a day" if days <= 1 else f"{ceil(days):,} days"


def _day(day: float) -> str:
    if day == inf:
        return "not yet"
    return f"hour {ceil(day * 24)}" if day < 1 else f"day {ceil(day):,}"
