"""Charts keep every value inside the picture for any numbers."""

import re
from xml.etree import ElementTree as Xml

from bandit_selector.pages.picture import HEIGHT, WIDTH, Line, Point, bars, empty, lines
from hypothesis import example, given
from hypothesis import strategies as st

values = st.floats(-1e6, 1e6, allow_nan=False)


@example([5e-324], 0.0, False)  # smaller than any power of ten
@given(st.lists(values, min_size=1, max_size=40), st.floats(0, 1e5), st.booleans())
def test_lines_and_their_bands_stay_inside(numbers: list[float], width: float, zero: bool) -> None:
    points = [Point(place, value, value - width, value + width) for place, value in enumerate(numbers)]
    drawn = lines("t", [str(place) for place in range(len(numbers))], [Line("a", 0, points)], zero=zero)
    shapes = [shape for shape in Xml.fromstring(drawn).iter() if "points" in shape.attrib]  # noqa: S314 # our own
    for pair in " ".join(shape.attrib["points"] for shape in shapes).split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= WIDTH
        assert -0.2 <= y <= HEIGHT + 0.2


def test_bars_stack_to_the_whole() -> None:
    drawn = bars("t", ["a", "b"], {"x": [25, 50], "y": [75, 50]})
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"', drawn)]
    assert heights[0] + heights[1] == heights[2] + heights[3]


def test_names_cannot_break_out_of_the_picture() -> None:
    drawn = lines("<b>&", ["<i>"], [Line('"><script>', 0, [Point(0, 1, 0, 2)])])
    Xml.fromstring(drawn)  # noqa: S314 # our own
    assert "<script" not in drawn


def test_nothing_is_drawn_as_a_sentence() -> None:
    assert "not enough data yet" in lines("t", [], [Line("a", 0, [])])
    assert lines("t", [], []) == bars("t", [], {}) == empty("t")
