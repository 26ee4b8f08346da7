"""The people and servers who may call, as Cognito keeps them: pool, groups, sign-in, the servers' client."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from datetime import timedelta
from typing import Final

from aws_cdk import Aws, Duration, IgnoreMode, RemovalPolicy
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


class People(Construct):
    """`pool` with its groups, `domain` where people sign in, `service` for servers, `scopes` the pool's trigger."""

    def __init__(self, scope: Construct, construct_id: str, configuration: Configuration) -> None:
        super().__init__(scope, construct_id)
        self.scopes = self._scopes(configuration)
        self.pool = self._pool(configuration)
        for name, purpose in GROUPS.items():
            self.pool.add_group(f"{name.title()}Group", group_name=name, description=purpose)
        self.pool.add_trigger(
            cognito.UserPoolOperation.PRE_TOKEN_GENERATION_CONFIG,
            self.scopes,
            cognito.LambdaVersion.V3_0,
        )
        self.domain = self.pool.add_domain(
            "SignIn",
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=configuration.sign_in_prefix(Aws.ACCOUNT_ID)),
            managed_login_version=cognito.ManagedLoginVersion.CLASSIC_HOSTED_UI,
        )
        self.service = self._service()

    def _pool(self, configuration: Configuration) -> cognito.UserPool:
        """An administrator makes each user, with the site's user id as the user name, which never changes."""
        keep = configuration.keep_data
        pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(username=True, email=True),
            mfa=cognito.Mfa.REQUIRED if configuration.mfa == "required" else cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=12, require_digits=True, require_lowercase=True, require_uppercase=True, require_symbols=True
            ),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            feature_plan=cognito.FeaturePlan.ESSENTIALS,
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if keep else RemovalPolicy.DESTROY,
        )
        if configuration.mfa != "required":
            offered = "A second factor is offered, not forced: most users are the site's visitors. mfa=required forces."
            accept(pool, "AwsSolutions-COG2", offered)
        accept(
            pool,
            "AwsSolutions-COG8",
            "The plus plan's threat protection costs per visitor; it is the operator's choice.",
        )
        return pool

    def _scopes(self, configuration: Configuration) -> lambda_.Function:
        """The trigger that turns groups into scopes; it uses the standard library alone, so no layer."""
        log = logs.LogGroup(
            self, "ScopesLog", retention=log_retention(configuration), removal_policy=RemovalPolicy.DESTROY
        )
        function = lambda_.Function(
            self,
            "Scopes",
            description="Bandit Selector: Cognito groups become scopes",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(ROOT), exclude=function_files("identity"), ignore_mode=IgnoreMode.GIT),
            handler="functions.identity.handler.handler",
            role=function_role(self, "ScopesRole", log),
            log_group=log,
            memory_size=256,
            timeout=Duration.seconds(SCOPES_TIMEOUT.total_seconds()),
        )
        accept(function, "AwsSolutions-L1", PINNED_PYTHON)
        return function

    def _service(self) -> cognito.UserPoolClient:
        """The client of the site's servers: client credentials; the trigger adds the scope `service`."""
        scope = cognito.ResourceServerScope(scope_name="call", scope_description="Call the API")
        server = self.pool.add_resource_server("Machines", identifier=RESOURCE_SERVER, scopes=[scope])
        return self.pool.add_client(
            "ServiceClient",
            generate_secret=True,
            access_token_validity=Duration.hours(1),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True),
                scopes=[cognito.OAuthScope.resource_server(server, scope)],
            ),
        )
