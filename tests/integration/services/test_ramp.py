"""The share in force on a real database: it follows the plan, and the brake takes it back once, with one mail."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from bandit_selector.evidence.requests import Requests
from bandit_selector.lists.slate import is_treated
from bandit_selector.services.meter import Meter
from bandit_selector.services.ramp import steer
from bandit_selector.settings import Settings
from bandit_selector.store import shares
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.showing import Showing, record_requests
from bandit_selector.telemetry import Telemetry

from functions.feedback.steering import steer_share
from functions.monitor.courier import Outside, run
from functions.select.handler import respond
from tests.builders import RULE, Impression, message, show
from tests.integration.events import http_event, load_site

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = Settings.model_validate({"ramp": "0.05@2026-03-02,0.25@+3d,0.5@+7d", "assignment": "server"})
BY_HAND = Settings(assignment="server", treatment_share=0.4)


@pytest.fixture(autouse=True)
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection, users=60)
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def groups(database: Database, settings: Settings) -> list[str]:
    """The group of each of 60 visitors who ask for the bandit now."""
    late = FIRST + timedelta(days=20)
    asked = [
        http_event({"user_id": str(user), "limit": "1", "use_bandit": "true"}, scope="service", at=late)
        for user in range(1, 61)
    ]
    return [respond(event, settings, database)["headers"]["x-ab-group"] for event in asked]


def split(share: float) -> list[str]:
    treated = [is_treated(user, SETTINGS.experiment_salt, share) for user in range(1, 61)]
    return ["treatment" if one else "control" for one in treated]


def in_force(connection: Connection) -> list[tuple[float, bool]]:
    return [(one.share, one.braked) for one in shares.history(connection)]


def clicks(connection: Connection, at: datetime, treatment: int, control: int) -> None:
    """A thousand movies for each group, each list to another visitor, so many of them clicked."""
    for number, (name, clicked) in enumerate([("bandit_svd", treatment), ("hybrid_control", control)]):
        shown = [
            Impression(number * 1000 + user, user_id=user, algorithm=name, created_at=at) for user in range(1, 1001)
        ]
        show(connection, shown)
        said = [message(one.id, at=at, user_id=one.user_id, event_id=one.id) for one in shown if one.user_id <= clicked]
        apply(connection, said, RULE, at)
    while settle(connection, at + HOUR, RULE, at + HOUR, 1000):
        pass


def test_the_share_of_the_database_splits_visitors(database: Database, connection: Connection) -> None:
    assert groups(database, SETTINGS) == split(0.5)  # the plan of long ago, before the database knows it
    steer(connection, SETTINGS, FIRST)
    assert groups(database, SETTINGS) == split(0.05)
    steer(connection, SETTINGS, FIRST + timedelta(days=3))
    assert groups(database, SETTINGS) == split(0.25)
    assert groups(database, BY_HAND) == split(0.4)  # a new plan, which settle has not seen yet


def test_a_share_follows_its_plan_step_by_step_and_a_new_plan_at_once(connection: Connection) -> None:
    for day in (-1, 0, 0, 2, 3, 10, 11):
        steer(connection, SETTINGS, FIRST + timedelta(days=day))
    assert in_force(connection) == [(0.5, False), (0.25, False), (0.05, False), (0.0, False)]
    steer(connection, BY_HAND, FIRST + timedelta(days=12))
    assert in_force(connection)[0] == (0.4, False)
    counted = [one.counts_from.isoformat() for one in shares.history(connection)]
    assert counted == ["2026-03-14", "2026-03-12", "2026-03-05", "2026-03-02", "2026-03-01"]


def test_harm_brakes_one_step_once_with_one_mail_and_stays(
    database: Database, connection: Connection, aws: Outside
) -> None:
    settings, inbox = mailing(aws, "brake")
    at = FIRST + timedelta(days=3)
    steer(connection, settings, at)
    clicks(connection, at + HOUR, 120, 300)
    telemetry = Telemetry("settle")
    made = [
        steer_share(at + timedelta(minutes=minutes), settings, database, telemetry, lambda: aws.s3)
        for minutes in (120, 121, 180, 240, 60 * 24 * 20)
    ]
    assert [one.share if one else None for one in made] == [0.05, None, None, None, None]
    assert in_force(connection) == [(0.05, True), (0.25, False)]
    assert groups(database, settings) == split(0.05)
    assert run(at, settings, aws) == {"mails": 1}
    (mail,) = mails(aws, inbox)
    assert mail["Subject"] == "[CRITICAL] Bandit Selector: treatment's share braked to 5%"
    assert "Treatment's CTR so far is −60.0% against control (−" in mail["Message"]
    assert "25% until now, 5% from now on" in mail["Message"]


def test_the_day_of_a_brake_does_not_brake_again_and_later_harm_does(connection: Connection) -> None:
    at = FIRST + timedelta(days=3)
    steer(connection, SETTINGS, at)
    clicks(connection, at + HOUR, 120, 300)
    steer(connection, SETTINGS, at + 2 * HOUR)
    assert steer(connection, SETTINGS, at + 4 * HOUR) is None
    clicks(connection, at + timedelta(days=1), 120, 300)
    again = steer(connection, SETTINGS, at + timedelta(days=1, hours=2))
    assert again is not None
    assert (again.share, again.braked) == (0.0, True)
    assert steer(connection, SETTINGS, at + timedelta(days=2)) is None


@pytest.mark.parametrize(
    "changes",
    [{"assignment": "caller", "ramp": ()}, {"bandit": "off"}, {"brake_below": None}, {"brake_below": -0.9}],
)
def test_what_does_not_brake(connection: Connection, changes: dict[str, Any]) -> None:
    settings = SETTINGS.model_copy(update=changes)
    at = FIRST + timedelta(days=3)
    steer(connection, settings, at)
    clicks(connection, at + HOUR, 120, 300)
    assert steer(connection, settings, at + 2 * HOUR) is None


def test_looks_are_an_hour_apart(connection: Connection) -> None:
    at = FIRST + timedelta(days=3)
    steer(connection, SETTINGS, at)
    steer(connection, SETTINGS, at + HOUR)
    clicks(connection, at + HOUR, 120, 300)
    assert steer(connection, SETTINGS, at + 1.9 * HOUR) is None
    assert steer(connection, SETTINGS, at + 2 * HOUR) is not None


def test_fallbacks_brake_a_share_that_was_set_by_hand(connection: Connection) -> None:
    steer(connection, BY_HAND, FIRST)
    failed = [Impression(one, one, algorithm="hybrid_fallback", created_at=FIRST + HOUR) for one in range(1, 21)]
    drawn = [Impression(one, one, created_at=FIRST + HOUR) for one in range(21, 301)]
    show(connection, [*failed, *drawn])
    made = steer(connection, BY_HAND, FIRST + 1.5 * HOUR)
    assert made is not None
    assert made.share == 0.0
    assert made.why.startswith("20 of treatment's 300 lists of the last hour were fallbacks (6.7%)")


def mailing(aws: Outside, name: str) -> tuple[Settings, str]:
    """Settings with a bucket and a topic of that name, and the queue that gets its mails."""
    aws.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    topic = aws.sns.create_topic(Name=name)["TopicArn"]
    inbox = aws.sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return SETTINGS.model_copy(update={"alert_topic_arn": topic, "report_bucket": name}), inbox


def mails(aws: Outside, inbox: str) -> list[dict[str, str]]:
    found = aws.sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(one["Body"]) for one in found]


def asked(database: Database, meter: Meter, users: range) -> list[int]:
    """What each visitor's request for a list is answered with."""
    at = FIRST + timedelta(days=20)
    answers: list[int] = []
    for user in users:
        event = http_event({"user_id": str(user), "limit": "1"}, scope="service", at=at)
        try:
            answers.append(respond(event, BY_HAND, database, meter=meter)["statusCode"])
        except psycopg.Error:
            answers.append(500)
    return answers


def test_a_process_writes_how_its_requests_of_each_group_went(database: Database, connection: Connection) -> None:
    """The database itself refuses treatment's lists, and then takes long for them."""
    steer(connection, BY_HAND, FIRST)
    treated = [is_treated(user, BY_HAND.experiment_salt, 0.4) for user in range(1, 61)]
    meter = Meter(timedelta(milliseconds=150), seconds=0)
    connection.execute("ALTER TABLE bandit_lists ADD CONSTRAINT refused CHECK (ab_group <> 'treatment') NOT VALID")
    assert asked(database, meter, range(1, 61)) == [500 if one else 200 for one in treated]
    connection.execute("ALTER TABLE bandit_lists DROP CONSTRAINT refused")
    connection.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END $$;"
        " CREATE TRIGGER slowly BEFORE INSERT ON bandit_lists FOR EACH ROW WHEN (NEW.ab_group = 'treatment')"
        " EXECUTE FUNCTION wait()"
    )
    assert set(asked(database, meter, range(1, 11))) == {200}
    asked(database, meter, range(1, 2))  # carries the last
    ours, theirs = shares.requests_since(connection, FIRST)
    assert (ours.number, ours.failed) == (sum(treated) + sum(treated[:10]), sum(treated))
    assert ours.slow >= sum(treated[:10])
    assert ours.failed_of.bit_count() == sum(treated)
    assert (theirs.failed, theirs.number) == (0, 70 - ours.number)


def test_nothing_is_counted_where_callers_choose_the_group(database: Database, connection: Connection) -> None:
    meter = Meter(timedelta(0), seconds=0)
    for user in (1, 2, 3):
        respond(http_event({"user_id": str(user), "limit": "1"}, scope="service"), Settings(), database, meter=meter)
    assert connection.execute("SELECT count(*) FROM bandit_requests").fetchone() == (0,)


@pytest.mark.parametrize(("column", "told"), [("failed", "failed, surely"), ("slow", "took longer than")])
def test_errors_and_latency_brake_once_with_one_mail(
    database: Database, connection: Connection, aws: Outside, column: str, told: str
) -> None:
    settings, inbox = mailing(aws, f"brake-{column}")
    at = FIRST + timedelta(days=3)
    steer(connection, settings, at)
    for group, bad in (("treatment", 8), ("control", 0)):
        rows = Showing(
            1, "", group, "off", None, None, requests={group: Requests(30, **{column: bad, f"{column}_of": 1023})}
        )
        for minute in range(40):
            record_requests(connection, rows, at + timedelta(minutes=minute + 1))
    telemetry = Telemetry("settle")
    made = [
        steer_share(at + timedelta(minutes=minutes), settings, database, telemetry, lambda: aws.s3)
        for minutes in (60, 61, 120, 240)
    ]
    assert [one.share if one else None for one in made] == [0.05, None, None, None]
    assert run(at, settings, aws) == {"mails": 1}
    (mail,) = mails(aws, inbox)
    assert mail["Message"].startswith(
        "320 of treatment's 1,200 requests of the last hour (26.7%), against 0 of control's 1,200 (0.0%), "
    )
    assert told in mail["Message"]
    nobody = settings.model_copy(update={"ramp": (), "treatment_share": 0.0})
    steer(connection, nobody, at + timedelta(days=4))
    steer(connection, nobody, at + timedelta(days=4, hours=1))
    assert connection.execute("SELECT count(*) FROM bandit_requests").fetchone() == (0,)
