"""Limits and rates: how an expression or a function behaves as its parameter goes somewhere.

The claim has one of the forms  C·hᵅ,  C·hᵅ·log(1/h)ᵏ,  L + C·hᵝ,  L + C·e^(−kp),  where h is 1/p for p → ∞ and
the distance to the point otherwise. The numbers are those of mpmath on a geometric grid of h, extrapolated; SymPy's
leading term stands beside them where it finds one in time. Numbers prove no limit: what is said is how many digits
two orders of extrapolation share, and nothing where they share none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp
from mpmath import mp

from symntk.errors import DomainError
from symntk.verify.evaluate import evaluate, scalar
from symntk.verify.limits.extrapolate import (
    Estimate,
    Number,
    agreement,
    is_settled,
    limit_of,
    local_exponents,
    rational,
    wynn,
)
from symntk.verify.limits.symbolic import leading_term

__all__ = ["Behaviour", "behaviour"]

FORMS = ("power", "exponential")
_MOST_LOGS = 3
_FEWEST_DIGITS = 3.0
_GUARD = 10
_GROWN = 1.5


@dataclass(frozen=True)
class Behaviour:
    """What was found about f(p) as p goes to its place: f ≈ coefficient · h^exponent · log(1/h)^log_power.

    h is 1/p at infinity, the distance to a finite point, and e^(−p) for the form "exponential".

    Attributes:
        form: "limit" (exponent 0), "power", "power-log", "exponential", or "none" where there are no digits.
        place: in words, "m → ∞".
        exponent: of h; exact where a fraction of small denominator fits.
        exponent_digits: digits to which it was measured, before it was replaced by a fraction.
        coefficient: C, or the limit L.
        digits: of the coefficient; 0 where nothing can be said.
        log_power: k.
        rate: for a limit, the exponent of h in f − L; None where it was not found, ∞ beyond all powers.
        rate_digits: digits of the rate.
        symbolic: SymPy's leading term, in the parameter; None where it found none in time.
        points: how many values were computed.
        nearest: the smallest h.
        remark: what spoils it, or how it was extrapolated.
    """

    form: str
    place: str
    exponent: Number
    exponent_digits: float
    coefficient: Number
    digits: float
    log_power: int
    rate: Number | None
    rate_digits: float
    symbolic: sp.Expr | None
    points: int
    nearest: Number
    remark: str

    @property
    def found(self) -> bool:
        """Whether there is a claim at all."""
        return self.form != "none"

    @property
    def exact_exponent(self) -> Fraction | None:
        """The exponent as a fraction of small denominator, where one fits."""
        return rational(self.exponent, self.exponent_digits) if self.found else None

    def agrees(self, *, exponent: Any = 0, coefficient: Any = None, log_power: int = 0) -> float:
        """Digits to which a claim agrees with what was found: the fewest of its parts, 0 where one is wrong.

        A claim cannot agree to more digits than were found; the exponent to at least three, or it is another one.
        """
        if not self.found or log_power != self.log_power:
            return 0.0
        with mp.workdps(max(60, int(self.digits) + 10)):
            claimed = scalar(exponent)
            off = abs(self.exponent - claimed) / max(abs(claimed), 1)
            shared = float(-mp.log10(off)) if off else 1000.0
            if shared < min(self.exponent_digits, _FEWEST_DIGITS):
                return 0.0
            digits = min(shared, self.exponent_digits)
            if coefficient is not None:
                digits = min(self.digits, agreement(self.coefficient, scalar(coefficient)))
        return max(0.0, digits)

    def __str__(self) -> str:
        if not self.found:
            return f"{self.place}: no digits ({self.remark})"
        shown = mp.nstr(self.coefficient, max(3, min(int(self.digits), 30)))
        small = "exp(-p)" if self.form == "exponential" else "h"
        text = shown
        if self.exponent != 0:
            text += f" · {small}^{_shown(self.exponent, self.exact_exponent)}"
        if self.log_power:
            text += f" · log(1/h)^{self.log_power}"
        text += f", to {self.digits:.1f} digits"
        if self.rate is not None:
            text += ", beyond all powers of h" if self.rate == mp.inf else f", the rest like {small}^"
            text += "" if self.rate == mp.inf else _shown(self.rate, rational(self.rate, self.rate_digits))
        beside = "" if self.symbolic is None else f"; SymPy: {self.symbolic}"
        return f"{self.place}: {text} ({self.remark}{beside})"


def behaviour(
    function: sp.Expr | Callable[[Number], Number],
    to: Any = sp.oo,
    *,
    parameter: sp.Symbol | None = None,
    side: int = 1,
    form: str = "power",
    dps: int = 50,
    start: Any = "1/64",
    ratio: Any = "1/4",
    points: int = 16,
    seconds: float = 5.0,
) -> Behaviour:
    """How a function behaves as its parameter goes to infinity or to a point.

    Args:
        function: a SymPy expression in one symbol, or a function of an mpf that returns an mpf. It is called at a
            working precision of `dps` + 10 digits; what it returns should be right to `dps`.
        to: where the parameter goes: oo, or a number.
        parameter: the symbol of an expression that has others; they need values before.
        side: from above (1) or below (−1), for a finite point.
        form: "power" for C·hᵅ·log(1/h)ᵏ and limits that are approached like powers; "exponential" for e^(−kp) as p → ∞,
            where `start` is e^(−p) of the first point.
        dps: digits of the values.
        start: the first h, as a number or a text like "1/64".
        ratio: of neighbouring h, between 0 and 1.
        points: how many; two more are computed between them, which grids that repeat themselves would not pass.
        seconds: for SymPy.

    Raises:
        DomainError: a grid or a form that is none, or an expression with other symbols.

    >>> m = sp.Symbol("m", positive=True)
    >>> found = behaviour(m * sp.sin(2 / m), sp.oo)
    >>> print(found.form, mp.nstr(found.coefficient, 20), found.rate, found.symbolic)
    limit 2.0 2.0 2
    >>> print(behaviour(lambda p: mp.cos(p)).form)
    none
    """
    asked = "the behaviour of a function"
    with mp.workdps(dps + _GUARD):
        first, q, place = _number(asked, start), _number(asked, ratio), _place(asked, to)
        if not (first > 0 and 0 < q < 1 and points >= 6 and side in (1, -1) and form in FORMS):
            wrong = f"start {start}, ratio {ratio}, {points} points, side {side}, form {form!r}"
            raise DomainError(asked, wrong, f"start > 0, 0 < ratio < 1, 6 points, side ±1, form of {FORMS}")
        if form == "exponential" and place != mp.inf:
            raise DomainError(asked, "an exponential approach to a finite point", 'to=oo, or form="power"')
        symbol, call = _callable(asked, function, parameter, dps)
        name = "p" if symbol is None else symbol.name

        def at(h: Number) -> Number:
            if form == "exponential":
                return call(-mp.log(h))
            return call(1 / h if place == mp.inf else place + side * h)

        grid = [first * q**j for j in range(points)]
        between = [
            grid[i] * q ** ((mp.sqrt(5) - 1) / 2) for i in (points // 2, points - 2)
        ]  # no grid repeats itself there
        values, checks = [mp.mpf(at(h)) for h in grid], [mp.mpf(at(h)) for h in between]
        found = _study(grid, values, list(zip(between, checks, strict=True)), q, dps)
        symbolic = None
        if symbol is not None and isinstance(function, sp.Expr):
            symbolic = leading_term(
                function, symbol, sp.oo if place == mp.inf else sp.sympify(to, strict=True), side, seconds
            )
        where = "∞" if place == mp.inf else f"{mp.nstr(place, 8)} from {'above' if side > 0 else 'below'}"
        if form == "exponential" and found.form == "power":
            found.form = "exponential"
        return Behaviour(
            found.form,
            f"{name} → {where}",
            found.exponent.value,
            found.exponent.digits,
            found.coefficient.value,
            found.coefficient.digits,
            found.logs,
            found.rate.value if found.rate is not None else None,
            found.rate.digits if found.rate is not None else 0.0,
            symbolic,
            points + len(between),
            grid[-1],
            found.remark,
        )


@dataclass
class _Found:
    form: str
    exponent: Estimate
    coefficient: Estimate
    logs: int = 0
    rate: Estimate | None = None
    remark: str = ""


def _none(remark: str) -> _Found:
    nothing = Estimate(mp.nan, 0.0, "")
    return _Found("none", nothing, nothing, remark=remark)


def _study(
    grid: Sequence[Number], values: Sequence[Number], checks: Sequence[tuple[Number, Number]], q: Number, dps: int
) -> _Found:
    """The first form that fits: a constant, a power, a power with logarithms."""
    if not all(mp.isfinite(v) for v in [*values, *(v for _, v in checks)]):
        return _none("values that are not finite")
    noise = _noise(dps)
    tail = [*values[len(values) // 2 :], *(v for _, v in checks)]
    if max(abs(v) for v in tail) == 0:
        return _Found(
            "limit", Estimate(mp.zero, 99.0, ""), Estimate(mp.zero, float(dps), ""), remark="zero at all points"
        )
    last = tail[-4:]  # what falls without end is small beside earlier values, and no limit but 0
    if max(abs(v - values[-1]) for v in last) <= noise * max(abs(v) for v in last):
        agreed = min(float(dps), *(agreement(v, values[-1]) for v in last))
        exact = Estimate(mp.inf, 99.0, "")
        return _Found(
            "limit", Estimate(mp.zero, 99.0, ""), Estimate(values[-1], agreed, ""), 0, exact, "no change left"
        )
    reason = "the values change without a power law: they oscillate, are noise, or change too slowly"
    for logs in range(_MOST_LOGS + 1):
        exponents = local_exponents(values, q, logs)
        if exponents is None or len(exponents) < 4:
            continue
        changes = [right - left for left, right in zip(exponents, exponents[1:], strict=False)]
        if abs(exponents[-1]) > _GROWN * abs(exponents[-3]) + 1:
            reason = "faster than every power"
            break
        if not is_settled(changes, noise):
            continue
        exponent = _estimated(exponents, q, changes)
        if exponent.digits < _FEWEST_DIGITS:
            continue
        fitted = _coefficient(grid, values, checks, q, exponent, logs, dps)
        if fitted is not None:
            return fitted
    return _none(reason)


def _noise(dps: int) -> Number:
    """Relative changes below it may be rounding."""
    return mp.mpf(10) ** -(dps - min(5, dps // 4))


def _estimated(sequence: Sequence[Number], q: Number, changes: Sequence[Number]) -> Estimate:
    """The limit of a settled sequence, with the exponent of its own changes if that is settled."""
    if max(abs(c) for c in changes[-3:]) <= mp.mpf(10) ** (-mp.dps + _GUARD + 5):
        digits = min(agreement(1 + abs(sequence[-1]), 1 + abs(other)) for other in sequence[-3:-1])
        return Estimate(sequence[-1], digits, "no change left")
    exponent = None
    own = local_exponents(changes, q, 0)
    if own is not None:
        exponent = wynn(own).value
        if rational(exponent, 3.0) is None:
            exponent = own[-1]
    shift = 1 - mp.floor(sequence[-1])  # digits of an exponent are absolute: it may be 0
    found = limit_of([value + shift for value in sequence], q, exponent)
    return Estimate(found.value - shift, found.digits, found.how)


def _coefficient(
    grid: Sequence[Number],
    values: Sequence[Number],
    checks: Sequence[tuple[Number, Number]],
    q: Number,
    exponent: Estimate,
    logs: int,
    dps: int,
) -> _Found | None:
    """C, and for a limit the rate, when the exponent is known; None where C does not settle."""
    noise = _noise(dps)
    exact = rational(exponent.value, exponent.digits)
    alpha = exponent.value if exact is None else mp.mpf(exact.numerator) / exact.denominator
    scaled = plain = [v / h**alpha for h, v in zip(grid, values, strict=True)]
    for _ in range(logs):  # differences of a polynomial in j, one for each logarithm
        scaled = [(right - left) / -mp.log(q) for left, right in zip(scaled, scaled[1:], strict=False)]
    scaled = [value / mp.factorial(logs) for value in scaled]
    changes = [right - left for left, right in zip(scaled, scaled[1:], strict=False)]
    size = abs(scaled[-1])
    if not is_settled([c / size for c in changes], noise):
        return None
    rates = local_exponents(changes, q, 0) if max(abs(c) for c in changes[-3:]) > noise * size else None
    settled = rates is not None and is_settled([b - a for a, b in zip(rates, rates[1:], strict=False)], noise)
    rate = wynn(rates) if rates is not None and settled else None
    value = limit_of(scaled, q, None if rate is None else rate.value)
    if max(abs(c) for c in changes[-3:]) <= noise * size:
        value = Estimate(scaled[-1], min(agreement(scaled[-1], s) for s in scaled[-3:-1]), "no change left")
    least = mp.zero if logs else abs(value.value) * max(mp.mpf(10) ** -value.digits, noise)
    if not _passes(grid, plain, checks, alpha, least):
        return _none("points between those of the grid do not fit: it oscillates")
    digits = value.digits if exact is not None else min(value.digits, exponent.digits)
    if digits < 1:
        return None
    found = Estimate(value.value, min(digits, float(dps)), value.how)
    form = "power-log" if logs else "limit" if alpha == 0 else "power"
    smallest = mp.nstr(grid[-1], 3)
    remark = f"{value.how} of {len(values)} values down to h = {smallest}"
    own = None if alpha != 0 or rate is None or rate.digits < _FEWEST_DIGITS else rate
    return _Found(form, Estimate(alpha, exponent.digits, exponent.how), found, logs, own, remark)


def _passes(
    grid: Sequence[Number],
    scaled: Sequence[Number],
    checks: Sequence[tuple[Number, Number]],
    alpha: Number,
    least: Number,
) -> bool:
    """Whether f/h^α between two points of the grid lies between its values there, give or take half their difference.

    `least` is a difference that may be rounding.
    """
    for h, v in checks:
        index = next(i for i, right in enumerate(grid) if right < h)
        left, right = scaled[index - 1], scaled[index]
        slack = abs(left - right) / 2 + least
        if not min(left, right) - slack <= v / h**alpha <= max(left, right) + slack:
            return False
    return True


def _callable(
    asked: str, function: Any, parameter: sp.Symbol | None, dps: int
) -> tuple[sp.Symbol | None, Callable[[Number], Number]]:
    """The symbol and the values of an expression; a function is its own."""
    if not isinstance(function, sp.Basic):
        if not callable(function):
            raise DomainError(asked, f"{function!r} is neither an expression nor a function", "a SymPy expression")
        return parameter, function
    free = sorted(function.free_symbols, key=str)
    symbol = parameter if parameter is not None else free[0] if free else sp.Symbol("p")
    if set(free) - {symbol}:
        wrong = f"it has the symbols {', '.join(map(str, free))}"
        raise DomainError(asked, wrong, "numbers for all but the parameter")
    return symbol, lambda p: evaluate(function, {symbol: p}, dps=dps)


def _place(asked: str, to: Any) -> Number:
    return mp.inf if to in (sp.oo, float("inf")) or to == mp.inf else _number(asked, to)


def _number(asked: str, given: Any) -> Number:
    """A real number; texts are fractions or decimals."""
    try:
        if isinstance(given, str):
            return mp.mpf(Fraction(given).numerator) / Fraction(given).denominator
        return mp.mpf(scalar(given))
    except (TypeError, ValueError) as error:
        raise DomainError(asked, f"{given!r} is not a real number", "a number") from error


def _shown(value: Number, exact: Fraction | None) -> str:
    return (
        f"({exact})"
        if exact is not None and exact.denominator > 1
        else mp.nstr(value, 10)
        if exact is None
        else str(exact)
    )
