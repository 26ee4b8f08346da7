"""Accepts a finding of cdk-nag on one construct, with a written reason beside that construct."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

PINNED_PYTHON: Final = (
    "The locked wheels and the compiled layers are of Python 3.13; infra.service.LAMBDA_PYTHON raises it."
)

LINTED: Final[Mapping[str, object]] = {"cfn-lint": {"config": {"ignore_checks": ["W3005", "W3689"]}}}
"""A stack's metadata. W3005: the CDK writes a dependency by name and by DependsOn. W3689: a cluster restored to a time
ignores that it should be encrypted, as it is encrypted like its source."""


def accept(construct: IConstruct, finding: str, reason: str) -> None:
    """Accepts `finding` (like `AwsSolutions-S1`) on this construct; the same finding elsewhere still fails."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
