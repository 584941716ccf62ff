"""Parts of a general form as NumPy source that neither overflows to NaN nor cancels.

Logistic functions, normal distribution functions and hyperbolic functions are written by the names under which
NumPy and SciPy evaluate them well; differences with a root by the conjugate; what cancels at 0 by its Taylor series.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp
from scipy import special

from symntk.emit.compile import function_of_x
from symntk.emit.floats import FloatWriter, _Printer
from symntk.emit.tabulated import tabulated
from symntk.language.conjugate import conjugate
from symntk.language.general_form import GeneralForm
from symntk.language.logistic import logistic
from symntk.language.numbers import number_function
from symntk.language.scaled_arrays import ARRAYS
from symntk.language.special import normal_cdf
from symntk.language.symbols import x

_INFINITE = 1e300  # what a part is next to its end, where the end is irrational
_MANY = 12  # parts from which tables of their numbers are tried
_DEEP = 6  # comparisons inside each other; more are halved
_TERMS = 40  # of a Taylor series; at a third of the radius of convergence the rest is below 1e-17
_CANCELS = 1e-12  # relative error near 0 from which a series is needed
_FAST = {
    **ARRAYS,
    "logistic": special.expit,
    "softplus": lambda w: np.logaddexp(0.0, w),
    "normal_cdf": special.ndtr,
    "normal_pdf": lambda w: np.exp(-0.5 * np.square(w)) / np.sqrt(2.0 * np.pi),
    "erf": special.erf,
    "erfc": special.erfc,
}


_ROOT_TWO_OVER_PI = repr(float(np.sqrt(2.0 / np.pi)))
_DOWN = repr(-float(np.sqrt(0.5)))


def _scaled_integral(w: str) -> str:
    """Source of ierfcx: by its asymptotic series, and nearer by the difference."""
    inverse_square, series = f"(0.5 / np.square({w}))", "1.0"
    for k in range(23, 0, -1):
        series = f"1.0 - {2.0 * k + 1.0} * q * ({series})"
    far = f"(lambda q: q * ({series}))({inverse_square})"
    near = f"1.0 - {float(np.sqrt(np.pi))!r} * {w} * special.erfcx({w})"
    return f"({float(1.0 / np.sqrt(np.pi))!r} * np.where({w} > 6.5, {far}, {near}))"


def numbers(part: sp.Expr, exact: bool = False) -> Callable[[Any], Any]:
    """The part as a function of float64 arrays, or with `exact` of mpmath numbers at the working precision.

    >>> float(numbers(logistic(x))(0.0))
    0.5
    """
    if exact:
        return number_function(part, x)
    made: Callable[[Any], Any] = sp.lambdify(x, part, modules=[_FAST, "numpy"])
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
        return part_source(form.parts[first], holds_near_zero(form, first))
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


def part_source(part: sp.Expr, near_zero: tuple[bool, bool] = (True, True)) -> str:
    """One part; near_zero says whether it holds at small negative and at small positive x."""
    plain = _Writer()(stable(part))
    if _overflows(plain):
        plain = _Writer(guarded=True)(stable(part))
    series = near_series(part, near_zero)
    if series is None:
        return plain
    return f"np.where(np.abs(x) < {series.radius!r}, {series.source()}, {plain})"


@dataclass(frozen=True)
class Series:
    """The Taylor polynomial Σ coefficients[n] xⁿ, which stands for a part where |x| < radius."""

    radius: float
    coefficients: tuple[float, ...]

    def source(self) -> str:
        """Horner's scheme in x."""
        powers = [n for n, value in enumerate(self.coefficients) if value]
        first, step = powers[0], 2 if len({n % 2 for n in powers}) == 1 else 1
        kept = self.coefficients[first::step]
        square = "(x * x)" if step == 2 else "x"
        text = repr(kept[-1])
        for value in reversed(kept[:-1]):
            text = f"{value!r} + {square} * ({text})"
        lead = {0: "", 1: "x * "}.get(first, f"x ** {first} * ")
        return f"{lead}({text})"


@lru_cache(maxsize=256)
def near_series(part: sp.Expr, near_zero: tuple[bool, bool] = (True, True)) -> Series | None:
    """The series that stands for a part near 0, where its formula loses digits or has no value; else None."""
    signs = [sign for sign, holds in zip((-1.0, 1.0), near_zero, strict=True) if holds]
    if not signs or not part.has(x) or not _cancels(part, _Writer()(stable(part)), signs):
        return None
    return _series(part)


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


def holds_near_zero(form: GeneralForm, index: int) -> tuple[bool, bool]:
    """Whether part `index` holds at small negative and at small positive x."""
    low = float(form.breaks[index - 1]) if index else -1.0
    high = float(form.breaks[index]) if index < len(form.breaks) else 1.0
    return low < 0.0 <= high, low <= 0.0 < high


def _value(part: sp.Expr, point: sp.Expr) -> Any:
    """The part's value, or None where it has none."""
    with mp.workdps(30):
        try:
            value = numbers(part, exact=True)(mp.mpf(sp.N(point, 30)))
        except (ArithmeticError, ValueError):
            return None
        return value if isinstance(value, int | mp.mpf) and mp.isfinite(value) else None


def _cancels(part: sp.Expr, plain: str, signs: list[float]) -> bool:
    """Whether the source loses digits near 0, or has no value at 0."""
    points = np.array([sign * 10.0**-k for sign in signs for k in (1, 2, 3, 4, 5, 6)])
    with np.errstate(all="ignore"):
        found = np.broadcast_to(_evaluate(plain, np.append(points, 0.0)), len(points) + 1)
    exact = numbers(part, exact=True)
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


def _evaluate(text: str, at: np.ndarray) -> Any:
    return function_of_x(text)(at)


def _series(part: sp.Expr) -> Series | None:
    """The Taylor polynomial, or None where the part is not analytic at 0."""
    exact = numbers(part, exact=True)
    radius, count = mp.mpf(1), _TERMS + 8
    with mp.workdps(50):
        roots = [mp.expjpi(mp.mpf(2 * k) / count) for k in range(count)]
        for _ in range(12):  # halve the circle until Cauchy's integrals converge: no singularity inside
            try:
                values = [exact(radius * z) for z in roots]
            except (ArithmeticError, ValueError, TypeError):
                return None
            terms = [
                mp.fsum(v * roots[-k * n % count] for k, v in enumerate(values)).real / count for n in range(count)
            ]
            largest = max(abs(t) for t in terms)
            if largest and max(abs(t) for t in terms[-8:]) < mp.mpf(10) ** -24 * largest:
                kept = [t if abs(t) > 1e-28 * largest else mp.mpf(0) for t in terms]
                return _shortened([float(t / radius**n) for n, t in enumerate(kept)])
            radius /= 2
    return None


def _shortened(coefficients: list[float]) -> Series | None:
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
    )


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

    def _print_logistic(self, expr: sp.Expr) -> str:
        return f"special.expit({self._print(expr.args[0])})"

    def _print_softplus(self, expr: sp.Expr) -> str:
        return f"np.logaddexp(0.0, {self._print(expr.args[0])})"

    def _print_normal_cdf(self, expr: sp.Expr) -> str:
        return f"special.ndtr({self._print(expr.args[0])})"

    def _print_normal_pdf(self, expr: sp.Expr) -> str:
        return str(self._print(sp.exp(-(expr.args[0] ** 2) / 2) / sp.sqrt(2 * sp.pi)))

    def _print_logcosh(self, expr: sp.Expr) -> str:
        near, far = "np.log1p(2.0 * np.sinh(0.5 * w) ** 2)", "np.abs(w) + np.log1p(np.exp(-2.0 * np.abs(w)))"
        return self._once(expr, f"np.where(np.abs(w) < 1.0, {near}, {far} - {float(np.log(2.0))!r})")

    def _print_log_normal_cdf(self, expr: sp.Expr) -> str:
        return f"special.log_ndtr({self._print(expr.args[0])})"

    def _print_inverse_mills(self, expr: sp.Expr) -> str:
        return self._once(expr, f"{_ROOT_TWO_OVER_PI} / special.erfcx({_DOWN} * w)")

    def _print_mills_excess(self, expr: sp.Expr) -> str:
        far = _scaled_integral(f"({_DOWN} * w)")
        near = f"w + {_ROOT_TWO_OVER_PI} / special.erfcx({_DOWN} * w)"
        return self._once(
            expr, f"np.where(w < 0.0, {-2.0 * float(_DOWN)!r} * {far} / special.erfcx({_DOWN} * w), {near})"
        )

    def _print_erfcx(self, expr: sp.Expr) -> str:
        return f"special.erfcx({self._print(expr.args[0])})"

    def _print_ierfcx(self, expr: sp.Expr) -> str:
        return self._once(expr, _scaled_integral("w"))

    def _print_softplus_ratio(self, expr: sp.Expr) -> str:
        return self._once(expr, "np.where(w < -37.0, 1.0, np.logaddexp(0.0, w) * np.exp(-w))")

    def _print_asinh(self, expr: sp.Expr) -> str:
        return f"np.arcsinh({self._print(expr.args[0])})"

    def _once(self, expr: sp.Expr, body: str) -> str:
        """A function's source in w, with its argument computed once."""
        return f"(lambda w: {body})({self._print(expr.args[0])})"

    def _print_erf(self, expr: sp.Expr) -> str:
        return f"special.erf({self._print(expr.args[0])})"

    def _print_erfc(self, expr: sp.Expr) -> str:
        return f"special.erfc({self._print(expr.args[0])})"

    def _print_sech(self, expr: sp.Expr) -> str:
        return f"(1.0/np.cosh({self._print(expr.args[0])}))"

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
        return f"np.log({self._size(expr.args[0])})"

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
