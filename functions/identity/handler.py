"""Cognito's pre-token-generation trigger (V3): members of a group get the scope of the same name, and nobody else does.

An API Gateway authorizer looks at scopes only; without this every visitor who signs in could ask for `analytics`.
"""

from typing import Any, Final

SCOPES: Final = ("analytics", "service")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The event with its answer; a machine (client credentials) acts for any user: it gets the scope `service`."""
    if event["triggerSource"] == "TokenGeneration_ClientCredentials":
        granted = ["service"]
    else:
        groups: list[str] = event["request"]["groupConfiguration"].get("groupsToOverride") or []
        granted = [scope for scope in SCOPES if scope in groups]
    event["response"] = {"claimsAndScopeOverrideDetails": {"accessTokenGeneration": {"scopesToAdd": granted}}}
    return event
