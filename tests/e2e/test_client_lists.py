"""The browser client asks for lists in the right group, and says in words why it got none."""

from http import HTTPStatus

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from .client_site import Site, open_page


@pytest.fixture
def page(visitor: BrowserContext, site: Site) -> Page:
    return open_page(visitor, site)


@pytest.mark.parametrize(
    ("assignment", "user", "sent"),
    [
        ('"server"', 1, {"auto"}),
        ('"user"', 1, {"false"}),
        ('"user"', 2, {"true"}),
        ("true", 1, {"true"}),
        ("false", 1, {"false"}),
    ],
)
def test_the_group_is_assigned_as_asked(page: Page, site: Site, assignment: str, user: int, sent: set[str]) -> None:
    page.evaluate(f"connect({{ userId: {user}, assignment: {assignment} }}).recommendations()")
    assert {asked["use_bandit"][0] for asked in site.asked} == sent


def test_a_session_stays_in_the_group_it_drew(page: Page, site: Site) -> None:
    for _ in range(6):
        page.evaluate('connect({ assignment: "session" }).recommendations()')
    groups = {asked["use_bandit"][0] for asked in site.asked}
    stored = page.evaluate("sessionStorage.getItem('ab_group')")
    assert groups == {"true" if stored == "bandit" else "false"}


def test_a_list_carries_what_the_headers_say(page: Page, site: Site) -> None:
    site.movies = (HTTPStatus.OK, [{"id": 1, "title": "Heat"}])
    answer = page.evaluate("bandit.recommendations({ limit: 5, offset: 10, seed: 3 })")
    assert answer == {
        "id": "r",
        "group": "treatment",
        "context": "evening|weekend|regular",
        "movies": [{"id": 1, "title": "Heat"}],
    }
    expected = {"user_id": "1", "limit": "5", "offset": "10", "use_bandit": "auto", "seed": "3"}
    assert {name: values[0] for name, values in site.asked[0].items() if name != "time_zone"} == expected


@pytest.mark.parametrize(("zone", "sent"), [("Asia/Kolkata", ["Asia/Kolkata"]), ("Etc/Unknown", None)])
def test_a_list_is_for_the_visitors_own_clock(browser: Browser, site: Site, zone: str, sent: list[str] | None) -> None:
    context = browser.new_context()
    context.add_init_script(f"Intl.DateTimeFormat.prototype.resolvedOptions = () => ({{ timeZone: {zone!r} }})")
    open_page(context, site).evaluate("bandit.recommendations()")
    context.close()
    assert site.asked[0].get("time_zone") == sent


@pytest.mark.parametrize(
    ("status", "content", "sentence"),
    [
        (HTTPStatus.FORBIDDEN, {"detail": "The token is for user 2."}, "The token is for user 2."),
        (HTTPStatus.UNAUTHORIZED, {"message": "Unauthorized"}, "The token was refused (401)"),
        (HTTPStatus.SERVICE_UNAVAILABLE, None, "The service answered 503."),
        (HTTPStatus.INTERNAL_SERVER_ERROR, {"message": "Oh"}, "The service answered 500 (Oh)."),
        (HTTPStatus.OK, {"movies": []}, "The service's answer is not a list."),
    ],
)
def test_a_refused_list_has_a_name_and_a_sentence(
    page: Page, site: Site, status: HTTPStatus, content: object, sentence: str
) -> None:
    site.movies = (status, content)
    name, message, number = page.evaluate("bandit.recommendations().catch((e) => [e.name, e.message, e.status])")
    assert (name, number) == ("RequestFailed", status)
    assert message.startswith(sentence)
