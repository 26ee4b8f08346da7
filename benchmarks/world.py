"""Computes each list policy's expected CTR in the synthetic world from the formula of clicks."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
from bandit_selector.learning.guard import guard
from bandit_selector.lists.context import CONTEXTS, Context, user_type
from bandit_selector.lists.slate import ArmList, Page, Stock, bandit_slate, blend, control_slate
from bandit_selector.services.learning_rule import guards
from bandit_selector.settings import Settings
from numpy.typing import NDArray
from rich.progress import track

from benchmarks._lists import CONTROL, SIX, Lists, built
from functions.candidates.arms import ARMS
from infra.local.demo.world import Synthetic, synthetic

RESULTS: Final = Path(__file__).parent / "results" / "world.md"
HOURS: Final = {"morning": 7, "afternoon": 5, "evening": 5, "night": 7}  # of a day
DAYS: Final = {"weekday": 5, "weekend": 2}  # of a week
PLACES: Final = 10
SERVED: Final = Page(0, PLACES, long_tail_share=0.2)
BASELINE: Final = "control blend"
FREE: Final[tuple[str, ...]] = (*ARMS, BASELINE, "blend of six")  # policies that fill ten places without any rule

Floats = NDArray[np.float64]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench world", description=__doc__)
    parser.add_argument("--worlds", type=int, default=8, help="seeds 0, 1, ... (default 8)")
    arguments = parser.parse_args(argv)
    tables = [_table(synthetic(seed)) for seed in track(range(arguments.worlds), "worlds")]
    report = _report(tables, f"./dev bench world --worlds {arguments.worlds}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(report)
    print(report)
    return 0


def _table(world: Synthetic) -> dict[str, Floats]:
    """Per policy, the CTR in each context; the last cell is over all visits."""
    lists = built(world.catalogue)
    free = np.array([_free_rates(world, lists, context) for context in CONTEXTS])
    known = free[:, : len(ARMS)]
    rates: dict[str, Floats] = dict(zip(FREE, free.T, strict=True))
    rates["random arm"] = free[:, : len(ARMS)].mean(axis=1)
    rates["best arm per context"] = free[:, : len(ARMS)].max(axis=1)
    arms: tuple[str, ...] = ARMS
    uniform: dict[str, float] = dict.fromkeys(arms, 1 / len(arms))
    certain = np.eye(len(ARMS))[known.argmax(axis=1)]
    guarded: list[list[float]] = guard(certain, known, _context_weights(world), guards(Settings())).tolist()
    drawn: list[dict[str, float]] = [dict(zip(arms, chances, strict=True)) for chances in guarded]
    served = {
        "served: control": [_served_rate(world, lists, context, None) for context in CONTEXTS],
        "served: arms drawn uniformly": [_served_rate(world, lists, context, uniform) for context in CONTEXTS],
        "served: best arm per context": [
            _served_rate(world, lists, context, chosen) for context, chosen in zip(CONTEXTS, drawn, strict=True)
        ],
    }
    rates |= {way: np.array(values) for way, values in served.items()}
    weights = _context_weights(world)
    return {way: np.append(values, weights @ values) for way, values in rates.items()}


def _context_weights(world: Synthetic) -> Floats:
    """Each context's share of visits if all users visit equally often, at any time."""
    users = [user_type(int(count)) for count in world.ratings_per_user]
    share = [HOURS[c.time_period] / 24 * DAYS[c.day_of_week] / 7 * users.count(c.user_type) for c in CONTEXTS]
    return np.array(share) / len(users)


def _users(world: Synthetic, context: Context) -> list[int]:
    kinds = zip(world.catalogue.users.tolist(), world.ratings_per_user.tolist(), strict=True)
    return [user for user, count in kinds if user_type(count) == context.user_type]


def _free_rates(world: Synthetic, lists: Lists, context: Context) -> list[float]:
    shown = {user: [_free(lists[user], way) for way in FREE] for user in _users(world, context)}
    return [_mean_rate(world, {user: ways[way] for user, ways in shown.items()}, context) for way in range(len(FREE))]


def _free(candidates: Mapping[str, ArmList], way: str) -> list[int]:
    if way in ARMS:
        return _first(candidates[way])
    chosen = CONTROL if way == BASELINE else SIX
    return _first(blend({arm: candidates[arm] for arm in chosen}, chosen, ()))


def _served_rate(world: Synthetic, lists: Lists, context: Context, probabilities: Mapping[str, float] | None) -> float:
    """Through the product's own slate: two long-tail places of ten, by these probabilities."""
    shown: dict[int, list[int]] = {}
    for user in _users(world, context):
        if probabilities is None:
            places = control_slate(Stock(lists[user], {}), CONTROL, SERVED, Random(user), "hybrid_control")
        else:
            places = bandit_slate(Stock(lists[user], {}), probabilities, SERVED, Random(user))
        shown[user] = [place.movie_id for place in places]
    return _mean_rate(world, shown, context)


def _first(movies: ArmList) -> list[int]:
    return list(movies.movie_ids[:PLACES])


def _mean_rate(world: Synthetic, shown: Mapping[int, list[int]], context: Context) -> float:
    chances = [world.click_probabilities(user, movies, context) for user, movies in shown.items()]
    return float(np.mean(np.concatenate(chances)))


def _report(tables: list[dict[str, Floats]], command: str) -> str:
    overall = {way: np.array([table[way][-1] for table in tables]) for way in tables[0]}
    lines = [
        *_lines(overall, [way for way in overall if not way.startswith("served")], BASELINE),
        *_lines(overall, [way for way in overall if way.startswith("served")], "served: control"),
    ]
    contexts = [_context_line(index, tables) for index in range(len(CONTEXTS))]
    return "\n".join(
        [
            "# The synthetic world: what there is to learn",
            "",
            f"`{command}`: expected CTR over ten places from the formula of clicks, without learning,",
            f"in {len(tables)} worlds of different seeds. The control blend is svd .60, item_cf .25,",
            "embeddings .15; the blend of six svd .30, item_cf .25, embeddings .15, graph .15, long_tail .10,",
            "serendipity .05.",
            "What is *served* goes through the product's slate, where two places of ten are long tail, and",
            "through the guards' floor and cap: its best arm per context is the most that learning reaches.",
            "That lift is a property of the formula; it forecasts nothing.",
            "",
            "| lists by | CTR | ÷ its control | lowest–highest world |",
            "|---|---|---|---|",
            *lines,
            "",
            f"| context | {' | '.join(FREE[: len(ARMS) + 1])} | best arm |",
            f"|---|{'---|' * (len(ARMS) + 2)}",
            *contexts,
            "",
        ]
    )


def _lines(overall: Mapping[str, Floats], ways: list[str], baseline: str) -> list[str]:
    ratios = {way: overall[way] / overall[baseline] for way in ways}
    return [
        f"| {way} | {overall[way].mean():.4f} | {ratio.mean():.3f} | {ratio.min():.3f}–{ratio.max():.3f} |"
        for way, ratio in ratios.items()
    ]


def _context_line(index: int, tables: list[dict[str, Floats]]) -> str:
    rates = {way: float(np.mean([table[way][index] for table in tables])) for way in FREE[: len(ARMS) + 1]}
    best = max(ARMS, key=lambda arm: rates[arm])
    return f"| {CONTEXTS[index].key.replace('|', ' ')} | {' | '.join(f'{r:.3f}' for r in rates.values())} | {best} |"
