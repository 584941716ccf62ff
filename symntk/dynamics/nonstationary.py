"""What a course of the non-stationary theory gives: means, variances and λ₁ over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symntk.dynamics.band import Course

_LATE = 0.5  # the part of a run over which λ is read
_SAME = 1e-3  # 1 − correlation below which units repeat


@dataclass(frozen=True)
class NonStationary:
    """A course of mean-field theory over time, of networks in Euler steps dt; times in the network's units.

    Attributes:
        time: (steps + 1,).
        mean: m(t), over all units, (steps + 1,).
        groups: mean of each group of units, (K, steps + 1): one group for common input, else one per phase.
        rate: ν(t), (steps + 1,).
        variance: c(t, t) of what the couplings add (with Gaussian input, of all), (steps + 1,).
        lags: (band,).
        autocovariance: c(t, t − lag) averaged over the last period, (band,).
        growth: ln k(t, t), (steps + 1,); λ is half its slope.
        repeats: whether units are fully correlated over as many periods as the band holds (over the band, without a
            period). A run can settle in this state also where it is unstable, λ > 0, as near the onset of chaos; then λ
            is that of the repeating state, not of the chaotic one. A longer band, or `stationary`, decides.
        lyapunov: λ_1 in 1/τ over the late half: of networks in steps dt, or extrapolated to dt → 0 with `refine`.
        lyapunov_error: of that λ: the change between two late windows and, with `refine`, that of the extrapolation.
            Without `refine` it does not hold how far networks in steps dt are from continuous time.
        dt: the step.
    """

    time: np.ndarray
    mean: np.ndarray
    groups: np.ndarray
    rate: np.ndarray
    variance: np.ndarray
    lags: np.ndarray
    autocovariance: np.ndarray
    growth: np.ndarray
    repeats: bool
    lyapunov: float
    lyapunov_error: float
    dt: float


def read(
    found: Course, times: np.ndarray, lags: np.ndarray, step: float, count: int, weights: np.ndarray, tau: float
) -> NonStationary:
    """The course in the network's units.

    Args:
        found: what the recursion gave.
        times: (steps + 1,), in units of τ like `lags` and `step`.
        lags: of the band.
        step: dt.
        count: steps per period, 1 without one.
        weights: of the groups of units.
        tau: τ.
    """
    growth = found.growth[0]
    window = count * max(1, int(_LATE * len(times) / count / 2))
    last, before = ((growth[-1 - k * window] - growth[-1 - (k + 1) * window]) / (2.0 * window * step) for k in (0, 1))
    apart = (len(lags) - 1) // count * count
    return NonStationary(
        times * tau,
        weights @ found.mean[0],
        found.mean[0],
        found.rate[0],
        found.variance[0],
        lags * tau,
        found.rows[0],
        growth,
        bool(found.last[0, apart] > (1.0 - _SAME) * found.variance[0, -1]),
        float(last),
        float(abs(last - before)),
        step * tau,
    )
