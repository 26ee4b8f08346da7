"""The API's reference: current, kept by the running service, shown as a page; its examples run."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from benchmarks.api import SCOPES, fuzz
from functions.monitor import reference
from infra import api_page, openapi
from infra.local.installation import Installation
from infra.service import ROUTES

from .client_site import CLIENT, running
from .pages import AXE, Watch, ask, becomes, eventually, one, violations

CASES = int(os.environ.get("API_CASES", "8"))  # of each operation
SECONDS = float(os.environ.get("API_SECONDS", "inf"))  # after which operations get fewer


def test_the_checked_in_reference_is_current() -> None:
    made = openapi.document()
    assert openapi.FILE.read_text() == openapi.as_text(made), "write it again: ./dev python -m infra.openapi"
    assert openapi.PAGE.read_text() == api_page.page(made), "write it again: ./dev python -m infra.openapi"
    assert (openapi.ROOT / "docs" / "openapi.json").samefile(openapi.FILE)


def test_every_route_is_described() -> None:
    described = {(route.method, route.path) for route, _ in openapi.operations()}
    expanded = {(route.method, route.path) for route in ROUTES if "{action}" not in route.path}
    assert expanded < described


@pytest.mark.long
def test_every_answer_of_the_running_service_is_documented(
    service: Installation, record_property: Callable[[str, object], None]
) -> None:
    token = service.issuer.mint("0", datetime.now(UTC), SCOPES)
    answers = fuzz(service.addresses.api, token, CASES, SECONDS)
    record_property("requests made from the reference", f"{answers.total():,}")
    assert {name.rpartition(" ")[0] for name in answers} == {
        f"{route.method} {route.path}" for route, _ in openapi.operations()
    }
    eventually(lambda: unread(service) == 0)  # other tests count the clicks of this service


def unread(service: Installation) -> int:
    """How many messages wait in the feedback queue or are being processed."""
    headers = {"Authorization": f"Bearer {service.issuer.mint('0', datetime.now(UTC), SCOPES)}"}
    backlog = json.loads(ask(service, "GET", "/analytics/queue", headers)[1])
    return backlog["waiting"] + backlog["underway"]


@pytest.mark.parametrize("path", sorted({route.path for route, _ in openapi.operations() if route.access != "open"}))
def test_a_route_with_data_refuses_callers_without_a_token(service: Installation, path: str) -> None:
    for method in openapi.document()["paths"][path]:
        status, content = ask(service, method.upper(), path, {})
        assert (status, json.loads(content)) == (401, {"message": "Unauthorized"})


def test_the_service_answers_its_reference(service: Installation) -> None:
    status, content = ask(service, "GET", "/openapi.json", {})
    assert (status, json.loads(content)) == (200, openapi.document())


@pytest.mark.long
@pytest.mark.usefixtures("needs_npm")
def test_the_reference_is_a_page_that_asks_no_other_origin(service: Installation, visitor: BrowserContext) -> None:
    watch, page = Watch(), visitor.new_page()
    watch.over(page)
    page.goto(f"{service.addresses.api}/docs")
    expect(page.get_by_text("Arms for places that the site fills")).to_be_visible()
    assert violations(page) == []
    page.get_by_text("Arms for places that the site fills").click()
    expect(page.get_by_text("At most 8,000 bytes.").first).to_be_visible()
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert violations(page) == []
    assert watch.faults == []
    assert (reference.BUILT / "swagger-ui-bundle.js").is_file()
    assert AXE.is_file()


def snippet(file: str, language: str) -> str:
    """The only example in this language of a document that asks `/selections` or a list."""
    found = re.findall(rf"```{language}\n(.*?)```", (openapi.ROOT / file).read_text(), re.DOTALL)
    (one_of_them,) = [text for text in found if "selections" in text or "recommendations" in text]
    return one_of_them


def best_sight(arm: str, visitor: int) -> str:
    return f"{arm}'s best for {visitor}"


def clicked(service: Installation) -> int:
    return one(service, "SELECT count(*) FROM recommendation_events WHERE clicked")


@pytest.mark.parametrize("file", ["README.md", "docs/api.md"])
def test_the_python_examples_run_and_their_click_arrives(service: Installation, file: str) -> None:
    before = clicked(service)
    known: dict[str, Any] = {
        "api": service.addresses.api,
        "token": service.issuer.mint("0", datetime.now(UTC), "service"),
        "best_sight": best_sight,
    }
    exec(snippet(file, "python"), known)  # noqa: S102 # the documented example itself
    known["site"].close()
    eventually(lambda: clicked(service) == before + 1)


def test_the_curl_examples_run(service: Installation) -> None:
    token = service.issuer.mint("1", datetime.now(UTC), "")
    environment = {"API": service.addresses.api, "TOKEN": token, "PATH": os.defpath}
    made = subprocess.run(["sh", "-ec", snippet("docs/api.md", "sh")], env=environment, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert '"places":[{"position":1' in made.stdout
    assert made.stdout.endswith('{"status":"tracked","action":"click"}')


def test_the_javascript_example_runs(service: Installation, visitor: BrowserContext) -> None:
    before = clicked(service)
    token = service.issuer.mint("1", datetime.now(UTC), "")
    page = visitor.new_page()
    for file in CLIENT.values():
        page.route(f"**/{file.name}", partial(Route.fulfill, path=file, content_type="text/javascript"))
    page.route("**/page", partial(Route.fulfill, body="<!doctype html>", content_type="text/html"))
    page.goto(f"{service.addresses.api}/page")
    work = f"const {{ connect }} = await import('/client.js'); {snippet('docs/api.md', 'js')}"
    page.evaluate(f"async ([api, token]) => {{ {work} }}", [service.addresses.api, token])
    page.goto("about:blank")  # what was gathered is sent when the page is left
    eventually(lambda: clicked(service) == before + 1)


@pytest.mark.usefixtures("needs_npm")
def test_the_browser_clients_example_page_works_on_an_origin_of_its_own(
    service: Installation, visitor: BrowserContext
) -> None:
    began, before = datetime.now(UTC), clicked(service)  # requests made from the reference may name the visitor, too
    seen = "SELECT count(*) FROM bandit_lists WHERE user_id = 29 AND seen <> 0 AND created_at >= %s"
    token = service.issuer.mint("29", began, "")
    watch, page = Watch(), visitor.new_page()
    watch.over(page)
    with running() as site:
        page.goto(f"{site.url}example.html?{urlencode({'url': service.addresses.api, 'user': 29, 'token': token})}")
        expect(page.get_by_role("status")).to_contain_text("10 movies, group")
        for name in ("Like", "Take back"):
            page.get_by_role("button", name=name, exact=True).nth(1).click()
        page.get_by_role("listitem").first.get_by_role("button").first.click()
        eventually(lambda: clicked(service) == before + 1, 50)  # after the half minute that events are gathered
        page.wait_for_timeout(1_100)  # a second in view
        assert violations(page) == []
        page.goto("about:blank")  # what was gathered is sent when the page is left
        eventually(lambda: one(service, seen, began) == 1)
    actions = """
        SELECT array_agg(DISTINCT action ORDER BY action) FROM feedback_events WHERE user_id = 29 AND received_at >= %s
    """
    becomes(lambda: one(service, actions, began), ["click", "seen", "thumbs_off", "thumbs_up"])
    thumbs = """
        SELECT count(*) FROM recommendation_events
        WHERE user_id = 29 AND (thumbs_up OR thumbs_down) AND created_at >= %s
    """
    assert one(service, thumbs, began) == 0
    assert watch.faults == []
