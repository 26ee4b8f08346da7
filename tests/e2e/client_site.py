"""A site with the browser client on its page, and the two routes that the client calls."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Page

from tests.listening import listening

FOLDER = Path(__file__).parents[2] / "clients" / "browser"
EXAMPLE = FOLDER / "example.html"
CLIENT = {f"/{path.name}": path for path in FOLDER.glob("*.js")}
PAGE = b"""<!doctype html><title>A site</title><script type="module">
import { connect } from "/client.js";
const always = { userId: 1, token: () => "a-token", gatherFor: 0 };
window.connect = (options) => (window.bandit = connect({ ...always, ...options }));
window.connect();
</script>"""


@dataclass
class Site:
    """A site with the client on its page, and the two routes the client calls.

    `answers` are for the next posts; a post that has an event of `refused` gets its status, as all or none is taken.
    """

    url: str = ""
    answers: list[HTTPStatus] = field(default_factory=list[HTTPStatus])
    refused: dict[int, HTTPStatus] = field(default_factory=dict[int, HTTPStatus])
    requests: list[list[dict[str, Any]]] = field(
        default_factory=list[list[dict[str, Any]]]
    )  # reactions of each accepted
    asked: list[dict[str, list[str]]] = field(default_factory=list[dict[str, list[str]]])
    tokens: set[str] = field(default_factory=set[str])
    movies: tuple[HTTPStatus, object] = (HTTPStatus.OK, [])

    @property
    def posted(self) -> list[dict[str, Any]]:
        """All accepted reactions, each with its visitor."""
        return [reaction for request in self.requests for reaction in request]

    @property
    def accepted(self) -> list[int]:
        return [reaction["event_id"] for reaction in self.posted]

    @property
    def counted(self) -> list[list[dict[str, Any]]]:
        """The accepted requests in the order of their events, each once, where one page was left.

        A request that was underway as its page was left is sent again by the next page, whole and at any turn: the
        same reactions of the same times, which the service counts once.
        """
        assert all(self.requests.count(request) <= 2 for request in self.requests)
        once = [request for turn, request in enumerate(self.requests) if request not in self.requests[:turn]]
        return sorted(once, key=lambda request: (request[0]["occurred_at"], request[0].get("event_id", 0)))

    def take(self, body: dict[str, Any]) -> HTTPStatus:
        """The answer to a post; reactions that are accepted are kept, each with its visitor."""
        about = [reaction.get("event_id") for reaction in body["reactions"]]
        refusals = [self.refused[event_id] for event_id in about if event_id in self.refused]
        status = self.answers.pop(0) if self.answers else (*refusals, HTTPStatus.ACCEPTED)[0]
        if status == HTTPStatus.ACCEPTED:
            self.requests.append([{**reaction, "user_id": body["user_id"]} for reaction in body["reactions"]])
        return status


def answering(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

        def do_GET(self) -> None:
            path = urlsplit(self.path)
            if path.path == "/example.html":
                return self.answer(HTTPStatus.OK, EXAMPLE.read_bytes(), "text/html")
            if path.path in CLIENT:
                return self.answer(HTTPStatus.OK, CLIENT[path.path].read_bytes(), "text/javascript")
            if path.path == "/movies/recommendations":
                site.asked.append(parse_qs(path.query))
                status, content = site.movies
                return self.answer(status, json.dumps(content).encode(), "application/json")
            return self.answer(HTTPStatus.OK, PAGE, "text/html")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            site.tokens.add(self.headers["Authorization"])
            status = site.take(body) if self.path == "/analytics/track" else HTTPStatus.NOT_FOUND
            self.answer(status, b"{}", "application/json")

        def answer(self, status: HTTPStatus, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Recommendation-Id", "r")
            self.send_header("X-AB-Group", "treatment")
            self.send_header("X-Context-Key", "evening|weekend|regular")
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # a page that has closed
                self.wfile.write(content)

    return Handler


@contextmanager
def running() -> Generator[Site]:
    """A site that listens until the block ends."""
    site = Site()
    with listening(answering(site)) as address:
        site.url = f"{address}/"
        yield site


def open_page(visitor: BrowserContext, site: Site) -> Page:
    page = visitor.new_page()
    page.goto(site.url)
    page.wait_for_function("window.bandit")
    return page


def delivered(page: Page) -> None:
    page.wait_for_function("window.bandit.pending === 0", timeout=15_000)


def eventually(page: Page, true: Callable[[], bool]) -> None:
    for _ in range(100):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("This did not become true within 5 s.")


def click(page: Page, *events: int) -> None:
    page.evaluate("events => events.forEach((event_id) => bandit.track.click({ event_id }))", events)
