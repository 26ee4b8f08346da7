"""Which scopes a token grants: an exact list of texts, in each form that API Gateway passes on. Knows no route."""

import json
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias, cast

Scope: TypeAlias = Literal["analytics", "service"]
"""`analytics` opens the team's figures; `service` may act for any user."""

SCOPES: Final[tuple[Scope, ...]] = ("analytics", "service")
RESOURCE_SERVER: Final = "bandit-selector"
CLAIMS: Final = ("scope", "scp")  # RFC 8693's name, and that of Okta and Entra ID


def texts_of(scope: Scope) -> tuple[str, str]:
    """The only texts in a token that mean this scope: bare, and with the name of our resource server."""
    return scope, f"{RESOURCE_SERVER}/{scope}"


ACCEPTED: Final[dict[str, Scope]] = {text: scope for scope in SCOPES for text in texts_of(scope)}


def granted(claims: Mapping[str, object]) -> frozenset[Scope]:
    """Our scopes among those of a token; every other text grants nothing."""
    return frozenset(ACCEPTED[text] for text in texts_in(claims) & ACCEPTED.keys())


def texts_in(claims: Mapping[str, object]) -> set[str]:
    """Every scope of a token, as its issuer writes it."""
    return {text for name in CLAIMS for text in _texts(claims.get(name))}


def _texts(claim: object) -> list[str]:
    """The scopes in one claim: `a b`, a list, the same list as API Gateway writes it (`[a b]`), or as JSON.

    Only a space separates scopes (RFC 6749 section 3.3): of other white space an issuer may make parts of a name.
    """
    if isinstance(claim, list):
        return [part for part in cast("Iterable[object]", claim) if isinstance(part, str)]
    if not isinstance(claim, str):
        return []
    listed = claim.strip()
    if not (listed.startswith("[") and listed.endswith("]")):
        return listed.split(" ")
    try:
        return _texts(json.loads(listed))
    except (ValueError, RecursionError):
        return listed[1:-1].split(" ")
