"""Gaussian-elementary functions as mpmath numbers: values at a point, conditional expectations, and magnitudes.

In: a `NormalForm` without parameters. Out: callables of one real mpmath number, and float bounds of the logarithm of
what they add up, from which the oracle learns where an integrand lives and how many digits its sums can lose.
Written for the oracle alone: nothing here is shared with the derivation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symntk.errors import DomainError
from symntk.language.forms.terms import Delta, NormalForm, Step
from symntk.verify.oracle.numbers import Floats, Number, mp, number


@dataclass(frozen=True)
class Ramp:
    """A soft step P(ξ ≤ side·(x − threshold)), ξ ~ N(0, variance), in numbers."""

    threshold: Number
    variance: Number
    side: int


@dataclass(frozen=True)
class Piece:
    """Re[coefficient · x^power · exp(quadratic·x² + linear·x)] · ramp(x)."""

    coefficient: Number
    power: int
    quadratic: Number
    linear: Number
    ramp: Ramp | None


@dataclass(frozen=True)
class Spike:
    """coefficient · δ^(order)(x − threshold)."""

    coefficient: Number
    threshold: Number
    order: int


@dataclass(frozen=True)
class Numeric:
    """A normal form in numbers: functions proper, and deltas with their derivatives."""

    pieces: tuple[Piece, ...]
    spikes: tuple[Spike, ...]

    def kinks(self) -> list[Number]:
        """The thresholds of the Heaviside steps."""
        return sorted({p.ramp.threshold for p in self.pieces if p.ramp is not None and p.ramp.variance == 0})


def numeric(form: NormalForm, digits: int) -> Numeric:
    """The normal form in numbers of `digits` digits; of two conjugate terms one is kept, doubled.

    Raises:
        DomainError: a parameter has no value, a number that must be real is not, or a conjugate term is missing.
    """
    if form.parameters:
        names = ", ".join(symbol.name for symbol in form.parameters)
        raise DomainError("a numerical expectation", f"{names} has no value", "NormalForm.subs with numbers")
    with mp.workdps(digits):
        return _in_numbers(form, digits)


def _in_numbers(form: NormalForm, digits: int) -> Numeric:
    sums: dict[tuple[int, Number, Number, Ramp | None], Number] = {}
    spikes: list[Spike] = []
    for term in form.terms:
        window, coefficient = term.window, number(term.coefficient, digits)
        if isinstance(window, Delta):
            spikes.append(Spike(_real(coefficient), _real(number(window.threshold, digits)), window.order))
            continue
        ramp = None
        if isinstance(window, Step):
            ramp = Ramp(_real(number(window.threshold, digits)), _real(number(window.variance, digits)), window.side)
        key = (term.power, _real(number(term.quadratic, digits)), number(term.linear, digits), ramp)
        sums[key] = sums.get(key, mp.mpf(0)) + coefficient
    return Numeric(tuple(_merge_conjugates(sums, digits)), tuple(spikes))


def _real(value: Number) -> Number:
    if mp.im(value) != 0:
        text = f"{mp.nstr(value, 8)} is complex where a real number belongs"
        raise DomainError("a numerical expectation", text, "a real function; only the rate β of exp(βx) may be complex")
    return mp.re(value)


def _merge_conjugates(sums: dict[tuple[int, Number, Number, Ramp | None], Number], digits: int) -> Iterable[Piece]:
    """Of each pair of conjugates keep the one with Im β > 0; a missing partner means that the function is complex."""
    largest = max((abs(value) for value in sums.values()), default=mp.mpf(0))
    noise = largest * mp.mpf(10) ** (6 - digits)
    for (power, quadratic, linear, ramp), value in sums.items():
        partner = sums.get((power, quadratic, mp.conj(linear), ramp), mp.mpf(0))
        if abs(partner - mp.conj(value)) > noise:
            raise DomainError("a numerical expectation", "the function is not real: a conjugate term is missing")
        if mp.im(linear) == 0:
            yield Piece(mp.re(value), power, quadratic, mp.re(linear), ramp)
        elif mp.im(linear) > 0:
            yield Piece(2 * value, power, quadratic, linear, ramp)


# One exponential rate (quadratic, linear), and for each ramp under it the coefficients of a polynomial.
Rates = tuple[Number, Number]
Polynomials = dict[Ramp | None, list[Number]]


def grouped(pieces: Iterable[Piece]) -> dict[Rates, Polynomials]:
    """Collect pieces with one exponential, and under it one polynomial per ramp, lowest power first."""
    groups: dict[Rates, Polynomials] = {}
    for p in pieces:
        row = groups.setdefault((p.quadratic, p.linear), {}).setdefault(p.ramp, [])
        row.extend([mp.mpf(0)] * (p.power + 1 - len(row)))
        row[p.power] += p.coefficient
    return groups


def settled(pieces: Iterable[Piece], point: Number, tolerance: Number) -> list[Piece]:
    """The pieces with each Heaviside step replaced by its value at `point` (1/2 within `tolerance` of its kink).

    What cancels down to rounding, as ramps do beyond the support of a triangle, is dropped.
    """
    sums: dict[tuple[int, Number, Number, Ramp | None], tuple[Number, Number]] = {}
    for p in pieces:
        ramp, value = p.ramp, p.coefficient
        if ramp is not None and ramp.variance == 0:
            distance = ramp.side * (point - ramp.threshold)
            if distance < -tolerance:
                continue
            value, ramp = (value if distance > tolerance else value / 2), None
        key = (p.power, p.quadratic, p.linear, ramp)
        total, size = sums.get(key, (mp.mpf(0), mp.mpf(0)))
        sums[key] = (total + value, size + abs(value))
    return _kept(sums)


def oriented(pieces: Iterable[Piece], place: Callable[[Piece], Number]) -> list[Piece]:
    """The same function with each step S that is on at its piece's place written as 1 − (1 − S), the bracket one step.

    Near that place, which is the same for all pieces of one exponential, the parts are then small where the function
    is: far outside its support a triangle is a sum of tails.
    """
    sums: dict[tuple[int, Number, Number, Ramp | None], tuple[Number, Number]] = {}

    def add(value: Number, *key: Any) -> None:
        total, size = sums.get(key, (mp.mpf(0), mp.mpf(0)))
        sums[key] = (total + value, size + abs(value))

    for p in pieces:
        ramp, value = p.ramp, p.coefficient
        if ramp is not None and ramp.side * (place(p) - ramp.threshold) > 0:
            add(value, p.power, p.quadratic, p.linear, None)
            ramp, value = Ramp(ramp.threshold, ramp.variance, -ramp.side), -value
        add(value, p.power, p.quadratic, p.linear, ramp)
    return _kept(sums)


def _kept(sums: dict[tuple[int, Number, Number, Ramp | None], tuple[Number, Number]]) -> list[Piece]:
    """The pieces that are more than the rounding of what they were added from."""
    noise = mp.ldexp(1, 12 - mp.prec)
    return [Piece(total, *key) for key, (total, size) in sums.items() if abs(total) > noise * size]


class Branch:
    """A function without kinks: a sum of polynomial · exponential · soft step, and its value at a point."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.groups = grouped(pieces)
        self._scales = {p.ramp: 1 / mp.sqrt(2 * p.ramp.variance) for p in pieces if p.ramp is not None}

    def __call__(self, x: Number, log_weight: Number = 0) -> Number:
        """The value at `x`, times exp(log_weight)."""
        total = mp.mpf(0)
        for (quadratic, linear), polynomials in self.groups.items():
            inner = mp.mpf(0)
            for ramp, row in polynomials.items():
                value = mp.mpf(0)
                for coefficient in reversed(row):
                    value = value * x + coefficient
                if ramp is not None:
                    value *= normal_cdf(ramp.side * (x - ramp.threshold) * self._scales[ramp])
                inner += value
            exponent = log_weight + x * (quadratic * x + linear)
            total += mp.re(inner * mp.exp(exponent)) if exponent != 0 else mp.re(inner)
        return total

    def log_size(self, x: Floats) -> Floats:
        """The logarithm of Σ |parts| at the floats `x`, against which cancellation is measured."""
        size = np.full_like(x, -np.inf)
        with np.errstate(divide="ignore"):
            log_x = np.log(np.abs(x))
        for (quadratic, linear), polynomials in self.groups.items():
            exponent = x * (float(quadratic) * x + float(mp.re(linear)))
            for ramp, row in polynomials.items():
                step = np.zeros_like(x)
                if ramp is not None:
                    step = log_cdf_bound(ramp.side * (x - float(ramp.threshold)) * float(self._scales[ramp]))
                size = np.logaddexp(size, exponent + step + log_polynomial(row, log_x, np.zeros_like(x)))
        return size


def normal_cdf(z: Number) -> Number:
    """Φ(z√2), for real or complex z; exactly 1 where the complement is below the working precision."""
    if isinstance(z, mp.mpf) and z > 0 and z * z > mp.prec:
        return mp.mpf(1)
    return mp.erfc(-z) / 2


def log_cdf_bound(z: Floats, imaginary: float = 0.0) -> Floats:
    """A bound of log |Φ((z + i·imaginary)√2)| that is right to a factor of order one and the Mills ratio."""
    gaussian = imaginary**2 - z * z
    bound: Floats = np.where(z < 0, gaussian, np.logaddexp(0.0, gaussian))
    return bound


def log_polynomial(row: Sequence[Number], log_x: Floats, log_one: Floats) -> Floats:
    """The logarithm of Σ_k |row[k]| exp(k·log_x)."""
    size = np.full_like(log_x, -np.inf)
    for k, coefficient in enumerate(row):
        if coefficient != 0:
            size = np.logaddexp(size, float(mp.log(abs(coefficient))) + (k * log_x if k else log_one))
    return size
