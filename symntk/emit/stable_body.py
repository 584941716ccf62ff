"""Parts of a general form as code that neither overflows to NaN nor cancels.

Logistic functions, normal distribution functions and hyperbolic functions go by the names under which libraries
evaluate them well; differences with a root by the conjugate; what cancels at 0 by its Taylor series.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from symntk.emit.code import Definition, Lines, Name, Node, call, choose
from symntk.emit.compile import function_of
from symntk.emit.functions import FunctionTranslator, stable
from symntk.emit.series import Series, loses_digits, taylor
from symntk.emit.tabulated import tabulated
from symntk.language.forms.divisors import divisor_roots
from symntk.language.forms.general_form import GeneralForm
from symntk.language.numbers import number_function
from symntk.language.symbols import x

_INFINITE = 1e300  # what a part is next to its end, where the end is irrational
_MANY = 12  # parts from which tables of their numbers are tried
_DEEP = 6  # comparisons inside each other; more are halved
Ends = tuple[float, float]
EVERYWHERE = (-np.inf, np.inf)
_X = Name("x")


@lru_cache(maxsize=256)
def body(form: GeneralForm) -> Definition:
    """The regular part as a function f of an array `x`, in its shape; at a jump the mean of both sides.

    >>> from symntk.emit.targets.numpy import NUMPY
    >>> from symntk.language.forms.general_form import general_form
    >>> print(NUMPY.write(body(general_form(sp.sign(x) / sp.cosh(x), x))))
    def f(x):
        return np.where(x < 0.0, -1.0 / np.cosh(x), np.where(x == 0.0, 0.0, 1.0 / np.cosh(x))) + 0.0 * x
    """
    lines = Lines()
    value = tabulated(form, lines) if len(form.parts) >= _MANY else None
    if value is None:
        value = _halves(form, 0, len(form.breaks), lines)
    plain = bool(form.breaks) or not form.parts[0].has(x)  # what else has the shape of x by itself
    return lines.definition("f", ["x"], [value + 0 * _X if plain else value])


def body_with(form: GeneralForm, names: Mapping[sp.Symbol, str]) -> Definition:
    """The same as a function of x and of parameters, which have no values here; without any it is `body`."""
    if not names or not {s for part in form.parts for s in part.free_symbols - {x}} | {*form.parameters}:
        plain = body(form)
        return replace(plain, arguments=("x", *names.values()))
    lines = Lines()
    write = FunctionTranslator({**{symbol: Name(one) for symbol, one in names.items()}, x: _X}, lines, True, True)
    value = write(stable(form.parts[-1]))
    for place, left, right in zip(form.breaks[::-1], form.parts[-2::-1], form.parts[:0:-1], strict=True):
        at = lines.name(write(place))
        middle = write((left.subs(x, place) + right.subs(x, place)) / 2)
        value = choose(_X < at, write(stable(left)), choose(call("==", _X, at), middle, value))
    return lines.definition("f", ["x", *names.values()], [value + 0 * _X])


def _halves(form: GeneralForm, first: int, last: int, lines: Lines) -> Node:
    """The parts `first` to `last` by comparisons with the breaks between them, the middle one first."""
    if first == last:
        return _part(form.parts[first], stretch(form, first), lines)
    index = (first + last) // 2 if last - first > _DEEP else first
    left, value = _halves(form, first, index, lines), _halves(form, index + 1, last, lines)
    at = float(form.breaks[index])
    sides = [_value(part, form.breaks[index]) for part in form.parts[index : index + 2]]
    sides = [side if side is not None and abs(side) < _INFINITE else None for side in sides]
    jumps = any(side is None for side in sides) or abs(sides[0] - sides[1]) > 1e-14 * abs(sides[0])
    if jumps:  # an integrable singularity has a value that does not matter
        middle = 0.0 if any(side is None for side in sides) else float((sides[0] + sides[1]) / 2)
        value = choose(call("==", _X, at), middle, value)
    return choose(_X < at, left, value)


def _part(part: sp.Expr, ends: Ends, lines: Lines) -> Node:
    """One part, which holds between two ends."""
    value = FunctionTranslator({x: _X}, lines, _overflows(part))(stable(part))
    for series in part_series(part, ends):
        distance = lines.name(_X - series.centre) if series.centre else _X
        value = choose(call("abs", distance) < series.radius, series.at(distance, lines), value)
    return value


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
    return taylor(part, point) if point != 0 or loses_digits(part, function_of(_plain(part)), signs) else None


def _plain(part: sp.Expr) -> Definition:
    """A part as it stands."""
    write = FunctionTranslator({x: _X})
    value = write(stable(part))
    return write.lines.definition("f", ["x"], [value])


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
            value = number_function(part, x)(mp.mpf(sp.N(point, 30)))
        except (ArithmeticError, ValueError):
            return None
        return value if isinstance(value, int | mp.mpf) and mp.isfinite(value) else None


def _overflows(part: sp.Expr) -> bool:
    """Whether the code is ∞·0 or the like far out."""
    if not part.has(x):
        return False
    far = np.geomspace(20.0, 1e9, 120)
    with np.errstate(all="ignore"):
        return bool(np.any(np.isnan(function_of(_plain(part))(np.concatenate([-far, far])))))
