"""The runbooks of docs/operations.md: each names its rehearsal, and what no other test rehearses is done here."""

import io
import json
import re
import zipfile
from contextlib import closing
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from bandit_selector.feedback import Message, new_message_id
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.outcomes import apply
from bandit_selector.store.verification import first_difference

from functions.select.handler import respond
from infra.packaging import ROOT
from tests.integration.events import NOW, http_event, load_site

from .conftest import client_of

HANDBOOK = (ROOT / "docs" / "operations.md").read_text()
RUNBOOKS = (
    *("Install in 15 minutes", "Roll back", "Rotate", "Restore", "Work on the database", "Upgrade PostgreSQL"),
    *("Raise limits", "The certificate bundle", "Remove"),
)


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_names_its_rehearsal_and_where_that_stops(name: str) -> None:
    section = HANDBOOK.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    rehearsed = section.partition("*Rehearsed:*")[2]
    assert "It stops at" in rehearsed
    named = re.findall(r"`(tests/[\w/]+\.py)`", rehearsed)
    assert all((ROOT / file).is_file() for file in named), named


def test_the_example_of_a_workflow_shows_waits_deploys_and_asks() -> None:
    workflow = (ROOT / "docs" / "examples" / "deploy.yml").read_text()
    steps = ("./dev synth", "cdk diff", "gh pr comment", "environment: production", "./dev deploy", "./dev smoke")
    places = [workflow.index(step) for step in steps]
    assert places == sorted(places)
    assert "(examples/deploy.yml)" in HANDBOOK


def test_the_alias_goes_back_to_a_former_version_at_once(moto: str) -> None:
    functions = _two_versions(moto)
    functions.update_alias(FunctionName="select", Name="live", FunctionVersion="1")
    assert functions.get_alias(FunctionName="select", Name="live")["FunctionVersion"] == "1"
    functions.delete_function(FunctionName="select", Qualifier="2")
    left = {it["Version"] for it in functions.list_versions_by_function(FunctionName="select")["Versions"]}
    assert left == {"$LATEST", "1"}


def test_the_consumer_can_be_stopped_and_feedback_waits(moto: str) -> None:
    functions, sqs = _two_versions(moto, "consumer"), client_of("sqs", moto)
    url = sqs.create_queue(QueueName="waiting")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="consumer")
    (found,) = functions.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=found["UUID"], Enabled=False)
    assert functions.get_event_source_mapping(UUID=found["UUID"])["State"] == "Disabled"
    sqs.send_message(QueueUrl=url, MessageBody="a click")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "a click"


def _two_versions(aws: str, name: str = "select") -> Any:
    role = client_of("iam", aws).create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions = client_of("lambda", aws)
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="f.handler",
        Code={"ZipFile": _code("1")},
        Publish=True,
    )
    functions.update_function_code(FunctionName=name, ZipFile=_code("2"), Publish=True)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="2")
    return functions


def _code(answer: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("f.py", f"def handler(event, context):\n    return {answer}\n")
    return content.getvalue()


def test_a_restored_database_takes_the_queues_messages_and_verifies(connection: Connection, database_url: str) -> None:
    """A copy from before the loss, the messages from after it, delivered again."""
    load_site(connection)
    event_id = _shown(database_url)
    early, late = _click(event_id, 1), _click(event_id + 1, 2)
    rule = Rule.of(Settings())
    with connect(database_url) as own, own.transaction():
        apply(own, [early], rule, NOW)
    server, _, name = database_url.rpartition("/")
    name = name.partition("?")[0]
    copy = f"{name}_restored"
    connection.close()  # a template has no other session
    with connect(f"{server}/postgres") as admin:
        admin.execute(f"CREATE DATABASE {copy} TEMPLATE {name}".encode())
    try:
        with connect(f"{server}/{copy}") as restored:
            with restored.transaction():
                applied = apply(restored, [early, late], rule, NOW)  # the queue knows nothing of the restore
            assert applied.new == 1
            assert first_difference(restored) is None
            assert restored.execute("SELECT sum(total_successes) FROM bandit_states").fetchone() == (2,)
    finally:
        with connect(f"{server}/postgres") as admin:
            admin.execute(f"DROP DATABASE {copy} WITH (FORCE)".encode())


def _shown(database_url: str) -> int:
    with closing(Database(lambda: database_url)) as database:
        asked = http_event({"user_id": "1", "limit": "5", "use_bandit": "true"})
        return json.loads(respond(asked, Settings(), database)["body"])[0]["event_id"]


def _click(event_id: int, number: int) -> Message:
    at = NOW + timedelta(minutes=1)
    known = new_message_id(at, Random(number))
    return Message(message_id=known, action="click", user_id=1, event_id=event_id, occurred_at=at, received_at=at)
