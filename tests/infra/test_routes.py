"""The routes of infra.service in the template: their functions, who may call them, and what goes to the site."""

import json
from collections.abc import Callable
from typing import Any

from functions.identity.handler import SCOPES
from infra.service import (
    AUTHORIZER_KEPT,
    ROUTES,
)

from .synthesised import KINDS, Synthesised


def test_every_route_has_its_function_and_its_lock(prod: Synthesised) -> None:
    locks = {"open": ("NONE", None), "visitor": ("JWT", None)}
    locks |= {scope: ("JWT", {scope}) for scope in ("analytics", "service")}
    routes = {it["RouteKey"]: it for it in prod.resources("AWS::ApiGatewayV2::Route").values()}
    assert set(routes) == {f"{route.method} {route.path}" for route in ROUTES}
    for route in ROUTES:
        made = routes[f"{route.method} {route.path}"]
        kind, scopes = locks[route.access]
        assert made["AuthorizationType"] == kind
        assert (scopes or set()) <= set(made.get("AuthorizationScopes", []))
        assert bool(made.get("AuthorizationScopes")) == bool(scopes)
        assert f"Compute{route.function.title()}Live" in json.dumps(_integration(prod, made))


def test_what_is_not_ours_goes_to_the_site_as_it_came(
    prod: Synthesised, synthesise: Callable[[str], Synthesised]
) -> None:
    own = synthesise("own")
    routes = {it["RouteKey"]: it for it in own.resources("AWS::ApiGatewayV2::Route").values()}
    assert set(routes) == {"$default", *(f"{route.method} {route.path}" for route in ROUTES)}
    assert routes["$default"]["AuthorizationType"] == "NONE"
    integration = _integration(own, routes["$default"])
    assert (integration["IntegrationType"], integration["IntegrationMethod"]) == ("HTTP_PROXY", "ANY")
    assert integration["IntegrationUri"] == "https://backend.example.com"
    assert integration["RequestParameters"] == {"overwrite:path": "$request.path"}
    cors = own.one("AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert {"PUT", "PATCH", "DELETE"} <= set(cors["AllowMethods"])
    assert {"authorization", "*"} <= set(cors["AllowHeaders"])
    assert set(prod.one("AWS::ApiGatewayV2::Api")["CorsConfiguration"]["AllowMethods"]) == {"GET", "POST", "OPTIONS"}


def test_the_sites_own_tokens_open_visitors_routes_and_no_others(synthesise: Callable[[str], Synthesised]) -> None:
    own = synthesise("own")
    routes = {it["RouteKey"]: it for it in own.resources("AWS::ApiGatewayV2::Route").values()}
    kinds = {"open": "NONE", "visitor": "CUSTOM", "analytics": "JWT", "service": "JWT"}
    assert {f"{route.method} {route.path}": kinds[route.access] for route in ROUTES}.items() <= {
        key: it["AuthorizationType"] for key, it in routes.items()
    }.items()
    authorizer = own.one("AWS::ApiGatewayV2::Authorizer", "SiteTokens")
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert (authorizer["EnableSimpleResponses"], authorizer["AuthorizerPayloadFormatVersion"]) == (True, "2.0")
    assert authorizer["AuthorizerResultTtlInSeconds"] == AUTHORIZER_KEPT.total_seconds()
    function = own.one("AWS::Lambda::Function", "ComputeAuthorize")
    assert function["Environment"]["Variables"]["SITE_TOKENS"] == KINDS["own"]["site_tokens"]
    policies = json.dumps([it for name, it in own.resources("AWS::IAM::Policy").items() if "AuthorizeRole" in name])
    assert KINDS["own"]["site_tokens"] in policies
    others = json.dumps([it for name, it in own.resources("AWS::IAM::Policy").items() if "AuthorizeRole" not in name])
    assert KINDS["own"]["site_tokens"] not in others


def test_a_group_is_a_scope_and_nobody_makes_himself_a_user(prod: Synthesised) -> None:
    groups = {it["GroupName"] for it in prod.resources("AWS::Cognito::UserPoolGroup").values()}
    assert groups == set(SCOPES)
    pool = prod.one("AWS::Cognito::UserPool", "PeoplePool")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaVersion"] == "V3_0"  # machines' tokens too
    clients = [
        set(it["AllowedOAuthScopes"])
        for it in prod.resources("AWS::Cognito::UserPoolClient").values()
        if "openid" in it.get("AllowedOAuthScopes", [])
    ]
    assert clients == [{"openid"}]  # clients cannot request a scope; the trigger gives it


def _integration(made: Synthesised, route: dict[str, Any]) -> dict[str, Any]:
    reference = route["Target"]["Fn::Join"][1][1]["Ref"]
    return made.resources("AWS::ApiGatewayV2::Integration")[reference]
