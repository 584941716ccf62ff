"""Taylor polynomials that stand for a formula near a point where it loses digits or has no value."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from symntk.emit.code import Lines, Node, power, product
from symntk.emit.polynomial import horner
from symntk.language.numbers import number_function
from symntk.language.symbols import x

_TERMS = 40  # of a Taylor series; at a third of the radius of convergence the rest is below 1e-17
_CANCELS = 1e-12  # relative error near 0 from which a series is needed


@dataclass(frozen=True)
class Series:
    """The Taylor polynomial Σ coefficients[n] (x − centre)ⁿ, which stands for a part where |x − centre| < radius."""

    radius: float
    coefficients: tuple[float, ...]
    centre: float = 0.0

    def at(self, distance: Node, lines: Lines) -> Node:
        """The polynomial at a distance from the centre.

        >>> from symntk.emit.code import Name
        >>> from symntk.emit.targets.numpy import NUMPY
        >>> print(NUMPY.expression(Series(1.0, (0.0, 1.0, 0.0, -0.5)).at(Name("x"), Lines())))
        x * (-0.5 * t0 + 1.0)
        """
        powers = [n for n, value in enumerate(self.coefficients) if value]
        first, step = powers[0], 2 if len({n % 2 for n in powers}) == 1 else 1
        at = lines.name(distance * distance) if step == 2 else distance
        inner = horner(self.coefficients[first : powers[-1] + 1 : step][::-1], at)
        return product([power(distance, first), inner]) if first else inner


def loses_digits(part: sp.Expr, plain: Callable[[np.ndarray], Any], signs: list[float]) -> bool:
    """Whether `plain`, which evaluates the part as it stands, loses digits near 0, or has no value at 0."""
    points = np.array([sign * 10.0**-k for sign in signs for k in (1, 2, 3, 4, 5, 6)])
    with np.errstate(all="ignore"):
        found = np.broadcast_to(plain(np.append(points, 0.0)), len(points) + 1)
    exact = number_function(part, x)
    with mp.workdps(60):
        try:
            errors = [_apart(exact(mp.mpf(p)), float(v)) for p, v in zip(points, found, strict=False)]
        except (ArithmeticError, ValueError, TypeError):
            return False
    return not max(errors) <= _CANCELS or bool(np.isnan(found[-1]))


def _apart(exact: Any, value: float) -> float:
    """The relative error of a value; none where both are below float64's normal numbers."""
    if abs(exact) < sys.float_info.min and abs(value) < sys.float_info.min:
        return 0.0
    return abs(float(exact / mp.mpf(value) - 1)) if value else 1.0


def taylor(part: sp.Expr, point: sp.Expr) -> Series | None:
    """The Taylor polynomial, or None where the part is not analytic at the point."""
    exact = number_function(part, x)
    radius, count = mp.mpf(1), _TERMS + 8
    with mp.workdps(50):
        at = mp.mpf(point._to_mpmath(mp.mp.prec))
        roots = [mp.expjpi(mp.mpf(2 * k) / count) for k in range(count)]
        for _ in range(12):  # halve the circle until Cauchy's integrals converge: no singularity inside
            try:
                values = [exact(at + radius * z) for z in roots]
            except (ArithmeticError, ValueError, TypeError):
                return None
            terms = [
                mp.fsum(v * roots[-k * n % count] for k, v in enumerate(values)).real / count for n in range(count)
            ]
            largest = max(abs(t) for t in terms)
            if largest and max(abs(t) for t in terms[-8:]) < mp.mpf(10) ** -24 * largest:
                kept = [t if abs(t) > 1e-28 * largest else mp.mpf(0) for t in terms]
                return _shortened([float(t / radius**n) for n, t in enumerate(kept)], float(at))
            radius /= 2
    return None


def _shortened(coefficients: list[float], centre: float) -> Series | None:
    """The first `_TERMS` coefficients, and the radius within which they are enough."""
    powers = [n for n, value in enumerate(coefficients) if value]
    if not powers or powers[0] >= _TERMS // 2:  # below the smallest float
        return None
    first = powers[0]
    # against the first term, terms fall like a power of at most 0.38: nothing cancels, and what is left out is 1e-17
    growth = max((abs(coefficients[n] / coefficients[first]) ** (1.0 / (n - first)) for n in powers[1:]), default=0.0)
    return Series(
        float(f"{min(1.0, 10.0 ** (-17.0 / (_TERMS - first)) / growth if growth else 1.0):.3g}"),
        tuple(coefficients[:_TERMS]),
        centre,
    )
