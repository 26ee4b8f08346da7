"""The CDK context: accepted keys, refused keys, and the handbook's list of all keys."""

from pathlib import Path
from typing import Any

import pytest

from infra.configuration import Configuration, UnusableContext, read_configuration
from infra.service import FUNCTIONS, Function

HANDBOOK = Path(__file__).parents[3] / "docs" / "operations.md"


def test_a_single_key_overrides_the_environments_block() -> None:
    context = {"environment": "prod", "prod": {"log_days": 90, "backup_days": 14}, "backup_days": "35"}
    found = read_configuration(context)
    assert (found.environment, found.log_days, found.backup_days) == ("prod", 90, 35)


def test_lists_are_written_with_commas_and_settings_in_capitals() -> None:
    found = read_configuration({"alarm_mails": "a@example.com, b@example.com", "TREATMENT_SHARE": "0.1"})
    assert found.alarm_mails == ("a@example.com", "b@example.com")
    assert found.settings == {"TREATMENT_SHARE": "0.1"}


def test_cdks_own_context_is_left_alone() -> None:
    assert read_configuration({"@aws-cdk/core:x": True, "vpc-provider:account=1": {}, "aws:cdk:y": 1}).settings == {}


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"alarm_mail": "a@example.com"}, "alarm_mail: Extra inputs are not permitted"),
        ({"TREATMENT_SHAER": "0.1"}, "No setting TREATMENT_SHAER"),
        ({"REPORT_BUCKET": "mine"}, "No setting REPORT_BUCKET"),
        ({"TREATMENT_SHARE": "2"}, "treatment_share: Input should be less than or equal to 1"),
        ({"database_secret_arn": "arn"}, "needs vpc_id"),
        ({"database_secret_key_arn": "arn"}, "needs database_secret_arn"),
        ({"issuer": "https://login.example.com"}, "needs audience"),
        ({"domain_name": "example.com"}, "needs certificate_arn"),
        ({"database_pause_minutes": 5}, "needs database_min_capacity=0"),
        ({"environment": "production"}, "environment: Input should be 'dev' or 'prod'"),
    ],
)
def test_what_cannot_be_used_is_named(context: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UnusableContext, match=sentence):
        read_configuration(context)


@pytest.mark.parametrize("key", sorted(set(Configuration.model_fields) - {"settings"}))
def test_the_handbook_explains_every_key(key: str) -> None:
    assert f"`{key}`" in HANDBOOK.read_text().partition("### What can be set")[2].partition("## Roll back")[0]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda it: it.name)
def test_the_handbook_gives_the_reason_for_what_a_function_gets(function: Function) -> None:
    seconds = int(function.timeout.total_seconds())
    row = f"| `{function.name}` | {function.memory_mb} | {seconds} | {function.concurrency} | "
    assert row in HANDBOOK.read_text()
