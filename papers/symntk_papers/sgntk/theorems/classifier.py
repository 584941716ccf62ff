"""T3: on a sphere, the sign of regression with Θ_m tends to the sign of Θ_∞(x, X) y."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp

from symntk import Kernels
from symntk_papers.sgntk.setting import on_circle, training_angles
from symntk_papers.sgntk.theorems.deep import Number
from symntk_papers.sgntk.theorems.divergence import Outcome
from symntk_papers.sgntk.theorems.hypotheses import jumps
from symntk_papers.sgntk.theorems.report import Finding
from symntk_papers.sgntk.theorems.setting import Setting

DEPTH, POINTS = 3, 1000
_SLOPES, _SLOPES_DEAR = (10, 100, 1_000, 10_000, 100_000), (8, 32, 128)
_TINY = 1e-10  # of Σ|Θ_∞ y|: below it a sign is decided in mpmath
_MOST_EXACT = 20


def classifies(one: Setting) -> Outcome:
    """T3 for a family."""
    return [jumps(one.family)], lambda: [_signs(one)]


def _signs(one: Setting) -> Finding:
    """Signs at 1,000 random points of the circle, with 15 training points that have random labels."""
    rng = one.rng(3)
    test_angles = rng.uniform(-np.pi, np.pi, POINTS)
    test, x = on_circle(test_angles), on_circle(training_angles(one.seed))
    y = np.sign(rng.standard_normal(len(x)))
    infinite = one.network(one.limit, DEPTH).ntk(test, x)
    votes = infinite @ y
    net = one.network(one.kernels, DEPTH)
    cheap = one.grid(one.kernels.nngp, one.kernels.ntk)["dps"] == one.dps
    slopes = _SLOPES if cheap or one.full else _SLOPES_DEAR
    shares, wrong = [], np.ones(POINTS, dtype=bool)
    for m in slopes:
        one.tell(f"T3: {POINTS} points at m = {m}")
        given: dict[str, Any] = {one.name: float(m)}
        seen = net.ntk(test, x, **given) @ np.linalg.solve(net.ntk(x, **given), y)
        wrong = np.sign(seen) != np.sign(votes)
        shares.append(f"{POINTS - int(np.sum(wrong))} at m = {m}")
    tiny = np.abs(votes) < _TINY * np.sum(np.abs(infinite), axis=1)
    left = np.flatnonzero(wrong | tiny)
    margin = np.min(np.abs(votes)) / np.median(np.abs(votes))
    detail = f"equal signs: {', '.join(shares)}; least |Θ_∞ y| is {margin:.2g} of its median"
    bad = len(left)
    if 0 < bad <= _MOST_EXACT and cheap:
        bad = sum(not _agrees_exactly(one, float(test_angles[i]), y) for i in left)
        detail += f"; {len(left)} points near a sign change in mpmath at m = 1e40: {len(left) - bad} agree"
    elif 0 < bad and not cheap:
        # the maps are dear: points that are not decided yet must be those with the smallest votes
        allowed = np.abs(votes) < 0.2 * np.median(np.abs(votes))
        bad = int(np.sum(wrong & ~allowed))
        detail += (
            f"; of the {len(left)} others {len(left) - bad} lie next to a change of sign, where m is too small yet"
        )
    claim = f"sign(Θ_m(x, X) Θ_m(X, X)⁻¹ y) → sign(Θ_∞(x, X) y) at {POINTS} random points of the circle, depth {DEPTH}"
    return Finding.judged(
        claim, {f"{bad} of {POINTS} signs differ where the votes are not next to 0": bad == 0}, detail
    )


def _agrees_exactly(one: Setting, angle: float, y: np.ndarray) -> bool:
    """Both signs at one point, with 50 digits and more."""
    one.tell("T3: a point in mpmath")
    with mp.workdps(max(one.dps, 50)):
        m, places = mp.mpf(10) ** 40, [mp.mpf(float(v)) for v in training_angles(one.seed)]

        def theta(kernels: Kernels, first: Number, second: Number, **numbers: Number) -> Number:
            return one.deep(kernels, "ntk", DEPTH, one.on_circle(abs(first - second)), **numbers)[-1].total

        gram = mp.matrix([[theta(one.kernels, p, q, **one.given(m)) for q in places] for p in places])
        weights = mp.lu_solve(gram, mp.matrix([float(v) for v in y]))
        at = mp.mpf(angle)
        seen = mp.fdot((theta(one.kernels, at, q, **one.given(m)) for q in places), weights)
        limit = mp.fdot((theta(one.limit, at, q) for q in places), [float(v) for v in y])
        return bool(mp.sign(seen) == mp.sign(limit))
