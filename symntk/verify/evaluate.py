"""High-precision values of derived formulas: the formula itself, in mpmath, at as many digits as cancellation costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp, mpc, mpf

from symntk.errors import DivergenceError, DomainError
from symntk.language.special.table import numbers
from symntk.language.symbols import STATE, cov, var_u, var_v

__all__ = ["evaluate"]

_MOST_DIGITS = 2000
_STEP = 40


def evaluate(expr: sp.Expr, values: Mapping[sp.Symbol, Any], *, dps: int = 50) -> mpf:
    """The value of `expr` to `dps` digits, relative.

    The numbers in `values` are taken as exact (a float is the binary number that it is). At full correlation,
    ab = c² or beyond by rounding, the value is the limit c → ±√(ab) from inside, which is where the formulas
    live; its error is of order 10^(−dps). A value that stays below the rounding of its terms at dps + 170 digits is 0.

    Raises:
        DomainError: a symbol has no value, or the value is not finite.

    >>> from symntk.language.symbols import var_u
    >>> print(mp.nstr(evaluate(sp.sqrt(var_u), {var_u: 2}, dps=20), 20))
    1.4142135623730950488
    """
    missing = sorted(str(s) for s in expr.free_symbols - set(values))
    if missing:
        raise DomainError(f"the value of {expr}", f"no value is given for {', '.join(missing)}", "pass it by name")
    if cov in values and values[cov] == 0:
        expr = expr.subs(cov, 0)  # bivariate probabilities factor, and much cancels for good
    symbols = list(values)
    exact = {symbol: scalar(value) for symbol, value in values.items()}
    full = _fully_correlated(exact)
    function = _compiled(expr, symbols, full)
    digits, previous, shrunk = dps + 15, None, 0
    while digits < _MOST_DIGITS:
        # the approach to full correlation is like √(1 − |ρ|) at the slowest
        offset = 2 * digits + 20 if full else 0
        with mp.workdps(digits + 3 * offset):
            try:
                terms = [mp.re(mp.mpmathify(term)) for term in function(*_arguments(exact, symbols, offset), digits)]
            except ValueError as error:
                wrong = f"it has no value at {_shown(values)}: {error}"
                raise DomainError(f"the value of {expr}", wrong, "a correlation below 1 in magnitude") from error
            value, size = mp.fsum(terms), max(abs(term) for term in terms)
            if not mp.isfinite(value):
                raise DomainError(f"the value of {expr}", f"it is {value} at {_shown(values)}", "another point")
            if previous is not None:
                # two precisions may agree on what is left of terms whose digits have all cancelled
                known = size * mpf(10) ** -digits <= mpf(10) ** (-dps - 2) * abs(value)
                if value and known and abs(value - previous) <= mpf(10) ** (-dps - 2) * abs(value):
                    return value
                # a sum that cancels to nothing shrinks with the working precision again and again
                shrunk = shrunk + 1 if abs(value) <= abs(previous) * mpf(10) ** (-_STEP // 2) else 0
                if shrunk == 4:
                    return mp.zero
                if full and abs(value) > abs(previous) * mpf(10) ** (_STEP // 2):
                    wrong = f"it grows without bound towards full correlation, at {_shown(values)}"
                    raise DivergenceError(f"the value of {expr}", wrong, "a correlation below 1 in magnitude")
        previous, digits = value, digits + _STEP
    raise DomainError(f"the value of {expr}", f"more than {_MOST_DIGITS} digits cancel at {_shown(values)}")


def scalar(value: Any) -> mpf:
    """A real number as it was given: floats and integers exactly, others (1/3, √2) to more digits than are asked for.

    Raises:
        TypeError: it is no real number.
    """
    with mp.workdps(_MOST_DIGITS):
        if isinstance(value, sp.Expr):
            return mp.mpf(value._to_mpmath(mp.prec))
        if isinstance(value, np.ndarray | np.generic):
            value = value.item()
        if isinstance(value, Fraction | Decimal | np.floating):  # a long double has no other exact text
            try:
                numerator, denominator = value.as_integer_ratio()
            except OverflowError:
                return mp.mpf(float(value))
            return mp.mpf(numerator) / mp.mpf(denominator)
        if isinstance(value, str | complex) or not hasattr(mp.mpmathify(value), "_mpf_"):
            raise TypeError(f"{value!r} is not a real number")
        return mp.mpf(value)


def _compiled(expr: sp.Expr, symbols: list[sp.Symbol], full: bool) -> Callable[..., Any]:
    """The terms of `expr` as a function of mpmath numbers and of the digits to which normal probabilities are computed.

    These digits are fewer than the working precision at full correlation, where only arguments need more.
    """
    precision = [15]

    def at_digits(function: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*arguments: Any) -> Any:
            with mp.workdps(precision[0]):
                return function(*(_rounded(argument, full) for argument in arguments))

        return inner

    modules = [{name: at_digits(function) for name, function in numbers().items()}, "mpmath"]
    plain = sp.lambdify(symbols, sp.Add.make_args(expr), modules=modules, cse=True)

    def call(*arguments: Any) -> Any:
        precision[0] = arguments[-1]
        return plain(*arguments[:-1])

    return call


def _rounded(argument: Any, full: bool) -> Any:
    """At the working precision; at full correlation 10^25 standard deviations are on their way to infinity.

    Elsewhere a small probability may stand beside a large exponential.
    """
    if isinstance(argument, mpc) or not full:
        return +argument
    return mp.sign(argument) * mp.inf if abs(argument) > 10**25 else +argument


def _arguments(exact: Mapping[sp.Symbol, mpf], symbols: list[sp.Symbol], offset: int) -> list[mpf]:
    if not offset:
        return [exact[s] for s in symbols]
    root = mp.sqrt(exact[var_u] * exact[var_v]) * (1 - mpf(10) ** (-offset))
    return [root * mp.sign(exact[cov]) if s == cov else exact[s] for s in symbols]


def _fully_correlated(exact: Mapping[sp.Symbol, mpf]) -> bool:
    if any(s not in exact for s in STATE[:3]) or not exact[cov]:
        return False
    with mp.workdps(400):
        return not exact[var_u] * exact[var_v] > exact[cov] ** 2


def _shown(values: Mapping[sp.Symbol, Any]) -> str:
    return ", ".join(f"{symbol} = {value}" for symbol, value in values.items())
