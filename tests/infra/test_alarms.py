"""Every function, queue and day can wake the team, by a topic that CloudWatch may use."""

import json
from typing import Any

import pytest

from benchmarks.cost import Prices, idle
from infra.local.commands.smoke import ALARM
from infra.packaging import ROOT
from infra.service import FEEDBACK_QUEUE, FUNCTIONS, OVER_HTTP

from .permissions import listed
from .synthesised import Synthesised


def test_every_function_and_queue_can_wake_the_team(prod: Synthesised) -> None:
    alarms = prod.resources("AWS::CloudWatch::Alarm")
    watched = [json.dumps(alarm) for alarm in alarms.values()]
    own = [name for name in prod.resources("AWS::Lambda::Function") if not name.startswith("AWSCDKTrigger")]
    for name in own:  # CDK's own function runs at deploy only, and its failure is the deployment's
        metrics = [alarm for alarm in watched if f'{{"Ref": "{name}"}}' in alarm]
        assert all(any(f'"{what}"' in it for it in metrics) for what in ("Errors", "Throttles", "Duration")), name
    assert all(any(queue in alarm for alarm in watched) for queue in prod.resources("AWS::SQS::Queue"))
    assert all(alarm["AlarmActions"] == alarm["OKActions"] for alarm in alarms.values())
    assert [it["Endpoint"] for it in prod.resources("AWS::SNS::Subscription").values()] == ["team@example.com"] * 2
    assert f"{len(alarms)} alarms" in str(idle(Prices()))  # as docs/cost.md counts them


def test_every_alarm_may_publish_to_its_topic_and_use_the_topics_key(prod: Synthesised) -> None:
    """A topic's policy replaces SNS's own, which lets the account's services publish; a key's names each service."""
    for alarm in prod.resources("AWS::CloudWatch::Alarm").values():
        (topic,) = {json.dumps(it) for it in (*alarm["AlarmActions"], *alarm["OKActions"])}
        found = json.loads(topic)["Ref"]
        (policy,) = [it for it in prod.resources("AWS::SNS::TopicPolicy").values() if it["Topics"] == [{"Ref": found}]]
        assert _allows(policy["PolicyDocument"], "cloudwatch.amazonaws.com", "sns:Publish")
        key = prod.resources("AWS::SNS::Topic")[found]["KmsMasterKeyId"]["Fn::GetAtt"][0]
        document = prod.resources("AWS::KMS::Key")[key]["KeyPolicy"]
        for action in ("kms:Decrypt", "kms:GenerateDataKey*"):
            assert _allows(document, "cloudwatch.amazonaws.com", action)


def test_the_alarm_that_is_set_by_hand_rolls_no_deployment_back(prod: Synthesised) -> None:
    (rung,) = [name for name in prod.resources("AWS::CloudWatch::Alarm") if ALARM in name]
    groups = json.dumps(prod.resources("AWS::CodeDeploy::DeploymentGroup"))
    assert "AlarmsSelectErrors" in groups
    assert rung not in groups


def test_pages_and_business_alerts_are_two_topics(prod: Synthesised) -> None:
    courier = prod.one("AWS::Lambda::Function", "ComputeCourier")["Environment"]["Variables"]
    assert "MessagingAlerts" in json.dumps(courier["ALERT_TOPIC_ARN"])
    assert all("MessagingPages" in json.dumps(it) for it in prod.resources("AWS::CloudWatch::Alarm").values())


def test_the_handbook_says_what_to_do_for_every_alarm(prod: Synthesised) -> None:
    handbook = (ROOT / "docs" / "operations.md").read_text()
    for logical_id in prod.resources("AWS::CloudWatch::Alarm"):
        name = logical_id.removeprefix("Alarms")[:-8]  # CDK ends every id with eight characters of a hash
        family = next((f"…{what}" for what in ("Throttles", "Slow") if name.endswith(what)), name)
        assert f"`{family}`" in handbook


@pytest.mark.parametrize(("alarm", "hours"), [("MonitorMissed", 25), ("CourierMissed", 1)])
def test_a_day_without_the_monitor_or_an_hour_without_the_courier_wakes_the_team(
    prod: Synthesised, alarm: str, hours: int
) -> None:
    missed = prod.one("AWS::CloudWatch::Alarm", alarm)
    assert missed["TreatMissingData"] == "breaching"
    assert (missed["ComparisonOperator"], missed["Threshold"]) == ("LessThanThreshold", 1)
    assert missed["Period"] * missed["EvaluationPeriods"] == 3600 * hours
    assert missed["EvaluationPeriods"] >= 12  # CloudWatch looks a few periods further back: a small part of so many


def test_one_slow_run_is_enough_of_what_runs_once_a_night(prod: Synthesised) -> None:
    """Three periods of five minutes in a row would never have a run of it."""
    for function in FUNCTIONS:
        slow = prod.one("AWS::CloudWatch::Alarm", f"Alarms{function.name.title()}Slow")
        often = function.name in {*OVER_HTTP, FEEDBACK_QUEUE.consumer}
        assert slow["EvaluationPeriods"] == (3 if often else 1), function.name


def _allows(document: dict[str, Any], service: str, action: str) -> bool:
    """Whether a resource's policy lets a service of AWS do something on behalf of this account, and of it alone."""
    return any(
        statement["Effect"] == "Allow"
        and service in listed(statement["Principal"].get("Service", []))
        and action in listed(statement["Action"])
        and statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        for statement in document["Statement"]
        if isinstance(statement["Principal"], dict)
    )
