"""The dashboard is served as files with strict headers, and says what to do if it is not built."""

import gzip
import json
from base64 import b64decode
from pathlib import Path

import pytest
from bandit_selector.settings import Settings

from functions.monitor import page

SETTINGS = Settings(
    sign_in_authorize_url="https://login.example.com/oauth2/authorize",
    sign_in_token_url="https://login.example.com/oauth2/token",  # noqa: S106 # an address
    sign_in_revoke_url="https://login.example.com/oauth2/revoke",
    sign_in_client_id="dashboard",
)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "app.js").write_text("let x;")
    return tmp_path


def test_a_file_is_served_with_its_kind_and_a_policy_without_inline_code(built: Path) -> None:
    answer = page.serve("app.js", SETTINGS, {}, built)
    assert (answer["statusCode"], answer["body"]) == (200, "let x;")
    assert answer["headers"]["content-type"].startswith("text/javascript")
    rules = answer["headers"]["content-security-policy"]
    assert "unsafe" not in rules
    assert "connect-src 'self' https://login.example.com;" in rules


def test_a_browser_that_has_the_file_gets_no_second_copy(built: Path) -> None:
    tag = page.serve("app.js", SETTINGS, {}, built)["headers"]["etag"]
    again = page.serve("app.js", SETTINGS, {"if-none-match": tag}, built)
    assert (again["statusCode"], again["body"]) == (304, "")
    (built / "app.js").write_text("let y;")
    assert page.serve("app.js", SETTINGS, {"if-none-match": tag}, built)["statusCode"] == 200


def test_a_browser_that_unpacks_gets_the_file_packed(built: Path) -> None:
    plain = page.serve("app.js", SETTINGS, {}, built)
    packed = page.serve("app.js", SETTINGS, {"accept-encoding": "gzip, br"}, built)
    assert "isBase64Encoded" not in plain
    assert packed["headers"] == plain["headers"] | {"content-encoding": "gzip"}
    assert gzip.decompress(b64decode(packed["body"])) == b"let x;"


@pytest.mark.parametrize("asset", ["../page.py", "..", "", "missing.js", "/etc/passwd"])
def test_only_files_of_the_page_are_served(built: Path, asset: str) -> None:
    assert page.serve(asset, SETTINGS, {}, built)["statusCode"] == 404


def test_the_page_learns_where_to_sign_in(built: Path) -> None:
    told = json.loads(page.serve("configuration.json", SETTINGS, {}, built)["body"])
    assert told["authorize_url"] == "https://login.example.com/oauth2/authorize"
    assert told["client_id"] == "dashboard"
    assert told["revoke_url"] == "https://login.example.com/oauth2/revoke"


def test_the_page_says_what_the_team_wants_said_above_the_figures(built: Path) -> None:
    settings = SETTINGS.model_copy(update={"dashboard_notice": "A synthetic world."})
    assert json.loads(page.serve("configuration.json", settings, {}, built)["body"])["notice"] == "A synthetic world."


def test_a_service_without_the_built_page_says_how_to_get_it(tmp_path: Path) -> None:
    answer = page.serve("index.html", SETTINGS, {}, tmp_path)
    assert answer["statusCode"] == 503
    assert answer["body"] == page.NOT_BUILT
