"""The template gives the least rights, and has no public resource and no plain request."""

import json
from collections.abc import Callable
from typing import Any

from bandit_selector.store.roles import ROLES

from infra.service import (
    FEEDBACK_QUEUE,
    FUNCTIONS,
    SCHEDULES,
    functions,
)

from .permissions import listed, text
from .synthesised import KINDS, Synthesised


def test_no_role_may_do_everything_or_touch_everything(prod: Synthesised) -> None:
    for name, statement in _statements(prod):
        actions = listed(statement["Action"])
        assert not [action for action in actions if action == "*" or action.endswith(":*")], name
        resources = json.dumps(listed(statement["Resource"]))
        if '"*"' in resources:
            assert all(action.startswith("ec2:") for action in actions), (name, actions)
        if "*" in resources.replace('"*"', ""):
            folders = ("reports", "events", "imports", "mails", "queue")
            assert any(f"/{folder}/*" in resources for folder in folders), (name, resources)


def test_each_function_has_a_role_of_its_own(prod: Synthesised) -> None:
    roles = [json.dumps(it["Role"]) for it in prod.resources("AWS::Lambda::Function").values()]
    assert len(set(roles)) == len(roles)


def test_only_ingest_may_send_and_only_the_consumer_may_receive(prod: Synthesised) -> None:
    may: dict[str, set[str]] = {}
    for name, statement in _statements(prod):
        for action in listed(statement["Action"]):
            may.setdefault(action, set()).add(name.removeprefix("Compute").partition("Role")[0])
    assert may["sqs:ReceiveMessage"] == {"Feedback"}
    scheduled = {schedule.function.title() for schedule in SCHEDULES}
    assert {"Ingest"} == {name for name in may["sqs:SendMessage"] if not name.startswith("Clock")} - scheduled
    assert may["sns:Publish"] == {"Courier"}
    owners = {f.name for f in FUNCTIONS if "database" in f.uses} - set(ROLES)
    assert may["secretsmanager:GetSecretValue"] == {name.title() for name in owners}
    assert may["rds-db:connect"] == {name.title() for name in ROLES}


def test_a_secret_under_a_key_of_the_teams_own_can_be_read(synthesise: Callable[[str], Synthesised]) -> None:
    key = KINDS["own"]["database_secret_key_arn"]
    found = [it["Action"] for _, it in _statements(synthesise("own")) if key in listed(it["Resource"])]
    assert set(found) == {"kms:Decrypt"}
    assert len(found) == len([f for f in functions(site_tokens=True) if "database" in f.uses])


def test_the_vpc_has_an_endpoint_only_for_what_is_called_from_inside(prod: Synthesised) -> None:
    """The owners' password; S3 has a free gateway. SNS and SQS are called by functions outside."""
    endpoints = prod.resources("AWS::EC2::VPCEndpoint").values()
    interfaces = [it for it in endpoints if it.get("VpcEndpointType") == "Interface"]
    assert [text(it["ServiceName"]).rpartition(".")[2] for it in interfaces] == ["secretsmanager"]
    assert len(endpoints) - len(interfaces) == 1
    inside = {function.name for function in FUNCTIONS if "database" in function.uses}
    called = {"sqs:SendMessage", "sqs:GetQueueAttributes", "sns:Publish"}
    by_lambda = {schedule.function for schedule in SCHEDULES} | {FEEDBACK_QUEUE.consumer}
    for name in inside - by_lambda:
        role = f"Compute{name.title()}Role"
        actions = {it for part, said in _statements(prod) if role in part for it in listed(said["Action"])}
        assert not actions & called, name


def test_nothing_is_public_and_nothing_is_plain(prod: Synthesised) -> None:
    bucket = prod.one("AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert prod.one("AWS::RDS::DBClusterParameterGroup")["Parameters"]["rds.force_ssl"] == "1"
    cluster = prod.one("AWS::RDS::DBCluster")
    assert cluster["StorageEncrypted"] is True
    assert cluster["DeletionProtection"] is True
    assert cluster["ManageMasterUserPassword"] is True
    assert all(not it["PubliclyAccessible"] for it in prod.resources("AWS::RDS::DBInstance").values())
    for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        assert all("KmsMasterKeyId" in it for it in prod.resources(kind).values())
    assert prod.resources("AWS::EC2::InternetGateway") == prod.resources("AWS::EC2::NatGateway") == {}
    for group in prod.resources("AWS::EC2::SecurityGroup").values():
        assert "0.0.0.0/0" not in json.dumps(group.get("SecurityGroupIngress", []))


def test_every_plain_request_is_refused(prod: Synthesised) -> None:
    policies = [*prod.resources("AWS::SQS::QueuePolicy").values(), *prod.resources("AWS::SNS::TopicPolicy").values()]
    for policy in [*policies, prod.one("AWS::S3::BucketPolicy")]:
        assert '{"aws:SecureTransport": "false"}' in json.dumps(policy["PolicyDocument"])


def _statements(made: Synthesised) -> list[tuple[str, dict[str, Any]]]:
    policies = made.resources("AWS::IAM::Policy").items()
    return [(name, statement) for name, it in policies for statement in it["PolicyDocument"]["Statement"]]
