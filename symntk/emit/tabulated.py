"""Many pieces of a few shapes as code: one formula for each shape, with its numbers in tables.

A quantizer of 256 levels has 256 constants, a sawtooth as many straight lines: which numbers hold is looked up by
a search among the breaks, and the formula is evaluated once.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symntk.emit.code import Lines, Name, Node, Number, call, choose
from symntk.emit.expressions import table
from symntk.emit.functions import FunctionTranslator, stable
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.signs import straight
from symntk.language.symbols import x

_MOST_SHAPES = 4


def tabulated(form: GeneralForm, lines: Lines) -> Node | None:
    """The value at x, None where the parts have too many shapes; at a break it is the mean of both sides.

    >>> from symntk.emit.compile import function_of
    >>> from symntk.language.forms.general_form import general_form
    >>> steps, lines = general_form(sp.Add(*(sp.Heaviside(x - k) for k in range(20))), x), Lines()
    >>> value = tabulated(steps, lines)
    >>> print(function_of(lines.definition("f", ["x"], [value]))([-1.0, 0.0, 3.5, 99.0]))
    [ 0.   0.5  4.  20. ]
    """
    shapes: list[_Shape] = []
    members: list[int] = []
    for part in form.parts:
        numbers: list[sp.Expr] = []
        skeleton = _skeleton(part, numbers)
        shape = next((one for one in shapes if one.skeleton == skeleton), None)
        if shape is None:
            if len(shapes) == _MOST_SHAPES:
                return None
            shape = _Shape(skeleton, len(numbers))
            shapes.append(shape)
        members.append(shapes.index(shape))
        shape.rows.append([float(number) for number in numbers])
    if any(len(shape.rows) * 4 < len(form.parts) for shape in shapes[1:]) and len(shapes) > 2:
        return None
    breaks = lines.name(table([float(point) for point in form.breaks]))
    places = [lines.name(call(f"search_{side}", breaks, Name("x"))) for side in ("left", "right")]
    left, right = (_value(shapes, members, place, lines) for place in places)
    return 0.5 * (left + right)


class _Shape:
    """Parts that differ in their numbers alone."""

    def __init__(self, skeleton: sp.Expr, count: int) -> None:
        self.skeleton, self.count, self.rows = skeleton, count, list[list[float]]()


_PLACES = [sp.Symbol(f"number{k}_", real=True) for k in range(64)]


def _skeleton(part: sp.Expr, numbers: list[sp.Expr]) -> sp.Expr:
    """The part with a place for each of its numbers; a straight line always has two."""
    line = straight(part, x) if part.has(x) else None
    if line is not None:
        numbers += line
        return sp.Add(_PLACES[len(numbers) - 2] * x, _PLACES[len(numbers) - 1], evaluate=False)
    if not part.has(x):
        numbers.append(part)
        return _PLACES[len(numbers) - 1]
    if part.is_Add or part.is_Mul:
        number, rest = part.as_independent(x, as_Add=bool(part.is_Add))
        numbers.append(number)
        place = _PLACES[len(numbers) - 1]
        inside = _skeleton_of(rest, numbers)
        return place + inside if part.is_Add else place * inside
    numbers.append(sp.S.One)
    return _PLACES[len(numbers) - 1] * _skeleton_of(part, numbers)


def _skeleton_of(rest: sp.Expr, numbers: list[sp.Expr]) -> sp.Expr:
    """The same inside of a function; powers keep their exponents."""
    if rest == x or not rest.args or len(numbers) > 50:
        return rest
    if rest.is_Pow and not rest.exp.has(x):
        return rest.func(_skeleton_of(rest.base, numbers) if rest.base.is_Add else rest.base, rest.exp)
    if isinstance(rest, sp.Function) and len(rest.args) == 1:
        return rest.func(_skeleton(rest.args[0], numbers), evaluate=False)
    if rest.is_Add or rest.is_Mul:
        return rest.func(*(_skeleton(one, numbers) for one in rest.args), evaluate=False)
    return rest


def _value(shapes: Sequence[_Shape], members: Sequence[int], place: Node, lines: Lines) -> Node:
    """The formula of the shape that holds, with its numbers looked up at a place."""
    values = []
    for index, shape in enumerate(shapes):
        rows = iter(shape.rows)
        listed = [next(rows) if member == index else [0.0] * shape.count for member in members]
        known: dict[sp.Symbol, Node] = {x: Name("x")}
        for symbol, column in zip(_PLACES, zip(*listed, strict=True), strict=False):
            one = len(set(column)) == 1
            known[symbol] = Number(column[0]) if one else _looked_up(column, place, lines)
        values.append(FunctionTranslator(known, lines)(stable(shape.skeleton)))
    chosen = values[-1]
    for index in reversed(range(len(shapes) - 1)):
        holds = _looked_up([float(member == index) for member in members], place, lines)
        chosen = choose(call("==", holds, 1), values[index], chosen)
    return chosen


def _looked_up(column: Sequence[float], place: Node, lines: Lines) -> Node:
    return lines.name(call("take", lines.name(table(column)), place))
