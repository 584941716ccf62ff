"""Largest Lyapunov exponents over the amplitude of an input, in theory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symntk.dynamics.orbit import orbits
from symntk.dynamics.theory import Balanced
from symntk.dynamics.waveform import finest
from symntk.errors import DomainError
from symntk.runs.checkpoint import kept

_SETTLED = 1e-6  # change per period at which a repeating state counts as reached


@dataclass(frozen=True)
class Curve:
    """Exponents over the amplitude of an input.

    Attributes:
        amplitudes: I_1 (n,).
        exponents: λ₁ τ in continuous time (n,); NaN where the theory found no state.
        errors: estimates of their errors (n,); NaN where there is none.
        slopes: change of λ₁ τ per step of the simulation, to first order (n,); NaN where it is not known.
    """

    amplitudes: np.ndarray
    exponents: np.ndarray
    errors: np.ndarray
    slopes: np.ndarray

    def at_step(self, dt: float) -> np.ndarray:
        """λ₁ τ of networks in Euler steps, to first order in the step; NaN where it is not known."""
        return self.exponents + self.slopes * dt


def common_curve(
    net: Balanced,
    amplitudes: Sequence[float],
    f: float,
    *,
    dt: float = 1 / 16,
    time: float = 150.0,
    finer: int = 1,
    folder: Path | None = None,
    report: Callable[[], Any] = lambda: None,
) -> Curve:
    """Exponents under common input: of the repeating state where it is stable, else of the non-stationary course.

    Both are computed at steps 2 dt and dt and extrapolated.

    Args:
        net: the network.
        amplitudes: I_1, positive.
        f: frequency, in 1/time.
        dt: the finer step, in units of τ; shortened so that steps 2 dt fill a period.
        time: how long a chaotic course runs, in units of τ.
        finer: by how much the steps of repeating states are finer than these; they take less time than courses.
        folder: where courses are kept.
        report: called after each amplitude.

    >>> curve = common_curve(Balanced(2.0, 100), [20.0], 0.2, dt=1 / 8)
    >>> bool(curve.exponents[0] < 0)  # 20 is twice √N I_0
    True
    """
    dt = finest(1.0 / (f * net.tau) if f else None, dt, 1)
    steps = (2.0 * dt, dt)
    found = np.array([_repeating(net, amplitudes, f, step / finer) for step in steps])  # (steps, n)
    errors, widths = abs(found[1] - found[0]), np.full(len(amplitudes), dt / finer)
    for i, amplitude in enumerate(amplitudes):
        if 2.0 * found[1, i] - found[0, i] > 0.0:
            told = {"net": _told(net), "numbers": [float(amplitude), f, time]}
            for j, step in enumerate(steps):

                def run(amplitude: float = amplitude, step: float = step) -> dict[str, np.ndarray]:
                    course = net.common(amplitude, f, dt=step * net.tau, time=time * net.tau)
                    return {"found": np.array([course.lyapunov, course.lyapunov_error])}

                found[j, i], spread = kept(folder, told | {"step": step}, run)["found"]
            errors[i], widths[i] = abs(found[1, i] - found[0, i]) + spread, dt
        report()
    return Curve(np.array(amplitudes), 2.0 * found[1] - found[0], errors, (found[0] - found[1]) / widths)


def _repeating(net: Balanced, amplitudes: Sequence[float], f: float, step: float) -> list[float]:
    """λ τ of the states that repeat with the input, side by side."""
    setup = net.orbit_setup([float(one) for one in amplitudes], f, dt=step * net.tau)
    return [one.lyapunov for one in orbits(setup, tolerance=_SETTLED)]


def independent_curve(net: Balanced, amplitudes: Sequence[float], f: float, average: str) -> Curve:
    """Exponents under independent input from the stationary theory, which is one of continuous time.

    Args:
        net: the network.
        amplitudes: I_1.
        f: frequency.
        average: "gaussian" or "phase".
    """
    values, errors = np.full((2, len(amplitudes)), np.nan)
    for i, one in enumerate(amplitudes):
        net.problem(one, f, average)  # an impossible one is an error, not an answer that is missing
        with suppress(DomainError):
            found = net.independent_stationary(one, f, average=average)
            values[i], errors[i] = found.lyapunov, found.lyapunov_error
    return Curve(np.array(amplitudes), values, errors, np.full(len(values), np.nan))


def _told(net: Balanced) -> list[Any]:
    return [net.g, net.N, net.I_0, net.J_0, str(net.activation), net.tau, net.tol]
