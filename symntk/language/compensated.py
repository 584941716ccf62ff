"""Products of one exponential and a sum of others that grow as fast as it decays."""

from __future__ import annotations

import sympy as sp


def compensated(product: sp.Expr) -> sp.Expr:
    """e^{−w} (cosh(w) − 1) multiplied out where an exponential of the sum meets its inverse.

    >>> x = sp.Symbol("x", real=True)
    >>> compensated(sp.exp(-x) * (sp.sinh(x) - 1)) == sp.Rational(1, 2) - sp.exp(-x) - sp.exp(-2 * x) / 2
    True
    """
    outer = [factor for factor in product.args if isinstance(factor, sp.exp)]
    sums = [factor for factor in product.args if factor.is_Add and factor.has(sp.exp, sp.cosh, sp.sinh)]
    if len(outer) != 1 or len(sums) != 1:
        return product
    spread = sp.expand(sums[0].rewrite([sp.cosh, sp.sinh], sp.exp) * outer[0])
    if not any(not term.has(sp.exp) for term in sp.Add.make_args(spread)):
        return product
    return spread * sp.Mul(*(factor for factor in product.args if factor not in (*outer, *sums)))
