"""The whole templates: no finding of the reviewers, no change unseen, the data apart from the functions."""

import json
import subprocess
from collections.abc import Callable

import pytest

from infra.packaging import ROOT

from . import golden
from .synthesised import KINDS, Synthesised


@pytest.mark.parametrize("kind", KINDS)
def test_every_finding_of_cdk_nag_is_fixed_or_answered(synthesise: Callable[[str], Synthesised], kind: str) -> None:
    assert synthesise(kind).violations == []


@pytest.mark.long
def test_cfn_lint_has_no_error_and_no_warning(synthesise: Callable[[str], Synthesised]) -> None:
    made = [synthesise(kind) for kind in KINDS]
    found = subprocess.run(
        ["cfn-lint", "--template", *(file for it in made for file in it.files)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_the_templates_have_not_changed_unseen(prod: Synthesised) -> None:
    for stack in prod.stacks:
        assert golden.text(prod, stack) == golden.file(stack).read_text(), (
            "If it was meant: ./dev python -m tests.infra.golden, then review."
        )


def test_functions_are_made_after_all_data_and_data_name_no_function(prod: Synthesised) -> None:
    data, service = prod.stacks["bandit-selector-prod-data"], prod.stacks["bandit-selector-prod"]
    assert "Fn::ImportValue" not in json.dumps(data)  # so it can be deployed alone, and first
    kept = ("AWS::RDS::DBCluster", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::KMS::Key", "AWS::Cognito::UserPool")
    assert not [it for it in service["Resources"].values() if it["Type"] in kept]
    assembly = json.loads((prod.folder / "manifest.json").read_text())
    assert "bandit-selector-prod-data" in assembly["artifacts"]["bandit-selector-prod"]["dependencies"]


def test_the_teams_own_database_and_issuer_replace_ours(synthesise: Callable[[str], Synthesised]) -> None:
    own = synthesise("own")
    assert own.resources("AWS::RDS::DBCluster") == own.resources("AWS::Cognito::UserPool") == {}
    (issuers,) = [it for it in own.resources("AWS::ApiGatewayV2::Authorizer").values() if it["AuthorizerType"] == "JWT"]
    assert issuers["JwtConfiguration"] == {
        "Audience": ["movies"],
        "Issuer": "https://login.example.com/",
    }
    assert own.one("AWS::EC2::SecurityGroupIngress")["GroupId"] == "sg-0123456789abcdef0"
    assert own.one("AWS::ApiGatewayV2::DomainName")["DomainName"] == "bandit.example.com"
    assert own.one("AWS::ApiGatewayV2::Api")["DisableExecuteApiEndpoint"] is True
    assert "RegionalDomainName" in json.dumps(own.template["Outputs"]["DomainTarget"])  # the target of its DNS
