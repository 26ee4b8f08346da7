"""Whose tokens the API accepts: those of our own Cognito pool, or of the team's own issuer."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from typing import Final

from aws_cdk import Aws, Duration
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.configuration import Configuration
from infra.people import People

TEAM_SESSION: Final = Duration.hours(12)
"""How long the dashboard may renew its token without another sign-in."""
VISITOR_SESSION: Final = Duration.days(30)


class Identity(Construct):
    """`authorizer` checks signature, issuer, audience and expiry; `settings` tell the dashboard where users sign in."""

    def __init__(
        self, scope: Construct, construct_id: str, configuration: Configuration, people: People | None, url: str
    ) -> None:
        super().__init__(scope, construct_id)
        self.settings: dict[str, str] = {}
        self.clients: dict[str, cognito.UserPoolClient] = {}
        issuer, audience = configuration.issuer, list(configuration.audience)
        if people:
            self.clients = {
                "DashboardClient": self._browser(people.pool, "Dashboard", [f"{url}/dashboard"], TEAM_SESSION),
                "SiteClient": self._browser(people.pool, "Site", list(configuration.sign_in_urls), VISITOR_SESSION),
            }
            audience = [client.user_pool_client_id for client in [*self.clients.values(), people.service]]
            self.settings = self._sign_in(people.domain)
            issuer = f"https://cognito-idp.{Aws.REGION}.amazonaws.com/{people.pool.user_pool_id}"
        self.authorizer = authorizers.HttpJwtAuthorizer("Tokens", issuer, jwt_audience=audience)

    def _browser(self, pool: cognito.UserPool, name: str, urls: list[str], session: Duration) -> cognito.UserPoolClient:
        """A client of browsers: authorization code with PKCE, no secret, tokens that can be revoked.

        Without an address to return to, people sign in by the secure remote password alone.
        """
        return cognito.UserPoolClient(
            self,
            name,
            user_pool=pool,
            generate_secret=False,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=Duration.hours(1),
            refresh_token_validity=session,
            auth_flows=cognito.AuthFlow(user_srp=True),
            disable_o_auth=not urls,
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID],
                callback_urls=urls,
                logout_urls=urls,
            )
            if urls
            else None,
        )

    def _sign_in(self, domain: cognito.UserPoolDomain) -> dict[str, str]:
        address = f"https://{domain.domain_name}.auth.{Aws.REGION}.amazoncognito.com/oauth2"
        return {
            "SIGN_IN_AUTHORIZE_URL": f"{address}/authorize",
            "SIGN_IN_TOKEN_URL": f"{address}/token",
            "SIGN_IN_REVOKE_URL": f"{address}/revoke",
            "SIGN_IN_CLIENT_ID": self.clients["DashboardClient"].user_pool_client_id,
            "SIGN_IN_SCOPE": "openid",
        }
