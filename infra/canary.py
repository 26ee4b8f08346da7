"""New code of the functions that answer HTTP, for a tenth of the requests first: by CodeDeploy, bound to alarms."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.configuration import Configuration
from infra.reviewed import accept

MANAGED: Final = (
    "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]"
)


class Canary(Construct):
    """A tenth for five minutes, then everything; back to the old version at once if one of its alarms rings."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        configuration: Configuration,
        aliases: dict[str, lambda_.Alias],
        alarms: dict[str, list[cloudwatch.IAlarm]],
    ) -> None:
        super().__init__(scope, construct_id)
        pace = codedeploy.LambdaDeploymentConfig
        application = codedeploy.LambdaApplication(self, "Application")
        for name, alias in aliases.items():
            group = codedeploy.LambdaDeploymentGroup(
                self,
                name.title(),
                application=application,
                alias=alias,
                deployment_config=pace.CANARY_10_PERCENT_5_MINUTES if configuration.canary else pace.ALL_AT_ONCE,
                alarms=alarms[name],
                auto_rollback=codedeploy.AutoRollbackConfig(
                    failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
                ),
            )
            accept(group, MANAGED, "AWS's own policy for shifting the traffic of a function's alias, and nothing else.")
