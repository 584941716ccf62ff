"""Where the oracle's integrand lives, and how its support is cut into panels; in floats, before any quadrature.

Places come from the formula: the bells (each exponential times the density is a Gaussian with a centre and a width),
the soft steps of both functions, and the ends of an interval, where a Gaussian whose centre is far away decays fast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from symntk.errors import VerificationError
from symntk.verify.oracle.elementary.conditional import Feature
from symntk.verify.oracle.numbers import Floats
from symntk.verify.oracle.panels import MOST_PANELS


@dataclass(frozen=True)
class Places:
    """What is known of the integrand: Gaussians, soft steps, and the largest angular frequency."""

    bells: tuple[Feature, ...]
    steps: tuple[Feature, ...]
    frequency: float


def sample_points(left: float, right: float, places: Places, digits: int) -> Floats:
    """Sorted floats in [left, right] (ends may be infinite) that see every place on its own scale.

    >>> sample_points(0.0, math.inf, Places((Feature(0.0, 1.0),), (), 0.0), 30)[[0, -1]].round(2)
    array([ 0.  , 12.75])
    """
    reach = math.sqrt(2 * digits * math.log(10)) + 1
    widest = max(bell.width for bell in places.bells)
    centres = [place.centre for place in (*places.bells, *places.steps)]
    # From its peak, which lies between its centres or at an end, the integrand decays at least like its widest bell.
    low = max(left, min(*centres, right) - reach * widest)
    high = min(right, max(*centres, left) + reach * widest)
    spread = np.linspace(-reach, reach, 129)
    parts = [place.centre + place.width * spread for place in (*places.bells, *places.steps, *_shifted(places))]
    near_ends = (high - low) * 0.5 ** np.arange(1, 50)
    points = np.concatenate([*parts, np.linspace(low, high, 257), low + near_ends, high - near_ends])
    unique: Floats = np.unique(np.clip(points, low, high))
    return unique


def _shifted(places: Places) -> list[Feature]:
    """Where a bell under the Gaussian tail of far soft steps (one, or two of them) has its maximum."""
    found = []
    for bell in places.bells:
        far = [s for s in places.steps if abs(s.centre - bell.centre) > 4 * (s.width + bell.width)]
        for group in [*((s,) for s in far), *combinations(far, 2)]:
            precisions = [place.width**-2 for place in (bell, *group)]
            moment = math.fsum(p * place.centre for p, place in zip(precisions, (bell, *group), strict=True))
            found.append(Feature(moment / math.fsum(precisions), math.fsum(precisions) ** -0.5))
    return found


def log_integral(points: Floats, log_values: Floats) -> float:
    """The logarithm of ∫ exp(log_values) by the trapezoidal rule, without underflow."""
    peak = float(log_values.max())
    if not math.isfinite(peak):
        return -math.inf
    return peak + math.log(float(np.trapezoid(np.exp(log_values - peak), points)) + 1e-300)


def supports(points: Floats, log_values: Floats, cut: float) -> list[tuple[float, float]]:
    """The stretches of the sampled range where the integrand's bound exceeds exp(cut), one sample wider each side."""
    kept = log_values > cut
    kept[:-1] |= log_values[1:] > cut
    kept[1:] |= log_values[:-1] > cut
    edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(int)))
    pairs = zip(edges[::2], edges[1::2] - 1, strict=True)
    return [(float(points[i]), float(points[j])) for i, j in pairs if i < j]


def cut_into_panels(left: float, right: float, places: Places, nodes: int, digits: int) -> list[float]:
    """Edges of panels on which `nodes` Gauss–Legendre nodes should resolve the integrand to `digits` digits.

    An entire function e^{−x²/2} on half-width r has error exp(−n(log(8n/r²) − 1)), e^{iωx} (ωre/4n)^{2n}; both follow
    from the largest ellipse around the panel. A soft step counts with its width, or with its distance where larger.
    """
    nats = digits * math.log(10)
    bell = math.sqrt(8 * nodes * math.exp(-1 - nats / nodes))
    wave = 4 * nodes * math.exp(-1 - nats / (2 * nodes))
    smooth = (places.frequency / wave) ** 2 + max((bell * b.width) ** -2 for b in places.bells)
    inside = {s.centre for s in places.steps if left < s.centre < right and 4 * bell * s.width < right - left}
    edges = [left, *sorted(inside), right]
    todo, done = list(zip(edges[:-1], edges[1:], strict=True)), [right]
    while todo:
        low, high = todo.pop()
        half = (high - low) / 2
        if half * math.sqrt(smooth + _sharpness(places.steps, low, high, bell)) <= 1.1 or half < 1e-15 * abs(low):
            done.append(low)
        else:
            todo += [(low, low + half), (low + half, high)]
        if len(todo) + len(done) > MOST_PANELS:
            text = "the integrand's widths differ by too much for the quadrature"
            raise VerificationError("a numerical expectation", text, "a covariance less extreme")
    return sorted(done)


def _sharpness(steps: Sequence[Feature], low: float, high: float, bell: float) -> float:
    """Σ 1/scale², the scale of each soft step as seen from the panel."""
    total = 0.0
    for step in steps:
        distance = max(low - step.centre, step.centre - high, 0.0)
        total += max(bell * step.width, distance) ** -2
    return total
