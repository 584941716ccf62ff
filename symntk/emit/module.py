"""One map as NumPy code with error bounds, for the host or alone, and what the module of a pair says of itself.

Nothing of symntk is imported by a map that stands alone; the helpers it needs are copied into it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from symntk.derive.moves.value import Value
from symntk.emit.certain import at_points
from symntk.emit.closure import helpers, imports
from symntk.emit.code import ZERO, Definition, Name, Node, call
from symntk.emit.elementary import function_and_shape, is_supported
from symntk.emit.expressions import bound, node_of
from symntk.emit.formula import Formula, formula, parameter_names, refuse_names
from symntk.emit.homogeneous import degree, orthant_sum
from symntk.emit.maps import AnyMap, DiracMap, GeneralMap, Map
from symntk.emit.targets.base import escaped
from symntk.emit.targets.numpy import NUMPY, TRACKED
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import ONE
from symntk.language.symbols import STATE, STATE_NAMES
from symntk.version import VERSION

ORIGIN = "Derived from the pair in the next line, with which `symntk verify --module` compares this file:"
"""The line of a module's docstring before the record of its pair."""
ABOUT = (
    "Source of the kernels: Eilers, Memmesheimer & Goedeke, NeurIPS 2024 (arXiv 2405.15539).",
    "The helper functions below are symntk's, free to use under the BSD-3-Clause license.",
)
"""Lines of every module's docstring: who found the kernels, and whose the code is."""


@dataclass(frozen=True, eq=False)
class Module:
    """A pair of functions to be written as a module: its maps by kernel name, and what its docstring says."""

    activation: str
    surrogate: str
    maps: Mapping[str, AnyMap]
    diagonals: dict[str, str]
    divergent: frozenset[str]
    certificate: list[str] = field(default_factory=list)
    origin: str = ""
    """The record of the pair, as JSON in one line."""

    def of(self, names: Collection[str]) -> Module:
        """With the maps of these names only."""
        return replace(self, maps={name: one for name, one in self.maps.items() if name in names})


def map_source(m: AnyMap) -> str:
    """A module with one map."""
    return assemble(f'"""{escaped(m.title)}."""', map_code(m))


def assemble(docstring: str, code: str) -> str:
    """A module's text: its docstring, the imports and helpers that its code needs, the code."""
    support = helpers(code)
    both = f"{code}\n\n\n{support}"
    head = f"{docstring}\n\nfrom __future__ import annotations\n\n{imports(both)}"
    return f"{head}\n\n\n{code}\n\n\n# Numerical helpers\n\n{support}\n"


def map_code(m: AnyMap, sides: tuple[str, str] | None = None) -> str:
    """The functions of one map, without helpers and imports.

    `sides` are names of what stands for f and for g where a variance is 0, if that is written elsewhere; and so is then
    the quadrature `_{name}_route` of entries that lose their digits by a formula, or whose series is too long.
    """
    refuse_names(m.title, m.parameters)
    if isinstance(m, GeneralMap):
        from symntk.emit.general import general_code

        return NUMPY.write_all(general_code(m, sides is not None))
    if isinstance(m, DiracMap):
        from symntk.emit.dirac import dirac_code

        code, called = dirac_code(m)
        return NUMPY.write_all([*_public(m, called, m.text), *code])
    body, how = _formula_code(m, sides is not None)
    lines, f, g = _sides_code(m, how) if sides is None else ([], Name(sides[0]), Name(sides[1]))
    first, second = degree(m.f), degree(m.g)
    degrees = None if m.means or first is None or second is None else (first, second)
    public = _public(m, (how, f, g), m.text if sides is None else "", degrees)
    return "\n\n\n".join([NUMPY.write_all(public), body, *lines])


def sides_code(m: Map) -> str:
    """A function `_sides` that returns what stands for f and for g where a variance is 0, with what it calls."""
    body, how = _formula_code(m)
    lines, f, g = _sides_code(m, how)
    return "\n\n\n".join([body, *lines, NUMPY.write(Definition("_sides", (), (), (f, g)))])


def formula_route(m: Map) -> str:
    """The function `_{name}_route` of entries that lose their digits by the formula."""
    return NUMPY.write_all(_route(m, parameter_names(m.parameters))[0])


def _formula_code(m: Map, late: bool = False) -> tuple[str, Node]:
    """The formula over flat arrays a, b, c, det, d, m1, m2 and parameters, and what to call for it.

    If `late`, a quadrature is written elsewhere.
    """
    names = parameter_names(m.parameters)
    written = formula(f"_{m.name}_formula", m.value, m.parameters)
    if _cannot_cancel(m, written):
        return NUMPY.write(written.definition), Name(f"_{m.name}_formula")
    route, tolerance = _route(m, names, late)
    code = "\n\n\n".join([TRACKED.write(written.definition), *([NUMPY.write_all(route)] if route else [])])
    return code, call("_checked", f"_{m.name}_formula", f"_{m.name}_route", tolerance)


def _sides_code(m: Map, how: Node) -> tuple[list[str], Node, Node]:
    """What stands for f and for g where a variance is 0, as pairs of functions, and their code."""
    code: list[str] = []
    sides: dict[GeneralForm, Node] = {}
    names = parameter_names(m.parameters)
    for label, one, other, point in (("f", m.f, m.g, m.points[0]), ("g", m.g, m.f, m.points[1])):
        if point in sides:
            continue
        place = f"_{m.name}_{label}"
        if not one.terms and not other.terms:
            mean: Node = Name("_nothing")  # the expectation of an even and an odd function
        elif one == ONE:
            sides[point] = call("tuple", "_one", "_one")
            continue
        elif other == ONE:
            mean = call("_mean_of", how, str(label == "f"))
        else:
            text, margin = _formula_code(m.margin(f"{m.name}_{label}_mean", one, point))
            code.append(text)
            mean = call("_mean_of", margin)
        code.append(NUMPY.write(at_points(f"{place}_at", point, names)))
        sides[point] = call("tuple", f"{place}_at", mean)
    return code, sides[m.points[0]], sides[m.points[1]]


def _public(
    m: Map | DiracMap, how: Sequence[Node], text: str, degrees: tuple[int, int] | None = None
) -> list[Definition]:
    """The map that a user calls; `how` is the formula over flat arrays, then both sides where a variance is 0."""
    law, means = ("var_u", "var_v", "cov"), ("mean_u", "mean_v") if m.means else ()
    keywords = tuple(s.name for s in m.parameters)
    arguments = (*law, *(f"{mean}=0.0" for mean in means), *(("*", *keywords) if keywords else ()))
    doc = f"{m.title}: {text}." if 0 < len(text) < 400 else f"{m.title}."
    value = call("_finite", call(f"_{m.name}_given", *law, "None", *means, *keywords), *law)
    lines = [*(("", one) for one in requirements(m.conditions, m.parameters)), ("formula", call("_certain", *how))]
    given = ["formula", *law, *(means or (0, 0)), call("list", *keywords), "det"]
    # integers: degrees are exponents of 2
    given += [] if degrees is None else [call("tuple", *map(str, degrees))]
    return [
        Definition(m.name, arguments, (), (value,), doc),
        # the Gram functions know some determinants better than the rounded covariances tell
        Definition(f"_{m.name}_given", (*law, "det", *means, *keywords), tuple(lines), (call("_evaluate", *given),)),
    ]


def requirements(conditions: Sequence[sp.Basic], parameters: Sequence[sp.Symbol]) -> list[Node]:
    """Calls that refuse what a map's conditions exclude, in the names of its arguments."""
    public = dict(zip(STATE, STATE_NAMES, strict=True)) | {s: s.name for s in parameters}
    required = [(node_of(c.gts - c.lts, public), f"the expectation is infinite, since not {c},") for c in conditions]
    required += [(Name(s.name), f"{s.name} is not positive") for s in parameters if s.is_positive]
    return [call("_require", gap, repr(wrong), "var_u", "var_v", "cov") for gap, wrong in required]


def _cannot_cancel(m: Map, written: Formula) -> bool:
    """One term, stable in itself and regular at full correlation, without e^{large} Φ(−large)."""
    if written.terms > 1 or written.conflicting or _is_singular(m.value):
        return False
    return not any(key.exponent and key.base.kind in ("Phi", "Phi2", "erfi") for key, _ in m.value)


def _is_singular(value: Value) -> bool:
    """Whether an exponent or an argument is divided by ab − c² or its root."""
    algebra = value.algebra
    det = (algebra.a * algebra.b - algebra.c**2).numer
    for key, _ in value:
        arguments = [s for s in key.base.arguments[:2] if key.base.kind in ("Phi", "Phi2")]
        parts = [key.exponent.denom, *(s.radicand.numer for s in arguments), *(s.element.denom for s in arguments)]
        if any(not part.div(det)[1] for part in parts if part):
            return True
    return False


def _route(m: Map, names: dict[sp.Symbol, str], late: bool = False) -> tuple[list[Definition], str]:
    """The other route, last, and its tolerance: angular integrals for homogeneous functions, quadrature else.

    No code of a quadrature if `late`.
    """
    name, law = f"_{m.name}_route", ("a", "b", "c", "d", "m1", "m2", "value", "error")
    exact = None if m.means else orthant_sum(m.f, m.g, names)
    if exact is not None:
        return [Definition(name, (*law, *names.values()), (), (exact, ZERO))], "_RELATIVE"
    if late:
        return [], "_OF_SCALE"
    code: list[Definition] = []
    result: tuple[Node, ...] = (Name("value"), Name("error"))
    if is_supported(m.f) and is_supported(m.g):
        functions, shapes = [], []
        for label, form, general in (("f", m.f, m.points[0]), ("g", m.g, m.points[1])):
            written, shape = function_and_shape(f"_{m.name}_{label}", form, general, names)
            shapes.append(shape)
            functions.append(Name("None") if written is None else bound(written.name, names))
            code += [] if written is None else [written]
        result = (call("_by_quadrature", *functions, *shapes, call("tuple", *law)),)
    return [*code, Definition(name, (*law, *names.values()), (), result)], "_OF_SCALE"


def docstring(module: Module) -> str:
    """What a module says of itself: its formulas, where they exist, their source and certificate."""
    surrogate = f" with the surrogate {module.surrogate}" if module.surrogate else ""
    lines = [f'"""Kernels of {module.activation}{surrogate}, derived and written by symntk {VERSION}.', ""]
    lines.append("(u, v) is centred normal with variances a, b and covariance c; E is over (u, v).")
    for name, m in module.maps.items():
        lines += ["", *textwrap.wrap(f"{name}_map(var_u, var_v, cov) is {m.title}:", 116)]
        lines += textwrap.wrap(m.text, 112, initial_indent="    ", subsequent_indent="    ")
        lines += [f"    exists where {condition}" for condition in m.conditions]
        lines += textwrap.wrap(
            f"at full correlation {module.diagonals[name]}", 112, initial_indent="    ", subsequent_indent="    "
        )
    lines += ["", *ABOUT]
    if module.certificate:
        lines += ["", *module.certificate]
    if module.origin:
        lines += ["", ORIGIN, module.origin]
    return escaped("\n".join([*lines, '"""']))
