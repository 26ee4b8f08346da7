"""An existing site's page, played in a browser through our base URL, leaves the outcomes a person would expect."""

from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from bandit_selector.settings import GUIDE_ARMS
from bandit_selector.store.connection import connect
from bandit_selector.store.verification import first_difference
from playwright.sync_api import Page, expect

from infra.local.installation import Installation, Plan, installation
from infra.local.postgres import Postgres
from tests.integration.activity import copy_database
from tests.integration.beside import old_application

from . import old_site
from .pages import eventually

MOVIES = 80


@pytest.fixture
def beside(run: Callable[[Any], Any], server: Postgres, open_folder: Callable[[], Path]) -> Iterator[Installation]:
    """The service beside a site with a history, its tokens and its backend; nothing runs by schedule."""
    url = copy_database(server, "template1", "site_played")
    with connect(url) as connection:
        old_application.install(connection, 200, users=5, movies=MOVIES)
        connection.execute("TRUNCATE ratings")
    folder = open_folder()
    (folder / "key").write_text(old_site.KEY)
    stack = AsyncExitStack()
    with old_site.running(url) as backend:
        chosen = {"SITE_URL": backend, "SITE_TOKENS": str(folder / "key"), "SITE_USER_COLUMN": "email"}
        running = run(stack.enter_async_context(installation(Plan(folder / "run", 0, url, settings=chosen))))
        for arm in GUIDE_ARMS:
            with connect(url) as connection:
                connection.execute(
                    "INSERT INTO recommendation_candidates SELECT 0, %s, array_agg(n ORDER BY md5(n || %s)),"
                    " array_agg(1 - n / 100.0 ORDER BY n), now() FROM generate_series(1, %s) AS n",
                    [arm, arm, MOVIES],
                )
        run(running.invoke("settle", {"time": datetime.now(UTC).isoformat()}))
        yield running
        run(stack.aclose())


@pytest.mark.long
def test_a_sites_page_leaves_the_outcomes_a_person_expects(
    page: Page, beside: Installation, run: Callable[[Any], Any]
) -> None:
    token = jwt.encode({"sub": "user1", "exp": datetime.now(UTC) + timedelta(hours=1)}, old_site.KEY, "HS256")
    page.add_init_script(f"localStorage.token = {token!r}")
    page.goto(f"{beside.addresses.api}/")
    expect(page.locator("ul")).to_have_attribute("data-count", "30", timeout=30_000)  # functions start
    expect(page).to_have_title("user1")
    for count in ("40", "49"):
        page.locator("#more").click()
        expect(page.locator("ul")).to_have_attribute("data-count", count)
    cards = page.locator("li")
    for card, button, says in ((0, 0, "liked"), (0, 0, "up"), (1, 0, "liked"), (2, 1, "rated"), (45, 2, "rated")):
        press = cards.nth(card).locator("button").nth(button)
        press.click()
        expect(press).to_have_text(says)
    cards.nth(46).locator("a").click()
    expect(cards.nth(46)).to_have_attribute("data-opened", "yes")

    with connect(beside.addresses.database) as connection:
        lists = "FROM recommendation_events WHERE user_id = 1 AND recommendation_id IS NOT NULL"
        eventually(lambda: connection.execute(f"SELECT count(*) {lists} AND clicked".encode()).fetchone() == (1,))
        later = (datetime.now(UTC) + timedelta(minutes=11)).isoformat()
        run(beside.invoke("settle", {"time": later}))
        rows = connection.execute(
            f"SELECT outcome, thumbs_up, rating_value, clicked {lists} ORDER BY position".encode()
        )
        shown = rows.fetchall()
        assert len(shown) == 49
        silent = ("failure", False, None, False)
        expected = dict.fromkeys(range(49), silent) | {
            1: ("success", True, None, False),
            2: ("success", False, 5, False),
            45: ("failure", False, 1, False),
            46: ("success", False, None, True),
        }
        assert dict(enumerate(shown)) == expected
        assert first_difference(connection) is None
