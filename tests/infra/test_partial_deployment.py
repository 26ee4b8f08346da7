"""Deploys the supported part of the template to moto's CloudFormation; docs/operations.md lists the limits.

Uses the deployment with the team's own database, because moto cannot make an Aurora cluster.
"""

import json
import shutil
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import pytest
from bandit_selector.settings import GUIDE_ARMS
from botocore.exceptions import ClientError

from infra.service import FEEDBACK_QUEUE, FUNCTIONS, SCHEDULES, Function

from .synthesised import Synthesised

pytestmark = pytest.mark.long

KNOWN_TO_MOTO = (
    *("AWS::KMS::Key", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket", "AWS::Logs::LogGroup"),
    *("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Lambda::LayerVersion", "AWS::Lambda::Function"),
)
UNREADABLE = {"AWS::KMS::Key": "Tags", "AWS::Lambda::Function": "VpcConfig"}
"""Values that moto 5.2.5 cannot read from a template; its account lacks that VPC."""
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-central-1"}
HERE = {"LocationConstraint": "eu-central-1"}


QUEUE, BUCKET, TOPIC = "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::SNS::Topic"
USED = {
    "send_feedback": {(QUEUE, "Feedback")},
    "feedback_queue": {(QUEUE, "Feedback"), (QUEUE, "DeadLetters")},
    "reports": {(BUCKET, "Reports")},
    "archive": {(BUCKET, "Reports")},
    "mails": {(BUCKET, "Reports")},
    "counts": {(BUCKET, "Reports")},
    "alerts": {(TOPIC, "Alerts"), (BUCKET, "Reports")},
    "imports": {(BUCKET, "Reports")},
}
"""The resources that a function's role must name, by its `uses` in infra.service."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack in moto: physical ids by logical id, and the schedules' ARNs as CloudFormation resolved them."""

    template: Synthesised
    endpoint: str
    physical: dict[str, str]
    outputs: dict[str, str]

    def one(self, kind: str, part: str = "") -> str:
        """The physical id of the only resource of a type whose logical id has `part` in it."""
        (found,) = [name for name in self.template.resources(kind) if part in name]
        return self.physical[found]

    def role(self, function: Function) -> str:
        return self.one("AWS::IAM::Role", f"Compute{function.name.title()}Role")

    def client(self, service: str, **keys: str) -> Any:
        return _client(service, self.endpoint, **keys)


@pytest.fixture(scope="module")
def own(synthesise: Callable[[str], Synthesised]) -> Synthesised:
    """The deployment with the team's own database and VPC."""
    return synthesise("own")


@pytest.fixture(scope="module")
def deployed(own: Synthesised, moto: str, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """The part of the stack that moto supports, made by its CloudFormation from the uploaded assets."""
    _upload(own, moto, tmp_path_factory.mktemp("assets"))
    cloud = _client("cloudformation", moto)
    cloud.create_stack(StackName="part", TemplateBody=json.dumps({"Resources": _part(own), "Outputs": _arns(own)}))
    (stack,) = cloud.describe_stacks(StackName="part")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    found = cloud.describe_stack_resources(StackName="part")["StackResources"]
    physical = {it["LogicalResourceId"]: it.get("PhysicalResourceId", "") for it in found}
    return Deployed(own, moto, physical, {it["OutputKey"]: it["OutputValue"] for it in stack["Outputs"]})


def test_a_message_that_always_fails_ends_among_the_dead_letters(deployed: Deployed) -> None:
    sqs = deployed.client("sqs")
    feedback, dead = deployed.one(QUEUE, "Feedback"), deployed.one(QUEUE, "DeadLetters")
    sqs.send_message(QueueUrl=feedback, MessageBody=GUIDE_ARMS[0])
    for _ in range(FEEDBACK_QUEUE.attempts):
        (message,) = sqs.receive_message(QueueUrl=feedback)["Messages"]
        sqs.change_message_visibility(QueueUrl=feedback, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=feedback)
    assert sqs.receive_message(QueueUrl=dead)["Messages"][0]["Body"] == GUIDE_ARMS[0]


def test_the_topic_delivers_to_whoever_the_template_subscribes(own: Synthesised, deployed: Deployed) -> None:
    sns, sqs = deployed.client("sns"), deployed.client("sqs")
    topic = deployed.one(TOPIC, "Alerts")
    wanted = own.one(
        "AWS::SNS::Subscription", "Alerts"
    )  # moto's CloudFormation makes none, and mails cannot be read there
    sns.subscribe(TopicArn=topic, Protocol=wanted["Protocol"], Endpoint=wanted["Endpoint"])
    (made,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (made["Protocol"], made["Endpoint"]) == ("email", "team@example.com")
    reader = sqs.create_queue(QueueName="reader")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=reader, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Subject="CTR", Message="below threshold")
    assert "below threshold" in sqs.receive_message(QueueUrl=reader)["Messages"][0]["Body"]


def test_the_bucket_takes_a_report_encrypted(deployed: Deployed) -> None:
    s3 = deployed.client("s3")
    bucket = deployed.one(BUCKET)
    s3.put_object(Bucket=bucket, Key="reports/latest.json", Body=b"{}")
    assert s3.get_object(Bucket=bucket, Key="reports/latest.json")["Body"].read() == b"{}"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda it: it.name)
def test_a_function_is_made_with_its_role_and_is_told_what_was_made(deployed: Deployed, function: Function) -> None:
    name = deployed.one("AWS::Lambda::Function", f"Compute{function.name.title()}")
    found = deployed.client("lambda").get_function_configuration(FunctionName=name)
    assert (found["Handler"], found["MemorySize"]) == (function.handler, function.memory_mb)
    assert found["Role"].endswith(f":role/{deployed.role(function)}")
    made = {
        "FEEDBACK_QUEUE_URL": deployed.one(QUEUE, "Feedback"),
        "REPORT_BUCKET": deployed.one(BUCKET),
        "ALERT_TOPIC_ARN": deployed.one(TOPIC, "Alerts"),
    }
    told: dict[str, str] = found["Environment"]["Variables"]
    assert {key: made[key] for key in made if key in told}.items() <= told.items()


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda it: it.name)
def test_a_role_names_what_its_function_uses_and_nothing_else(deployed: Deployed, function: Function) -> None:
    iam = deployed.client("iam")
    (policy,) = iam.list_role_policies(RoleName=deployed.role(function))["PolicyNames"]
    document = iam.get_role_policy(RoleName=deployed.role(function), PolicyName=policy)["PolicyDocument"]
    made = [(kind, name) for kind in (QUEUE, BUCKET, TOPIC) for name in deployed.template.resources(kind)]
    named = {(kind, name) for kind, name in made if deployed.physical[name].rpartition("/")[2] in json.dumps(document)}
    wanted = set[tuple[str, str]]().union(*(USED.get(use, set()) for use in function.uses))
    wanted |= {(QUEUE, "Feedback")} if function.name == FEEDBACK_QUEUE.consumer else set()
    scheduled = {schedule.function for schedule in SCHEDULES}
    wanted |= {(QUEUE, "MissedSchedules")} if function.name in scheduled else set()
    assert len(named) == len(wanted)
    assert all(any(kind == it and part in name for it, name in named) for kind, part in wanted)


def test_only_the_monitor_writes_reports_and_only_there(deployed: Deployed) -> None:
    bucket = deployed.one(BUCKET)
    monitor, select = (_as(deployed, name) for name in ("monitor", "select"))
    with _rights_enforced(deployed):
        monitor.put_object(Bucket=bucket, Key="reports/2026/06/02/report.json", Body=b"{}")
        for who, key in ((monitor, "access/log"), (select, "reports/2026/06/02/report.json")):
            with pytest.raises(ClientError, match="AccessDenied"):
                who.put_object(Bucket=bucket, Key=key, Body=b"{}")
        with pytest.raises(ClientError, match="AccessDenied"):
            monitor.delete_object(Bucket=bucket, Key="reports/2026/06/02/report.json")


def test_mails_are_posted_by_some_and_taken_by_the_courier_alone(deployed: Deployed) -> None:
    mail = {"Bucket": deployed.one(BUCKET), "Key": "mails/1.json"}
    monitor, settle, courier = (_as(deployed, name) for name in ("monitor", "settle", "courier"))
    with _rights_enforced(deployed):
        settle.put_object(**mail, Body=b"{}")
        monitor.put_object(**mail, Body=b"{}")
        for who in (monitor, settle):
            with pytest.raises(ClientError, match="AccessDenied"):
                who.get_object(**mail)
        assert courier.get_object(**mail)["Body"].read() == b"{}"
        courier.delete_object(**mail)


def test_the_archive_has_its_own_folder_and_no_other(deployed: Deployed) -> None:
    bucket = deployed.one(BUCKET)
    archive, monitor = (_as(deployed, name) for name in ("archive", "monitor"))
    with _rights_enforced(deployed):
        archive.put_object(Bucket=bucket, Key="events/date=2026-06-02/part-0000.parquet", Body=b"rows")
        archive.delete_object(Bucket=bucket, Key="events/date=2026-06-02/part-0000.parquet")
        with pytest.raises(ClientError, match="AccessDenied"):
            archive.put_object(Bucket=bucket, Key="reports/latest.json", Body=b"{}")
        with pytest.raises(ClientError, match="AccessDenied"):
            monitor.get_object(Bucket=bucket, Key="events/date=2026-06-02/part-0000.parquet")


def test_the_scheduler_takes_every_schedule_as_the_template_has_it(own: Synthesised, deployed: Deployed) -> None:
    scheduler = deployed.client("scheduler")
    for name, properties in own.resources("AWS::Scheduler::Schedule").items():
        wanted = deepcopy(properties)  # moto's CloudFormation makes no schedules; its Scheduler does
        wanted["Target"] |= {"Arn": deployed.outputs[f"{name}Arn"], "RoleArn": deployed.outputs[f"{name}RoleArn"]}
        wanted["Target"]["DeadLetterConfig"] = {"Arn": deployed.outputs[f"{name}Missed"]}
        scheduler.create_schedule(Name=name, **wanted)
        found = scheduler.get_schedule(Name=name)
        assert {key: found[key] for key in wanted} == wanted
        (schedule,) = [it for it in SCHEDULES if it.name.title() in name]
        assert f"Compute{schedule.function.title()}" in found["Target"]["Arn"]
    assert len(scheduler.list_schedules()["Schedules"]) == len(SCHEDULES)


def _part(own: Synthesised) -> dict[str, Any]:
    """The supported part of the template, without DependsOn and without CDK's own function."""
    found: dict[str, Any] = own.template["Resources"]
    part = deepcopy({n: it for n, it in found.items() if it["Type"] in KNOWN_TO_MOTO and not n.startswith("AWSCDK")})
    for resource in part.values():
        resource.pop("DependsOn", None)
        resource["Properties"].pop(UNREADABLE.get(resource["Type"], ""), None)
    return part


def _arns(own: Synthesised) -> dict[str, Any]:
    """Outputs that resolve each schedule's references."""
    targets = {name: it["Target"] for name, it in own.resources("AWS::Scheduler::Schedule").items()}
    parts = ("Arn", "RoleArn")
    found = {f"{name}{part}": {"Value": target[part]} for name, target in targets.items() for part in parts}
    return found | {f"{name}Missed": {"Value": it["DeadLetterConfig"]["Arn"]} for name, it in targets.items()}


def _upload(own: Synthesised, endpoint: str, folder: Path) -> None:
    """Puts every asset into CDK's bucket, as `cdk deploy` does."""
    s3 = _client("s3", endpoint)
    manifests = [json.loads(file.read_text()) for file in own.folder.glob("*.assets.json")]
    for key, asset in (found for manifest in manifests for found in manifest["files"].items()):
        if asset["source"]["packaging"] == "zip":
            file = shutil.make_archive(str(folder / key), "zip", own.folder / asset["source"]["path"])
            (where,) = asset["destinations"].values()
            with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
                s3.create_bucket(Bucket=where["bucketName"], CreateBucketConfiguration=HERE)
            s3.upload_file(file, where["bucketName"], where["objectKey"])


def _as(deployed: Deployed, name: str) -> Any:
    """S3 with the rights of a function's role."""
    (function,) = [it for it in FUNCTIONS if it.name == name]
    arn = f"arn:aws:iam::123456789012:role/{deployed.role(function)}"
    keys = deployed.client("sts").assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]
    return deployed.client(
        "s3",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


@contextmanager
def _rights_enforced(deployed: Deployed) -> Generator[None]:
    """Lets moto check IAM until the block ends; it compares resources for S3 only."""
    _let_pass(deployed, "0")
    try:
        yield
    finally:
        _let_pass(deployed, "inf")


def _let_pass(deployed: Deployed, requests: str) -> None:
    """Sets the number of requests after which moto checks IAM."""
    with closing(HTTPConnection(urlsplit(deployed.endpoint).netloc)) as moto:
        moto.request("POST", "/moto-api/reset-auth", requests)
        assert moto.getresponse().status == 200


def _client(service: str, endpoint: str, **keys: str) -> Any:
    return cast("Any", boto3.client(service, endpoint_url=endpoint, **(KEYS | keys)))
