"""Measures on real ratings which list policies beat the control list, and how many visits show it.

It fits MovieLens, whose users rate in long sessions. Everything that is chosen is chosen on other users.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import numpy as np
from bandit_selector.lists.context import CONTEXT_KEYS, USER_TYPES, user_type
from bandit_selector.lists.session import ARM
from bandit_selector.settings import Settings
from numpy.typing import NDArray
from rich.progress import Progress

from benchmarks import _lift_ease as ease
from benchmarks._lift_power import power
from benchmarks._lift_words import ABOUT, EASE, ONLINE, POWER, VISITS, WORDS
from benchmarks._lift_worlds import PLACES, Shop, control, guarded, in_session, mixture, opened, returning
from benchmarks.arena.policies import Served
from benchmarks.arena.simulation import Outcomes
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


@dataclass(frozen=True, slots=True)
class Studied:
    """One kind of visit of one folder, by user: the hits of control, designs, single arms and EASE, known ratings.

    `power` is the share of runs that show the session arm's lift, by way and number of visits.
    """

    name: str
    control: Floats
    designs: dict[str, Floats]
    alone: dict[str, Floats]
    ratings: Floats
    ease: dict[str, Floats] = field(default_factory=dict[str, Floats])
    power: Mapping[str, list[float]] = field(default_factory=dict[str, list[float]])


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
            f"nightly lists with EASE for {arm}, one mixture": crossed(ease.pairs(shop, arm, lists[ease.OWN]), zeros)
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


def online(studied: Studied, arms: tuple[str, ...], seed: int) -> Floats:
    """Clicks over control's when the product's rule learns from its own visits: (2, fifths), treatment and control.

    As it is served: all 24 contexts, forgetting, the floor and the cap; published every PUBLISHED_EVERY visits. A visit
    is at any time of day; each of its places draws an arm, and is clicked as often as that arm's list is by this user.
    """
    rng = np.random.default_rng([seed, 5])
    rates = np.array([studied.alone[arm] for arm in arms])
    kinds = np.array([USER_TYPES.index(user_type(int(count))) for count in studied.ratings])
    rule = Served(CONTEXT_KEYS, rng, _settings(arms), PUBLISHED_EVERY * PLACES)
    gains = np.zeros((2, VISITS // PUBLISHED_EVERY))
    for batch in range(gains.shape[1]):
        users = rng.integers(0, rates.shape[1], PUBLISHED_EVERY)
        moments = rng.integers(0, len(CONTEXT_KEYS) // len(USER_TYPES), PUBLISHED_EVERY)
        places = np.repeat(moments * len(USER_TYPES) + kinds[users], PLACES)
        drawn = rule.choose(places, np.arange(len(arms)))
        clicked = (rng.random(len(drawn)) < rates[drawn, np.repeat(users, PLACES)]).astype(np.int64)
        rule.learn(Outcomes(np.arange(len(drawn)), places, drawn, clicked, SECONDS))
        gains[:, batch] = clicked.sum(), PLACES * studied.control[users].sum()
    return gains.reshape(2, 5, -1).sum(axis=2)


def _settings(arms: tuple[str, ...]) -> Settings:
    return Settings().model_copy(update={"arms": arms, "control_weights": {arms[0]: 1.0}})


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
    for one in done:
        for name, arms in (("six nightly", SIX), ("with the session arm", (*SIX, "session"))):
            gains = sum((online(one, arms, run) for run in range(10)), np.zeros((2, 5)))
            lines.append(_row(name, [one.name, *(f"{lift:+.1%}" for lift in gains[0] / gains[1] - 1)]))
    lines.append(POWER)
    for one in done:
        lines += [_row(way, [one.name, *(f"{share:.0%}" for share in shares)]) for way, shares in one.power.items()]
    return "\n".join([*lines, WORDS])


def _row(first: str, others: Sequence[str]) -> str:
    return f"| {first} | {' | '.join(others)} |"
