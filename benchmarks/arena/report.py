"""Regret curves → tables in Markdown; it must not know how the games were played."""

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.arena.environments import ENVIRONMENTS, Reals
from benchmarks.arena.field import Games

BASELINE = "independent"


def finals(games: Games, policy: str, world: str) -> dict[int, float]:
    """Regret at the horizon by seed."""
    return {seed: game.regret[-1] for (p, w, seed), game in games.items() if (p, w) == (policy, world)}


def regret_table(games: Games, worlds: Sequence[str]) -> str:
    """Mean regret ± standard error per world, and `rel`, its geometric mean ratio to the baseline on the same seeds.

    `rel` is over those of the worlds that count in E1–E6, or, if none does, over all.
    """
    counted = [world for world in worlds if world in ENVIRONMENTS] or list(worlds)
    policies = sorted({p for p, *_ in games}, key=lambda p: relative(games, p, counted)[0])
    head = ["policy", "seeds", *worlds, "rel", "95 % interval", "rel without E1"]
    rows = [
        [p, str(len(_seeds(games, p))), *(_cell(finals(games, p, w)) for w in worlds), *_rel(games, p, counted)]
        for p in policies
    ]
    return table(head, rows)


def relative(games: Games, policy: str, worlds: Sequence[str] = tuple(ENVIRONMENTS)) -> tuple[float, float, float]:
    """Geometric mean over the worlds (E1–E6) of mean regret / the baseline's mean regret.

    With a 95 % bootstrap interval over seeds; (nan, nan, nan) when a game is missing.
    """
    seeds = _seeds(games, policy)
    try:
        mine, base = (
            np.array([[games[p, w, s].regret[-1] for s in seeds] for w in worlds]) for p in (policy, BASELINE)
        )
    except KeyError:
        return float("nan"), float("nan"), float("nan")
    picks = np.random.default_rng(0).integers(len(seeds), size=(2000, len(seeds)))
    spread = np.quantile(_geometric(mine[:, picks].mean(axis=2), base[:, picks].mean(axis=2)), [0.025, 0.975])
    return float(_geometric(mine.mean(axis=1), base.mean(axis=1))), float(spread[0]), float(spread[1])


def share_table(games: Games, policies: Iterable[str], worlds: Sequence[str]) -> str:
    """The largest share that one arm had: medians over seeds, of all decisions / of a day or 5,000 decisions in a row;
    the smallest probability published, and how often something was forgotten per game."""
    rows: list[list[str]] = []
    for policy in policies:
        cells: list[str] = []
        for world in worlds:
            of = [game for (p, w, _), game in games.items() if (p, w) == (policy, world)]
            short = [g.window_share if np.isnan(g.day_share) else g.day_share for g in of]
            cells.append(f"{np.median([g.share for g in of]):.2f} / {np.median(short):.2f}" if of else "–")
        played = [game for (p, *_), game in games.items() if p == policy]
        if not played:
            continue
        least = min(game.least for game in played)
        forgot = np.mean([game.forgot for game in played])
        rows.append([policy, *cells, "–" if np.isnan(least) else f"{least:.4f}", f"{forgot:.2f}"])
    return table(["policy", *worlds, "least probability", "forgotten per game"], rows)


def tail_table(games: Games, policies: Iterable[str], world: str = "E1") -> str:
    """How badly the worst runs of a world end."""
    rows: list[list[str]] = []
    for policy in policies:
        x = np.sort(list(finals(games, policy, world).values()))
        if not len(x):
            continue
        error = x.std(ddof=1) / np.sqrt(len(x))
        worst = ", ".join(f"{value:.0f}" for value in x[:-6:-1])
        rows.append([policy, str(len(x)), f"{x.mean():.0f} ± {error:.0f}", f"{np.median(x):.0f}", worst])
    return table(["policy", "seeds", "mean", "median", "five worst"], rows)


def timing_table(seconds: dict[str, float]) -> str:
    """Times and their ratios to the first."""
    baseline = next(iter(seconds.values()))
    rows = [[what, f"{s * 1e6:,.1f}", f"{s / baseline:.5f}"] for what, s in seconds.items()]
    return table(["what", "median µs of CPU", "ratio to baseline"], rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    listed = list(rows)
    if not listed:
        return "Not played yet."
    lines = [head, ["---"] * len(head), *listed]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _seeds(games: Games, policy: str) -> list[int]:
    return sorted({s for p, _, s in games if p == policy})


def _cell(finals: dict[int, float]) -> str:
    if not finals:
        return "not played"
    x = np.array(list(finals.values()))
    error = x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else float("nan")
    return f"{x.mean():,.0f} ± {error:,.0f}"


def _rel(games: Games, policy: str, worlds: Sequence[str]) -> tuple[str, str, str]:
    rel, low, high = relative(games, policy, worlds)
    others, *_ = relative(games, policy, [world for world in worlds if world != "E1"])
    return f"**{rel:.3f}**", f"{low:.2f}–{high:.2f}", f"{others:.3f}"


def _geometric(mine: Reals, base: Reals) -> Reals:
    return np.exp(np.log(mine / base).mean(axis=0))
