"""Measures a window, judges it, and makes the report. Knows the store; must not know AWS or the clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from bandit_selector.answers import stats
from bandit_selector.answers.performance import Experiment
from bandit_selector.answers.timeline import CtrPoint, ForgettingPoint, LiftPoint, Point, RateAnswer, points
from bandit_selector.evidence.experiment import Plan, ReadOut, ctr_by_day, explore, lift_over_time, read_out
from bandit_selector.evidence.ratio import Ratio, clustered
from bandit_selector.evidence.tally import RATIOS, Metric, Tally, Window, across, total
from bandit_selector.health.checks import judge
from bandit_selector.health.facts import (
    Alert,
    Check,
    Facts,
    Feedback,
    Overall,
    Partitions,
    Thresholds,
    Visitors,
    evenness_among,
)
from bandit_selector.health.genres import parse_genres
from bandit_selector.lists.names import algorithm_of, arm_of
from bandit_selector.settings import Settings
from bandit_selector.store import activity, facts
from bandit_selector.store.archives import due_before, unarchived_days
from bandit_selector.store.candidates import unusable_ratings
from bandit_selector.store.connection import Connection
from bandit_selector.store.facts import Listed
from bandit_selector.store.posteriors import forgettings
from bandit_selector.store.retention import partitions_until
from bandit_selector.store.verification import first_recent_difference

SAMPLED_LISTS: Final = 2_000
"""Diversity is measured on a sample of about this many lists, which gives genre diversity to ±.01."""
PLACES_PER_LIST: Final = 10
MOMENTS: Final = 30
A_NIGHT: Final = timedelta(days=1)
"""A day that became due since yesterday may wait for the next night's archive."""


class Report(BaseModel):
    """One day's report, in the form of report.json; its first fields are those of the site's own monitor."""

    model_config = ConfigDict(frozen=True)

    timestamp: datetime
    period_days: int
    checks: dict[str, Check]
    alerts: list[Alert]
    overall_status: Overall
    since: datetime
    time_zone: str
    ab_test: Experiment
    timeline: list[Point]
    ctr_by_day: list[CtrPoint]
    lift: list[LiftPoint]
    posteriors: dict[str, stats.CellStats]
    forgettings: list[ForgettingPoint] = Field(default=[], description="what newer outcomes refuted in the window")

    def unjudged(self) -> list[str]:
        """The names of the checks that had too little data."""
        return [name for name, check in self.checks.items() if check.status == "no_data"]


@dataclass(frozen=True, slots=True)
class Now:
    """What only the present knows: dead letters, what `verify` found, the age of the candidates, the partitions.

    None where it cannot be known. A report on a past moment has none of it but what `verify` found.
    """

    dead_letters: int | None
    difference: str | None
    candidates_updated: datetime | None
    partitions: Partitions | None
    unusable_ratings: int | None = None

    @classmethod
    def read(cls, connection: Connection, dead_letters: int | None, now: datetime, settings: Settings) -> "Now":
        unarchived = unarchived_days(connection, due_before(now - A_NIGHT, settings))
        return cls(
            dead_letters,
            first_recent_difference(connection, now),
            facts.candidates_updated(connection),
            Partitions(partitions_until(connection), unarchived[0] if unarchived else None),
            unusable_ratings(connection),
        )

    def as_backfilled(self) -> "Now":
        return Now(None, self.difference, None, None)


def make_report(connection: Connection, days: int, now: datetime, settings: Settings, present: Now) -> Report:
    """The report on the `days` before `now`."""
    window = Window.last(days, now)
    algorithms = activity.by_algorithm(connection, window)
    test = _read_out(connection, window, algorithms, settings)
    health = judge(_facts(connection, window, algorithms, settings, test, present), thresholds(settings))
    zone = str(settings.time_zone)
    return Report(
        timestamp=now.astimezone(settings.time_zone),
        period_days=days,
        checks=health.checks,
        alerts=list(health.alerts),
        overall_status=health.overall_status,
        since=window.since.astimezone(settings.time_zone),
        time_zone=zone,
        ab_test=Experiment.of(test, plan(settings), start(window, settings).since),
        timeline=points(activity.over_time(connection, window, "day", zone)),
        ctr_by_day=[
            CtrPoint(day=day, groups={name: RateAnswer.of(rate) for name, rate in groups.items()})
            for day, groups in ctr_by_day(activity.clusters_by_day(connection, start(window, settings)))
        ],
        lift=lift_points(connection, window, settings),
        posteriors=stats.BanditStats.of(activity.cells(connection), settings).detailed_stats,
        forgettings=forgetting_points(connection, window),
    )


def experiment(
    connection: Connection, window: Window, contexts: Mapping[str, Mapping[str, Tally]], settings: Settings
) -> Experiment:
    """The test in the part of a window in which it ran; `contexts` is {context: {algorithm: tally}} of the window."""
    part = start(window, settings)
    tallies = contexts if part == window else activity.by_context_and_algorithm(connection, part)
    test = _read_out(connection, part, across(tallies.values()), settings)
    groups = {key: stats.group_totals(algorithms) for key, algorithms in tallies.items()}
    return Experiment.of(test, plan(settings), part.since, explore(groups, test, plan(settings)))


def lift_points(connection: Connection, window: Window, settings: Settings) -> list[LiftPoint]:
    """The test's lift up to each day; long windows are thinned to about MOMENTS days."""
    part = start(window, settings)
    step = max(1, ceil((part.until - part.since).days / MOMENTS))
    days = activity.clusters_by_day(connection, part, step)
    return [LiftPoint.of(day, lift) for day, lift in lift_over_time(days, plan(settings))]


def forgetting_points(connection: Connection, window: Window) -> list[ForgettingPoint]:
    """What newer outcomes refuted in the window."""
    return [ForgettingPoint.of(at, told) for at, told in forgettings(connection, window.since, window.until)]


def plan(settings: Settings) -> Plan:
    """The test's plan under these settings."""
    return Plan(settings.treatment_share, settings.planned_lift)


def start(window: Window, settings: Settings) -> Window:
    """The part of a window in which the test ran."""
    return Window(max(window.since, settings.experiment_start or window.since), window.until)


def thresholds(settings: Settings) -> Thresholds:
    """The alerts' thresholds under these settings."""
    return Thresholds(**{name: getattr(settings, name) for name in Thresholds.__slots__})


def whole_test(connection: Connection, settings: Settings) -> ReadOut | None:
    """The read-out of everything that was ever shown; None before the first list."""
    window = activity.whole(connection)
    return window and _read_out(connection, window, activity.by_algorithm(connection, window), settings)


def _read_out(connection: Connection, window: Window, algorithms: Mapping[str, Tally], settings: Settings) -> ReadOut:
    part = start(window, settings)
    return read_out(
        stats.group_totals(algorithms if part == window else activity.by_algorithm(connection, part)),
        activity.clusters(connection, part),
        activity.visitors(connection, part),
        plan(settings),
    )


def _facts(
    connection: Connection,
    window: Window,
    algorithms: Mapping[str, Tally],
    settings: Settings,
    test: ReadOut,
    present: Now,
) -> Facts:
    everything = total(algorithms.values())
    parts = [tally for _, tally in activity.clusters(connection, window)]
    one_in = max(1, ceil(everything.shown / PLACES_PER_LIST / SAMPLED_LISTS))
    lists = facts.sample_lists(connection, window.since, window.until, one_in)
    published, expected = facts.published(connection)
    return Facts(
        now=window.until,
        shown=everything.shown,
        lists=len(lists) * one_in,
        long_tail=clustered((one.long_tail, one.places) for one in lists if one.long_tail is not None),
        genre_diversity=_genre_diversity(connection, lists),
        ctr=_ratio(parts, everything, "ctr"),
        avg_rating=_ratio(parts, everything, "avg_rating"),
        treatment_places={arm: tally.shown for name, tally in algorithms.items() if (arm := arm_of(name)) is not None},
        experiment=test,
        feedback=Feedback(*facts.feedback(connection, window.since, window.until)),
        dead_letters=present.dead_letters,
        difference=present.difference,
        candidates_updated=present.candidates_updated,
        unusable_ratings=present.unusable_ratings,
        algorithms=algorithms,
        visitors=Visitors(
            *facts.visitors(connection, window.since, window.until),
            facts.beyond_bound(connection, window.since, window.until),
        ),
        partitions=present.partitions,
        arms_without_outcome=tuple(arm for arm in settings.arms if not _judged(algorithms.get(algorithm_of(arm)))),
        contexts_published=published,
        expected_shares=expected,
        forgettings=len(forgettings(connection, window.since, window.until)),
        drop_outs=facts.drop_outs(connection, window.since, window.until, one_in),
    )


def _ratio(parts: list[Tally], everything: Tally, metric: Metric) -> Ratio:
    return clustered(RATIOS[metric](tally) for tally in parts).of(*RATIOS[metric](everything))


def _judged(tally: Tally | None) -> bool:
    return tally is not None and tally.successes + tally.failures > 0


def _genre_diversity(connection: Connection, lists: list[Listed]) -> Ratio:
    """The mean over lists of the entropy of genre shares, relative to the catalogue's number of genres."""
    known = {genre for text in facts.catalogue_genres(connection) for genre in parse_genres(text)}
    scores = [evenness_among(_weights(one), len(known)) for one in lists]
    return clustered((score, 1) for score in scores if score is not None)


def _weights(listed: Listed) -> list[float]:
    """The weight of each genre in a list: every movie spreads a weight of 1 over its genres."""
    weights: dict[str, float] = {}
    for genres in map(parse_genres, listed.genres):
        for genre in genres:
            weights[genre] = weights.get(genre, 0.0) + 1 / len(genres)
    return list(weights.values())
