"""Accepting a finding of cdk-nag on one construct, in writing. Each reason stands beside what it is about."""

from typing import Final

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

PINNED_PYTHON: Final = (
    "The locked wheels and the compiled layers are of Python 3.13; infra.service.LAMBDA_PYTHON raises it."
)


def accept(construct: IConstruct, finding: str, reason: str) -> None:
    """Says that `finding` (like `AwsSolutions-S1`) was looked at and stays; the same finding elsewhere still fails."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
