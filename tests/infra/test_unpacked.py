"""The uploads are complete: every function answers an event from its asset and layers as Lambda lays them out."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bandit_selector.store.connection import Connection

from infra.packaging import Layers, size_mb
from infra.service import FUNCTIONS, ROUTES, Function
from infra.unpacked import FunctionFailed, Process, bare_python, running, unpack
from tests.integration.events import http_event, load_site, queue_event

from .conftest import client_of
from .synthesised import Synthesised

MEGABYTES_UNZIPPED = 100
MEGABYTES_ALLOWED = 250  # by Lambda, code and layers together


@pytest.fixture
def copies(
    process: Callable[..., Process], connection: Connection, environment: dict[str, str]
) -> Callable[[str], list[dict[str, Any]]]:
    """The output of a snapshot of `select` and of its two copies, in order; the argument says whether hooks run."""

    def make(word: str) -> list[dict[str, Any]]:
        load_site(connection)
        tree = process("select").tree
        event = json.dumps(http_event({"user_id": "1", "limit": "30", "use_bandit": "true"}))
        search = {"PYTHONPATH": tree.search_path, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [bare_python(), "-S", Path(__file__).with_name("copies.py"), event, word]
        done = subprocess.run(command, env=environment | search, cwd=tree.task, check=True, stdout=subprocess.PIPE)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        return [it for it in told if "algorithms" in it]

    return make


@pytest.mark.long
def test_every_function_answers_from_what_is_uploaded(
    process: Callable[..., Process], connection: Connection, moto: str, environment: dict[str, str]
) -> None:
    load_site(connection)
    shown = process("select").invoke(http_event({"user_id": "1", "limit": "5", "use_bandit": "true"}))
    movies = json.loads(shown["body"])
    assert (shown["statusCode"], len(movies)) == (200, 5)

    reaction = {"user_id": 1, "movie_id": movies[0]["id"]}
    tracked = process("ingest").invoke(http_event(body=reaction, path={"action": "click"}))
    assert json.loads(tracked["body"]) == {"status": "tracked", "action": "click"}
    (message,) = client_of("sqs", moto).receive_message(QueueUrl=environment["FEEDBACK_QUEUE_URL"])["Messages"]

    assert process("feedback").invoke(queue_event(message["Body"])) == {"batchItemFailures": []}
    assert connection.execute("SELECT sum(total_successes) FROM bandit_states").fetchone() == (1,)

    assert process("settle").invoke({"time": "2026-06-01T20:30:00Z"})["settled"] == 1  # lists
    asked: dict[str, Any] = {"routeKey": "GET /analytics/bandit/stats", "headers": {}}
    stats = process("analytics").invoke(http_event(scope="analytics") | asked)
    assert json.loads(stats["body"])["summary"]["total_successes"] == 1
    assert process("monitor").invoke({"time": "2026-06-02T09:00:00Z"})["reports"] == ["2026-06-02"]
    kept = client_of("s3", moto).list_objects_v2(Bucket=environment["REPORT_BUCKET"])["Contents"]
    assert "reports/2026/06/02/report.json" in {it["Key"] for it in kept}
    assert process("migrate").invoke({}) == {"applied": [], "roles": "", "missing": []}


def test_cognitos_trigger_answers_from_what_is_uploaded_without_any_layer(prod: Synthesised, tmp_path: Path) -> None:
    trigger = Function("scopes", "functions.identity.handler.handler", 256, FUNCTIONS[0].timeout, 1)
    signed_in = {"groupConfiguration": {"groupsToOverride": ["analytics"]}}
    with running(unpack(prod.asset(trigger), [], tmp_path), trigger, {}) as process:
        answered = process.invoke({"triggerSource": "TokenGeneration_HostedAuth", "request": signed_in})
    added = {"accessTokenGeneration": {"scopesToAdd": ["analytics"]}}
    assert answered["response"] == {"claimsAndScopeOverrideDetails": added}


def test_the_builder_answers_with_its_scipy(process: Callable[..., Process], connection: Connection) -> None:
    load_site(connection, users=20)
    connection.execute(
        "INSERT INTO ratings (user_id, movie_id, rating) SELECT u, m, 1 + (u * m) % 5"
        " FROM generate_series(1, 20) u, generate_series(1, 60) m WHERE (u + m) % 3 = 0"
    )
    built = process("candidates").invoke({"time": "2026-06-01T03:00:00Z"})
    assert built["lists"] > 6


@pytest.mark.long
def test_the_archive_answers_with_its_duckdb(
    process: Callable[..., Process], connection: Connection, moto: str, environment: dict[str, str]
) -> None:
    load_site(connection)
    process("select").invoke(http_event({"user_id": "1", "limit": "5", "use_bandit": "true"}))
    done = process("archive").invoke({"time": "2026-07-01T01:30:00Z"})
    assert done["days"] == ["2026-06-01"]
    found = client_of("s3", moto).list_objects_v2(Bucket=environment["REPORT_BUCKET"])["Contents"]
    assert [it["Key"] for it in found] == ["events/date=2026-06-01/part-0000.parquet"]


def test_select_never_imports_boto3(process: Callable[..., Process], connection: Connection, tmp_path: Path) -> None:
    load_site(connection)
    select = process("select")
    probe = tmp_path / "select" / "var" / "task" / "functions" / "select" / "probe.py"
    probe.write_text(
        "import sys\nfrom functions.select.handler import handler as real\n"
        "def handler(event, context):\n    real(event, context)\n    return sorted(sys.modules)\n"
    )
    select.stop()
    function = Function("probe", "functions.select.probe.handler", 1024, FUNCTIONS[0].timeout, 1)
    with running(select.tree, function, select.environment) as probing:
        modules = probing.invoke(http_event({"user_id": "1"}))
    assert "psycopg" in modules
    assert not {"boto3", "botocore.session", "aws_xray_sdk", "scipy"} & set(
        modules
    )  # powertools asks botocore its version


def test_a_migration_that_fails_fails_the_deployment(process: Callable[..., Process], connection: Connection) -> None:
    connection.execute("DELETE FROM bandit_migrations WHERE name LIKE '0001%'")
    connection.execute("DROP TABLE bandit_states CASCADE")
    connection.execute("CREATE VIEW bandit_states AS SELECT 1 AS alpha")
    with pytest.raises(FunctionFailed, match="bandit_states"):
        process("migrate").invoke({})


@pytest.mark.parametrize("name", sorted({route.function for route in ROUTES}))
def test_a_restored_function_answers(process: Callable[..., Process], connection: Connection, name: str) -> None:
    load_site(connection)
    reaction: dict[str, Any] = {"body": {"user_id": 1, "movie_id": 7}, "path": {"action": "click"}}
    asked: dict[str, tuple[dict[str, Any], int]] = {
        "select": (http_event({"user_id": "1"}), 200),
        "ingest": (http_event(**reaction), 202),
        "analytics": (http_event(scope="analytics") | {"routeKey": "GET /analytics/bandit/stats", "headers": {}}, 200),
        "page": (http_event() | {"routeKey": "GET /health", "headers": {}}, 200),
    }
    event, status = asked[name]
    assert process(name, snapped=True).invoke(event)["statusCode"] == status


def test_two_copies_of_a_snapshot_draw_differently_over_connections_of_their_own(
    copies: Callable[[str], list[dict[str, Any]]],
) -> None:
    snapshot, *restored = copies("restoring")
    assert len({it["connection"] for it in (snapshot, *restored)}) == 3
    assert restored[0]["random"] != restored[1]["random"]
    assert restored[0]["algorithms"] != restored[1]["algorithms"]
    assert not set(restored[0]["events"]) & set(restored[1]["events"])


def test_without_the_hooks_copies_would_draw_alike(copies: Callable[[str], list[dict[str, Any]]]) -> None:
    """The control of the test above."""
    snapshot, *restored = copies("as they are")
    assert restored[0]["random"] == restored[1]["random"]
    assert restored[0]["connection"] == snapshot["connection"]


def test_the_layers_are_small(layers: Layers, record_property: Callable[[str, object], None]) -> None:
    sizes = {name: size_mb(getattr(layers, name)) for name in ("third_party", "product", "candidates", "archive")}
    for name, size in sizes.items():
        record_property(f"layer {name}, unzipped", f"{size:.1f} MB")
    assert sizes["third_party"] + sizes["product"] < MEGABYTES_UNZIPPED
    assert max(sizes["candidates"], sizes["archive"]) < MEGABYTES_UNZIPPED  # no function has both
    assert sizes["third_party"] + sizes["product"] + MEGABYTES_UNZIPPED < MEGABYTES_ALLOWED


def test_an_asset_is_a_functions_own_folder_and_small(
    prod: Synthesised, record_property: Callable[[str, object], None]
) -> None:
    for function in FUNCTIONS:
        asset = prod.asset(function)
        package = function.handler.split(".")[1]
        assert {path.name for path in (asset / "functions").iterdir()} == {"__init__.py", package}
        record_property(f"asset {function.name}, unzipped", f"{size_mb(asset) * 1000:.0f} kB")
        assert size_mb(asset) < (3 if package == "monitor" else 1)  # with the pages of the API's reference
