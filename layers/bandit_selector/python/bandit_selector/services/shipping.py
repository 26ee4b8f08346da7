"""Gathers where a team stands: share, shadow, history, evaluation, goals. Knows the store; must not know the clock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from bandit_selector.answers.shipping import EvaluationAnswer, HistoryAnswer, ShadowAnswer, Shipping
from bandit_selector.answers.shipping import ShareAnswer as InForce
from bandit_selector.evidence.experiment import ReadOut
from bandit_selector.evidence.ratio import clustered
from bandit_selector.evidence.tally import RATIOS, Tally, Window
from bandit_selector.health.goals import Goal, GoalFacts, Leading, goals
from bandit_selector.health.readiness import readiness
from bandit_selector.learning.best import probability_best
from bandit_selector.learning.history import by_source, discount
from bandit_selector.lists.names import algorithm_of
from bandit_selector.services.experiment import read, running
from bandit_selector.services.history import told_of
from bandit_selector.settings import Settings
from bandit_selector.store import activity, evaluations, reports, shadow_sums, shares
from bandit_selector.store.activity import Cell
from bandit_selector.store.connection import Connection

SHADOW: Final = timedelta(days=28)
WEEK: Final = 7


def read_shipping(connection: Connection, settings: Settings, now: datetime) -> Shipping:
    """Everything, from sums."""
    evaluation = evaluations.newest(connection)
    return Shipping(
        bandit=settings.bandit,
        share=share_in_force(connection, settings),
        shadow=read_shadow(connection, settings, now),
        history=_history(connection, settings),
        evaluation=EvaluationAnswer.of(*evaluation) if evaluation else None,
    )


def share_in_force(connection: Connection, settings: Settings) -> InForce | None:
    """The newest share, if it is of the plan that the settings have."""
    newest = next(iter(shares.history(connection, 1)), None)
    if newest is None or newest.plan != settings.share_plan:
        return None
    return InForce(percent=100 * newest.share, braked=newest.braked, why=newest.why, since=newest.at)


def read_shadow(connection: Connection, settings: Settings, now: datetime) -> ShadowAnswer | None:
    """The last four weeks' shadow; None where none was drawn."""
    since = (now - SHADOW).date()
    days = shadow_sums.read_days(connection, since)
    if days.first is None:
        return None
    arms = shadow_sums.read_arms(connection, since)
    control = clustered(RATIOS["ctr"](tally) for tally in activity.clusters(connection, Window.last(SHADOW.days, now)))
    return ShadowAnswer.of(days, arms, readiness(days, arms, control, settings.min_lists))


def read_goals(connection: Connection, settings: Settings, now: datetime) -> list[Goal]:
    """The guide's goals, judged by what is known now, and by the newest report."""
    report: Mapping[str, Any] = reports.newest(connection) or {}
    return judged(
        connection,
        settings,
        activity.by_algorithm(connection, Window.last(WEEK, now)),
        read(connection, running(connection, settings, now), settings),
        _critical(report) if report else None,
        report.get("checks", {}).get("diversity", {}),
    )


def judged(
    connection: Connection,
    settings: Settings,
    algorithms: Mapping[str, Tally],
    test: ReadOut,
    critical: Sequence[str] | None,
    diversity: Mapping[str, Any],
) -> list[Goal]:
    """The same by what was read already; `diversity` is the check of this name, as a report has it."""
    cells = [cell for cell in activity.cells(connection) if "|" in cell.context_key]
    drawn = {name: algorithms.get(algorithm_of(name), Tally()).shown for name in settings.arms}
    return goals(
        GoalFacts(
            cells=len(cells),
            pulls={arm: sum(cell.pulls for cell in cells if cell.arm == arm) for arm in settings.arms},
            judged=sum(cell.successes + cell.failures for cell in cells),
            critical=critical,
            leading=_leading(cells),
            experiment=test,
            places=drawn,
            dominance=settings.max_algorithm_dominance,
            diversity=diversity.get("metrics"),
            diverse=diversity.get("status") == "ok",
        )
    )


def _critical(report: Mapping[str, Any]) -> list[str]:
    return [alert["headline"] for alert in report["alerts"] if alert["severity"] == "critical"]


def _leading(cells: Iterable[Cell]) -> list[Leading]:
    """Of each context that has outcomes, the arm that is likeliest best by its published posterior."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.posterior_alpha is not None:
            found.setdefault(cell.context_key, []).append(cell)
    return [_first(key, own) for key, own in found.items() if sum(cell.pulls for cell in own)]


def _first(key: str, cells: Sequence[Cell]) -> Leading:
    alpha, beta = (np.array([getattr(cell, name) for cell in cells]) for name in ("posterior_alpha", "posterior_beta"))
    best = probability_best(alpha, beta)
    at = int(best.argmax())
    return Leading(key, cells[at].arm, float(best[at]), sum(cell.pulls for cell in cells))


def _history(connection: Connection, settings: Settings) -> list[HistoryAnswer]:
    """Each source of each arm; all sources of an arm together are worth HISTORY_WORTH at most."""
    found: list[HistoryAnswer] = []
    for arm, sources in by_source(told_of(connection, settings)).items():
        known = sum(successes + failures for successes, failures in sources.values())
        each = float(discount(known, settings.history_worth))
        found += [HistoryAnswer.of(arm, source, *outcomes, each) for source, outcomes in sources.items()]
    return found
