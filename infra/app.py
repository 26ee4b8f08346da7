"""The CDK application: two stacks for the chosen environment, checked by cdk-nag. Run by the CDK CLI (see cdk.json)."""

import os
import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.configuration import Configuration, UnusableContext, read_configuration
from infra.data import DataStack
from infra.edge import EdgeStack
from infra.packaging import Layers, PackagingFailed, build_layers
from infra.stack import ServiceStack


def build(
    app: cdk.App, configuration: Configuration, layers: Layers, place: cdk.Environment | None = None
) -> ServiceStack:
    """The stacks inside `app`; without a `place` they can be deployed to any account and region."""
    stack = ServiceStack(app, configuration, DataStack(app, configuration, place), layers, place)
    if configuration.edge_origin:
        EdgeStack(app, configuration, place)
    cdk.Tags.of(app).add("service", "bandit-selector")
    cdk.Tags.of(app).add("environment", configuration.environment)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack


def main() -> int:
    app = cdk.App()
    try:
        configuration = read_configuration(app.node.get_all_context())
        build(app, configuration, build_layers(), _callers_place() if configuration.vpc_id else None)
    except (UnusableContext, PackagingFailed) as error:
        print(error, file=sys.stderr)
        return 1
    app.synth()
    return 0


def _callers_place() -> cdk.Environment:
    """The account and region of the credentials, which the CDK command line passes; a VPC lookup needs them."""
    return cdk.Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION"))


if __name__ == "__main__":
    sys.exit(main())
