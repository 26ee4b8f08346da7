"""The dashboard's sign-in: tokens that are refused, renewed and revoked, and a page without one."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from infra.local.installation import Installation

from .pages import eventually, open_dashboard, refuse

pytestmark = pytest.mark.usefixtures("needs_npm")

KEPT = "bandit-selector.token"
TOKEN = f"JSON.parse(sessionStorage.getItem('{KEPT}'))"


def test_a_token_that_the_service_refuses_leads_back_to_the_sign_in(
    visitor: BrowserContext, lively: Installation
) -> None:
    page = visitor.new_page()
    open_dashboard(page, lively)
    page.route("**/analytics/**", lambda route: refuse(route, 401, ""))
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("alert")).to_contain_text("Your sign-in has ended")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_token_is_renewed_before_its_end_and_nobody_renews_it_after_the_sign_out(
    visitor: BrowserContext, lively: Installation
) -> None:
    page = visitor.new_page()
    open_dashboard(page, lively)
    first = page.evaluate(f"{TOKEN}")
    page.evaluate(f"sessionStorage.setItem('{KEPT}', JSON.stringify({{ ...{TOKEN}, expires_at: Date.now() + 30e3 }}))")
    page.get_by_role("button", name="Refresh").click()
    eventually(lambda: page.evaluate(f"{TOKEN}.expires_at > Date.now() + 600e3"))  # the page forbids eval
    assert page.evaluate(f"{TOKEN}.refresh_token") == first["refresh_token"]
    with page.expect_response("**/revoke") as revoked:
        page.get_by_role("button", name="Sign out").click()
    assert revoked.value.ok
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    told = page.evaluate("fetch('dashboard/configuration.json').then((answer) => answer.json())")
    form = {"grant_type": "refresh_token", "client_id": told["client_id"], "refresh_token": first["refresh_token"]}
    assert visitor.request.post(told["token_url"], form=form).status == 400


def test_the_shell_carries_no_figures_and_a_stolen_code_opens_nothing(page: Page, service: Installation) -> None:
    page.goto(f"{service.addresses.dashboard}?code=stolen&state=guessed")
    expect(page.get_by_role("alert")).to_contain_text("started elsewhere")
    assert "code=" not in page.url
    expect(page.get_by_role("table")).to_have_count(0)
