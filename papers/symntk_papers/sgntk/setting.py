"""The experiments of Eilers, Memmesheimer & Goedeke 2024 (arXiv 2405.15539): their setting.

Inputs lie on the unit circle, x = (sin α, cos α). The networks have 2 inputs and L = 3 weight layers, σ_w = 1 and
σ_b = 0.1; they are trained by full-batch steps with η = 0.1 on ½ · mean (f − y)², without noise in the targets.
"""

from __future__ import annotations

import numpy as np

DEPTH, WEIGHT_STD, BIAS_STD = 3, 1.0, 0.1
RATE = 0.1
TRAINING_POINTS, TEST_POINTS = 15, 100
_DATA_STREAM = 15  # keeps the stream of the training angles apart from those of the weights


def on_circle(angles: np.ndarray) -> np.ndarray:
    """Inputs (sin α, cos α), (points, 2)."""
    return np.stack([np.sin(angles), np.cos(angles)], axis=1)


def target(x: np.ndarray) -> np.ndarray:
    """4x₁x₂² − 0.8x₁³ + 1.2x₂² − 0.8x₁²x₂ at inputs (points, 2).

    >>> target(on_circle(np.array([0.0]))).round(12).tolist()
    [1.2]
    """
    a, b = x[:, 0], x[:, 1]
    return np.asarray(4 * a * b**2 - 0.8 * a**3 + 1.2 * b**2 - 0.8 * a**2 * b)


def circle_angles() -> np.ndarray:
    """α_i = 2πi/100 − π for i = 0 … 99; the 51st is 0."""
    return 2 * np.pi * np.arange(TEST_POINTS) / TEST_POINTS - np.pi


def training_angles(seed: int) -> np.ndarray:
    """One angle drawn uniformly from each of 15 equal arcs, in order.

    The paper does not list its training points; these cover the circle without being a regular grid, on which all
    kernel matrices would be circulant.

    >>> bool(np.all(np.diff(training_angles(0)) > 0))
    True
    """
    drawn = np.random.default_rng([seed, _DATA_STREAM]).uniform(size=TRAINING_POINTS)
    return 2 * np.pi * (np.arange(TRAINING_POINTS) + drawn) / TRAINING_POINTS - np.pi
