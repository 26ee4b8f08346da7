"""Cognito's pre-token-generation trigger (V3): only members of a group get the scope of the same name.

API Gateway checks scopes only; without this every visitor who signs in could request `analytics`.
"""

from typing import Any, Final

SCOPES: Final = ("analytics", "service")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The event with its answer; a machine (client credentials) gets the scope `service`, to act for any user."""
    if event["triggerSource"] == "TokenGeneration_ClientCredentials":
        granted = ["service"]
    else:
        groups: list[str] = event["request"]["groupConfiguration"].get("groupsToOverride") or []
        granted = [scope for scope in SCOPES if scope in groups]
    event["response"] = {"claimsAndScopeOverrideDetails": {"accessTokenGeneration": {"scopesToAdd": granted}}}
    return event
