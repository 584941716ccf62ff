"""A Gaussian-elementary function as code, with the blocks that it is made of: knots, rates, deltas.

Parameters may be numbers that are known at run time only, so that edges are set there (`runtime/edges`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sympy as sp

from symntk.emit.code import Definition, Node, call
from symntk.emit.expressions import node_of
from symntk.emit.stable_body import body_with
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import Delta, NormalForm, Step


def is_supported(form: NormalForm) -> bool:
    """Whether quadrature understands the function: no growing Gaussian and no derivative of a delta."""
    return not any(
        t.window.order if isinstance(t.window, Delta) else not t.quadratic.is_nonpositive for t in form.terms
    )


def function_and_shape(
    name: str, form: NormalForm, general: GeneralForm, names: Mapping[sp.Symbol, str]
) -> tuple[Definition | None, Node]:
    """The function without its deltas, if there is more of it, and its shape as `runtime/deltas` reads it.

    Knots are (location, width) of steps and Gaussians, rates the complex β of pieces e^{βx}, deltas (weight, location).

    Args:
        name: of the function of x and the parameters.
        form: the function.
        general: the same in its other form.
        names: what parameters are called.
    """

    def write(expr: sp.Expr) -> Node:
        return node_of(expr, names)

    regular = [t for t in form.terms if not isinstance(t.window, Delta)]
    knots: dict[Node, None] = {}
    rates: dict[Node, None] = {}
    for t in regular:
        if isinstance(t.window, Step):
            knots[call("tuple", write(t.window.threshold), write(sp.sqrt(t.window.variance)))] = None
        if t.quadratic != 0:
            centre, width = -sp.re(t.linear) / (2 * t.quadratic), 1 / sp.sqrt(-2 * t.quadratic)
            knots[call("tuple", write(centre), write(width))] = None
        growth = sp.re(t.linear) if t.quadratic == 0 else sp.S.Zero  # with a Gaussian it moves the knot
        wave = sp.Abs(sp.im(t.linear))
        if growth != 0 or wave != 0:
            rates[write(growth) if wave == 0 else call("complex", write(growth), write(wave))] = None
    deltas = [
        call("tuple", write(t.coefficient), write(t.window.threshold))
        for t in form.terms
        if isinstance(t.window, Delta)
    ]
    shape = call("tuple", *(call("list", *part) for part in (knots, rates, deltas, ())))
    return replace(body_with(general, names), name=name) if regular else None, shape
