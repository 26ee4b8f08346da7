"""The check of templates finds what CloudFormation would refuse."""

from typing import Any

import pytest

from tests.infra.ordering import unordered


def stack(**resources: Any) -> dict[str, Any]:
    return {"Resources": {name: {"Type": "T", **body} for name, body in resources.items()}}


def test_a_chain_can_be_made() -> None:
    assert unordered(stack(A={"Properties": {"B": {"Ref": "B"}}}, B={"DependsOn": ["C"]}, C={})) == ""


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (stack(A={"Properties": {"B": {"Fn::GetAtt": ["B", "Arn"]}}}), "refers to ['B']"),
        (stack(A={"Properties": {"B": {"Fn::Sub": "${B.Arn}/x"}}}), "refers to ['B']"),
        (stack(A={"DependsOn": "B"}, B={"Properties": {"A": [{"Ref": "A"}]}}), "['A', 'B'] wait for each other"),
        (stack(A={"Properties": {"FunctionName": "f" * 65}}), "longer than 64"),
        (stack(**{f"R{number}": {} for number in range(501)}), "too many Resources"),
        (stack(A={}) | {"Outputs": {"O": {"Value": {"Ref": "B"}}}}, "the output O"),
    ],
)
def test_what_cannot_be_made_is_named(made: dict[str, Any], reason: str) -> None:
    assert reason in unordered(made)
