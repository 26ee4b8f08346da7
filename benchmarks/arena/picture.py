"""Regret over time, one panel per world: `python -m benchmarks.arena.picture CURVES.json PICTURE.svg`.

It runs in an environment that has matplotlib, and must not import the product.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

OURS, BASELINE = "#c0392b", "#2c3e50"
STYLES: dict[str, dict[str, Any]] = {  # other libraries take the colours of a cycle
    "as served": {"color": OURS, "lw": 2.2},
    "as served, alert": {"color": OURS, "ls": "--"},
    "shared, unguarded": {"color": OURS, "ls": "-."},
    "independent": {"color": BASELINE, "lw": 2.2},
    "uniform": {"color": BASELINE, "ls": ":"},
}
WORLDS = {
    "E1": "one context",
    "E2": "24 contexts",
    "E3": "feedback comes late",
    "E4": "best and worst arm swap",
    "E4d": "slow drift",
    "E5": "an arm and visitors come",
    "E6": "few contexts are frequent",
    "E7": "contexts share nothing",
}


def main(source: str, target: str) -> None:
    matplotlib: Any = import_module("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "learning", "font.size": 8, "lines.linewidth": 1}
    matplotlib.rcParams["axes.prop_cycle"] = matplotlib.cycler(color=matplotlib.color_sequences["Dark2"])
    plt: Any = import_module("matplotlib.pyplot")
    horizon: float
    worlds: dict[str, dict[str, list[float]]]
    horizon, worlds = json.loads(Path(source).read_text(encoding="utf-8"))
    figure, axes = plt.subplots(2, 4, figsize=(13, 7), layout="constrained")
    for axis, (world, policies) in zip(axes.flat, worlds.items(), strict=False):
        for policy, regret in policies.items():
            steps = [(i + 1) * horizon / len(regret) for i in range(len(regret))]
            axis.plot(steps, regret, label=policy, **STYLES.get(policy, {}))
        ceiling = max(regret[-1] for policy, regret in policies.items() if policy != "uniform")
        axis.set(title=f"{world}: {WORLDS[world]}", xlabel="decisions", ylim=(0, ceiling * 1.1))
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    figure.suptitle("Clicks lost while learning (regret), in synthetic worlds, mean over seeds: lower is better")
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
