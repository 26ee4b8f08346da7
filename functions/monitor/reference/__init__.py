"""Serves the API's reference: /openapi.json, and the page that shows it at /docs. Must not know figures or tokens."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bandit_selector.settings import Settings
from bandit_selector.web import HttpAnswer

from functions.monitor import page

FOLDER: Final = Path(__file__).parent
DOCUMENT: Final = FOLDER / "openapi.json"
BUILT: Final = FOLDER / "dist"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""This origin's files, no inline script; the viewer's own style sheet has its icons as data."""


def document(settings: Settings, headers: Mapping[str, str]) -> HttpAnswer:
    """OpenAPI 3.1, as it was made from the routes and the models."""
    return page.file(DOCUMENT.name, DOCUMENT.read_bytes(), settings, headers)


def serve(asset: str, settings: Settings, headers: Mapping[str, str]) -> HttpAnswer:
    """One file of the page; see `page.serve`."""
    answer = page.serve(asset, settings, headers, BUILT)
    return answer | {"headers": answer["headers"] | {"content-security-policy": POLICY}}
