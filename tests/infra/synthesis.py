"""Runs the CDK application inside the test process, as the CDK command line would. Starts Node.js when imported."""

import json
from pathlib import Path

import aws_cdk as cdk

from infra.app import build
from infra.configuration import read_configuration
from infra.packaging import PRODUCT, ROOT, Layers

from .synthesised import KINDS, VPC, Synthesised


def synthesise(kind: str, folder: Path) -> Synthesised:
    """One of KINDS into `folder`, from layers whose content does not matter for a template."""
    lookup = "vpc-provider:account=111122223333:filter.vpc-id=vpc-0123456789abcdef0:region=eu-central-1"
    looked_up = {f"{lookup}:returnAsymmetricSubnets=true": VPC}
    context = json.loads((ROOT / "cdk.json").read_text())["context"] | KINDS[kind] | looked_up
    place = cdk.Environment(account="111122223333", region="eu-central-1") if "vpc_id" in KINDS[kind] else None
    app = cdk.App(context=context, outdir=str(folder))
    configuration = read_configuration(app.node.get_all_context())
    stack = build(app, configuration, Layers(PRODUCT, PRODUCT, PRODUCT, PRODUCT), place)
    template = app.synth().get_stack_by_name(stack.stack_name).template
    report = json.loads((folder / "validation-report.json").read_text())
    violations = [violation for plugin in report["pluginReports"] for violation in plugin["violations"]]
    return Synthesised(folder, stack.stack_name, template, violations)
