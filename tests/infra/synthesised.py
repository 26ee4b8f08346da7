"""Kinds of deployment, and the output of `./dev synth` for each. Must not start Node.js."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from infra.service import Function

Template: TypeAlias = dict[str, Any]

KINDS: Final[dict[str, dict[str, str]]] = {
    "prod": {"environment": "prod", "alarm_mails": "team@example.com", "allowed_origins": "https://movies.example.com"},
    "dev": {"environment": "dev", "restore_from": "a-snapshot"},
    "isolated": {
        "environment": "prod",
        "vpc_id": "vpc-0fedcba9876543210",
        "restore_from": "bandit-selector-prod@2026-11-26T10:00:00Z",
        "alarm_mails": "team@example.com",
        "page_mails": "operations@example.com",
        "mfa": "required",
        "monthly_budget": "300",
        "tracing": "true",
        "edge_origin": "abc123.execute-api.eu-central-1.amazonaws.com",
    },
    "own": {
        "environment": "prod",
        "alarm_mails": "team@example.com",
        "database_secret_arn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:site-database-AbCdEf",
        "database_secret_key_arn": "arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-123456789012",
        "vpc_id": "vpc-0123456789abcdef0",
        "database_security_group_id": "sg-0123456789abcdef0",
        "issuer": "https://login.example.com/",
        "audience": "movies",
        "domain_name": "bandit.example.com",
        "certificate_arn": "arn:aws:acm:eu-central-1:111122223333:certificate/12345678-1234-1234-1234-123456789012",
        "TREATMENT_SHARE": "0.1",
        "TIME_ZONE": "Europe/Berlin",
        "allowed_origins": "https://movies.example.com",
        "SITE_URL": "https://backend.example.com",
        "site_tokens": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:site-tokens-AbCdEf",
        "site_tokens_key_arn": "arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-123456789013",
    },
}


def vpc(name: str, kind: str) -> dict[str, Any]:
    """A VPC with two subnets of a kind, as CDK's lookup finds it."""
    subnets = [
        {
            "subnetId": f"subnet-{zone}",
            "cidr": "10.0.1.0/24",
            "availabilityZone": f"eu-central-1{zone}",
            "routeTableId": f"rtb-{zone}",
        }
        for zone in "ab"
    ]
    return {
        "vpcId": name,
        "vpcCidrBlock": "10.0.0.0/16",
        "ownerAccountId": "111122223333",
        "availabilityZones": [],
        "subnetGroups": [{"name": kind, "type": kind, "subnets": subnets}],
    }


VPCS: Final = {
    name: vpc(name, kind)
    for name, kind in (("vpc-0123456789abcdef0", "Private"), ("vpc-0fedcba9876543210", "Isolated"))
}


@dataclass(frozen=True)
class Synthesised:
    """One deployment's stacks, by name, and cdk-nag's findings."""

    folder: Path
    stacks: dict[str, Template]
    violations: list[dict[str, Any]]

    @cached_property
    def template(self) -> Template:
        """All stacks as one template: an import from another stack is what that stack exports. Not to be changed."""
        exported = {
            output["Export"]["Name"]: output["Value"]
            for stack in self.stacks.values()
            for output in stack.get("Outputs", {}).values()
            if "Export" in output
        }
        merged: Template = {}
        for stack in self.stacks.values():
            for part in ("Parameters", "Outputs", "Resources"):
                merged.setdefault(part, {}).update(_linked(stack.get(part, {}), exported))
        return merged

    @property
    def files(self) -> list[Path]:
        """The templates for CloudFormation."""
        return [self.folder / f"{name}.template.json" for name in self.stacks]

    def resources(self, kind: str) -> dict[str, Template]:
        """Properties by logical id of all resources of one CloudFormation type."""
        found: dict[str, Template] = self.template["Resources"]
        return {name: it.get("Properties", {}) for name, it in found.items() if it["Type"] == kind}

    def asset(self, function: Function) -> Path:
        """The folder that is uploaded as a function's code."""
        (key,) = [
            it["Code"]["S3Key"]
            for it in self.resources("AWS::Lambda::Function").values()
            if it["Handler"] == function.handler
        ]
        return self.folder / f"asset.{key.removesuffix('.zip')}"

    def one(self, kind: str, part: str = "") -> Template:
        """The only resource of a type whose logical id has `part` in it."""
        (found,) = [it for name, it in self.resources(kind).items() if part in name]
        return found


def _linked(value: Any, exported: dict[str, Any]) -> Any:
    """The value with exports in place of imports."""
    if isinstance(value, list):
        return [_linked(part, exported) for part in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    if set(found) == {"Fn::ImportValue"}:
        return exported[found["Fn::ImportValue"]]
    return {name: _linked(part, exported) for name, part in found.items()}
