"""The probability that each arm is best, by quadrature; it must not know where the posteriors come from."""

import numpy as np

from bandit_selector.learning.counts import Reals
from bandit_selector.learning.density import density, integrals, nodes

NODES_PER_ARM = 28
_TINY = 1e-12


def probability_best(alpha: Reals, beta: Reals) -> Reals:
    """P(arm a has the highest rate) for independent Beta(alpha, beta) arms.

    Input and result have the shape (..., arms); every row of the result sums to 1. Six arms take about 0.1 ms; a row of
    a larger batch takes less. The error is below 2e-4 for any mixture of parameters from 0.05 to 1e9.

    P_a = ∫ f_a(t) Π_{b≠a} F_b(t) dt on the logit scale. The grid is the union of one grid per arm: it
    resolves a narrow posterior next to a wide one.
    """
    if np.any(~(alpha > 0)) or np.any(~(beta > 0)):
        raise ValueError(f"alpha and beta must be positive; got alpha={alpha!r}, beta={beta!r}.")
    grid = nodes(alpha, beta, NODES_PER_ARM)
    grid = np.sort(grid.reshape(*alpha.shape[:-1], 1, alpha.shape[-1] * NODES_PER_ARM), axis=-1)
    value, log_slope = density(alpha[..., None], beta[..., None], grid)
    mass = np.zeros_like(value)
    np.cumsum(integrals(grid, value, value * log_slope), axis=-1, out=mass[..., 1:])
    total = mass[..., -1:]
    cumulated = np.maximum(mass / total, _TINY)
    hazard = value / total / cumulated  # reversed hazard rate f/F: f_a Π_{b≠a} F_b = hazard_a Π_b F_b
    integrand = hazard * np.prod(cumulated, axis=-2, keepdims=True)
    slope = integrand * (log_slope + hazard.sum(axis=-2, keepdims=True) - hazard)
    best = np.maximum(integrals(grid, integrand, slope).sum(axis=-1), 0.0)
    return best / best.sum(axis=-1, keepdims=True)
