"""A step of a derivation: it states an expectation, and computes it by a rule from the steps that it rests on.

What a rule says is beside what it computes: its docstring is its equation, and text and LaTeX of a step come from the
step. The four moves, the rules of one dimension and the reductions to them are all steps, and so is the answer's root.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from symntk.derive.latex import WIDEST, equation, mean, summed, tex, weighted, width

_LONGEST = 100  # characters of a value that are shown in a line of the tree


class Step(ABC):
    """A node of a derivation.

    Attributes:
        children: the steps that it rests on, each with the factor with which it enters.
    """

    children: tuple[tuple[Any, Step], ...]
    widest = 3 * WIDEST
    """The width of a value that a proof shows; a wider one stands in the whole formula only."""

    unknown: Unknown | None = None
    """Why there is no closed form, where there is none."""

    @property
    def name(self) -> str:
        """The rule's name."""
        return "".join(" " + c.lower() if c.isupper() else c for c in type(self).__name__).strip()

    @property
    def equation(self) -> str:
        """The rule's equation."""
        return " ".join((type(self).__doc__ or "").split())

    @cached_property
    def value(self) -> Any:
        """The expectation, computed from the children's values."""
        return self.evaluate()

    @abstractmethod
    def evaluate(self) -> Any:
        """Combine the children's values by the rule's equation."""

    @cached_property
    def expression(self) -> sp.Expr | None:
        """The value as a SymPy expression; None where it is none, or is real in a sum only."""
        return self.value

    def statement(self, turned: bool = False) -> str:
        """What the step computes, as text; `turned` where u and v have exchanged their roles on the way to it."""
        return "E[f(u) g(v)]"

    @property
    def weighted(self) -> list[tuple[sp.Expr, Step]]:
        """The children with their factors as expressions."""
        return list(self.children)

    def seen(self, turned: bool = False) -> tuple[Step, bool]:
        """The step that is shown for this one, and whether it is turned."""
        return self, turned

    @property
    def is_one(self) -> bool:
        """Whether it is E[1]."""
        return False

    def walk(self) -> Iterator[Step]:
        """The step and all below it, each once, parents before children."""
        return reversed(self.bottom_up())

    def bottom_up(self) -> list[Step]:
        """The step and all below it, each once, after those that it rests on."""
        seen: set[int] = set()
        out: list[Step] = []
        stack: list[tuple[Step, bool]] = [(self, False)]
        while stack:
            step, children_are_done = stack.pop()
            if children_are_done:
                out.append(step)
            elif id(step) not in seen:
                seen.add(id(step))
                stack.append((step, True))
                stack.extend((child, False) for _, child in step.children)
        return out

    def __str__(self) -> str:
        return Tree().text(self)

    # what a proof says of it, in Markdown

    def sentence(self, notes: Notes, turned: bool) -> str:
        """What the rule does; `notes` know what has been said."""
        raise NotImplementedError

    def latex(self, notes: Notes, turned: bool) -> str:
        """The expectation."""
        raise NotImplementedError

    def right_side(self, notes: Notes, turned: bool) -> str:
        """The right side of the rule's equation, before what is below is put in."""
        return weighted([(weight, child.inside(notes, turned)) for weight, child in self.weighted])

    def inside(self, notes: Notes, turned: bool) -> str:
        """The expectation in another step's equation, nothing for E[1]."""
        step, turned = self.seen(turned)
        return "" if step.is_one else step.latex(notes, turned)

    def hides(self, child: Step) -> bool:
        """Whether the child goes without a paragraph of its own."""
        return False

    def proof(self, left: str, right: str) -> list[str]:
        """Paragraphs that prove the formula of E[left right], or say what remains; both are LaTeX, of u and of v."""
        raise NotImplementedError


@dataclass(frozen=True)
class Unknown:
    """That rules do not reach an expectation: an answer, not an error.

    Attributes:
        term: the part that is beyond them.
        rules_tried: each with why it gave up.
        is_final: whether other rules would not help either, since the formula exists and is too long.
    """

    term: str
    rules_tried: tuple[tuple[str, str], ...]
    is_final: bool = False

    @classmethod
    def of(cls, rule: str, term: object, why: str) -> Unknown:
        """What one rule says."""
        return cls(str(term), ((rule, why),))

    def __add__(self, other: Unknown) -> Unknown:
        return Unknown(self.term or other.term, (*self.rules_tried, *other.rules_tried), other.is_final)

    @property
    def reasons(self) -> list[str]:
        """One line for each rule."""
        return [f"{rule}: {why}" for rule, why in self.rules_tried]

    def __str__(self) -> str:
        if self.is_final:
            return f"no closed form: {self.rules_tried[-1][1]}"
        return "\n".join([f"no closed form: {self.term} is beyond the rules", *(f"  {why}" for why in self.reasons)])


class Tree:
    """The steps as text: one numbered line per step, equal steps once, the rules' equations below.

        3  tilt  E[DiracDelta(u)*exp(-v**2)] = sqrt(2)/(2*sqrt(pi)*sqrt(2*a*b + a - 2*c**2))

    A step stands above those that it rests on, which are indented; `[× …]` is the factor with which it enters the sum
    above. Exchanges of the roles of u and v are carried out, not shown.
    """

    def __init__(self) -> None:
        self._equations: dict[str, str] = {}
        self._numbers: dict[int, tuple[int, bool]] = {}

    def text(self, step: Step) -> str:
        """The tree of a step."""
        return "\n".join([*self.lines(step), *self.equations()])

    def equations(self) -> list[str]:
        """An empty line, and the equation of each rule used."""
        return ["", *(f"{name}: {equation}" for name, equation in self._equations.items())]

    def lines(self, step: Step, depth: int = 0, turned: bool = False, factor: str = "") -> Iterator[str]:
        """The step and all below it."""
        step, turned = step.seen(turned)
        indent, known = "  " * depth, self._numbers.get(id(step))
        if known is not None:
            exchanged = "" if known[1] == turned else ", u and v exchanged"
            yield f"{indent}{known[0]}  above{exchanged}{factor}"
            return
        self._numbers[id(step)] = len(self._numbers) + 1, turned
        self._equations.setdefault(step.name, step.equation)
        value = "" if step.expression is None else str(step.expression)
        value = f" = {value}" if value and len(value) <= _LONGEST else ""
        yield f"{indent}{len(self._numbers)}  {step.name}  {step.statement(turned)}{value}{factor}"
        for weight, child in step.weighted:
            shown = "" if weight == 1 else f"   [× {shortened(weight)}]"
            yield from self.lines(child, depth + 1, turned, shown)


def shortened(expr: sp.Expr) -> str:
    """An expression as text, or what it is made of where that is too long for a line."""
    text = str(expr)
    names = ", ".join(sorted(s.name for s in expr.free_symbols))
    return text if len(text) <= _LONGEST else f"({len(text)} characters in {names})"


class Notes:
    """What a proof has said: the numbers of its paragraphs, explanations, the laws by number and their moments."""

    def __init__(self, first: int = 1) -> None:
        self.count = first - 1
        self.laws: dict[Any, int] = {}
        self.stated: set[tuple[int, str]] = set()
        self._told: set[str] = set()
        self._shown: set[int] = set()

    def number(self) -> str:
        """The number of the next paragraph."""
        self.count += 1
        return f"**{self.count}.**"

    def once(self, topic: str, text: str) -> str:
        """An explanation, at the first time only."""
        known = topic in self._told
        self._told.add(topic)
        return "" if known else text

    def index(self, law: Any) -> int:
        """The number of a law of (u, v); that of the functions is 0."""
        return self.laws.setdefault(law, len(self.laws))

    def mean(self, factors: list[str], law: Any) -> str:
        """The expectation of a product under a law, with the law's number."""
        index = self.index(law)
        return mean(*factors, index=f"_{{{index}}}" if index else "")

    def paragraphs(self, step: Step, turned: bool = False) -> Iterator[str]:
        """The step and all below it, a sentence and an equation for each that was not shown yet."""
        step, turned = step.seen(turned)
        if step.is_one or id(step) in self._shown:
            return
        self._shown.add(id(step))
        text = f"{self.number()} {step.sentence(self, turned)}"
        left, middle, value = step.latex(self, turned), step.right_side(self, turned), readable(step)
        shown = "" if value is None else summed(value)
        sides = [middle, "" if shown.replace(" ", "") == middle.replace(" ", "") else shown]
        yield f"{text}\n\n{equation(left, *sides)}" if any(sides) else text
        for _, child in step.children:
            if not step.hides(child):
                yield from self.paragraphs(child, turned)


def readable(step: Step) -> sp.Expr | None:
    """The value of a step, where it is short enough to be read."""
    value = step.expression
    if value is None or sp.count_ops(value) >= 150:
        return None
    return value if width(tex(value)) <= step.widest else None
