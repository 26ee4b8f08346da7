"""The check after a deployment fails where the deployment does not answer or cannot ring. AWS's client is real, and
answers by its own stubs, as moto keeps no history of alarms."""

import json
from datetime import UTC, datetime
from typing import Any, cast

import boto3
import pytest
from botocore.stub import Stubber

from infra.local.__main__ import main
from infra.smoke import ALARM_SECONDS, PAUSE_SECONDS, rings

ALARM = "bandit-selector-prod-AlarmsOperateErrors1A2B"
ASKED = {"AlarmName": ALARM, "HistoryItemType": "Action"}
STACK = "bandit-selector-quiet"


@pytest.fixture
def cloudwatch() -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
    return cast("Any", boto3.client("cloudwatch", **keys))


def state(stub: Stubber, value: str) -> None:
    reason = {"StateReason": "./dev smoke: nothing is wrong"}
    stub.add_response("set_alarm_state", {}, {"AlarmName": ALARM, "StateValue": value, **reason})


def history(stub: Stubber, *summaries: str, at: datetime | None = None) -> None:
    items = [{"Timestamp": at or datetime.now(UTC), "HistorySummary": summary} for summary in summaries]
    stub.add_response("describe_alarm_history", {"AlarmHistoryItems": items}, ASKED)


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ("Successfully executed action arn:aws:sns:eu-central-1:123456789012:Pages", True),
        ("Failed to execute action arn:aws:sns:eu-central-1:123456789012:Pages. Received error: KMS", False),
    ],
)
def test_an_alarm_rings_if_its_history_says_that_the_mail_was_sent(cloudwatch: Any, said: str, holds: bool) -> None:
    waited: list[float] = []
    with Stubber(cloudwatch) as stub:
        state(stub, "ALARM")
        history(stub, "Successfully executed action long ago", at=datetime(2026, 1, 1, tzinfo=UTC))
        history(stub, said)
        state(stub, "OK")
        found = rings(cloudwatch, ALARM, waited.append)
        stub.assert_no_pending_responses()
    assert (found.holds, found.seen) == (holds, said)
    assert waited == [PAUSE_SECONDS]


def test_an_alarm_without_an_action_does_not_ring_and_is_set_back(cloudwatch: Any) -> None:
    with Stubber(cloudwatch) as stub:
        state(stub, "ALARM")
        for _ in range(int(ALARM_SECONDS / PAUSE_SECONDS)):
            history(stub)
        state(stub, "OK")
        found = rings(cloudwatch, ALARM, lambda _: None)
        stub.assert_no_pending_responses()
    assert (found.holds, found.seen) == (False, "no action in its history")


def test_a_deployment_without_its_alarm_fails_the_check(
    moto: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}
    for name, value in {**keys, "AWS_ENDPOINT_URL": moto}.items():
        monkeypatch.setenv(name, value)
    cloud = cast("Any", boto3.client("cloudformation", region_name="eu-central-1"))
    for name, outputs in ((STACK, {"ApiUrl": {"Value": "http://127.0.0.1:1"}}), (f"{STACK}-data", {})):
        body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
        cloud.create_stack(StackName=name, TemplateBody=json.dumps(body))
    assert main(["smoke", "--stack", STACK]) == 1
    said = capsys.readouterr().out
    assert "❌ alarm OperateErrors → topic: the stack bandit-selector-quiet has no such alarm" in said
    assert "❌ GET /health: 0, expected 200" in said
    assert main(["smoke", "--stack", f"{STACK}-data"]) == 1  # there is no stack …-data-data
    assert "cannot be found" in capsys.readouterr().err
