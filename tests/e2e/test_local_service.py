"""The whole service over HTTP, as people and browsers use it: started by its command, asked by its public routes."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.local import lock
from infra.local.emulation import aws

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Service:
    """A running `./dev serve` in a checkout for this test only."""

    addresses: dict[str, str]
    process: "subprocess.Popen[bytes]"

    def ask(self, method: str, path: str, token: str = "", body: object = None) -> tuple[int, dict[str, str], Any]:
        """(status, headers in lower case, JSON body)."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(self.addresses["api"] + path, data, headers, method=method)  # noqa: S310
        try:
            answer = urllib.request.urlopen(request, timeout=30)  # noqa: S310 # our own address
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            named = {name.lower(): value for name, value in answer.headers.items()}
            return int(answer.status or 0), named, json.loads(answer.read() or b"null")


def dev(
    checkout: Path, *words: str, output: int = subprocess.DEVNULL, settings: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """One command of a checkout, in this environment and `settings`; its errors go where its output goes."""
    command = [sys.executable, "-m", "infra.local", *words]
    return subprocess.Popen(
        command, cwd=checkout, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(settings or {})}
    )


def say(checkout: Path, *words: str, settings: Mapping[str, str] | None = None) -> tuple[int, str]:
    """(exit code, everything it printed) of one command."""
    process = dev(checkout, *words, output=subprocess.PIPE, settings=settings)
    output, _ = process.communicate(timeout=180)
    return process.returncode, output.decode()


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Waits for a condition; fails if it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def checkout(open_folder: Callable[[], Path]) -> Path:
    return copied(open_folder())


def copied(folder: Path) -> Path:
    """A folder that looks like a fresh clone: everything but what a run makes."""
    for name in ("infra", "functions", "layers", "clients"):
        subprocess.run(["cp", "-a", ROOT / name, folder / name], check=True)
    return folder


def start(checkout: Path) -> Service:
    process = dev(checkout, "serve", "--port", "0")
    place = checkout / ".local" / "serve"
    eventually(lambda: lock.announcement(place) is not None or process.poll() is not None, 60)
    assert process.poll() is None
    return Service(json.loads(say(checkout, "status", "--json")[1]), process)


@pytest.fixture(scope="session")
def service(checkout: Path) -> Iterator[Service]:
    running = start(checkout)
    yield running
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=30) == 0


@pytest.fixture(scope="session")
def visitor(checkout: Path, service: Service) -> str:
    """The token of user 1."""
    assert service.process.poll() is None
    return say(checkout, "token", "--user", "1")[1].strip()


@pytest.fixture(scope="session")
def analyst(checkout: Path, service: Service) -> str:
    assert service.process.poll() is None
    return say(checkout, "token", "--scope", "analytics")[1].strip()


def test_status_says_where_everything_is(service: Service) -> None:
    expected = {"api", "dashboard", "database", "aws_endpoint", "queue", "dead_letter_queue", "bucket", "topic"}
    assert expected <= set(service.addresses)


def test_a_service_that_status_knows_is_healthy(service: Service) -> None:
    assert service.ask("GET", "/health")[::2] == (200, {"status": "ok"})


def test_a_visitor_gets_a_list_and_what_it_clicks_becomes_an_outcome(service: Service, visitor: str) -> None:
    status, headers, movies = service.ask("GET", "/movies/recommendations?user_id=1&limit=10", visitor)
    assert (status, len(movies), headers["x-ab-group"]) == (200, 10, "treatment")
    assert {"id", "title", "algorithm", "position", "event_id", "recommendation_id"} <= set(movies[0])
    clicked = movies[3]
    body = {"user_id": 1, "movie_id": clicked["id"]}
    assert service.ask("POST", "/analytics/track/click", visitor, body)[::2] == (
        202,
        {"status": "tracked", "action": "click"},
    )
    with psycopg.connect(service.addresses["database"], autocommit=True) as connection:
        question = "SELECT clicked, outcome FROM recommendation_events WHERE id = %s"

        def counted() -> bool:
            return connection.execute(question, [clicked["event_id"]]).fetchone() == (True, "success")

        eventually(counted)


def test_the_check_after_a_deployment_passes_here(checkout: Path, service: Service, visitor: str) -> None:
    status, said = say(checkout, "smoke", "--url", service.addresses["api"], "--token", visitor)
    assert (status, said.count("✅"), said.count("❌")) == (0, 6, 0), said


def test_a_message_that_nobody_can_read_stays_in_the_queue_out_of_sight(service: Service) -> None:
    from infra.local.emulation.aws import client

    sqs = client("sqs", service.addresses["aws_endpoint"])
    sqs.send_message(QueueUrl=service.addresses["queue"], MessageBody="not a message")
    names = ["ApproximateNumberOfMessagesNotVisible"]

    def kept() -> bool:
        said = sqs.get_queue_attributes(QueueUrl=service.addresses["queue"], AttributeNames=names)["Attributes"]
        return int(said[names[0]]) == 1

    eventually(kept)
    time.sleep(2)
    assert kept()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/movies/recommendations?user_id=2", 403),
        ("/movies/recommendations?user_id=1&limit=51", 422),
        ("/analytics/bandit/stats", 403),
        ("/no/such/route", 404),
    ],
)
def test_a_visitor_is_refused_what_is_not_its_own(service: Service, visitor: str, path: str, status: int) -> None:
    assert service.ask("GET", path, visitor)[0] == status


def test_without_a_token_nothing_is_told(service: Service) -> None:
    assert service.ask("GET", "/movies/recommendations?user_id=1")[::2] == (401, {"message": "Unauthorized"})


def test_the_team_reads_what_was_learned(service: Service, analyst: str) -> None:
    status, _, stats = service.ask("GET", "/analytics/bandit/stats", analyst)
    assert status == 200
    assert {"summary", "algorithm_summary", "detailed_stats"} <= set(stats)


def test_a_second_service_of_the_same_checkout_is_refused_in_a_sentence(checkout: Path, service: Service) -> None:
    code, said = say(checkout, "serve", "--port", "0")
    assert code == 1
    assert said.strip() == f"This checkout's `./dev serve` already runs at {service.addresses['api']}; stop it first."


def test_a_taken_port_is_said_in_a_sentence(checkout: Path, service: Service) -> None:
    port = service.addresses["api"].rpartition(":")[2]
    code, said = say(checkout, "demo", "--port", port, "--requests", "1", "--exit")
    assert code == 1
    assert said.splitlines()[-1].startswith(f"Port {port} cannot be used")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_service_leaves_no_process_and_starts_again_with_its_rows(
    checkout: Path, service: Service, open_folder: Callable[[], Path]
) -> None:
    assert service.process.poll() is None
    other = open_folder() / "checkout"
    subprocess.run(["cp", "-a", checkout, other], check=True)
    subprocess.run(["rm", "-rf", other / ".local"], check=True)
    first = start(other)
    children = _descendants(first.process.pid)
    assert len(children) >= 2
    first.process.kill()
    first.process.wait()
    eventually(lambda: not [pid for pid in children if _runs(pid)])
    again = start(other)
    with psycopg.connect(again.addresses["database"]) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM recommendation_candidates").fetchone() == (True,)
    children = _descendants(again.process.pid)
    again.process.send_signal(signal.SIGINT)
    assert again.process.wait(timeout=30) == 0
    assert not [pid for pid in children if _runs(pid)]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_emulated_aws_that_is_killed_while_it_starts_leaves_no_worker(open_folder: Callable[[], Path]) -> None:
    starting = aws.start(open_folder())
    eventually(lambda: bool(_descendants(starting.process.pid)))
    workers = _descendants(starting.process.pid)
    starting.process.kill()
    starting.process.wait()
    eventually(lambda: not [pid for pid in workers if _runs(pid)])


def test_a_demo_prints_its_outcome_as_json(checkout: Path, service: Service) -> None:
    assert service.process.poll() is None
    code, said = say(checkout, "demo", "--requests", "40", "--exit", "--json", "--port", "0", "--seed", "3")
    outcome = json.loads(said.splitlines()[-1])
    assert (code, outcome["requests"], outcome["verified"]) == (0, 40, True)
    assert outcome["treatment"]["shown"] + outcome["control"]["shown"] == outcome["reconciliation"]["shown"] == 400
    assert outcome["reconciliation"]["pending"] == outcome["reconciliation"]["dead_letters"] == 0
    assert outcome["monitor"]["mails"] == []
    assert "Monitor unknown, mails sent: 0" in said  # 40 lists are too few to judge


@pytest.mark.long
def test_a_demo_in_trouble_prints_the_mails_it_sent_and_leaves_its_report(checkout: Path, service: Service) -> None:
    assert service.process.poll() is None
    words = ("demo", "--trouble", "--requests", "400", "--exit", "--json", "--port", "0", "--seed", "3")
    code, said = say(checkout, *words, settings={"MIN_LISTS": "100"})
    outcome = json.loads(said.splitlines()[-1])
    subjects = outcome["monitor"]["mails"]
    assert (code, outcome["verified"], outcome["monitor"]["status"]) == (0, True, "critical")
    assert "[WARNING] Bandit Selector: long tail is never shown" in subjects
    assert any(subject.startswith("[CRITICAL] Bandit Selector: average rating") for subject in subjects)
    assert all(f"Mail: {subject}" in said for subject in subjects)
    assert "What to do: Build its candidate lists again" in said
    page = checkout / ".local" / "demo" / "report.html"
    assert str(page) in said
    assert "long tail is never shown" in page.read_text()


def _descendants(pid: int) -> list[int]:
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [each for child in found for each in (child, *_descendants(child))]


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
