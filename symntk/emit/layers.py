"""A layer map as targets take it: a function of (a, b, c, det, d), with means of (a, b, c, det, d, m1, m2).

a, b are the variances, c the covariance, det = ab − c² as the caller knows it and d = √det. A centred variable of
variance 0 is 0: where the formula does not say so by itself, the definition chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sympy as sp

from symntk.emit.code import ONE, ZERO, Call, Definition, Name, Node, Number, call, choose
from symntk.emit.compile import function_of
from symntk.emit.expressions import node_of
from symntk.emit.formula import formula, parameter_names
from symntk.emit.homogeneous import near_opposite
from symntk.emit.maps import Map
from symntk.emit.table import Table
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.point import value_at
from symntk.language.forms.terms import NormalForm
from symntk.language.symbols import x

LAW = ("a", "b", "c", "det", "d")
MEANS = ("m1", "m2")
_VARIANCES = (0.0, 0.04, 1.7)  # at which the formula is asked whether it knows variables of variance 0
_SAME = 1e-12


@dataclass(frozen=True, eq=False)
class LayerMap:
    """One map to be written.

    `definitions` are functions, the last of them `_{name}` of (a, b, c, det, d, *parameters), which calls those before
    it; with means, m1 and m2 stand after d. They are empty where a table stands for the map; where there are both Gram
    matrices take the table as far as it holds, since the formula costs more. `slopes` are derivatives
    by "a", "b" and "c" (Price's theorem: ∂c E[f g] = E[f' g'], ∂a E[f g] = ½ E[f'' g], ∂b E[f g] = ½ E[f g'']), with
    means by "m1" and "m2" too, as far as they exist.
    With `by` the map is the derivative of a table's map by "a" or "b": that of the table at a fixed correlation, less
    c/2a, or c/2b, times the slope by "c" that it has.
    """

    name: str
    title: str
    text: str
    definitions: tuple[Definition, ...] = ()
    table: Table | None = None
    parameters: tuple[sp.Symbol, ...] = ()
    conditions: tuple[sp.Basic, ...] = ()
    diagonal: str = ""
    divergent: bool = False
    symmetric: bool = False
    means: bool = False
    slopes: Mapping[str, LayerMap] = field(default_factory=dict)
    by: str = ""

    @property
    def calls(self) -> frozenset[str]:
        """The functions that its definitions call, not those among themselves."""
        own = {one.name for one in self.definitions}
        return frozenset(name for one in self.definitions for name in one.calls()) - own

    @property
    def keywords(self) -> tuple[str, ...]:
        """Names of the parameters, as a user gives them."""
        return tuple(s.name for s in self.parameters)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the parameters inside the definitions."""
        return tuple(parameter_names(self.parameters).values())


def closed_layer(m: Map, reference: Callable[..., float], scale: sp.Rational = sp.S.One) -> LayerMap:
    """A map with a closed form.

    Args:
        m: the map.
        reference: E(var_u, var_v, cov, **parameters) in float64, which knows variables of variance 0.
        scale: what it is multiplied by.
    """
    own = f"_{m.name}"
    made = formula(own, m.value, m.parameters, (*LAW, *MEANS) if m.means else LAW).definition
    near = None if m.means else near_opposite(m.f, m.g, parameter_names(m.parameters))
    if near is not None:
        lines, condition, value = near
        lines = (*made.lines, *lines, ("far", made.results[0]))
        made = replace(made, lines=lines, results=(choose(condition, value, Name("far")),))
    if scale != 1:
        made = replace(made, results=(Number(float(scale)) * made.results[0],))
    definitions: tuple[Definition, ...] = (made,)
    if not m.means and not _knows_certainty(made, m, reference, float(scale)):
        definitions = _with_certainty(replace(made, name=f"{own}_regular"), m, float(scale))
    out = LayerMap(m.name, m.title, m.text, definitions, None, m.parameters, m.conditions)
    return replace(out, symmetric=m.f == m.g, means=m.means)


def _knows_certainty(made: Definition, m: Map, reference: Callable[..., float], scale: float) -> bool:
    """Whether the formula gives E[f(0) g(v)] at a variance of 0 by itself."""
    function = function_of(made)
    settings = {s.name: 0.7 for s in m.parameters}
    for a in _VARIANCES:
        for b in _VARIANCES:
            if a and b:
                continue
            try:
                right = scale * float(reference(a, b, 0.0, **settings))
            except ValueError:  # infinite or without a value
                return False
            with np.errstate(all="ignore"):
                for c in (0.0, -0.0):
                    found = float(function(*map(np.float64, (a, b, c, 0.0, 0.0)), *settings.values()))
                    if not abs(found - right) <= _SAME * max(1.0, abs(right)):
                        return False
    return True


def _with_certainty(regular: Definition, m: Map, scale: float) -> tuple[Definition, ...]:
    """The map with E f(0) · E g(v) where a is 0, and so on."""
    a, b, c = Name("a"), Name("b"), Name("c")
    given = tuple(Name(name) for name in parameter_names(m.parameters).values())
    means: list[Definition] = []
    sides = []
    for label, one, point in (("u", m.f, m.points[0]), ("v", m.g, m.points[1])):
        mean = _mean(f"_{m.name}_mean_{label}", m, one, label)
        twin = next((old for old in means if (old.results, old.lines) == (mean.results, mean.lines)), None)
        if twin is None:
            means.append(mean)
        sides.append((_at_zero(point, m.parameters), (twin or mean).name))
    (f0, f_mean), (g0, g_mean) = sides
    sure_u, sure_v = a <= 0, b <= 0
    lines = (
        ("a1", choose(sure_u, 1, a)),
        ("b1", choose(sure_v, 1, b)),
        ("c1", choose(sure_u, 0, choose(sure_v, 0, c))),
        ("det1", choose(sure_u, Name("b1"), choose(sure_v, Name("a1"), Name("det")))),
        ("d1", call("sqrt", Name("det1"))),
        ("whole", Call(regular.name, (*(Name(f"{name}1") for name in LAW), *given))),
        ("left", choose(sure_u, f0, Call(f_mean, (Name("a1"), *given)))),
        ("right", choose(sure_v, g0, Call(g_mean, (Name("b1"), *given)))),
    )
    product = Name("left") * Name("right") if scale == 1.0 else Number(scale) * Name("left") * Name("right")
    result = choose(sure_u, product, choose(sure_v, product, Name("whole")))
    return (regular, *means, Definition(f"_{m.name}", regular.arguments, lines, (result,)))


def _mean(name: str, m: Map, one: NormalForm, side: str) -> Definition:
    """E f(u) of one side as a function of its variance, called v."""
    made = formula(name, m.margin(name, one, m.points[side != "f"]).value, m.parameters).definition
    ahead = (("b", Name("v")), ("a", ONE), ("c", ZERO), ("det", Name("v")), ("d", call("sqrt", Name("v"))))
    used = made.names()
    lines = (*((place, value) for place, value in ahead if place in used), *made.lines)
    return Definition(name, ("v", *parameter_names(m.parameters).values()), lines, made.results)


def _at_zero(point: GeneralForm, parameters: Sequence[sp.Symbol]) -> Node:
    """The function at 0; at a jump the mean of both sides."""
    if not parameters:
        return Number(float(value_at(point, x, sp.S.Zero)))
    names = parameter_names(tuple(parameters))
    if any(delta.threshold == 0 for _, delta in point.deltas):
        return Number(float("inf"))
    index = sum(1 for place in point.breaks if place < 0)
    sides = point.parts[index : index + 2] if sp.S.Zero in point.breaks else point.parts[index : index + 1]
    return node_of(sum(part.subs(x, 0) for part in sides) / len(sides), names)
