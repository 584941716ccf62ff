"""What the moves act on: E[u^j W1(u) · v^k W2(v)] over a bivariate normal, with entries in the derivation's field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import sympy as sp

from symntk.derive.moves.algebra import Algebra, Element
from symntk.language.symbols import cov, mean_u, mean_v, var_u, var_v

U, V = sp.symbols("u v", real=True)
"""The two normal variables in what is shown."""


def variables(turned: bool = False) -> tuple[sp.Symbol, sp.Symbol]:
    """The variables of a problem's first and second factor, where u and v have exchanged their roles or not."""
    return (V, U) if turned else (U, V)


class Gaussian(NamedTuple):
    """Means and covariance of (u, v)."""

    m1: Element
    m2: Element
    a: Element
    b: Element
    c: Element

    @property
    def det(self) -> Element:
        """The determinant ab − c²."""
        return self.a * self.b - self.c * self.c

    def exchanged(self) -> Gaussian:
        """The law of (v, u)."""
        return Gaussian(self.m2, self.m1, self.b, self.a, self.c)


def own_law(algebra: Algebra) -> Gaussian:
    """The law of (u, v) of which expectations are asked."""
    return Gaussian(algebra.m1, algebra.m2, algebra.a, algebra.b, algebra.c)


def symbolic_law(means: bool) -> Gaussian:
    """The law of (u, v) in the symbols of formulas."""
    m1, m2 = (mean_u, mean_v) if means else (sp.S.Zero, sp.S.Zero)
    return Gaussian(m1, m2, var_u, var_v, cov)


class Window(NamedTuple):
    """A soft step (kind "step") or a delta of some order at a threshold, in field elements."""

    kind: str
    threshold: Element
    variance: Element
    side: int = 1
    order: int = 0


class Factor(NamedTuple):
    """x^power · exp(quadratic·x² + linear·x) · window."""

    power: int
    quadratic: Element
    linear: Element
    window: Window | None


@dataclass(frozen=True)
class Problem:
    """E[left(u) · right(v)] for (u, v) ~ gaussian; hashable, so that equal problems are solved once."""

    left: Factor
    right: Factor
    gaussian: Gaussian

    @property
    def factors(self) -> tuple[Factor, Factor]:
        """The functions of u and of v."""
        return self.left, self.right

    def exchanged(self) -> Problem:
        """The same expectation with the roles of u and v exchanged."""
        return Problem(self.right, self.left, self.gaussian.exchanged())

    def with_left(self, **changes: Any) -> Problem:
        """A copy with the left factor changed."""
        return replace(self, left=self.left._replace(**changes))
