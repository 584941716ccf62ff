"""The state that repeats with a common input, and the exponent that decides whether it is stable.

Where the input suppresses chaos every unit repeats with the input's period T, so that c(t, s), q and q' live on the
torus of two phases. The recursion of `band` reaches this state on one period, beginning with full correlation;
it stays there also where the state is unstable, which makes λ(I_1) smooth where chaos sets in. Perturbations of it grow
like e^{λ(t+s)} p(t, s) with p on the torus,

    (∂_t + 1 + λ)(∂_s + 1 + λ) p = g² q' p

(the equations for k and l of Engelken et al. 2022, arXiv 2201.09916, with an exponential taken out). q' ≥ 0 makes the
leading p positive (Krein–Rutman), and k, which begins positive, tends to it. Time is in units of τ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symntk.dynamics.band import Setup, walk
from symntk.dynamics.sizes import afford_steps
from symntk.errors import DomainError

_MOST_PERIODS, _LONGEST = 400, 200.0  # the larger of so many periods and so many τ
_LARGEST = 2.5e8  # numbers in the torus of all networks
_SHARP = 1e-12
_ROUND, _ROUNDS = 2.0, 500  # τ between updates of λ at least, and how many of them
_SMALL = 1e-100


@dataclass(frozen=True)
class Orbit:
    """One period of the repeating state.

    Attributes:
        mean: (P,) at the steps of one period.
        rate: ν, (P,).
        covariance: c(t, s) on the torus, (P, P).
        lyapunov: λ τ of perturbations.
        drift: largest change of c and m from the period before, relative to their size.
    """

    mean: np.ndarray
    rate: np.ndarray
    covariance: np.ndarray
    lyapunov: float
    drift: float


def orbits(
    setup: Setup, *, tolerance: float = 1e-7, least: float = 10.0, report: Callable[[], Any] | None = None
) -> list[Orbit]:
    """The repeating states of the networks of a setup, whose drive holds one period more than its first value.

    Args:
        setup: `drive` (R, 1, P + 1), `period` P; the band and the row's columns are chosen here.
        tolerance: on the drift.
        least: times τ that pass at least, before the drift is trusted.
        report: called after each period.

    Raises:
        DomainError: the state does not settle, or the recursion fails, or the torus would fill the memory.
    """
    period = setup.period
    steps = setup.drive.shape[2] - 1
    if steps != period or setup.drive.shape[1] != 1:
        raise ValueError("the drive must hold one period of a common input")
    if len(setup.drive) * period**2 > _LARGEST:
        wrong = f"a period of {period} steps needs {period**2 * 16 / 1e9:.3g} GB for each amplitude"
        raise DomainError("the state that repeats with the input", wrong, "a longer dt, or a larger f")
    afford_steps("the state that repeats with the input", max(least / setup.dt, 2.0 * period))
    row = np.repeat(setup.row[:, -1:], period + 1, axis=1)
    if _alternates(setup):  # else a part that does not vary decays ever more slowly towards the critical input
        row = row * np.cos(2.0 * np.pi * np.arange(period, -1, -1) / period)
    now = replace(setup, band=period + 1, row=row, exponent=False)
    going = walk(now)
    passed, before = 0.0, None
    most = max(_MOST_PERIODS, int(_LONGEST / (period * setup.dt)))
    for _ in range(most):
        rows = []
        for _ in range(period):
            going.step()
            rows.append(going.c[:, :0:-1])  # lags 0 … P − 1
        means = going.mean[:, 0, -period:]
        found = np.stack(rows, axis=1)
        going.rewind()
        passed += period * setup.dt
        if report is not None:
            report()
        if before is not None:
            drift = _drift(found, before[0], means, before[1])
            if np.max(drift) <= tolerance and passed >= least:
                return [_orbit(setup, i, found[i], means[i], float(drift[i])) for i in range(len(found))]
        before = found, means
    wrong = f"after {most} periods it still changes by {np.max(drift):.2g} per period"
    raise DomainError("the state that repeats with the input", wrong, "another amplitude, or a smaller step")


def _alternates(setup: Setup) -> bool:
    """Whether all units turn their sign each half period: odd ones, with an input that does."""
    half, one = setup.period // 2, setup.drive[:, 0, 1:]
    if setup.period % 2 or not setup.units.is_odd:
        return False
    return bool(np.all(np.abs(one[:, half:] + one[:, :half]) <= 1e-12 * np.max(np.abs(one))))


def _drift(c: Any, c_before: Any, m: Any, m_before: Any) -> np.ndarray:
    size = np.max(np.abs(c), axis=(1, 2)) + np.max(m**2, axis=1)
    change = np.max(np.abs(c - c_before), axis=(1, 2)) + np.max(np.abs(m**2 - m_before**2), axis=1)
    return np.asarray(change / size)


def _orbit(setup: Setup, index: int, rows: np.ndarray, mean: np.ndarray, drift: float) -> Orbit:
    """From rows c(t, t − lag), (P, P), to the torus."""
    count = len(rows)
    at = np.arange(count)
    torus = np.empty((count, count))
    torus[at[:, None], (at[:, None] - at) % count] = rows
    torus = 0.5 * (torus + torus.T)
    variance = np.diag(torus).copy()
    slopes = setup.units.slopes(variance[:, None], variance[None, :], torus, mean[:, None], mean[None, :])
    slopes[at, at] = setup.units.sharpness(mean, variance)
    value = torus_exponent(setup.gain[index] ** 2 * slopes, setup.dt)
    return Orbit(mean, setup.units.rate(mean, variance), torus, value, drift)


def torus_exponent(source: np.ndarray, dt: float) -> float:
    """λ τ for g² q' on the torus, (P, P), at steps dt: of the Euler-discretized equations.

    p(t, s) = e^{−λ(t+s)} k(t, s) and w, l likewise, go through time as k and l do in `band`, on lags of up to a period;
    w at lag T is what it is at lag 0. λ is raised by the growth of p(t, t) that is left after each period, until there
    is none. Several short periods count as one: p is the same, and sooner found.

    Raises:
        DomainError: λ does not settle, or the source is not finite.

    >>> source = np.full((8, 8), 1.44)  # λ of a fixed point: g √E[φ'²] − 1 = 0.2, at any step
    >>> print(round(torus_exponent(source, 0.1) / np.log(1.02) * 0.1, 10))
    1.0
    """
    from scipy.signal import lfilter

    if not np.any(source):
        return float(np.log1p(-dt) / dt)
    source = np.tile(source, 2 * (max(1, int(np.ceil(_ROUND / (len(source) * dt)))),))
    count = len(source)
    at = np.arange(count)
    rows = source[at[:, None], (at[:, None] + np.arange(count)) % count]  # at t: s = t − P … t − 1
    lags = np.arange(count, -1, -1.0) * dt
    p, w = np.zeros(count + 1), np.zeros(count + 1)
    p[-1], rate, closed = 1.0, 0.0, False
    for _ in range(_ROUNDS):
        tilt = np.exp(-rate * dt)
        stays, enters = tilt * (1.0 - dt), tilt * dt
        decay, growth = stays ** np.arange(count + 1), 0.0
        for now in range(count):
            last = stays**2 * p[-1] + 2.0 * enters * stays * w[-1] + enters**2 * source[now - 1, now - 1] * p[-1]
            p = np.append(stays * p[1:] + enters * w[1:], last)
            w[0], w[1:] = 0.0, lfilter([enters], [1.0, -stays], rows[now] * p[:-1])
            if closed:
                w = w + w[-1] / (1.0 - decay[-1]) * decay
            if not _SMALL < last < 1.0 / _SMALL or now + 1 == count:
                growth += np.log(last)
                p, w = p / last, w / last
        change = float(growth) / (2.0 * count * dt)
        if closed and abs(change) <= _SHARP:
            return rate + change
        if not np.isfinite(change):
            break
        change = max(change, np.log1p(-dt) / dt + _SHARP - rate)  # no perturbation decays faster than without couplings
        rate, closed = rate + change, True
        p, w = p * np.exp(change * lags), w * np.exp(change * lags)
    raise DomainError("the exponent of the repeating state", "it does not settle", "a larger f, or another step dt")
