"""What every target is measured with: pairs, laws, tolerances, and the networks of Gram matrices. Data only."""

from fractions import Fraction

import numpy as np

CLOSED = (
    ("erf", None),
    ("relu", None),
    ("gelu", None),
    ("sin", None),
    ("sign", "erf"),
    ("relu_squared", "gaussian"),
)
"""Pairs whose every map has a closed form that mpmath evaluates in milliseconds."""
OTHERS = (("tanh", None), ("elu", None), ("hard_tanh", "triangle"), ("step", "fast_sigmoid"), ("step", "boxcar"))
"""Pairs where a map is slow in mpmath: these are compared with symntk's own call, whose bound is 1e-10."""
VARIANCES = (1e-2, 1.0, 1e2)
CORRELATIONS = (0.0, 0.5, -0.5, 0.9, -0.9, 0.99, -0.99, 1 - 1e-4, -(1 - 1e-4), 1 - 1e-8, -(1 - 1e-8), 1.0, -1.0)
SINGULAR = 0.99
"""The largest |correlation| at which float32 is asked for maps that grow without bound towards 1."""

TOLERANCE = {"float64": 1e-13, "float32": 2e-6}
"""Error relative to √(E f² · E g²), to the value itself where that is infinite."""
NOT_CLOSED = 1e-10
NOT_CLOSED_VALUE = {"float64": 1e-9, "float32": 1e-5}
"""The same where maps have no closed form; the second relative to the value, which may be far below the scale."""
GRAM = {("float64", 3): 1e-12, ("float32", 3): 2e-6, ("float32", 50): 2e-5}
"""Error of Gram matrices relative to √(K_ii · K_jj), by precision and depth."""
NETWORK = {"weight_std": 1.0, "bias_std": 0.1}


def laws(precision: str) -> np.ndarray:
    """Laws (3, n) whose numbers are exact in this precision; c² ≤ a·b holds exactly."""
    kind = np.dtype(precision).type
    rows = []
    for a in map(kind, VARIANCES):
        for b in map(kind, VARIANCES):
            for rho in CORRELATIONS:
                c = kind(rho * np.sqrt(float(a)) * np.sqrt(float(b)))
                while Fraction(float(c)) ** 2 > Fraction(float(a)) * Fraction(float(b)):
                    c = np.nextafter(c, kind(0))
                rows.append((a, b, c))
    return np.array(rows, dtype=precision).T


def inputs(precision: str) -> np.ndarray:
    """Inputs (24, 5): random ones of lengths from 0.1 to 10, a duplicate, an opposite one, near ones, and 0."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(24, 5)) * np.logspace(-1, 1, 24)[:, None]
    x[1], x[2], x[3], x[4] = x[0], -x[0], x[0] * (1 + 1e-4), x[0] + 1e-4 * x[9]
    x[5] = 0.0
    return x.astype(precision)
