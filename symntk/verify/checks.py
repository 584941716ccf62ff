"""Checks of a derived formula against the independent oracle: random points, edges, full correlation.

Comes in: two normal forms, the formula, values of the parameters. Goes out: a `Check` each. The identities that need
a second formula are in `identities`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy as sp
from mpmath import mp

from symntk.errors import DivergenceError, DomainError, VerificationError
from symntk.language.terms import NormalForm
from symntk.verify.agreement import Agreement, LeftOut, natural_scale
from symntk.verify.certificate import Check
from symntk.verify.evaluate import evaluate
from symntk.verify.oracle.elementary.oracle import expectation_oracle
from symntk.verify.points import Law, Point, at_state
from symntk.verify.timing import timely

Number = Any  # mpf
GUARD = 5  # digits that the oracle's and the formula's own errors may cost
_SMALLER = 8  # how often variances are quartered in search of a point where the expectation exists


@dataclass(frozen=True)
class Claim:
    """The statement E[f(u) g(v)] = expression, with a number for each parameter."""

    f: NormalForm
    g: NormalForm
    expression: sp.Expr
    means: bool = False
    values: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    _found: dict[tuple[str, Law], tuple[int, Number]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @cached_property
    def numeric(self) -> tuple[NormalForm, NormalForm, sp.Expr]:
        """Both functions and the expression with numbers for the parameters."""
        values = dict(self.values)
        return self.f.subs(values), self.g.subs(values), self.expression.subs(values)

    @property
    def has_waves(self) -> bool:
        """Whether f or g oscillates."""
        return any(term.linear.has(sp.I) for form in (self.f, self.g) for term in form.terms)

    def formula(self, law: Law, dps: int) -> Number:
        """What the formula says; asked for again, or for fewer digits, it is not computed again."""
        return self._once("formula", law, dps, lambda: evaluate(self.numeric[2], at_state(law), dps=dps))

    def oracle(self, law: Law, dps: int) -> Number:
        """What quadrature says; asked for again, or for fewer digits, it is not computed again."""
        return self._once("oracle", law, dps, lambda: expectation_oracle(*self.numeric[:2], *law, dps=dps))

    def _once(self, what: str, law: Law, dps: int, compute: Callable[[], Number]) -> Number:
        digits, value = self._found.get((what, law), (0, mp.nan))
        if digits < dps:
            digits, value = self._found[what, law] = dps, compute()
        return value

    def scale(self, law: Law) -> Number:
        """√(E f² E g²)."""
        return natural_scale(*self.numeric[:2], law)


def existing_points(claim: Claim, points: Iterable[Point], *, dps: int) -> list[Point]:
    """The points, those without a finite expectation moved to smaller variances, or left out where that is no help."""
    found = ((point, _existing(claim, point.law, dps)) for point in points)
    return [Point(point.label, law) for point, law in found if law is not None]


def _existing(claim: Claim, law: Law, dps: int) -> Law | None:
    a, b, c, m1, m2 = law
    for quarterings in range(_SMALLER):
        scaled = (a / 4**quarterings, b / 4**quarterings, c / 4**quarterings, m1, m2)
        try:
            claim.oracle(scaled, dps)
        except DivergenceError:
            continue
        except VerificationError:
            pass  # it is finite, whatever the quadrature says
        return scaled
    return None


def random_check(claim: Claim, points: Iterable[Point], *, dps: int) -> Check:
    """The formula equals the oracle at each point."""
    agreement = Agreement(dps - GUARD, dps)
    absent = LeftOut()
    for point in timely(points):
        try:
            reference = claim.oracle(point.law, dps)
        except VerificationError as error:
            absent.unresolved(error, point.label)
            continue
        agreement.add(claim.formula(point.law, dps), reference, lambda law=point.law: claim.scale(law))
    if absent and not agreement.points:
        return Check.skipped("random points", absent.reasons)
    return _check("random points", agreement, f"formula and oracle at {dps} digits", str(absent))


def edge_check(claim: Claim, points: Iterable[Point], *, dps: int) -> Check:
    """The formula equals the oracle at the edges of its range; points without an expectation are named."""
    agreement = Agreement(dps - GUARD, dps)
    absent = LeftOut()
    for point in timely(points):
        try:
            reference = claim.oracle(point.law, dps)
        except DivergenceError:
            absent.add("it is infinite there", point.label)
            continue
        except VerificationError as error:
            absent.unresolved(error, point.label)
            continue
        try:
            value = claim.formula(point.law, dps)
        except DomainError:
            value = mp.nan
        agreement.add(value, reference, lambda law=point.law: claim.scale(law), point.label)
    parts = [str(absent)]
    if agreement.where and agreement.digits is not None:
        parts.insert(0, f"fewest at {agreement.where}")
    if not agreement.points:
        return Check.skipped("edge points", absent.reasons or "there is none")
    return _check("edge points", agreement, f"at {dps} digits", *parts)


def limit_check(claim: Claim, limit: sp.Expr, laws: Iterable[Law], *, dps: int) -> Check:
    """The stated value at full correlation, where v is u, equals the oracle there.

    Where the oracle has no value there, since deltas meet whose sum cancels, it is asked at 1 − ρ = 10^−(2·dps),
    which is off by about 10^(−dps).
    """
    agreement, near = Agreement(dps - GUARD, dps), 0
    stated = limit.subs(dict(claim.values))
    for a, _, _, m1, _ in timely(laws):
        law = _existing(claim, (a, a, a, m1, m1), dps)
        if law is None:
            near, law = near + 1, (a, a, a, m1, m1)
            with mp.workdps(4 * dps):
                c = mp.mpf(a) * (1 - mp.mpf(10) ** (-2 * dps))
            reference = claim.oracle((a, a, c, m1, m1), dps)
        else:
            reference = claim.oracle(law, dps)
        agreement.add(evaluate(stated, at_state(law), dps=dps), reference, lambda law=law: claim.scale(law))
    where = f"next to v = u ({near} points) or there" if near else "at v = u"
    return _check("full correlation", agreement, f"the stated limit and the oracle {where}")


def rate_check(claim: Claim, coefficient: sp.Expr, power: sp.Rational, laws: Iterable[Law], *, dps: int = 30) -> Check:
    """The oracle next to full correlation grows like coefficient · (ab − c²)^power.

    At 1 − ρ = 10^−k, k = 20 and 24, the power is the slope of the logarithm, and the coefficient is what is left at
    k = 24. What the leading term leaves out is smaller by √(1 − ρ) or more, so that ten digits remain.
    """
    agreement, power_off = Agreement(8, dps), 0.0
    stated = coefficient.subs(dict(claim.values))
    fitted = mp.zero
    with mp.workdps(dps + 60):
        for a, _, _, m1, _ in timely(laws):
            values, gaps = [], []
            for k in (20, 24):
                c = mp.mpf(a) * (1 - mp.mpf(10) ** -k)
                values.append(claim.oracle((a, a, c, m1, m1), dps))
                gaps.append(mp.mpf(a) ** 2 - c**2)
            if 0 in values or values[0] * values[1] < 0:
                return Check("full correlation", f"stated to grow like {power}, but it is 0", 0.0, 8, False, 1)
            fitted = mp.log(values[1] / values[0]) / mp.log(gaps[1] / gaps[0])
            power_off = max(power_off, float(abs(fitted - mp.mpmathify(power))))
            known = evaluate(stated, at_state((a, a, a, m1, m1)), dps=dps) if stated.free_symbols else sp.N(stated, dps)
            agreement.add(values[1] * gaps[1] ** -mp.mpmathify(power), mp.mpmathify(known), 0)
    rate = f"diverges like ({coefficient})·(ab − c²)^({power})"
    check = _check("full correlation", agreement, f"{rate}; fitted power {mp.nstr(fitted, 8)}")
    if power_off > 1e-6:
        return Check(check.name, check.detail, check.digits, check.required, False, check.points)
    return check


def _check(name: str, agreement: Agreement, *details: str) -> Check:
    text = "; ".join(part for part in (*details, agreement.remark) if part)
    if not agreement.points:
        return Check.skipped(name, "the expectation exists at no point that was tried")
    return Check(name, text, agreement.digits, agreement.required, agreement.passed, agreement.points)
