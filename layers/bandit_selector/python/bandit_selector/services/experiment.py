"""The running test, read out from its start whatever window is asked for. Knows the store; must not know the clock."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from math import ceil, prod
from typing import Final

from bandit_selector.answers.performance import Experiment, PhaseAnswer
from bandit_selector.answers.timeline import LiftPoint
from bandit_selector.evidence.background import NOTHING_KNOWN
from bandit_selector.evidence.bound import bound_of
from bandit_selector.evidence.experiment import Plan, ReadOut, read_out
from bandit_selector.evidence.exploration import explore
from bandit_selector.evidence.over_time import lift_over_time
from bandit_selector.evidence.words import percent
from bandit_selector.lists.context import CONTEXT_KEYS
from bandit_selector.settings import Settings
from bandit_selector.store import backgrounds, bounds, phases
from bandit_selector.store.connection import Connection
from bandit_selector.store.phases import Phase, Span
from bandit_selector.store.showing import Key

MOMENTS: Final = 30
ADJUSTED: Final = {
    "earlier": "what visitors did before the test",
    "daypart": "the time of day at which they came first",
}
EVER: Final = datetime.min.replace(tzinfo=UTC)
A_DAY: Final = timedelta(days=1)
TWO_WEEKS: Final = 14  # days


@dataclass(frozen=True, slots=True)
class Test:
    """The running test up to a moment: its phases and its whole UTC days.

    `complete` leaves out the day of that moment: for a moment in the past, when that day was not over.
    """

    key: Key
    phases: list[Phase]
    span: Span
    until: datetime
    complete: bool

    @property
    def since(self) -> datetime:
        return datetime.combine(self.span.since, time(), UTC)

    @property
    def days(self) -> int:
        """How many whole days the test has run."""
        return (self.until.astimezone(UTC).date() - self.span.since).days

    def shares(self, settings: Settings) -> dict[int, float]:
        return {one.phase: settings.treatment_share if one.share is None else one.share for one in self.phases}


def running(connection: Connection, settings: Settings, now: datetime, *, complete: bool = False) -> Test:
    """The test under these settings, as of now; before its start, an empty span at it."""
    key = _key(settings)
    found = phases.phases(connection, key)
    numbers = [one.phase for one in found]
    today = now.astimezone(UTC).date()
    last = today - A_DAY if complete else today
    first, _ = phases.days(connection, numbers) or (last, last)
    if settings.experiment_begins:
        first = max(first, settings.experiment_begins.date())
    until = max(datetime.combine(today, time(), UTC) if complete else now, settings.experiment_begins or EVER)
    return Test(key, found, Span(numbers, first, last), until, complete)


def read(connection: Connection, test: Test, settings: Settings) -> ReadOut:
    """The test's read-out.

    For a moment in the past single visitors are not bounded and nothing is adjusted: only what is known of them now is
    known.
    """
    found = phases.parts(connection, test.span, bounded=not test.complete)
    came = phases.arrivals(connection, test.span, test.shares(settings))
    due = plan(connection, test.key, settings)
    if test.complete:
        return read_out(found, came, replace(due, adjustment=None), test.days)
    known = backgrounds.sums(connection, test.span.phases)
    with_them = [
        replace(one, background=known.get((one.phase, one.group, one.cluster), NOTHING_KNOWN)) for one in found
    ]
    plannable = due.users is None and test.days >= TWO_WEEKS
    weeks = phases.last_weeks(connection, test.span, test.until.astimezone(UTC).date()) if plannable else None
    return read_out(with_them, came, due, test.days, weeks)


def experiment_with_contexts(connection: Connection, settings: Settings, now: datetime) -> Experiment:
    """The answer about the test, with each context for exploring."""
    test = running(connection, settings, now)
    found = read(connection, test, settings)
    explored = explore(phases.parts_by_context(connection, test.span), found, found.plan)
    return answer(connection, test, found, settings).with_contexts(explored)


def answer(connection: Connection, test: Test, found: ReadOut, settings: Settings) -> Experiment:
    """The answer about a test that was read."""
    shares = test.shares(settings)
    told = [
        PhaseAnswer(phase=one.phase, treatment_percent=100 * shares[one.phase], began_at=one.began_at)
        for one in test.phases
    ]
    return Experiment.of(
        found,
        since=test.since,
        until=test.until,
        phases=told,
        fallback_shown=phases.fallbacks(connection, test.span),
        notes=notes(connection, test, found, settings),
    )


def notes(connection: Connection, test: Test, read_out: ReadOut, settings: Settings) -> list[str]:
    """What one must know to read the figures: the test's begin, a single visitor's weight, and what is adjusted."""
    found: list[str] = []
    asked, begins = settings.experiment_start, settings.experiment_begins
    if asked and begins and asked != begins:
        found.append(
            f"EXPERIMENT_START is {asked:%Y-%m-%d %H:%M %Z}; the test counts whole UTC days, so it begins at "
            f"{begins:%Y-%m-%d %H:%M} UTC."
        )
    if begins and test.until == begins:
        found.append(f"The test begins at {begins:%Y-%m-%d %H:%M} UTC; what is shown before does not count.")
    if (
        read_out.treatment_users
        and read_out.control_users
        and not any(0 < q < 1 for q in test.shares(settings).values())
    ):
        found.append(
            f"Treatment's planned share is {percent(read_out.planned_share)}%, so the split of visitors is not tested: "
            "the groups can be compared only if the caller assigns them at random."
        )
    limits = [bounds.in_force(connection, one.phase) for one in test.phases]
    most = max((limit.places for limit in limits if limit), default=None)
    if most and not test.complete:
        eager = percent(1 - settings.visitor_weight_quantile)
        found.append(
            f"In the lift in CTR a visitor weighs at most {most:,} movies in a phase, and clicks at most as the eager "
            f"{eager}% do: it is the lift per movie of visitors so weighed."
        )
    if read_out.adjusted_for and not test.complete:
        known = " and ".join(ADJUSTED[name] for name in read_out.adjusted_for)
        found.append(
            f"The lift in CTR is adjusted for {known}: it is as exact as with {read_out.saved_users:,} more visitors "
            "per group, and not quite the ratio of the two CTRs."
        )
    return found


def renew_test(connection: Connection, now: datetime, settings: Settings) -> None:
    """The bounds follow the totals of visitors, and the plan and what is adjusted are fixed once they are stable."""
    test = running(connection, settings, now)
    for one in test.phases:
        due = bound_of(bounds.sample(connection, one.phase), settings.visitor_weight_quantile)
        if due != bounds.in_force(connection, one.phase):
            bounds.put_in_force(connection, one.phase, due, now)
    backgrounds.read_newcomers(connection, test.key, test.span.phases, independent=settings.assignment == "server")
    found = read(connection, test, settings)
    if found.plannable:
        phases.fix_plan(connection, test.key, settings.planned_lift, found.plannable, now)
    if found.adjustable:
        backgrounds.fix_adjustment(connection, test.key, found.adjustable, now)


def lift_points(connection: Connection, test: Test, settings: Settings) -> list[LiftPoint]:
    """The test's lift up to each day; long tests are thinned to about MOMENTS days."""
    step = max(1, ceil(((test.span.until - test.span.since).days + 1) / MOMENTS))
    days = phases.parts_by_day(connection, test.span, step)
    return [LiftPoint.of(day, lift) for day, lift in lift_over_time(days, plan(connection, test.key, settings))]


def plan(connection: Connection, key: Key, settings: Settings) -> Plan:
    """The test's plan under these settings."""
    known = phases.planned_users(connection, key, settings.planned_lift)
    return replace(planned(settings), users=known, adjustment=backgrounds.adjustment(connection, key))


def planned(settings: Settings) -> Plan:
    """The plan as the settings alone have it."""
    further = prod(len(levels) + 1 for levels in settings.context_factors.values())
    return Plan(
        settings.treatment_share, settings.planned_lift, contexts=len(CONTEXT_KEYS) * further, ctr=settings.planned_ctr
    )


def whole_test(connection: Connection, settings: Settings) -> ReadOut | None:
    """The read-out up to the last list that was ever shown; None before the first."""
    numbers = [one.phase for one in phases.phases(connection, _key(settings))]
    shown = phases.days(connection, numbers)
    if shown is None:
        return None
    end = datetime.combine(shown[1] + A_DAY, time(), UTC) - timedelta(microseconds=1)
    return read(connection, running(connection, settings, end), settings)


def _key(settings: Settings) -> Key:
    return Key(settings.experiment_salt, settings.experiment_begins)
