"""A mail goes from the database by the bucket to the topic: none is lost, and none goes twice because of that way."""

import json
from datetime import timedelta

import pytest
from bandit_selector.errors import DeliveryFailed
from bandit_selector.outbox import posted

from tests.integration.services.monitored import NINE, Service

UNTOLD = "UPDATE monitor_mails SET sent_at = NULL WHERE sent_at IS NOT NULL"


def post(service: Service, number: int, subject: str, body: str = "low") -> None:
    service.outside.s3.put_object(Bucket=service.settings.report_bucket, **posted(number, subject, body))


def waiting(service: Service) -> list[str]:
    listed = service.outside.s3.list_objects_v2(Bucket=service.settings.report_bucket, Prefix="mails/")
    return [found["Key"] for found in listed.get("Contents", [])]


def test_a_mail_waits_in_the_bucket_until_the_topic_has_it(service: Service) -> None:
    service.at(NINE, min_ctr=0.9)
    assert len(waiting(service)) == 1
    assert service.carry(NINE) == 1
    assert waiting(service) == []
    assert service.carry(NINE) == 0


def test_a_mail_that_is_posted_twice_before_it_is_sent_is_sent_once(service: Service) -> None:
    """As after a run that stopped between posting and recording it, or by monitor and brake at one time."""
    service.inspect(NINE, min_ctr=0.9)
    service.database.connection().execute(UNTOLD)
    service.inspect(NINE + timedelta(minutes=1), min_ctr=0.9)
    assert len(service.mails()) == 1


def test_a_mail_that_cannot_be_read_or_sent_waits_and_holds_up_no_other(service: Service) -> None:
    bucket = service.settings.report_bucket
    service.outside.s3.put_object(Bucket=bucket, Key="mails/1.json", Body=b"{")
    post(service, 2, "CTR")
    post(service, 3, "longer than SNS takes " * 5)
    post(service, 4, "rating", "Łódź: −5 %")
    with pytest.raises(DeliveryFailed, match="2 of 4 mails did not go out"):
        service.carry(NINE)
    assert waiting(service) == ["mails/1.json", "mails/3.json"]
    for number in (1, 3):
        service.outside.s3.delete_object(Bucket=bucket, Key=f"mails/{number}.json")
    assert sorted(service.mails()) == [("CTR", "low"), ("rating", "Łódź: −5 %")]


def test_dead_letters_are_counted_although_a_mail_fails(service: Service) -> None:
    post(service, 1, "CTR")
    with pytest.raises(DeliveryFailed):
        service.carry(NINE, alert_topic_arn="arn:aws:sns:eu-central-1:123456789012:missing")
    counted = json.loads(service.stored("queue/counts.json"))
    assert counted == {"at": "2026-06-10T09:00:00Z", "dead_letters": 0}


def test_the_monitor_asks_nothing_but_the_bucket(service: Service) -> None:
    """From its network SNS and SQS cannot be reached."""
    service.inspect(NINE, min_ctr=0.9, alert_topic_arn="", feedback_queue_url="")
    assert len(service.mails()) == 1
