"""Accepts a finding of cdk-nag on one construct, with a written reason beside that construct."""

from typing import Final

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

PINNED_PYTHON: Final = (
    "The locked wheels and the compiled layers are of Python 3.13; infra.service.LAMBDA_PYTHON raises it."
)


def accept(construct: IConstruct, finding: str, reason: str) -> None:
    """Accepts `finding` (like `AwsSolutions-S1`) on this construct; the same finding elsewhere still fails."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
