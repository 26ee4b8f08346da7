"""Runs the CDK application inside the test process, as the CDK command line would. Starts Node.js when imported."""

import json
from pathlib import Path

import aws_cdk as cdk

from infra.app import build
from infra.configuration import read_configuration
from infra.packaging import PRODUCT, ROOT, Layers

from .synthesised import KINDS, VPCS, Synthesised


def synthesise(kind: str, folder: Path) -> Synthesised:
    """One of KINDS into `folder`."""
    return synthesise_context(KINDS[kind], folder)


def synthesise_context(chosen: dict[str, str], folder: Path) -> Synthesised:
    """A deployment into `folder`, from layers whose content does not matter for a template."""
    lookup = "vpc-provider:account=111122223333:filter.vpc-id={}:region=eu-central-1:returnAsymmetricSubnets=true"
    looked_up = {lookup.format(name): found for name, found in VPCS.items()}
    context = json.loads((ROOT / "cdk.json").read_text())["context"] | chosen | looked_up
    place = cdk.Environment(account="111122223333", region="eu-central-1") if "vpc_id" in chosen else None
    app = cdk.App(context=context, outdir=str(folder))
    build(app, read_configuration(app.node.get_all_context()), Layers(PRODUCT, PRODUCT, PRODUCT, PRODUCT), place)
    stacks = {stack.stack_name: stack.template for stack in app.synth().stacks}
    report = json.loads((folder / "validation-report.json").read_text())
    violations = [violation for plugin in report["pluginReports"] for violation in plugin["violations"]]
    return Synthesised(folder, stacks, violations)
