"""Explains why a movie was shown: the context, each arm's posterior there, the guard, and the draw."""

import argparse
import dataclasses
import json
from typing import Final

from bandit_selector.services.explain import ArmBelief, Explanation, explain
from bandit_selector.settings import read_settings

from infra.local.database import open_database
from infra.local.options import EVENT
from infra.local.tables import Listing, console, show

EXAMPLE = "./dev explain 251497178726849"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event", type=EVENT, help="the event_id of a recommendation")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: argparse.Namespace) -> int:
    with open_database() as connection:
        explanation = explain(connection, arguments.event, read_settings())
    if arguments.json:
        print(json.dumps(dataclasses.asdict(explanation), default=str))
    else:
        for line in sentences(explanation):
            print(line)
        if explanation.beliefs:
            show(table(explanation.beliefs, explanation.shown.algorithm), console())
            print("S successes, F failures; the rate comes from this cell's own outcomes, other cells', and the prior.")
    return 0


def sentences(explanation: Explanation) -> list[str]:
    """What was shown, why, what is believed of its arm, and from which version that was drawn."""
    shown = explanation.shown
    what = "a movie of the site's own" if shown.movie_id is None else f"movie {shown.movie_id}"
    lines = [
        f"Visitor {shown.user_id} was shown {what}{f' at place {shown.position}' if shown.position else ''} on"
        f" {shown.created_at:%Y-%m-%d %H:%M} UTC. {OUTCOMES[shown.outcome]}"
    ]
    if shown.propensity is None or shown.context_key is None:
        return [*lines, f"Nothing was drawn: it was by {shown.algorithm}, and its feedback teaches the bandit nothing."]
    arm = shown.algorithm.removeprefix("bandit_")
    lines.append(
        f"Why: the bandit drew {arm} for this place. Its chance was {shown.propensity:.1%}"
        f" here ({shown.context_key.replace('|', ', ').replace('_', ' ')})."
    )
    lines += _believed(explanation.beliefs, arm)
    then, now = _version(shown.version), _version(explanation.version_now)
    return [*lines, f"Drawn from {then}." if then == now else f"Drawn from {then}; what follows is of {now}."]


OUTCOMES: Final[dict[str | None, str]] = {
    "success": "It was a success.",
    "failure": "It was a failure.",
    "neutral": "It counted as neutral.",
    None: "Its outcome is not known yet.",
}


def _believed(beliefs: tuple[ArmBelief, ...], arm: str) -> list[str]:
    """The arm's expected success rate beside the highest of the others."""
    mine = next((belief for belief in beliefs if belief.arm == arm), None)
    other = max((belief for belief in beliefs if belief.arm != arm), key=lambda belief: belief.mean, default=None)
    if mine is None or other is None:
        return []
    return [
        f"Of {arm}'s movies {mine.mean:.1%} are expected to succeed here (90 %: {mine.low:.1%} to {mine.high:.1%}),"
        f" of {other.arm}'s, the best of the others, {other.mean:.1%} ({other.low:.1%} to {other.high:.1%})."
    ]


def _version(version: int | None) -> str:
    return f"version {version} of the posteriors" if version else "the learned counts, before any publication"


def table(beliefs: tuple[ArmBelief, ...], drawn: str) -> Listing:
    """Each arm's counts, estimated rate with interval and sources, and probability before and after the guard."""
    rows = [
        (
            f"[bold]{belief.arm} (drawn)[/bold]" if drawn == f"bandit_{belief.arm}" else belief.arm,
            f"{belief.successes:,}",
            f"{belief.failures:,}",
            f"{belief.mean:.3f} ({belief.low:.3f}–{belief.high:.3f})",
            f"{belief.best:.3f}",
            f"{belief.probability:.3f}",
            f"{belief.own:.0%} · {belief.borrowed:.0%} · {belief.prior:.0%}",
        )
        for belief in sorted(beliefs, key=lambda belief: -belief.probability)
    ]
    return Listing("", ("arm", "S", "F", "rate (90 %)", "P(best)", "guarded", "own · others · prior"), rows)
