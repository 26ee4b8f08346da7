"""The role that a Lambda function runs as. Must not know any function."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct


def function_role(scope: Construct, construct_id: str, log: logs.ILogGroup) -> iam.Role:
    """A role that may write its own log."""
    role = iam.Role(scope, construct_id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log.grant_write(role)
    return role
