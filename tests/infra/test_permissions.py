"""Each role is allowed what its function was seen to do, and nothing that another function was seen to do.

The functions run from their uploads against moto, which records every request; a small evaluator reads the policies.
"""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from bandit_selector.store.connection import Connection
from bandit_selector.store.roles import role_of
from moto.moto_api import recorder

from infra.service import AUTHORIZER, FEEDBACK_QUEUE, FUNCTIONS, SCHEDULES, Function
from infra.unpacked import Process
from tests.integration.events import http_event, load_site, queue_event

from .conftest import client_of
from .permissions import Call, Policies, recorded, text
from .synthesised import KINDS, Synthesised

ALL = (*FUNCTIONS, AUTHORIZER)
INSIDE = {function.name for function in FUNCTIONS if "database" in function.uses}
SCHEDULED = {schedule.function for schedule in SCHEDULES}
A_MAIL = (
    "INSERT INTO monitor_mails (kind, metric, subject, body, written_at) VALUES ('alert', 'ctr', 'CTR', 'low', now())"
)
MOMENT = "2026-06-01T19:31:00Z"
SITE_KEY = "0123456789abcdef0123456789abcdef"
LOGGING = ("logs:CreateLogStream", "logs:PutLogEvents")
NETWORK = (
    *("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
    *("ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
)
POLLING = (
    *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
    *("sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
)
SEEN_ELSEWHERE = {"settle": {("s3:PutObject", "Reports/mails/1.json")}}
"""The brake's mail needs hundreds of lists; tests/integration/services/test_ramp.py posts it."""


@pytest.fixture
def calls(
    process: Callable[..., Process], connection: Connection, moto: str, environment: dict[str, str], tmp_path: Path
) -> dict[str, set[Call]]:
    """What each function asked of AWS while it did its work, by names: Feedback, DeadLetters, Reports, Alerts."""
    names = _prepared(moto, environment)
    environment["SITE_TOKENS"] = names["site"]
    recorder._location = str(tmp_path / "requests")  # pyright: ignore[reportPrivateUsage] # its only setting
    recorder.start_recording()
    try:
        _work(process, connection, environment)
    finally:
        recorder.stop_recording()
    found: dict[str, set[Call]] = {function.name: set() for function in ALL}
    for function, call in recorded((tmp_path / "requests").read_text(), names):
        if function in found:  # the test's own clients have another key
            found[function].add(call)
    return found


@pytest.mark.long
def test_each_function_may_do_what_it_does_and_not_what_others_do(
    calls: dict[str, set[Call]], synthesise: Callable[[str], Synthesised]
) -> None:
    """With the team's own database, where every function with a database reads its secret, as it did here."""
    own = synthesise("own")
    policies = Policies(own)
    done = {name: {_placed(call, own) for call in found} for name, found in calls.items()}
    for name, more in SEEN_ELSEWHERE.items():
        done[name] |= {_placed(Call(*call), own) for call in more}
    everything = set[Call]().union(*done.values())
    assert {call.action for call in everything} >= {"sqs:SendMessage", "s3:PutObject", "s3:DeleteObject", "sns:Publish"}
    wrong = {name: said for name in done if (said := _compared(name, policies, done[name], everything))}
    assert wrong == {}


def _compared(name: str, policies: Policies, needed: set[Call], everything: set[Call]) -> dict[str, set[object]]:
    """Calls that a role lacks; calls of others that it may make; actions without a use."""
    (function,) = [function for function in ALL if function.name == name]
    role = policies.role(f"Compute{name.title()}Role")
    allowed = {call for call in everything if policies.allow(role, call)}
    by_lambda = set(POLLING) if name == FEEDBACK_QUEUE.consumer else set[str]()
    foreign = {_kind(call) for call in allowed if call.action not in by_lambda} - {_kind(call) for call in needed}
    seen = {call.action for call in needed}
    unused = policies.actions(role) - seen - _by_lambda(function, seen)
    found: dict[str, set[object]] = {"lacks": {*(needed - allowed)}, "foreign": {*foreign}, "unused": {*unused}}
    return {what: calls for what, calls in found.items() if calls}


def test_our_own_database_is_entered_by_one_user_a_function_and_its_secret_by_owners(prod: Synthesised) -> None:
    policies = Policies(prod)
    users = re.compile(r"dbuser:.*/(\w+)")
    for function in FUNCTIONS:
        role = policies.role(f"Compute{function.name.title()}Role")
        actions = policies.actions(role)
        own = role_of(function.name)
        assert ("rds-db:connect" in actions) is bool(own and function.name in INSIDE)
        assert ("secretsmanager:GetSecretValue" in actions) is (not own and function.name in INSIDE)
        for other in FUNCTIONS:
            if user := role_of(other.name):
                place = next(
                    text for text in _resources(prod, "rds-db:connect") if users.search(text) and text.endswith(user)
                )
                assert policies.allow(role, Call("rds-db:connect", place)) is (other.name == function.name)


def test_what_calls_a_function_may_call_that_one_alone(prod: Synthesised) -> None:
    policies = Policies(prod)
    named = {function.name: f"Compute{function.name.title()}" for function in FUNCTIONS}
    made = {name: _logical(prod, "AWS::Lambda::Function", part) for name, part in named.items()}
    for schedule in SCHEDULES:
        role = policies.role(f"Clock{schedule.name.title()}Role")
        calls = {name: Call("lambda:InvokeFunction", f"<{place}>") for name, place in made.items()}
        may = {name for name, call in calls.items() if policies.allow(role, call)}
        assert may == {schedule.function}


def _prepared(moto: str, environment: dict[str, str]) -> dict[str, str]:
    """Makes the dead-letter queue, the files and the secrets; the template's names by those in moto."""
    sqs, s3 = client_of("sqs", moto), client_of("s3", moto)
    feedback = environment["FEEDBACK_QUEUE_URL"].rpartition("/")[2]
    dead = sqs.create_queue(QueueName=f"dead-{feedback}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "5"})
    sqs.set_queue_attributes(QueueUrl=environment["FEEDBACK_QUEUE_URL"], Attributes={"RedrivePolicy": policy})
    bucket = environment["REPORT_BUCKET"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="imports/users.csv", Body=b"id\n901\n")
    site = client_of("secretsmanager", moto).create_secret(Name=f"site-{feedback}", SecretString=SITE_KEY)["ARN"]
    return {
        feedback: "Feedback",
        f"dead-{feedback}": "DeadLetters",
        bucket: "Reports",
        environment["ALERT_TOPIC_ARN"]: "Alerts",
        environment["DATABASE_SECRET_ARN"]: KINDS["own"]["database_secret_arn"],
        site: KINDS["own"]["site_tokens"],
        "site": site,
    }


def _work(process: Callable[..., Process], connection: Connection, environment: dict[str, str]) -> None:
    """Has each function do all that asks something of AWS."""
    load_site(connection, users=20)
    connection.execute(
        "INSERT INTO ratings (user_id, movie_id, rating) SELECT u, u + 1, 4 FROM generate_series(1, 20) u"
    )
    connection.execute("ALTER TABLE users ADD COLUMN IF NOT EXISTS username text")
    connection.execute("UPDATE users SET username = 'visitor-' || id")
    shown = json.loads(process("select").invoke(http_event({"user_id": "1", "limit": "5"}))["body"])
    click = {"action": "click", "event_id": shown[0]["event_id"]}
    seen = {"action": "seen", "event_ids": [movie["event_id"] for movie in shown]}
    ingest = process("ingest")
    assert ingest.invoke(_track({"user_id": 1, "movie_id": shown[0]["id"]}))["statusCode"] == 202
    several = http_event(body={"user_id": 1, "reactions": [click, seen]}, route="POST /analytics/track")
    assert ingest.invoke(several)["statusCode"] == 202
    told = {
        "action": "click",
        "user_id": 1,
        "event_id": shown[0]["event_id"],
        "occurred_at": MOMENT,
        "received_at": MOMENT,
    }
    message = {"message_id": "0190f3a2-7b2e-7c4d-9d1e-2f3a4b5c6d7e", **told}
    assert process("feedback").invoke(queue_event(json.dumps(message))) == {"batchItemFailures": []}
    process("settle").invoke({"time": "2026-06-01T20:30:00Z"})
    connection.execute(A_MAIL)
    courier = process("courier")
    assert courier.invoke({"time": "2026-06-02T08:58:00Z"}) == {"mails": 0}
    assert process("monitor").invoke({"time": "2026-06-02T09:00:00Z"})["reports"]
    assert courier.invoke({"time": "2026-06-02T09:03:00Z"})["mails"]
    analytics, page = process("analytics"), process("page")
    for route in ("GET /analytics/bandit/stats", "GET /analytics/reports"):
        assert analytics.invoke(http_event(scope="analytics", route=route))["statusCode"] == 200
    for route in ("GET /analytics/queue", "GET /health"):
        asked: dict[str, Any] = http_event(scope="analytics", route=route) | {"headers": {}}
        assert page.invoke(asked)["statusCode"] == 200
    process("migrate").invoke({})
    assert process("operate").invoke(_order("import", table="users", key="imports/users.csv"))["rows"] == 1
    process("candidates").invoke({"time": "2026-06-02T03:00:00Z"})
    archive = process("archive")
    assert archive.invoke({"time": "2026-07-01T01:30:00Z"})["days"]
    assert archive.invoke({"forget_user": 1, "caller": "arn:aws:iam::111122223333:user/ada"})["impressions"]
    token = jwt.encode({"sub": "visitor-2", "exp": int(time.time()) + 600}, SITE_KEY)
    said = process("authorize", SITE_TOKENS=environment["SITE_TOKENS"]).invoke({"identitySource": [f"Bearer {token}"]})
    assert said["context"]["user_id"] == "2"


def _track(body: dict[str, Any]) -> dict[str, Any]:
    return http_event(body=body, path={"action": "click"}, route="POST /analytics/track/{action}")


def _order(command: str, **options: str) -> dict[str, str]:
    return {"command": command, "caller": "arn:aws:iam::111122223333:user/ada", **options}


def _placed(call: Call, made: Synthesised) -> Call:
    """The call with the template's logical id in place of a short name."""
    kinds = {"Feedback": "AWS::SQS::Queue", "DeadLetters": "AWS::SQS::Queue", "Alerts": "AWS::SNS::Topic"}
    name, slash, key = call.resource.partition("/")
    kind = "AWS::S3::Bucket" if name == "Reports" else kinds.get(name)
    place = call.resource if kind is None else f"<{_logical(made, kind, name)}>{slash}{key}"
    return Call(call.action, place, call.prefix)


def _logical(made: Synthesised, kind: str, part: str) -> str:
    (found,) = [name for name in made.resources(kind) if part in name]
    return found


def _resources(made: Synthesised, action: str) -> set[str]:
    policies = made.resources("AWS::IAM::Policy").values()
    statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    return {text(it["Resource"]) for it in statements if it["Action"] == action}


def _kind(call: Call) -> tuple[str, str]:
    """The action, and the resource up to the folder: objects of one folder are alike."""
    return call.action, call.resource.partition("/")[0] + "/" + call.resource.partition("/")[2].partition("/")[0]


def _by_lambda(function: Function, seen: set[str]) -> set[str]:
    """What Lambda itself does with the role: its log, its network, its queue, what failed, and the queues' key."""
    consumes, scheduled = function.name == FEEDBACK_QUEUE.consumer, function.name in SCHEDULED
    actions = {*LOGGING, *(NETWORK if "database" in function.uses else ()), *(POLLING if consumes else ())}
    actions |= {"sqs:SendMessage"} if scheduled else set()
    sends = scheduled or bool(seen & {"sqs:SendMessage", "sns:Publish"})
    actions |= {"kms:GenerateDataKey"} if sends else set()
    actions |= {"kms:Decrypt"} if sends or consumes or "secretsmanager:GetSecretValue" in seen else set()
    return actions
