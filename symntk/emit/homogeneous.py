"""Sums of powers of x₊ and x₋: their centred expectations are angular integrals of positive functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sympy as sp
from mpmath import mp

from symntk.emit.code import Name, Node, call, choose, power, product, total
from symntk.emit.expressions import node_of
from symntk.emit.polynomial import horner, interpolant
from symntk.language.forms.terms import Delta, NormalForm, Step

_HIGHEST = 8  # total degree that the runtime's angular quadrature resolves

_TERMS = 18  # of the polynomials near correlation −1

Sides = dict[int, tuple[sp.Expr, sp.Expr]]  # degree → coefficients of x₊^degree and x₋^degree


def orthant_sum(f: NormalForm, g: NormalForm, names: Mapping[sp.Symbol, str]) -> Node | None:
    """The sum of E[u₊^j v₊^k] and E[u₊^j v₋^k] in a, b, c and d, or None where f or g is no such sum."""
    left, right = _sides(f), _sides(g)
    if left is None or right is None or max(left, default=0) + max(right, default=0) > _HIGHEST:
        return None
    a, b, c, d = (Name(name) for name in "abcd")
    parts = [
        node_of(weight, names) * call("orthant_moment", j, k, a, b, covariance, d)
        for j, k, *weights in _moments(left, right)
        for weight, covariance in zip(weights, (c, -c), strict=True)
        if weight != 0
    ]
    return total(parts) if parts else None


def near_opposite(
    f: NormalForm, g: NormalForm, names: Mapping[sp.Symbol, str]
) -> tuple[tuple[tuple[str, Node], ...], Node, Node] | None:
    """E[f(u) g(v)] where the terms of its closed form cancel; None where they do not anywhere.

    With u₊ and v₊ alone, say, little is left at correlations near −1. With t = d/|c|, j <= k and m = j + k

        E[u₊^j v₊^k] = 2^{m/2} Γ(m/2 + 1)/2π · b^{(k − j)/2} |c|^j (1 + t²)^{j/2} ∫₀^φ sin^j(s) sin^k(φ − s) ds

    with φ = arctan t; the last two factors are t^{m+1} times a polynomial in t². Where E[u₊^j v₋^k] has a weight too
    nothing cancels.

    Returns:
        Lines in a, b, c and d, the condition that it is such a place, and the value there.

    >>> from symntk.language.forms.normal_form import normal_form
    >>> from symntk.language.symbols import x
    >>> relu = normal_form(sp.Heaviside(x) * x, x)
    >>> near_opposite(relu, relu, {}) is None, near_opposite(relu, normal_form(sp.Abs(x), x), {}) is None
    (False, True)
    """
    left, right = _sides(f), _sides(g)
    if left is None or right is None or not 0 < max(left, default=0) + max(right, default=0) <= _HIGHEST:
        return None
    moments = list(_moments(left, right))
    sides = [any(one[place] != 0 for one in moments) for place in (2, 3)]
    if all(sides) or not any(sides):
        return None
    c = Name("c") if sides[1] else -Name("c")
    limit = 0.5 if max(left) + max(right) <= 2 else 1.0
    near, part = Name("d") < limit * c, Name("part")
    lines = (
        ("part", choose(near, Name("d"), 0.0) / choose(near, c, 1.0)),
        ("place", 2.0 / limit**2 * (part * part) - 1.0),
    )
    parts = [
        node_of(one[2] + one[3], names) * _small_moment(*one[:2], limit, c) for one in moments if one[2] + one[3] != 0
    ]
    return (*lines, ("close", total(parts))), near, Name("close")


def _small_moment(j: int, k: int, limit: float, c: Node) -> Node:
    """The moment at the covariance −c, with lines `part` for t < limit and `place` for where t² is."""
    least, more = min(j, k), abs(j - k)

    def rest(place: mp.mpf) -> mp.mpf:
        square = limit**2 * (1 + place) / 2
        t, angle = mp.sqrt(square), mp.atan(mp.sqrt(square))
        # s = angle · y
        integral = mp.quad(lambda y: (mp.sin(angle * y) / t) ** j * (mp.sin(angle * (1 - y)) / t) ** k, [0, 1])
        scale = mp.mpf(2) ** (mp.mpf(j + k) / 2) * mp.gamma(mp.mpf(j + k) / 2 + 1) / (2 * mp.pi)
        return scale * (1 + square) ** (mp.mpf(least) / 2) * integral * angle / t

    factors = [power(Name("part"), j + k + 1), horner(interpolant(rest, _TERMS), Name("place"))]
    factors += [power(c, least)] if least else []
    factors += [power(call("sqrt", Name("b" if k > j else "a")), more)] if more else []
    return product(factors)


def _moments(left: Sides, right: Sides) -> Iterator[tuple[int, int, sp.Expr, sp.Expr]]:
    """Powers j, k with the weights of E[u₊^j v₊^k] and of E[u₊^j v₋^k]."""
    for j, (plus, minus) in left.items():
        for k, (plus_v, minus_v) in right.items():
            yield j, k, sp.expand(plus * plus_v + minus * minus_v), sp.expand(plus * minus_v + minus * plus_v)


def degree(form: NormalForm) -> int | None:
    """The degree k of a homogeneous function, f(sx) = s^k f(x) for s > 0; None for others.

    >>> from symntk.language.forms.terms import Delta, Term
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
