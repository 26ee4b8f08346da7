"""A small movie site that shows the service at work: its files, its visitors, and their tokens.

It uses the service as any site does, through the browser client; it must not know how a list is made.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import psycopg
from aiohttp import web

Mint: TypeAlias = Callable[[str, str], str]
"""(subject, scopes separated by spaces) → a signed access token."""

FOLDER: Final = Path(__file__).parent
FILES: Final = {
    "/": FOLDER / "index.html",
    "/site/site.css": FOLDER / "site.css",
    **{f"/site/{path.name}": path for path in FOLDER.glob("*.js")},
    **{f"/site/{path.name}": path for path in (FOLDER.parents[2] / "clients" / "browser").glob("*.js")},
}
KINDS: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
THIS_MACHINE: Final = {"127.0.0.1", "localhost"}
OF_EACH_TYPE: Final = 8


def routes(database_url: str, mint: Mint) -> list[web.RouteDef]:
    """The site's addresses. It gives out any visitor's token, and therefore answers this machine only."""

    async def show(request: web.Request) -> web.Response:
        file = FILES[request.path]
        headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "cache-control": "no-cache"}
        return web.Response(body=file.read_bytes(), content_type=KINDS[file.suffix], charset="utf-8", headers=headers)

    async def list_visitors(request: web.Request) -> web.Response:
        _refuse_other_names(request)
        return web.json_response(await asyncio.to_thread(visitors, database_url))

    async def hand_out(request: web.Request) -> web.Response:
        """The visitor's own token, and an analytics token for the explanations beside the list."""
        _refuse_other_names(request)
        tokens = {"visitor": mint(request.query.get("user_id", ""), ""), "analytics": mint("demo-site", "analytics")}
        return web.json_response(tokens, headers={"cache-control": "no-store"})

    return [
        *(web.get(path, show) for path in FILES),
        web.get("/local/visitors", list_visitors),
        web.post("/local/token", hand_out),
    ]


def _refuse_other_names(request: web.Request) -> None:
    """Refuses other host names: a page of another origin must not get a token by DNS rebinding."""
    if request.url.host not in THIS_MACHINE:
        raise web.HTTPForbidden(text="The demo site answers 127.0.0.1 and localhost only.")


def visitors(database_url: str) -> list[dict[str, Any]]:
    """Some users of each type, by ascending number of ratings: id and that number."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            """
            SELECT id, ratings FROM (
                SELECT u.id, count(r.user_id) AS ratings,
                    row_number() OVER (
                        PARTITION BY CASE WHEN count(r.user_id) < 3 THEN 0 WHEN count(r.user_id) < 20 THEN 1 ELSE 2 END
                        ORDER BY u.id
                    ) AS place
                FROM users AS u LEFT JOIN ratings AS r ON r.user_id = u.id
                GROUP BY u.id
            ) AS counted
            WHERE place <= %s ORDER BY ratings, id
            """,
            [OF_EACH_TYPE],
        )
        return [{"id": user_id, "ratings": ratings} for user_id, ratings in rows]
