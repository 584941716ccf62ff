"""The values that a function takes with certainty, at the mean of a variable of variance 0, as code.

Between breaks the function itself; at breaks the mean of the one-sided limits, infinite at deltas and poles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import sympy as sp

from symntk.emit.code import Definition, Name, Node, Number, call, choose
from symntk.emit.compile import function_of
from symntk.emit.functions import FunctionTranslator
from symntk.emit.stable_body import body, body_with
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.point import value_at
from symntk.language.symbols import x

_FEW = 4  # places with one value
_ROOTS = 8  # degree up to which the roots of what is inside a power or a logarithm are looked at
_X, _INFINITY = Name("x"), Number(np.inf)


def at_points(name: str, form: GeneralForm, names: Mapping[sp.Symbol, str]) -> Definition:
    """The function `name(x, parameters)` of an array x.

    >>> from symntk.emit.targets.numpy import NUMPY
    >>> from symntk.language.forms.general_form import general_form
    >>> print(NUMPY.write(at_points("value", general_form(sp.sign(x), x), {})).splitlines()[2].strip())
    return np.where(x < 0.0, -1.0, np.where(x == 0.0, 0.0, 1.0)) + 0.0 * x
    """
    doc = "The function; at a jump the mean of both sides, infinite at a pole."
    plain = body_with(form, names)
    result = plain.results[0]
    if form.parameters or any(part.free_symbols - {x} for part in form.parts):
        write = FunctionTranslator({symbol: Name(one) for symbol, one in names.items()})
        for weight, delta in form.deltas:
            infinite = Number(np.nan) if delta.order else call("copysign", _INFINITY, write(weight))
            result = choose(_is(write(delta.threshold)), infinite, result)
        return replace(plain, name=name, results=(result,), doc=doc)
    several: dict[float, list[float]] = {}
    for place, value in _singular(form, body(form)):
        several.setdefault(value, []).append(place)
    for at, places in several.items():
        if len(places) > _FEW:
            result = choose(call("is_in", _X, call("list", *places)), at, result)
        else:
            for place in places:
                result = choose(_is(Number(place)), at, result)
    return replace(plain, name=name, results=(result,), doc=doc)


def _is(place: Node) -> Node:
    return call("==", _X, place)


def _singular(form: GeneralForm, plain: Definition) -> Iterator[tuple[float, float]]:
    """Where the code has not the function's value, with that value: deltas, poles, and what has a limit only."""
    special = [*form.breaks, *(delta.threshold for _, delta in form.deltas)]
    regular = {float(place): place for part in form.parts for place in _roots(part)}
    places = {**regular, **{float(place): place for place in special}}
    if not places:
        return
    at = np.array(sorted(places))
    with np.errstate(all="ignore"):
        found = function_of(plain)(at)
    ends = {float(place): index for index, place in enumerate(form.breaks)}
    deltas = {float(delta.threshold) for _, delta in form.deltas}
    for place, value in zip(at.tolist(), found.tolist(), strict=True):
        index = ends.get(place)
        lost = index is not None and any(
            _has_no_value(part, form.breaks[index]) for part in form.parts[index : index + 2]
        )
        if lost or place in deltas or not np.isfinite(value):
            yield place, float(value_at(form, x, places[place]))


def _has_no_value(part: sp.Expr, place: sp.Expr) -> bool:
    """Whether the formula of a part has no value at its end."""
    if part.is_polynomial(x):
        return False
    return bool(part.subs(x, place).has(sp.nan, sp.zoo, sp.oo, sp.I))


def _roots(part: sp.Expr) -> Iterator[sp.Expr]:
    """Where a part may have no value: real zeros of denominators, of powers' bases and of logarithms' arguments."""
    for node in sp.preorder_traversal(part):
        inside = None
        if node.is_Pow and not (node.exp.is_Integer and node.exp.is_positive):
            inside = node.base
        elif isinstance(node, sp.log):
            inside = node.args[0]
        if inside is None or not inside.has(x):
            continue
        yield sp.S.Zero
        poly = inside.as_poly(x) if inside.is_polynomial(x) else None
        if poly is not None and 0 < poly.degree() <= _ROOTS:
            for root in np.roots([float(c) for c in poly.all_coeffs()]):
                if abs(root.imag) <= 1e-7 * abs(root):
                    yield sp.Rational(float(f"{root.real:.15g}"))
