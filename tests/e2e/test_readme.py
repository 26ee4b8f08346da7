"""The README's requests and its line for a site's pages, and the reference's bodies, run as they are written."""

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from infra import openapi
from infra.local.installation import Installation

from .pages import call, eventually, one

README = (Path(__file__).parents[2] / "README.md").read_text()
USER = 38  # of the sample catalogue; another test's visitor is another user


def written(begin: str) -> str:
    """The README's only command that begins so, with the lines that continue it."""
    (found,) = re.findall(rf"^    ({re.escape(begin)}(?:[^\n]*\\\n)*[^\n]*)", README, re.MULTILINE)
    return found.replace("\\\n     ", " ")


def shell(lively: Installation, command: str, scope: str = "") -> str:
    """What a shell prints for a command of the README, sent to this service by this user."""
    token = lively.issuer.mint(str(USER), datetime.now(UTC), scope)
    command = re.sub(r"\$\(\./dev token [^)]*\)", token, command).replace("http://localhost:8000", lively.addresses.api)
    command = command.replace("user_id=1&", f"user_id={USER}&").replace('"user_id": 1,', f'"user_id": {USER},')
    run = subprocess.run(
        ["sh", "-ec", command], env={"TOKEN": token, "PATH": os.defpath}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def clicked(lively: Installation) -> int:
    return one(lively, "SELECT count(*) FROM recommendation_events WHERE clicked AND user_id = 38")


def test_the_requests_of_the_readme_run(lively: Installation) -> None:
    shown = shell(lively, written("curl -i"))
    assert shown.startswith("HTTP/1.1 200")
    (event, *_) = re.findall(r'"event_id": ?(\d+)', shown)
    before = clicked(lively)
    click = re.sub(
        r'"event_id": \d+', f'"event_id": {event}', written('curl "http://localhost:8000/analytics/track/click"')
    )
    assert '"tracked"' in shell(lively, click)
    eventually(lambda: clicked(lively) == before + 1)
    stats = written('curl "http://localhost:8000/analytics/bandit/stats"')
    assert '"detailed_stats"' in shell(lively, stats, "analytics")


def test_the_line_for_a_sites_pages_reports_a_click(lively: Installation, page: Page) -> None:
    (movie, *_) = call(lively, "GET", f"/movies/recommendations?user_id={USER}&limit=1", USER)
    before, token = clicked(lively), lively.issuer.mint(str(USER), datetime.now(UTC), "")
    page.route("**/shop", lambda route: route.fulfill(body="<button>a card</button>", content_type="text/html"))
    page.goto(f"{lively.addresses.api}/shop")
    known = "([token, userId, movie]) => { const card = document.querySelector('button'); "
    page.evaluate(f"{known}{written('card.onclick')} }}", [token, USER, movie])
    page.get_by_role("button").click()
    eventually(lambda: clicked(lively) == before + 1)


def bodies() -> list[Any]:
    """(method, path, body) of each example in the reference."""
    return [
        pytest.param(method.upper(), path, content["application/json"]["example"], id=path)
        for path, methods in openapi.document()["paths"].items()
        for method, operation in methods.items()
        if (content := operation.get("requestBody", {}).get("content"))
    ]


@pytest.mark.parametrize(("method", "path", "body"), bodies())
def test_the_example_body_of_a_route_is_accepted(lively: Installation, method: str, path: str, body: Any) -> None:
    call(lively, method, path, body["user_id"], body, scope="service")
