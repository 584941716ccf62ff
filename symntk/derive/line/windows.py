"""Products of two steps in one variable, as erf(x)² or erf(x)·step(x): a pair of functions at full correlation.

A soft step is a probability over a noise of its own, so that two of them in one variable are steps in two variables
u = v with independent noises: E[f(Y) g(Y)] is E[f(u) g(v)] where the law of (u, v) has equal means and three equal
entries b of the covariance. The four moves do not ask for more than that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import sympy as sp

from symntk.derive.line.rules import LineStep
from symntk.derive.moves.derivation import Derivation
from symntk.derive.moves.engine import derive_products
from symntk.errors import NotGaussianElementaryError
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import ONE, NormalForm
from symntk.language.special import normal_cdf
from symntk.language.symbols import x

_SOFT = (sp.erf, sp.erfc, normal_cdf)
Product = tuple[sp.Expr, sp.Expr]


class Windows(NamedTuple):
    """A function as `rest` + Σ first · second, each of these with one step per term at most."""

    rest: GeneralForm
    products: tuple[Product, ...]


def windows(form: GeneralForm) -> Windows | None:
    """The products of two steps taken out of a function; None where there are three, or a step in another function.

    >>> from symntk.language.forms.general_form import general_form
    >>> windows(general_form(sp.erf(x) ** 2, x)).products
    ((4*normal_cdf(sqrt(2)*x), normal_cdf(sqrt(2)*x)),)
    >>> windows(general_form(sp.erf(x) ** 3, x)) is None
    True
    """
    soft = _soft_steps(form)
    if soft is None:
        return None
    if not soft.written or not (form.breaks or any(_may_meet(part) for part in form.parts)):
        return Windows(form, ())
    try:
        polys = [sp.Poly(sp.expand(part.xreplace(soft.written)), *soft.steps) for part in form.parts]
    except sp.PolynomialError:  # a step inside of another function
        return None
    steps = list(soft.steps.values())
    rest = [sp.S.Zero] * len(polys)
    products: list[Product] = []
    for monomial in dict.fromkeys(m for poly in polys for m in poly.monoms()):
        values = [poly.coeff_monomial(monomial) for poly in polys]
        used = [step for step, power in zip(steps, monomial, strict=True) for _ in range(power)]
        same = all(sp.expand(value - values[0]) == 0 for value in values)
        if len(used) + (not same) <= 1:
            rest = [one + value * sp.Mul(*used) for one, value in zip(rest, values, strict=True)]
        elif len(used) == 2 and same:
            products.append((values[0] * used[0], used[1]))
        elif len(used) == 1:
            products.append((GeneralForm(form.breaks, tuple(values)).regular(x), used[0]))
        else:
            return None
    left = GeneralForm(form.breaks, tuple(rest), form.deltas) if products else form
    return Windows(left, tuple(products))


class _Soft(NamedTuple):
    """Soft functions in dummies that stand for rising steps, and these steps."""

    written: dict[sp.Expr, sp.Expr]
    steps: dict[sp.Dummy, sp.Expr]


def _soft_steps(form: GeneralForm) -> _Soft | None:
    """Each erf, erfc and Φ as low + height · rising step; None where an argument is not affine."""
    written: dict[sp.Expr, sp.Expr] = {}
    dummies: dict[sp.Expr, sp.Dummy] = {}
    found = {one for part in form.parts for one in part.atoms(*_SOFT) if one.has(x)}
    for one in sorted(found, key=sp.default_sort_key):
        try:
            terms = normal_form(one, x).terms
        except NotGaussianElementaryError:
            return None
        written[one] = sp.S.Zero
        for term in terms:
            if term.window is None:
                written[one] += term.coefficient
            else:
                step = term.window.as_expr(x)
                dummy = dummies.setdefault(step, sp.Dummy(f"S{len(dummies)}"))
                written[one] += term.coefficient * dummy
    return _Soft(written, {dummy: step for step, dummy in dummies.items()})


def _may_meet(part: sp.Expr) -> bool:
    """Whether two soft functions may stand in one product."""
    soft = [one for one in part.atoms(*_SOFT) if one.has(x)]
    return len(soft) > 1 or any(isinstance(p.base, _SOFT) or p.base.is_Add for p in part.atoms(sp.Pow) if p.has(*_SOFT))


@dataclass(frozen=True, eq=False)
class FullCorrelation(LineStep):
    """E[f(Y) g(Y)] is E[f(u) g(v)] at u = v: the four moves at equal means and a = b = c; noises of steps stay."""

    products: tuple[tuple[NormalForm, NormalForm], ...]
    told = (
        "**Two steps in one variable.** Their noises are independent: the mean is that of a product over "
        "two variables at full correlation, with three equal entries of the covariance, and closed by the four moves."
    )

    @cached_property
    def derivation(self) -> Derivation:
        """The engine's derivation of Σ E[f(u) g(v)] at u = v."""
        return derive_products(self.products, means=self.means)

    def evaluate(self) -> sp.Expr:
        """The engine's value."""
        return self.derivation.expression

    @property
    def normal_forms(self) -> tuple[NormalForm, ...]:
        """The functions of the first variable."""
        return tuple(f for f, _ in self.products)


def full_correlation(function: sp.Expr, rest: sp.Expr, products: tuple[Product, ...], means: bool) -> LineStep | None:
    """The step for `function`, which is rest + Σ products; None where a growing exponential multiplies steps.

    Whether that has an expectation depends on how the steps fall, which conditions on the exponential do not tell.

    Errors: NotGaussianElementaryError for what is outside of the class.
    """
    pairs = [(normal_form(first, x), normal_form(second, x)) for first, second in products]
    if any(not term.quadratic.is_nonpositive for first, _ in pairs for term in first.terms):
        return None
    if rest != 0:
        pairs.append((normal_form(rest, x), ONE))
    return FullCorrelation(function, None, means, (), tuple(pairs))
