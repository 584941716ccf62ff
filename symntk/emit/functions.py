"""Functions of the language as nodes that keep their digits: what a formula of one variable is translated by."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy as sp

from symntk.emit.code import Lines, Node, Power, call, choose, number, power
from symntk.emit.expressions import Translator
from symntk.language.conjugate import conjugate
from symntk.language.special import logistic, normal_cdf
from symntk.language.special.table import row
from symntk.language.symbols import x


def stable(part: sp.Expr) -> sp.Expr:
    """The part with 1 ± tanh(w) as logistic functions and 1 ± erf(w) as normal distribution functions.

    >>> stable(x * (1 + sp.tanh(x)) / 2)
    x*logistic(2*x)
    """
    return part.replace(lambda e: e.is_Add and e.has(sp.tanh, sp.erf, logistic), _one_sided)


def _one_sided(total: sp.Expr) -> sp.Expr:
    number = next((term for term in total.args if term.is_number), sp.S.Zero)
    for term in total.args:
        factor, rest = term.as_coeff_Mul()
        if number != 0 and isinstance(rest, sp.tanh | sp.erf) and abs(factor) == abs(number):
            inside = sp.sign(factor * number) * rest.args[0]
            whole = logistic(2 * inside) if isinstance(rest, sp.tanh) else normal_cdf(sp.sqrt(2) * inside)
            return total - number - term + 2 * number * whole
        if number != 0 and isinstance(rest, logistic) and factor == -number:
            return total - number - term + number * logistic(-rest.args[0])
    return total


class FunctionTranslator(Translator):
    """Translates functions of x so that they keep their digits.

    With `guarded`, a product of what may overflow and what may underflow is 0 where the latter does. With `scaled`,
    e^p Φ(h) is one function of p and h.

    >>> from symntk.emit.code import Name
    >>> from symntk.emit.targets.numpy import NUMPY
    >>> print(NUMPY.expression(FunctionTranslator({x: Name("x")})(x**3 * sp.log(1 + sp.exp(-x)))))
    x * x ** 2 * np.log(1.0 + np.exp(-x))
    """

    def __init__(
        self, known: Mapping[sp.Symbol, Node], lines: Lines | None = None, guarded: bool = False, scaled: bool = False
    ) -> None:
        super().__init__(known, lines)
        self.guarded, self.scaled = guarded, scaled

    def sum(self, expr: sp.Expr) -> Node:
        """A sum p + s, s with a root: (p² − s²)/(p − s) where they have opposite signs, so that nothing cancels."""
        found = conjugate(expr, x)
        if found is None:
            return super().sum(expr)
        top, p, s = self(found.top), *(self.lines.name(self(part)) for part in (found.p, found.s))
        return choose(p * s < 0.0, top / (p - s), p + s)

    def product(self, expr: sp.Expr) -> Node:
        """A product; a guarded one has what may overflow apart."""
        step = next((factor for factor in expr.args if self.scaled and isinstance(factor, normal_cdf)), None)
        exponents = [factor.args[0] for factor in expr.args if isinstance(factor, sp.exp)]
        if step is not None and exponents:
            rest = sp.Mul(*(factor for factor in expr.args if factor != step and not isinstance(factor, sp.exp)))
            return self(rest) * call("exp_normal_cdf", self(sp.Add(*exponents)), self(step.args[0]))
        numbers = [factor for factor in expr.args if factor.is_number]
        growing = [factor for factor in expr.args if _is_exponential(factor)] if self.guarded else []
        others = [factor for factor in expr.args if factor not in growing and factor not in numbers]
        if not growing or not others:
            return super().product(expr)
        p, q = (self.lines.name(self(sp.Mul(*some))) for some in (growing, others))
        value = choose(call("==", p, 0), 0, choose(call("==", q, 0), 0, p * q))
        return number(sp.Mul(*numbers)) * value

    def power(self, base: sp.Expr, exponent: sp.Expr) -> Node:
        """A power of what may, next to its zero, be negative by a rounding; NumPy is fast at squares only."""
        if base == x and exponent in (3, 4):
            square = Power(self(x), 2)
            return self(x) * square if exponent == 3 else Power(square, 2)
        if exponent.is_Integer and exponent > 0:
            return power(self(base), int(exponent))
        if not exponent.is_number:
            return call("power", self(base), self(exponent))
        if exponent < 0:
            return 1 / self.power(base, -exponent)
        inside = self._size(base)
        if exponent in (sp.Rational(1, 2), sp.Rational(3, 2)):
            return call("sqrt", inside) if exponent < 1 else inside * call("sqrt", inside)
        return Power(inside, float(exponent))

    def function(self, expr: sp.Expr) -> Node:
        """A function under its stable name, or what it is made of."""
        if isinstance(expr, sp.log):
            return self._log(expr.args[0])
        if isinstance(expr, sp.asin | sp.acos):
            return self._arc(expr)
        known = row(expr)
        if known is None or known.formula is None:
            return super().function(expr)
        made: Node = known.formula(self.lines.name(self(expr.args[0])), _Nodes(self.lines))
        return made

    def _size(self, base: sp.Expr) -> Node:
        """A base that is not negative: next to a zero at a break its rounding may be, by a unit in the last place."""
        inside = self(base)
        return inside if base.is_nonnegative or not base.has(x) else call("abs", inside)

    def _log(self, inside: sp.Expr) -> Node:
        """The logarithm; of 1 + w with a w that may be small, relative to w."""
        one, rest = inside.as_coeff_Add()
        if one != 1 or not any(p.exp.is_negative and p.base.has(x) for p in rest.atoms(sp.Pow)):
            return call("log", self._size(inside))
        w = self.lines.name(self(rest))
        return choose(call("abs", w) < 0.5, call("log1p", w), call("log", call("abs", 1 + w)))

    def _arc(self, expr: sp.Expr) -> Node:
        """The angle of a sine f and its cosine √((1 − f)(1 + f)), each factor computed well: arcsin has a root at 1."""
        inside = expr.args[0]
        if not inside.has(sp.tanh, sp.erf, logistic, normal_cdf):
            return super().function(expr)
        sine, cosine = self(inside), call("sqrt", self(stable(1 - inside)) * self(stable(1 + inside)))
        return call("atan2", *((sine, cosine) if isinstance(expr, sp.asin) else (cosine, sine)))


def _is_exponential(factor: sp.Expr) -> bool:
    """Whether a factor may grow or decay exponentially by itself."""
    return isinstance(factor, sp.exp) or isinstance(factor.as_base_exp()[0], sp.cosh | sp.sinh)


class _Nodes:
    """The functions of a library, see `symntk.language.special.arrays`, as nodes."""

    where = staticmethod(choose)

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def __getattr__(self, name: str) -> Callable[..., Node]:
        return lambda *given: self._lines.name(call(name, *given))
