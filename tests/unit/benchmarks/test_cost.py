"""The cost model: docs/cost.md shows the script's tables, and the arithmetic follows the price list."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import cost
from benchmarks._requests import grouped, measured
from infra.api import LOGGED

NO_FEEDBACK = cost.Load(reactions=0, feedback_requests=0, messages=0)
DOCUMENT = Path(__file__).parents[3] / "docs" / "cost.md"


def test_the_document_shows_what_the_script_computes() -> None:
    shown = DOCUMENT.read_text().partition("<!-- ./dev bench cost -->\n")[2].partition("<!-- end -->")[0]
    assert shown == cost.report(cost.Prices(), cost.Load())


def test_a_million_requests_cost_what_the_price_list_says() -> None:
    free = replace(
        NO_FEEDBACK, select_seconds=0, database_seconds=0, list_wal=0, batch_wal=0, list_bytes=0, access_log_bytes=0,
        log_sample=0, counter_bytes=0,
    )  # fmt: skip
    bill = cost.running(1e6 / cost.SECONDS, cost.Prices(), free)
    assert bill.total == pytest.approx(1.00 + 0.20)


def test_requests_beyond_the_first_tier_are_cheaper() -> None:
    api = cost.running(400e6 / cost.SECONDS, cost.Prices(), NO_FEEDBACK).lines["API Gateway"]
    assert api == pytest.approx(300 * 1.00 + 100 * 0.90)


def test_capacity_never_falls_below_what_is_always_on() -> None:
    assert cost.acus(0.001, cost.Load()) == cost.IDLE_ACU
    assert cost.acus(10_000, cost.Load()) == pytest.approx(10_000 * 0.0005 / 0.25 * 2)


def test_a_commit_alone_takes_a_whole_unit_of_io() -> None:
    assert cost.Load(list_wal=1_000, batch_wal=0).ios == 1
    assert cost.Load(list_wal=5_000, batch_wal=2_048).ios == 2.5


def test_a_line_of_the_access_log_is_no_longer_than_the_model_says() -> None:
    longest = {"requestTime": "26/Nov/2026:07:17:56 +0000", "routeKey": "GET /movies/recommendations",
               "integration.requestId": "52fdfc07-2182-454f-963f-5f0f9a621d72", "requestId": "JKJaXmPLvHcESHA=",
               "identity.sourceIp": "203.0.113.123", "httpMethod": "GET", "status": "200", "responseLatency": "25",
               }  # fmt: skip
    line = json.dumps({name: longest.get(name, "-") for name in LOGGED}, separators=(",", ":"))
    assert len(line) + 26 <= cost.Load().access_log_bytes


def test_reactions_within_the_time_go_in_one_request() -> None:
    seconds = [timedelta(seconds=it) for it in (1, 5, 31, 32, 70)]
    assert [len(group) for group in grouped(seconds, timedelta(seconds=30))] == [3, 1, 1]


def test_a_list_and_its_feedback_are_fewer_than_a_list_and_its_reactions() -> None:
    found = measured(lists=5_000, reactions=0.3, gather=timedelta(seconds=30))
    assert found.reactions == pytest.approx(0.3, abs=0.03)
    assert found.requests < 0.96 * found.reactions
    assert found.requests == pytest.approx(cost.Load().feedback_requests, abs=0.03)
    assert 1 + found.requests_with_seen == pytest.approx(1 + cost.SEEN["feedback_requests"], abs=0.3)


def test_every_option_of_the_table_changes_the_bill() -> None:
    assert all(option.idle or option.running for option in cost.options(cost.Prices(), cost.Load()))


def test_seen_costs_more_than_shown_and_fewer_days_less() -> None:
    found = {option.name: option.running for option in cost.options(cost.Prices(), cost.Load())}
    assert found["`SILENCE_COUNTS=seen`"] > 2 > 0 > found["`KEEP_EVENTS=30d`"]
