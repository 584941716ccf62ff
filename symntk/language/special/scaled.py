"""Functions that keep their digits where the formulas that define them overflow, underflow or cancel.

log cosh, log Φ, φ/Φ, e^{w²} erfc(w), log(1 + e^w)/e^w and their kin: as SymPy functions with derivatives and as mpmath
numbers, of real and, next to the real line, complex arguments; `stable` finds them in formulas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from mpmath import mp

from symntk.language.special.head import SpecialFunction
from symntk.language.special.logistic import logistic, softplus
from symntk.language.special.normal import normal_cdf, normal_pdf


def guarded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function with the digits that its cancellation takes: twice the argument's magnitude in bits, and some.

    >>> print(mp.nstr(log_normal_cdf.number(-40), 10))
    -804.608442
    """

    def number(w: Any) -> Any:
        w = mp.convert(w)
        size = max(0, int(mp.mag(w))) if w and mp.isfinite(w) else 0
        with mp.workprec(mp.prec + 40 + 4 * size):
            value = function(w)
        return +value

    return number


def _logcosh(w: Any) -> Any:
    if abs(w) < 1:
        return mp.log1p(2 * mp.sinh(w / 2) ** 2)
    far = w if w.real >= 0 else -w
    return far + mp.log1p(mp.exp(-2 * far)) - mp.log(2)


def _cdf(w: Any) -> Any:
    return mp.erfc(-w / mp.sqrt(2)) / 2


def _density(w: Any) -> Any:
    return mp.exp(-w * w / 2) / mp.sqrt(2 * mp.pi)


class logcosh(SpecialFunction):
    """log cosh w, even; near 0 it is w²/2, far out |w| − log 2.

    >>> from sympy.abc import x
    >>> logcosh(2 * x).diff(x), logcosh(-x)
    (2*tanh(2*x), logcosh(x))
    """

    is_positive_on_the_line = False

    @classmethod
    def eval(cls, w: Any) -> Any:
        """0 at 0; even."""
        if w.is_zero:
            return sp.S.Zero
        return cls(-w) if w.could_extract_minus_sign() else None

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative tanh w."""
        return sp.tanh(self.args[0])

    def _eval_rewrite_as_exp(self, w: Any, **_: Any) -> Any:
        return sp.log((sp.exp(w) + sp.exp(-w)) / 2)

    def _eval_is_extended_nonnegative(self) -> bool | None:
        return True if self.args[0].is_real else None

    number = staticmethod(guarded(_logcosh))


class log_normal_cdf(SpecialFunction):
    """log Φ(w), about −w²/2 far to the left.

    >>> from sympy.abc import x
    >>> log_normal_cdf(x).diff(x)
    inverse_mills(x)
    """

    is_positive_on_the_line = False

    @classmethod
    def eval(cls, w: Any) -> Any:
        """−log 2 at 0."""
        return -sp.log(2) if w.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative φ/Φ."""
        return inverse_mills(self.args[0])

    def _eval_rewrite_as_exp(self, w: Any, **_: Any) -> Any:
        return sp.log(normal_cdf(w))

    def _eval_is_extended_negative(self) -> bool | None:
        return True if self.args[0].is_real else None

    number = staticmethod(guarded(lambda w: mp.log(_cdf(w)) if w.real < 1 else mp.log1p(-_cdf(-w))))


class inverse_mills(SpecialFunction):
    """φ(w)/Φ(w), about −w far to the left.

    >>> from sympy.abc import x
    >>> inverse_mills(x).diff(x)
    -inverse_mills(x)*mills_excess(x)
    """

    def fdiff(self, argindex: int = 1) -> Any:
        """λ' = −λ (w + λ)."""
        return -inverse_mills(self.args[0]) * mills_excess(self.args[0])

    def _eval_rewrite_as_exp(self, w: Any, **_: Any) -> Any:
        return normal_pdf(w) / normal_cdf(w)

    number = staticmethod(guarded(lambda w: _density(w) / _cdf(w)))


class mills_excess(SpecialFunction):
    """w + φ(w)/Φ(w), about 1/|w| far to the left, where both summands cancel.

    >>> from sympy.abc import x
    >>> mills_excess(x).diff(x)
    -inverse_mills(x)*mills_excess(x) + 1
    """

    def fdiff(self, argindex: int = 1) -> Any:
        """1 + λ'."""
        return 1 - inverse_mills(self.args[0]) * mills_excess(self.args[0])

    def _eval_rewrite_as_exp(self, w: Any, **_: Any) -> Any:
        return w + normal_pdf(w) / normal_cdf(w)

    number = staticmethod(guarded(lambda w: w + _density(w) / _cdf(w)))


class erfcx(SpecialFunction):
    """e^{w²} erfc(w), about 1/(√π w) far to the right.

    >>> from sympy.abc import x
    >>> erfcx(x).diff(x)
    -2*ierfcx(x)
    """

    @classmethod
    def eval(cls, w: Any) -> Any:
        """1 at 0."""
        return sp.S.One if w.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """−2 ierfcx, which is 2w erfcx(w) − 2/√π without its cancellation."""
        return -2 * ierfcx(self.args[0])

    def _eval_rewrite_as_exp(self, w: Any, **_: Any) -> Any:
        return sp.exp(w**2) * sp.erfc(w)

    number = staticmethod(guarded(lambda w: mp.exp(w * w) * mp.erfc(w)))


class ierfcx(SpecialFunction):
    """1/√π − w e^{w²} erfc(w), the scaled integral of erfc; about 1/(2√π w²) far to the right.

    >>> from sympy.abc import x
    >>> ierfcx(x).diff(x)
    2*x*ierfcx(x) - erfcx(x)
    """

    @classmethod
    def eval(cls, w: Any) -> Any:
        """1/√π at 0."""
        return 1 / sp.sqrt(sp.pi) if w.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """2w ierfcx(w) − erfcx(w)."""
        return 2 * self.args[0] * ierfcx(self.args[0]) - erfcx(self.args[0])

    def _eval_rewrite_as_exp(self, w: Any, **_: Any) -> Any:
        return 1 / sp.sqrt(sp.pi) - w * sp.exp(w**2) * sp.erfc(w)

    number = staticmethod(guarded(lambda w: 1 / mp.sqrt(mp.pi) - w * mp.exp(w * w) * mp.erfc(w)))


class softplus_ratio(SpecialFunction):
    """log(1 + e^w)/e^w: 1 far to the left, w e^{−w} far to the right.

    >>> from sympy.abc import x
    >>> softplus_ratio(x).diff(x)
    logistic(-x) - softplus_ratio(x)
    """

    @classmethod
    def eval(cls, w: Any) -> Any:
        """It is log 2 at 0."""
        return sp.log(2) if w.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """1/(1 + e^w) minus itself."""
        return logistic(-self.args[0]) - softplus_ratio(self.args[0])

    def _eval_rewrite_as_exp(self, w: Any, **_: Any) -> Any:
        return sp.exp(-w) * sp.log(1 + sp.exp(w))

    number = staticmethod(guarded(lambda w: mp.exp(-w) * softplus.number(w)))
