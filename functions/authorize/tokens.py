"""Which of the site's tokens is good: HS256 by one key, with times and audience. Knows no user and no route."""

from dataclasses import dataclass
from typing import Any, Final

import jwt
from bandit_selector.errors import InvalidSetting

ALGORITHM: Final = "HS256"
SHORTEST_KEY: Final = 32
"""Bytes, as RFC 7518 section 3.2 asks of a key for HS256."""
LET_BY: Final = (UnicodeError, OverflowError, RecursionError)
"""What PyJWT raises of text that is not UTF-8, of endless numbers, and of deep nesting."""


class Refused(Exception):
    """The token is not good; the message says why, without the token."""


@dataclass(frozen=True, slots=True)
class Good:
    """Whom a token names, and until when it is good, in seconds since 1970."""

    subject: str
    expires_at: int


def check(token: str, key: str, audience: str) -> Good:
    """The token's subject. Raises Refused, and InvalidSetting for a key that is too short to be safe.

    The algorithm is pinned, whatever the token's header says. A token needs `exp` and a text as `sub`; `nbf` and `iat`
    count where they are. With an `audience` it must be in `aud`; without one, a token that has an `aud` is for others.
    """
    if len(key.encode()) < SHORTEST_KEY:
        raise InvalidSetting(
            f"The key in SITE_TOKENS has {len(key.encode())} bytes; HS256 needs {SHORTEST_KEY} at least (RFC 7518)."
        )
    try:
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=[ALGORITHM], audience=audience or None, options={"require": ["exp", "sub"]}
        )
    except jwt.InvalidTokenError as error:
        raise Refused(f"{error}") from None
    except LET_BY:
        raise Refused("The token is not a JSON Web Token") from None
    if not claims["sub"]:
        raise Refused("The token names nobody in `sub`")
    return Good(claims["sub"], int(claims["exp"]))
