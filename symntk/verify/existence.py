"""Where an expectation exists, by a criterion of its own: I − 2Σ diag(α, γ) positive definite for all pairs of terms.

Along the ray t·Σ the expectation exists up to some t*; what a derivation states is tested on both sides of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sympy as sp
from mpmath import mp

from symntk.errors import DivergenceError, DomainError
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import Delta, NormalForm, Term
from symntk.verify.certificate import Check
from symntk.verify.claim import FEW_DPS, Claim
from symntk.verify.evaluate import evaluate
from symntk.verify.oracle.elementary.numeric import Numeric, numeric
from symntk.verify.oracle.elementary.oracle import require_finite
from symntk.verify.oracle.law import Law as OracleLaw
from symntk.verify.oracle.numbers import Number
from symntk.verify.points import Law, at_state

NAME = "where it exists"
_DPS = 30
_FARTHEST = 2.0**20
_NEAR = 1e-6


def exists(f: NormalForm, g: NormalForm, law: Law) -> bool:
    """Whether E[f(u) g(v)] is finite, as far as the exponentials decide.

    >>> import sympy as sp
    >>> from symntk.language.forms.terms import Term, collect
    >>> grows, one = collect([Term(sp.S.One, quadratic=sp.Rational(1, 4))]), collect([Term(sp.S.One)])
    >>> exists(grows, one, (1.9, 1, 0, 0, 0)), exists(grows, one, (2.1, 1, 0, 0, 0))
    (True, False)
    """
    with mp.workdps(_DPS):
        a, b, c, m1, m2 = (mp.mpf(number) for number in law)
        numbers = OracleLaw(a, b, c, m1, m2, max(a * b - c * c, mp.zero))
        first, second = numeric(f, _DPS), numeric(g, _DPS)
        try:
            require_finite(first, second, numbers, "")
        except DivergenceError:
            return _in_quadrants(first, second, numbers)
    return True


def _in_quadrants(f: Numeric, g: Numeric, law: OracleLaw) -> bool:
    """Whether the exponent falls in every direction of each quadrant in which both functions live far out."""
    det = law.determinant
    if det == 0 or f.spikes or g.spikes:
        return False  # as the terms say
    far = [[_rates(one, side) for side in (-1, 1)] for one in (f, g)]
    if not any(far[0]) or not any(far[1]):  # one is 0 far out: the other beside a bounded variable
        ends = [(far[0][0] + far[0][1], law.b), (far[1][0] + far[1][1], law.a)]
        return all(2 * rate * det < other for rates, other in ends for rate in rates)
    for first, side in zip(far[0], (-1, 1), strict=True):
        for second, other in zip(far[1], (-1, 1), strict=True):
            for p in first:
                for q in second:
                    along, across = law.b - 2 * p * det, law.a - 2 * q * det
                    if along <= 0 or across <= 0 or mp.sqrt(along * across) <= side * other * law.c:
                        return False
    return True


def _rates(form: Numeric, side: int) -> list[Number]:
    """The rates α of exp(αx²) that remain at x → side·∞."""
    sums: dict[tuple[int, Number, Number], Number] = {}
    found = []
    for p in form.pieces:
        if p.ramp is None or p.ramp.side == side:
            key = (p.power, p.quadratic, p.linear)
            sums[key] = sums.get(key, mp.zero) + p.coefficient
        elif p.ramp.variance:
            found.append(p.quadratic - 1 / (2 * p.ramp.variance))
    return found + [quadratic for (_, quadratic, _), total in sums.items() if abs(total) > mp.mpf(10) ** (5 - _DPS)]


def critical_scale(f: NormalForm, g: NormalForm, law: Law) -> float | None:
    """The t* up to which the expectation exists at t·Σ; None where it always does."""
    if exists(f, g, _scaled(law, _FARTHEST)):
        return None
    low, high = 0.0, _FARTHEST
    while high - low > 1e-9 * high:
        middle = (low + high) / 2 if low else high / 8
        low, high = (middle, high) if exists(f, g, _scaled(law, middle)) else (low, middle)
        if high < 1e-12:
            return 0.0
    return (low + high) / 2


def _scaled(law: Law, t: float) -> Law:
    a, b, c, m1, m2 = law
    return (t * a, t * b, t * c, m1, m2)


def existence_check(f: NormalForm, g: NormalForm, laws: Iterable[Law], states: Callable[[Law], set[bool]]) -> Check:
    """`states` gives answers to whether it exists at a law; they are right next to every boundary and far off."""
    wrong, points, bounded = [], 0, False
    for law in laws:
        limit = critical_scale(f, g, law)
        bounded = bounded or limit is not None
        far = _FARTHEST if limit is None else limit
        scales = [far] if limit is None else [far / 16, far * (1 - _NEAR), far * (1 + _NEAR), far * 16]
        for t in (t for t in (1.0, *scales) if t > 0):
            place = _scaled(law, t)
            points += 1
            truth = exists(f, g, place)
            if states(place) != {truth}:
                shown = ", ".join(f"{number:.10g}" for number in place)
                wrong.append(f"it {'exists' if truth else 'does not exist'} at {shown}, against what is stated")
    detail = "up to the boundary and beyond it, along rays of covariances" if bounded else "at every covariance"
    return Check(NAME, "; ".join(wrong[:2]) or detail, None, None, not wrong, points)


def conditions_check(claim: Claim, laws: Iterable[Law]) -> Check:
    """What the conditions say of where it exists, and of a closed form the code, too.

    A function outside the class is bounded by exp(β|x|): 1 and a delta stand for it.
    """
    f, g = (form if isinstance(form, NormalForm) else _calm(form) for form in claim.forms or (claim.f, claim.g))

    def states(law: Law) -> set[bool]:
        at = at_state(law) | dict(claim.values)
        said = {all(evaluate(c.gts - c.lts, at, dps=FEW_DPS) > 0 for c in claim.conditions)}
        if not claim.conditions or not claim.is_elementary:
            return said
        try:
            claim.code(law)
        except DomainError:
            return said | {False}
        return said | {True}

    return existence_check(f, g, laws, states)


def _calm(form: GeneralForm) -> NormalForm:
    terms = [Term(sp.S.One)] * form.has_regular_part + [Term(sp.S.One, window=Delta(sp.S.Zero))] * bool(form.deltas)
    return NormalForm(tuple(terms))
