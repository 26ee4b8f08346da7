"""What the monitor answers and mails on a morning is what the studies of the read-out compute from single visitors.

So the 1,000 runs of `./dev bench evidence --only mornings` are the monitor's own.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import numpy as np
import pytest
from bandit_selector.evidence.experiment import GROUPS, Comparison, Plan, ReadOut
from bandit_selector.services.report import Report, make_report
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.outcomes import settle

from benchmarks._evidence_mornings import PERIODS, Visitors, judged
from benchmarks._evidence_site import FIRST, RULE, SETTINGS, Habits, live, prepare, watch
from tests.integration.services.monitored import NOTHING_NOW

MAILED_AS: Final = {"lower": "lift", "sample_ratio_mismatch": "sample_ratio", "tracking_broken": "tracking"}
USUAL: Final = Habits(a_day=120, share=0.4, ctr=0.25, back=0.4, eager=0.05)


@dataclass(frozen=True, slots=True)
class World:
    """Each day's habits, the verdicts that mornings reach in this order, and days without a run of the monitor.

    `adjusted` are the covariates in use on the last morning.
    """

    days: tuple[Habits, ...]
    verdicts: tuple[str, ...]
    missed: tuple[int, ...] = ()
    adjusted: tuple[str, ...] = ()
    settings: Settings = SETTINGS


FEW: Final = replace(USUAL, a_day=50)
HARM: Final = World(  # both groups have returning visitors; the share changes at 9 AM, within a UTC day
    (FEW, USUAL, USUAL, *(replace(USUAL, share=0.7, lift=-0.7),) * 5),
    ("too_early", "undecided", "lower"),
    missed=(5,),
)
BEGUN_INSIDE_A_DAY: Final = World(  # the second morning's last nine hours are the test's first
    (FEW, FEW, *(replace(USUAL, lift=0.3, evening=2.0),) * 5),
    ("no_control", "too_early", "undecided", "higher"),
    settings=Settings(experiment_start=FIRST + timedelta(hours=9), visitor_weight_quantile=0.8, planned_lift=0.3),
    adjusted=("daypart",),
)
LOST: Final = World(
    (FEW, USUAL, *(replace(USUAL, missing=0.9, back=0.0),) * 2), ("too_early", "undecided", "sample_ratio_mismatch")
)
BROKEN: Final = World(
    (replace(USUAL, heard=(0.0, 1.0)),) * 2,
    ("too_early", "tracking_broken"),
    settings=Settings(visitor_weight_quantile=1.0),
)


@pytest.mark.parametrize(
    "world", [HARM, BEGUN_INSIDE_A_DAY, LOST, BROKEN], ids=["harm", "begun inside a day", "lost", "broken"]
)
def test_the_monitors_verdict_and_mails_are_those_of_the_read_out_of_single_visitors(
    database_url: str, world: World
) -> None:
    rng, plan, settings = np.random.default_rng(5), Plan(0.5, world.settings.planned_lift), world.settings
    found: list[ReadOut] = []
    with connect(database_url) as connection:
        prepare(connection)
        for day, habits in enumerate(world.days):
            now = FIRST + timedelta(days=day)
            live(connection, day, habits, rng, settings)
            settle(connection, now, RULE, now, 10_000)
            if day in world.missed:
                continue
            mails = watch(connection, day, habits, settings)
            due = expected(connection, now, plan, settings)
            plan = due.plan
            told = report(connection, now.date())
            found.append(due)
            assert_same(told, due)
            assert {metric for kind, metric in mails if kind != "recovery"} & set(MAILED_AS.values()) == (
                {MAILED_AS[due.verdict]} if due.verdict in MAILED_AS else set()
            )
            if due.verdict == world.verdicts[-1]:
                assert make_report(connection, 1, now, settings, NOTHING_NOW).ab_test == told.ab_test
            if day - 1 in world.missed:
                assert_same_for_a_missed_day(connection, now - timedelta(days=1), plan, settings)
    assert tuple(dict.fromkeys(one.verdict for one in found)) == world.verdicts
    assert found[-1].adjusted_for == world.adjusted


def assert_same(told: Report, due: ReadOut) -> None:
    ctr, lift = due.metrics["ctr"], told.ab_test.metrics["ctr"].lift
    assert told.ab_test.verdict == due.verdict
    assert {name: group.users for name, group in told.ab_test.groups.items()} == {
        "treatment": due.treatment_users,
        "control": due.control_users,
    }
    assert told.ab_test.sample_ratio.p == pytest.approx(due.sample_ratio_p)
    assert told.ab_test.sample_size.adjusted_for == list(due.adjusted_for)
    assert (lift is None) == (ctr.lift is None)
    if lift and ctr.lift:
        assert [lift.percent, lift.percent_low, lift.percent_high, lift.p] == pytest.approx(_figures(ctr))


def _figures(ctr: Comparison) -> list[float]:
    assert ctr.lift is not None
    one = ctr.lift.relative
    return [100 * one.estimate, 100 * one.low, 100 * one.high, ctr.lift.p]


def assert_same_for_a_missed_day(connection: Connection, moment: datetime, plan: Plan, settings: Settings) -> None:
    """A report made later is on the whole UTC days before it: nobody is bounded, and nothing is adjusted."""
    midnight = datetime.combine(moment.date(), time(), UTC)
    unbounded = settings.model_copy(update={"visitor_weight_quantile": 1.0})
    plain = replace(plan, adjustment=type(plan.adjustment)() if plan.adjustment else None)
    assert_same(report(connection, moment.date()), expected(connection, midnight, plain, unbounded))


def report(connection: Connection, day: date) -> Report:
    row = connection.execute("SELECT report FROM monitor_reports WHERE day = %s", [day]).fetchone()
    assert row is not None
    return Report.model_validate(row[0])


def expected(connection: Connection, until: datetime, plan: Plan, settings: Settings) -> ReadOut:
    """The read-out of what lists and reactions say of each visitor, before a moment."""
    shares = dict(connection.execute("SELECT phase, share::float FROM bandit_phases ORDER BY phase").fetchall())
    rows = connection.execute(
        """
        SELECT l.ramp_phase, l.ab_group, bandit_cluster(l.user_id), (array_agg(l.context_key ORDER BY l.id))[1],
            sum(counted), sum(clicks), min(min(l.id)) OVER (PARTITION BY l.user_id) = min(l.id)
        FROM bandit_lists AS l
        CROSS JOIN LATERAL (SELECT coalesce(l.counted_places, cardinality(l.movie_ids)) AS counted) AS c
        CROSS JOIN LATERAL (
            SELECT count(r.clicked_at) AS clicks FROM bandit_reactions AS r
            WHERE r.event_id BETWEEN l.id * 64 + 1 AND l.id * 64 + counted
        ) AS reacted
        WHERE l.created_at < %s AND l.ramp_phase IS NOT NULL AND counted > 0
        GROUP BY l.user_id, l.ramp_phase, l.ab_group
        """,
        [until],
    ).fetchall()
    first = connection.execute("SELECT min(created_at) FROM bandit_lists WHERE ramp_phase IS NOT NULL").fetchone()
    began = first[0] if first and first[0] else until
    days = (until.date() - began.astimezone(UTC).date()).days
    return judged(_visitors(rows), shares, plan, days, settings.visitor_weight_quantile)


def _visitors(rows: list[tuple[Any, ...]]) -> Visitors:
    phase, group, cluster, context, shown, clicked, first = zip(*rows, strict=True) if rows else ((),) * 7
    return Visitors(
        np.array(phase, dtype=np.int64),
        np.array([GROUPS.index(name) for name in group], dtype=np.int64),
        np.array(cluster, dtype=np.int64),
        np.array([PERIODS.index(key.split("|")[0]) for key in context], dtype=np.int64),
        np.array(shown, dtype=np.int64),
        np.array(clicked, dtype=np.int64),
        np.array(first, dtype=np.bool_),
    )
