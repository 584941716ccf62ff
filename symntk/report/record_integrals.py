"""What is said of an expectation that the four moves alone do not close: the reduction, the integral, the bound.

Comes in: an `Expectation`. Goes out: paragraphs of Markdown; where a closed form exists after all, its proof.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from symntk.derive.integral import Fallback
from symntk.derive.line.dirac import DiracDerivation
from symntk.derive.mixture.mixture import Mixture, MixtureDerivation
from symntk.derive.moves.engine import Derivation
from symntk.derive.moves.publish import publish
from symntk.derive.parity import ParitySplit
from symntk.kernels.expectation import Expectation
from symntk.language.symbols import x
from symntk.report.record_line import line_proof
from symntk.report.record_math import WIDEST, display, equation, inline, power_of_ten, summed, tex, width
from symntk.report.record_moves import moves_proof

_DENSITY = r"\frac{\exp\left(-\frac{b u^2 - 2 c u v + a v^2}{2 (a b - c^2)}\right)}{2 \pi \sqrt{a b - c^2}}"


def proof(E: Expectation, left: str, right: str) -> list[str]:
    """Paragraphs that prove the formula of E, or say what remains; `left` and `right` are f(u) and g(v) in LaTeX."""
    return _proof(E.derivation, left, right)


def _proof(derivation: Any, left: str, right: str) -> list[str]:
    if isinstance(derivation, Derivation):
        return moves_proof(derivation, left, right)
    if isinstance(derivation, DiracDerivation):
        return _dirac(derivation, left, right)
    if isinstance(derivation, ParitySplit):
        return _by_parity(derivation, left, right)
    return _fallback(derivation, left, right)


def _by_parity(derivation: ParitySplit, left: str, right: str) -> list[str]:
    """The law of (−u, −v) is that of (u, v): only the part of one function that has the other's parity counts."""
    variable = sp.Symbol("u" if derivation.side == "f" else "v", real=True)
    part = tex(derivation.part.xreplace({x: variable}))
    kind, other = ("even", "odd") if derivation.sense > 0 else ("odd", "even")
    one, rest = (left, right) if derivation.side == "f" else (right, left)
    text = f"**Parity.** {inline(rest)} is {kind}, and so the {other} part of {inline(one)} adds nothing. Left is"
    sides = (part, right) if derivation.side == "f" else (left, part)
    shown = equation(_mean(left, right), _mean(*sides))
    return [f"{text}\n\n{shown}", *_proof(derivation.inner, *sides)]


def _dirac(derivation: DiracDerivation, left: str, right: str) -> list[str]:
    one, other, g = ("u", "v", right) if derivation.side == "f" else ("v", "u", left)
    a, b, _, _ = (tex(entry) for entry in derivation.law)
    parts = []
    for weight, delta in derivation.deltas:
        t = delta.threshold
        density = sp.exp(-(t**2) / (2 * derivation.law[0])) / sp.sqrt(2 * sp.pi * derivation.law[0])
        given = tex(sp.Eq(sp.Symbol(one), t, evaluate=False))
        parts.append(rf"{tex(weight * density)}\, \mathbb{{E}}\left[{g} \mid {given}\right]")
    if not parts:
        head = "**1.** **Constant.** One function is a constant, so one normal mean is left."
        return [head, *_renamed(derivation, g, b, "0", 2)]
    head = f"**1.** **Condition.** The delta fixes {inline(one)}; the density there stands in front."
    text = equation(_mean(left, right), " + ".join(parts))
    mean = "0" if all(delta.threshold == 0 for _, delta in derivation.deltas) else rf"t\, \frac{{c}}{{{a}}}"
    return [f"{head}\n\n{text}", *_renamed(derivation, g, rf"\frac{{a b - c^2}}{{{a}}}", mean, 2)]


def _renamed(derivation: DiracDerivation, g: str, variance: str, mean: str, number: int) -> list[str]:
    """The mean over one variable Y, for a variance b that is then replaced."""
    text = f"Given that, the other variable is normal with mean {inline(mean)} and variance {inline(variance)}. "
    text += (
        f"The steps below find the mean of {inline(g)} for a normal $`Y`$ in its place, whose variance they call $`b`$."
    )
    last = f"**Total.** Put {inline(variance)} for $`b`$ and multiply by the factor of step 1."
    return [text, *line_proof(derivation.line, number), last]


def _fallback(derivation: Fallback, left: str, right: str) -> list[str]:
    out = []
    if derivation.f.deltas or derivation.g.deltas:
        rule = r"\mathbb{E}[\delta(u - t)\, h(v)] = \frac{e^{-t^2/2a}}{\sqrt{2\pi a}}\, \mathbb{E}[h(v) \mid u = t]"
        out.append(f"**Condition.** A delta leaves one mean over the other variable.\n\n{display(rule)}")
    if derivation.inner is not None:
        out.append(_reduction(derivation, left, right))
    elif derivation.f.has_regular_part and derivation.g.has_regular_part:
        integral = rf"\iint {left}\, {right}\, {_DENSITY}\, du\, dv"
        text = "**Two dimensions.** Neither function is a finite sum of polynomial · exponential · step terms, so the "
        text += "moves close the mean over neither variable. What remains is"
        out.append(f"{text}\n\n{equation(_mean(left, right), integral)}")
    else:
        out.append("The function that is left is of none of the kinds whose mean is closed; the integral remains.")
    mixture = ""
    if derivation.mixture is not None:
        out.append(_mixture(derivation.mixture))
        mixture = " else by the mixture where its error is small,"
    numbers = f"by the Hermite series where few terms suffice,{mixture} else by panels"
    out.append(f"**Numbers:** {numbers} ([how](README.md#without-a-closed-form)).")
    return out


def _mean(left: str, right: str) -> str:
    return rf"\mathbb{{E}}\left[{left}\, {right}\right]"


def _reduction(derivation: Fallback, left: str, right: str) -> str:
    """One side's conditional mean is closed."""
    assert derivation.inner is not None
    name, given = (left, "v") if derivation.inner_side == "f" else (right, "u")
    value = publish(derivation.inner.value)
    law = ("a - c^2/b", "v\\, c/b") if given == "v" else ("b - c^2/a", "u\\, c/a")
    text = f"**Reduction to one dimension.** {inline(name)} alone is Gaussian-elementary, so its mean given "
    text += (
        f"{inline(given)} is closed. For a normal variable $`Y`$ of mean $`m_1`$ and variance $`a`$ in its place it is"
    )
    shown = summed(value)
    if width(shown) > 4 * WIDEST:
        shown = r"\text{a sum of normal distribution functions, by the four moves}"
    tail = (
        f"with {inline(law[1])} for $`m_1`$ and {inline(law[0])} for $`a`$. The other function is not of this class, "
    )
    tail += f"and the mean over {inline(given)} remains as an integral."
    mean = equation(r"\mathbb{E}[h(Y)]", shown)
    return f"{text}\n\n{mean}\n\n{tail}"


def _mixture(mixture: MixtureDerivation) -> str:
    """The sum inside the class, its error, and the formula that is summed."""
    sides = [(name, one) for name, one in (("f", mixture.f), ("g", mixture.g)) if isinstance(one, Mixture)]
    same = len(sides) == 2 and sides[0][1].function == sides[1][1].function
    lines = []
    for name, one in sides[:1] if same else sides:
        error = power_of_ten(float(one.error)) if one.error.is_number else tex(one.error)
        kernel = tex(one.kernel.as_expr(one.variable))
        left = rf"g({one.variable}) = f({one.variable})" if same else f"{name}({one.variable})"
        approximate = rf"\sum_j w_j \left({kernel}\right)_{{{one.node} = {one.node}_j}}"
        lines.append(rf"{left} &= {tex(one.function)} \approx {approximate}, & \varepsilon_{name} &\le {error}")
    text = "**Mixture.** The logistic function is a scale mixture of normal distribution functions; with a Gauss rule "
    text += "and a certified bound of the error on the whole line,"
    shown = display("\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}")
    inside = equation(r"\mathbb{E}\left[f_p(u)\, g_q(v)\right]", summed(mixture.expression))
    bound = r"\varepsilon_f \sqrt{\mathbb{E} g^2} + \varepsilon_g \sqrt{\mathbb{E} f^2} + \varepsilon_f\, \varepsilon_g"
    tail = f"so the error is at most {inline(bound)}. The mean of a product of two summands, whose nodes are $`p`$ and "
    tail += "$`q`$, is closed by the four moves:"
    return f"{text}\n\n{shown}\n\n{tail}\n\n{inside}"
