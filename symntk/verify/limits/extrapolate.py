"""Extrapolation of sequences on a geometric grid in mpmath: Richardson's table, Wynn's ε-algorithm, local exponents.

Comes in: values f(h₀qʲ), j = 0, 1, … Goes out: estimates of what they tend to as h → 0, with digits of agreement.
No estimate is a proof; two orders that agree are what is said of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mpmath import mp

from symntk.verify.agreement import digits_of_agreement

__all__ = ["agreement"]

Number = Any  # mpf
_SLOWEST = 0.75
_LARGEST_DENOMINATOR = 64
_FEWEST = 5
_ROUNDING = 15  # digits of the working precision that rounding may cost


@dataclass(frozen=True)
class Estimate:
    """A limit of a sequence.

    Attributes:
        value: the extrapolated number.
        digits: to which neighbouring orders and windows of the extrapolation agree; 0 is no digit.
        how: the extrapolation.
    """

    value: Number
    digits: float
    how: str


def richardson(values: Sequence[Number], ratio: Number, exponents: Sequence[Number]) -> Estimate:
    """The limit of L + Σ cᵢ h^βᵢ with known exponents βᵢ, one eliminated after the other.

    >>> mp.dps = 15
    >>> h = [mp.mpf(2) ** -j for j in range(8)]
    >>> print(richardson([1 + x + 3 * x**2 for x in h], mp.mpf("0.5"), [1, 2, 3]).value)
    1.0
    """
    rows = [list(values)]
    for exponent in list(exponents)[: len(values) - 2]:
        factor, above = ratio**exponent, rows[-1]
        rows.append([(right - factor * left) / (1 - factor) for left, right in zip(above, above[1:], strict=False)])
    return _best(rows, "Richardson")


def wynn(values: Sequence[Number]) -> Estimate:
    """The limit of a sum of geometric terms of unknown ratios, by Wynn's ε-algorithm (Wynn 1956, MTAC 10, 91).

    >>> mp.dps = 30
    >>> found = wynn([mp.pi + mp.mpf(3) ** -j + mp.mpf(5) ** -j for j in range(7)])
    >>> print(mp.nstr(found.value, 20))
    3.1415926535897932385
    """
    before, now = [mp.zero] * (len(values) + 1), list(values)
    even = [now]
    for order in range(1, len(values)):
        following = []
        for i, (left, right) in enumerate(zip(now, now[1:], strict=False)):
            difference = right - left  # 0 where no term is left to eliminate
            following.append(before[i + 1] + 1 / difference if difference else mp.inf)
        before, now = now, following
        if order % 2 == 0:
            even.append(now)
    return _best(even, "ε-algorithm")


def _best(orders: Sequence[Sequence[Number]], how: str) -> Estimate:
    """The last value of the order that most digits confirm.

    They are those shared with the value before of the same order and with the last value of an order beside it; a
    constant order needs none beside it.
    """
    best = Estimate(mp.nan, 0.0, how)
    for index, column in enumerate(orders):
        if len(column) < 2 or index == 0 or not mp.isfinite(column[-1]):
            continue
        value = column[-1]
        window = min(agreement(value, other) for other in column[-3:-1])
        beside = [agreement(value, other[-1]) for other in (*orders[index - 1 : index], *orders[index + 1 : index + 2])]
        if len(column) > 2 and window >= mp.dps - _ROUNDING:
            beside.append(window)
        digits = min(window, max(beside))
        if digits > best.digits or not mp.isfinite(best.value):
            best = Estimate(value, digits, how)
    return best


def agreement(value: Number, other: Number) -> float:
    """Digits that two numbers share, at most those of the working precision; two zeros share them all."""
    return digits_of_agreement(value, other, most=float(mp.dps)) if mp.isfinite(other) else 0.0


def limit_of(values: Sequence[Number], ratio: Number, exponent: Number | None = None) -> Estimate:
    """The limit by the ε-algorithm and, where the leading exponent of the error is known, by Richardson's table.

    The table takes the exponents β, β + 1/q, β + 2/q, … for a rational β = p/q; to eliminate one that is absent costs
    a value and no accuracy. Where the two methods differ by more than each says of itself, their agreement counts.
    """
    free = wynn(values)
    exact = None if exponent is None else rational(exponent, 4.0)
    if exact is None or exact <= 0:
        return free
    step = mp.mpf(1) / exact.denominator
    powers = [mp.mpf(exact.numerator) / exact.denominator + i * step for i in range(len(values))]
    known = richardson(values, ratio, powers)
    first, second = sorted((free, known), key=lambda one: -one.digits)
    common = agreement(first.value, second.value)
    return first if common >= second.digits - 1 else Estimate(first.value, min(first.digits, common), first.how)


def is_settled(changes: Sequence[Number], noise: Number) -> bool:
    """Whether changes from term to term fall geometrically, as power laws make them; logarithms fall like 1/j.

    >>> mp.dps = 15
    >>> is_settled([mp.mpf(2) ** -j for j in range(12)], mp.mpf("1e-10"))
    True
    >>> is_settled([mp.mpf(1) / (j + 1) for j in range(12)], mp.mpf("1e-10"))
    False
    """
    last = [abs(change) for change in changes[-3:]]
    if len(changes) < _FEWEST - 1 or not all(mp.isfinite(change) for change in changes):
        return False
    if max(last) <= noise:
        return True
    fastest = min(_SLOWEST, 1 - 3.5 / (len(changes) + 2))
    return all(right <= fastest * left or right <= noise for left, right in zip(last, last[1:], strict=False))


def local_exponents(values: Sequence[Number], ratio: Number, log_power: int) -> list[Number] | None:
    """αⱼ of values like qʲᵅ · (polynomial of degree `log_power` in j); None where there is no real one.

    A factor log(1/h)ᵏ is such a polynomial on a geometric grid: (k + 2) neighbours obey Σᵢ binom(k+1, i) (−λ)^(k+1−i)
    f_{j+i} = 0 with λ = q^α.
    """
    order, out = log_power + 1, []
    if any(value == 0 or not mp.isfinite(value) for value in values):
        return None
    for j in range(len(values) - order):
        near = values[j : j + order + 1]
        guess = near[-1] / near[-2]
        if order == 1:
            root = guess
        else:
            scale = near[0]
            # coefficients of λ^(order), …, λ⁰ in terms of t = λ/guess, so that the roots are near 1
            weights = [
                mp.binomial(order, i) * (-1) ** (order - i) * near[i] / scale * guess ** (order - i)
                for i in range(order + 1)
            ]
            try:
                roots = mp.polyroots(weights, maxsteps=200, extraprec=4 * mp.prec)
            except (mp.NoConvergence, ZeroDivisionError):
                return None
            real = [mp.re(r) * guess for r in roots if abs(mp.im(r)) <= abs(r) * mp.mpf(10) ** (-mp.dps // 3)]
            if not real:
                return None
            root = min(real)  # the others are about λ(1 + x/j) with x > 0, as |f| qʲᵅ grows with j
        if root <= 0:
            return None
        out.append(mp.log(root) / mp.log(ratio))
    return out


def rational(value: Number, digits: float) -> Fraction | None:
    """The fraction of small denominator within 10^(1.5 − digits), if there is one and the digits tell it from others.

    >>> rational(mp.mpf("1.7500000001"), 8)
    Fraction(7, 4)
    """
    if not mp.isfinite(value) or digits < 2:
        return None
    found = Fraction(str(mp.nstr(value, 30))).limit_denominator(_LARGEST_DENOMINATOR)
    width = mp.mpf(10) ** (1.5 - min(digits, 25.0))
    if abs(mp.mpf(found.numerator) / found.denominator - value) > width * max(1, abs(value)):
        return None
    return found if found.denominator**2 * width < mp.mpf("0.1") else None
