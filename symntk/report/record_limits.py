"""Special cases of a kernel: independence, equal variances, full correlation.

Each follows from the formula by putting values in, so it costs nothing and holds wherever the formula does.
"""

from __future__ import annotations

import sympy as sp

from symntk.derive.latex import WIDEST, inline, tex, width
from symntk.kernels.expectation import Expectation
from symntk.language.symbols import cov, var_u, var_v

_RHO = sp.Symbol("rho", real=True)
_MOST = 60
"""Operations of a formula in which values are put; a special case of a longer one is as long as it."""


def limits(E: Expectation) -> list[str]:
    r"""One Markdown list item per special case that is short enough to be read.

    >>> from symntk import expectation
    >>> print("\n".join(limits(expectation("sign", "sign"))))
    - Independence, $`c = 0`$: $`0`$.
    - Equal variances, $`b = a`$ and $`c = \rho a`$: $`\frac{2 \arcsin{\left(\rho \right)}}{\pi}`$.
    - Full correlation, $`b = a`$ and $`c \to a`$: $`1`$.
    """
    out = []
    independent = at_independence(E)
    if independent is not None and width(tex(independent)) <= WIDEST:
        out.append(f"- Independence, $`c = 0`$: {inline(tex(independent))}.")
    equal = at_equal_variances(E)
    if equal is not None and width(tex(equal)) <= WIDEST:
        out.append(f"- Equal variances, $`b = a`$ and $`c = \\rho a`$: {inline(tex(equal))}.")
    out.append(f"- Full correlation, $`b = a`$ and $`c \\to a`$: {_full(E)}.")
    return out


def at_independence(E: Expectation) -> sp.Expr | None:
    """E[f(u)] E[g(v)], from the formula at c = 0; None where there is no short formula."""
    if E.expression is None or sp.count_ops(E.expression) > _MOST:
        return None
    value = _tidy(E.expression.subs(cov, 0))
    return None if value.has(sp.nan, sp.zoo, sp.oo) else value


def at_equal_variances(E: Expectation) -> sp.Expr | None:
    """The formula in the variance a and the correlation ρ; None where there is no short formula."""
    if E.expression is None or sp.count_ops(E.expression) > _MOST:
        return None
    return _tidy(E.expression.subs({var_v: var_u, cov: _RHO * var_u}, simultaneous=True))


def _tidy(expr: sp.Expr) -> sp.Expr:
    """Common factors taken out of sums, inside roots first; a is positive, so its powers leave the roots."""
    return expr.replace(
        lambda part: part.is_Add, lambda part: sp.factor_terms(sp.cancel(part) if _is_short(part) else part)
    )


def _is_short(part: sp.Expr) -> bool:
    return bool(part.is_polynomial(*part.free_symbols)) and sp.count_ops(part) < 40


def _full(E: Expectation) -> str:
    diagonal = E.diagonal
    if diagonal.diverges:
        assert diagonal.rate is not None
        return f"diverges like {inline(tex(diagonal.rate))}"
    if diagonal.limit is None:
        return "not known, since leading terms cancel"
    if diagonal.limit.has(sp.Integral):
        return "finite, one integral"
    text = tex(diagonal.limit)
    return inline(text) if width(text) <= 2 * WIDEST else "finite, the formula at $`c = a`$"
