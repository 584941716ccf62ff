"""E[s(Y)] for one normal Y ~ N(m2, b), in closed form where the rules of one dimension reach.

With a sign or a step as the activation it is all that remains: E[2δ(u) g(v)] = 2 N(0; m1, a) E[g(Y)] with Y of mean
m2 − c m1/a and variance b − c²/a. What the rules reach: Gaussian-elementary functions, rational functions without
poles on the line, half-integer powers of x² + A² and rational functions of |x| (these two for mean 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from symntk.derive.conditions import conditions
from symntk.derive.line.fold import fold
from symntk.derive.line.parts import Kind, Split, Square, split
from symntk.derive.line.rules import (
    Elementary,
    Linearity,
    LineStep,
    Parity,
    RealPart,
    fourier_mixture,
    pole_powers,
    square_power,
)
from symntk.derive.line.windows import Product, full_correlation, windows
from symntk.derive.step import Unknown
from symntk.errors import NotGaussianElementaryError
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import ONE, parity
from symntk.language.symbols import x

_LONGEST = 60  # characters of a part that is named
_STEEPEST = 12  # degree of a denominator up to which the recurrences are short


@dataclass(frozen=True, eq=False)
class LineDerivation:
    """E[s(Y)] and how it comes about; everything shown is computed from the steps."""

    form: GeneralForm
    root: LineStep
    means: bool

    @cached_property
    def expression(self) -> sp.Expr:
        """The expectation in b, m2 and the parameters."""
        return self.root.value

    @cached_property
    def conditions(self) -> tuple[sp.Basic, ...]:
        """Where the expectation exists, beyond positive parameters."""
        forms = [form for step in self.root.leaves for form in step.normal_forms]
        return tuple(dict.fromkeys(condition for form in forms for condition in conditions(ONE, form)))

    def __str__(self) -> str:
        return str(self.root)


def derive_line(form: GeneralForm, *, means: bool) -> LineDerivation | Unknown:
    """Derive E[s(Y)], Y ~ N(m2, b), with m2 = 0 unless `means`; where the rules give no closed form, why.

    >>> from symntk.language.forms.general_form import general_form
    >>> print(derive_line(general_form(1 / (1 + x**2), x), means=False))
    1  gamma mixture  E[1/(Y**2 + 1)] = sqrt(2)*sqrt(pi)*exp(1/(2*b))*erfc(sqrt(2)/(2*sqrt(b)))/(2*sqrt(b))
      2  elementary  E[exp(-Y**2*s)] = 1/sqrt(2*b*s + 1)
    <BLANKLINE>
    gamma mixture: E[x^k (x² + A²)^{−ν}] = ∫_0^∞ s^{ν−1} e^{−sA²} E[x^k e^{−sx²}] ds / Γ(ν), ν > 0; the rest is \
Tricomi's U.
    elementary: E[h(Y)] of a Gaussian-elementary h, by the four moves: tilt, condition, Stein, base.
    >>> print(derive_line(general_form(sp.tanh(x), x), means=False))
    no closed form: tanh(x) is beyond the rules
      line: tanh(x) is no rational function, root of x² + A² or power of x times one of the class
    """
    steep = [power for part in form.parts for power in part.atoms(sp.Pow) if _is_steep(power)]
    if steep:
        return _unknown(steep[0], f"has a degree above {_STEEPEST}, which is left to quadrature")
    try:
        root = _root(form, means)
    except NotGaussianElementaryError as error:
        return Unknown.of("line", error.part, error.wrong)
    return root if isinstance(root, Unknown) else LineDerivation(form, root, means)


def _unknown(term: object, why: str) -> Unknown:
    text = str(term)
    return Unknown.of("line", text, f"{text if len(text) <= _LONGEST else 'the function'} {why}")


def _is_steep(power: sp.Pow) -> bool:
    """Whether it is a denominator of a high degree, for which quadrature is the better answer."""
    if not (power.base.is_polynomial(x) and power.exp.is_number and power.exp.is_negative and power.base.has(x)):
        return False
    return bool(-power.exp * sp.degree(power.base, x) > _STEEPEST)


Weighted = tuple[sp.Expr, LineStep]


def _root(whole: GeneralForm, means: bool) -> LineStep | Unknown:
    found = windows(whole)
    if found is None:
        return _unknown(whole.regular(x), "multiplies three steps, or has one inside another function")
    form = found.rest
    parts = [(part, split(part, x)) for part in form.parts]
    known = [kinds for _, kinds in parts if kinds is not None]
    if len(known) < len(parts):
        part = next(part for part, kinds in parts if kinds is None)
        return _unknown(part, "is no rational function, root of x² + A² or power of x times one of the class")
    children: list[Weighted] = []
    broken: list[Kind] = []
    for kind in dict.fromkeys(kind for one in known for kind in one.kinds):
        values = [one.kinds.get(kind, sp.S.Zero) for one in known]
        if isinstance(kind, Square) and all(sp.expand(v - values[0]) == 0 for v in values):
            step = _whole(kind, means)
            if step is None:
                return _unknown(kind.as_expr(x), "needs a mean of 0")
            children.append((values[0], step))
        else:
            broken.append(kind)
    if broken:
        folded = _folded(form, known, broken, means)
        if isinstance(folded, Unknown):
            return folded
        children.append((sp.S.One, folded))
    rest = _elementary(form, known, means) if not found.products else _with_products(form, known, found.products, means)
    if rest is None:
        return _unknown(whole.regular(x), "has a growing exponential with steps: where the mean exists is not known")
    children += rest
    if len(children) == 1 and children[0][0] == 1:
        return children[0][1]
    return Linearity(whole.regular(x), None, means, tuple(children))


def _folded(form: GeneralForm, known: list[Split], kinds: list[Kind], means: bool) -> LineStep | Unknown:
    """The step of the kinds that differ from part to part."""
    folded = None if means else fold(form, known, kinds)
    if folded is not None:
        return folded
    why = "needs a mean of 0 between breaks" if means else "has a tail whose mean is not known"
    return _unknown(", ".join(str(kind.as_expr(x)) for kind in kinds), why)


def _elementary_part(form: GeneralForm, parts: list[Split]) -> GeneralForm:
    """The Gaussian-elementary rest, deltas included."""
    return GeneralForm(form.breaks, tuple(part.elementary for part in parts), form.deltas)


def _with_products(
    form: GeneralForm, parts: list[Split], products: tuple[Product, ...], means: bool
) -> list[Weighted] | None:
    """The step of the Gaussian-elementary rest and the products of two steps; None where it is not known to exist."""
    rest = _elementary_part(form, parts).as_expr(x)
    step = full_correlation(rest + sp.Add(*(f * g for f, g in products)), rest, products, means)
    return None if step is None else [(sp.S.One, step)]


def _elementary(form: GeneralForm, parts: list[Split], means: bool) -> list[Weighted]:
    """The step of the Gaussian-elementary rest, if there is any."""
    rest = _elementary_part(form, parts)
    if not rest.has_regular_part and not rest.deltas:
        return []
    function = rest.as_expr(x)
    normal = normal_form(function, x)
    if not means and parity(normal) == -1:
        return [(sp.S.One, Parity(function, None, means, ()))]
    return [(sp.S.One, Elementary(function, None, means, (), normal))]


def _whole(kind: Square, means: bool) -> LineStep | None:
    """E[kind(Y)] on the whole line."""
    if not means and kind.centre == 0:
        if kind.power:
            return Parity(kind.as_expr(x), None, means, ())
        return square_power(kind.square, kind.order)
    if not kind.order.is_integer:
        return None
    n, width = int(kind.order), sp.sqrt(kind.square)
    pole = kind.centre + sp.I * width
    steps = pole_powers(fourier_mixture(pole, means), pole, None, n)
    # (y + iA)^{−n} by powers of y − iA, times (y − iA)^{−n}; and y = (y − iA) + iA
    series = [sp.binomial(-n, k) * (2 * sp.I * width) ** (-n - k) for k in range(n)]
    weights = [sp.S.Zero] * (n + 1)
    for k, weight in enumerate(series):
        if kind.power:
            weights[n - k] += weight * sp.I * width
            weights[n - k - 1] += weight
        else:
            weights[n - k] += weight
    # the power 0 that y·(y − iA)^{−1} leaves is cancelled by that of the conjugate pole
    children = tuple((sp.expand(2 * w), step) for w, step in zip(weights[1:], steps[1:], strict=True))
    return RealPart(kind.as_expr(x), None, means, tuple(c for c in children if c[0] != 0))
