"""The HTTP API: every route of infra.service, tokens checked before a function runs, CORS, throttling, access logs."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from typing import Final, cast, get_args

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from bandit_selector.scopes import SCOPES, texts_of
from constructs import Construct

from infra.configuration import Configuration
from infra.network import log_retention
from infra.reviewed import accept
from infra.service import AUTHORIZER, AUTHORIZER_KEPT, CORS, CORS_WITH_SITE, ROUTES, Access

LOGGED: Final = (
    "requestId", "requestTime", "httpMethod", "routeKey", "status", "responseLatency", "integrationErrorMessage",
    "authorizer.error", "identity.sourceIp", "integration.requestId",
)  # fmt: skip


class Api(Construct):
    """`url` is the API's address without a trailing slash; DNS of a custom domain points at `domain_target`.

    `serve` adds the routes once the functions exist."""

    def __init__(self, scope: Construct, construct_id: str, configuration: Configuration) -> None:
        super().__init__(scope, construct_id)
        domain = self._domain(configuration)
        self.http = gateway.HttpApi(
            self,
            "Http",
            description="Bandit Selector",
            create_default_stage=False,
            cors_preflight=_cors(configuration),
            disable_execute_api_endpoint=domain is not None,
        )
        self.stage = self._stage(configuration)
        if domain:
            gateway.ApiMapping(self, "Mapping", api=self.http, domain_name=domain, stage=self.stage)
        self.domain_target = domain.regional_domain_name if domain else ""
        self.url = f"https://{configuration.domain_name}" if domain else self.http.api_endpoint

    def serve(self, authorizer: gateway.IHttpRouteAuthorizer, functions: dict[str, lambda_.Alias]) -> None:
        """Connects every route to its function; only `open` routes work without a token.

        Visitors' tokens are checked by the site's own authorizer where there is one, the team's by the issuer's.
        """
        locks = dict.fromkeys(get_args(Access), authorizer)
        locks |= {"open": None, "visitor": _site_tokens(functions) or authorizer}
        targets = {
            name: integrations.HttpLambdaIntegration(f"{name.title()}Integration", function)
            for name, function in functions.items()
        }
        for route in ROUTES:
            made = gateway.HttpRoute(
                self,
                f"{route.method} {route.path.replace('/', ' ').strip()}",
                http_api=self.http,
                route_key=gateway.HttpRouteKey.with_(route.path, gateway.HttpMethod[route.method]),
                integration=targets[route.function],
                authorizer=locks[route.access],
                authorization_scopes=list(texts_of(route.access)) if route.access in SCOPES else None,
            )
            if route.access == "open":
                accept(made, "AwsSolutions-APIG4", "The same answer for every caller; all data needs a token.")
            if route.per_second:  # a stage refuses the limits of a route that does not exist yet
                self.stage.node.add_dependency(made)

    def pass_on(self, site_url: str) -> None:
        """Gives every request that no route takes to the site's backend, as it came; the site checks its own tokens."""
        as_it_came = gateway.ParameterMapping().overwrite_path(gateway.MappingValue.request_path())
        integration = integrations.HttpUrlIntegration(
            "SiteIntegration", site_url, method=gateway.HttpMethod.ANY, parameter_mapping=as_it_came
        )
        made = gateway.HttpRoute(
            self, "Site", http_api=self.http, route_key=gateway.HttpRouteKey.DEFAULT, integration=integration
        )
        accept(made, "AwsSolutions-APIG4", "The site's own pages and routes; the site checks its tokens.")

    def _stage(self, configuration: Configuration) -> gateway.HttpStage:
        log = logs.LogGroup(
            self,
            "AccessLog",
            retention=log_retention(configuration),
            removal_policy=RemovalPolicy.DESTROY,
            log_group_class=logs.LogGroupClass.INFREQUENT_ACCESS,  # half the price; no metric is made of it
        )
        stage = gateway.HttpStage(
            self,
            "Stage",
            http_api=self.http,
            auto_deploy=True,
            detailed_metrics_enabled=configuration.route_metrics,
            throttle=gateway.ThrottleSettings(
                rate_limit=configuration.requests_per_second, burst_limit=configuration.requests_per_second
            ),
        )
        line = "{" + ",".join(f'"{name}":"$context.{name}"' for name in LOGGED) + "}"
        settings = gateway.CfnStage.AccessLogSettingsProperty(destination_arn=log.log_group_arn, format=line)
        made = cast("gateway.CfnStage", stage.node.default_child)
        made.access_log_settings = settings
        made.route_settings = {
            f"{route.method} {route.path}": {
                "ThrottlingRateLimit": route.per_second,
                "ThrottlingBurstLimit": 2 * route.per_second,
            }
            for route in ROUTES
            if route.per_second
        }
        return stage

    def _domain(self, configuration: Configuration) -> gateway.DomainName | None:
        if not configuration.domain_name:
            return None
        certificate = certificates.Certificate.from_certificate_arn(self, "Certificate", configuration.certificate_arn)
        return gateway.DomainName(self, "Domain", domain_name=configuration.domain_name, certificate=certificate)


def _site_tokens(functions: dict[str, lambda_.Alias]) -> authorizers.HttpLambdaAuthorizer | None:
    if AUTHORIZER.name not in functions:
        return None
    return authorizers.HttpLambdaAuthorizer(
        "SiteTokens",
        functions[AUTHORIZER.name],
        response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
        results_cache_ttl=Duration.seconds(AUTHORIZER_KEPT.total_seconds()),
    )


def _cors(configuration: Configuration) -> gateway.CorsPreflightOptions | None:
    if not configuration.allowed_origins:
        return None
    cors = CORS_WITH_SITE if configuration.settings.get("SITE_URL") else CORS
    return gateway.CorsPreflightOptions(
        allow_origins=list(configuration.allowed_origins),
        allow_methods=[gateway.CorsHttpMethod[method] for method in cors.methods],
        allow_headers=list(cors.headers),
        expose_headers=list(cors.exposed_headers),
        max_age=Duration.seconds(cors.max_age.total_seconds()),
    )
