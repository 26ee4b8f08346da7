"""Draws charts as SVG: lines with bands, and stacked bars. Must not know what the numbers mean; needs no script.

Colours are CSS classes (c0, c1, … for fill, stroke and text), so the page chooses them for light and dark mode.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from typing import Final

WIDTH: Final = 420
HEIGHT: Final = 230
LEFT, RIGHT, TOP, BOTTOM = 58, 8, 12, 26
LABELS: Final = 6
SMALLEST: Final = 1e-6
"""The smallest difference that the numbers beside an axis can show."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value at column `x` (0, 1, … along the labels), between two bounds."""

    x: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """A named line; `colour` is the number of its CSS class."""

    name: str
    colour: int
    points: Sequence[Point]


def lines(title: str, labels: Sequence[str], drawn: Sequence[Line], unit: str = "%", zero: bool = False) -> str:
    """Lines with the bands between their bounds; `zero` adds a line at 0, which means no difference."""
    points = [point for line in drawn for point in line.points]
    if not points:
        return empty(title)
    ticks = _ticks(min(p.low for p in points), max(p.high for p in points), zero)
    scale = _Scale(len(labels), ticks[0], ticks[-1])
    body = [_axes(scale, labels, ticks, unit)]
    if zero:
        body.append(f'<line class="zero" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{scale.y(0)}" y2="{scale.y(0)}"/>')
    body += [_band(scale, line) for line in drawn if line.points]
    body += [_line(scale, line) for line in drawn if line.points]
    return _svg(title, body)


def bars(title: str, labels: Sequence[str], parts: Mapping[str, Sequence[float]]) -> str:
    """One stacked bar per label; its parts are in percent and sum to at most 100. Colours follow the order of parts."""
    if not labels:
        return empty(title)
    ticks = [0.0, 25.0, 50.0, 75.0, 100.0]
    scale = _Scale(len(labels), 0, 100)
    width = min(48.0, 0.8 * (WIDTH - LEFT - RIGHT) / len(labels))
    body = [_axes(scale, labels, ticks, "%")]
    for column in range(len(labels)):
        below = 0.0
        for colour, (name, values) in enumerate(parts.items()):
            top, share = below + values[column], values[column]
            box = f'x="{scale.x(column) - width / 2:.1f}" y="{scale.y(top)}" width="{width:.1f}"'
            words = f"<title>{escape(name)} {share:.0f} %</title>"
            body.append(f'<rect class="c{colour} part" {box} height="{scale.height(share)}">{words}</rect>')
            below = top
    return _svg(title, body)


def empty(title: str) -> str:
    return _svg(title, [f'<text class="none" x="{WIDTH / 2}" y="{HEIGHT / 2}">not enough data yet</text>'])


@dataclass(frozen=True, slots=True)
class _Scale:
    """The coordinates of a column and a value in the picture."""

    columns: int
    low: float
    high: float

    def x(self, column: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (column + 0.5) / self.columns, 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - self.height(value - self.low), 1)

    def height(self, span: float) -> float:
        return round((HEIGHT - TOP - BOTTOM) * span / (self.high - self.low), 1)


def _axes(scale: _Scale, labels: Sequence[str], ticks: Sequence[float], unit: str) -> str:
    grid = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{scale.y(tick)}" y2="{scale.y(tick)}"/>'
        f'<text class="tick" x="{LEFT - 6}" y="{scale.y(tick) + 4}">{_number(tick)}{" " * bool(unit)}{unit}</text>'
        for tick in ticks
    ]
    step = -(-len(labels) // LABELS)
    below = [
        f'<text class="label" x="{scale.x(column)}" y="{HEIGHT - 8}">{escape(label)}</text>'
        for column, label in enumerate(labels)
        if column % step == 0
    ]
    return "".join([*grid, *below])


def _band(scale: _Scale, line: Line) -> str:
    upper = [f"{scale.x(point.x)},{scale.y(point.high)}" for point in line.points]
    lower = [f"{scale.x(point.x)},{scale.y(point.low)}" for point in reversed(line.points)]
    return f'<polygon class="c{line.colour} band" points="{" ".join([*upper, *lower])}"/>'


def _line(scale: _Scale, line: Line) -> str:
    path = " ".join(f"{scale.x(point.x)},{scale.y(point.value)}" for point in line.points)
    dots = "".join(
        f'<circle class="c{line.colour} dot" cx="{scale.x(p.x)}" cy="{scale.y(p.value)}" r="3">'
        f"<title>{escape(line.name)}: {p.value:.2f} ({p.low:.2f} to {p.high:.2f})</title></circle>"
        for p in line.points
    )
    return f'<polyline class="c{line.colour} line" points="{path}"/>{dots}'


def _ticks(low: float, high: float, zero: bool) -> list[float]:
    """Three to seven round numbers from below the lowest value to above the highest."""
    low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
    span = next(width for width in (high - low, abs(high), 1.0) if width > SMALLEST)
    unit = 10 ** floor(log10(span / 4))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if span / (unit * factor) <= 5)
    first, last = floor(low / step), -floor(-high / step)
    return [step * tick for tick in range(first, max(last, first + 1) + 1)]


def _number(value: float) -> str:
    return f"{round(value, 6):g}".replace("-", "−")


def _svg(title: str, body: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(body)}</svg>'
