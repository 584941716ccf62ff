"""The amplitude I_1 of a sinusoid above which chaos is suppressed: a root of the repeating state's exponent.

Where the input suppresses chaos, the network follows the state that repeats with the input; this state exists on both
sides of the critical amplitude, and its exponent is smooth there, so that the root is a plain one. The chaotic state
ends where the repeating one becomes stable. Source of the question and of the scaling with N: Engelken et al. 2022
(arXiv 2201.09916): I_1^crit grows like √N for common input, and does not depend on N for independent input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.optimize

from symntk.dynamics.independent import Driven, Problem, coarser, default_points, fewer, repeating
from symntk.dynamics.orbit import orbits
from symntk.dynamics.theory import DT, Balanced
from symntk.dynamics.waveform import check_sinusoid, finest, given_or
from symntk.errors import DomainError
from symntk.finite.arrays import NumpyArrays, array_function

_FIRST = 0.25  # of the scale √N |I_0|
_FACTOR, _AT_ONCE, _MOST = 1.35, 6, 24
_SETTLED = 1e-6  # change per period at which a repeating state counts as reached
_INNER = 5  # amplitudes in a bracket, solved at once
_PART = 1 / 16  # of the last change of the root that counts as its error
_WIDTHS = 0.05  # of the bracket at a finer step, relative
_INDEPENDENT_FACTOR, _INDEPENDENT_MOST = 1.6, 40
_ROUNDING = 1e-11  # of λ τ


@dataclass(frozen=True)
class Critical:
    """A critical amplitude.

    Attributes:
        amplitude: I_1^crit; 0 where the network is not chaotic without input.
        error: an estimate of its error: of the step and the interpolation, or of the grid and the root.
        amplitudes: where exponents were computed at the finest step.
        exponents: λ τ of the repeating state there.
    """

    amplitude: float
    error: float
    amplitudes: np.ndarray
    exponents: np.ndarray


def critical_common(
    net: Balanced,
    f: float,
    *,
    waveform: str | None = None,
    dt: float | None = None,
    report: Callable[[], Any] | None = None,
) -> Critical:
    """I_1^crit of a sinusoid, or of another waveform, that all units share.

    The root is found at steps 4 dt, 2 dt and dt, and extrapolated to 0. The error is an upper estimate: what the last
    step changed of the linear extrapolation, and, as that can be small by chance, a sixteenth of what it changed of the
    root itself.

    Args:
        net: the network; its own I_1 is none.
        f: frequency in 1/time.
        waveform: w in I_1 w(2πft), a formula in x of period 2π such as "sign(sin(x))"; None for sin(x).
        dt: the finest step, τ/16 by default; shortened so that 4 dt fills the period, at least 16 times.
        report: called after each period that is computed.

    Raises:
        DomainError: no amplitude suppresses chaos in the range searched, or a state is not found.
    """
    if _is_quiet(net):
        return _zero()

    def exponents(amplitudes: np.ndarray, step: float) -> np.ndarray:
        setup = net.orbit_setup([float(one) for one in amplitudes], f, dt=step, shape=waveform)
        return np.array([one.lyapunov for one in orbits(setup, tolerance=_SETTLED, report=report)])

    asked = f"the critical input of {net}"
    check_sinusoid(0.0, f)
    fine = finest(1.0 / f, given_or(dt, DT * net.tau, "dt"), 2)
    if 4.0 * fine >= net.tau:
        raise DomainError(asked, f"dt = {dt}: the search begins at 4 dt, which has to be below τ", "dt = τ/16")
    low, high = _bracket(lambda amplitudes: exponents(amplitudes, 4.0 * fine), abs(net.drive) or 1.0, asked)
    roots: list[float] = []
    spread = 0.0
    amplitudes = values = np.zeros(0)
    for step in (4.0 * fine, 2.0 * fine, fine):
        if roots:
            guess = roots[-1] if len(roots) < 2 else 1.5 * roots[-1] - 0.5 * roots[-2]
            low, high = guess * (1.0 - _WIDTHS), guess * (1.0 + _WIDTHS)
        amplitudes = np.linspace(low, high, _INNER)
        values = exponents(amplitudes, step)
        for _ in range(_MOST):  # the step may have moved the root out of the bracket
            if values[0] > 0.0 >= values[-1]:
                break
            width = high - low
            low, high = (low - width, high) if values[0] <= 0.0 else (low, high + width)
            amplitudes = np.linspace(max(low, 0.0), high, _INNER)
            values = exponents(amplitudes, step)
        else:
            raise _never(asked, float(amplitudes[-1]))
        root, spread = _interpolated(amplitudes, values)
        roots.append(root)
    first, second = 2.0 * roots[1] - roots[0], 2.0 * roots[2] - roots[1]
    value = (4.0 * second - first) / 3.0
    error = abs(second - first) + _PART * abs(roots[2] - roots[1]) + spread
    return Critical(float(value), float(error), amplitudes, values)


def critical_independent(net: Balanced, f: float, *, average: str = "phase") -> Critical:
    """I_1^crit of sinusoids with a phase of their own for each unit, in the stationary theory.

    Args:
        net: the network.
        f: frequency in 1/time.
        average: "phase" or "gaussian", as in `Balanced.independent_stationary`.

    Raises:
        DomainError: no amplitude suppresses chaos in the range searched, or a state is not found.
    """
    if _is_quiet(net):
        return _zero()
    start = net.stationary()
    unit = net.problem(1.0, f, average)
    fine = default_points(unit)

    def search(problem: Problem, points: int, guess: float, factor: float) -> tuple[float, dict[float, float]]:
        """The root, looked for from the guess up or down; and λ τ at all amplitudes on the way."""
        near: Driven | None = None
        known: dict[float, float] = {}

        def exponent(amplitude: float) -> float:
            nonlocal near
            if amplitude not in known:
                near = repeating(replace(problem, amplitude=amplitude), start, points, near)
                known[amplitude] = near.lyapunov
            return known[amplitude]

        last, is_chaotic = guess, exponent(guess) > 0.0
        for _ in range(_INDEPENDENT_MOST):
            amplitude = last * factor if is_chaotic else last / factor
            if (exponent(amplitude) > 0.0) != is_chaotic:
                root = scipy.optimize.brentq(exponent, last, amplitude, xtol=1e-12 * amplitude, rtol=1e-12)
                return float(root), known
            last = amplitude
        raise _never(f"the critical input of {net}", last)

    scale = float(np.sqrt(start.fixed_point.variance * (1.0 + unit.omega**2)))  # whose filtered size is that of h
    coarse, _ = search(coarser(unit), fewer(fine), scale, _INDEPENDENT_FACTOR)
    value, known = search(unit, fine, coarse, 1.001)
    amplitudes = np.array(sorted(known))
    exponents = np.array([known[one] for one in amplitudes])
    slope = np.ptp(exponents) / np.ptp(amplitudes)
    return Critical(value, abs(value - coarse) + _ROUNDING / float(slope), amplitudes, exponents)


def quasi_static(net: Balanced) -> float:
    """The limit of I_1^crit for f → 0 and common input, √N I_0/cos(π λ_0 τ/(1 + λ_0 τ)), of threshold-linear units.

    The input silences the network for the part λ_0 τ/(1 + λ_0 τ) of each period, where perturbations decay like
    e^{−t/τ}; in the rest they grow like e^{λ_0 t}, as without input, and the two balance. For that φ has to be 0 below
    the threshold, and above it proportional to x, which makes λ_0 the same for any positive mean input.

    Raises:
        DomainError: other units, or no positive mean input; or λ_0 τ ≥ 1: no input of zero mean silences the network
            for half of the time.

    >>> print(round(quasi_static(Balanced(2.0, 1000)), 4))
    32.8592
    """
    asked = f"the quasi-static critical input of {net}"
    x = np.concatenate([-np.geomspace(1e9, 1e-9, 19), np.geomspace(1e-9, 1e9, 19)])
    shape = NumpyArrays().compile(array_function(net.units.activation))(x)
    if not (net.I_0 > 0.0 and np.allclose(shape, shape[-1] / x[-1] * np.maximum(x, 0.0), rtol=1e-12, atol=0.0)):
        wrong = "its formula holds for threshold-linear units with I_0 > 0"
        raise DomainError(asked, wrong, "critical_common at a low frequency")
    value = net.stationary().lyapunov
    if value <= 0.0:
        return 0.0
    if value >= 1.0:
        raise DomainError(asked, f"λ_0 τ = {value:.4g} is 1 or more", "a smaller g")
    return float(net.drive / np.cos(np.pi * value / (1.0 + value)))


def _bracket(exponents: Callable[[np.ndarray], np.ndarray], scale: float, asked: str) -> tuple[float, float]:
    """Neighbours in a geometric progression between which λ falls through 0, the largest such pair of a batch."""
    start = _FIRST * scale
    last = 0.0
    for first in range(0, _MOST, _AT_ONCE):
        amplitudes = start * _FACTOR ** np.arange(first, first + _AT_ONCE)
        values = exponents(amplitudes)
        falls = np.flatnonzero((values[:-1] > 0.0) & (values[1:] <= 0.0))
        if falls.size:
            return float(amplitudes[falls[-1]]), float(amplitudes[falls[-1] + 1])
        if np.all(values <= 0.0):
            return last, float(amplitudes[0])
        last = float(amplitudes[-1])
    raise _never(asked, last)


def _interpolated(amplitudes: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """The root of the polynomial through all points, and how far that through all but an end point moves it."""
    centre, width = amplitudes.mean(), np.ptp(amplitudes)
    at = (amplitudes - centre) / width

    def root(chosen: slice) -> float:
        polynomial = np.polynomial.Polynomial.fit(at[chosen], values[chosen], len(at[chosen]) - 1)
        place = int(np.flatnonzero((values[:-1] > 0.0) & (values[1:] <= 0.0))[-1])
        return float(scipy.optimize.brentq(polynomial, at[place], at[place + 1], xtol=1e-14))

    whole = root(slice(None))
    inner = slice(1, None) if values[1] > 0.0 else slice(None, -1)
    try:
        spread = abs(root(inner) - whole) * width
    except ValueError:  # the polynomial through fewer points does not change its sign
        spread = width / len(at)
    return centre + whole * width, float(spread)


def _is_quiet(net: Balanced) -> bool:
    return not net.stationary().is_chaotic


def _zero() -> Critical:
    return Critical(0.0, 0.0, np.zeros(0), np.zeros(0))


def _never(asked: str, largest: float) -> DomainError:
    wrong = f"no amplitude up to {largest:.4g} suppresses chaos"
    return DomainError(asked, wrong, "a lower frequency, or a smaller g")
