"""The demo site and its client in a browser, on the whole service, down to the tables."""

import psycopg
from bandit_selector.store.connection import connect
from bandit_selector.store.verification import first_difference
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from infra.local.installation import Installation

from .pages import ask, eventually, one, refuse

TALLEST_ON_A_PHONE = 3_500
CUT = """[...document.querySelectorAll("button.why, .genres, .name")]
  .filter((text) => text.scrollWidth > text.clientWidth + 1).map((text) => text.textContent)"""


def test_the_demo_site_tells_why_a_title_is_there_and_what_became_of_a_click(page: Page, lively: Installation) -> None:
    page.goto(lively.addresses.api)
    page.get_by_label("List from").select_option("bandit")
    expect(page.locator("#whose")).to_contain_text("the bandit’s list (treatment)")
    before = one(lively, "SELECT count(*) FROM recommendation_events WHERE clicked")
    page.get_by_role("button", name="Open").nth(2).click()
    page.get_by_role("button", name="Why?").nth(2).click()
    why = page.locator("#why")
    expect(why).to_contain_text("for place 3; its probability was")
    eventually(lambda: one(lively, "SELECT count(*) FROM recommendation_events WHERE clicked") == before + 1)
    position, algorithm, propensity = newest_click(lively)
    assert position == 3
    expect(why).to_contain_text(algorithm)
    expect(why).to_contain_text(f"{100 * propensity:.{1 if propensity < 0.1 else 0}f} %")
    expect(page.locator("#told")).to_contain_text("Opened")


def test_the_demo_site_says_what_it_is_and_what_the_bandit_just_learned(page: Page, lively: Installation) -> None:
    page.goto(lively.addresses.api)
    expect(page.get_by_text("Bandit Selector draws one of six recommendation algorithms")).to_be_visible()
    page.get_by_label("You are").select_option(index=0)  # not the visitor of the other tests, whose day may be full
    page.get_by_label("List from").select_option("bandit")
    expect(page.locator("#whose")).to_contain_text("treatment")
    expect(page.get_by_role("rowheader").first).to_be_visible()  # the ticker compares with what is known here
    page.get_by_role("button", name="Open").nth(4).click()
    expect(page.locator("#ticker")).to_contain_text("1 success more", timeout=20_000)


def test_on_a_phone_why_opens_below_the_title_and_nothing_is_cut(browser: Browser, lively: Installation) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(lively.addresses.api)
    second = page.get_by_role("listitem").nth(1)
    button = second.get_by_role("button", name="Why?")
    button.click()
    expect(second.locator("#why")).to_contain_text("for place 2; its probability was")
    expect(button).to_have_attribute("aria-expanded", "true")
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollHeight") < TALLEST_ON_A_PHONE
    button.click()
    expect(second.locator("#why")).to_have_count(0)
    page.close()


def test_a_list_that_takes_long_is_announced(visitor: BrowserContext, lively: Installation) -> None:
    page, waiting = visitor.new_page(), list[Route]()
    page.route("**/movies/recommendations**", lambda route: waiting.append(route))
    page.goto(lively.addresses.api)
    expect(page.get_by_role("status")).to_have_text("Asking for a list …")
    eventually(lambda: page.wait_for_timeout(50) is None and bool(waiting))
    waiting[0].continue_()
    expect(page.get_by_role("button", name="Open").first).to_be_visible()
    expect(page.get_by_role("status")).to_be_empty()


def newest_click(service: Installation) -> tuple[int, str, float]:
    with psycopg.connect(service.addresses.database) as connection:
        return connection.execute(
            "SELECT position, algorithm, propensity FROM recommendation_events"
            " WHERE clicked ORDER BY clicked_at DESC LIMIT 1"
        ).fetchone()  # pyright: ignore[reportReturnType] # there is one


def test_the_client_counts_each_event_once_through_outages_and_reloads(
    visitor: BrowserContext, lively: Installation
) -> None:
    """Offline, 503 and a page closed right after a click, then the final tables."""
    page = visitor.new_page()
    page.goto(lively.addresses.api)
    expect(page.get_by_role("button", name="Open").first).to_be_visible()
    before = one(lively, "SELECT count(*) FROM recommendation_events WHERE clicked")
    visitor.set_offline(True)
    for place in (0, 1):
        page.get_by_role("button", name="Open").nth(place).click()
    visitor.set_offline(False)
    page.route("**/analytics/track", lambda route: refuse(route, 503, "The queue is away."))
    page.get_by_role("button", name="Open").nth(2).click()
    page.unroute("**/analytics/track")
    page.reload()
    expect(page.get_by_role("button", name="Open").first).to_be_visible()
    page.get_by_role("button", name="Open").nth(3).click()
    page.close()
    eventually(lambda: one(lively, "SELECT count(*) FROM recommendation_events WHERE clicked") >= before + 4)
    assert one(lively, "SELECT count(*) FROM recommendation_events WHERE clicked") == before + 4
    with connect(lively.addresses.database) as connection:
        assert first_difference(connection) is None


def test_the_demo_site_gives_its_tokens_to_this_machine_only(service: Installation) -> None:
    assert ask(service, "POST", "/local/token?user_id=1", {})[0] == 200
    assert ask(service, "POST", "/local/token?user_id=1", {"Host": "rebound.example"})[0] == 403
