"""What the moves act on: E[u^j W1(u) · v^k W2(v)] over a bivariate normal, with entries in the derivation's field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from symntk.derive.moves.algebra import Element


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

    def exchanged(self) -> Problem:
        """The same expectation with the roles of u and v exchanged."""
        return Problem(self.right, self.left, self.gaussian.exchanged())

    def with_left(self, **changes: Any) -> Problem:
        """A copy with the left factor changed."""
        return replace(self, left=self.left._replace(**changes))
