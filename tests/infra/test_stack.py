"""The template matches infra.service, gives the least rights, and has no public resource."""

import json
import subprocess
from collections.abc import Callable
from typing import Any, cast

import pytest
from bandit_selector.settings import Settings
from bandit_selector.store.roles import ROLES

from benchmarks.cost import Prices, idle
from functions.identity.handler import SCOPES
from infra.packaging import ROOT
from infra.service import (
    AUTHORIZER_KEPT,
    EVERYWHERE,
    FEEDBACK_QUEUE,
    FUNCTIONS,
    LAMBDA_PYTHON,
    ROUTES,
    SCHEDULES,
    functions,
)

from . import golden
from .permissions import text
from .synthesised import KINDS, Synthesised

pytestmark = pytest.mark.xdist_group("infra")


@pytest.mark.parametrize("kind", KINDS)
def test_every_finding_of_cdk_nag_is_fixed_or_answered(synthesise: Callable[[str], Synthesised], kind: str) -> None:
    assert synthesise(kind).violations == []


def test_cfn_lint_has_no_error_and_no_warning(synthesise: Callable[[str], Synthesised]) -> None:
    made = [synthesise(kind) for kind in KINDS]
    found = subprocess.run(
        ["cfn-lint", "--template", *(file for it in made for file in it.files)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (found.returncode, found.stdout) == (0, "")


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


def test_every_route_has_its_function_and_its_lock(prod: Synthesised) -> None:
    locks = {"open": ("NONE", None), "visitor": ("JWT", None)}
    locks |= {scope: ("JWT", {scope}) for scope in ("analytics", "service")}
    routes = {it["RouteKey"]: it for it in prod.resources("AWS::ApiGatewayV2::Route").values()}
    assert set(routes) == {f"{route.method} {route.path}" for route in ROUTES}
    for route in ROUTES:
        made = routes[f"{route.method} {route.path}"]
        kind, scopes = locks[route.access]
        assert made["AuthorizationType"] == kind
        assert (scopes or set()) <= set(made.get("AuthorizationScopes", []))
        assert bool(made.get("AuthorizationScopes")) == bool(scopes)
        assert f"Compute{route.function.title()}Live" in json.dumps(_integration(prod, made))


def test_what_is_not_ours_goes_to_the_site_as_it_came(
    prod: Synthesised, synthesise: Callable[[str], Synthesised]
) -> None:
    own = synthesise("own")
    routes = {it["RouteKey"]: it for it in own.resources("AWS::ApiGatewayV2::Route").values()}
    assert set(routes) == {"$default", *(f"{route.method} {route.path}" for route in ROUTES)}
    assert routes["$default"]["AuthorizationType"] == "NONE"
    integration = _integration(own, routes["$default"])
    assert (integration["IntegrationType"], integration["IntegrationMethod"]) == ("HTTP_PROXY", "ANY")
    assert integration["IntegrationUri"] == "https://backend.example.com"
    assert integration["RequestParameters"] == {"overwrite:path": "$request.path"}
    cors = own.one("AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert {"PUT", "PATCH", "DELETE"} <= set(cors["AllowMethods"])
    assert {"authorization", "*"} <= set(cors["AllowHeaders"])
    assert set(prod.one("AWS::ApiGatewayV2::Api")["CorsConfiguration"]["AllowMethods"]) == {"GET", "POST", "OPTIONS"}


def test_the_sites_own_tokens_open_visitors_routes_and_no_others(synthesise: Callable[[str], Synthesised]) -> None:
    own = synthesise("own")
    routes = {it["RouteKey"]: it for it in own.resources("AWS::ApiGatewayV2::Route").values()}
    kinds = {"open": "NONE", "visitor": "CUSTOM", "analytics": "JWT", "service": "JWT"}
    assert {f"{route.method} {route.path}": kinds[route.access] for route in ROUTES}.items() <= {
        key: it["AuthorizationType"] for key, it in routes.items()
    }.items()
    authorizer = own.one("AWS::ApiGatewayV2::Authorizer", "SiteTokens")
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert (authorizer["EnableSimpleResponses"], authorizer["AuthorizerPayloadFormatVersion"]) == (True, "2.0")
    assert authorizer["AuthorizerResultTtlInSeconds"] == AUTHORIZER_KEPT.total_seconds()
    function = own.one("AWS::Lambda::Function", "ComputeAuthorize")
    assert function["Environment"]["Variables"]["SITE_TOKENS"] == KINDS["own"]["site_tokens"]
    policies = json.dumps([it for name, it in own.resources("AWS::IAM::Policy").items() if "AuthorizeRole" in name])
    assert KINDS["own"]["site_tokens"] in policies
    others = json.dumps([it for name, it in own.resources("AWS::IAM::Policy").items() if "AuthorizeRole" not in name])
    assert KINDS["own"]["site_tokens"] not in others


def test_a_group_is_a_scope_and_nobody_makes_himself_a_user(prod: Synthesised) -> None:
    groups = {it["GroupName"] for it in prod.resources("AWS::Cognito::UserPoolGroup").values()}
    assert groups == set(SCOPES)
    pool = prod.one("AWS::Cognito::UserPool", "PeoplePool")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaVersion"] == "V3_0"  # machines' tokens too
    clients = [
        set(it["AllowedOAuthScopes"])
        for it in prod.resources("AWS::Cognito::UserPoolClient").values()
        if "openid" in it.get("AllowedOAuthScopes", [])
    ]
    assert clients == [{"openid"}]  # clients cannot request a scope; the trigger gives it


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


def test_functions_are_made_after_all_data_and_data_name_no_function(prod: Synthesised) -> None:
    data, service = prod.stacks["bandit-selector-prod-data"], prod.stacks["bandit-selector-prod"]
    assert "Fn::ImportValue" not in json.dumps(data)  # so it can be deployed alone, and first
    kept = ("AWS::RDS::DBCluster", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::KMS::Key", "AWS::Cognito::UserPool")
    assert not [it for it in service["Resources"].values() if it["Type"] in kept]
    assembly = json.loads((prod.folder / "manifest.json").read_text())
    assert "bandit-selector-prod-data" in assembly["artifacts"]["bandit-selector-prod"]["dependencies"]


def test_no_role_may_do_everything_or_touch_everything(prod: Synthesised) -> None:
    for name, statement in _statements(prod):
        actions = _listed(statement["Action"])
        assert not [action for action in actions if action == "*" or action.endswith(":*")], name
        resources = json.dumps(_listed(statement["Resource"]))
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
        for action in _listed(statement["Action"]):
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
    found = [it["Action"] for _, it in _statements(synthesise("own")) if key in _listed(it["Resource"])]
    assert set(found) == {"kms:Decrypt"}
    assert len(found) == len([f for f in functions(site_tokens=True) if "database" in f.uses])


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


@pytest.mark.parametrize(("alarm", "seconds"), [("MonitorMissed", 86400), ("CourierMissed", 3600)])
def test_a_day_without_the_monitor_or_an_hour_without_the_courier_wakes_the_team(
    prod: Synthesised, alarm: str, seconds: int
) -> None:
    missed = prod.one("AWS::CloudWatch::Alarm", alarm)
    assert missed["TreatMissingData"] == "breaching"
    assert (missed["ComparisonOperator"], missed["Threshold"], missed["Period"]) == ("LessThanThreshold", 1, seconds)


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
        actions = {it for part, said in _statements(prod) if role in part for it in _listed(said["Action"])}
        assert not actions & called, name


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


def test_the_templates_have_not_changed_unseen(prod: Synthesised) -> None:
    for stack in prod.stacks:
        assert golden.text(prod, stack) == golden.file(stack).read_text(), (
            "If it was meant: ./dev python -m tests.infra.golden, then review."
        )


def test_the_teams_own_database_and_issuer_replace_ours(synthesise: Callable[[str], Synthesised]) -> None:
    own = synthesise("own")
    assert own.resources("AWS::RDS::DBCluster") == own.resources("AWS::Cognito::UserPool") == {}
    (issuers,) = [it for it in own.resources("AWS::ApiGatewayV2::Authorizer").values() if it["AuthorizerType"] == "JWT"]
    assert issuers["JwtConfiguration"] == {
        "Audience": ["movies"],
        "Issuer": "https://login.example.com/",
    }
    assert own.one("AWS::EC2::SecurityGroupIngress")["GroupId"] == "sg-0123456789abcdef0"
    assert own.one("AWS::ApiGatewayV2::DomainName")["DomainName"] == "bandit.example.com"
    assert own.one("AWS::ApiGatewayV2::Api")["DisableExecuteApiEndpoint"] is True
    assert "RegionalDomainName" in json.dumps(own.template["Outputs"]["DomainTarget"])  # the target of its DNS


def _allows(document: dict[str, Any], service: str, action: str) -> bool:
    """Whether a resource's policy lets a service of AWS do something on behalf of this account, and of it alone."""
    return any(
        statement["Effect"] == "Allow"
        and service in _listed(statement["Principal"].get("Service", []))
        and action in _listed(statement["Action"])
        and statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        for statement in document["Statement"]
        if isinstance(statement["Principal"], dict)
    )


def _integration(made: Synthesised, route: dict[str, Any]) -> dict[str, Any]:
    reference = route["Target"]["Fn::Join"][1][1]["Ref"]
    return made.resources("AWS::ApiGatewayV2::Integration")[reference]


def _migration(made: Synthesised) -> dict[str, Any]:
    (trigger,) = [it for it in made.template["Resources"].values() if it["Type"] == "Custom::Trigger"]
    return trigger


def _statements(made: Synthesised) -> list[tuple[str, dict[str, Any]]]:
    policies = made.resources("AWS::IAM::Policy").items()
    return [(name, statement) for name, it in policies for statement in it["PolicyDocument"]["Statement"]]


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]
