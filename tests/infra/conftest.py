"""The stack, synthesised once per kind of deployment; needs Node.js, but nothing from npm and no AWS account."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from psycopg.conninfo import conninfo_to_dict

from infra.packaging import Layers, build_layers, this_machine
from infra.service import AUTHORIZER, FUNCTIONS
from infra.unpacked import Process, running, unpack

from .synthesised import Synthesised

TOKEN = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-central-1"}


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Synthesised]:
    """Synthesises one of KINDS, each once in a session."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed: the stack is not synthesised")
    from .synthesis import synthesise as run

    @cache
    def once(kind: str) -> Synthesised:
        return run(kind, tmp_path_factory.mktemp(kind))

    return once


@pytest.fixture(scope="session")
def prod(synthesise: Callable[[str], Synthesised]) -> Synthesised:
    """The deployment that cdk.json calls prod, with mails and one origin."""
    return synthesise("prod")


@pytest.fixture(scope="session")
def layers() -> Layers:
    """The layers as they are deployed, but for this machine's processor and Python."""
    return build_layers(this_machine())


@pytest.fixture
def environment(moto: str, database_url: str) -> dict[str, str]:
    """The functions' environment for this machine; the password is in moto's Secrets Manager only."""
    parts = conninfo_to_dict(database_url)
    secret = json.dumps({"username": parts["user"], "password": parts["password"]})
    made = client_of("secretsmanager", moto).create_secret(Name=str(parts["dbname"]), SecretString=secret)
    queue = client_of("sqs", moto).create_queue(QueueName=f"feedback-{parts['dbname']}")["QueueUrl"]
    bucket = f"reports-{parts['dbname']}".replace("_", "-")
    client_of("s3", moto).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": moto,
        "DATABASE_SECRET_ARN": made["ARN"],
        "DATABASE_URL": f"postgresql://{parts['host']}:{parts['port']}/{parts['dbname']}?sslmode=disable",
        "FEEDBACK_QUEUE_URL": queue,
        "REPORT_BUCKET": bucket,
        "ALERT_TOPIC_ARN": client_of("sns", moto).create_topic(Name="alerts")["TopicArn"],
    }


@pytest.fixture
def process(
    synthesise: Callable[[str], Synthesised],
    prod: Synthesised,
    layers: Layers,
    environment: dict[str, str],
    tmp_path: Path,
) -> Iterator[Callable[..., Process]]:
    """Starts a function by name, which is also its access key; `snapped` as after a SnapStart restore."""

    def start(name: str, snapped: bool = False, **settings: str) -> Process:
        function = next(function for function in (*FUNCTIONS, AUTHORIZER) if function.name == name)
        own = {"candidates": [layers.candidates], "archive": [layers.archive]}.get(name, [])
        made = synthesise("own") if function is AUTHORIZER else prod
        tree = unpack(made.asset(function), [layers.third_party, layers.product, *own], tmp_path / name)
        told = environment | {"AWS_ACCESS_KEY_ID": name, **settings}
        return started.enter_context(running(tree, function, told, snapped))

    with ExitStack() as started:
        yield start


def client_of(service: str, endpoint: str) -> Any:
    """A client of moto's."""
    return cast("Any", boto3.client(service, endpoint_url=endpoint, **TOKEN))
