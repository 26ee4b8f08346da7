"""Prints the time of each part of the learning rule as JSON; must not know any game."""

import json
from collections.abc import Callable
from statistics import median
from time import process_time

import numpy as np
from bandit_selector.learning.learn import Counts, draw, guard, learn, posterior, probability_best
from bandit_selector.settings import Settings

from benchmarks.arena.environments import ARMS, CONTEXTS, Reals

PLACES = 30
DRAWS = 10_000
DEFAULTS = Settings()
PRIOR = (DEFAULTS.policy, DEFAULTS.prior_alpha, DEFAULTS.prior_beta)
BOUNDS = (DEFAULTS.min_arm_probability, DEFAULTS.max_algorithm_dominance)


def measure() -> dict[str, float]:
    """Median seconds of CPU per call; the baseline comes first."""
    rng = np.random.default_rng(0)
    successes = rng.binomial(40, 0.5, (len(CONTEXTS), len(ARMS))).astype(float)
    failures = rng.binomial(400, 0.5, successes.shape).astype(float)
    counts = Counts(CONTEXTS, ARMS, successes, failures)
    believed = posterior(counts, *PRIOR)
    alpha, beta = believed.alpha[0], believed.beta[0]
    probability = probability_best(alpha, beta).tolist()
    uniforms = rng.random(PLACES).tolist()
    cases: dict[str, Callable[[], object]] = {
        f"P(best) of six arms, Monte Carlo, {DRAWS:,} draws (baseline)": lambda: monte_carlo(alpha, beta, rng),
        "P(best) of six arms": lambda: probability_best(alpha, beta),
        "P(best) of 24 contexts × six arms": lambda: probability_best(believed.alpha, believed.beta),
        "posterior of 144 cells": lambda: posterior(counts, *PRIOR),
        "publication of 144 cells: posterior, P(best), guard": lambda: learn(counts, *PRIOR, *BOUNDS),
        "guard of six arms": lambda: guard(probability, *BOUNDS),
        f"one place of {PLACES}: guarded once, drawn": lambda: slate(probability, uniforms),
        f"one place of {PLACES}: guarded for every place, drawn": lambda: wary_slate(probability, uniforms),
        "one place: sampling six Betas instead": lambda: int(rng.beta(alpha, beta).argmax()),
    }
    return {what: _seconds(call) / (PLACES if "place of" in what else 1) for what, call in cases.items()}


def monte_carlo(alpha: Reals, beta: Reals, rng: np.random.Generator) -> Reals:
    return np.bincount(rng.beta(alpha, beta, (DRAWS, len(alpha))).argmax(axis=1), minlength=len(alpha)) / DRAWS


def slate(probability: list[float], uniforms: list[float]) -> list[int]:
    guarded = guard(probability, *BOUNDS)
    return [draw(guarded, uniform) for uniform in uniforms]


def wary_slate(probability: list[float], uniforms: list[float]) -> list[int]:
    return [draw(guard(probability, *BOUNDS), uniform) for uniform in uniforms]


def _seconds(call: Callable[[], object]) -> float:
    call()
    times: list[float] = []
    for _ in range(200):
        start = process_time()
        call()
        times.append(process_time() - start)
    return median(times)


if __name__ == "__main__":
    print(json.dumps(measure()))
