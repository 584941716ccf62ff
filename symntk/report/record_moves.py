"""The proof of a closed form in sentences: what the four moves do to each pair of terms, with the equation after each.

Comes in: a `Derivation`. Goes out: numbered paragraphs of Markdown. A law of (u, v) that a move leaves behind is given
a number when it first appears. Pairs of terms that go through the same moves are shown once; of the others, which
differ in thresholds and signs, only the result is stated.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symntk.derive.moves.algebra import Algebra
from symntk.derive.moves.base import Probability
from symntk.derive.moves.condition import Condition
from symntk.derive.moves.engine import Derivation, Pair
from symntk.derive.moves.isserlis import Isserlis
from symntk.derive.moves.problem import Factor, Gaussian
from symntk.derive.moves.publish import publish
from symntk.derive.moves.rule import Step
from symntk.derive.moves.stein import Exchange, SteinDelta
from symntk.derive.moves.tilt import Tilt
from symntk.derive.moves.value import Surds, Value, density, single
from symntk.language import terms
from symntk.language.special import bivariate_normal_cdf
from symntk.report.record_math import WIDEST, display, equation, inline, summed, tex, width

U, V = sp.symbols("u v", real=True)
_MOST_STEPS = 18
"""Steps of one proof that are written out; the kinds of pairs that come after are stated with their results."""
_LONGEST = 2 * WIDEST
"""The widest result of a step that is shown; a wider one stands in the whole formula only."""
_MOST_RESULTS = 6
"""Results of pairs that are stated without their steps."""


def moves_proof(derivation: Derivation, left: str, right: str) -> list[str]:
    """Paragraphs that prove the formula of E[left right], left and right being LaTeX of functions of u and v."""
    if derivation.remark:
        text = "One function is odd and the other even, and $`(-u, -v)`$ has the law of $`(u, v)`$: the expectation is"
        return [f"{text} its own negative, hence 0."]
    return _Proof(derivation).paragraphs(left, right)


class _Proof:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.algebra = derivation.surds.algebra
        own = self.algebra
        self.laws: dict[Gaussian, int] = {Gaussian(own.m1, own.m2, own.a, own.b, own.c): 0}
        self.shown: dict[int, tuple[int, bool]] = {}
        self.count = 0
        self.told: set[str] = set()
        self.kinds: set[tuple[object, ...]] = set()
        self.stated: set[tuple[int, str]] = set()

    def paragraphs(self, left: str, right: str) -> list[str]:
        """Sum, then each kind of pair, then the others' results, then the total."""
        groups = _by_terms(self.derivation)
        out = [self._sum(groups, left, right)]
        rest: dict[tuple[object, ...], list[Pair]] = {}
        seen: set[tuple[terms.Term, terms.Term]] = set()
        for pairs in groups:
            pair = pairs[0]
            key = _bare(pair.left), _bare(pair.right)
            if _is_one(pair.step) or key in seen or (key[1], key[0]) in seen:
                continue
            seen.add(key)
            kind = _signature(pair.step)
            if kind in rest or self.count >= _MOST_STEPS:
                rest.setdefault(kind, []).append(pair)
                continue
            rest[kind] = []
            self.kinds.add(kind)
            out += self._steps(pair.step, False)
        out += self._results([pair for pairs in rest.values() for pair in pairs])
        if len(groups) > 1:
            exchanged = (
                "" if len(seen) == len(groups) else " Terms with the roles of u and v exchanged follow by symmetry."
            )
            out.append(f"{self._number()} **Total.** Add the terms with their coefficients.{exchanged}")
        return out

    def _once(self, topic: str, text: str) -> str:
        """An explanation, at the first time only."""
        known = topic in self.told
        self.told.add(topic)
        return "" if known else text

    def _number(self) -> str:
        self.count += 1
        return f"**{self.count}.**"

    def _sum(self, groups: list[list[Pair]], left: str, right: str) -> str:
        """The expectation as a sum over pairs of terms."""
        head = f"{self._number()} **Linearity.** "
        parts = []
        for pairs in groups:
            first, second = pairs[0].left, pairs[0].right
            weight = sp.expand(first.coefficient * second.coefficient)
            parts.append((weight, _bare(first).as_expr(U) * _bare(second).as_expr(V)))
        if len(parts) <= 6:
            text = _weighted([(weight, self._mean(tex(inside), 0) if inside != 1 else "") for weight, inside in parts])
            return head + "Write both functions as sums of terms.\n\n" + equation(_mean(rf"{left}\, {right}"), text)
        sides = []
        for side, name, variable in ((0, left, U), (1, right, V)):
            found = list(dict.fromkeys((pairs[0].left, pairs[0].right)[side] for pairs in groups))
            sides.append((found, equation(name, _function_sum(found, variable))))
        shown = sides[:1] if sides[0][0] == sides[1][0] else sides
        text = f"Write both functions as sums of terms, which gives {len(groups)} pairs of terms."
        return "\n\n".join([head + text, *(text for _, text in shown)])

    def _steps(self, step: Step, swapped: bool) -> Iterator[str]:
        """The step and all below it."""
        step, swapped = _through(step, swapped)
        if _is_one(step) or (id(step) in self.shown):
            return
        self.shown[id(step)] = self.count + 1, swapped
        number = self._number()
        children = [(weight, *_through(child, swapped)) for weight, child in step.children]
        yield f"{number} {self._sentence(step, swapped, children)}\n\n{self._equation(step, swapped, children)}"
        for _, child, orientation in children:
            if not (isinstance(step, (Tilt, Condition)) and _is_base(child) and _value(step) is not None):
                yield from self._steps(child, orientation)

    def _sentence(self, step: Step, swapped: bool, children: list[tuple[object, Step, bool]]) -> str:
        first = inline(str(V if swapped else U))
        if isinstance(step, Tilt):
            long = "The exponential times the normal density is, up to a factor, another normal density."
            text = f"**Tilt.** {self._once('tilt', long)}"
        elif isinstance(step, Condition):
            threshold, variance = self._observation(step)
            event = inline(f"{V if swapped else U} = {tex(threshold)}")
            text = f"**Condition** on {event}. {self._once('delta', 'The density there stands in front.')}"
            if variance != 0:
                noisy = inline(rf"{V if swapped else U} + \xi = {tex(threshold)}")
                noise = inline(rf"\xi \sim N(0, {tex(variance)})")
                text = f"**Condition** on {noisy}, an observation of {first} with independent noise {noise}"
                long = f" {inline(self._density(step, V if swapped else U))} is its density given {first}."
                text += f".{self._once('soft', long)}"
        elif isinstance(step, SteinDelta):
            text = "**Stein.** Integration by parts takes one order from the delta."
        elif isinstance(step, Probability):
            long = "A product of steps is a probability of normal variables."
            return f"**Base.** {self._once('base', long)}".strip()
        elif isinstance(step, Isserlis):
            return "**Moments.** Powers of normal variables pair up (Isserlis)."
        elif not step.problem.gaussian.a:
            text = (
                f"**Constant.** Under this law {first} is {inline(tex(self.algebra.expr(step.problem.gaussian.m1)))}."
            )
        elif not children:
            text = f"**Symmetry.** Nothing else depends on {first}, whose mean is 0."
        else:
            u, v = (V, U) if swapped else (U, V)
            mean = rf"\mathrm{{mean}}({u})\, \mathbb{{E}}[h] + " if step.problem.gaussian.m1 else ""
            own = rf"\mathrm{{var}}({u})\, \mathbb{{E}}[\partial_{u} h]"
            cross = rf"\mathrm{{cov}}(u, v)\, \mathbb{{E}}[\partial_{v} h]"
            rule = rf"\mathbb{{E}}[{u} h] = {mean}{own} + {cross}"
            long = f": {inline(rule)} for every normal law"
            text = f"**Stein.** Integrate by parts in {first}{self._once('stein' + mean[:4], long)}."
        laws = [self._law(child, orientation) for _, child, orientation in children if not _is_one(child)]
        new = " ".join(dict.fromkeys(law for law in laws if law))
        if any(_is_base(child) for _, child, _ in children) and isinstance(step, (Tilt, Condition)):
            new += " " + self._once("base", "A product of steps is a probability of normal variables (**base**).")
        return " ".join(f"{text} {new}".split())

    def _equation(self, step: Step, swapped: bool, children: list[tuple[object, Step, bool]]) -> str:
        left = self._expectation(step, swapped)
        middle = ""
        if isinstance(step, Isserlis):
            middle = ""
        elif isinstance(step, Probability):
            middle = _normal_probability(step)
        elif isinstance(step, (Tilt, Condition)):
            ((_, child, orientation),) = children
            front = front_of(step)
            inside = "" if _is_one(child) else self._expectation(child, orientation)
            middle = _product(front, inside)
        else:
            parts = [
                (self.algebra.expr(weight), "" if _is_one(child) else self._expectation(child, turned))
                for weight, child, turned in children
            ]
            middle = _weighted(parts) if parts else "0"
        value = _value(step)
        shown = "" if value is None else summed(value)
        return equation(left, middle, "" if shown.replace(" ", "") == middle.replace(" ", "") else shown)

    def _expectation(self, step: Step, swapped: bool) -> str:
        problem = step.problem
        first, second = (V, U) if swapped else (U, V)
        inside = [_factor(problem.left, first, self.algebra), _factor(problem.right, second, self.algebra)]
        text = tex(sp.Mul(*inside)) if sp.Mul(*inside) != 1 else ""
        if isinstance(step, Condition):
            text = self._density(step, first) + (rf"\, {text}" if text else "")
        return self._mean(text or "1", self._index(problem.gaussian.exchanged() if swapped else problem.gaussian))

    def _mean(self, inside: str, index: int) -> str:
        name = r"\mathbb{E}" if index == 0 else rf"\mathbb{{E}}_{{{index}}}"
        return rf"{name}\left[{inside}\right]"

    def _observation(self, step: Condition) -> tuple[sp.Expr, sp.Expr]:
        """Threshold and noise variance of the density on which the step conditions."""
        law = step.problem.gaussian
        return self.algebra.expr(step.offset + law.m1), self.algebra.expr(step.variance - law.a)

    def _density(self, step: Condition, variable: sp.Symbol) -> str:
        threshold, variance = self._observation(step)
        if variance == 0:
            return tex(sp.DiracDelta(variable - threshold))
        return rf"N\left({variable};\, {tex(threshold)},\, {tex(variance)}\right)"

    def _index(self, law: Gaussian) -> int:
        return self.laws.setdefault(law, len(self.laws))

    def _law(self, child: Step, swapped: bool) -> str:
        """What the text has not yet said of a law's moments that matter now."""
        problem = child.problem
        law = problem.gaussian.exchanged() if swapped else problem.gaussian
        index = self._index(law)
        if index == 0:
            return ""
        needed = [not _is_free(problem.left) or isinstance(child, Condition), not _is_free(problem.right)]
        if swapped:
            needed.reverse()
        m1, m2, a, b, c = (self.algebra.expr(entry) for entry in law)
        parts: list[str] = []
        for name, mean, variance, matters in (("u", m1, a, needed[0]), ("v", m2, b, needed[1])):
            if matters and variance == 0:
                parts.append(rf"{name} = {tex(mean)}")
            elif matters:
                parts += [rf"\mathrm{{mean}}\,{name} = {tex(mean)}"] if mean != 0 else []
                parts.append(rf"\mathrm{{var}}\,{name} = {tex(variance)}")
        if all(needed) and a != 0 and b != 0:
            parts.append(rf"\mathrm{{cov}}(u, v) = {tex(c)}")
        new = [part for part in parts if (index, part) not in self.stated]
        self.stated.update((index, part) for part in new)
        name = inline(rf"\mathbb{{E}}_{{{index}}}")
        return f"Under {name}: {', '.join(inline(part) for part in new)}." if new else ""

    def _results(self, pairs: list[Pair]) -> list[str]:
        """The pairs that go through moves shown already."""
        if not pairs:
            return []
        stated = [(pair, value) for pair in pairs if (value := _value(pair.step)) is not None]
        sides = []
        for pair, value in stated[:_MOST_RESULTS]:
            inside = tex(_bare(pair.left).as_expr(U) * _bare(pair.right).as_expr(V))
            sides.append((self._mean(inside, 0), summed(value)))
        left = len(pairs) - len(sides)
        kinds = {_signature(pair.step) for pair in pairs}
        other = "numbers" if kinds <= self.kinds else "numbers and powers"
        text = f"{self._number()} **In the same way**, with other {other},"
        if not sides:
            return [f"{text[:-1]}, the remaining {left} pairs of terms are evaluated; their sum is in the formula."]
        lines = [f"{mean} &= {value}" for mean, value in sides]
        shown = display("\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}")
        shown = equation(*sides[0]) if len(sides) == 1 else shown
        tail = f"\n\nand likewise {left} more pairs, whose sum is in the formula." if left else ""
        return [f"{text}\n\n{shown}{tail}"]


def front_of(step: Tilt | Condition) -> sp.Expr:
    """The factor that a tilt or a condition leaves before the expectation of the rest."""
    surds: Surds = step.surds
    if isinstance(step, Tilt):
        return plainly(single(surds).scaled(surds.inverse_root(step.determinant), step.exponent))
    return plainly(single(surds).scaled(*density(surds, step.offset, step.variance)))


def plainly(value: Value) -> sp.Expr:
    """The value as it is; `publish` takes the real part of a complex one, which is right for whole sums only."""
    expr = publish(value)
    return expr.args[0] if value.is_complex else expr


def _mean(inside: str) -> str:
    return rf"\mathbb{{E}}\left[{inside}\right]"


def _by_terms(derivation: Derivation) -> list[list[Pair]]:
    """Pairs that differ in a constant factor only belong together."""
    groups: dict[tuple[terms.Term, terms.Term], list[Pair]] = {}
    for pair in derivation.pairs:
        groups.setdefault((pair.left, pair.right), []).append(pair)
    return list(groups.values())


def _bare(term: terms.Term) -> terms.Term:
    """The term without its coefficient."""
    return terms.Term(sp.S.One, term.power, term.quadratic, term.linear, term.window)


def _function_sum(found: list[terms.Term], variable: sp.Symbol) -> str:
    return _weighted(
        [(t.coefficient, tex(_bare(t).as_expr(variable)) if _bare(t) != terms.Term(sp.S.One) else "") for t in found]
    )


def _weighted(parts: list[tuple[sp.Expr, str]]) -> str:
    """Σ weight · text; an empty text is 1. Broken into lines where it is too wide."""
    lines = [""]
    for weight, text in parts:
        negative = weight.could_extract_minus_sign()
        piece = _product(-weight if negative else weight, text)
        sign = "-" if negative else "+" if any(lines) else ""
        piece = f"{sign} {piece}".strip()
        if not lines[-1]:
            lines[-1] = piece
        elif width(lines[-1] + piece) <= WIDEST:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return " \\\\\n&\\quad ".join(lines)


def _product(weight: sp.Expr, text: str) -> str:
    if not text:
        return tex(weight)
    if weight == 1:
        return text
    front = tex(weight)
    return rf"\left({front}\right) {text}" if weight.is_Add else rf"{front}\, {text}"


def _through(step: Step, swapped: bool) -> tuple[Step, bool]:
    """The step below exchanges of the roles of u and v, and whether they are exchanged in it."""
    while isinstance(step, Exchange):
        ((_, step),), swapped = step.children, not swapped
    return step, swapped


def _is_one(step: Step) -> bool:
    """Whether it is E[1]."""
    step, _ = _through(step, False)
    return isinstance(step, Probability) and step.problem.left.window is None and step.problem.right.window is None


def _is_base(step: Step) -> bool:
    """Whether it is a probability of steps."""
    return isinstance(step, Probability) and not _is_one(step)


def _is_free(factor: Factor) -> bool:
    return not factor.power and factor.window is None and not factor.quadratic and not factor.linear


def _signature(step: Step) -> tuple[object, ...]:
    """The moves of a tree and the kinds of its functions, without numbers and up to an exchange of u and v."""
    step, _ = _through(step, False)
    kinds = sorted(
        (f.power, bool(f.quadratic), bool(f.linear), "" if f.window is None else f"{f.window.kind}{f.window.order}",
         f.window is not None and bool(f.window.variance))
        for f in (step.problem.left, step.problem.right)
    )  # fmt: skip
    below = sorted({_signature(child) for _, child in step.children if not _is_one(child)}, key=repr)
    return (step.name, *kinds, *below)


def _factor(factor: Factor, variable: sp.Symbol, algebra: Algebra) -> sp.Expr:
    window: terms.Window = None
    if factor.window is not None:
        threshold = algebra.expr(factor.window.threshold)
        if factor.window.kind == "delta":
            window = terms.Delta(threshold, factor.window.order)
        else:
            window = terms.Step(threshold, algebra.expr(factor.window.variance), factor.window.side)
    quadratic, linear = algebra.expr(factor.quadratic), algebra.expr(factor.linear)
    return terms.Term(sp.S.One, factor.power, quadratic, linear, window).as_expr(variable)


def _normal_probability(step: Probability) -> str:
    """Φ or Φ₂ with its arguments, before the value is written by arcsines."""
    (key,) = step.value.terms if len(step.value.terms) == 1 else (None,)
    if key is None or key.base.kind not in ("Phi", "Phi2"):
        return ""
    arguments = [plainly(single(step.surds, factor=argument)) for argument in key.base.arguments]
    if key.base.kind == "Phi":
        return rf"\Phi\left({tex(arguments[0])}\right)"
    h, k, rho = arguments
    if h == 0 and k == 0:
        return rf"\Phi_2\left(0, 0;\, {tex(rho)}\right)"
    return tex(bivariate_normal_cdf(h, k, rho))


def _value(step: Step) -> sp.Expr | None:
    """The result of a step that is real by itself and short enough to be read."""
    if step.value.is_complex:
        return None
    value = publish(step.value)
    return value if sp.count_ops(value) < 150 and width(tex(value)) <= _LONGEST else None
