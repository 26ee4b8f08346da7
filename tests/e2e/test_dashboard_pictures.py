"""What people see of four services, at four widths, in both schemes: as in the reviewed pictures, whole, accessible.

The figures are synthetic (figures.py) and the clock stands still. `python -m tests.e2e.golden_pictures` renews the
pictures; look at each before it is committed.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page, expect

from . import golden_pictures as golden
from .figures import NOW
from .pages import violations

SVG: Final = "{http://www.w3.org/2000/svg}"
pytestmark = pytest.mark.usefixtures("needs_npm")


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[Page]:
    """An empty page that joins and compares pictures."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.long
@pytest.mark.parametrize("state", golden.STATES)
def test_every_state_is_seen_whole_and_as_reviewed(browser: Browser, desk: Page, state: str) -> None:
    seen = golden.look(browser, state, check=accessible)
    assert seen.faults == []
    assert {width: wide for width, wide in seen.widths.items() if wide > width} == {}
    assert seen.heights[390] < golden.TALLEST_ON_A_PHONE
    if not golden.same_letters(desk):
        pytest.skip("this machine draws letters of another width than those of the reviewed pictures")
    for scheme, shots in seen.shots.items():
        sheet = golden.sheet(desk, shots)
        assert golden.difference(desk, sheet, golden.reviewed(state, scheme)) < golden.TOLERANCE, (state, scheme)


def test_a_difference_is_seen(desk: Page) -> None:
    few = golden.reviewed("few", "light")
    assert golden.difference(desk, few, few) == 0
    assert golden.difference(desk, few, golden.reviewed("empty", "light")) > 3 * golden.TOLERANCE


def accessible(page: Page, width: int) -> list[str]:
    scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    return violations(page) if (width, scheme) in {(390, "dark"), (1280, "light")} else []


def test_one_moment_is_drawn_as_bars(page: Page) -> None:
    golden.show(page, "few")
    expect(page.get_by_text("1 visitor, 20 movies shown").first).to_be_visible()
    expect(page.locator(".bars rect")).to_have_count(8)
    expect(page.locator(".uplot")).to_have_count(0)


def test_the_top_says_whether_it_pays_and_is_healthy_and_what_to_do(page: Page) -> None:
    said = {
        "much": (
            "The bandit wins so far: 27 % more clicks, at least 19 %.",
            "Yes.",
            "Raise the bandit’s share of visitors.",
        ),
        "trouble": (
            "The bandit harms so far: 12 % fewer clicks, at least 4 %.",
            "and 2 more",
            "Lower the bandit’s share",
            "read the consumer's log",
        ),
        "few": ("Not proven yet: less than 1 % of the planned evidence seen", "Not known", "Let the test run."),
        "empty": ("No test is running", "There is no report yet", "Give some visitors the other list"),
    }
    for state, words in said.items():
        golden.show(page, state)
        for word in words:
            expect(page.get_by_label("In short")).to_contain_text(word)


def test_what_happened_when_is_marked_and_an_arm_without_lists_is_grey(page: Page) -> None:
    golden.show(page, "trouble")
    page.get_by_text("What happened when").first.click()
    for text in ("alert: graph is never shown", "alert: no feedback for 9 hours", "version 42"):
        expect(page.locator(".marks").first).to_contain_text(text)
    expect(page.get_by_role("columnheader", name="graph drawn 18 %, shown 0 %")).to_be_visible()
    page.get_by_role("button", name="graph, evening, weekday, regular").click()
    evidence = page.get_by_role("row").filter(has=page.get_by_role("heading", name="graph in evening"))
    expect(evidence).to_contain_text("Never in this window")
    assert "cell=evening" in page.url
    page.reload()
    expect(evidence).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="evening, weekday, regular").first).to_be_visible()


def test_what_was_forgotten_is_named_with_its_moment_its_rates_and_its_z(page: Page) -> None:
    golden.show(page, "trouble")
    page.evaluate("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    told = page.get_by_text("Forgotten, because newer outcomes refuted it")
    expect(told).to_contain_text("item cf (11 Mar")
    expect(told).to_contain_text("14.1 % → 9.7 %, z 6.4)")


def test_a_table_that_goes_on_below_shades_its_lower_edge(page: Page) -> None:
    golden.show(page, "much")
    page.evaluate("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    higher = page.locator(".scroll").evaluate_all(
        """(boxes) => boxes.filter((box) => box.scrollHeight > box.clientHeight + 1)
          .map((box) => [box.ariaLabel, getComputedStyle(box).backgroundImage.includes("to top")])"""
    )
    assert ["Context distribution", True] in higher
    assert [label for label, shaded in higher if not shaded] == []


def test_each_state_of_the_service_is_named(page: Page) -> None:
    golden.show(page, "much", notice="A synthetic world.")
    expect(page.locator(".simulated")).to_have_text("Simulated A synthetic world.")
    expect(page.locator(".ramping")).to_contain_text("Phase 3: the bandit serves 50 % of visitors")
    for bandit in ("shadow", "off"):
        golden.show(page, "much", bandit=bandit)
        expect(page.locator(f".{bandit} strong")).to_have_text(bandit.capitalize())


@pytest.mark.long
def test_figures_that_grow_old_lose_their_colours_and_say_so(page: Page) -> None:
    golden.show(page, "much")
    expect(page.locator("main.old")).to_have_count(0)
    page.route("**/analytics/**", lambda route: route.fulfill(status=503, json={"detail": "The database is away."}))
    page.clock.set_fixed_time(NOW + timedelta(minutes=5))
    page.get_by_role("button", name="Refresh").click()
    stale = page.get_by_role("alert")
    expect(stale.locator("strong")).to_have_text("Stale", timeout=15_000)
    expect(stale).to_contain_text("The database is away. The figures below are 5 min old. Do not decide by them.")
    expect(page.locator("main.old")).to_have_count(1)
    assert stale.bounding_box()["y"] < page.get_by_label("In short").bounding_box()["y"]  # pyright: ignore[reportOptionalSubscript] # both are seen
    assert violations(page) == []


def test_a_chart_is_saved_as_a_picture(page: Page) -> None:
    golden.show(page, "much")
    with page.expect_download() as told:
        page.get_by_role("button", name="Save as PNG: Click-through rate").click()
    assert told.value.suggested_filename == "click-through-rate.png"
    assert told.value.path().read_bytes().startswith(b"\x89PNG")


def test_one_moments_bars_are_saved_as_a_picture_and_as_a_drawing(page: Page) -> None:
    golden.show(page, "few")
    with page.expect_download() as told:
        page.get_by_role("button", name="Save as PNG: Click-through rate").click()
    assert told.value.path().read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as told:
        page.get_by_role("button", name="Save as SVG: Who fills the places").click()
    drawn = ElementTree.fromstring(told.value.path().read_text())  # noqa: S314 # the page's own file
    assert len(drawn.findall(f"{SVG}rect")) == 1 + 6  # the background, and a bar for each arm
    assert {"item cf", "23 %"} <= {words.text for words in drawn.findall(f"{SVG}text")}


def test_a_chart_is_saved_as_a_drawing_with_its_series_and_marks(page: Page) -> None:
    golden.show(page, "much")
    for title, polygons, polylines in (("Who fills the places", 6, 0), ("Lift in click-through rate", 1, 1)):
        with page.expect_download() as told:
            page.get_by_role("button", name=f"Save as SVG: {title}").click()
        assert told.value.suggested_filename.endswith(".svg")
        drawn = ElementTree.fromstring(told.value.path().read_text())  # noqa: S314 # the page's own file
        assert len(drawn.findall(f".//{SVG}polygon")) == polygons
        assert len(drawn.findall(f".//{SVG}polyline")) == polylines
        assert "alert: graph is never shown" in [mark.text for mark in drawn.findall(f".//{SVG}g/{SVG}title")]
        assert all(-1 < float(at) < 900 for at in numbers(drawn))


def numbers(drawn: ElementTree.Element) -> list[str]:
    """The coordinates of all lines and areas."""
    shapes = [*drawn.findall(f".//{SVG}polygon"), *drawn.findall(f".//{SVG}polyline")]
    return [at for shape in shapes for at in shape.attrib["points"].replace(",", " ").split()]


def test_a_shadow_is_said_above_all_figures_with_what_would_be_drawn(page: Page) -> None:
    golden.show(page, "much", bandit="shadow")
    expect(page.get_by_text("Every visitor gets the control list. What the bandit would draw")).to_be_visible()
    expect(page.get_by_text("Both lists have the same movie at 4.6 % of the places")).to_be_visible()
    expect(page.get_by_text("Drawing takes 0.6 ms, 95 % below")).to_be_visible()
    expect(page.get_by_text("120 lists in 4 days; 13 more days at this pace")).to_be_visible()
    expect(page.get_by_text("./dev evaluate", exact=True)).to_be_visible()
    assert violations(page) == []


def test_a_share_that_the_brake_has_taken_back_is_said_above_all_figures(page: Page) -> None:
    golden.show(page, "much", bandit="on")
    expect(page.get_by_text("Treatment’s share is 5 % of the visitors. The lift is at most −7 %.")).to_be_visible()
