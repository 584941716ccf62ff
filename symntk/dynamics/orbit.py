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
_DENSE = 256  # steps of a period up to which the filter of a row is a matrix product


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
                return _orbits(setup, found, means, drift)
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


def _orbits(setup: Setup, rows: np.ndarray, mean: np.ndarray, drift: np.ndarray) -> list[Orbit]:
    """From rows c(t, t − lag), (R, P, P), to the tori."""
    count = rows.shape[1]
    at = np.arange(count)
    torus = np.empty(rows.shape)
    torus[:, at[:, None], (at[:, None] - at) % count] = rows
    torus = 0.5 * (torus + torus.swapaxes(1, 2))
    variance = torus[:, at, at]
    means = mean[:, :, None], mean[:, None, :]
    slopes = setup.units.slopes(variance[:, :, None], variance[:, None, :], torus, *means)
    slopes[:, at, at] = setup.units.sharpness(mean, variance)
    values = torus_exponent(setup.gain[:, None, None] ** 2 * slopes, setup.dt)
    found = zip(mean, setup.units.rate(mean, variance), torus, values.tolist(), drift.tolist(), strict=True)
    return [Orbit(*one) for one in found]


def torus_exponent(source: np.ndarray, dt: float) -> np.ndarray:
    """λ τ for g² q' on the torus, (P, P), at steps dt: of the Euler-discretized equations.

    p(t, s) = e^{−λ(t+s)} k(t, s) and w, l likewise, go through time as k and l do in `band`, on lags of up to a period;
    w at lag T is what it is at lag 0. λ is raised by the growth of p(t, t) that is left after each period, until there
    is none. Several short periods count as one: p is the same, and sooner found.

    Several networks, (R, P, P), go through time at once; the result is (R,), or a number for one.

    Raises:
        DomainError: λ does not settle, or the source is not finite.

    >>> source = np.full((8, 8), 1.44)  # λ of a fixed point: g √E[φ'²] − 1 = 0.2, at any step
    >>> print((torus_exponent(source, 0.1) / np.log(1.02) * 0.1).round(10))
    1.0
    """
    shape, count = source.shape[:-2], source.shape[-1]
    source = source.reshape(-1, count, count)
    result = np.full(len(source), np.log1p(-dt) / dt)
    live = np.flatnonzero(np.any(source, axis=(1, 2)))
    repeats = max(1, int(np.ceil(_ROUND / (count * dt))))
    source = np.tile(source[live], (1, repeats, repeats))
    count *= repeats
    at = np.arange(count)
    rows = source[:, at[:, None], (at[:, None] + at) % count]  # at t: s = t − P … t − 1
    before = source[:, at - 1, at - 1]
    lags = np.arange(count, -1, -1.0) * dt
    p, w = np.zeros((len(live), count + 1)), np.zeros((len(live), count + 1))
    p[:, -1], rate = 1.0, np.zeros(len(live))
    for turn in range(_ROUNDS):
        tilt = np.exp(-rate * dt)
        change = _torus_round(rows, before, p, w, tilt * (1.0 - dt), tilt * dt, turn > 0) / (2.0 * count * dt)
        done = (np.abs(change) <= _SHARP) & (turn > 0)
        result[live[done]] = (rate + change)[done]
        if np.all(done):
            return np.asarray(result.reshape(shape)[()])
        if not np.all(np.isfinite(change)):
            break
        # no perturbation decays faster than without couplings
        change = np.maximum(change, np.log1p(-dt) / dt + _SHARP - rate)
        rate = rate + change
        p, w = (one * np.exp(change[:, None] * lags) for one in (p, w))
        live, rows, before, p, w, rate = (one[~done] for one in (live, rows, before, p, w, rate))
    raise DomainError("the exponent of the repeating state", "it does not settle", "a larger f, or another step dt")


def _torus_round(
    rows: np.ndarray,
    before: np.ndarray,
    p: np.ndarray,
    w: np.ndarray,
    stays: np.ndarray,
    enters: np.ndarray,
    closed: bool,
) -> np.ndarray:
    """Growth of p(t, t) in one period, its logarithm, (R,); p and w, (R, P + 1) at lags P … 0, go through it in place.

    Args:
        rows: the source at t and s = t − P … t − 1, (R, P, P).
        before: the source at (t − 1, t − 1), (R, P).
        p: at the beginning of the period.
        w: likewise.
        stays: what a step leaves of p and w, (R,).
        enters: what it adds of w, and of the source, (R,).
        closed: whether w at lag P is what it is at lag 0, or 0.
    """
    growth = np.zeros(len(p))
    decay = stays[:, None] ** np.arange(p.shape[1])
    low_pass = _low_pass(stays, enters, p.shape[1] - 1)
    rest = decay / (1.0 - decay[:, -1:]) if closed else None
    keep, add = stays[:, None], enters[:, None]
    for now in range(p.shape[1] - 1):
        last = stays**2 * p[:, -1] + 2.0 * enters * stays * w[:, -1] + enters**2 * before[:, now] * p[:, -1]
        p[:, :-1] = keep * p[:, 1:] + add * w[:, 1:]
        p[:, -1] = last
        w[:, 0] = 0.0
        w[:, 1:] = low_pass(rows[:, now] * p[:, :-1])
        if rest is not None:
            w += w[:, -1:] * rest
        if now + 2 == p.shape[1] or not np.all((last > _SMALL) & (last < 1.0 / _SMALL)):
            growth += np.log(last)
            p /= last[:, None]
            w /= last[:, None]
    return growth


def _low_pass(stays: np.ndarray, enters: np.ndarray, count: int) -> Callable[[np.ndarray], np.ndarray]:
    """(R, P) ↦ (R, P): y(s) = stays y(s − 1) + enters x(s), y = 0 before; a matrix product where P is small."""
    if count > _DENSE:
        from scipy.signal import lfilter

        filters = [([add], [1.0, -keep]) for keep, add in zip(stays.tolist(), enters.tolist(), strict=True)]
        return lambda x: np.stack([lfilter(*one, row) for one, row in zip(filters, x, strict=True)])
    age = np.arange(count)[:, None] - np.arange(count)
    powers = np.where(age >= 0, stays[:, None, None] ** np.maximum(age, 0), 0.0) * enters[:, None, None]
    return lambda x: np.matmul(powers, x[:, :, None])[:, :, 0]
