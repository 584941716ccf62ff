"""Checks of a claim's values against the independent oracle: random points, edges, float64 code, independence.

Comes in: a claim and points. Goes out: a `Check` each. What cannot be compared is named with its reason; where nothing
could be, the check is skipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from mpmath import mp

from symntk.errors import DivergenceError, DomainError, SymntkError, VerificationError
from symntk.verify.agreement import GUARD, Agreement, LeftOut, result
from symntk.verify.certificate import Check
from symntk.verify.claim import FEW_DPS, Claim
from symntk.verify.points import Law, Point
from symntk.verify.timing import OutOfTime, late, timely

FLOAT_MOST = 16
_SMALLER = 8  # how often variances are quartered in search of a point where the expectation exists


def existing_points(claim: Claim, points: Iterable[Point], *, dps: int) -> list[Point]:
    """The points, those without a finite expectation moved to smaller variances, or left out where that is no help."""
    found = ((point, existing(claim, point.law, dps)) for point in points)
    return [Point(point.label, law) for point, law in found if law is not None]


def existing(claim: Claim, law: Law, dps: int) -> Law | None:
    """The law, with variances so small that the expectation exists."""
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


def formula_check(name: str, claim: Claim, points: Iterable[Point], *, dps: int) -> Check:
    """The formula equals the oracle at each point; a formula without a value where there is one is wrong."""
    agreement, absent = Agreement(dps - GUARD, dps), LeftOut()
    for point in timely(points):
        try:
            reference = claim.oracle(point.law, dps)
        except DivergenceError as error:
            absent.infinite(error, point.label)
            continue
        except VerificationError as error:
            absent.unresolved(error, point.label)
            continue
        try:
            value = claim.formula(point.law, dps)
        except DomainError:
            if not claim.is_elementary:
                raise
            value = mp.nan
        agreement.add(value, reference, lambda law=point.law: claim.scale(law), point.label)
    return result(name, agreement, f"formula and oracle at {dps} digits", absent)


def float_check(claim: Claim, points: Iterable[Point], name: str = "float64", detail: str = "") -> Check:
    """E(...) in float64, which is what exported code evaluates, at each point.

    Against the formula of two Gaussian-elementary functions, else against the oracle in extended precision. Where the
    latter says that the expectation is infinite, a finite number from E counts as no agreement.
    """
    agreement, absent = Agreement(claim.required, FLOAT_MOST), LeftOut()
    for point in timely(points):
        try:
            _compare(claim, point, agreement, absent)
        except OutOfTime:
            if not agreement.points:
                raise
            absent.add(late(), f"{point.label} and what follows")
            break
    known = f"the formula at {FEW_DPS} digits" if claim.is_elementary else "the oracle in extended precision"
    return result(name, agreement, detail or f"E(...) and {known}", absent)


def _compare(claim: Claim, point: Point, agreement: Agreement, absent: LeftOut) -> None:
    try:
        reference = claim.reference(point.law)
    except DivergenceError as error:
        absent.infinite(error, point.label)
        if _is_finite(claim, point.law):
            agreement.add(mp.zero, mp.one, 1, f"{point.label}, where it is infinite")
        return
    except VerificationError as error:
        absent.unresolved(error, point.label)
        return
    if reference is None:
        absent.add("there is no finite value, or none that float64 holds", point.label)
        return
    try:
        value = mp.mpf(claim.code(point.law))
    except SymntkError as error:
        absent.add(f"E(...) refuses: {error.wrong}", point.label)
        return
    agreement.add(value, reference, lambda law=point.law: claim.scale(law), point.label)


def _is_finite(claim: Claim, law: Law) -> bool:
    try:
        return math.isfinite(claim.code(law))
    except DomainError:
        return False


def independence_check(claim: Claim, points: Iterable[Point], *, dps: int) -> Check:
    """At c = 0, E[f(u) g(v)] = E[f(u)] · E[g(v)]; the means come from the oracle in one dimension."""
    agreement = Agreement(dps - GUARD, dps) if claim.is_elementary else Agreement(claim.required, FLOAT_MOST)
    value: Callable[[Law], Any] = (
        (lambda law: claim.formula(law, dps)) if claim.is_elementary else (lambda law: mp.mpf(claim.code(law)))
    )
    for point in timely(points):
        a, b, _, m1, m2 = point.law
        law = (a, b, 0.0, m1, m2)
        agreement.add(value(law), claim.product_of_means(law, dps), lambda law=law: claim.scale(law), point.label)
    return result("independence", agreement, "at c = 0, the product of the oracle's E[f] and E[g]")
