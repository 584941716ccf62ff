"""Parts of a general form as NumPy source that neither overflows to NaN nor cancels.

Logistic functions, normal distribution functions and hyperbolic functions are written by the names under which
NumPy and SciPy evaluate them well; differences with a root by the conjugate; what cancels at 0 by its Taylor series.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from symntk.emit.compile import function_of_x
from symntk.emit.floats import FloatWriter, _Printer
from symntk.emit.series import Series, loses_digits, taylor
from symntk.emit.tabulated import tabulated
from symntk.language.conjugate import conjugate
from symntk.language.divisors import divisor_roots
from symntk.language.general_form import GeneralForm
from symntk.language.numbers import number_function
from symntk.language.special import logistic, normal_cdf
from symntk.language.special.table import functions_of_arrays, row
from symntk.language.symbols import x

_INFINITE = 1e300  # what a part is next to its end, where the end is irrational
_MANY = 12  # parts from which tables of their numbers are tried
_DEEP = 6  # comparisons inside each other; more are halved
Ends = tuple[float, float]
EVERYWHERE = (-np.inf, np.inf)


def numbers(part: sp.Expr, exact: bool = False) -> Callable[[Any], Any]:
    """The part as a function of float64 arrays, or with `exact` of mpmath numbers at the working precision.

    >>> float(numbers(logistic(x))(0.0))
    0.5
    """
    if exact:
        return number_function(part, x)
    made: Callable[[Any], Any] = sp.lambdify(x, part, modules=[functions_of_arrays(), "numpy"])
    return made


@lru_cache(maxsize=256)
def source(form: GeneralForm) -> str:
    """The regular part in an array `x`; at a jump the mean of both sides.

    >>> from symntk.language.general_form import general_form
    >>> source(general_form(sp.sign(x) / sp.cosh(x), x))
    'np.where(x < 0.0, -1.0/np.cosh(x), np.where(x == 0.0, 0.0, (1.0/(np.cosh(x))))) + 0.0 * x'
    """
    if len(form.parts) >= _MANY:
        table = tabulated(form, lambda part: _Writer()(stable(part)))
        if table is not None:
            return f"{table} + 0.0 * x"
    return f"{_halves(form, 0, len(form.breaks))} + 0.0 * x"


def _halves(form: GeneralForm, first: int, last: int) -> str:
    """The parts `first` to `last` by comparisons with the breaks between them, the middle one first."""
    if first == last:
        return part_source(form.parts[first], stretch(form, first))
    index = (first + last) // 2 if last - first > _DEEP else first
    left, text = _halves(form, first, index), _halves(form, index + 1, last)
    at = repr(float(form.breaks[index]))
    sides = [_value(part, form.breaks[index]) for part in form.parts[index : index + 2]]
    sides = [side if side is not None and abs(side) < _INFINITE else None for side in sides]
    jumps = any(side is None for side in sides) or abs(sides[0] - sides[1]) > 1e-14 * abs(sides[0])
    if jumps:  # an integrable singularity has a value that does not matter
        middle = "0.0" if any(side is None for side in sides) else repr(float((sides[0] + sides[1]) / 2))
        text = f"np.where(x == {at}, {middle}, {text})"
    return f"np.where(x < {at}, {left}, {text})"


def part_source(part: sp.Expr, ends: Ends = EVERYWHERE) -> str:
    """One part, which holds between two ends."""
    text = _Writer()(stable(part))
    if _overflows(text):
        text = _Writer(guarded=True)(stable(part))
    for series in part_series(part, ends):
        text = f"np.where(np.abs({series.distance}) < {series.radius!r}, {series.source()}, {text})"
    return text


@lru_cache(maxsize=256)
def part_series(part: sp.Expr, ends: Ends = EVERYWHERE) -> tuple[Series, ...]:
    """The series that stand for a part where its formula loses digits or has no value: at 0, and at roots of divisors.

    >>> [series.centre for series in part_series(sp.sin(x - 1) / (x - 1))]
    [1.0]
    """
    found = (near_series(part, _sides(ends, point), point) for point in (sp.S.Zero, *divisor_roots(part, x)))
    return tuple(series for series in found if series is not None)


@lru_cache(maxsize=256)
def near_series(part: sp.Expr, sides: tuple[bool, bool] = (True, True), point: sp.Expr = sp.S.Zero) -> Series | None:
    """The series that stands for a part near 0, where its formula loses digits or has no value; else None.

    Near another point, a divisor's root, wherever there is one: floats may just miss it, enclosures do not.
    sides: whether the part holds just below the point, and just above.
    """
    signs = [sign for sign, holds in zip((-1.0, 1.0), sides, strict=True) if holds]
    if not signs or not part.has(x):
        return None
    return taylor(part, point) if point != 0 or loses_digits(part, _Writer()(stable(part)), signs) else None


def stable(part: sp.Expr) -> sp.Expr:
    """The part with 1 ± tanh(w) as logistic functions and 1 ± erf(w) as normal distribution functions.

    >>> stable(x * (1 + sp.tanh(x)) / 2)
    x*logistic(2*x)
    """
    return part.replace(lambda e: e.is_Add and e.has(sp.tanh, sp.erf, logistic), _one_sided)


def _one_sided(total: sp.Expr) -> sp.Expr:
    number = next((term for term in total.args if term.is_number), sp.S.Zero)
    for term in total.args:
        factor, rest = term.as_coeff_Mul()
        if number != 0 and isinstance(rest, sp.tanh | sp.erf) and abs(factor) == abs(number):
            inside = sp.sign(factor * number) * rest.args[0]
            whole = logistic(2 * inside) if isinstance(rest, sp.tanh) else normal_cdf(sp.sqrt(2) * inside)
            return total - number - term + 2 * number * whole
        if number != 0 and isinstance(rest, logistic) and factor == -number:
            return total - number - term + number * logistic(-rest.args[0])
    return total


def stretch(form: GeneralForm, index: int) -> Ends:
    """Between which breaks part `index` holds."""
    low = float(form.breaks[index - 1]) if index else -np.inf
    high = float(form.breaks[index]) if index < len(form.breaks) else np.inf
    return low, high


def _sides(ends: Ends, point: sp.Expr) -> tuple[bool, bool]:
    """Whether a part holds just below a point, and just above."""
    low, high, at = *ends, float(point)
    return low < at <= high, low <= at < high


def _value(part: sp.Expr, point: sp.Expr) -> Any:
    """The part's value, or None where it has none."""
    with mp.workdps(30):
        try:
            value = numbers(part, exact=True)(mp.mpf(sp.N(point, 30)))
        except (ArithmeticError, ValueError):
            return None
        return value if isinstance(value, int | mp.mpf) and mp.isfinite(value) else None


def _evaluate(text: str, at: np.ndarray) -> Any:
    return function_of_x(text)(at)


def _is_exponential(factor: sp.Expr) -> bool:
    """Whether a factor may grow or decay exponentially by itself."""
    return isinstance(factor, sp.exp) or isinstance(factor.as_base_exp()[0], sp.cosh | sp.sinh)


def _overflows(text: str) -> bool:
    """Whether the source is ∞·0 or the like far out."""
    far = np.geomspace(20.0, 1e9, 120)
    with np.errstate(all="ignore"):
        return bool(np.any(np.isnan(_evaluate(text, np.concatenate([-far, far])))))


def function_writer(names: Mapping[sp.Symbol, str]) -> FloatWriter:
    """Writes functions of the language whose parameters are names in the code.

    >>> function_writer({x: "x", sp.Symbol("k"): "k_k"})(sp.erf(sp.Symbol("k") * x))
    'special.erf(k_k*x)'
    """
    return _Writer(names=names)


class _Writer(FloatWriter):
    """Source with the functions of the language under their stable names.

    With `guarded`, a product of what may overflow and what may underflow is 0 where the latter does.
    """

    def __init__(self, guarded: bool = False, names: Mapping[sp.Symbol, str] | None = None) -> None:
        super().__init__(names or {})
        self._printer = _BodyPrinter({"fully_qualified_modules": True})
        self._printer.guarded = guarded


class _BodyPrinter(_Printer):
    guarded = False

    def _print(self, expr: Any, **kwargs: Any) -> Any:
        """Functions that NumPy lacks by the source in their row."""
        known = row(expr)
        if known is not None and known.source:
            return known.source.format(self._print(expr.args[0]))
        return super()._print(expr, **kwargs)

    def _print_Pow(self, expr: sp.Expr, rational: bool = False, sqrt: str = "numpy.sqrt") -> str:
        base, power = expr.base, expr.exp
        if base == x and power in (3, 4):  # NumPy is fast at squares only
            return "(x * x ** 2)" if power == 3 else "((x ** 2) ** 2)"
        if expr.is_number or (power.is_Integer and power > 0) or not power.is_number:
            return str(super()._print_Pow(expr))
        if power < 0:
            return f"(1.0/({self._print(base**-power)}))"
        inside = self._size(base)
        if power in (sp.Rational(1, 2), sp.Rational(3, 2)):
            return f"np.sqrt({inside})" if power < 1 else f"(({inside}) * np.sqrt({inside}))"
        return f"({inside}) ** {float(power)!r}"

    def _size(self, base: sp.Expr) -> str:
        """A base that is not negative: next to a zero at a break its rounding may be, by a unit in the last place."""
        inside = self._print(base)
        return inside if base.is_nonnegative or not base.has(x) else f"np.abs({inside})"

    def _print_log(self, expr: sp.Expr) -> str:
        """The logarithm; of 1 + w with a w that may be small, relative to w."""
        one, rest = expr.args[0].as_coeff_Add()
        if one != 1 or not rest.has(sp.Pow) or not any(p.exp.is_negative and p.base.has(x) for p in rest.atoms(sp.Pow)):
            return f"np.log({self._size(expr.args[0])})"
        return f"(lambda w: np.where(np.abs(w) < 0.5, np.log1p(w), np.log(np.abs(1.0 + w))))({self._print(rest)})"

    def _print_Mul(self, expr: sp.Expr) -> str:
        """Numbers as one factor."""
        known = [factor for factor in expr.args if factor.is_number]
        if len(known) > 1:
            rest = sp.Mul(*(factor for factor in expr.args if not factor.is_number))
            expr = sp.Mul(sp.Float(float(sp.N(sp.Mul(*known), 30))), rest, evaluate=False)
        growing = [one for one in expr.args if _is_exponential(one)] if self.guarded else []
        if growing and len(growing) < len(expr.args):
            first, second = (self._print(sp.Mul(*some)) for some in (growing, set(expr.args) - set(growing)))
            return f"(lambda p, q: np.where((p == 0.0) | (q == 0.0), 0.0, p * q))({first}, {second})"
        return str(super()._print_Mul(expr))

    def _legs(self, inside: sp.Expr) -> tuple[str, str] | None:
        """A sine f and its cosine √((1 − f)(1 + f)), each factor computed well, since arcsin has a root at ±1."""
        if not inside.has(sp.tanh, sp.erf, logistic, normal_cdf):
            return None
        root = self._print(sp.Mul(stable(1 - inside), stable(1 + inside), evaluate=False))
        return self._print(inside), f"np.sqrt({root})"

    def _print_asin(self, expr: sp.Expr) -> str:
        legs = self._legs(expr.args[0])
        return f"np.arcsin({self._print(expr.args[0])})" if legs is None else f"np.arctan2({legs[0]}, {legs[1]})"

    def _print_acos(self, expr: sp.Expr) -> str:
        legs = self._legs(expr.args[0])
        return f"np.arccos({self._print(expr.args[0])})" if legs is None else f"np.arctan2({legs[1]}, {legs[0]})"

    def _print_Float(self, expr: sp.Expr) -> str:
        return repr(float(expr))

    def _print_Add(self, expr: sp.Expr, order: Any = None) -> str:
        """A sum p + s, s with a root: (p² − s²)/(p − s) where they have opposite signs, so that nothing cancels."""
        found = conjugate(expr, x)
        if found is not None:
            top, first, second = (self._print(part) for part in (found.top, found.p, found.s))
            quotient = f"({top})/(({first}) - ({second}))"
            return f"np.where(({first})*({second}) < 0.0, {quotient}, ({first}) + ({second}))"
        return str(super()._print_Add(expr, order))
