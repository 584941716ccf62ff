"""Normal form: an expression as a sum of Gaussian-elementary terms, or a refusal that names the part outside.

Comes in: a SymPy expression in one real symbol, with parameters. Goes out: a `NormalForm`.
Source: the class of functions is that of symntk.language.forms.terms; derivatives are distributional.
"""

from __future__ import annotations

import math

import sympy as sp

from symntk.errors import NotGaussianElementaryError
from symntk.language.forms.order import compare, sign_of
from symntk.language.forms.pieces import Pieces, resolve
from symntk.language.forms.smooth import MOST_TERMS, Key, Smooth, add_smooth, smooth_terms
from symntk.language.forms.terms import Delta, NormalForm, Step, Term, collect


def normal_form(expr: sp.Expr, x: sp.Symbol) -> NormalForm:
    """The normal form of `expr` as a function of `x`.

    Raises:
        NotGaussianElementaryError: names the part that is not Gaussian-elementary.

    >>> x = sp.Symbol("x", real=True)
    >>> normal_form(sp.Max(0, x), x).as_expr(x)
    x*Heaviside(x)
    >>> normal_form(sp.tanh(x), x)
    Traceback (most recent call last):
    ...
    symntk.errors.NotGaussianElementaryError: the normal form of tanh(x): tanh is not a function of the class
    """
    expr = exact(sp.sympify(expr, strict=True))
    plain, deltas = take_out_deltas(expr, x)
    pieces = resolve(plain, x)
    if pieces.reach < math.inf:
        wrong = f"it has infinitely many kinks, told apart for |x| < {pieces.reach:.6g}"
        raise NotGaussianElementaryError(f"the normal form of {expr}", str(expr), wrong)
    if len(pieces.parts) > MOST_TERMS:
        wrong = f"it has more than {MOST_TERMS} pieces"
        raise NotGaussianElementaryError(f"the normal form of {expr}", str(expr), wrong)
    terms: list[Term] = []
    for dummy, (point, order, scale) in deltas.items():
        terms += delta_terms(pieces, x, dummy, point, order, scale)
    without = dict.fromkeys(deltas, sp.S.Zero)
    parts = [smooth_terms(part.subs(without) if without else part, x) for part in pieces.parts]
    return collect(terms + _jump_form(pieces.breaks, parts, expr))


def exact(expr: sp.Expr) -> sp.Expr:
    """Decimal numbers as the exact fractions of their shortest decimal text (0.1 is 1/10)."""
    return expr.xreplace({number: sp.Rational(str(float(number))) for number in expr.atoms(sp.Float)})


def _jump_form(breaks: tuple[sp.Expr, ...], parts: list[Smooth], whole: sp.Expr) -> list[Term]:
    """Pieces as one part that holds everywhere plus Heaviside steps.

    For each power and exponential the part that holds everywhere is the leftmost one, or, where that one has no
    such component or only the rightmost lacks it, the choice that leaves a component on one side only: e^x on
    x < 0 stays e^x·H(−x), which is bounded, and not e^x − e^x·H(x).
    """
    terms: list[Term] = []
    for key in dict.fromkeys(key for part in parts for key in part):
        values = [part.get(key, sp.S.Zero) for part in parts]
        if key[3] is not None:
            if any(v != values[0] for v in values):
                raise NotGaussianElementaryError(
                    f"the normal form of {whole}",
                    str(whole),
                    "a kink multiplies a soft step (erf or the normal distribution function) in the same variable",
                    "a surrogate or activation with one of the two per term",
                )
            terms.append(Term(values[0], *key))
            continue
        terms += _steps_of_component(key, values, breaks)
    return _fold_soft_steps(terms)


def _steps_of_component(key: Key, values: list[sp.Expr], breaks: tuple[sp.Expr, ...]) -> list[Term]:
    from_right = values[0] != 0 and values[-1] == 0
    if from_right:
        values, breaks = values[::-1], breaks[::-1]
    side = -1 if from_right else 1
    out = [Term(values[0], *key)] if values[0] != 0 else []
    for before, after, point in zip(values[:-1], values[1:], breaks, strict=True):
        jump = add_smooth([{key: after}, {key: before}], [1, -1]).get(key, sp.S.Zero)
        if jump != 0:
            out.append(Term(jump, *key[:3], Step(point, sp.S.Zero, side)))
    return out


def _fold_soft_steps(terms: list[Term]) -> list[Term]:
    """Writes w − w·S(x) = w·S(−x): one term in place of two, and no cancellation where S is near 1."""
    plain = {(t.power, t.quadratic, t.linear): t for t in terms if t.window is None}
    out: list[Term] = []
    for t in terms:
        partner = plain.get((t.power, t.quadratic, t.linear))
        if isinstance(t.window, Step) and partner is not None and partner.coefficient + t.coefficient == 0:
            flipped = Step(t.window.threshold, t.window.variance, -t.window.side)
            del plain[(t.power, t.quadratic, t.linear)]
            out.append(Term(partner.coefficient, t.power, t.quadratic, t.linear, flipped))
        elif t.window is not None:
            out.append(t)
    return out + list(plain.values())


Deltas = dict[sp.Dummy, tuple[sp.Expr, int, sp.Expr]]


def take_out_deltas(expr: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, Deltas]:
    """Replace each DiracDelta(p·x + q, n) by a dummy that stands for δ^(n)(x + q/p) / (p^n |p|)."""
    deltas: Deltas = {}
    swap: dict[sp.Expr, sp.Dummy] = {}
    for delta in sorted((d for d in expr.atoms(sp.DiracDelta) if d.has(x)), key=sp.default_sort_key):
        poly = delta.args[0].as_poly(x)
        sense = sign_of(poly.LC()) if poly is not None and poly.degree() == 1 else None
        if not sense:
            raise NotGaussianElementaryError(
                f"the normal form of {expr}",
                str(delta),
                f"the argument {delta.args[0]} of a delta is not affine with a slope of known sign",
                "DiracDelta(x - t)",
            )
        slope, offset = poly.all_coeffs()
        order = int(delta.args[1]) if len(delta.args) > 1 else 0
        dummy = sp.Dummy("delta", real=True)
        swap[delta] = dummy
        deltas[dummy] = (-offset / slope, order, 1 / (slope**order * sense * slope))
    return expr.xreplace(swap), deltas


def delta_terms(
    pieces: Pieces, x: sp.Symbol, dummy: sp.Dummy, point: sp.Expr, order: int, scale: sp.Expr
) -> list[Term]:
    """h(x)·δ^(n)(x − t) = Σ_j (−1)^j C(n, j) h^(j)(t)·δ^(n−j)(x − t)."""
    position = [compare(point, b) for b in pieces.breaks]
    left = sum(sense > 0 for sense in position)
    right = sum(sense >= 0 for sense in position)
    sides = []
    for part in {pieces.parts[left], pieces.parts[right]}:
        factor = sp.diff(part, dummy)
        if factor.atoms(sp.Dummy):
            raise NotGaussianElementaryError(
                f"the product {part}", "DiracDelta", "a product or a function of deltas has no meaning", "one delta"
            )
        sides.append([sp.diff(factor, x, j).subs(x, point) for j in range(order + 1)])
    if any(sp.expand(p - q) != 0 for p, q in zip(sides[0], sides[-1], strict=True)):
        raise NotGaussianElementaryError(
            f"a product with a delta at {point}",
            f"DiracDelta(x - {point})",
            "it multiplies a function that jumps (or has a kink, for its derivative) at the same point",
            "write the product's value, for example DiracDelta(x)/2",
        )
    return [
        Term((-1) ** j * sp.binomial(order, j) * value * scale, window=Delta(point, order - j))
        for j, value in enumerate(sides[0])
    ]
