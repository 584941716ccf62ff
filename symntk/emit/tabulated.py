"""Many pieces of a few shapes as source: one formula for each shape, with its numbers in tables.

A quantizer of 256 levels has 256 constants, a sawtooth as many straight lines: which numbers hold is looked up by
`np.searchsorted`, and the formula is evaluated once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy as sp

from symntk.language.general_form import GeneralForm
from symntk.language.signs import straight
from symntk.language.symbols import x

_MOST_SHAPES = 4


def tabulated(form: GeneralForm, write: Callable[[sp.Expr], str]) -> str | None:
    """The source, None where the parts have too many shapes; at a break it is the mean of both sides.

    >>> from symntk.language.general_form import general_form
    >>> steps = general_form(sp.Add(*(sp.Heaviside(x - k) for k in range(20))), x)
    >>> text = tabulated(steps, str)
    >>> print(eval(text, {"np": np, "x": np.array([-1.0, 0.0, 3.5, 99.0])}))
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
    breaks = _array([float(point) for point in form.breaks])
    body = _body(shapes, members, write)
    both = "0.5 * (f(np.searchsorted(t, x, 'left')) + f(np.searchsorted(t, x, 'right')))"
    return f"(lambda t, f: {both})({breaks}, lambda i: {body})"


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


def _body(shapes: Sequence[_Shape], members: Sequence[int], write: Callable[[sp.Expr], str]) -> str:
    """The formula of the shape that holds, with its numbers looked up at index i."""
    texts = []
    for index, shape in enumerate(shapes):
        text = write(shape.skeleton)  # names that nothing else has
        rows, columns = iter(shape.rows), []
        table = [next(rows) if member == index else [0.0] * shape.count for member in members]
        for k in range(shape.count):
            columns.append((_PLACES[k].name, [row[k] for row in table]))
        for name, column in reversed(columns):
            one = len(set(column)) == 1
            text = text.replace(name, repr(column[0]) if one else f"{_array(column)}[i]")
        texts.append(text)
    chosen = texts[-1]
    for index in reversed(range(len(shapes) - 1)):
        holds = _array([float(member == index) for member in members])
        chosen = f"np.where({holds}[i] == 1.0, {texts[index]}, {chosen})"
    return chosen


def _array(values: Sequence[float]) -> str:
    """Numbers as source; evenly spaced ones in short."""
    steps = np.diff(values)
    if len(values) > 4 and np.all(values == values[0] + steps[0] * np.arange(len(values))):
        return f"({values[0]!r} + {float(steps[0])!r} * np.arange({float(len(values))!r}))"
    return f"np.array({list(map(float, values))!r})"
