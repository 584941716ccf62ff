"""Checks at full correlation, v = u: the stated limit or rate, the code there, and the oracle next to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy as sp
from mpmath import mp

from symntk.errors import DivergenceError, SymntkError
from symntk.language.symbols import cov, mean_u, var_u, var_v
from symntk.verify.agreement import GUARD, Agreement, result
from symntk.verify.certificate import Check
from symntk.verify.checks import existing, float_check
from symntk.verify.claim import FEW_DPS, Claim
from symntk.verify.evaluate import evaluate
from symntk.verify.points import Law, Point, at_state
from symntk.verify.stated import limit_of_integral
from symntk.verify.timing import timely

NAME = "full correlation"


def full_check(claim: Claim, laws: Sequence[Law]) -> Check:
    """What is stated of v = u, tested; where it diverges, the code and the formula must say so."""
    stated = claim.diagonal
    if not claim.is_elementary:
        return _code(claim, laws) if stated.power is None else _code_next_to_it(claim, laws)
    if stated.limit is not None:
        return limit_check(claim, laws, dps=FEW_DPS)
    if not laws:
        return Check.skipped(NAME, "the expectation exists at no point that was tried")
    if stated.power is None:
        return Check.skipped(NAME, "the behaviour there is not stated")
    check = rate_check(claim, laws)
    a, _, _, m1, _ = laws[0]
    try:
        if claim.closed is not None:
            claim.closed((a, a, a, m1, m1), FEW_DPS)
    except DivergenceError as error:
        if stated.shown in str(error):
            return check
    text = f"{check.detail}; but E.evalf at full correlation does not say so"
    return Check(check.name, text, check.digits, check.required, False, check.points)


def limit_check(claim: Claim, laws: Iterable[Law], *, dps: int) -> Check:
    """The stated value at full correlation equals the oracle there.

    Where the oracle has no value there, since deltas meet whose sum cancels, it is asked at 1 − ρ = 10^−(2·dps),
    which is off by about 10^(−dps).
    """
    agreement, near = Agreement(dps - GUARD, dps), 0
    assert claim.diagonal.limit is not None
    stated = claim.diagonal.limit.subs(dict(claim.values))
    for a, _, _, m1, _ in timely(laws):
        law = existing(claim, (a, a, a, m1, m1), dps)
        if law is None:
            near, law = near + 1, (a, a, a, m1, m1)
            with mp.workdps(4 * dps):
                c = mp.mpf(a) * (1 - mp.mpf(10) ** (-2 * dps))
            reference = claim.oracle((a, a, c, m1, m1), dps)
        else:
            reference = claim.oracle(law, dps)
        agreement.add(evaluate(stated, at_state(law), dps=dps), reference, lambda law=law: claim.scale(law))
    where = f"next to v = u ({near} points) or there" if near else "at v = u"
    return result(NAME, agreement, f"the stated limit and the oracle {where}")


def rate_check(claim: Claim, laws: Iterable[Law], *, dps: int = 30) -> Check:
    """The oracle next to full correlation grows like coefficient · (ab − c²)^power.

    At 1 − ρ = 10^−k, k = 20 and 24, the power is the slope of the logarithm, and the coefficient is what is left at
    k = 24. What the leading term leaves out is smaller by √(1 − ρ) or more, so that ten digits remain.
    """
    agreement, power_off = Agreement(8, dps), 0.0
    coefficient, power = claim.diagonal.coefficient, claim.diagonal.power
    assert coefficient is not None and power is not None
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
                return Check(NAME, f"stated to grow like {power}, but it is 0", 0.0, 8, False, 1)
            fitted = mp.log(values[1] / values[0]) / mp.log(gaps[1] / gaps[0])
            power_off = max(power_off, float(abs(fitted - mp.mpmathify(power))))
            known = evaluate(stated, at_state((a, a, a, m1, m1)), dps=dps) if stated.free_symbols else sp.N(stated, dps)
            agreement.add(values[1] * gaps[1] ** -mp.mpmathify(power), mp.mpmathify(known), 0)
    rate = f"diverges like ({coefficient})·(ab − c²)^({power})"
    check = result(NAME, agreement, f"{rate}; fitted power {mp.nstr(fitted, 8)}")
    if power_off > 1e-6:
        return Check(check.name, check.detail, check.digits, check.required, False, check.points)
    return check


def _code(claim: Claim, laws: Iterable[Law]) -> Check:
    """The code and the oracle at v = u, and the stated limit, which may hold an integral."""
    places = [Point("v = u", (a, a, a, m1, m1)) for a, _, _, m1, _ in laws]
    check = float_check(claim, places, NAME, "E(...) and the oracle at v = u")
    if claim.diagonal.limit is None or "skipped" in check.detail or check.is_skipped:
        return check
    try:
        return _combined(check, limit_of_integral(claim, places[0].law))
    except SymntkError as error:
        return _combined(check, Check.skipped(check.name, error.wrong))


def _code_next_to_it(claim: Claim, laws: Iterable[Law]) -> Check:
    """The rate, as a difference of two values of the code, in which what stays finite cancels."""
    agreement, rate = Agreement(4, 16), claim.diagonal.rate
    for a, _, _, m1, _ in timely(laws):
        seen, expected = mp.zero, mp.zero
        for gap, sense in ((1e-12, 1), (1e-10, -1)):
            c = a * (1 - gap)
            law = {var_u: a, var_v: a, cov: c, mean_u: m1}
            stated = rate.subs({s: sp.Rational(value) for s, value in law.items()} | dict(claim.values))
            expected += sense * mp.mpmathify(sp.N(stated, 30))
            seen += sense * claim.code((a, a, c, m1, m1))
        agreement.add(seen, expected, 0, "1 − ρ = 1e-12")
    return result(NAME, agreement, f"{claim.diagonal.shown} at 1 − ρ = 1e-12")


def _combined(first: Check, second: Check) -> Check:
    """Both under the first one's name; the digits are those of the one that is closer to what it owes."""
    if not first.passed or not second.passed:
        worse = second if first.passed else first
        return Check(first.name, worse.detail, worse.digits, worse.required, False, worse.points)
    said = (
        f"skipped, because {second.detail}" if second.is_skipped else f"{second.detail} to {second.digits:.1f} digits"
    )
    detail = f"{first.detail}; {said}"
    return Check(first.name, detail, first.digits, first.required, True, first.points)
