"""Measures on real ratings which list policies beat the control list, and how many visits show it.

It fits MovieLens, whose users rate in long sessions. Everything that is chosen is chosen on other users.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import numpy as np
from bandit_selector.lists.context import user_type
from bandit_selector.lists.session import ARM
from numpy.typing import NDArray
from rich.progress import Progress

from benchmarks import _lift_ease as ease
from benchmarks._lift_online import LEARNED_ALONE, LEARNERS, online, ways
from benchmarks._lift_power import power, while_learning
from benchmarks._lift_words import ABOUT, EASE, ONLINE, POWER, WORDS
from benchmarks._lift_worlds import Shop, Studied, control, guarded, in_session, mixture, opened, returning
from functions.candidates.arms import ARMS
from infra.local.demo.held_out import held_out
from infra.local.movielens import read_movielens

RESULTS: Final = Path(__file__).parent / "results" / "lift.md"
FOLDS: Final = 5
RESAMPLES: Final = 1000
PUBLISHED_EVERY: Final = 100  # visits
SECONDS: Final = 8640.0  # between publications: a thousand visits a day, as in the demo
SIX: Final[tuple[str, ...]] = ARMS
IN_SESSION: Final = "in a session"

Floats = NDArray[np.float64]
Pairs = Mapping[tuple[str, str], Floats]
"""Per best and second arm, the hits of each user."""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench lift", description=__doc__)
    parser.add_argument("--movielens", nargs="+", type=Path, default=[], metavar="DIR", help="MovieLens folders")
    arguments = parser.parse_args(argv)
    if not arguments.movielens:
        print(
            "Skipped: there are no ratings. Name a folder, for example ./dev bench lift --movielens ~/ml-latest-small"
        )
        return 0
    with Progress(disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("kinds of visit", total=2 * len(arguments.movielens))
        done: list[Studied] = []
        for folder in arguments.movielens:
            catalogue = read_movielens(folder)
            for kind, split in (
                (IN_SESSION, in_session(held_out(catalogue))),
                ("returning", returning(catalogue)),
            ):
                done.append(_studied(f"{folder.resolve().name}, {kind}", opened(split)))
                bar.advance(task)
    report = _report(done)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(report)
    print(report)
    return 0


def _studied(name: str, shop: Shop) -> Studied:
    users, numbers = np.unique(shop.split.catalogue.ratings.users, return_counts=True)
    known = dict(zip(users.tolist(), numbers.tolist(), strict=True))
    ratings = np.array([known[user] for user in shop.split.users], dtype=np.float64)
    pairs: list[tuple[str, str]] = list(permutations(SIX, 2))
    nightly = {pair: mixture(shop, guarded(*pair)) for pair in pairs}
    session = {pair: mixture(shop, guarded(*pair), session=True) for pair in pairs if ARM in pair}
    kinds = np.array([user_type(int(count)) for count in ratings])
    designs = {
        "nightly lists, one mixture": crossed(nightly, np.zeros(len(ratings))),
        "nightly lists, a mixture for each kind of visitor": crossed(nightly, kinds),
        "hybrid as a seventh arm": crossed(_seventh(shop, "hybrid"), np.zeros(len(ratings))),
        "consensus as a seventh arm": crossed(_seventh(shop, "consensus"), np.zeros(len(ratings))),
        "session arm, one mixture": crossed(session, np.zeros(len(ratings))),
        "session arm or nightly lists, one mixture": crossed({**nightly, **_renamed(session)}, np.zeros(len(ratings))),
        "session arm alone, without guards": mixture(shop, {ARM: 1.0}, session=True),
    }
    alone = {arm: mixture(shop, {arm: 1.0}) for arm in SIX} | {"session": designs["session arm alone, without guards"]}
    second = max((pair[1] for pair in session if pair[0] == ARM), key=lambda arm: session[ARM, arm].mean())
    shown = power(shop, second, ratings) if name.endswith(IN_SESSION) else dict[str, list[float]]()
    return Studied(name, control(shop), designs, alone, ratings, _with_ease(shop), shown)


def _with_ease(shop: Shop) -> dict[str, Floats]:
    """EASE of every profile and penalty, the one that other users choose, and mixtures with it in an arm's place."""
    lists = ease.variants(shop)
    hits = {variant: ease.alone(shop, one) for variant, one in lists.items()}
    zeros = np.zeros(len(shop.split.users))
    return {
        **{f"EASE alone, {profile}, {penalty:.0f}": found for (profile, penalty), found in hits.items()},
        ease.CHOSEN: crossed(hits, zeros),
        **{
            f"one mixture, EASE ({variant[0]}, {variant[1]:.0f}) for {arm}": crossed(
                ease.pairs(shop, arm, lists[variant]), zeros
            )
            for variant in ease.MIXED
            for arm in ease.REPLACED
        },
    }


def _seventh(shop: Shop, arm: str) -> dict[tuple[str, str], Floats]:
    arms = (*SIX, arm)
    pairs = [pair for other in SIX for pair in ((arm, other), (other, arm))]
    return {pair: mixture(shop, guarded(*pair, arms)) for pair in pairs}


def _renamed(session: Pairs) -> dict[tuple[str, str], Floats]:
    return {(f"session {best}", second): found for (best, second), found in session.items()}


def crossed(choices: Mapping[Any, Floats], kinds: NDArray[np.generic]) -> Floats:
    """Each user's hits by the choice that was best, for its kind, among the users of the other folds."""
    table = np.array(list(choices.values()))
    fold = np.random.default_rng(1).permutation(table.shape[1]) % FOLDS
    found = np.empty(table.shape[1])
    for kind in np.unique(kinds):
        for held in range(FOLDS):
            here, others = (fold == held) & (kinds == kind), (fold != held) & (kinds == kind)
            found[here] = table[table[:, others].mean(axis=1).argmax() if others.any() else 0, here]
    return found


def relative(ours: Floats, theirs: Floats) -> str:
    """Ratio of sums, with a 95 % interval by resampling users."""
    rng = np.random.default_rng(2)
    drawn = rng.integers(len(ours), size=(RESAMPLES, len(ours)))
    low, high = np.quantile(ours[drawn].sum(axis=1) / theirs[drawn].sum(axis=1) - 1, [0.025, 0.975])
    return f"{ours.sum() / theirs.sum() - 1:+.1%} ({low:+.1%} … {high:+.1%})"


def _report(done: list[Studied]) -> str:
    lines = [
        ABOUT,
        _row("design", [f"{one.name} (n = {len(one.control)})" for one in done]),
        _row("---", ["---" for _ in done]),
    ]
    lines += [_row(design, [relative(one.designs[design], one.control) for one in done]) for design in done[0].designs]
    lines += [_row(f"{arm} alone", [relative(one.alone[arm], one.control) for one in done]) for arm in SIX]
    lines += [EASE, _row("design", [one.name for one in done]), _row("---", ["---" for _ in done])]
    lines += [_row(design, [relative(one.ease[design], one.control) for one in done]) for design in done[0].ease]
    lines += [
        _row(f"{ease.CHOSEN}, over {arm} alone", [relative(one.ease[ease.CHOSEN], one.alone[arm]) for one in done])
        for arm in ease.REPLACED
    ]
    lines.append(ONLINE)
    for inside, outside in zip(done[::2], done[1::2], strict=True):
        for way, visited in ways(inside, outside).items():
            gains = sum((online(visited, run) for run in range(LEARNERS)), np.zeros((len(visited), 2, 6)))
            lines += [
                _row(way, [one.studied.name, *(f"{lift:+.1%}" for lift in part[0] / part[1] - 1)])
                for one, part in zip(visited, gains, strict=True)
            ]
    lines.append(POWER)
    for inside, outside in zip(done[::2], done[1::2], strict=True):
        ((served,),) = [visited for way, visited in ways(inside, outside).items() if way == LEARNED_ALONE]
        learned = while_learning(served).items()
        shown = {**inside.power, **{f"paired, served while it learns, {where}": shares for where, shares in learned}}
        lines += [_row(way, [inside.name, *(f"{share:.0%}" for share in shares)]) for way, shares in shown.items()]
    return "\n".join([*lines, WORDS])


def _row(first: str, others: Sequence[str]) -> str:
    return f"| {first} | {' | '.join(others)} |"
