"""A long outage under the monitor: mailed at once, and not over before it is over."""

from dataclasses import replace

import numpy as np
import pytest
from bandit_selector.store.connection import connect

from benchmarks._evidence_site import Habits, morning, prepare

HEALTHY = Habits(a_day=90)
SILENT = replace(HEALTHY, heard=(0.0, 0.0))


@pytest.mark.parametrize("seen", [False, True], ids=["nothing arrives", "only what was seen arrives"])
def test_an_outage_is_over_when_reactions_arrive_again_and_not_when_its_window_is_empty(
    database_url: str, seen: bool
) -> None:
    rng = np.random.default_rng(8)
    healthy, silent = replace(HEALTHY, seen=seen), replace(SILENT, seen=seen)
    with connect(database_url) as connection:
        prepare(connection)
        days = [healthy] * 8 + [silent] * 9 + [healthy]
        mails = [morning(connection, day, habits, rng) for day, habits in enumerate(days)]
    assert mails[:8] == [[]] * 8
    assert ("alert", "feedback_silence") in mails[8]
    outage = [mail for day in mails[8:17] for mail in day]
    assert {kind for kind, _ in outage} == {"alert", "reminder"}
    assert [metric for kind, metric in outage if kind == "reminder"].count("feedback_silence") == 8
    assert ("recovery", "feedback_silence") in mails[17]
