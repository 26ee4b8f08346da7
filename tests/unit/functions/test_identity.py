"""Cognito's trigger: which scopes a token gets, from events as Cognito sends them (pre token generation, version 3)."""

from typing import Any

import pytest
from bandit_selector.web import Caller, caller

from functions.identity.handler import handler

SIGNING_IN = ("TokenGeneration_HostedAuth", "TokenGeneration_Authentication", "TokenGeneration_RefreshTokens")


def event(source: str, groups: tuple[str, ...] = ()) -> dict[str, Any]:
    """The event of user 17; without groups there is no groupsToOverride."""
    told = {"groupsToOverride": list(groups), "iamRolesToOverride": [], "preferredRole": None} if groups else {}
    return {
        "version": "3",
        "triggerSource": source,
        "region": "eu-central-1",
        "userPoolId": "eu-central-1_aBcDeFgHi",
        "userName": "17",
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "site"},
        "request": {"userAttributes": {"sub": "6f1c"}, "scopes": ["openid"], "groupConfiguration": told},
        "response": {"claimsAndScopeOverrideDetails": None},
    }


def let_in(asked: dict[str, Any]) -> Caller:
    """The caller as functions see it, after Cognito has put the trigger's answer into the access token."""
    added = handler(asked, None)["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"]["scopesToAdd"]
    claims = {"username": asked["userName"], "scope": " ".join([*asked["request"]["scopes"], *added])}
    return caller({"requestContext": {"authorizer": {"jwt": {"claims": claims}}}}, "username")


@pytest.mark.parametrize("source", SIGNING_IN)
def test_members_of_a_group_get_its_scope_and_other_groups_mean_nothing(source: str) -> None:
    assert let_in(event(source, ("analytics", "admins"))).scopes == {"analytics"}
    assert let_in(event(source, ("service", "analytics"))).scopes == {"analytics", "service"}


@pytest.mark.parametrize("source", SIGNING_IN)
def test_a_visitor_gets_no_scope_and_is_let_in_as_himself(source: str) -> None:
    assert let_in(event(source)) == Caller("17", frozenset())
    assert let_in(event(source, ("Analytics", "service "))).scopes == frozenset()


def test_a_machine_acts_for_any_user_and_reads_no_analytics() -> None:
    machine = event("TokenGeneration_ClientCredentials") | {"userName": None}
    machine["request"] = {"userAttributes": {}, "scopes": ["bandit-selector/call"]}
    let_in(machine).acts_for(4711)
    assert "analytics" not in let_in(machine).scopes


def test_cognito_gets_its_own_event_back() -> None:
    asked = event("TokenGeneration_HostedAuth", ("analytics",))
    assert handler(asked, None) | {"response": None} == event(asked["triggerSource"], ("analytics",)) | {
        "response": None
    }
