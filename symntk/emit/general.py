"""A map without a closed form as source: both functions, what quadrature must know of them, and the route to take.

The Hermite series serves the entries where its Parseval tail is small enough; the others take the route: one integral
over a conditional expectation in closed form where one side has one, the sum of a mixture, or two integrals.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from symntk.derive.mixture.mixture import MixtureDerivation
from symntk.derive.moves.value import Value
from symntk.emit.certain import point_lines
from symntk.emit.code import ONE, ZERO, Definition, Name, call
from symntk.emit.formula import formula
from symntk.emit.general_shape import GeneralShape, general_shape
from symntk.emit.mixture import mixture_code
from symntk.emit.targets.numpy import NUMPY
from symntk.language.general_form import GeneralForm

PANEL_SECONDS, MIXTURE_SECONDS = 2e-4, 4e-6
"""What an entry takes by two integrals and by the sum of a mixture, about, in seconds (measured)."""


@dataclass(frozen=True, eq=False)
class GeneralMap:
    """One layer map to be written that has no closed form.

    `inner` is E[h(Y)], Y ~ N(m1, a), in closed form, of the side `inner_side` ("f" or "g") that has one, or None.
    """

    name: str
    f: GeneralForm
    g: GeneralForm
    means: bool
    title: str
    tolerance: float
    inner: Value | None = None
    inner_side: str = ""
    mixture: MixtureDerivation | None = None
    conditions: tuple[sp.Basic, ...] = ()
    parameters: tuple[sp.Symbol, ...] = ()

    def shapes(self) -> tuple[GeneralShape, GeneralShape]:
        """What quadrature must know of f and of g."""
        return known_shape(self.f), known_shape(self.g)

    @property
    def text(self) -> str:
        """What stands in place of a formula."""
        how = {
            "f": "one integral over v of g(v)·E[f(u) | v], the latter in closed form",
            "g": "one integral over u of f(u)·E[g(v) | u], the latter in closed form",
            "": "two integrals, cut where the functions change",
        }[self.inner_side]
        if self.mixture is not None:
            how = "a sum over the nodes of a mixture where that is proven to be accurate, or two integrals"
        return f"a Hermite series where its Parseval tail is small, elsewhere {how}"


@lru_cache(maxsize=256)
def known_shape(form: GeneralForm) -> GeneralShape:
    """`general_shape`, once for each function."""
    return general_shape(form)


def general_code(m: GeneralMap) -> str:
    """The public map and what it is made of."""
    f, g = m.shapes()
    same = f is g
    lines = []
    for label, form, one in (("f", m.f, f), ("g", m.g, g))[: 1 if same else 2]:
        lines += [*_function(f"_{m.name}_{label}", one), *point_lines(f"_{m.name}_{label}_at", form, {}), "", ""]
    first, second = f"_{m.name}_f", f"_{m.name}_{'f' if same else 'g'}"
    route = "None"
    if f.body is not None and g.body is not None:
        route = f"_{m.name}_route"
        lines += [*_inner(m), f"def {route}(a, b, c, det, d, m1, m2):", f"    {_route(m, first, second)}", "", ""]
        if m.mixture is not None:
            lines += _mixture(m)
            route = f"_{m.name}_sum"
    arguments = ["var_u", "var_v", "cov", *(["mean_u=0.0", "mean_v=0.0"] if m.means else [])]
    passed = ["var_u", "var_v", "cov", "None", *(["mean_u", "mean_v"] if m.means else [])]
    given = ["var_u", "var_v", "cov", "det", *(["mean_u", "mean_v"] if m.means else [])]
    means = "mean_u, mean_v" if m.means else "0.0, 0.0"
    functions = ", ".join(name if one.body is not None else "None" for name, one in ((first, f), (second, g)))
    shapes = f"{first}_shape, {second}_shape"
    lines += [
        f"def {m.name}({', '.join(arguments)}):",
        f'    """{m.title}.',
        "",
        f"    By {m.text}; the error is at most {m.tolerance:g} of {_scale(f, g)}.",
        '    """',
        f"    return _finite(_{m.name}_given({', '.join(passed)}), var_u, var_v, cov)",
        "",
        "",
        f"def _{m.name}_given({', '.join(given)}):",
        "    return _evaluate_general(",
        f"        {functions}, {shapes}, {route}, {m.tolerance!r}, {first}_at, {second}_at,",
        f"        var_u, var_v, cov, {means}, det,",
        "    )",
    ]
    return "\n".join(lines)


def _scale(f: GeneralShape, g: GeneralShape) -> str:
    """What the error is a fraction of, in words."""
    if f.has_square and g.has_square:
        return "sqrt(E f(u)^2 * E g(v)^2)"
    first, second = (
        f"sqrt(E {name}^2)" if one.has_square else f"E|{name}|" for one, name in ((f, "f(u)"), (g, "g(v)"))
    )
    return f"{first} * {second}, or of the value if that is larger"


def layer_arguments(m: GeneralMap) -> str:
    """What `_layer_map` is given of the names that `general_code` defines."""
    f, g = m.shapes()
    first, second = f"_{m.name}_f", f"_{m.name}_{'f' if f is g else 'g'}"
    route = "None"
    if f.body is not None and g.body is not None:
        route = f"_{m.name}_{'route' if m.mixture is None else 'sum'}"
    functions = ", ".join(name if one.body is not None else "None" for name, one in ((first, f), (second, g)))
    patience = PANEL_SECONDS if m.mixture is None else MIXTURE_SECONDS
    shapes, points = f"{first}_shape, {second}_shape", f"{first}_at, {second}_at"
    return f"{functions}, {shapes}, {route}, {m.tolerance!r}, {points}, {patience!r}"


def _function(name: str, one: GeneralShape) -> list[str]:
    """The function and its shape as module constants."""
    lines = []
    if one.body is not None:
        whole = f"{name}_whole" if one.cores else name
        lines += [f"def {whole}(x):", f"    return {one.body}", "", ""]
    if one.cores:
        listed = [f"    {core.source}," for core in one.cores]
        lines += [f"def {name}(x):", f"    return _cored({name}_whole, {name}.cores, x)", "", ""]
        lines += ["# next to places where it is infinite: (place, width, power, Legendre coefficients)"]
        lines += [f"{name}.whole, {name}.cores = {name}_whole, [", *listed, "]"]
        lines += [f"{name}.origin = {one.origin!r}"] if one.origin else []
    seen = f"; in the distance from {one.origin!r}" if one.origin else ""
    edges = ", ".join(f"{edge:.12g}" if float(f"{edge:.12g}") == edge else repr(edge) for edge in one.edges)
    return [
        *lines,
        f"# {name}: knots (location, width), rates of exponential pieces, deltas (weight, location), and the edges",
        f"# between which 24 Legendre nodes resolve it to {one.defect:.0e} of its largest value there{seen}",
        f"{name}_shape = ({list(one.knots)!r}, {list(one.rates)!r}, {list(one.deltas)!r}, [{edges}])",
        "",
        "",
    ]


def _inner(m: GeneralMap) -> list[str]:
    if m.inner is None:
        return []
    made = formula("", m.inner).definition
    fixed = {"b": ONE, "c": ZERO, "det": Name("a"), "d": call("sqrt", Name("a")), "m2": ZERO}
    used = made.names()
    lines = (*((name, value) for name, value in fixed.items() if name in used), *made.lines)
    doc = f"E[{m.inner_side}(Y)], Y ~ N(m1, a)."
    return [*NUMPY.write(Definition(f"_{m.name}_inner", ("m1", "a"), lines, made.results, doc)).splitlines(), "", ""]


def _route(m: GeneralMap, first: str, second: str) -> str:
    if m.inner_side == "f":
        first, second = second, first
        law = "b, a, c, d, m2, m1"
    else:
        law = "a, b, c, d, m1, m2"
    inner = f"_{m.name}_inner" if m.inner is not None else "None"
    return f"return _panel_route({first}, {second}, {first}_shape, {second}_shape, {inner}, {law})"


def _mixture(m: GeneralMap) -> list[str]:
    """The sum over nodes, where it is proven, and the route that takes it there."""
    if m.mixture is None:
        return []
    return [
        mixture_code(m.name, m.mixture, (), 0.5 * m.tolerance),
        "",
        "",
        f"def _{m.name}_sum(a, b, c, det, d, m1, m2):",
        f"    proven = _{m.name}_mixture_valid(a, b)",
        f"    return _mixture_or_panels(_{m.name}_mixture, _{m.name}_route, proven, a, b, c, det, d, m1, m2)",
        "",
        "",
    ]
