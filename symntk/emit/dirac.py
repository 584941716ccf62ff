"""A map with deltas on one side and a closed mean on the other, as source."""

from __future__ import annotations

from symntk.emit.certain import at_points
from symntk.emit.floats import FloatWriter
from symntk.emit.formula import parameter_names
from symntk.emit.line import line_source
from symntk.emit.maps import DiracMap
from symntk.emit.targets.numpy import NUMPY


def dirac_lines(m: DiracMap) -> tuple[list[str], tuple[str, str, str]]:
    """The mean of the other side, and the formula over flat arrays a, b, c, det, d, m1, m2; and what to call for it.

    That is the formula and, for a variance of 0, both sides.
    """
    names = parameter_names(m.parameters)
    write = FloatWriter(names)
    given = "".join(f", {name}" for name in names.values())
    body = line_source(m.derivation.line, names)
    lines = [
        f"def _{m.name}_line(mean, variance{given}):",
        f'    """E[{"g" if m.derivation.side == "f" else "f"}(Y)], Y ~ N(mean, variance)."""',
        *(f"    {line}" for line in body.splitlines()),
        "",
        "",
        f"def _{m.name}_formula(a, b, c, det, d, m1, m2{given}):",
    ]
    if m.derivation.side == "g":
        lines.append("    a, b, m1, m2 = b, a, m2, m1")
    lines.append("    scale, total = np.sqrt(2.0 * np.pi * a), 0.0")
    if m.derivation.constant != 0:
        lines.append(f"    total = {write(m.derivation.constant)} * _{m.name}_line(m2, b{given})")
    for weight, delta in m.derivation.deltas:
        place = write(delta.threshold)
        shifted = f"{place} - m1" if place != "0.0" else "-m1"
        lines += [
            f"    offset = {shifted}",
            "    density = np.exp(-0.5 * offset * (offset / a)) / scale",
            f"    mean = _{m.name}_line(m2 + c / a * offset, d * (d / a){given})",
            f"    total = total + np.where(density > 0.0, {write(weight)} * density * mean, 0.0)",
        ]
    lines += ["    return total", "", "", f"def _{m.name}_deltas(mean, variance{given}):"]
    lines.append(f"    total = np.zeros(mean.shape) + {write(m.derivation.constant)}")
    for weight, delta in m.derivation.deltas:
        lines.append(f"    total = total + {write(weight)} * _bell({write(delta.threshold)} - mean, variance)")
    lines.append("    return total")
    how = [f"_{m.name}_formula"]
    for label, point in (("f", m.derivation.f), ("g", m.derivation.g)):
        lines += ["", "", NUMPY.write(at_points(f"_{m.name}_{label}_at", point, names))]
        mean = "deltas" if m.derivation.side == label else "line"
        how.append(f"(_{m.name}_{label}_at, _{m.name}_{mean})")
    return lines, (how[0], how[1], how[2])
