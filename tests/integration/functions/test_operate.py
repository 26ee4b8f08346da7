"""An operator's commands in the network, as `./dev remote` gives them: over HTTP, to the real handler and database."""

import json
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from bandit_selector.errors import InvalidRequest
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database

from functions.operate.handler import COMMANDS, obey
from infra.local.__main__ import main
from tests.integration.activity import live
from tests.integration.events import NOW, load_site
from tests.listening import listening

STACK = "bandit-selector-test"
BUCKET = "operated"
FUNCTION = "operate-function"
ASKED = {"caller": "arn:aws:iam::123456789012:user/operator"}


@pytest.fixture
def deployed(moto: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """A deployment of that name: stacks and bucket in moto, and its function behind Lambda's own Invoke API.

    The list has every event that arrived.
    """
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}
    for name, value in {**keys, "AWS_ENDPOINT_URL": moto}.items():
        monkeypatch.setenv(name, value)
    _make_stacks()
    events: list[dict[str, Any]] = []
    with closing(Database(lambda: database_url)) as database, listening(_invoke_api(database, events)) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", address)
        yield events


def test_a_remote_verification_says_whether_the_invariant_holds(
    deployed: list[dict[str, Any]], connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    load_site(connection)
    assert main(["remote", "verify", "--stack", STACK]) == 0
    assert json.loads(capsys.readouterr().out) == {"holds": True, "difference": None}
    assert deployed[0]["command"] == "verify"
    assert deployed[0]["caller"].startswith("arn:aws:")
    connection.execute(
        "INSERT INTO bandit_states (context_key, algorithm, total_pulls, alpha, beta)"
        " VALUES ('evening|weekday|regular', 'svd', 1, 2, 1)"
    )
    assert main(["remote", "verify", "--stack", STACK]) == 1
    assert main(["remote", "rebuild", "--stack", STACK, "--yes"]) == 0
    assert main(["remote", "verify", "--stack", STACK]) == 0


@pytest.mark.usefixtures("deployed")
def test_a_file_becomes_rows_of_a_table_that_was_missing(connection: Connection, tmp_path: Path) -> None:
    connection.execute("DROP TABLE ratings, users, movies CASCADE")
    file = tmp_path / "users.csv"
    file.write_text("id\n" + "".join(f"{number}\n" for number in range(1, 1001)))
    assert main(["remote", "import", str(file), "--stack", STACK]) == 0
    assert connection.execute("SELECT count(*), max(id) FROM users").fetchall() == [(1000, 1000)]
    row = connection.execute("SELECT has_table_privilege('bandit_select', 'users', 'SELECT')").fetchone()
    assert row == (True,)


def test_an_arm_is_renamed_remotely_with_all_that_it_learned(
    deployed: list[dict[str, Any]], connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    load_site(connection)
    live(connection, NOW, impressions=200, days=1)
    assert main(["remote", "rename-arm", "svd", "neural", "--stack", STACK, "--yes"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["old"], answer["new"]) == ("svd", "neural")
    assert answer["renamed"]["bandit_states"] > 0
    assert connection.execute("SELECT count(*) FROM bandit_states WHERE algorithm = 'svd'").fetchone() == (0,)
    assert main(["remote", "verify", "--stack", STACK]) == 0
    assert main(["remote", "rename-arm", "svd", "--stack", STACK, "--yes"]) == 2
    assert main(["remote", "rename-arm", "svd", "No Name", "--stack", STACK, "--yes"]) == 1
    assert "new: String should match pattern" in capsys.readouterr().err
    assert [event["command"] for event in deployed] == ["rename-arm", "verify", "rename-arm"]


@pytest.mark.usefixtures("deployed")
def test_a_migration_and_a_pruning_are_remote_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["remote", "migrate", "--stack", STACK]) == 0
    assert json.loads(capsys.readouterr().out) == {"applied": [], "roles": True}
    assert main(["remote", "prune", "--stack", STACK, "--older-than", "180d", "--yes"]) == 0
    assert json.loads(capsys.readouterr().out)["dropped"] == []


@pytest.mark.usefixtures("deployed")
def test_what_fails_there_is_said_here(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    wrong = tmp_path / "people.csv"
    wrong.write_text("id\n1\n")
    assert main(["remote", "import", str(wrong), "--stack", STACK]) == 1
    assert "must be one of users, movies, ratings" in capsys.readouterr().err
    assert main(["remote", "verify", "--stack", "bandit-selector-nowhere"]) == 1
    assert "bandit-selector-nowhere cannot be found" in capsys.readouterr().err


def test_each_command_is_audited_with_who_asked(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with closing(Database(lambda: database_url)) as database:
        obey({"command": "verify", **ASKED}, Settings(), database)
    assert [one.message for one in caplog.records] == ["An operator's command begins", "An operator's command is done"]
    assert all(vars(one)["order"] == {"command": "verify", **ASKED} for one in caplog.records)


@pytest.mark.parametrize("event", [{"command": "drop", **ASKED}, {"command": "verify"}, {"sql": "SELECT 1", **ASKED}])
def test_nothing_but_a_known_command_of_a_known_caller(database_url: str, event: dict[str, Any]) -> None:
    with closing(Database(lambda: database_url)) as database, pytest.raises(InvalidRequest):
        obey(event, Settings(), database)
    assert "sql" not in COMMANDS


def _make_stacks() -> None:
    cloud = cast("Any", boto3.client("cloudformation"))
    if STACK in {one["StackName"] for one in cloud.list_stacks()["StackSummaries"]}:
        return  # moto keeps one account a process, with the stacks of other tests
    cast("Any", boto3.client("s3")).create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    outputs = {STACK: {"OperateFunction": FUNCTION}, f"{STACK}-data": {"ReportBucket": BUCKET}}
    for name, values in outputs.items():
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": value} for key, value in values.items()},
        }
        cloud.create_stack(StackName=name, TemplateBody=json.dumps(template))


def _invoke_api(database: Database, events: list[dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Invoke(BaseHTTPRequestHandler):
        """https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""

        def do_POST(self) -> None:
            assert self.path == f"/2015-03-31/functions/{FUNCTION}/invocations"
            event = json.loads(self.rfile.read(int(self.headers["content-length"])))
            events.append(event)
            try:
                answer, failed = obey(event, Settings(report_bucket=BUCKET), database), False
            except Exception as error:
                answer, failed = {"errorType": type(error).__name__, "errorMessage": str(error)}, True
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            if failed:
                self.send_header("X-Amz-Function-Error", "Unhandled")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    return Invoke
