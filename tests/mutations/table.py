"""The table of `tests.mutations`: which function is broken, how, and the expectation that uses it."""

from __future__ import annotations

import sympy as sp

from symntk.derive.diagonal import Diagonal
from symntk.language.symbols import cov, var_u, var_v
from tests.mutations.approximations import APPROXIMATIONS
from tests.mutations.certain import CERTAIN
from tests.mutations.changes import (
    Mutation,
    Pair,
    alternating,
    always,
    angle_times,
    boundary,
    diagonal,
    front_times,
    last_child,
    law,
    line_last,
    no_constant,
    observed,
    of,
    only,
    phase,
    phase_times,
    rows,
    split_kinds,
    step_plus,
    step_times,
    terms,
    times,
    with_field,
    without_last_child,
)
from tests.mutations.searches import SEARCHES

TILTED = Pair("x*exp(-x**2 + x)", "exp(-x**2/2)")
OBSERVED = Pair("erf(x - 1)", "Max(0, x)*x")
POWERS = Pair("x**2*erf(x)", "x**3")
DELTAS = Pair("DiracDelta(x - 1, 2)", "exp(-x**2)*x")
STEPS = Pair("Heaviside(x - 1)", "erf(2*x + 1)")
SIGNS = Pair("Heaviside(x)", "erf(x) + 1")
WAVES = Pair("sin(x) + cos(x)", "exp(x)")
CURVES = Pair("sinh(x)", "sinh(2*x) + x")
GROWING = Pair("exp(x**2/8)", "exp(x**2/9)*(1 + x)")
SPIKES = Pair("2*DiracDelta(x)", "3*DiracDelta(x)")
FINITE = Pair("Max(0, x)", "erf(x) + 2*x")
DELTA = "2*DiracDelta(x)"
ARCTAN = Pair(DELTA, "1/(1 + x**2)")
SQUARE = Pair(DELTA, "1/(1 + x**2)**2 + x**2")
SQUASH = Pair(DELTA, "1/(1 + Abs(x))")
SQUASH2 = Pair(DELTA, "1/(1 + 2*Abs(x))**2")
SHIFTED = Pair(DELTA, "1/(1 + (x - 1)**2)")
SHIFTED2 = Pair(DELTA, "1/(1 + (x - 1)**2)**2")
ROOT = Pair(DELTA, "sqrt(1 + x**2)")
CIRCLE = Pair(DELTA, "(1 + x**2)**(-3/2)")
HALF = Pair(DELTA, "Piecewise((1/(1 + x**2), x > 0), (0, True))")
MIXED_ODD = Pair(DELTA, "(1 + x)/(1 + x**2)")
TAIL = Pair(DELTA, "Piecewise((1/x, x > 1), (0, True))")
MISSED = Pair("x/(1 + Abs(x))", "1/(1 + x**2) + tanh(x)")


def _closed() -> list[Mutation]:

    tilt = "moves.tilt:Tilt.front"
    condition = "moves.condition:Condition.front"
    return [
        *rows(
            "tilt",
            TILTED,
            tilt,
            sign=front_times(-1),
            factor=front_times(2),
            no_exponent=with_field(exponent=lambda s: 0 * s.exponent),
            exponent_with_another_sign=with_field(exponent=lambda s: -s.exponent),
            determinant_doubled=with_field(determinant=lambda s: 2 * s.determinant),
        ),
        *rows("tilt", TILTED, "moves.tilt:tilt_determinant", no_correlation=of(lambda e: e + 1)),
        *rows(
            "tilt",
            TILTED,
            "moves.tilt:Gaussian",
            mean_shifted=law(m1=lambda g: g.m1 + 1),
            covariance_with_another_sign=law(c=lambda g: -g.c),
            variance_doubled=law(a=lambda g: 2 * g.a),
        ),
        *rows(
            "condition",
            OBSERVED,
            condition,
            sign=front_times(-1),
            factor=front_times(sp.Rational(1, 2)),
            no_residual=with_field(offset=lambda s: 0 * s.offset),
            variance_doubled=with_field(variance=lambda s: 2 * s.variance),
        ),
        *rows(
            "condition",
            OBSERVED,
            "moves.condition:observed",
            gain_with_another_sign=observed(m2=lambda g: -g.m2),
            variance_of_v_left=observed(b=lambda g: g.b + g.c),
        ),
        *rows(
            "condition",
            Pair("x**2*erf(x - 1)", "x**2"),
            "moves.condition:observed",
            covariance_with_another_sign=observed(c=lambda g: -g.c),
        ),
        *rows("condition", SPIKES, "moves.condition:Condition.front", factor_for_a_delta=front_times(3)),
        *rows(
            "Stein",
            POWERS,
            "moves.stein:Stein.evaluate",
            sign=step_times(-1),
            factor=step_times(2),
            last_part_forgotten=without_last_child,
            last_part_with_another_sign=last_child(lambda w: -w),
        ),
        *rows(
            "Stein for deltas",
            DELTAS,
            "moves.stein:Stein.evaluate",
            sign=step_times(-1),
            factor=step_times(3),
            last_part_forgotten=without_last_child,
            last_part_doubled=last_child(lambda w: 2 * w),
        ),
        *rows(
            "exchange",
            Pair("erf(x)", "x**3"),
            "moves.stein:Exchange.evaluate",
            sign=step_times(-1),
            factor=step_times(2),
        ),
        *rows(
            "exchange",
            Pair("erf(x)", "x**3"),
            "moves.problem:Gaussian.exchanged",
            law_not_exchanged=lambda original: lambda self: self,
        ),
        *rows(
            "base",
            STEPS,
            "moves.base:Probability.evaluate",
            sign=step_times(-1),
            factor=step_times(sp.Rational(1, 2)),
            shift=step_plus(sp.Rational(1, 100)),
        ),
        *rows(
            "base",
            STEPS,
            "moves.base:_standard",
            side_forgotten=of(lambda pair: (-pair[0], pair[1])),
            variance_of_the_step_forgotten=lambda original: lambda g, w: (original(g, w)[0], g.a),
        ),
        *rows(
            "combine",
            SIGNS,
            "moves.combine:_expand_special",
            angle_with_another_sign=terms(angle_times(-1)),
            angle_doubled=terms(angle_times(2)),
            constant_forgotten=terms(no_constant),
        ),
        *rows(
            "combine",
            WAVES,
            "moves.combine:_pair_conjugates",
            sine_with_another_sign=terms(phase_times("sin", -1)),
            cosine_doubled=terms(phase_times("cos", 2)),
            sine_for_cosine=terms(phase("cos", "sin")),
        ),
        *rows(
            "combine",
            CURVES,
            "moves.combine:_pair_hyperbolic",
            cosh_for_sinh=terms(phase("sinh", "cosh")),
            sinh_with_another_sign=terms(phase_times("sinh", -1)),
            sinh_doubled=terms(phase_times("sinh", 2)),
        ),
        *rows(
            "publish",
            FINITE,
            "moves.derivation:publish",
            sign=times(-1),
            factor=times(2),
            shift=of(lambda e: e + cov / 1000),
            sides_exchanged=of(lambda e: e.xreplace({var_u: var_v, var_v: var_u})),
        ),
        *rows(
            "parity",
            Pair("x + 1", "x**2 + x"),
            "moves.engine:parity",
            odd_and_even_seen_in_any=lambda original: (
                lambda form: 1 if len(form.terms) > 1 and form.terms[0].power == 1 else -1
            ),
        ),
        *rows("parity", Pair("exp(x)", "exp(x)*x"), "moves.engine:parity", one_odd_function_is_enough=alternating()),
        *rows("parity", MISSED, "solve:parity", general_functions=alternating()),
        *rows(
            "conditions",
            GROWING,
            "symntk.kernels.quadrature:conditions",
            forgotten=always(()),
            half_of_the_range=boundary(2),
            twice_the_range=boundary(sp.Rational(1, 2)),
            joint_condition_forgotten=of(lambda found: found[:-1]),
            turned=of(lambda found: tuple(c.negated for c in found)),
        ),
        *rows(
            "full correlation",
            FINITE,
            "symntk.kernels.solution:diagonal",
            sign=diagonal(limit=lambda d: -d.limit),
            factor=diagonal(limit=lambda d: 2 * d.limit),
            shift=diagonal(limit=lambda d: d.limit + sp.Rational(1, 10**6)),
            divergence_that_is_none=always(Diagonal(None, sp.S.One, sp.Rational(-1, 2))),
        ),
        *rows(
            "full correlation",
            SPIKES,
            "symntk.kernels.solution:diagonal",
            sign_of_the_rate=diagonal(coefficient=lambda d: -d.coefficient),
            factor_of_the_rate=diagonal(coefficient=lambda d: 2 * d.coefficient),
            power_of_the_rate=diagonal(power=lambda d: 2 * d.power),
            limit_that_is_none=always(Diagonal(sp.S.One)),
        ),
    ]


def _line() -> list[Mutation]:
    r = "line.rules:"
    half = sp.Rational(1, 2)
    out = [
        *rows(
            "linearity",
            SQUARE,
            r + "Linear.leaves",
            sign=line_last(lambda c: -c),
            factor=line_last(lambda c: 2 * c),
            part_forgotten=line_last(lambda c: sp.S.Zero),
        ),
        *rows(
            "elementary", SQUARE, r + "Elementary.evaluate", sign=times(-1), factor=times(2), shift=of(lambda e: e + 1)
        ),
        *rows(
            "parity on a line",
            MIXED_ODD,
            r + "Parity.evaluate",
            one=always(sp.S.One),
            minus_one=always(-sp.S.One),
            small=always(sp.Rational(1, 10**9)),
        ),
    ]
    for rule, pair, place in (
        ("gamma mixture", ARCTAN, r + "GammaMixture.evaluate"),
        ("Laplace mixture", SQUASH, r + "LaplaceMixture.evaluate"),
        ("Fourier mixture", SHIFTED, r + "FourierMixture.evaluate"),
        ("real part", SHIFTED, r + "RealPart.evaluate"),
        ("gamma integral, Tricomi", CIRCLE, "line.integrals:_tricomi"),
        ("gamma integral, exponential integral", TAIL, r + "GammaMixture.evaluate"),
        ("Goodwin–Staton integral", SQUASH, "line.integrals:half_line_integral"),
        ("Fourier integral", SHIFTED2, "line.integrals:fourier_integral"),
    ):
        change = of(lambda e: e.xreplace({var_v: 2 * var_v}) if e.has(var_v) else e)
        out += rows(rule, pair, place, sign=times(-1), factor=times(half), variance_doubled=change)
    for rule, pair, kind in (
        ("Stein for poles", SHIFTED2, "SteinPole"),
        ("Stein for poles on a half line", SQUASH2, "SteinPole"),
        ("Stein for squares", ROOT, "SteinSquare"),
        ("fold", SQUASH, "Fold"),
        ("unfold", HALF, "Unfold"),
    ):
        out += rows(
            rule,
            pair,
            r + "Linear.leaves",
            sign=only(kind, lambda c: -c),
            factor=only(kind, lambda c: 2 * c),
            part_forgotten=only(kind, lambda c: sp.S.Zero),
        )
    out += rows(
        "partial fractions",
        Pair("DiracDelta(x - 1)", "1/(1 + (x - 1)**2)"),
        "line.derivation:split",
        sign=split_kinds(lambda k, c: (k, -c)),
        factor=split_kinds(lambda k, c: (k, 2 * c)),
        place_mirrored=split_kinds(lambda k, c: (k.mirrored()[1], c)),
    )
    dirac = "line.dirac:DiracDerivation."
    out += rows(
        "deltas against a mean",
        ARCTAN,
        dirac + "evaluate",
        sign=times(-1),
        factor=times(half),
        variance_not_conditioned=lambda original: lambda self: original(self).subs(cov, 0),
    )
    out += rows(
        "deltas against a mean",
        Pair("DiracDelta(x - 1)", "1/(1 + (x - 1)**2)"),
        dirac + "evaluate",
        slope_with_another_sign=lambda original: lambda self: original(self).subs(cov, -cov),
    )
    out += rows(
        "deltas at full correlation",
        SQUASH2,
        dirac + "at_full_correlation",
        sign=times(-1),
        factor=times(2),
        shift=of(lambda e: e + sp.Rational(1, 10**6)),
    )
    out += rows(
        "full correlation, general",
        Pair("tanh(x)", "tanh(2*x) + 1"),
        "general_diagonal:general_diagonal",
        sign=diagonal(limit=lambda d: -d.limit),
        factor=diagonal(limit=lambda d: 2 * d.limit),
        shift=diagonal(limit=lambda d: d.limit + sp.Rational(1, 10**6)),
    )
    out += rows(
        "full correlation, general",
        Pair("2*DiracDelta(x) + tanh(x)", "DiracDelta(x) + sech(x)**2"),
        "general_diagonal:general_diagonal",
        factor_of_the_rate=diagonal(coefficient=lambda d: 2 * d.coefficient),
        power_of_the_rate=diagonal(power=lambda d: 2 * d.power),
    )
    out += rows(
        "values at jumps",
        Pair(DELTA, "Heaviside(x)*(1 + tanh(x))"),
        "general_diagonal:at_jump",
        right_side=lambda original: lambda form, point: form.parts[-1].subs(sp.Symbol("x", real=True), point),
        factor=times(2),
        sign=times(-1),
    )
    return out


MUTATIONS: tuple[Mutation, ...] = (*_closed(), *_line(), *APPROXIMATIONS, *SEARCHES, *CERTAIN)

EQUIVALENT = {
    "the side in combine, asin(−x) = −asin(x)": "_leads_negative decides only how an odd function is written",
    "exp(βx) without parity": "a parity that is never seen leaves the sum to the moves, which give 0 as well",
    "the sign of the sum over a mixture": "E f̃² is such a sum too: negative, it proves no variance, and "
    "panels are taken",
    "panels in place of a mixture, and the other way round": "where both are accurate they agree; at every variance at "
    "which the series is too long for the logistic family the mixture is proven",
}
"""Changes that no test can see, since the values stay the same: they are not in the table."""
