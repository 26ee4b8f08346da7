"""What happens after the first deployment: restoring, rolling back, failing, being watched."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.service import FEEDBACK_QUEUE, FUNCTIONS, ROUTES, SCHEDULES

from .ordering import unordered
from .synthesised import KINDS, Synthesised

CLUSTER = "AWS::RDS::DBCluster"


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("dev", {"SnapshotIdentifier": "a-snapshot"}),
        (
            "isolated",
            {"SourceDBClusterIdentifier": "bandit-selector-prod", "RestoreToTime": "2026-11-26T10:00:00Z"},
        ),
    ],
)
def test_a_cluster_is_restored_beside_the_old_one(
    synthesise: Callable[[str], Synthesised], kind: str, source: dict[str, str]
) -> None:
    made = synthesise(kind).one(CLUSTER)
    assert source.items() <= made.items()
    assert not {"MasterUsername", "DatabaseName"} & set(made)  # they come from there
    assert made["DBClusterIdentifier"] != f"bandit-selector-{made['DBClusterIdentifier'].split('-')[2]}"
    assert made["ManageMasterUserPassword"] is True  # RDS makes another secret, whose ARN functions are told


def test_the_old_cluster_stays_and_the_functions_follow(prod: Synthesised) -> None:
    data, service = prod.stacks["bandit-selector-prod-data"], prod.stacks["bandit-selector-prod"]
    (cluster,) = [it for it in data["Resources"].values() if it["Type"] == CLUSTER]
    assert (cluster["DeletionPolicy"], cluster["UpdateReplacePolicy"]) == ("Snapshot", "Retain")
    (name,) = [name for name, it in data["Resources"].items() if it["Type"] == CLUSTER]
    exported = json.dumps([output for output in data["Outputs"].values() if "Export" in output])
    assert name not in exported  # CloudFormation refuses to change what another stack imports
    handed_on = {it["Default"] for it in service["Parameters"].values() if "SSM" in it["Type"]}
    assert handed_on >= {f"/bandit-selector/prod/database/{part}" for part in ("host", "users", "secret")}


def test_a_restore_publishes_every_function_and_migrates_again(prod: Synthesised, tmp_path: Path) -> None:
    """The database's address comes from a parameter, so the template of a function does not change with it; without a
    new version the alias would go on calling one that knows the old address."""
    from .synthesis import synthesise_context

    restored = synthesise_context({**KINDS["prod"], "restore_from": "bandit-selector-prod@latest"}, tmp_path)
    before, after = (_versions(made) for made in (prod, restored))
    assert len(before) == len(after) == len({"migrate", *(route.function for route in ROUTES)})
    assert before & after == set()


def _versions(made: Synthesised) -> set[str]:
    return set(made.resources("AWS::Lambda::Version"))


def test_our_cluster_and_functions_fit_into_a_vpc_without_a_way_out(
    synthesise: Callable[[str], Synthesised],
) -> None:
    made = synthesise("isolated")
    subnets = ["subnet-a", "subnet-b"]
    assert made.one("AWS::RDS::DBSubnetGroup")["SubnetIds"] == subnets
    assert made.one("AWS::Lambda::Function", "ComputeSelect")["VpcConfig"]["SubnetIds"] == subnets


@pytest.mark.parametrize("kind", ["AWS::KMS::Key", "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::Cognito::UserPool"])
def test_what_a_failed_first_deployment_made_can_be_cleaned_up(prod: Synthesised, kind: str) -> None:
    made = [it for it in prod.template["Resources"].values() if it["Type"] == kind]
    assert made
    assert {it["DeletionPolicy"] for it in made} == {"RetainExceptOnCreate"}


def test_a_version_stays_so_that_the_alias_can_go_back(prod: Synthesised) -> None:
    versions = [it for it in prod.template["Resources"].values() if it["Type"] == "AWS::Lambda::Version"]
    assert len(versions) == len({"migrate", *(route.function for route in ROUTES)})  # the deployment calls a version
    assert {it["DeletionPolicy"] for it in versions} == {"Retain"}


def test_new_code_gets_a_tenth_of_the_requests_first_and_goes_back_when_its_alarm_rings(
    synthesise: Callable[[str], Synthesised],
) -> None:
    prod = synthesise("prod")
    groups = prod.resources("AWS::CodeDeploy::DeploymentGroup")
    assert len(groups) == len({route.function for route in ROUTES})
    for group in groups.values():
        assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        (alarm,) = [it["Name"]["Ref"] for it in group["AlarmConfiguration"]["Alarms"]]
        assert prod.resources("AWS::CloudWatch::Alarm")[alarm]["MetricName"] == "Errors"
    aliases = [it for it in prod.template["Resources"].values() if it["Type"] == "AWS::Lambda::Alias"]
    assert all("CodeDeployLambdaAliasUpdate" in it["UpdatePolicy"] for it in aliases)
    dev = synthesise("dev").resources("AWS::CodeDeploy::DeploymentGroup").values()
    assert {it["DeploymentConfigName"] for it in dev} == {"CodeDeployDefault.LambdaAllAtOnce"}


def test_a_scheduled_run_that_fails_is_told_and_the_long_ones_are_not_tried_again(prod: Synthesised) -> None:
    configured = prod.resources("AWS::Lambda::EventInvokeConfig")
    tries = {function.name: function.retries for function in FUNCTIONS}
    for schedule in SCHEDULES:
        (found,) = [it for name, it in configured.items() if f"Compute{schedule.function.title()}Failures" in name]
        assert found["MaximumRetryAttempts"] == tries[schedule.function]
        assert "MissedSchedules" in json.dumps(found["DestinationConfig"]["OnFailure"])
    assert (tries["candidates"], tries["archive"]) == (0, 0)


def test_an_outage_of_six_hours_makes_no_dead_letter() -> None:
    """While every delivery fails, a message is hidden for the whole visibility before it comes again."""
    assert (FEEDBACK_QUEUE.visibility * (FEEDBACK_QUEUE.attempts - 1)).total_seconds() > 6 * 3600


def test_strangers_and_the_team_have_limits_of_their_own(prod: Synthesised) -> None:
    settings = prod.one("AWS::ApiGatewayV2::Stage")["RouteSettings"]
    wanted = {f"{route.method} {route.path}": route.per_second for route in ROUTES if route.per_second}
    assert {route: it["ThrottlingRateLimit"] for route, it in settings.items()} == wanted


def test_a_request_can_be_followed_from_the_access_log_to_the_functions(prod: Synthesised) -> None:
    stage = prod.one("AWS::ApiGatewayV2::Stage")
    for part in ("$context.requestId", "$context.integration.requestId"):
        assert part in stage["AccessLogSettings"]["Format"]
    assert (
        "DetailedMetricsEnabled" not in stage["DefaultRouteSettings"]
        or not stage["DefaultRouteSettings"]["DetailedMetricsEnabled"]
    )


def test_lambda_itself_logs_warnings_only(prod: Synthesised) -> None:
    for function in FUNCTIONS:
        made = prod.one("AWS::Lambda::Function", f"Compute{function.name.title()}")
        assert made["LoggingConfig"]["LogFormat"] == "JSON"
        assert made["LoggingConfig"]["SystemLogLevel"] == "WARN"


def test_the_operators_commands_are_kept_for_a_year(prod: Synthesised) -> None:
    (log,) = [
        it
        for name, it in prod.template["Resources"].items()
        if it["Type"] == "AWS::Logs::LogGroup" and "OperateLog" in name
    ]
    assert log["Properties"]["RetentionInDays"] == 365
    assert log["DeletionPolicy"] == "RetainExceptOnCreate"


def test_options_of_an_operator_reach_the_template(synthesise: Callable[[str], Synthesised]) -> None:
    made = synthesise("isolated")
    assert made.one("AWS::Cognito::UserPool")["MfaConfiguration"] == "ON"
    assert made.one("AWS::Budgets::Budget")["Budget"]["BudgetLimit"] == {"Amount": 300, "Unit": "USD"}
    assert made.one("AWS::Lambda::Function", "ComputeSelect")["TracingConfig"] == {"Mode": "Active"}
    mails = {name: it["Endpoint"] for name, it in made.resources("AWS::SNS::Subscription").items()}
    assert sorted(mails.values()) == ["operations@example.com", "team@example.com"]


def test_the_teams_session_ends_within_half_a_day_and_can_be_revoked(prod: Synthesised) -> None:
    client = prod.one("AWS::Cognito::UserPoolClient", "Dashboard")
    assert (client["RefreshTokenValidity"], client["TokenValidityUnits"]["RefreshToken"]) == (720, "minutes")
    assert client["EnableTokenRevocation"] is True


def test_cloudfront_and_a_firewall_stand_before_the_api_where_they_are_asked_for(
    synthesise: Callable[[str], Synthesised], prod: Synthesised
) -> None:
    assert not prod.resources("AWS::CloudFront::Distribution")
    made = synthesise("isolated")
    assert "bandit-selector-prod-edge" in made.stacks
    config = made.one("AWS::CloudFront::Distribution")["DistributionConfig"]
    (origin,) = config["Origins"]
    assert origin["DomainName"] == "abc123.execute-api.eu-central-1.amazonaws.com"
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert "DELETE" in config["DefaultCacheBehavior"]["AllowedMethods"]
    (wall,) = made.resources("AWS::WAFv2::WebACL")
    assert config["WebACLId"] == {"Fn::GetAtt": [wall, "Arn"]}
    rules = made.one("AWS::WAFv2::WebACL")["Rules"]
    assert [rule["Priority"] for rule in rules] == [0, 1, 2]
    assert rules[0]["Action"] == {"Block": {}}


@pytest.mark.parametrize("kind", ["prod", "dev", "isolated", "own"])
def test_every_reference_has_its_target_and_nothing_waits_for_itself(
    synthesise: Callable[[str], Synthesised], kind: str
) -> None:
    for name, stack in synthesise(kind).stacks.items():
        assert unordered(stack) == "", name
