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
from symntk.errors import DomainError

_MOST_PERIODS = 400
_LARGEST = 2.5e8  # numbers in the torus of all networks
_SHARP = 1e-12
_ROUNDS = 1000


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
    row = np.repeat(setup.row[:, -1:], period + 1, axis=1)
    now = replace(setup, band=period + 1, row=row, exponent=False)
    going = walk(now)
    passed, before = 0.0, None
    for _ in range(_MOST_PERIODS):
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
    wrong = f"after {_MOST_PERIODS} periods it still changes by {np.max(drift):.2g} per period"
    raise DomainError("the state that repeats with the input", wrong, "a larger tolerance, or a smaller step")


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

    k(t, s) and l(t, s) go through time as in `band`, on lags of up to a period. At lag T they are e^{−λT} times what
    they are at lag 0, as p repeats; λ is the growth over the last period, until it no longer changes.

    >>> source = np.full((8, 8), 1.44)  # λ of a fixed point: g √E[φ'²] − 1 = 0.2, at any step
    >>> print(round(torus_exponent(source, 0.1) / np.log(1.02) * 0.1, 10))
    1.0
    """
    from scipy.signal import lfilter

    count = len(source)
    at = np.arange(count)
    rows = source[at[:, None], (at[:, None] + np.arange(count)) % count]  # at t: s = t − P … t − 1
    decay = (1.0 - dt) ** np.arange(count + 1)
    k, l = np.zeros(count + 1), np.zeros(count + 1)  # noqa: E741, the name in the equations
    k[-1], back, before = 1.0, 0.0, np.nan
    for _ in range(_ROUNDS):
        for now in range(count):
            sharp = source[now - 1, now - 1] * k[-1]
            last = (1.0 - dt) ** 2 * k[-1] + 2.0 * dt * (1.0 - dt) * l[-1] + dt**2 * sharp
            k = np.append((1.0 - dt) * k[1:] + dt * l[1:], last)
            l[0], l[1:] = 0.0, lfilter([dt], [1.0, dt - 1.0], rows[now] * k[:-1])
            l = l + back * l[-1] / (1.0 - back * decay[-1]) * decay  # noqa: E741
        value = float(np.log(k[-1])) / (2.0 * count * dt)
        k, l = k / k[-1], l / k[-1]  # noqa: E741
        if abs(value - before) <= _SHARP:
            break
        back, before = float(np.exp(-value * count * dt)), value
    return value
