"""A map with deltas on one side and a closed mean on the other, as code."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi

import sympy as sp

from symntk.emit.certain import at_points
from symntk.emit.code import Definition, Lines, Name, Node, call, choose, total
from symntk.emit.expressions import node_of
from symntk.emit.formula import LAW, parameter_names
from symntk.emit.line import line_code
from symntk.emit.maps import DiracMap


def dirac_code(m: DiracMap) -> tuple[list[Definition], list[Node]]:
    """The mean of the other side, the formula over flat arrays a, b, c, det, d, m1, m2, and both sides at points.

    Also what to call: the formula, and for a variance of 0 both sides.
    """
    names = parameter_names(m.parameters)
    points = {"f": m.derivation.f, "g": m.derivation.g}
    code = [
        *line_code(f"_{m.name}_line", m.derivation.line, names),
        _formula(m, names),
        _deltas(m, names),
        *(at_points(f"_{m.name}_{label}_at", point, names) for label, point in points.items()),
    ]
    sides = [
        call("tuple", f"_{m.name}_{label}_at", f"_{m.name}_{'deltas' if m.derivation.side == label else 'line'}")
        for label in points
    ]
    return code, [Name(f"_{m.name}_formula"), *sides]


def _formula(m: DiracMap, names: Mapping[sp.Symbol, str]) -> Definition:
    lines = Lines()
    a, b, m1, m2 = (
        Name(one) for one in (("a", "b", "m1", "m2") if m.derivation.side == "f" else ("b", "a", "m2", "m1"))
    )
    line, given = f"_{m.name}_line", names.values()
    scale = lines.name(call("sqrt", 2 * pi * a))
    parts = []
    if m.derivation.constant != 0:
        parts.append(node_of(m.derivation.constant, names) * call(line, m2, b, *given))
    for weight, delta in m.derivation.deltas:
        offset = lines.name(node_of(delta.threshold, names) - m1)
        density = lines.name(call("exp", -0.5 * offset * (offset / a)) / scale)
        mean = call(line, m2 + Name("c") / a * offset, Name("d") * (Name("d") / a), *given)
        parts.append(choose(density > 0, node_of(weight, names) * density * mean, 0))
    return lines.definition(f"_{m.name}_formula", [*LAW, *given], [total(parts)])


def _deltas(m: DiracMap, names: Mapping[sp.Symbol, str]) -> Definition:
    """The mean of the side with the deltas."""
    mean = Name("mean")
    parts = [node_of(m.derivation.constant, names)] if m.derivation.constant != 0 else []
    for weight, delta in m.derivation.deltas:
        bell = call("_bell", node_of(delta.threshold, names) - mean, "variance")
        parts.append(node_of(weight, names) * bell)
    return Definition(f"_{m.name}_deltas", ("mean", "variance", *names.values()), (), (total(parts),))
