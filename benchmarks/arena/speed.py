"""Prints the time of each part of the learning rule as JSON; must not know any game."""

import json
from collections.abc import Callable
from itertools import product
from statistics import median
from time import process_time

import numpy as np
from bandit_selector.learning.best import probability_best
from bandit_selector.learning.counts import Counts
from bandit_selector.learning.guard import draw, remaining
from bandit_selector.learning.learn import learn
from bandit_selector.learning.posterior import posterior
from bandit_selector.services.learning_rule import guards
from bandit_selector.settings import Settings

from benchmarks.arena.environments import ARMS, CONTEXTS, FACTORS, Reals

PLACES = 30
DEFAULTS = Settings()
PRIOR = (DEFAULTS.policy, DEFAULTS.prior_alpha, DEFAULTS.prior_beta)
KERNEL = 200  # rows and columns of the fixed kernel's matrix
SIZES = {144: 0, 1_008: 7, 10_080: 70}  # cells: levels of one further factor


def measure() -> dict[str, float]:
    """Seconds of CPU per call, medians of many; the baseline comes first, and is the same on every version."""
    rng = np.random.default_rng(0)
    counts = _counts(CONTEXTS, rng)
    believed = posterior(counts, *PRIOR)
    alpha, beta = believed.alpha[0], believed.beta[0]
    probability = probability_best(alpha, beta).tolist()
    uniforms = rng.random(PLACES).tolist()
    matrix = rng.normal(size=(KERNEL, KERNEL)) + KERNEL * np.eye(KERNEL)
    cases: dict[str, Callable[[], object]] = {
        f"a fixed numpy kernel: inverse of a {KERNEL} × {KERNEL} matrix (baseline)": lambda: np.linalg.inv(matrix),
        "P(best) of six arms": lambda: probability_best(alpha, beta),
        "P(best) of 24 contexts × six arms": lambda: probability_best(believed.alpha, believed.beta),
        "posterior of 144 cells": lambda: posterior(counts, *PRIOR),
        **{
            f"publication of {cells:,} cells: posterior, P(best), guard": _publication(levels, rng)
            for cells, levels in SIZES.items()
        },
        f"one place of {PLACES}: drawn": lambda: [draw(probability, uniform) for uniform in uniforms],
        f"one place of {PLACES}: scaled for every place, drawn": lambda: _wary_slate(probability, uniforms),
        "one place: sampling six Betas instead": lambda: int(rng.beta(alpha, beta).argmax()),
    }
    return {what: _seconds(call) / (PLACES if "place of" in what else 1) for what, call in cases.items()}


def _counts(contexts: tuple[str, ...], rng: np.random.Generator) -> Counts:
    successes = rng.binomial(40, 0.5, (len(contexts), len(ARMS))).astype(float)
    return Counts(contexts, ARMS, successes, rng.binomial(400, 0.5, successes.shape).astype(float))


def _publication(levels: int, rng: np.random.Generator) -> Callable[[], object]:
    further = [tuple(f"level {i}" for i in range(levels))] if levels else []
    counts = _counts(tuple("|".join(key) for key in product(*FACTORS, *further)), rng)
    traffic: Reals = np.full(len(counts.contexts), 1 / len(counts.contexts))
    return lambda: learn(counts, traffic, *PRIOR, guards(DEFAULTS))


def _wary_slate(probability: list[float], uniforms: list[float]) -> list[int]:
    return [draw(remaining(probability), uniform) for uniform in uniforms]


def _seconds(call: Callable[[], object]) -> float:
    call()
    start = process_time()
    call()
    times: list[float] = []
    for _ in range(max(5, min(200, int(1 / max(process_time() - start, 1e-6))))):
        start = process_time()
        call()
        times.append(process_time() - start)
    return median(times)


if __name__ == "__main__":
    print(json.dumps(measure()))
