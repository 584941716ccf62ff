"""Mixtures: functions of the logistic family as Gaussian-elementary sums with a certified error; their expectations.

logistic(x) ≈ Σ_j w_j Φ(p_j x) with |error| ≤ ε on the whole line (see `mixture_rule`), hence f(x) ≈ Σ_j w_j h(x; p_j)
for what is affine in logistic functions, their derivatives and their integrals, h Gaussian-elementary with a parameter.
E[h(u; p) h'(v; q)] is derived once, with p and q as symbols, by the same moves as any other expectation; the sum over
nodes is all that is numerical, and its error is known beforehand:

    |E[f g] − E[f̃ g̃]| ≤ ε_f √E g² + ε_g √E f² + ε_f ε_g      at every variance, correlation and mean,

where ε is the sup norm of the error, or any other bound of √E (f − f̃)² (see `mixture_errors`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import sympy as sp

from symntk.derive.latex import aligned, equation, inline, power_of_ten, summed, tex
from symntk.derive.mixture.errors import Errors, certified_errors
from symntk.derive.mixture.heads import Heads, heads
from symntk.derive.mixture.rule import MOST_TERMS, LogisticMixture, gauss_rule, logistic_mixture
from symntk.derive.moves.algebra import MOST_WORK
from symntk.derive.moves.derivation import Derivation
from symntk.derive.moves.engine import derive_pair
from symntk.derive.step import Step
from symntk.errors import NotGaussianElementaryError, SymntkError
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import NormalForm
from symntk.language.special import normal_cdf, normal_pdf
from symntk.language.symbols import RESERVED

TOLERANCE = 1e-11
"""The default of the certified error."""


@dataclass(frozen=True)
class Mixture:
    """f(x) ≈ Σ_j weights[j] · kernel(x; node = nodes[j]).

    Attributes:
        function: f, in `variable`.
        kernel: the Gaussian-elementary function h(x; p).
        node: the symbol p > 0.
        rule: nodes and weights, with Σ weights = 1.
        errors: certified upper bounds of norms of f(x) − Σ_j w_j h(x; p_j); numbers, or formulas in f's parameters.
    """

    function: sp.Expr
    variable: sp.Symbol
    kernel: NormalForm
    node: sp.Symbol
    rule: LogisticMixture
    errors: Errors

    @property
    def error(self) -> sp.Expr:
        """A certified upper bound of sup |f(x) − Σ_j w_j h(x; p_j)| over the real line."""
        return self.errors.largest

    @property
    def nodes(self) -> tuple[float, ...]:
        """The values of the node symbol."""
        return self.rule.nodes

    @property
    def weights(self) -> tuple[float, ...]:
        """The weights, positive and with the sum 1."""
        return self.rule.weights

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The parameters of f."""
        return tuple(s for s in self.kernel.parameters if s != self.node)

    def renamed(self, node: sp.Symbol) -> Mixture:
        """The same with another symbol for the node."""
        return replace(self, kernel=self.kernel.subs({self.node: node}), node=node)


def mixture(form: GeneralForm, x: sp.Symbol, tol: float = TOLERANCE) -> Mixture | None:
    """The function as a mixture, or None where it is none.

    It is one where each part of it is polynomial · logistic functions of affine arguments, their derivatives (sech² and
    products tanhⁿ included) or their integral softplus, none multiplied by another, plus a Gaussian-elementary rest.

    Args:
        form: the function.
        x: its variable.
        tol: the certified error is at most this, where the coefficients are numbers and float64 allows it; where they
            hold parameters, `tol` is for the logistic function itself.

    >>> from symntk.language.forms.general_form import general_form
    >>> x = sp.Symbol("x", real=True)
    >>> m = mixture(general_form(sp.tanh(x), x), x)
    >>> m.kernel.as_expr(x)
    2*normal_cdf(2*p*x) - 1
    >>> len(m.nodes), m.error < 1e-11
    (17, True)
    >>> mixture(general_form(sp.atan(x), x), x) is None
    True
    """
    if not is_logistic(form, x):
        return None
    known = [part for part in (heads(part, x) for part in form.parts) if part is not None]
    taken = {s.name for e in (*form.parts, *form.breaks) for s in e.free_symbols} | RESERVED
    node = _free_symbol("p", taken)
    kernel = replace(form, parts=tuple(_kernel(part, node) for part in known))
    try:
        normal = normal_form(kernel.as_expr(x), x)
    except NotGaussianElementaryError:
        return None
    rule, errors = _rule(known, x, tol)
    return Mixture(form.as_expr(x), x, normal, node, rule, errors)


def is_logistic(form: GeneralForm, x: sp.Symbol) -> bool:
    """Whether each part has the form that `mixture` asks for, and one holds a logistic function."""
    parts = [heads(part, x) for part in form.parts]
    return all(part is not None for part in parts) and any(part.coefficients for part in parts if part is not None)


def kernel_power(form: GeneralForm, x: sp.Symbol) -> int:
    """The highest power of x in the kernel of the mixture that the function is; 0 where it is none.

    >>> from symntk.language.forms.general_form import general_form
    >>> x = sp.Symbol("x", real=True)
    >>> kernel_power(general_form(x**3 * sp.tanh(x), x), x)
    3
    """
    parts = [heads(part, x) for part in form.parts]
    found = [(order, c) for part in parts if part is not None for (_, order), c in part.coefficients.items()]
    return max((int(sp.degree(c, x)) + abs(order) - (order > 0) for order, c in found), default=0)


def _free_symbol(name: str, taken: set[str]) -> sp.Symbol:
    while name in taken:
        name += "_"
    return sp.Symbol(name, positive=True)


def _kernel(part: Heads, p: sp.Symbol) -> sp.Expr:
    """The part with Φ(p·w) in place of logistic(w), and its derivatives and integral in place of those."""
    return part.rest + sp.Add(*(c * _member(w, order, p) for (w, order), c in part.coefficients.items()))


def _member(w: sp.Expr, order: int, p: sp.Symbol) -> sp.Expr:
    """(d/dw)^order Φ(p·w)."""
    if order == -1:
        return w * normal_cdf(p * w) + normal_pdf(p * w) / p
    if order == 0:
        return normal_cdf(p * w)
    y = sp.Dummy("y")
    hermite = sp.diff(sp.exp(-(y**2) / 2), y, order - 1) * sp.exp(y**2 / 2)
    return p**order * sp.expand(hermite).subs(y, p * w) * normal_pdf(p * w)


def _rule(parts: list[Heads], x: sp.Symbol, tol: float) -> tuple[LogisticMixture, Errors]:
    """The shortest rule whose certified error for the whole function is at most `tol`, and its errors."""
    best = tol
    while True:
        try:
            rule = logistic_mixture(best)
        except SymntkError:  # float64 gives no better one
            rule = gauss_rule(MOST_TERMS)
        errors = certified_errors(parts, x, rule)
        error = errors.largest
        if not error.is_number or error <= tol or len(rule.nodes) >= MOST_TERMS:
            return rule, errors
        # errors for other orders and powers are a few times that of the logistic function, and fall with it
        best = min(rule.error * 0.999, best * float(tol / error))


@dataclass(frozen=True, eq=False)
class MixtureDerivation(Step):
    """E[f(u) g(v)] as Σ_j Σ_k w_j w_k · (closed form in the nodes p_j, q_k).

    Attributes:
        f, g: mixtures, or Gaussian-elementary functions, for which there is no sum and no error.
        inner: the derivation of the expectation of the two kernels, the nodes being symbols.
    """

    f: Mixture | NormalForm
    g: Mixture | NormalForm
    inner: Derivation

    @cached_property
    def children(self) -> tuple[tuple[sp.Expr, Step], ...]:  # type: ignore[override]  # it never is assigned
        """The expectation of the kernels."""
        return ((sp.S.One, self.inner),)

    def evaluate(self) -> sp.Expr:
        """The closed form that is summed over the nodes."""
        return self.inner.expression

    def statement(self, turned: bool = False) -> str:
        """What is summed."""
        return f"E[{self._inner_text()}]"

    @property
    def error_f(self) -> sp.Expr:
        """ε_f; 0 for a Gaussian-elementary function."""
        return self.f.error if isinstance(self.f, Mixture) else sp.S.Zero

    @property
    def error_g(self) -> sp.Expr:
        """ε_g; 0 for a Gaussian-elementary function."""
        return self.g.error if isinstance(self.g, Mixture) else sp.S.Zero

    def error_bound(self, norm_f: float, norm_g: float) -> sp.Expr:
        """An upper bound of |E[f g] − Σ Σ …| before rounding.

        `norm_f` is √E f(u)², or anything above E|f(u)|; for deltas, Σ |weight| · density at the threshold.
        """
        return self.error_f * norm_g + self.error_g * norm_f + self.error_f * self.error_g

    def __str__(self) -> str:
        lines = ["E[f(u) g(v)] ≈ " + self._sums() + self.statement()]
        for name, one in (("f", self.f), ("g", self.g)):
            if isinstance(one, Mixture):
                lines += _explained(name, one)
        lines += ["|error| ≤ ε_f √E g² + ε_g √E f² + ε_f ε_g, with ε = 0 for what is no mixture", ""]
        return "\n".join([*lines, f"the expectation inside: {self.expression}", "", str(self.inner)])

    def proof(self, left: str, right: str) -> list[str]:
        """The sum inside the class, its error, and the formula that is summed."""
        sides = [(name, one) for name, one in (("f", self.f), ("g", self.g)) if isinstance(one, Mixture)]
        same = len(sides) == 2 and sides[0][1].function == sides[1][1].function
        lines = []
        for name, one in sides[:1] if same else sides:
            error = power_of_ten(float(one.error)) if one.error.is_number else tex(one.error)
            kernel = tex(one.kernel.as_expr(one.variable))
            head = rf"g({one.variable}) = f({one.variable})" if same else f"{name}({one.variable})"
            approximate = rf"\sum_j w_j \left({kernel}\right)_{{{one.node} = {one.node}_j}}"
            lines.append(rf"{head} &= {tex(one.function)} \approx {approximate}, & \varepsilon_{name} &\le {error}")
        text = "**Mixture.** The logistic function is a scale mixture of normal distribution functions; with a Gauss "
        text += "rule and a certified bound of the error on the whole line,"
        inside = equation(r"\mathbb{E}\left[f_p(u)\, g_q(v)\right]", summed(self.expression))
        bound = (
            r"\varepsilon_f \sqrt{\mathbb{E} g^2} + \varepsilon_g \sqrt{\mathbb{E} f^2} + \varepsilon_f\, \varepsilon_g"
        )
        tail = f"so the error is at most {inline(bound)}. The mean of a product of two summands, whose nodes are $`p`$ "
        tail += "and $`q`$, is closed by the four moves:"
        return [f"{text}\n\n{aligned(lines)}\n\n{tail}\n\n{inside}"]

    def _sums(self) -> str:
        sums = [f"Σ_{i} " for i, one in (("j", self.f), ("k", self.g)) if isinstance(one, Mixture)]
        return "".join(sums) + " ".join(s.replace("Σ", "w").strip() for s in sums) + " "

    def _inner_text(self) -> str:
        left, right = (one.kernel if isinstance(one, Mixture) else one for one in (self.f, self.g))
        return f"({left.as_expr(sp.Symbol('u', real=True))}) · ({right.as_expr(sp.Symbol('v', real=True))})"


def _explained(name: str, one: Mixture) -> list[str]:
    error = f"{float(one.error):.2e}" if one.error.is_number else str(one.error)
    return [
        f"{name}(x) = {one.function} ≈ Σ w {one.kernel.as_expr(one.variable)}",
        f"  {len(one.nodes)} nodes {one.node} from {min(one.nodes):.4g} to {max(one.nodes):.4g}: a Gauss rule in log s "
        "for logistic(x) = ∫ Φ(x/2s) dF(s), F the Kolmogorov distribution",
        f"  ε_{name} = {error} is a certified bound of the error on the whole real line",
    ]


def derive_mixture(f: Mixture | NormalForm, g: Mixture | NormalForm, *, means: bool = False) -> MixtureDerivation:
    """Derive E[f(u) g(v)] for (u, v) ~ N((m1, m2), [[a, c], [c, b]]), f or g or both a mixture.

    Errors: TooLongError, from here or from the value of `inner`; a sum over nodes is worth little patience.

    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> tanh = mixture(general_form(sp.tanh(x), x), x)
    >>> derive_mixture(tanh, tanh).expression
    2*asin(c/(sqrt(a + 1/(4*p**2))*sqrt(b + 1/(4*q**2))))/pi
    """
    taken = {s.name for one in (f, g) for s in one.parameters} | RESERVED
    if isinstance(f, Mixture):
        f = f.renamed(_free_symbol("p", taken))
    if isinstance(g, Mixture):
        g = g.renamed(_free_symbol("q", taken))
    left, right = (one.kernel if isinstance(one, Mixture) else one for one in (f, g))
    return MixtureDerivation(f, g, derive_pair(left, right, means=means, most_work=MOST_WORK // 10))
