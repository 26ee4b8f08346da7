"""The probability that each arm is best, by quadrature; it must not know where the posteriors come from."""

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

NODES_PER_ARM = 28
_TINY = 1e-12


def probability_best(alpha: Reals, beta: Reals) -> Reals:
    """P(arm a has the highest rate) for independent Beta(alpha, beta) arms.

    Shapes: (..., arms) in and out; every row of the answer sums to 1. Six arms cost about 0.1 ms, a row of
    a larger batch less; the error is below 2e-4 for any mixture of parameters from 0.05 to 1e9.

    P_a = ∫ f_a(t) Π_{b≠a} F_b(t) dt on the logit scale, where Beta(α, β) has density ∝ σ(t)^α σ(−t)^β. The
    grid is the union of one grid per arm, so that a narrow posterior beside a wide one is resolved;
    densities and products are integrated cell by cell with the trapezoidal rule and its first
    Euler–Maclaurin correction (Davis & Rabinowitz, Methods of Numerical Integration, 2.9): of fourth order
    in the cell's width.
    """
    if np.any(~(alpha > 0)) or np.any(~(beta > 0)):
        raise ValueError(f"alpha and beta must be positive; got alpha={alpha!r}, beta={beta!r}.")
    grid = _union_grid(alpha, beta)
    width = np.diff(grid)[..., None, :]
    density, log_slope = _densities(alpha[..., None], beta[..., None], grid[..., None, :])
    mass = np.zeros_like(density)
    np.cumsum(_cells(width, density, density * log_slope), axis=-1, out=mass[..., 1:])
    total = mass[..., -1:]
    cumulated = np.maximum(mass / total, _TINY)
    hazard = density / total / cumulated  # reversed hazard rate f/F: f_a Π_{b≠a} F_b = hazard_a Π_b F_b
    integrand = hazard * np.prod(cumulated, axis=-2, keepdims=True)
    slope = integrand * (log_slope + hazard.sum(axis=-2, keepdims=True) - hazard)
    best = np.maximum(_cells(width, integrand, slope).sum(axis=-1), 0.0)
    return best / best.sum(axis=-1, keepdims=True)


def _union_grid(alpha: Reals, beta: Reals) -> Reals:
    """Sorted logits, (..., arms · NODES_PER_ARM): per arm, dense at its mode, wide enough for its tails."""
    spread = np.sqrt(1 / alpha + 1 / beta)
    scale = 3 * spread / (1 + spread)
    left = np.arcsinh((8 * spread + 16 / alpha) / scale)[..., None]
    right = np.arcsinh((8 * spread + 16 / beta) / scale)[..., None]
    steps = -left + (left + right) * np.linspace(0, 1, NODES_PER_ARM)
    nodes = np.log(alpha / beta)[..., None] + scale[..., None] * np.sinh(steps)
    return np.sort(nodes.reshape(*alpha.shape[:-1], alpha.shape[-1] * NODES_PER_ARM), axis=-1)


def _densities(alpha: Reals, beta: Reals, logit: Reals) -> tuple[Reals, Reals]:
    """Logit densities of Beta(alpha, beta), scaled to 1 at the mode, and the slopes of their logarithms."""
    low, high = np.logaddexp(0, -logit), np.logaddexp(0, logit)  # −ln σ(t), −ln σ(−t)
    total = alpha + beta
    peak = alpha * np.log(alpha / total) + beta * np.log(beta / total)
    density = np.exp(-alpha * low - beta * high - peak)
    return density, alpha - total * np.exp(-low)


def _cells(width: Reals, value: Reals, slope: Reals) -> Reals:
    """∫ over each cell between neighbouring nodes from values and slopes at the nodes."""
    trapezoid = (value[..., 1:] + value[..., :-1]) * (width / 2)
    return trapezoid - np.diff(slope, axis=-1) * (width**2 / 12)
