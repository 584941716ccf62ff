"""A rule is one step of a derivation: its docstring is its equation, its value is computed from its children."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from symntk.derive.moves.algebra import Element
from symntk.derive.moves.problem import Problem
from symntk.derive.moves.value import Surds, Value


@dataclass(frozen=True, eq=False)
class Step(ABC):
    """A node of the derivation: the problem it solves and the solved problems it rests on."""

    surds: Surds
    problem: Problem
    children: tuple[tuple[Element, Step], ...]

    @property
    def name(self) -> str:
        """The move's name."""
        return type(self).__name__.lower()

    @property
    def equation(self) -> str:
        """The move's equation."""
        return " ".join((type(self).__doc__ or "").split())

    @cached_property
    def value(self) -> Value:
        """The expectation, computed from the children's values."""
        return self.evaluate()

    @abstractmethod
    def evaluate(self) -> Value:
        """Combine the children's values by the move's equation."""

    def walk(self) -> Iterator[Step]:
        """Yield the step and all below it, each once, parents first."""
        seen: set[int] = set()
        stack: list[Step] = [self]
        while stack:
            step = stack.pop()
            if id(step) not in seen:
                seen.add(id(step))
                yield step
                stack.extend(child for _, child in step.children)
