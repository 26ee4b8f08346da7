"""The snippets of the browser client's README run as they are written, on a page of a site."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from .client_site import FOLDER, Site, eventually, open_page, running

README = (FOLDER / "README.md").read_text()
JAVASCRIPT = re.findall(r"```js\n(.*?)```", README, re.DOTALL)
TYPED = re.findall(r"```ts\n(.*?)```", README, re.DOTALL)
GUIDE, ITS_SESSION = JAVASCRIPT[1:]
LOADED = "const { connect } = await import('/client.js');"
MOVIE = {"id": 1, "title": "Heat", "event_id": 7}


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as site:
        site.movies = (site.movies[0], [MOVIE])
        yield site


@pytest.fixture
def page(visitor: BrowserContext, site: Site) -> Page:
    page = open_page(visitor, site)
    page.evaluate("localStorage.token = 'theirs'; document.body.append(new Image(9, 9))")
    return page


def test_every_snippet_is_run() -> None:
    assert (len(JAVASCRIPT), len(TYPED), README.count("```") // 2) == (3, 1, 4)


def test_the_first_snippet_asks_for_a_list_and_tells_all_that_it_says(page: Page, site: Site) -> None:
    work = (
        JAVASCRIPT[0]
        .replace('import { connect } from "bandit-selector-client";', "")
        .replace('"https://api.example.com"', "location.origin")
    )
    page.evaluate(f"async () => {{ window.getCurrentUserId = () => 5; {LOADED} {work} }}")
    page.wait_for_timeout(1_200)  # a second in view
    page.goto("about:blank")  # what was gathered is sent when the page is left
    told = ["click", "rating", "thumbs-up", "thumbs-down", "thumbs-off", "seen"]
    eventually(page, lambda: sorted(one["action"] for one in site.posted) == sorted(told))
    assert {one["user_id"] for one in site.posted} == {5}
    assert site.tokens == {"Bearer theirs"}
    assert site.asked[0]["limit"] == ["30"]


def test_the_client_keeps_the_groups_that_the_guides_snippets_assign(page: Page, site: Site) -> None:
    page.evaluate(f"async () => {{ const userId = 3, token = 't'; {GUIDE} }}")
    page.evaluate(f"() => {{ {ITS_SESSION} }}")
    bandit = page.evaluate("sessionStorage.ab_group === 'bandit'")
    page.evaluate(
        f"async () => {{ const userId = 3, token = 't'; {LOADED} {TYPED[0]} await bySession.recommendations(); }}"
    )
    assert [asked["use_bandit"] for asked in site.asked] == [["false"], ["false"], [str(bandit).lower()]]
