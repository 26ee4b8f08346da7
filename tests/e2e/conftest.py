"""A real browser and the whole service for end-to-end tests; without Chromium they are reported as skipped."""

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from infra.local.demo import sample
from infra.local.installation import Installation, Plan, announced, installation

from . import client_site
from .pages import AXE, BUILT, Watch, call, eventually, one

Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]

VISITORS: Final = range(1, 41)
CHROMIUM: Final = (
    os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium") or ""
)
"""The engine alone where it is installed: `chromium` draws its own window for each test, a CPU second."""
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for one module only: while it runs, Playwright occupies this thread's event loop."""
    if not CHROMIUM:
        pytest.skip("no Chromium is installed; `apt-get install chromium-headless-shell` brings it")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile for this test only: empty storage, online."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Runs a coroutine on the service's event loop, in its own thread, and returns the result."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(120)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="session")
def service(run: Run, open_folder: Callable[[], Path]) -> Iterator[Installation]:
    """The whole service with its sample catalogue; nothing in it runs by schedule."""
    stack = AsyncExitStack()
    plan = Plan(open_folder(), 0, postgres_settings=("fsync=off",))
    running = run(stack.enter_async_context(installation(plan)))
    run(sample.fill(running))
    with announced(running, plan):
        yield running
    run(stack.aclose())


@pytest.fixture
def site() -> Iterator[client_site.Site]:
    """A site with the browser client on its page."""
    with client_site.running() as site:
        yield site


@pytest.fixture
def page(visitor: BrowserContext) -> Iterator[Page]:
    """A page; at the end of the test its `Watch` must have found no fault."""
    watch, page = Watch(), visitor.new_page()
    watch.over(page)
    yield page
    assert watch.faults == []


@pytest.fixture(scope="session")
def lively(service: Installation, run: Callable[[Any], Any]) -> Installation:
    """The service after some lists, clicks, and a first report."""
    clicked = "SELECT count(*) FROM recommendation_events WHERE clicked"
    before = one(service, clicked)
    for user in VISITORS:
        group = "true" if user % 2 else "false"
        movies = call(service, "GET", f"/movies/recommendations?user_id={user}&limit=20&use_bandit={group}", user)
        for movie in movies[:: 4 if user % 2 else 6]:
            call(service, "POST", "/analytics/track/click", user, {"user_id": user, "event_id": movie["event_id"]})
    eventually(lambda: one(service, clicked) == before + clicks())
    run(service.invoke("monitor", {"time": datetime.now(UTC).isoformat()}))
    return service


def clicks() -> int:
    return len(VISITORS) // 2 * (len(range(0, 20, 4)) + len(range(0, 20, 6)))


@pytest.fixture
def needs_npm() -> None:
    if not (AXE.is_file() and BUILT.is_file()):
        pytest.skip("the dashboard is not built: npm is missing; `./dev test` builds it where npm is installed")
