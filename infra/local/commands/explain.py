"""Explains why a movie was shown: the context, each arm's posterior there, the guard, and the draw."""

import argparse
import dataclasses
import json

from bandit_selector.services.explain import ArmBelief, Explanation, explain
from bandit_selector.settings import read_settings

from infra.local.database import open_database
from infra.local.options import EVENT
from infra.local.tables import Listing, console, show


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
    """The draw, in words."""
    shown = explanation.shown
    lines = [
        f"Event {shown.event_id}: movie {shown.movie_id} at place {shown.position} for user {shown.user_id},"
        f" {shown.created_at:%Y-%m-%d %H:%M} UTC, by {shown.algorithm} in {shown.context_key or 'no context'}.",
        f"Outcome: {shown.outcome or 'pending'}.",
    ]
    if shown.propensity is None:
        return [*lines, "Nothing was drawn: this list was not the bandit's, and its feedback teaches it nothing."]
    lines.append(f"Its arm was drawn with probability {shown.propensity:.3f} from {_version(shown.version)}.")
    if shown.version != explanation.version_now:
        lines.append(f"The table is of now: {_version(explanation.version_now)}.")
    return lines


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
