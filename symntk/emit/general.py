"""A map without a closed form as code: both functions, what quadrature must know of them, and the route to take.

The Hermite series serves the entries where its Parseval tail is small enough; the others take the route: one integral
over a conditional expectation in closed form where one side has one, the sum of a mixture, or two integrals.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from symntk.emit.certain import at_points
from symntk.emit.code import ONE, ZERO, Constant, Definition, Name, Node, Number, call
from symntk.emit.formula import LAW, formula
from symntk.emit.general_shape import GeneralShape, general_shape
from symntk.emit.maps import GeneralMap
from symntk.emit.mixture import mixture_code
from symntk.language.forms.general_form import GeneralForm

_NONE = Name("None")
PANEL_SECONDS, MIXTURE_SECONDS = 2e-4, 4e-6
"""What an entry takes by two integrals and by the sum of a mixture, about, in seconds (measured)."""


@lru_cache(maxsize=256)
def known_shape(form: GeneralForm) -> GeneralShape:
    """`general_shape`, once for each function."""
    return general_shape(form)


def _shapes(m: GeneralMap) -> tuple[GeneralShape, GeneralShape]:
    """What quadrature must know of f and of g."""
    return known_shape(m.f), known_shape(m.g)


def general_code(m: GeneralMap, late: bool = False) -> list[Definition | Constant]:
    """The public map, last, and what it is made of; if `late`, the route of `route_code` is written elsewhere."""
    code = _functions(m)
    code += [at_points(f"_{m.name}_{label}_at", form, {}) for label, form, _ in _sides(m)]
    parts = _parts(m)
    if parts[4] != _NONE and not late:
        code += _route(m)
    means = ["mean_u", "mean_v"] if m.means else []
    law = ["var_u", "var_v", "cov"]
    given = call("_evaluate_general", *parts, *law, *(means or (0, 0)), "det")
    doc = f"{m.title}. By {m.text}; the error is at most {m.tolerance:g} of {_scale(*_shapes(m))}." if not late else ""
    public = call("_finite", call(f"_{m.name}_given", *law, "None", *means), *law)
    return [
        *code,
        Definition(f"_{m.name}_given", (*law, "det", *means), (), (given,)),
        Definition(m.name, (*law, *(f"{mean}=0.0" for mean in means)), (), (public,), doc),
    ]


def route_code(m: GeneralMap) -> list[Definition | Constant]:
    """What entries take whose series is too long, `_{name}_route`, with both functions and `_{name}_panels`."""
    return [*_functions(m), *_route(m)]


def layer_arguments(m: GeneralMap) -> tuple[Node, ...]:
    """What `_layer_map` is given of the names that `general_code` defines."""
    return (*_parts(m), Number(MIXTURE_SECONDS if m.mixes else PANEL_SECONDS))


def _functions(m: GeneralMap) -> list[Definition | Constant]:
    """Both functions and their shapes."""
    return [part for label, _, one in _sides(m) for part in _function(f"_{m.name}_{label}", one)]


def _sides(m: GeneralMap) -> list[tuple[str, GeneralForm, GeneralShape]]:
    """Label, function and shape of f and, where it is another one, of g."""
    f, g = _shapes(m)
    return [("f", m.f, f)] if f is g else [("f", m.f, f), ("g", m.g, g)]


def _parts(m: GeneralMap) -> tuple[Node, ...]:
    """Both functions, None where they are deltas only; their shapes; the route; the tolerance; both at points."""
    labels = [label for label, _, _ in _sides(m)]
    names = [f"_{m.name}_{label}" for label in (labels[0], labels[-1])]
    functions = [_NONE if one.body is None else Name(name) for name, one in zip(names, _shapes(m), strict=True)]
    route = _NONE if _NONE in functions else Name(f"_{m.name}_route")
    shapes, points = ([Name(f"{name}_{what}") for name in names] for what in ("shape", "at"))
    return (*functions, *shapes, route, Number(m.tolerance), *points)


def _scale(f: GeneralShape, g: GeneralShape) -> str:
    """What the error is a fraction of, in words."""
    if f.has_square and g.has_square:
        return "sqrt(E f(u)^2 * E g(v)^2)"
    first, second = (
        f"sqrt(E {name}^2)" if one.has_square else f"E|{name}|" for one, name in ((f, "f(u)"), (g, "g(v)"))
    )
    return f"{first} * {second}, or of the value if that is larger"


def _function(name: str, one: GeneralShape) -> list[Definition | Constant]:
    """The function and its shape."""
    code: list[Definition | Constant] = []
    if one.body is not None:
        code.append(replace(one.body, name=f"{name}_whole" if one.cores else name))
    if one.cores:
        cores = call("list", *[core.code for core in one.cores])
        code += [
            Definition(name, ("x",), (), (call("_cored", f"{name}_whole", f"{name}.cores", "x"),)),
            Constant(f"{name}.whole", Name(f"{name}_whole")),
            Constant(f"{name}.cores", cores, "where it is infinite: (place, width, power, Legendre coefficients)"),
            *([Constant(f"{name}.origin", Number(one.origin))] if one.origin else []),
        ]
    knots, deltas = (call("list", *(call("tuple", *one) for one in pairs)) for pairs in (one.knots, one.deltas))
    shape = call("tuple", knots, call("list", *one.rates), deltas, call("list", *one.edges))
    seen = f"; in the distance from {one.origin!r}" if one.origin else ""
    note = (
        "knots (location, width), rates of exponential pieces, deltas (weight, location), and the edges between which "
        f"24 Legendre nodes resolve it to {one.defect:.0e} of its largest value there{seen}"
    )
    return [*code, Constant(f"{name}_shape", shape, note)]


def _inner(m: GeneralMap) -> list[Definition]:
    if m.inner is None:
        return []
    made = formula("", m.inner).definition
    fixed = {"b": ONE, "c": ZERO, "det": Name("a"), "d": call("sqrt", "a"), "m2": ZERO}
    used = made.names()
    lines = (*((name, value) for name, value in fixed.items() if name in used), *made.lines)
    doc = f"E[{m.inner_side}(Y)], Y ~ N(m1, a)."
    return [Definition(f"_{m.name}_inner", ("m1", "a"), lines, made.results, doc)]


def _route(m: GeneralMap) -> list[Definition | Constant]:
    """One integral over a conditional expectation, or two; the sum over the nodes of a mixture where that is proven."""
    f, g, f_shape, g_shape, *_ = _parts(m)
    inner = _NONE if m.inner is None else Name(f"_{m.name}_inner")
    if m.inner_side == "f":
        result = call("_panel_route", g, f, g_shape, f_shape, inner, "b", "a", "c", "d", "m2", "m1")
    else:
        result = call("_panel_route", f, g, f_shape, g_shape, inner, "a", "b", "c", "d", "m1", "m2")
    code: list[Definition | Constant] = [*_inner(m), Definition(f"_{m.name}_panels", LAW, (), (result,))]
    taken = call(f"_{m.name}_panels", *LAW)
    if m.mixture is not None:
        code += mixture_code(m.name, m.mixture, (), 0.5 * m.tolerance)
        proven = call(f"_{m.name}_mixture_valid", "a", "b")
        taken = call("_mixture_or_panels", f"_{m.name}_mixture", f"_{m.name}_panels", proven, *LAW)
    return [*code, Definition(f"_{m.name}_route", LAW, (), (taken,))]
