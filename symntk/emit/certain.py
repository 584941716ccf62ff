"""The values that a function takes with certainty, at the mean of a variable of variance 0, as source.

Between breaks the function itself; at breaks the mean of the one-sided limits, infinite at deltas and poles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import sympy as sp
from mpmath import mp

from symntk.emit.compile import function_of_x
from symntk.emit.floats import FloatWriter
from symntk.emit.stable_body import function_writer, source
from symntk.language.general_form import GeneralForm
from symntk.language.point import value_at
from symntk.language.symbols import x

_FEW = 4  # places with one value
_ROOTS = 8  # degree up to which the roots of what is inside a power or a logarithm are looked at


def point_lines(name: str, form: GeneralForm, names: Mapping[sp.Symbol, str]) -> list[str]:
    """The function `name(x, parameters)` of an array x.

    >>> from symntk.language.general_form import general_form
    >>> for line in point_lines("value", general_form(sp.log(sp.Abs(x)), x), {})[2:]:
    ...     print(line.strip())
    value = np.where(x < 0.0, np.log(np.abs(-x)), np.where(x == 0.0, 0.0, np.log(np.abs(x)))) + 0.0 * x
    value = np.where(x == 0.0, -np.inf, value)
    return value
    """
    given = "".join(f", {other}" for other in names.values())
    free = {s for part in form.parts for s in part.free_symbols - {x}} | {*form.parameters}
    text = _with_parameters(form, names) if free else source(form)
    lines = [f"def {name}(x{given}):", '    """The function; at a jump the mean of both sides, infinite at a pole."""']
    lines.append(f"    value = {text}")
    write = function_writer(names)
    if free:
        infinite = [(write(d.threshold), _infinity(w, write) if not d.order else "np.nan") for w, d in form.deltas]
    else:
        infinite = [(repr(place), _number(value)) for place, value in _singular(form, text)]
    several: dict[str, list[str]] = {}
    for place, value in infinite:
        several.setdefault(value, []).append(place)
    for value, places in several.items():
        if len(places) > _FEW:
            lines.append(f"    value = np.where(np.isin(x, [{', '.join(places)}]), {value}, value)")
        else:
            lines += [f"    value = np.where(x == {place}, {value}, value)" for place in places]
    return [*lines, "    return value"]


def _singular(form: GeneralForm, text: str) -> Iterator[tuple[float, mp.mpf]]:
    """Where the source has not the function's value, with that value: deltas, poles, and what has a limit only."""
    special = [*form.breaks, *(delta.threshold for _, delta in form.deltas)]
    regular = {float(place): place for part in form.parts for place in _roots(part)}
    places = {**regular, **{float(place): place for place in special}}
    if not places:
        return
    at = np.array(sorted(places))
    with np.errstate(all="ignore"):
        found = function_of_x(text)(at)
    ends = {float(place): index for index, place in enumerate(form.breaks)}
    deltas = {float(delta.threshold) for _, delta in form.deltas}
    for place, value in zip(at.tolist(), found.tolist(), strict=True):
        index = ends.get(place)
        lost = index is not None and any(
            _has_no_value(part, form.breaks[index]) for part in form.parts[index : index + 2]
        )
        if lost or place in deltas or not np.isfinite(value):
            yield place, value_at(form, x, places[place])


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


def _with_parameters(form: GeneralForm, names: Mapping[sp.Symbol, str]) -> str:
    """The regular part where parameters have no numbers; at a jump the mean of both sides."""
    write = function_writer({**names, x: "x"})
    text = write(form.parts[-1])
    for place, left, right in zip(form.breaks[::-1], form.parts[-2::-1], form.parts[:0:-1], strict=True):
        middle = write((left.subs(x, place) + right.subs(x, place)) / 2)
        text = f"np.where(x < {write(place)}, {write(left)}, np.where(x == {write(place)}, {middle}, {text}))"
    return f"{text} + 0.0 * x"


def _infinity(weight: sp.Expr, write: FloatWriter) -> str:
    return f"np.copysign(np.inf, {write(weight)})"


def _number(value: mp.mpf) -> str:
    if mp.isfinite(value):
        return repr(float(value))
    return "np.nan" if mp.isnan(value) else "np.inf" if value > 0 else "-np.inf"
