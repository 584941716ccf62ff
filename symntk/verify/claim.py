"""What is verified: the claim that E[f(u) g(v)] is what a formula says, or what code says up to a bound.

A claim carries callables, and knows neither derivation nor code: whoever makes it says where its formulas come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import sympy as sp
from mpmath import mp

from symntk.errors import DivergenceError, DomainError, VerificationError
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import NormalForm, Term
from symntk.language.symbols import cov, var_u, var_v
from symntk.verify.agreement import natural_scale
from symntk.verify.evaluate import evaluate
from symntk.verify.oracle.elementary.oracle import expectation_oracle
from symntk.verify.oracle.general.oracle import fast_reference, general_scale, oracle_to_scale
from symntk.verify.points import Law, at_state

Number = Any  # mpf
Form = NormalForm | GeneralForm
FEW_DPS = 20
"""Digits of what is compared with float64, and of limits."""
FLOAT_DIGITS = 10
"""What float64 code owes for a closed form, relative to the value or to √(E f² E g²)."""
_TINY = 1e-290  # the least that float64 holds with all its digits, and what it cannot hold counts as 0
_ONE = NormalForm((Term(sp.S.One),))
_ONE_GENERAL = GeneralForm((), (sp.S.One,))


class Stated(NamedTuple):
    """What is stated of full correlation: a limit, or coefficient · (ab − c²)^power; nothing where all are None."""

    limit: sp.Expr | None = None
    coefficient: sp.Expr | None = None
    power: sp.Rational | None = None
    shown: str = ""

    @property
    def rate(self) -> sp.Expr:
        """The leading behaviour in a, b and c."""
        return self.coefficient * (var_u * var_v - cov**2) ** self.power


def _unknown(*_: Any) -> Any:
    raise VerificationError("an identity", "it needs a second claim, which is not given", "a claim with `related`")


@dataclass(frozen=True)
class Claim:
    """A claim about E[f(u) g(v)].

    Attributes:
        f, g: what the oracle takes, with numbers for parameters: two normal forms, or two general forms.
        expression: the formula of two normal forms, in which parameters may be symbols: identities are tried on it.
        means: whether u and v have means.
        values: a number for each parameter.
        bound: of the code's error, relative to √(E f² E g²); 0 where a closed form is evaluated.
        code: what float64 code says at a law.
        closed: what `E.evalf` says at a law, to so many digits; None where it has no formula.
        related: the claim for derivatives of f and g of these orders.
        exchanged: the claim for g and f.
        conditions: where the expectation is stated to exist.
        diagonal: what is stated of full correlation.
        integral: what is published where there is no formula.
        mixture: the two sides of a mixture in place of f and g, if that is the method.
        forms: what an enclosure takes, normal forms where there are any.
        reduced: whether one dimension remains.
    """

    f: Form
    g: Form
    expression: sp.Expr | None = None
    means: bool = False
    values: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    bound: float = 0.0
    code: Callable[[Law], float] = _unknown
    closed: Callable[[Law, int], Number] | None = None
    related: Callable[[int, int], Claim] = _unknown
    exchanged: Callable[[], Claim] = _unknown
    conditions: tuple[Any, ...] = ()
    diagonal: Stated = Stated()
    integral: sp.Expr | None = None
    mixture: tuple[Any, Any] | None = None
    forms: tuple[Form, Form] | None = None
    reduced: bool = False
    _found: dict[Any, tuple[int, Number]] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def is_elementary(self) -> bool:
        """Whether both functions are Gaussian-elementary, and the formula is that of the four moves."""
        return isinstance(self.f, NormalForm)

    @property
    def has_formula(self) -> bool:
        """Whether there is a formula to as many digits as are asked for."""
        return self.is_elementary or self.closed is not None

    @property
    def has_waves(self) -> bool:
        """Whether f or g oscillates."""
        normal = [form for form in (self.f, self.g) if isinstance(form, NormalForm)]
        return any(term.linear.has(sp.I) for form in normal for term in form.terms)

    @property
    def required(self) -> float:
        """The digits that float64 code owes."""
        return float(FLOAT_DIGITS) if self.bound == 0.0 else -math.log10(self.bound)

    @cached_property
    def numeric(self) -> sp.Expr:
        """The formula with numbers for the parameters."""
        assert self.expression is not None
        return self.expression.subs(dict(self.values))

    def formula(self, law: Law, dps: int) -> Number:
        """What the formula says; asked for again, or for fewer digits, it is not computed again."""
        if not self.is_elementary:
            assert self.closed is not None
            return self.closed(law, dps)
        return self._once(("formula", law), dps, lambda: evaluate(self.numeric, at_state(law), dps=dps))

    def oracle(self, law: Law, dps: int) -> Number:
        """What quadrature says; asked for again, or for fewer digits, it is not computed again."""
        return self._once(("oracle", law), dps, lambda: self._oracle(law, dps))

    def _oracle(self, law: Law, dps: int) -> Number:
        if isinstance(self.f, NormalForm) and isinstance(self.g, NormalForm):
            return expectation_oracle(self.f, self.g, *law, dps=dps)
        assert isinstance(self.f, GeneralForm) and isinstance(self.g, GeneralForm)
        return oracle_to_scale(self.f, self.g, law, dps)

    def reference(self, law: Law) -> Number | None:
        """What float64 code should say; None where that is no finite number, or none that float64 holds."""
        if isinstance(self.f, GeneralForm) and isinstance(self.g, GeneralForm):
            return mp.mpf(fast_reference(self.f, self.g, *law)[0])
        try:
            self.oracle(law, FEW_DPS)
        except DivergenceError:
            return None
        except VerificationError:
            pass  # the oracle gives up; what the formula says is compared all the same
        try:
            value = self.formula(law, FEW_DPS)
        except DomainError:  # the edge points have failed there
            return None
        return value if value == 0 or _TINY < abs(value) < 1 / _TINY else None

    def product_of_means(self, law: Law, dps: int) -> Number:
        """E[f(u)] · E[g(v)] by the oracle."""
        a, b, _, m1, m2 = law
        if isinstance(self.f, NormalForm) and isinstance(self.g, NormalForm):
            first = expectation_oracle(self.f, _ONE, a, 1, 0, m1, 0, dps=dps)
            second = expectation_oracle(self.g, _ONE, b, 1, 0, m2, 0, dps=dps)
            with mp.workdps(dps + 5):
                return first * second
        assert isinstance(self.f, GeneralForm) and isinstance(self.g, GeneralForm)
        return mp.mpf(
            fast_reference(self.f, _ONE_GENERAL, a, 1, 0, m1)[0] * fast_reference(self.g, _ONE_GENERAL, b, 1, 0, m2)[0]
        )

    def scale(self, law: Law) -> Number:
        """√(E f² · E g²)."""
        if isinstance(self.f, NormalForm) and isinstance(self.g, NormalForm):
            return natural_scale(self.f, self.g, law)
        assert isinstance(self.f, GeneralForm) and isinstance(self.g, GeneralForm)
        return max(general_scale(self.f, self.g, law), _TINY)

    def _once(self, what: Any, dps: int, compute: Callable[[], Number]) -> Number:
        digits, value = self._found.get(what, (0, mp.nan))
        if digits < dps:
            digits, value = self._found[what] = dps, compute()
        return value
