"""The demo site and its client in a browser, on the whole service, down to the tables."""

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from infra.local.installation import Installation

from .pages import ask, eventually, one, refuse

pytestmark = pytest.mark.xdist_group("pages")


def test_the_demo_site_tells_why_a_title_is_there_and_what_became_of_a_click(page: Page, lively: Installation) -> None:
    page.goto(lively.addresses.api)
    page.get_by_label("List from").select_option("bandit")
    expect(page.get_by_role("heading", name="treatment")).to_be_visible()
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
    counted = "(SELECT sum(total_successes) FROM bandit_states)"
    seen = "(SELECT count(*) FROM recommendation_events WHERE outcome = 'success' AND algorithm LIKE 'bandit%')"
    assert one(lively, f"SELECT {counted} = {seen}")  # of one snapshot: other visitors go on clicking


def test_the_demo_site_gives_its_tokens_to_this_machine_only(service: Installation) -> None:
    assert ask(service, "POST", "/local/token?user_id=1", {})[0] == 200
    assert ask(service, "POST", "/local/token?user_id=1", {"Host": "rebound.example"})[0] == 403
