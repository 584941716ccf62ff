"""Moments of a centred pair on the positive quadrant, and products of an exponential with sinh or cosh.

Both keep their relative accuracy where the textbook forms subtract nearly equal numbers. Copied verbatim into
exported modules, which import NumPy only.
"""

from __future__ import annotations

import numpy as np

# Gauss–Legendre rules of 12 and 20 nodes on (0, 1): the nodes below 1/2 and their weights; the others are their mirror
# images. Rounded from 40 digits, since numpy's leggauss has weights with relative errors up to 1e-13.
_RULE_OF_12 = (
    (0.009219682876640375, 0.023587668193255914),
    (0.04794137181476257, 0.05346966299765921),
    (0.11504866290284765, 0.08003916427167311),
    (0.2063410228566913, 0.10158371336153296),
    (0.3160842505009099, 0.1167462682691774),
    (0.43738329574426554, 0.12457352290670139),
)
_RULE_OF_20 = (
    (0.0034357004074525377, 0.008807003569576059),
    (0.018014036361043106, 0.02030071490019347),
    (0.04388278587433705, 0.031336024167054534),
    (0.0804415140888906, 0.04163837078835238),
    (0.1268340467699246, 0.05096505990862022),
    (0.1819731596367425, 0.059097265980759206),
    (0.24456649902458646, 0.06584431922458832),
    (0.3131469556422902, 0.07104805465919102),
    (0.38610707442917747, 0.07458649323630187),
    (0.46173673943325133, 0.07637669356536292),
)


def _orthant_moment(j: int, k: int, a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """E[u₊^j v₊^k] for (u, v) ~ N(0, [[a, c], [c, b]]) with d = √(a·b − c²); u₊⁰ is the step function.

    In polar coordinates, with φ = atan2(d, −c) and m = j + k,

        a^{j/2} b^{k/2} 2^{m/2} Γ(m/2 + 1) / 2π · ∫₀^φ sin^j(s) sin^k(φ − s) ds.

    Nothing in the integrand is negative, so Gauss–Legendre nodes give it to rounding, also as φ → 0 (correlation −1),
    where the closed form is a difference of nearly equal numbers. At d = 0 it is 0 for c < 0 and the full moment for
    c > 0. j and k are integers from 0 to a sum of 8 (ValueError beyond); the arrays broadcast.

    >>> full, none = _orthant_moment(1, 1, 1.0, 1.0, np.array([1.0, -1.0]), 0.0)
    >>> print(round(full, 15), none)
    0.5 0.0
    """
    power = j + k
    if j < 0 or k < 0 or power > 8:
        raise ValueError(f"orthant moment of powers {j} and {k}: the rules reach powers from 0 to a sum of 8")
    angle = np.arctan2(d, -np.asarray(c, dtype=np.float64))
    total: np.ndarray = np.zeros(np.shape(angle))
    # Frequencies up to `power` over half a turn: 12 nodes leave 2e-19 at power 2, 20 leave 2e-18 at power 8.
    for node, weight in _RULE_OF_12 if power <= 2 else _RULE_OF_20:
        # φ − s is the mirror image of s in the rule, so that neither factor is a difference.
        near, far = np.sin(angle * node), np.sin(angle * (1.0 - node))
        total = total + weight * (near**j * far**k + far**j * near**k)
    # 2^{m/2} Γ(m/2 + 1) by Γ(x + 1) = x Γ(x): the product m (m − 2) … down to 2, or to 1 with √(π/2).
    constant = float(np.prod(np.arange(power, 0, -2.0))) * (1.0 if power % 2 == 0 else (0.5 * np.pi) ** 0.5)
    moment: np.ndarray = np.sqrt(a) ** j * np.sqrt(b) ** k * (constant / (2.0 * np.pi)) * angle * total
    return moment


def _exp_sinh(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """e^p sinh(q) with full relative accuracy, also for tiny q, and without overflow where the product has none.

    >>> print(_exp_sinh(-1000.0, 1000.0), _exp_sinh(0.0, 1e-200))
    0.5 1e-200
    """
    q = np.asarray(q, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        product: np.ndarray = -0.5 * np.copysign(_exp_sum(p, np.abs(q)), q) * np.expm1(-2.0 * np.abs(q))
    return product


def _exp_cosh(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """e^p cosh(q) with full relative accuracy and without overflow where the product has none.

    >>> print(_exp_cosh(-1000.0, 1000.0), _exp_cosh(0.0, 0.0))
    0.5 1.0
    """
    q = np.abs(np.asarray(q, dtype=np.float64))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        product: np.ndarray = 0.5 * _exp_sum(p, q) * (1.0 + np.exp(-2.0 * q))
    return product


def _exp_sum(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """e^{p + q} with the rounding error of the sum put back, which the exponential would multiply by |p + q|."""
    total = np.add(p, q)
    part = total - p
    error = (p - (total - part)) + (q - part)
    power: np.ndarray = np.exp(total) * (1.0 + np.where(np.isfinite(error), error, 0.0))
    return power
