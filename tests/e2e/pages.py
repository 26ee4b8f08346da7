"""Helpers of the page tests: requests to the service, reading a page, and faults that no page may have."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from playwright.sync_api import Page, Route, expect

from infra.local.installation import Installation

ROOT: Final = Path(__file__).parents[2]
AXE: Final = ROOT / "node_modules" / "axe-core" / "axe.min.js"
BUILT: Final = ROOT / "functions" / "monitor" / "dashboard" / "dist" / "index.html"


@dataclass
class Watch:
    """Faults of a page: logged errors, policy violations, requests to other machines."""

    faults: list[str] = field(default_factory=list[str])

    def over(self, page: Page) -> None:
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self._leaving(request.url))

    def _leaving(self, url: str) -> None:
        if urlsplit(url).scheme != "data" and urlsplit(url).hostname != "127.0.0.1":
            self.faults.append(f"asked {url}")


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


def one(service: Installation, query: Any, *values: object) -> Any:
    with psycopg.connect(service.addresses.database) as connection:
        return (connection.execute(query, values or None).fetchone() or [None])[0]


def eventually(true: Callable[[], bool], seconds: float = 20) -> None:
    becomes(true, True, seconds)


def becomes(read: Callable[[], object], expected: object, seconds: float = 20) -> None:
    """Waits until `read` gives what is expected; else says what it gave last."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    while (found := read()) != expected:
        assert datetime.now(UTC) < until, f"{found!r} did not become {expected!r} within {seconds} s."
        time.sleep(0.05)


def violations(page: Page) -> list[str]:
    """axe-core's findings, as rule: elements."""
    found = page.evaluate(f"{AXE.read_text()}; axe.run()")
    return [f"{rule['id']}: {[node['html'] for node in rule['nodes']]}" for rule in found["violations"]]


def open_dashboard(page: Page, service: Installation) -> None:
    page.goto(service.addresses.dashboard)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Continue as analyst").click()
    expect(page.get_by_role("heading", name="Does the bandit pay?")).to_be_visible()


def row(page: Page, table: str, heading: str) -> list[str]:
    """The cells beside a row's heading."""
    cells = (
        page.get_by_role("region", name=table)
        .get_by_role("row")
        .filter(has=page.get_by_role("rowheader", name=heading, exact=True))
    )
    return cells.get_by_role("cell").all_inner_texts()


def refuse(route: Route, status: int, detail: str) -> None:
    route.fulfill(status=status, json={"detail": detail})
