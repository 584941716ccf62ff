"""The normal distribution as SymPy functions: density φ, distribution function Φ, bivariate distribution function Φ₂.

They are formulas (derivative, special values, limits, LaTeX) and numbers of any precision, with a small relative error
in the tails too; the numbers come from `normal_mpmath`.
"""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from symntk.language.special import normal_mpmath
from symntk.language.special.printing import PrintedFunction


class _NormalFunction(PrintedFunction):
    """What the three share: numbers of any precision, printing by symbol."""

    _symbols = ("", "")  # LaTeX, unicode
    number: Any

    def _eval_evalf(self, prec: int) -> Any:
        try:
            arguments = [arg._to_mpmath(prec + 30 + self._sensitivity(prec)) for arg in self.args]
        except (TypeError, ValueError):  # a free symbol
            return None
        with mpmath.workprec(prec):
            try:
                value = self.number(*arguments)
            except ValueError:  # no value there, for example |rho| > 1
                return None
        return sp.Expr._from_mpmath(value, prec)

    def _sensitivity(self, prec: int) -> int:
        """Bits that the arguments need beyond `prec`: their squares go into an exponent."""
        sizes = [mpmath.mag(value) for arg in self.args if (value := arg._to_mpmath(prec)) and mpmath.isfinite(value)]
        return max([0, *(2 * int(size) for size in sizes)])

    def _eval_conjugate(self) -> Any:
        return self.func(*(arg.conjugate() for arg in self.args))

    def _eval_is_extended_real(self) -> bool | None:
        return True if all(arg.is_extended_real for arg in self.args) else None

    def _eval_is_finite(self) -> bool | None:
        return True if all(arg.is_extended_real or arg.is_finite for arg in self.args) else None

    def _eval_is_extended_nonnegative(self) -> bool | None:
        return self._eval_is_extended_real()

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        inside = ", ".join(printer._print(arg) for arg in self.args)
        power = f"^{{{exp}}}" if exp is not None else ""
        return rf"{self._symbols[0]}{power}\left({inside}\right)"

    def _pretty(self, printer: Any) -> Any:
        name = self._symbols[1] if printer._use_unicode else self.func.__name__
        return printer._helper_print_function(self.func, self.args, func_name=name)


class normal_pdf(_NormalFunction):
    """Density φ(x) = exp(−x²/2)/√(2π) of the standard normal distribution (entire in complex x).

    >>> from sympy.abc import x
    >>> normal_pdf(x).diff(x)
    -x*normal_pdf(x)
    """

    nargs = 1
    _symbols = (r"\varphi", "φ")
    number = staticmethod(normal_mpmath.normal_pdf)

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Values at 0 and ±oo; φ is even."""
        if x is sp.nan:
            return sp.nan
        if x.is_zero:
            return 1 / sp.sqrt(2 * sp.pi)
        if x in (sp.oo, -sp.oo):
            return sp.S.Zero
        return cls(-x) if x.could_extract_minus_sign() else None

    def fdiff(self, argindex: int = 1) -> Any:
        """φ'(x) = −x φ(x)."""
        return -self.args[0] * self

    def _eval_is_extended_positive(self) -> bool | None:
        return True if self.args[0].is_real else None

    def _eval_rewrite_as_exp(self, x: Any, **kwargs: Any) -> Any:
        return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)

    def _eval_rewrite_as_tractable(self, x: Any, limitvar: Any = None, **kwargs: Any) -> Any:
        return self._eval_rewrite_as_exp(x)

    def _eval_nseries(self, x: Any, n: int, logx: Any, cdir: Any = 0) -> Any:
        return self._eval_rewrite_as_exp(self.args[0])._eval_nseries(x, n, logx, cdir)

    def _eval_as_leading_term(self, x: Any, **kwargs: Any) -> Any:
        return self._eval_rewrite_as_exp(self.args[0]).as_leading_term(x, **kwargs)


class normal_cdf(_NormalFunction):
    """Distribution function Φ(x) = P(ξ ≤ x) of the standard normal distribution (entire in complex x).

    >>> normal_cdf(-40).evalf(5)
    3.6559e-350
    >>> normal_cdf(sp.sqrt(2)).rewrite(sp.erf)
    erf(1)/2 + 1/2
    """

    nargs = 1
    _symbols = (r"\Phi", "Φ")
    number = staticmethod(normal_mpmath.normal_cdf)

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Values at 0 and ±oo."""
        if x is sp.nan:
            return sp.nan
        if x.is_zero:
            return sp.S.Half
        return {sp.oo: sp.S.One, -sp.oo: sp.S.Zero}.get(x)

    def fdiff(self, argindex: int = 1) -> Any:
        """Φ'(x) = φ(x)."""
        return normal_pdf(self.args[0])

    def _eval_is_extended_positive(self) -> bool | None:
        return True if self.args[0].is_real else None

    def _eval_rewrite_as_erf(self, x: Any, **kwargs: Any) -> Any:
        return (1 + sp.erf(x / sp.sqrt(2))) / 2

    def _eval_rewrite_as_erfc(self, x: Any, **kwargs: Any) -> Any:
        return sp.erfc(-x / sp.sqrt(2)) / 2

    def _eval_rewrite_as_tractable(self, x: Any, limitvar: Any = None, **kwargs: Any) -> Any:
        return self._eval_rewrite_as_erf(x).rewrite("tractable", deep=True, limitvar=limitvar)

    def _eval_nseries(self, x: Any, n: int, logx: Any, cdir: Any = 0) -> Any:
        return self._eval_rewrite_as_erf(self.args[0])._eval_nseries(x, n, logx, cdir)

    def _eval_as_leading_term(self, x: Any, **kwargs: Any) -> Any:
        return self._eval_rewrite_as_erf(self.args[0]).as_leading_term(x, **kwargs)


class bivariate_normal_cdf(_NormalFunction):
    """Φ₂(h, k; ρ) = P(X ≤ h, Y ≤ k) for standard normal X, Y of correlation ρ; symmetric in h and k.

    Entire in complex h and k for |ρ| < 1. The ρ-derivative is the bivariate density (Plackett 1954).

    >>> bivariate_normal_cdf(0, 0, sp.Rational(1, 2))
    1/3
    >>> bivariate_normal_cdf(-30, -20, sp.Rational(-1, 2)).evalf(5)
    5.7724e-555
    """

    nargs = 3
    _symbols = (r"\Phi_2", "Φ₂")
    number = staticmethod(normal_mpmath.bivariate_normal_cdf)

    @classmethod
    def eval(cls, h: Any, k: Any, rho: Any) -> Any:
        """Values where h or k is ±oo or both are 0, and at ρ = 0, ±1; h and k are put in canonical order."""
        if sp.nan in (h, k, rho):
            return sp.nan
        if -sp.oo in (h, k):
            return sp.S.Zero
        if h is sp.oo:
            return normal_cdf(k)
        if k is sp.oo:
            return normal_cdf(h)
        if h.is_zero and k.is_zero:
            return sp.Rational(1, 4) + sp.asin(rho) / (2 * sp.pi)
        special = cls._at_special_correlation(h, k, rho)
        return cls._ordered(h, k, rho) if special is None else special

    @classmethod
    def _at_special_correlation(cls, h: Any, k: Any, rho: Any) -> Any:
        if rho.is_zero:
            return normal_cdf(h) * normal_cdf(k)
        if not (h.is_extended_real and k.is_extended_real) or rho not in (1, -1):
            return None  # Min and Max are not defined for complex arguments
        if rho == 1:
            return normal_cdf(sp.Min(h, k))
        if (h + k).is_nonpositive:
            return sp.S.Zero
        difference = normal_cdf(h) - normal_cdf(-k)
        return difference if (h + k).is_nonnegative else sp.Max(0, difference)

    @classmethod
    def _ordered(cls, h: Any, k: Any, rho: Any) -> Any:
        return cls(k, h, rho) if sp.default_sort_key(k) < sp.default_sort_key(h) else None

    def fdiff(self, argindex: int = 1) -> Any:
        """∂Φ₂/∂h = φ(h) Φ((k − ρh)/√(1 − ρ²)); ∂Φ₂/∂ρ = exp(−(h² − 2ρhk + k²)/(2(1 − ρ²)))/(2π√(1 − ρ²))."""
        h, k, rho = self.args
        rest = 1 - rho**2
        if argindex == 3:
            return sp.exp(-(h**2 - 2 * rho * h * k + k**2) / (2 * rest)) / (2 * sp.pi * sp.sqrt(rest))
        if argindex == 2:
            h, k = k, h
        return normal_pdf(h) * normal_cdf((k - rho * h) / sp.sqrt(rest))

    def _sensitivity(self, prec: int) -> int:
        """Near ρ = ±1 the small differences 1 ∓ ρ and, at −1, h + k decide."""
        h, k, rho = self.args
        values = [e._to_mpmath(prec) for e in (1 - rho, 1 + rho, h + k)]
        lost = sum(max(0, -int(mpmath.mag(value))) for value in values if value and mpmath.isfinite(value))
        return int(super()._sensitivity(prec) + min(lost, 10_000))

    def _eval_is_extended_positive(self) -> bool | None:
        h, k, rho = self.args
        inside = h.is_real and k.is_real and (1 - rho).is_positive and (1 + rho).is_positive
        return True if inside else None

    def _eval_as_leading_term(self, x: Any, **kwargs: Any) -> Any:
        at_zero = self.func(*(arg.limit(x, 0, "-" if kwargs.get("cdir") == -1 else "+") for arg in self.args))
        if at_zero.is_zero or at_zero.has(sp.nan):
            raise sp.PoleError(f"No leading term of {self} in {x}")
        return at_zero
