"""The functions of infra.service in the template: as it says, told what they read, called as it says."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from bandit_selector.settings import Settings

from infra.service import (
    EVERYWHERE,
    FEEDBACK_QUEUE,
    FUNCTIONS,
    LAMBDA_PYTHON,
    ROUTES,
    SCHEDULES,
)

from .synthesised import KINDS, Synthesised


def test_every_function_is_as_the_service_page_says(prod: Synthesised) -> None:
    made = {it["Handler"]: it for it in prod.resources("AWS::Lambda::Function").values()}
    for function in FUNCTIONS:
        properties = made[function.handler]
        assert properties["MemorySize"] == function.memory_mb
        assert properties["Timeout"] == function.timeout.total_seconds()
        assert properties["Runtime"] == f"python{LAMBDA_PYTHON}"
        assert properties["Architectures"] == ["arm64"]
        assert ("VpcConfig" in properties) == ("database" in function.uses)
    extra = set(made) - {function.handler for function in FUNCTIONS}
    assert extra == {"functions.identity.handler.handler", "__entrypoint__.handler"}  # Cognito's trigger, CDK's own


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_is_told_only_what_the_product_can_read(synthesise: Callable[[str], Synthesised], kind: str) -> None:
    readable = {name.upper() for name in Settings.model_fields}
    for function in FUNCTIONS:
        made = synthesise(kind).one("AWS::Lambda::Function", f"Compute{function.name.title()}")
        told = made.get("Environment", {}).get("Variables", {})
        wired = {
            "DATABASE_SECRET_ARN",
            "DATABASE_URL",
            "DATABASE_IAM",
            "DATABASE_ROLE",
            "DATABASE_PAUSES",
            "FEEDBACK_QUEUE_URL",
            "REPORT_BUCKET",
            "ALERT_TOPIC_ARN",
        }
        assert told.items() >= EVERYWHERE.items(), function.name
        assert set(told) - set(EVERYWHERE) <= readable & ({*function.settings} | wired), function.name
        assert "password" not in json.dumps(told).lower()


def test_an_operators_setting_reaches_the_functions_it_concerns(synthesise: Callable[[str], Synthesised]) -> None:
    own = synthesise("own")
    select = own.one("AWS::Lambda::Function", "ComputeSelect")["Environment"]["Variables"]
    ingest = own.one("AWS::Lambda::Function", "ComputeIngest")["Environment"]["Variables"]
    assert select["TREATMENT_SHARE"] == "0.1"
    assert select["USER_ID_CLAIM"] == "sub"
    assert "TREATMENT_SHARE" not in ingest


def test_processes_with_a_connection_are_counted(prod: Synthesised) -> None:
    reserved = {
        function.name: prod.one("AWS::Lambda::Function", f"Compute{function.name.title()}").get(
            "ReservedConcurrentExecutions"
        )
        for function in FUNCTIONS
    }
    bounded = {f.name: f.concurrency for f in FUNCTIONS if "database" in f.uses and f.name != FEEDBACK_QUEUE.consumer}
    assert {name: number for name, number in reserved.items() if number} == bounded
    max_connections_of_one_acu = 189
    assert sum(bounded.values()) + FEEDBACK_QUEUE.maximum_concurrency < max_connections_of_one_acu / 2


def test_the_functions_that_need_the_tables_wait_for_the_migration(prod: Synthesised) -> None:
    resources: dict[str, Any] = prod.template["Resources"]
    for function in FUNCTIONS:
        (made,) = [
            it
            for name, it in resources.items()
            if it["Type"] == "AWS::Lambda::Function" and name.startswith(f"Compute{function.name.title()}")
        ]
        waits = any("Migration" in name for name in made.get("DependsOn", []))
        assert waits == ("database" in function.uses and function.name != "migrate"), function.name
    assert _migration(prod)["Properties"]["InvocationType"] == "RequestResponse"  # its error fails the deployment


def test_functions_that_answer_http_start_from_a_snapshot_in_production(
    synthesise: Callable[[str], Synthesised],
) -> None:
    over_http = {route.function for route in ROUTES}
    for kind, expected in (("prod", over_http), ("dev", set[str]())):
        made = synthesise(kind)
        snapped = {
            function.name
            for function in FUNCTIONS
            if "SnapStart" in made.one("AWS::Lambda::Function", f"Compute{function.name.title()}")
        }
        assert snapped == expected


def test_every_schedule_runs_in_the_configured_zone(synthesise: Callable[[str], Synthesised]) -> None:
    made = synthesise("own").resources("AWS::Scheduler::Schedule")
    assert len(made) == len(SCHEDULES)
    for schedule in SCHEDULES:
        (found,) = [it for name, it in made.items() if schedule.name.title() in name]
        assert found["ScheduleExpression"] == schedule.expression
        assert found["ScheduleExpressionTimezone"] == ("Europe/Berlin" if schedule.in_time_zone else "Etc/UTC")
        assert found["Target"]["Input"] == '{"time":"<aws.scheduler.scheduled-time>"}'
        assert "DeadLetterConfig" in found["Target"]


def test_a_database_that_may_pause_is_not_woken_every_minute(synthesise: Callable[[str], Synthesised]) -> None:
    dev = synthesise("dev")
    assert dev.one("AWS::RDS::DBCluster")["ServerlessV2ScalingConfiguration"]["SecondsUntilAutoPause"] == 600
    assert dev.one("AWS::Scheduler::Schedule", "Settle")["ScheduleExpression"] == "rate(60 minutes)"


def test_the_consumer_answers_record_by_record_and_is_bounded_at_its_source(prod: Synthesised) -> None:
    source = prod.one("AWS::Lambda::EventSourceMapping")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BatchSize"] == FEEDBACK_QUEUE.batch_size
    assert source["MaximumBatchingWindowInSeconds"] == FEEDBACK_QUEUE.batch_window.total_seconds()
    assert source["ScalingConfig"] == {"MaximumConcurrency": FEEDBACK_QUEUE.maximum_concurrency}
    consumer = prod.one("AWS::Lambda::Function", "ComputeFeedback")
    assert "ReservedConcurrentExecutions" not in consumer  # a throttled batch would count as an attempt


def test_a_message_stays_hidden_for_six_times_the_consumers_time_out(prod: Synthesised) -> None:
    queue = prod.one("AWS::SQS::Queue", "Feedback")
    assert queue["VisibilityTimeout"] >= 6 * prod.one("AWS::Lambda::Function", "ComputeFeedback")["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == FEEDBACK_QUEUE.attempts
    assert queue["MessageRetentionPeriod"] == FEEDBACK_QUEUE.retention.total_seconds()


def _migration(made: Synthesised) -> dict[str, Any]:
    (trigger,) = [it for it in made.template["Resources"].values() if it["Type"] == "Custom::Trigger"]
    return trigger
