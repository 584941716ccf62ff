"""Checks of what is published where there is no closed form: the integral that remains, its limit, a mixture."""

from __future__ import annotations

import math
from contextlib import suppress

import sympy as sp
from mpmath import mp

from symntk.errors import SymntkError
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import NormalForm
from symntk.language.symbols import mean_u, var_u
from symntk.verify.agreement import Agreement, result
from symntk.verify.certificate import Check
from symntk.verify.claim import Claim
from symntk.verify.oracle.general.fast import regular
from symntk.verify.oracle.general.functions import realized
from symntk.verify.oracle.general.layout import panels
from symntk.verify.oracle.stated import mixture_differences, stated_value
from symntk.verify.points import Law, at_state

_DIGITS = 8  # of a published integral, by a fixed rule in double precision
# where a mixture is compared with its function: to ±52, beyond which nothing is left
_PLACES = tuple(sense * 0.02 * 1.37**k for k in range(26) for sense in (1, -1))


def stated_check(claim: Claim, law: Law) -> Check:
    """The integral that is published where no closed form exists, and the oracle."""
    a, b, _, m1, m2 = law
    values = {symbol: sp.Rational(number) for symbol, number in at_state(law).items()} | dict(claim.values)
    return _against_oracle(
        "stated integral",
        claim,
        claim.integral,
        values,
        law,
        {"u": (m1, a), "v": (m2, b)},
        "its panels in double precision",
    )


def limit_of_integral(claim: Claim, law: Law) -> Check:
    """The stated value at v = u, a formula that may hold an integral, and the oracle there."""
    a, _, _, m1, _ = law
    values = {var_u: sp.Rational(a), mean_u: sp.Rational(m1)} | dict(claim.values)
    limit = sp.sympify(claim.diagonal.limit, strict=True)
    return _against_oracle("full correlation", claim, limit, values, law, {"u": (m1, a)}, "the stated limit")


def _against_oracle(
    name: str,
    claim: Claim,
    formula: sp.Expr | None,
    values: dict[sp.Symbol, sp.Expr],
    law: Law,
    spans: dict[str, tuple[float, float]],
    what: str,
) -> Check:
    agreement, sides = Agreement(_DIGITS, 16), _sides(claim)
    kinks = sorted({float(mark) for one in sides for mark in realized(one).marks})
    value = stated_value(formula, values, spans, kinks, _cuts(sides, law))
    agreement.add(mp.mpf(value), claim.reference(law), lambda: claim.scale(law))
    return result(name, agreement, f"{what} and the oracle")


def _sides(claim: Claim) -> tuple[GeneralForm, GeneralForm]:
    assert isinstance(claim.f, GeneralForm) and isinstance(claim.g, GeneralForm)
    return claim.f, claim.g


def _cuts(sides: tuple[GeneralForm, GeneralForm], law: Law) -> list[float]:
    """Where the oracle's search, which finds what is narrow, ends its panels; nothing where it has none."""
    a, b, _, m1, m2 = law
    found: list[float] = []
    for one, mean, variance in zip(sides, (m1, m2), (a, b), strict=True):
        with suppress(SymntkError):
            found += panels(regular(one), float(mean), math.sqrt(variance)).edges.tolist()
    return found


def mixture_check(claim: Claim) -> Check:
    """The bound that is stated of |f(x) − Σ w h(x; p)|, and the difference on both sides of 0, in high precision."""
    wrong, parts, points = False, [], 0
    assert claim.mixture is not None
    for name, side, function in zip("fg", claim.mixture, _sides(claim), strict=True):
        if isinstance(side, NormalForm):
            continue
        kernels = [
            (w, side.kernel.subs({side.node: sp.Rational(p)})) for p, w in zip(side.nodes, side.weights, strict=True)
        ]
        largest = max(abs(d) for d in mixture_differences(function, kernels, _PLACES))
        wrong = wrong or not largest <= side.error
        points += len(_PLACES)
        parts.append(f"|{name} − Σ w h| ≤ {mp.nstr(mp.mpf(float(side.error)), 3)}, seen {mp.nstr(largest, 3)}")
    return Check("stated mixture", "; ".join(parts), None, None, not wrong, points)
