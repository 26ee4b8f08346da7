"""Whose tokens the API accepts: a Cognito pool with sign-in, groups and scopes, or the team's own issuer."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from datetime import timedelta
from typing import Final

from aws_cdk import Aws, Duration, IgnoreMode, RemovalPolicy
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from bandit_selector.scopes import RESOURCE_SERVER
from constructs import Construct

from infra.configuration import Configuration
from infra.network import log_retention
from infra.packaging import ROOT, function_files
from infra.reviewed import PINNED_PYTHON, accept
from infra.roles import function_role

SCOPES_TIMEOUT: Final = timedelta(seconds=5)  # Cognito's own limit
GROUPS: Final = {
    "analytics": "May read the analytics and the dashboard's data",
    "service": "May read and track for any user",
}


class Identity(Construct):
    """`authorizer` checks signature, issuer, audience and expiry; `settings` tell the dashboard where users sign in."""

    def __init__(self, scope: Construct, construct_id: str, configuration: Configuration, url: str) -> None:
        super().__init__(scope, construct_id)
        self.settings: dict[str, str] = {}
        self.pool: cognito.UserPool | None = None
        self.scopes: lambda_.Function | None = None
        issuer, audience = configuration.issuer, list(configuration.audience)
        if not issuer:
            self.scopes = self._scopes(configuration)
            self.pool = self._pool(configuration, self.scopes)
            self.site = self._site(self.pool, [f"{url}/dashboard", *configuration.sign_in_urls])
            self.service = self._service(self.pool)
            audience = [self.site.user_pool_client_id, self.service.user_pool_client_id]
            self.settings = self._sign_in()
            issuer = f"https://cognito-idp.{Aws.REGION}.amazonaws.com/{self.pool.user_pool_id}"
        self.authorizer = authorizers.HttpJwtAuthorizer("Tokens", issuer, jwt_audience=audience)

    def _pool(self, configuration: Configuration, scopes: lambda_.Function) -> cognito.UserPool:
        """An administrator makes each user, with the site's user id as the user name, which never changes."""
        pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(username=True, email=True),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=12, require_digits=True, require_lowercase=True, require_uppercase=True, require_symbols=True
            ),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            feature_plan=cognito.FeaturePlan.ESSENTIALS,
            deletion_protection=configuration.keep_data,
            removal_policy=RemovalPolicy.RETAIN if configuration.keep_data else RemovalPolicy.DESTROY,
        )
        accept(pool, "AwsSolutions-COG2", "A second factor is offered, not forced: most users are the site's visitors.")
        accept(
            pool,
            "AwsSolutions-COG8",
            "The plus plan's threat protection costs per visitor; it is the operator's choice.",
        )
        for name, purpose in GROUPS.items():
            pool.add_group(f"{name.title()}Group", group_name=name, description=purpose)
        pool.add_trigger(
            cognito.UserPoolOperation.PRE_TOKEN_GENERATION_CONFIG,
            scopes,
            cognito.LambdaVersion.V3_0,
        )
        domain = cognito.CognitoDomainOptions(domain_prefix=f"bandit-{configuration.environment}-{Aws.ACCOUNT_ID}")
        self.domain = pool.add_domain(
            "SignIn", cognito_domain=domain, managed_login_version=cognito.ManagedLoginVersion.CLASSIC_HOSTED_UI
        )
        return pool

    def _scopes(self, configuration: Configuration) -> lambda_.Function:
        """The trigger that turns groups into scopes; it uses the standard library alone, so no layer."""
        log = logs.LogGroup(
            self, "ScopesLog", retention=log_retention(configuration), removal_policy=RemovalPolicy.DESTROY
        )
        role = function_role(self, "ScopesRole", log)
        function = lambda_.Function(
            self,
            "Scopes",
            description="Bandit Selector: Cognito groups become scopes",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(ROOT), exclude=function_files("identity"), ignore_mode=IgnoreMode.GIT),
            handler="functions.identity.handler.handler",
            role=role,
            log_group=log,
            memory_size=256,
            timeout=Duration.seconds(SCOPES_TIMEOUT.total_seconds()),
        )
        accept(function, "AwsSolutions-L1", PINNED_PYTHON)
        return function

    def _site(self, pool: cognito.UserPool, urls: list[str]) -> cognito.UserPoolClient:
        """The client of browsers (dashboard and site): authorization code with PKCE, no secret."""
        return pool.add_client(
            "SiteClient",
            generate_secret=False,
            prevent_user_existence_errors=True,
            access_token_validity=Duration.hours(1),
            auth_flows=cognito.AuthFlow(user_srp=True),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID],
                callback_urls=urls,
                logout_urls=urls,
            ),
        )

    def _service(self, pool: cognito.UserPool) -> cognito.UserPoolClient:
        """The client of the site's servers: client credentials; the trigger adds the scope `service`."""
        scope = cognito.ResourceServerScope(scope_name="call", scope_description="Call the API")
        server = pool.add_resource_server("Machines", identifier=RESOURCE_SERVER, scopes=[scope])
        return pool.add_client(
            "ServiceClient",
            generate_secret=True,
            access_token_validity=Duration.hours(1),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True),
                scopes=[cognito.OAuthScope.resource_server(server, scope)],
            ),
        )

    def _sign_in(self) -> dict[str, str]:
        address = f"https://{self.domain.domain_name}.auth.{Aws.REGION}.amazoncognito.com/oauth2"
        return {
            "SIGN_IN_AUTHORIZE_URL": f"{address}/authorize",
            "SIGN_IN_TOKEN_URL": f"{address}/token",
            "SIGN_IN_CLIENT_ID": self.site.user_pool_client_id,
            "SIGN_IN_SCOPE": "openid",
        }
