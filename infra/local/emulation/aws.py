"""The AWS services on this machine: moto's server as a process, and the resources that the stack would make.

Knows the queue, topic, bucket and secret by name; must not know their content.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.error import URLError
from urllib.request import urlopen

import boto3

from infra.local import leash
from infra.local.errors import LocalError
from infra.local.postgres import free_port
from infra.service import Queue

REGION: Final = "eu-central-1"
ACCOUNT: Final = "123456789012"
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
START_SECONDS: Final = 60.0
ATTEMPTS: Final = 5
"""Deliveries of a message that fails: here one follows the other at once, and no outage takes hours."""
THREADS: Final = 64  # of the server: each long poll and each open request holds one


@dataclass(frozen=True, slots=True)
class Resources:
    """Addresses of what the functions use, as the stack would output them."""

    endpoint: str
    queue: str
    dead_letter_queue: str
    bucket: str
    topic: str
    inbox: str
    database_secret: str


@dataclass(frozen=True, slots=True)
class Aws:
    """One running moto server that belongs to this process."""

    endpoint: str
    log: Path
    process: "subprocess.Popen[bytes]"

    def await_answer(self) -> None:
        """Returns once the server answers; raises LocalError if it does not start."""
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise LocalError(f"The AWS emulation did not start; its log is {self.log}.")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            urlopen(f"{self.endpoint}/moto-api/data.json", timeout=5).close()  # noqa: S310 # our own address
        except (URLError, ConnectionError, TimeoutError):
            return False
        return True

    def stop(self) -> None:
        """Ends the server, its worker and everything in it. Stopping twice is fine."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def client(self, service: str) -> Any:
        """A boto3 client of this server, untyped like boto3."""
        return client(service, self.endpoint)


def start(folder: Path) -> Aws:
    """Starts an empty server on a free port and does not wait for it; its log goes to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with (folder / "aws.log").open("ab") as log:
        process = subprocess.Popen(
            leash.command(_server(port)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=folder,
        )
    return Aws(f"http://127.0.0.1:{port}", folder / "aws.log", process)


def _server(port: int) -> list[str]:
    """Its command line; unlike moto's own server it reuses connections and threads between requests."""
    options = f"--interface wsgi --factory --no-ws --port {port} --blocking-threads {THREADS}".split()
    return [sys.executable, "-m", "granian", *options, "infra.local.emulation.aws_server:application"]


def create(server: Aws, queue: Queue, database_url: str) -> Resources:
    """Makes the queue with its dead letters, the topic with an inbox, the bucket and the database's secret."""
    url, dead = create_queue(server.client("sqs"), queue)
    bucket = "reports"
    server.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    topic, inbox = create_topic(server)
    secret = server.client("secretsmanager").create_secret(Name="database", SecretString=database_url)["ARN"]
    return Resources(server.endpoint, url, dead, bucket, topic, inbox, secret)


def create_topic(server: Aws) -> tuple[str, str]:
    """Makes the alerts' topic and a queue that subscribes to it like a mail address; returns ARN and URL."""
    sns = server.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    inbox = server.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn("inbox"))
    return topic, inbox


def create_queue(sqs: Any, queue: Queue) -> tuple[str, str]:
    """Makes the queue and its dead letters' queue; returns their URLs."""
    dead = sqs.create_queue(QueueName=f"{queue.name}-dead-letters")["QueueUrl"]
    redrive = {
        "deadLetterTargetArn": queue_arn(f"{queue.name}-dead-letters"),
        "maxReceiveCount": min(queue.attempts, ATTEMPTS),
    }
    attributes = {
        "VisibilityTimeout": str(int(queue.visibility.total_seconds())),
        "MessageRetentionPeriod": str(int(queue.retention.total_seconds())),
        "RedrivePolicy": json.dumps(redrive),
    }
    return sqs.create_queue(QueueName=queue.name, Attributes=attributes)["QueueUrl"], dead


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def client(service: str, endpoint: str) -> Any:
    """A boto3 client of a moto server at `endpoint`."""
    return cast("Any", boto3).client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
