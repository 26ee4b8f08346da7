"""Moves treatment's share of visitors: up by the plan, back by the brake. Knows the store; must not know the clock."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from bandit_selector.evidence.brake import Bounds, Look, lift_of, reason
from bandit_selector.health.incidents import brake_mail
from bandit_selector.ramp import step_below
from bandit_selector.settings import Settings
from bandit_selector.store import reports, shares
from bandit_selector.store.connection import Connection, transaction
from bandit_selector.store.locks import Lock
from bandit_selector.store.shares import Share

LOOKS: Final = timedelta(hours=1)
KEPT: Final = timedelta(days=2)
"""How long counts of requests are kept: a look needs the last hour's."""
MIDNIGHT: Final = timedelta(minutes=5)
"""A share that begins within this time after midnight UTC counts from that day."""


def steer(connection: Connection, settings: Settings, now: datetime) -> Share | None:
    """Follows the plan and, once an hour, looks at the brake; returns a share that is new in force.

    One transaction; one process at a time. Nothing moves while BANDIT is not `on`. A share that the brake has taken
    stays until the settings plan another.
    """
    if settings.bandit != "on":
        return None
    with transaction(connection):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.SHARE])
        newest = next(iter(shares.history(connection, 1)), None)
        made = _follow(newest, settings, now) or _brake(connection, newest, settings, now)
        if made:
            shares.add(connection, made)
        if made and made.braked and newest:
            reports.write(connection, brake_mail(made.why, newest.share, made.share, now), now)
    return made


def _follow(newest: Share | None, settings: Settings, now: datetime) -> Share | None:
    """The share that the plan has now, unless it is in force or the brake has ended this plan."""
    share = settings.planned_share(now)
    if newest and newest.plan == settings.share_plan and (newest.braked or newest.share == share):
        return None
    return Share(settings.share_plan, share, False, "planned", now, _counts_from(now))


def _brake(connection: Connection, newest: Share | None, settings: Settings, now: datetime) -> Share | None:
    """The share one step back, if an hourly look finds that a bound is passed."""
    if newest is None or not shares.take_look(connection, now, LOOKS):
        return None
    shares.forget_requests(connection, now - KEPT)
    if not newest.share or settings.assignment != "server":
        return None
    why = reason(_look(connection, newest, settings, max(now - LOOKS, newest.at)), _bounds(settings))
    if why is None:
        return None
    below = step_below(settings.ramp, newest.share)
    return Share(settings.share_plan, below, True, why, now, _counts_from(now))


def _look(connection: Connection, newest: Share, settings: Settings, since: datetime) -> Look:
    """The lift of the share in force, and the lists and requests since a moment."""
    lift = lift_of(shares.clusters_since(connection, newest.counts_from), settings.planned_lift)
    return Look(lift, shares.fallbacks_since(connection, since), *shares.requests_since(connection, since))


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        settings.brake_below,
        settings.brake_fallbacks,
        settings.brake_errors,
        settings.brake_slow,
        settings.brake_latency,
    )


def _counts_from(now: datetime) -> date:
    today = now.astimezone(UTC)
    return (today - MIDNIGHT).date() + timedelta(days=1)
