"""What each way of choosing lists is worth in the synthetic world: its expected CTR, exactly, from the formula."""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from bandit_selector.context import CONTEXTS, Context, user_type
from numpy.typing import NDArray
from rich.progress import track

from benchmarks._lists import CONTROL, SIX, Lists, blend, built, first
from functions.candidates.arms import ARMS
from infra.local.world import Synthetic, synthetic

RESULTS: Final = Path(__file__).parent / "results" / "world.md"
HOURS: Final = {"morning": 7, "afternoon": 5, "evening": 5, "night": 7}  # of a day
DAYS: Final = {"weekday": 5, "weekend": 2}  # of a week
WAYS: Final = (*ARMS, "control blend", "blend of six")

Floats = NDArray[np.float64]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench world", description=__doc__)
    parser.add_argument("--worlds", type=int, default=8, help="seeds 0, 1, ... (default 8)")
    arguments = parser.parse_args(argv)
    rates: list[Floats] = []
    weights: list[Floats] = []
    for seed in track(range(arguments.worlds), "worlds"):
        world = synthetic(seed)
        rates.append(expected_rates(world, built(world.catalogue)))
        weights.append(context_weights(world))
    report = _report(np.array(rates), np.array(weights), f"./dev bench world --worlds {arguments.worlds}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(report)
    print(report)
    return 0


def expected_rates(world: Synthetic, lists: Lists) -> Floats:
    """Contexts × WAYS: the mean chance of a click per movie shown, ten places, over the users of the context."""
    shown = {user: [_shown(lists, user, way) for way in WAYS] for user in world.catalogue.users.tolist()}
    return np.array([_rates(world, shown, context) for context in CONTEXTS])


def context_weights(world: Synthetic) -> Floats:
    """Each context's share of visits when users visit alike often, at any time."""
    users = [user_type(int(count)) for count in world.ratings_per_user]
    share = [HOURS[c.time_period] / 24 * DAYS[c.day_of_week] / 7 * users.count(c.user_type) for c in CONTEXTS]
    return np.array(share) / len(users)


def _shown(lists: Lists, user: int, way: str) -> list[int]:
    if way in ARMS:
        return first(lists[user][way].movie_ids)
    return first(blend(lists[user], CONTROL if way == "control blend" else SIX))


def _rates(world: Synthetic, shown: dict[int, list[list[int]]], context: Context) -> list[float]:
    users = [u for u in shown if user_type(int(world.ratings_per_user[u - 1])) == context.user_type]
    chances = [[world.click_probabilities(user, movies, context) for movies in shown[user]] for user in users]
    return [float(np.mean(np.concatenate([of_user[way] for of_user in chances]))) for way in range(len(WAYS))]


def _report(rates: Floats, weights: Floats, command: str) -> str:
    """`rates` is worlds × contexts × ways, `weights` worlds × contexts."""
    arms = rates[:, :, : len(ARMS)]
    lines: dict[str, Floats] = {"random arm": np.einsum("wc,wca->w", weights, arms) / len(ARMS)}
    lines |= {way: np.einsum("wc,wc->w", weights, rates[:, :, index]) for index, way in enumerate(WAYS)}
    lines["best arm per context"] = np.einsum("wc,wc->w", weights, arms.max(axis=2))
    blended = lines["control blend"]
    table = [
        f"| {way} | {rate.mean():.4f} | {(rate / blended).mean():.3f} | {_range(rate / blended)} |"
        for way, rate in lines.items()
    ]
    contexts = [_context_line(context, rates[:, index].mean(axis=0)) for index, context in enumerate(CONTEXTS)]
    return "\n".join(
        [
            "# The synthetic world: what there is to learn",
            "",
            f"`{command}`: expected CTR over ten places, computed from the click formula (no sampling, no bandit,",
            f"no long-tail rule), {len(rates)} worlds of different seeds. The lift of the best arm per context is",
            "a property of this formula, tuned to about 22 %; it forecasts nothing. The control blend is svd .60,",
            "item_cf .25, embeddings .15; the blend of six svd .30, item_cf .25, embeddings .15, graph .15,",
            "long_tail .10, serendipity .05.",
            "",
            "| lists by | CTR | ÷ control blend | lowest–highest world |",
            "|---|---|---|---|",
            *table,
            "",
            f"| context | {' | '.join(WAYS[: len(ARMS) + 1])} | best arm |",
            f"|---|{'---|' * (len(ARMS) + 2)}",
            *contexts,
            "",
        ]
    )


def _context_line(context: Context, rates: Floats) -> str:
    cells = " | ".join(f"{rate:.3f}" for rate in rates[: len(ARMS) + 1])
    return f"| {context.key.replace('|', ' ')} | {cells} | {ARMS[int(rates[: len(ARMS)].argmax())]} |"


def _range(ratios: Floats) -> str:
    return f"{ratios.min():.3f}–{ratios.max():.3f}"
