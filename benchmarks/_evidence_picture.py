"""Draws the studies for a person: false verdicts against their limit, and how soon each fault is mailed."""

from collections.abc import Sequence
from html import escape
from typing import Final

from benchmarks._evidence_monitor import Mailed
from benchmarks._evidence_studies import Figure

WIDTH: Final = 1_100
LABELS: Final = 500
ROW: Final = 24
BARS: Final = WIDTH - LABELS - 155
NOW, BEFORE, LINE = "#0b6e99", "#d9d9d9", "#b00020"


def picture(figures: Sequence[Figure], mailed: Sequence[Mailed]) -> str:
    """An SVG of both."""
    false = [one for one in figures if one.runs and one.limit.startswith("at most") and one.limit.endswith("%")]
    top = _false(false, 40)
    mornings = by_fault(mailed)
    below = 40 + ROW * len(false) + 70
    height = below + ROW * len(mornings) + 20
    body = [*top, *_soon(mornings, below)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="13" role="img" aria-label="False alarms, and mornings until a fault is '
        f'mailed"><rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(body)}</svg>\n'
    )


def by_fault(mailed: Sequence[Mailed]) -> dict[str, list[int | None]]:
    """Each fault's mornings until it is mailed, by run."""
    mornings: dict[str, list[int | None]] = {}
    for one in mailed:
        mornings.setdefault(one.fault, []).append(one.morning)
    return mornings


def _false(figures: Sequence[Figure], top: int) -> list[str]:
    most = 0.30
    drawn = [
        _text(10, top - 18, "False verdicts and alarms, per cent of the runs (grey: before; red: the limit)", "bold")
    ]
    for place, one in enumerate(figures):
        y = top + ROW * place
        rate = one.value / one.runs if one.runs else 0.0
        limit = float(one.limit.removeprefix("at most ").removesuffix(" %")) / 100
        drawn.append(_text(10, y + 13, one.study))
        if one.before is not None:
            drawn.append(_bar(y, min(one.before, most) / most, BEFORE, ROW - 6))
        drawn.append(_bar(y + 4, min(rate, most) / most, NOW, ROW - 14))
        x = LABELS + BARS * limit / most
        drawn.append(f'<line x1="{x:.1f}" y1="{y}" x2="{x:.1f}" y2="{y + ROW - 6}" stroke="{LINE}" stroke-width="2"/>')
        before = f" (before {one.before:.0%})" if one.before is not None else ""
        drawn.append(_text(WIDTH - 148, y + 13, f"{rate:.1%}{before}"))
    return drawn


def _soon(mornings: dict[str, list[int | None]], top: int) -> list[str]:
    drawn = [_text(10, top - 18, "Mornings until a fault is mailed (266 visitors a day, ten movies each)", "bold")]
    most = max((one for runs in mornings.values() for one in runs if one), default=1)
    for place, (name, runs) in enumerate(mornings.items()):
        y = top + ROW * place
        known = sorted(one for one in runs if one)
        drawn.append(_text(10, y + 13, name))
        if known:
            middle = known[len(known) // 2]
            drawn += [_bar(y + 2, middle / most, NOW, ROW - 10), _text(WIDTH - 148, y + 13, _span(known))]
        else:
            drawn.append(_text(LABELS, y + 13, "not in 30"))
    return drawn


def _span(known: Sequence[int]) -> str:
    return f"{known[0]}" if known[0] == known[-1] else f"{known[0]} to {known[-1]}"


def _bar(y: float, share: float, colour: str, height: float) -> str:
    return f'<rect x="{LABELS}" y="{y}" width="{max(1.0, BARS * share):.1f}" height="{height}" fill="{colour}"/>'


def _text(x: float, y: float, words: str, weight: str = "normal") -> str:
    return f'<text x="{x}" y="{y}" font-weight="{weight}">{escape(words)}</text>'
