"""A deployment that would fail half-way is refused before anything is made, with every reason and its remedy."""

import json
import re
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, cast

import boto3
import pytest

from infra.cloud import ROOT, context_of
from infra.configuration import read_configuration
from infra.credentials import Refused, shell_session
from infra.local.__main__ import main
from infra.preflight import (
    BOOTSTRAP,
    ENGINE_VERSION,
    UNRESERVED,
    Account,
    NotReady,
    authorities,
    bootstrap,
    check,
    engine,
    failed,
    faults,
    names,
    reserved,
    source,
)
from tests.listening import listening

PROD = read_configuration({"environment": "prod"})
THEIRS = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:site-AbCdEf"
OWN = read_configuration({"environment": "prod", "database_secret_arn": THEIRS, "vpc_id": "vpc-0"})


@pytest.fixture
def account(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A new account."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}
    for name, value in {**keys, "AWS_ENDPOINT_URL": moto}.items():
        monkeypatch.setenv(name, value)
    with _lambda_quota(20) as quota:  # moto's Lambda has no account settings
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", quota)
        yield Account(boto3.Session())


def _lambda_quota(executions: int) -> AbstractContextManager[str]:
    """Lambda's GetAccountSettings of an account that may run `executions` at once, 10 of them reserved; 0 refuses."""
    limit = {"ConcurrentExecutions": executions, "UnreservedConcurrentExecutions": executions - 10}
    return _answering(json.dumps({"AccountLimit": limit}), 200 if executions else 403)


@contextmanager
def _answering(text: str, status: int = 200) -> Generator[str]:
    """The address of a service of AWS that gives every request this answer."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    with listening(Answer) as address:
        yield address


def client(service: str) -> Any:
    return cast("Any", boto3.client(cast("Any", service)))


@pytest.mark.long
def test_names_that_a_former_deployment_left_behind_are_told(account: Account) -> None:
    client("rds").create_db_cluster(
        DBClusterIdentifier="bandit-selector-prod",
        Engine="aurora-postgresql",
        MasterUsername="bandit",
        MasterUserPassword="long-enough-for-moto",  # opens nothing
    )
    client("logs").create_log_group(logGroupName="/aws/rds/cluster/bandit-selector-prod/postgresql")
    client("glue").create_database(DatabaseInput={"Name": "bandit_selector_prod"})
    client("ssm").put_parameter(Name=PROD.parameter("host"), Value="a host", Type="String")
    pool = client("cognito-idp").create_user_pool(PoolName="left behind")["UserPool"]["Id"]
    client("cognito-idp").create_user_pool_domain(Domain=PROD.sign_in_prefix(account.id), UserPoolId=pool)
    said = " ".join(names(account, PROD))
    assert "The parameter /bandit-selector/prod/database/host exists already" in said
    assert f"A user pool has the sign-in domain bandit-prod-{account.id} already" in said
    assert "A Glue database bandit_selector_prod exists already" in said
    assert "A database cluster bandit-selector-prod exists already" in said
    assert "The log group /aws/rds/cluster/bandit-selector-prod/postgresql exists already" in said
    restored = PROD.model_copy(update={"restore_from": "bandit-selector-prod@latest"})
    assert "cluster" not in " ".join(names(account, restored))  # it has a name of its own


def test_every_name_that_the_data_stack_gives_is_asked_for() -> None:
    """A resource with a name that is its own: by what the template gives it."""
    golden = json.loads((ROOT / "tests" / "infra" / "golden" / "bandit-selector-prod-data.json").read_text())
    given = {"DBClusterIdentifier", "LogGroupName", "Domain"}
    named = {
        made["Type"]
        for made in golden["Resources"].values()
        for key, value in made.get("Properties", {}).items()
        if (key in given and "Ref" not in value) or (key == "Name" and isinstance(value, str))
    }
    within_the_pool = {"AWS::Cognito::UserPoolResourceServer"}
    glue = {made["Type"] for made in golden["Resources"].values() if "DatabaseInput" in made.get("Properties", {})}
    assert named - within_the_pool | glue == {
        *("AWS::RDS::DBCluster", "AWS::Logs::LogGroup", "AWS::Cognito::UserPoolDomain"),
        *("AWS::SSM::Parameter", "AWS::Glue::Database"),
    }


def test_everything_that_is_wrong_is_said_at_once(account: Account) -> None:
    with pytest.raises(NotReady) as refused:
        check(account, OWN)  # moto knows no versions of Aurora, so with the team's own database
    said = str(refused.value)
    assert said.startswith("Nothing was deployed:")
    assert f"cdk bootstrap aws://{account.id}/eu-central-1" in said
    assert "The account may run 10 functions at once that nobody has reserved, and this deployment needs" in said


def test_a_bootstrapped_region_is_not_complained_about(account: Account) -> None:
    client("ssm").put_parameter(Name=BOOTSTRAP, Value="25", Type="String", Overwrite=True)
    assert not [fault for fault in faults(account, OWN) if "CDK" in fault]


def test_the_region_of_cloudfront_is_asked_for_cdks_set_up_too(account: Account) -> None:
    client("ssm").put_parameter(Name=BOOTSTRAP, Value="25", Type="String", Overwrite=True)
    edged = PROD.model_copy(update={"edge_origin": "abc123.execute-api.eu-central-1.amazonaws.com"})
    assert list(bootstrap(account, PROD)) == []
    (told,) = bootstrap(account, edged)
    assert f"cdk bootstrap aws://{account.id}/us-east-1" in told


def test_a_region_without_authorities_is_refused(account: Account) -> None:
    elsewhere = Account(boto3.Session(region_name="eu-nowhere-1"))
    assert any("eu-nowhere-1-bundle.pem" in fault for fault in authorities(elsewhere))
    assert list(authorities(account)) == []


@pytest.mark.parametrize(("offered", "complaints"), [("", 1), (f"<Version>{ENGINE_VERSION}</Version>", 0)])
def test_a_region_without_the_engines_version_is_refused(
    account: Account, monkeypatch: pytest.MonkeyPatch, offered: str, complaints: int
) -> None:
    versions = offered.replace("Version>", "EngineVersion>")
    found = f"<DBEngineVersions>{versions and f'<DBEngineVersion>{versions}</DBEngineVersion>'}</DBEngineVersions>"
    answer = "DescribeDBEngineVersions"
    with _answering(f"<{answer}Response><{answer}Result>{found}</{answer}Result></{answer}Response>") as rds:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS", rds)
        told = list(engine(account))
    assert len(told) == complaints
    assert all(f"eu-central-1 offers no Aurora PostgreSQL {ENGINE_VERSION}" in one for one in told)


@pytest.mark.parametrize("asked", ["lost-one@latest", "lost-two@2026-11-26T10:00:00Z", "lost-three"])
def test_what_a_database_is_restored_from_must_be_there(account: Account, asked: str) -> None:
    restored, name = PROD.model_copy(update={"restore_from": asked}), asked.partition("@")[0]
    (told,) = source(account, restored)
    assert f"{name}, which does not exist in eu-central-1" in told
    cluster = {"DBClusterIdentifier": name}
    secret = {"MasterUsername": "bandit", "MasterUserPassword": "long-enough-for-moto"}  # opens nothing
    client("rds").create_db_cluster(**cluster, Engine="aurora-postgresql", **secret)
    client("rds").create_db_cluster_snapshot(**cluster, DBClusterSnapshotIdentifier=name)
    assert list(source(account, restored)) == list(source(account, PROD)) == []


def test_a_new_accounts_ten_processes_do_not_suffice_for_production() -> None:
    assert reserved(PROD) > 10
    assert reserved(read_configuration(context_of([], ROOT))) == 0  # dev, as cdk.json has it
    found = context_of(["-c", "environment=prod", "--context=reserve_concurrency=false"], ROOT)
    assert (found["environment"], found["reserve_concurrency"]) == ("prod", "false")


@pytest.mark.parametrize("changed", [{"concurrency_scale": 2}, {"site_tokens": THEIRS}])
def test_all_processes_that_the_stack_reserves_are_counted(changed: dict[str, Any]) -> None:
    assert reserved(read_configuration({"environment": "prod", **changed})) > reserved(PROD)


def test_an_existing_deployment_has_its_processes_already(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    with _lambda_quota(reserved(PROD) + UNRESERVED) as quota:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", quota)
        first = [fault for fault in faults(account, OWN) if "functions at once" in fault]
        topic = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
        client("cloudformation").create_stack(StackName="bandit-selector-prod", TemplateBody=topic)
        later = [fault for fault in faults(account, OWN) if "functions at once" in fault]
        client("cloudformation").delete_stack(StackName="bandit-selector-prod")
    assert (len(first), later) == (1, [])


@pytest.mark.parametrize(
    ("status", "protected", "told"),
    [
        ("ROLLBACK_COMPLETE", "true", 2),
        ("ROLLBACK_COMPLETE", "false", 0),  # CDK deletes it
        ("ROLLBACK_FAILED", "false", 2),
        ("UPDATE_ROLLBACK_COMPLETE", "true", 0),
    ],
)
def test_a_first_deployment_that_failed_and_is_protected_is_told(
    account: Account, monkeypatch: pytest.MonkeyPatch, status: str, protected: str, told: int
) -> None:
    with _stacks(status, protected) as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation)
        found = list(failed(account, PROD))
    assert len(found) == told
    assert all(stack in " ".join(found) for stack in ("-prod failed", "-prod-data failed") if told)
    handbook = (ROOT / "docs" / "operations.md").read_text()
    assert all(f"### {title}\n" in handbook for one in found for title in re.findall("“(.+)”", one))


@pytest.mark.parametrize(
    ("status", "asked"), [("REVIEW_IN_PROGRESS", True), ("ROLLBACK_COMPLETE", True), ("CREATE_COMPLETE", False)]
)
def test_names_are_asked_for_until_a_deployment_has_worked(
    account: Account, monkeypatch: pytest.MonkeyPatch, status: str, asked: bool
) -> None:
    client("ssm").put_parameter(Name=PROD.parameter("users"), Value="left behind", Type="String", Overwrite=True)
    with _stacks(status, "false") as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation)
        assert bool(list(names(account, PROD))) is asked


def _stacks(status: str, protected: str) -> AbstractContextManager[str]:
    """CloudFormation's DescribeStacks of an account whose every stack is in this state."""
    told = {"StackName": "any", "StackStatus": status, "EnableTerminationProtection": protected}
    stack = "".join(f"<{name}>{value}</{name}>" for name, value in told.items())
    answer = "DescribeStacks"
    return _answering(
        f"<{answer}Response><{answer}Result><Stacks><member>{stack}<CreationTime>2026-11-26T10:00:00Z</CreationTime>"
        f"</member></Stacks></{answer}Result></{answer}Response>"
    )


def test_an_account_that_refuses_a_question_is_told_in_a_sentence(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _lambda_quota(0) as quota:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", quota)
        with pytest.raises(Refused, match="Nothing was deployed, because the account cannot be asked"):
            check(account, OWN)


@pytest.mark.parametrize(
    ("words", "environment", "told"),
    [
        (["-c", "foo=1"], {}, "This context cannot be used: foo"),
        (["-c", "POLICY=greedy"], {}, "This context cannot be used: policy"),
        ([], {"AWS_PROFILE": "nobody"}, "The shell's AWS profile cannot be used"),
        ([], {"AWS_DEFAULT_REGION": ""}, "No region is chosen: set AWS_REGION"),
        ([], {"AWS_ACCESS_KEY_ID": ""}, "AWS does not take these credentials"),
        ([], {}, "^Nothing was deployed:\n- "),
    ],
)
@pytest.mark.usefixtures("account")
def test_the_command_refuses_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    environment: dict[str, str],
    told: str,
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in environment.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name)
    theirs = ["-c", f"database_secret_arn={THEIRS}", "-c", "vpc_id=vpc-0"]
    assert main(["deploy", "--", "-c", "environment=prod", *theirs, *words]) == 1
    assert re.search(told, capsys.readouterr().err)


def test_the_region_is_the_one_that_cdk_reads(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    assert account.region == shell_session().region_name == "eu-central-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert shell_session().region_name == "eu-west-1"


def test_the_version_asked_for_is_the_one_that_is_made() -> None:
    golden = (ROOT / "tests" / "infra" / "golden" / "bandit-selector-prod-data.json").read_text()
    (cluster,) = [it for it in json.loads(golden)["Resources"].values() if it["Type"] == "AWS::RDS::DBCluster"]
    assert cluster["Properties"]["EngineVersion"] == ENGINE_VERSION
