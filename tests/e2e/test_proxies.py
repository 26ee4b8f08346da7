"""The examples for a site's own proxy: each of our routes goes to us by name, everything else to the site."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final, cast

import boto3
import pytest

from infra.local.postgres import free_port
from infra.service import ROUTES
from tests.listening import listening

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "docs" / "proxies"
VITE: Final = ROOT / "node_modules" / ".bin" / "vite"
OURS: Final = [
    (route.method, route.path.replace("{action}", action).replace("{asset}", "page.js").replace("{day}", "2026-03-01"))
    for route in ROUTES
    for action in (("click", "rating", "thumbs-up", "seen") if "{action}" in route.path else ("",))
]
THE_SITES: Final = [
    ("POST", "/analytics/toggle-thumbs-up/7"),
    ("GET", "/analytics/thumbs-status/7"),
    ("GET", "/analytics/thumbs-movies"),
    ("POST", "/ratings/"),
    ("GET", "/auth/me"),
    ("PUT", "/user/preferences"),
    ("DELETE", "/movies/7"),
    ("GET", "/movies/recommendations/old"),
    ("GET", "/movies/recommendationsx"),
    ("GET", "/analytics/trackers"),
]


def answering(name: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

        def do_GET(self) -> None:
            told = json.dumps({"who": name, "path": self.path, "token": self.headers.get("Authorization")}).encode()
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    return Handler


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(listening(answering(name))).removeprefix("http://") for name in ("bandit", "site")
        }


def ask(port: int, method: str, path: str, tries: int = 3) -> dict[str, Any]:
    """The answer. A development proxy that restarts resets what is under way, so that is asked again."""
    try:
        return _asked(port, method, path)
    except ConnectionResetError:
        if tries == 1:
            raise
        time.sleep(0.5)
        return ask(port, method, path, tries - 1)


def _asked(port: int, method: str, path: str) -> dict[str, Any]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path, b"{}" if method == "POST" else None, {"Authorization": "Bearer t"})
        return json.loads(connection.getresponse().read())


def routes_by_name(port: int) -> None:
    for query in ("", "?user_id=1&limit=30&seed=%C3%A9"):
        for who, requests in (("bandit", OURS), ("site", THE_SITES)):
            for method, path in requests:
                told = ask(port, method, path + query)
                assert told == {"who": who, "path": path + query, "token": "Bearer t"}, (method, path)


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Generator[None]:
    """A program that listens on a port, until the block ends."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        until = time.monotonic() + 60
        while not listens(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def example(name: str, hosts: dict[str, str], more: dict[str, str] | None = None) -> str:
    """An example's text with the addresses of this test."""
    text = (EXAMPLES / name).read_text()
    here = {"127.0.0.1:8000": hosts["bandit"], "127.0.0.1:8001": hosts["site"]}
    for old, new in (here | (more or {})).items():
        assert old in text
        text = text.replace(old, new)
    return text


def test_nginx_routes_by_name(hosts: dict[str, str], tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not nginx:
        pytest.skip("no nginx is installed; `apt-get install nginx` brings it")
    port = free_port()
    (tmp_path / "site.conf").write_text(example("nginx.conf", hosts, {"127.0.0.1:8080": f"127.0.0.1:{port}"}))
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr; worker_processes 1; events {{}}"
        f" http {{ access_log off; {temporary} include {tmp_path}/site.conf; }}"
    )
    with running([nginx, "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"], port, tmp_path):
        routes_by_name(port)


def test_vite_routes_by_name(hosts: dict[str, str], tmp_path: Path) -> None:
    if not VITE.exists():
        pytest.skip("vite is not installed: npm is missing; `./dev test` installs it where npm is")
    port = free_port()
    (tmp_path / "vite.config.mjs").write_text(example("vite.config.js", hosts))
    (tmp_path / "index.html").write_text("<!doctype html><title>The site's page</title>")
    with running([str(VITE), "--port", str(port), "--strictPort", "--host", "127.0.0.1"], port, tmp_path):
        routes_by_name(port)
        with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/")
            assert b"The site's page" in connection.getresponse().read()


def test_cloudfront_takes_the_example_and_routes_by_name(moto: str) -> None:
    given = json.loads((EXAMPLES / "cloudfront.json").read_text())
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    client: Any = cast("Any", boto3).client("cloudfront", endpoint_url=moto, **keys)
    made: dict[str, Any] = client.create_distribution(DistributionConfig=given)["Distribution"]
    taken: list[dict[str, str]] = made["DistributionConfig"]["CacheBehaviors"]["Items"]
    behaviours = [(it["PathPattern"], it["TargetOriginId"]) for it in taken]
    assert len(behaviours) == given["CacheBehaviors"]["Quantity"] <= 75  # CloudFront's quota
    methods = {method for it in given["CacheBehaviors"]["Items"] for method in it["AllowedMethods"]["Items"]}
    assert {method for method, _ in OURS} <= methods
    for who, requests in (("bandit", OURS), ("site", THE_SITES)):
        for _, path in requests:
            assert origin(path, behaviours) == who, path


def origin(path: str, behaviours: list[tuple[str, str]]) -> str:
    """By CloudFront's rule: the first pattern that fits the whole path, in which * is any text and ? one character."""
    for pattern, target in behaviours:
        regular = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(regular, path):
            return target
    return "site"
