"""The cost model: docs/cost.md shows the script's tables, and the arithmetic follows the price list."""

from pathlib import Path

import pytest

from benchmarks import cost

DOCUMENT = Path(__file__).parents[3] / "docs" / "cost.md"


def test_the_document_shows_what_the_script_computes() -> None:
    shown = DOCUMENT.read_text().partition("<!-- ./dev bench cost -->\n")[2].partition("<!-- end -->")[0]
    assert shown == cost.report(cost.Prices(), cost.Load())


def test_a_million_requests_cost_what_the_price_list_says() -> None:
    free = cost.Load(
        reactions=0, select_seconds=0, database_seconds=0, list_wal=0, batch_wal=0, list_bytes=0, log_bytes=0
    )
    bill = cost.running(1e6 / cost.SECONDS, cost.Prices(), free)
    assert bill.total == pytest.approx(1.00 + 0.20)


def test_requests_beyond_the_first_tier_are_cheaper() -> None:
    load = cost.Load(reactions=0)
    api = cost.running(400e6 / cost.SECONDS, cost.Prices(), load).lines["API Gateway"]
    assert api == pytest.approx(300 * 1.00 + 100 * 0.90)


def test_capacity_never_falls_below_what_is_always_on() -> None:
    assert cost.acus(0.001, cost.Load()) == cost.IDLE_ACU
    assert cost.acus(10_000, cost.Load()) == pytest.approx(10_000 * 0.0008 / 0.25 * 2)


def test_a_commit_alone_takes_a_whole_unit_of_io() -> None:
    assert cost.Load(list_wal=1_000, batch_wal=0).ios == 1
    assert cost.Load(list_wal=5_000, batch_wal=2_048).ios == 2.5
