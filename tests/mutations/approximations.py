"""The part of the table that breaks what is done where no closed form exists: mixtures, series, panels, integrals."""

from __future__ import annotations

import sympy as sp

from symntk.language.symbols import cov
from tests.mutations.changes import (
    HELPERS,
    Mutation,
    Pair,
    doubled,
    of,
    rows,
    squared,
    text,
    times,
)

DELTA = "2*DiracDelta(x)"
TANH = Pair("tanh(x)", "tanh(x)")
SECH = Pair("cosh(x)**(-2)", "cosh(x)**(-2)")
ONE_SIDED = Pair("Max(0, x)", "tanh(x) + 1")
BOTH = Pair("log(1 + exp(x))", "tanh(x) + 1/(1 + x**2)")
MISSED = Pair("x/(1 + Abs(x))", "1/(1 + x**2) + tanh(x)")


def _approximations() -> list[Mutation]:
    runtime = HELPERS
    near = 1 + sp.Rational(1, 10**6)
    return [
        *rows(
            "mixture, members",
            SECH,
            "mixture.mixture:_member",
            sign=times(-1),
            factor=times(2),
            slight_factor=times(near),
        ),
        *rows(
            "mixture, rule",
            TANH,
            "mixture.mixture:Mixture.weights",
            weights=of(lambda w: tuple(x * (1 + 1e-6) for x in w)),
            one_weight_forgotten=of(lambda w: (0.0, *w[1:])),
            sign_of_one_weight=of(lambda w: (-w[0], *w[1:])),
        ),
        *rows(
            "mixture, rule", TANH, "mixture.mixture:Mixture.nodes", nodes=of(lambda p: tuple(x * (1 + 1e-6) for x in p))
        ),
        *rows(
            "mixture, certified error",
            TANH,
            ("mixture.rule:LogisticMixture.bound", "mixture.rule:LogisticMixture.square_bound"),
            thousandth=times(1e-3),
            millionth=times(1e-6),
            nothing=times(1e-12),
        ),
        *rows(
            "one integral left, conditional mean",
            ONE_SIDED,
            "integral:derive_pair",
            function_doubled=doubled(2),
            sign=doubled(-1),
            other_function=squared(),
        ),
        *rows(
            "integral that is stated",
            ONE_SIDED,
            "integral:Integral.integral",
            sign=times(-1),
            factor=times(2),
            no_covariance=of(lambda e: e.subs(cov, 0)),
        ),
        *rows(
            "integral that is stated",
            BOTH,
            "integral:normal_density",
            variance_doubled=lambda original: lambda at, mean, variance: original(at, mean, 2 * variance),
            mean_with_another_sign=lambda original: lambda at, mean, variance: original(at, -mean, variance),
            factor_of_the_densities=times(2),
        ),
        *rows(
            "Hermite series",
            BOTH,
            runtime,
            correlation_with_another_sign=text("x = tile if parity == 1 else", "x = -tile if parity == 1 else"),
        ),
        *rows(
            "Hermite series",
            MISSED,
            runtime,
            constant_forgotten=text("for k in range(count - 1, -1, -1):", "for k in range(count - 1, 0, -1):"),
            sign=text("        total += outer", "        total -= outer"),
            rest_taken_for_nothing=text("power *= f_rest[level][:, None]", "power *= 0.0 * f_rest[level][:, None]"),
        ),
        *rows(
            "panels",
            BOTH,
            runtime,
            means_exchanged=text(
                "a, b, c, d, m1, m2, f_shape[1], g_shape[1], f_shape[3], g_shape[3], mean",
                "b, a, c, d, m2, m1, f_shape[1], g_shape[1], f_shape[3], g_shape[3], mean",
            ),
            factor=text("result[chosen] = _panel_expectation(", "result[chosen] = 2.0 * _panel_expectation("),
            sign=text("result[chosen] = _panel_expectation(", "result[chosen] = -_panel_expectation("),
        ),
        *rows(
            "sum over a mixture",
            TANH,
            runtime,
            sides_exchanged=text(
                "weights = np.outer(first[1], second[1]).reshape(-1)",
                "weights = np.outer(first[1][::-1], second[1]).reshape(-1)",
            ),
            nodes_exchanged=text("p, q = np.array(first[0])[:, None", "p, q = np.array(first[0])[::-1, None"),
            factor=text("result[start : start + step] = weights @", "result[start : start + step] = 2.0 * weights @"),
        ),
        *rows(
            "deltas in code",
            Pair(DELTA, "tanh(x) + sech(x)**2"),
            runtime,
            factor=text(
                "total += weight * _delta_mean(lambda m, v: line(g",
                "total += 3.0 * _delta_mean(lambda m, v: line(g",
            ),
            sign=text(
                "total += weight * _delta_mean(lambda m, v: line(g",
                "total -= weight * _delta_mean(lambda m, v: line(g",
            ),
            another_place=text(
                "total += weight * _delta_mean(lambda m, v: line(g, g_shape, m, v), place",
                "total += weight * _delta_mean(lambda m, v: line(g, g_shape, m, v), place + 0.1",
            ),
        ),
    ]


APPROXIMATIONS = tuple(_approximations())
