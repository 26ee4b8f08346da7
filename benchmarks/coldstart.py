"""Measures the cold start of `select` by parts, from the deployed layers; the baseline is bare Python.

Times are of this machine, not of Lambda: read the ratios. Everything runs from an unpacked asset and layers, without
the development environment. The database is real; a local Secrets Manager answers the secret over HTTP.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, cast

import boto3
from bandit_selector.store.connection import connect
from bandit_selector.store.migrate import migrate
from moto.server import ThreadedMotoServer
from psycopg.conninfo import conninfo_to_dict
from rich.progress import track

from infra.local import postgres, site
from infra.packaging import PRODUCT, ROOT, Layers, build_layers, size_mb, this_machine
from infra.service import FUNCTIONS
from infra.unpacked import Tree, bare_python, running, unpack

RESULT: Final = Path(__file__).parent / "results" / "coldstart.md"
PARTS: Final = (
    ("bare Python", "pass"),
    ("+ the runtime client", "import awslambdaric.bootstrap"),
    ("+ pydantic", "import pydantic"),
    ("+ powertools Logger, Metrics", "from aws_lambda_powertools import Logger, Metrics"),
    ("+ psycopg", "import psycopg"),
    ("+ numpy", "import numpy"),
    ("+ http.client, ssl (the secret)", "import http.client, ssl"),
    ("+ the product and the handler", "import functions.select.handler"),
)
OTHERS: Final = (
    ("powertools' resolver of routes", "from aws_lambda_powertools.event_handler import APIGatewayHttpResolver"),
    ("powertools' typed events", "from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2"),
    ("boto3 and an SQS client", "import boto3; boto3.client('sqs')"),
)
SELECT: Final = FUNCTIONS[0]


def main(argv: list[str]) -> int:
    """Prints the breakdown and saves it in benchmarks/results."""
    parser = argparse.ArgumentParser(prog="./dev bench coldstart", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--imports", action="store_true", help="only print what each import takes, of CPU time")
    arguments = parser.parse_args(argv)
    rounds: int = arguments.rounds
    layers = build_layers(this_machine())
    if arguments.imports:
        with tempfile.TemporaryDirectory() as folder:
            print("\n".join(_imports("compiled, as deployed", _tree(layers, Path(folder)), rounds)))
        return 0
    with tempfile.TemporaryDirectory() as folder, _service(Path(folder)) as environment:
        lines = [
            *_imports("compiled, as deployed", _tree(layers, Path(folder) / "compiled"), rounds),
            *_imports("not compiled", _tree(_uncompiled(layers, Path(folder)), Path(folder) / "plain"), rounds),
            *_answers(_tree(layers, Path(folder) / "run"), environment, rounds),
            *_sizes(layers),
        ]
    text = "\n".join(lines) + "\n"
    RESULT.write_text(text)
    print(text)
    return 0


def _imports(title: str, tree: Tree, rounds: int) -> list[str]:
    """Milliseconds of CPU of processes that import one part more each; the least of all rounds, as noise only adds."""
    codes = ["; ".join(code for _, code in PARTS[: at + 1]) for at in range(len(PARTS))]
    codes += [f"{codes[-1]}; {code}" for _, code in OTHERS]
    times: list[list[float]] = [[] for _ in codes]
    for _ in track(range(rounds), description=title):
        for code, taken in zip(codes, times, strict=True):
            taken.append(_seconds(tree, code) * 1000)
    best = [min(taken) for taken in times]
    steps = [best[0], *(after - before for before, after in pairwise(best[: len(PARTS)]))]
    rows = [
        f"| {name} | {step:.0f} | {best[at]:.0f} |"
        for at, ((name, _), step) in enumerate(zip(PARTS, steps, strict=True))
    ]
    whole = best[len(PARTS) - 1]
    rows += [f"| not loaded: {name} | {best[len(PARTS) + at] - whole:.0f} | |" for at, (name, _) in enumerate(OTHERS)]
    head = [
        f"Import of `select`, {title}, {whole / best[0]:.1f} × bare Python",
        "",
        "| part | ms | so far |",
        "|---|--:|--:|",
    ]
    return [*head, *rows, ""]


def _seconds(tree: Tree, code: str) -> float:
    environment = {"PYTHONPATH": tree.search_path, "PYTHONDONTWRITEBYTECODE": "1", "POWERTOOLS_DEV": "0"}
    environment["AWS_DEFAULT_REGION"] = "eu-central-1"
    before = _cpu_of_children()
    subprocess.run([bare_python(), "-S", "-c", code], check=True, env=environment, cwd=tree.task)
    return _cpu_of_children() - before


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _answers(tree: Tree, environment: dict[str, str], rounds: int) -> list[str]:
    """Times from process start to the first answer, and of later answers."""
    event = _event()
    first: list[float] = []
    warm: list[float] = []
    for _ in track(range(rounds), description="whole requests"):
        start = time.perf_counter()
        with running(tree, SELECT, environment) as process:
            process.invoke(event)
            first.append((time.perf_counter() - start) * 1000)
            for _ in range(20):
                start = time.perf_counter()
                process.invoke(event)
                warm.append((time.perf_counter() - start) * 1000)
    ordered = sorted(warm)
    return [
        "| a list of 30, through the Runtime API | ms |",
        "|---|--:|",
        f"| first answer of a new process: init, secret, connection, list (median) | {statistics.median(first):.0f} |",
        f"| later answers, median | {statistics.median(ordered):.1f} |",
        f"| later answers, 95 % | {ordered[int(0.95 * len(ordered))]:.1f} |",
        "",
    ]


def _sizes(layers: Layers) -> list[str]:
    named = {"third party": layers.third_party, "product": layers.product, "scipy (candidates only)": layers.candidates}
    rows = [f"| {name} | {size_mb(folder):.1f} |" for name, folder in named.items()]
    return ["| layer, unzipped | MB |", "|---|--:|", *rows]


def _tree(layers: Layers, folder: Path) -> Tree:
    asset = folder / "asset"
    shutil.copytree(
        ROOT / "functions" / "select", asset / "functions" / "select", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "functions" / "__init__.py", asset / "functions")
    return unpack(asset, [layers.third_party, layers.product], folder)


def _uncompiled(layers: Layers, folder: Path) -> Layers:
    plain = folder / "uncompiled"
    shutil.copytree(layers.third_party, plain, ignore=shutil.ignore_patterns("__pycache__"))
    product = folder / "product"
    shutil.copytree(PRODUCT, product, ignore=shutil.ignore_patterns("__pycache__"))
    return Layers(plain, layers.candidates, layers.archive, product)


@contextmanager
def _service(folder: Path) -> Generator[dict[str, str]]:
    """A database with a small site, its password in a Secrets Manager, and the environment that names both."""
    folder.chmod(0o711)
    database = postgres.start(folder / "postgres")
    secrets = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    secrets.start()
    host, port = secrets.get_host_and_port()
    try:
        with connect(database.url) as connection:
            site.create_tables(connection)
            migrate(connection)
            _fill(connection)
        parts = conninfo_to_dict(database.url)
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-central-1"}
        client = cast("Any", boto3.client("secretsmanager", endpoint_url=f"http://{host}:{port}", **keys))
        text = json.dumps({"username": parts["user"], "password": parts["password"]})
        yield {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "DATABASE_SECRET_ARN": client.create_secret(Name="database", SecretString=text)["ARN"],
            "DATABASE_URL": f"postgresql://{parts['host']}:{parts['port']}/postgres?sslmode=disable",
        }
    finally:
        secrets.stop()
        database.stop()


def _fill(connection: Any) -> None:
    """Adds 2,000 movies and each algorithm's general list of 300."""
    connection.execute("INSERT INTO users SELECT generate_series(1, 100)")
    connection.execute(
        "INSERT INTO movies (id, title, genres) SELECT n, 'Movie ' || n, '[\"Drama\"]' FROM generate_series(1, 2000) n"
    )
    connection.execute("INSERT INTO movie_popularity SELECT n, 100000 / n, n > 200 FROM generate_series(1, 2000) n")
    connection.execute(
        "INSERT INTO recommendation_candidates SELECT 0, arm, array_agg(m), array_agg(1 - m / 2001.0), now()"
        " FROM unnest(ARRAY['svd','embeddings','graph','item_cf','long_tail','serendipity']) WITH ORDINALITY a(arm, k),"
        " LATERAL (SELECT (n * k * 7) % 2000 + 1 AS m FROM generate_series(1, 300) n) x GROUP BY arm"
    )


def _event() -> dict[str, Any]:
    claims = {"sub": "1", "scope": ""}
    context = {"timeEpoch": int(time.time() * 1000), "authorizer": {"jwt": {"claims": claims, "scopes": None}}}
    query = {"user_id": "1", "limit": "30"}
    route = "GET /movies/recommendations"
    return {"version": "2.0", "routeKey": route, "queryStringParameters": query, "requestContext": context}
