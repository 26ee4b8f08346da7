"""The dashboard and the demo site, in a browser, over the whole service: what they show is what the service says."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from infra.local.installation import Installation

pytestmark = pytest.mark.xdist_group("pages")

ROOT: Final = Path(__file__).parents[2]
AXE: Final = ROOT / "node_modules" / "axe-core" / "axe.min.js"
BUILT: Final = ROOT / "functions" / "monitor" / "dashboard" / "dist" / "index.html"
VISITORS: Final = range(1, 41)


@dataclass
class Watch:
    """What a page must never do: log an error, break its policy, or ask another machine."""

    faults: list[str] = field(default_factory=list[str])

    def over(self, page: Page) -> None:
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self._leaving(request.url))

    def _leaving(self, url: str) -> None:
        if urlsplit(url).scheme != "data" and urlsplit(url).hostname != "127.0.0.1":
            self.faults.append(f"asked {url}")


@pytest.fixture
def page(visitor: BrowserContext) -> Iterator[Page]:
    """A page that must have behaved when the test ends."""
    watch, page = Watch(), visitor.new_page()
    watch.over(page)
    yield page
    assert watch.faults == []


@pytest.fixture(scope="session")
def lively(service: Installation, run: Callable[[Any], Any]) -> Installation:
    """The service after some lists were shown and clicked on, and a first report was made."""
    for user in VISITORS:
        group = "true" if user % 2 else "false"
        movies = call(service, "GET", f"/movies/recommendations?user_id={user}&limit=20&use_bandit={group}", user)
        for movie in movies[:: 4 if user % 2 else 6]:
            call(service, "POST", "/analytics/track/click", user, {"user_id": user, "event_id": movie["event_id"]})
    eventually(lambda: one(service, "SELECT count(*) FROM recommendation_events WHERE clicked") == clicks())
    run(service.invoke("monitor", {"time": datetime.now(UTC).isoformat()}))
    return service


def clicks() -> int:
    return len(VISITORS) // 2 * (len(range(0, 20, 4)) + len(range(0, 20, 6)))


def call(service: Installation, method: str, path: str, user: int, body: object = None, scope: str = "") -> Any:
    token = service.issuer.mint(str(user), datetime.now(UTC), scope)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, content = ask(service, method, path, headers, json.dumps(body) if body else None)
    assert status in {200, 202}, content
    return json.loads(content)


def ask(
    service: Installation, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> tuple[int, bytes]:
    with closing(HTTPConnection(urlsplit(service.addresses.api).netloc)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def figures(service: Installation, path: str) -> Any:
    return call(service, "GET", f"/analytics/{path}", 0, scope="analytics")


def one(service: Installation, query: Any) -> Any:
    with psycopg.connect(service.addresses.database) as connection:
        return (connection.execute(query).fetchone() or [None])[0]


def eventually(true: Callable[[], bool], seconds: float = 20) -> None:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    while not true():
        assert datetime.now(UTC) < until, f"This did not become true within {seconds} s."


def violations(page: Page) -> list[str]:
    """What axe-core finds, as rule: elements."""
    found = page.evaluate(f"{AXE.read_text()}; axe.run()")
    return [f"{rule['id']}: {[node['html'] for node in rule['nodes']]}" for rule in found["violations"]]


@pytest.fixture
def needs_npm() -> None:
    if not (AXE.is_file() and BUILT.is_file()):
        pytest.skip("the dashboard is not built: npm is missing; `./dev test` builds it where npm is installed")


def open_dashboard(page: Page, service: Installation) -> None:
    page.goto(service.addresses.dashboard)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Continue as analyst").click()
    expect(page.get_by_role("heading", name="Does the bandit pay?")).to_be_visible()


def row(page: Page, table: str, heading: str) -> list[str]:
    cells = (
        page.get_by_role("region", name=table)
        .get_by_role("row")
        .filter(has=page.get_by_role("rowheader", name=heading, exact=True))
    )
    return cells.get_by_role("cell").all_inner_texts()


@pytest.mark.usefixtures("needs_npm")
def test_who_signs_in_sees_the_services_own_figures(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    test = figures(lively, "performance?days=7")["ab_test"]
    assert test["metrics"]["ctr"]["treatment"] > test["metrics"]["ctr"]["control"] > 0
    expect(page.get_by_text(test["sentence"])).to_be_visible()
    shown = row(page, "Treatment against control", "Click-through rate")
    assert shown[:2] == [f"{test['metrics']['ctr'][group]:.1f} %" for group in ("treatment", "control")]
    assert "code=" not in page.url


@pytest.mark.usefixtures("needs_npm")
def test_a_cell_opens_the_evidence_behind_it_by_keyboard(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    cells = figures(lively, "bandit/stats")["detailed_stats"].values()
    cell = next(cell for cell in cells if cell["probability"] is not None and cell["total_pulls"])
    name = f"{cell['algorithm']}, {cell['context_key']}".replace("_", " ").replace("|", ", ")
    button = page.get_by_role("button", name=name)
    button.focus()
    page.keyboard.press("Enter")
    evidence = page.get_by_role("region", name="Evidence", exact=True)
    expect(evidence).to_contain_text(f"{cell['total_successes']} successes, {cell['total_failures']} failures")
    expect(evidence).to_contain_text(f"Beta({cell['alpha']:.1f}, {cell['beta']:.1f})")
    page.keyboard.press("Enter")
    expect(evidence).to_be_hidden()


@pytest.mark.usefixtures("needs_npm")
def test_the_newest_reports_checks_are_listed(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    report = figures(lively, "health")
    expect(page.get_by_text(f"over {report['period_days']} days")).to_be_visible()
    for check, found in report["checks"].items():
        status = row(page, "Checks of the newest report", check.replace("_", " "))[0]
        assert status.endswith(found["status"].replace("_", " "))
    expect(page.get_by_role("listitem")).to_have_count(len(report["alerts"]))


@pytest.mark.usefixtures("needs_npm")
def test_filters_change_what_is_asked_and_stay_in_the_address(page: Page, lively: Installation) -> None:
    open_dashboard(page, lively)
    key = next(iter(figures(lively, "timeline?days=7")["contexts"]))
    with page.expect_request("**/analytics/timeline?days=30*"):
        page.get_by_role("combobox", name="Window").select_option("30")
    with page.expect_request(lambda request: "timeline" in request.url and "context_key=" in request.url):
        page.get_by_role("combobox", name="Context").select_option(key)
    page.get_by_role("combobox", name="Group").select_option("control")
    expect(page.get_by_role("columnheader", name="Treatment (bandit)")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("combobox", name="Window")).to_have_value("30")
    expect(page.get_by_role("combobox", name="Group")).to_have_value("control")
    expect(page.get_by_role("combobox", name="Context")).to_have_value(key)


@pytest.mark.usefixtures("needs_npm")
def test_figures_that_cannot_be_renewed_are_called_old(visitor: BrowserContext, lively: Installation) -> None:
    page = visitor.new_page()
    open_dashboard(page, lively)
    page.route("**/analytics/performance**", lambda route: refuse(route, 503, "The database is away."))
    page.get_by_role("button", name="Refresh").click()
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("The database is away. The figures below are")
    page.unroute("**/analytics/performance**")
    page.get_by_role("button", name="Refresh").click()
    expect(notice).to_be_hidden()


@pytest.mark.usefixtures("needs_npm")
def test_a_token_that_the_service_refuses_leads_back_to_the_sign_in(
    visitor: BrowserContext, lively: Installation
) -> None:
    page = visitor.new_page()
    open_dashboard(page, lively)
    page.route("**/analytics/**", lambda route: refuse(route, 401, ""))
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("alert")).to_contain_text("Your sign-in has ended")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def refuse(route: Route, status: int, detail: str) -> None:
    route.fulfill(status=status, json={"detail": detail})


@pytest.mark.usefixtures("needs_npm")
def test_the_shell_carries_no_figures_and_a_stolen_code_opens_nothing(page: Page, service: Installation) -> None:
    page.goto(f"{service.addresses.dashboard}?code=stolen&state=guessed")
    expect(page.get_by_role("alert")).to_contain_text("started elsewhere")
    assert "code=" not in page.url
    expect(page.get_by_role("table")).to_have_count(0)


@pytest.mark.usefixtures("needs_npm")
@pytest.mark.parametrize(("scheme", "width"), [("dark", 390), ("light", 1400)])
def test_the_pages_are_accessible(browser: Browser, lively: Installation, scheme: Any, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(lively.addresses.dashboard)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert violations(page) == []
    open_dashboard(page, lively)
    page.locator(".cell").first.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(lively.addresses.api)
    expect(page.get_by_role("button", name="Why?").first).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_the_demo_site_tells_why_a_title_is_there_and_what_became_of_a_click(page: Page, lively: Installation) -> None:
    page.goto(lively.addresses.api)
    page.get_by_label("List from").select_option("bandit")
    expect(page.get_by_role("heading", name="treatment")).to_be_visible()
    before = one(lively, "SELECT count(*) FROM recommendation_events WHERE clicked")
    page.get_by_role("button", name="Open").nth(2).click()
    page.get_by_role("button", name="Why?").nth(2).click()
    why = page.locator("#why")
    expect(why).to_contain_text("for place 3; it does so with probability")
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
    page.route("**/analytics/track/**", lambda route: refuse(route, 503, "The queue is away."))
    page.get_by_role("button", name="Open").nth(2).click()
    page.unroute("**/analytics/track/**")
    page.reload()
    expect(page.get_by_role("button", name="Open").first).to_be_visible()
    page.get_by_role("button", name="Open").nth(3).click()
    page.close()
    eventually(lambda: one(lively, "SELECT count(*) FROM recommendation_events WHERE clicked") >= before + 4)
    assert one(lively, "SELECT count(*) FROM recommendation_events WHERE clicked") == before + 4
    assert one(lively, "SELECT sum(total_successes) FROM bandit_states") == one(
        lively, "SELECT count(*) FROM recommendation_events WHERE outcome = 'success' AND propensity IS NOT NULL"
    )


def test_the_demo_site_gives_its_tokens_to_this_machine_only(service: Installation) -> None:
    assert ask(service, "POST", "/local/token?user_id=1", {})[0] == 200
    assert ask(service, "POST", "/local/token?user_id=1", {"Host": "rebound.example"})[0] == 403
