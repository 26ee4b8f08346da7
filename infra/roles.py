"""The role that a Lambda function runs as. Knows no function."""

# jsii's interfaces name parameters otherwise than its own classes do:
# pyright: reportArgumentType=false

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct, Dependable


def function_role(scope: Construct, construct_id: str, log: logs.ILogGroup) -> iam.Role:
    """A role that may write its own log.

    What depends on it waits for what it may do, not for the role itself: a function names its role already.
    """
    role = iam.Role(scope, construct_id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log.grant_write(role)
    Dependable.implement(role, Dependable.of(role.node.find_child("DefaultPolicy")))
    return role
