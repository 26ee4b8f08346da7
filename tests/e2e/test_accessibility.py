"""Axe finds no violation on any page, in both colour schemes, on a phone and on a wide screen."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.local.installation import Installation

from .pages import Watch, open_dashboard, violations

pytestmark = pytest.mark.usefixtures("needs_npm")


@pytest.fixture(params=[("dark", 390), ("light", 1400)], ids=str)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of one scheme and width, which logs no error and stays on this machine."""
    scheme: Any
    scheme, width = request.param
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    watch, page = Watch(), context.new_page()
    watch.over(page)
    yield page
    context.close()
    assert watch.faults == []


def fits(page: Page) -> bool:
    """Whether the page fits the width."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.long
def test_the_dashboard_is_accessible(page: Page, lively: Installation) -> None:
    page.goto(lively.addresses.dashboard)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert violations(page) == []
    open_dashboard(page, lively)
    page.evaluate("document.querySelectorAll('.fold').forEach((folded) => { folded.open = true; })")
    page.locator(".cell").first.click()
    for summary in page.get_by_text("The same as a table").all():
        summary.click()
    assert violations(page) == []
    assert fits(page)
    page.get_by_role("combobox", name="Context").select_option(index=1)
    expect(page.get_by_role("region", name="Lift by context")).to_have_count(0)
    assert violations(page) == []
    assert fits(page)


@pytest.mark.long
def test_the_demo_site_is_accessible(page: Page, lively: Installation) -> None:
    page.goto(lively.addresses.api)
    expect(page.get_by_role("button", name="Why?").first).to_be_visible()
    assert violations(page) == []
    assert fits(page)
