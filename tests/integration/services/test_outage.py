"""A long outage under the monitor: mailed at once, and not over before it is over."""

from dataclasses import replace

import numpy as np
from bandit_selector.store.connection import connect

from benchmarks._evidence_site import Habits, morning, prepare

HEALTHY = Habits(a_day=90)
SILENT = replace(HEALTHY, heard=(0.0, 0.0))


def test_an_outage_is_over_when_reactions_arrive_again_and_not_when_its_window_is_empty(database_url: str) -> None:
    rng = np.random.default_rng(8)
    with connect(database_url) as connection:
        prepare(connection)
        days = [HEALTHY] * 8 + [SILENT] * 9 + [HEALTHY]
        mails = [morning(connection, day, habits, rng) for day, habits in enumerate(days)]
    assert mails[:8] == [[]] * 8
    assert ("alert", "feedback_silence") in mails[8]
    outage = [mail for day in mails[8:17] for mail in day]
    assert {kind for kind, _ in outage} == {"alert", "reminder"}
    assert [metric for kind, metric in outage if kind == "reminder"].count("feedback_silence") == 8
    assert ("recovery", "feedback_silence") in mails[17]
