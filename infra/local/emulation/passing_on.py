"""What no route of the service takes, passed on to the site, as an HTTP API's `$default` route does. Knows no route.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-http.html
"""

from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

HOP_BY_HOP: Final = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""Headers of one connection, RFC 9110 section 7.6.1."""
MADE_AGAIN: Final = {"host", "content-length"}


class SiteUnreachable(Exception):
    """The site's backend did not answer."""


@dataclass(frozen=True, slots=True)
class Site:
    """The site's backend at `url` (scheme, host and port); `session` follows nothing and unpacks nothing."""

    url: str
    session: aiohttp.ClientSession

    async def answer(self, request: web.BaseRequest, body: bytes) -> web.Response:
        """The site's own answer: every method, path, query, header and cookie; raises SiteUnreachable.

        CORS is the gateway's: the site's own CORS headers are left out.
        """
        address = URL(f"{self.url}{request.rel_url.raw_path_qs}", encoded=True)
        headers = _passed(request.headers)
        headers["X-Forwarded-For"] = request.remote or ""
        headers["X-Forwarded-Host"] = request.headers.get("Host", "")
        try:
            async with self.session.request(
                request.method, address, headers=headers, data=body or None, allow_redirects=False
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            raise SiteUnreachable(str(error)) from error
        return web.Response(status=answer.status, reason=answer.reason, headers=_returned(answer), body=content)


def _passed(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    left_out = HOP_BY_HOP | MADE_AGAIN
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in left_out)


def _returned(answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
    headers = _passed(answer.headers)
    for name in {name for name in headers if name.lower().startswith("access-control-")}:
        headers.popall(name)
    return headers
