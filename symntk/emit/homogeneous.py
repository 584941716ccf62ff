"""Sums of powers of x₊ and x₋: their centred expectations are angular integrals of positive functions."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symntk.emit.code import Name, Node, call, total
from symntk.emit.expressions import node_of
from symntk.language.terms import Delta, NormalForm, Step

_HIGHEST = 8  # total degree that the runtime's angular quadrature resolves

Sides = dict[int, tuple[sp.Expr, sp.Expr]]  # degree → coefficients of x₊^degree and x₋^degree


def orthant_sum(f: NormalForm, g: NormalForm, names: Mapping[sp.Symbol, str]) -> Node | None:
    """The sum of E[u₊^j v₊^k] and E[u₊^j v₋^k] in a, b, c and d, or None where f or g is no such sum."""
    left, right = _sides(f), _sides(g)
    if left is None or right is None or max(left, default=0) + max(right, default=0) > _HIGHEST:
        return None
    a, b, c, d = (Name(name) for name in "abcd")
    parts = []
    for j, (plus, minus) in left.items():
        for k, (plus_v, minus_v) in right.items():
            same, cross = sp.expand(plus * plus_v + minus * minus_v), sp.expand(plus * minus_v + minus * plus_v)
            for weight, covariance in ((same, c), (cross, -c)):
                if weight != 0:
                    parts.append(node_of(weight, names) * call("orthant_moment", j, k, a, b, covariance, d))
    return total(parts) if parts else None


def degree(form: NormalForm) -> int | None:
    """The degree k of a homogeneous function, f(sx) = s^k f(x) for s > 0; None for others.

    >>> from symntk.language.terms import Delta, Term
    >>> print(degree(NormalForm((Term(sp.S.One, window=Delta(sp.S.Zero)),))))
    -1
    """
    found = set()
    for t in form.terms:
        w = t.window
        soft = isinstance(w, Step) and w.variance != 0
        if t.quadratic != 0 or t.linear != 0 or soft or (w is not None and w.threshold != 0):
            return None
        found.add(-1 - w.order if isinstance(w, Delta) else t.power)
    return found.pop() if len(found) == 1 else None


def _sides(form: NormalForm) -> Sides | None:
    out: Sides = {}
    for t in form.terms:
        w = t.window
        if t.quadratic != 0 or t.linear != 0:
            return None
        if w is not None and not (isinstance(w, Step) and w.variance == 0 and w.threshold == 0):
            return None
        plus, minus = out.get(t.power, (sp.S.Zero, sp.S.Zero))
        mirrored = t.coefficient * (-1) ** t.power
        if not isinstance(w, Step):
            out[t.power] = plus + t.coefficient, minus + mirrored
        elif w.side > 0:
            out[t.power] = plus + t.coefficient, minus
        else:
            out[t.power] = plus, minus + mirrored
    return out
