"""Measures a window, judges it, and makes the report. Knows the store; must not know AWS or the clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from bandit_selector.answers import stats
from bandit_selector.answers.performance import Experiment
from bandit_selector.answers.shipping import GoalAnswer, Shipping
from bandit_selector.answers.timeline import CtrPoint, ForgettingPoint, LiftPoint, Point, RateAnswer, points
from bandit_selector.evidence.experiment import ReadOut
from bandit_selector.evidence.over_time import ctr_by_day
from bandit_selector.evidence.ratio import Ratio, clustered
from bandit_selector.evidence.tally import RATIOS, Metric, Tally, Window, total
from bandit_selector.health.checks import judge
from bandit_selector.health.facts import (
    Alert,
    Check,
    Facts,
    Feedback,
    Health,
    Overall,
    Partitions,
    Thresholds,
    Visitors,
    evenness_among,
)
from bandit_selector.health.genres import parse_genres
from bandit_selector.lists.names import algorithm_of, arm_of
from bandit_selector.services.experiment import answer, lift_points, read, running
from bandit_selector.services.shipping import judged, read_shipping
from bandit_selector.settings import Settings
from bandit_selector.store import activity, facts
from bandit_selector.store.archives import due_before, unarchived_days
from bandit_selector.store.candidates import unusable_ratings
from bandit_selector.store.connection import Connection
from bandit_selector.store.facts import Listed
from bandit_selector.store.inbox import number_set_aside
from bandit_selector.store.posteriors import forgettings
from bandit_selector.store.retention import partitions_until
from bandit_selector.store.verification import first_recent_difference

SAMPLED_LISTS: Final = 2_000
"""Diversity is measured on a sample of about this many lists, which gives genre diversity to ±.01."""
PLACES_PER_LIST: Final = 10
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
    version: str = Field(default="", description="the version of the function that made it; empty where it has none")
    forgettings: list[ForgettingPoint] = Field(default=[], description="what newer outcomes refuted in the window")
    goals: list[GoalAnswer] = Field(default=[], description="the guide's goals, each with its figure")
    shipping: Shipping | None = Field(default=None, description="the share in force, the shadow, the newest evaluation")

    def unjudged(self) -> list[str]:
        """The metrics that had too little evidence; where a check names none of its own, the check."""
        checks = [name for name, check in self.checks.items() if check.status == "no_data" and not check.unjudged]
        return checks + [metric for check in self.checks.values() for metric in check.unjudged]


@dataclass(frozen=True, slots=True)
class Now:
    """What only the present knows: dead letters, what `verify` found, the age of the candidates, the partitions.

    None where it cannot be known. A report on a `past` moment has none of it but what `verify` found.
    """

    dead_letters: int | None
    difference: str | None
    candidates_updated: datetime | None
    partitions: Partitions | None
    unusable_ratings: int | None = None
    site_set_aside: int | None = None
    past: bool = False

    @classmethod
    def read(cls, connection: Connection, dead_letters: int | None, now: datetime, settings: Settings) -> "Now":
        unarchived = unarchived_days(connection, due_before(now - A_NIGHT, settings))
        return cls(
            dead_letters,
            first_recent_difference(connection, now),
            facts.candidates_updated(connection),
            Partitions(partitions_until(connection), unarchived[0] if unarchived else None),
            unusable_ratings(connection),
            number_set_aside(connection),
        )

    def as_backfilled(self) -> "Now":
        return Now(None, self.difference, None, None, past=True)


def make_report(connection: Connection, days: int, now: datetime, settings: Settings, present: Now) -> Report:
    """The report on the `days` before `now`."""
    window = Window.last(days, now)
    algorithms = activity.by_algorithm(connection, window)
    test = running(connection, settings, now, complete=present.past)
    found = read(connection, test, settings)
    health = judge(_facts(connection, window, algorithms, settings, found, present), thresholds(settings))
    zone = str(settings.time_zone)
    goals = [] if present.past else _goals(connection, settings, algorithms, found, health)
    return Report(
        timestamp=now.astimezone(settings.time_zone),
        period_days=days,
        checks=health.checks,
        alerts=list(health.alerts),
        overall_status=health.overall_status,
        since=window.since.astimezone(settings.time_zone),
        time_zone=zone,
        ab_test=answer(connection, test, found, settings),
        timeline=points(activity.over_time(connection, window, "day", zone)),
        ctr_by_day=[
            CtrPoint(day=day, groups={name: RateAnswer.of(rate) for name, rate in groups.items()})
            for day, groups in ctr_by_day(activity.clusters_by_day(connection, window))
        ],
        lift=lift_points(connection, test, settings),
        posteriors=stats.BanditStats.of(activity.cells(connection), settings).detailed_stats,
        forgettings=forgetting_points(connection, window),
        goals=goals,
        shipping=None if present.past else read_shipping(connection, settings, now),
    )


def _goals(
    connection: Connection, settings: Settings, algorithms: Mapping[str, Tally], test: ReadOut, health: Health
) -> list[GoalAnswer]:
    """The goals by this report's own figures."""
    critical = [alert.headline for alert in health.alerts if alert.severity == "critical"]
    diversity = health.checks["diversity"]
    of_check = {"metrics": diversity.metrics, "status": diversity.status}
    return [GoalAnswer.of(one) for one in judged(connection, settings, algorithms, test, critical, of_check)]


def forgetting_points(connection: Connection, window: Window) -> list[ForgettingPoint]:
    """What newer outcomes refuted in the window."""
    return [ForgettingPoint.of(at, told) for at, told in forgettings(connection, window.since, window.until)]


def thresholds(settings: Settings) -> Thresholds:
    """The alerts' thresholds under these settings."""
    return Thresholds(**{name: getattr(settings, name) for name in Thresholds.__slots__})


def _facts(
    connection: Connection,
    window: Window,
    algorithms: Mapping[str, Tally],
    settings: Settings,
    test: ReadOut,
    present: Now,
) -> Facts:
    everything = total(algorithms.values())
    parts = activity.clusters(connection, window)
    one_in = max(1, ceil(everything.shown / PLACES_PER_LIST / SAMPLED_LISTS))
    lists = facts.sample_lists(connection, window.since, window.until, one_in)
    published, expected = facts.published(connection, settings.arms)
    return Facts(
        now=window.until,
        shown=everything.shown,
        lists=len(lists) * one_in,
        long_tail=_by_cluster((one.cluster, one.long_tail, one.places) for one in lists if one.long_tail is not None),
        genre_diversity=_genre_diversity(connection, lists),
        ctr=_ratio(parts, everything, "ctr"),
        avg_rating=_ratio(parts, everything, "avg_rating"),
        treatment_places={arm: tally.shown for name, tally in algorithms.items() if (arm := arm_of(name)) is not None},
        experiment=test,
        arm_shares=_arm_shares(lists),
        feedback=_feedback(connection, window),
        dead_letters=present.dead_letters,
        difference=present.difference,
        candidates_updated=present.candidates_updated,
        unusable_ratings=present.unusable_ratings,
        site_set_aside=present.site_set_aside,
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
    return _by_cluster((one.cluster, score, 1) for one, score in zip(lists, scores, strict=True) if score is not None)


def _arm_shares(lists: list[Listed]) -> dict[str, Ratio]:
    """Each arm's share of the places that were drawn in a sample of lists."""
    drawn = [one for one in lists if one.arms]
    names = {arm for one in drawn for arm in one.arms}
    return {arm: _by_cluster((one.cluster, one.arms.count(arm), len(one.arms)) for one in drawn) for arm in names}


def _by_cluster(parts: Iterable[tuple[int, float, float]]) -> Ratio:
    """The ratio of (cluster of visitors, x, n), with the variance between clusters."""
    sums: dict[int, tuple[float, float]] = {}
    for cluster, x, n in parts:
        before = sums.get(cluster, (0.0, 0.0))
        sums[cluster] = (before[0] + x, before[1] + n)
    return clustered(sums.values())


def _feedback(connection: Connection, window: Window) -> Feedback:
    heard = facts.heard(connection, window.until, window.until - window.since)
    return Feedback(
        joined=clustered(facts.joined(connection, window.since, window.until)),
        newest=heard.newest,
        shown_since=heard.shown_since,
        usual=clustered(heard.before),
    )


def _weights(listed: Listed) -> list[float]:
    """The weight of each genre in a list: every movie spreads a weight of 1 over its genres."""
    weights: dict[str, float] = {}
    for genres in map(parse_genres, listed.genres):
        for genre in genres:
            weights[genre] = weights.get(genre, 0.0) + 1 / len(genres)
    return list(weights.values())
