"""The tables: every formula against independent NumPy code of what the libraries compute; defaults, classes."""

import numpy as np
import pytest
import sympy as sp
from scipy import special, stats

from symntk.errors import FormulaError, UnknownNameError
from symntk.language.names import find, lookup, read
from symntk.language.symbols import x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.registry import count, entry, every, exact, real, table
from symntk.language.tables.surrogates import SURROGATES
from symntk.language.text.parser import parse

TABLES = {"activations": ACTIVATIONS, "surrogates": SURROGATES}
ENTRIES = [(kind, e.name) for kind, entries in TABLES.items() for e in entries.values()]
POINTS = np.random.default_rng(7).normal(scale=2.0, size=60)


def s(v):
    return special.expit(v)


def relu(v):
    return np.maximum(v, 0)


def periodic(v, width, scale, threshold):
    potential = v + threshold  # as coded: on the potential, not on its distance from the threshold
    shifted = potential - threshold / 2
    new = np.where(potential >= threshold, shifted % threshold, shifted)
    return scale * np.exp(-np.abs(new - threshold / 2) / width) / threshold


def multi_gaussian(v, mu, sigma, h, s, scale):
    n = stats.norm.pdf
    return scale * ((1 + h) * n(v, mu, sigma) - h * n(v, sigma, s * sigma) - h * n(v, -sigma, s * sigma))


SURROGATES_AS_CODED = {
    "straight_through": lambda v: np.ones_like(v),
    "linear": lambda v: v,
    "negative_sign": lambda v, threshold: np.where(v < 0, threshold, -threshold),
    "triangle": lambda v, height, width: height * relu(1 - np.abs(v) / width),
    "piecewise_quadratic": lambda v, alpha: np.where(np.abs(v) <= 1 / alpha, alpha - alpha**2 * np.abs(v), 0),
    "boxcar": lambda v, height, width: height * (np.abs(v) < width / 2),
    "rectangle": lambda v, alpha: alpha * (np.abs(v) < 1 / (2 * alpha)),
    "leaky_boxcar": lambda v, width, leak: np.where(np.abs(v) < width, 1 / (2 * width), leak),
    "half_box": lambda v, window, threshold: (v + threshold >= threshold - window) / threshold,
    "step": lambda v: (v > 0) * 1.0,
    "leaky_step": lambda v, slope, leak: np.where(v > 0, slope, leak),
    "stochastic_step": lambda v, mean, variance: np.where(v > 0, 1, mean * variance),
    "laplace": lambda v, alpha, scale: scale * stats.laplace.pdf(v, scale=1 / alpha),
    "single_exponential": lambda v, width, scale, threshold: (
        scale / (threshold * width) * np.exp(-np.abs(v) / (threshold * width))
    ),
    "slayer": lambda v, alpha: np.exp(-alpha * np.abs(v)),
    "shifted_laplace": lambda v, beta, slope: slope * np.exp(-beta * np.abs(v - 1)),
    "one_sided_exponential": lambda v, scale, tau: scale * np.exp(np.minimum(v, 0) / tau),
    "periodic_exponential": periodic,
    "erf": lambda v, m: 2 * m / np.sqrt(np.pi) * np.exp(-((m * v) ** 2)),
    "erfc": lambda v, alpha: alpha / np.sqrt(np.pi) * np.exp(-(alpha**2) * v**2),
    "erf_unscaled": lambda v, k: 2 / np.sqrt(np.pi) * np.exp(-((k * v) ** 2)),
    "gaussian": lambda v, mu, sigma, scale: scale * stats.norm.pdf(v, mu, sigma),
    "multi_gaussian": multi_gaussian,
    "square_wave": lambda v, terms, period: (
        4 / period * sum(np.cos((2 * i - 1) * 2 * np.pi / period * v) for i in range(1, int(terms)))
    ),
    "sigmoid": lambda v, alpha: alpha * s(alpha * v) * (1 - s(alpha * v)),
    "sigmoid_weighted": lambda v, beta: s(beta * v) * (1 - beta * s(beta * v)),
    "tanh": lambda v, k: 1 - np.tanh(k * v) ** 2,
    "fast_sigmoid": lambda v, slope: 1 / (1 + slope * np.abs(v)) ** 2,
    "superspike_scaled": lambda v, alpha: alpha / (1 + np.abs(v)) ** 2,
    "reciprocal": lambda v, beta: 1 / (1 + beta * np.abs(v)),
    "softsign": lambda v, alpha: alpha / (2 * (1 + alpha * np.abs(v)) ** 2),
    "sparse_fast_sigmoid": lambda v, slope, bound: (v > bound) / (1 + slope * np.abs(v)) ** 2,
    "arctan": lambda v, alpha: alpha / 2 / (1 + (np.pi / 2 * alpha * v) ** 2),
    "arctan_unscaled": lambda v, k: 1 / np.pi / (1 + (k * np.pi * v) ** 2),
    "log_abs": lambda v, alpha: 1 / (1 / alpha + np.abs(v)),
    "q_pseudo": lambda v, alpha: (1 + 2 / (alpha - 1) * np.abs(v)) ** -alpha,
    "q_pseudo_wide": lambda v, alpha: (1 + 2 / (alpha + 1) * np.abs(v)) ** -alpha,
    "log_tailed_relu": lambda v, alpha: np.where(v <= 0, alpha, np.where(v <= 1, 1, 1 / v)),
    "s2nn": lambda v, alpha, beta: np.where(v < 0, alpha * s(alpha * v) * (1 - s(alpha * v)), beta / (v + 1)),
    "fake_numerical": lambda v, alpha: np.minimum(np.sign(v) / v, alpha),
    "circ": lambda v, alpha: (
        2 * alpha * (-(v**2) / (2 * (v**2 + alpha**2) ** 1.5) + 1 / (2 * np.sqrt(v**2 + alpha**2)))
    ),
    "multi_level": lambda v, top: (v >= 0) & (v <= top),
}

ACTIVATIONS_AS_CODED = {
    "identity": lambda v: v,
    "relu": relu,
    "relu6": lambda v: np.clip(v, 0, 6),
    "leaky_relu": lambda v, negative_slope: np.where(v > 0, v, negative_slope * v),
    "two_slopes": lambda v, plus, minus: plus * relu(v) + minus * relu(-v),
    "threshold": lambda v, level, value: np.where(v > level, v, value),
    "hard_tanh": lambda v, low, high: np.clip(v, low, high),
    "hard_sigmoid": lambda v: np.clip(v + 3, 0, 6) / 6,
    "hard_sigmoid_steep": lambda v: np.clip(0.2 * v + 0.5, 0, 1),
    "hard_silu": lambda v: v * np.clip(v + 3, 0, 6) / 6,
    "hard_shrink": lambda v, width: np.where(np.abs(v) > width, v, 0),
    "soft_shrink": lambda v, width: np.sign(v) * relu(np.abs(v) - width),
    "sparse_plus": lambda v: np.where(v <= -1, 0, np.where(v < 1, (v + 1) ** 2 / 4, v)),
    "sparse_sigmoid": lambda v: np.clip((v + 1) / 2, 0, 1),
    "step": lambda v: np.heaviside(v, 0.5),
    "sign": np.sign,
    "abs": np.abs,
    "boxcar": lambda v, width: (np.abs(v) < width / 2) * 1.0,
    "elu": lambda v, alpha: np.where(v > 0, v, alpha * np.expm1(v)),
    "celu": lambda v, alpha: relu(v) + np.minimum(0, alpha * np.expm1(v / alpha)),
    "selu": lambda v, scale, alpha: scale * np.where(v > 0, v, alpha * np.expm1(v)),
    "exp": np.exp,
    "laplace": lambda v, alpha: stats.laplace.pdf(v, scale=1 / alpha),
    "rbf": lambda v: np.exp(-(v**2) / 2),
    "gaussian": lambda v, scale, rate: scale * np.exp(-rate * v**2),
    "matern": lambda v, order, decay: relu(v) ** order * np.exp(-decay * v),
    "erf": lambda v, m: special.erf(m * v),
    "gelu": lambda v: v * stats.norm.cdf(v),
    "sigmoid_like": lambda v: (1 + special.erf(v / 2.4020563531719796)) / 2,
    "quadratic": lambda v, q2, q1, q0: q2 * v**2 + q1 * v + q0,
    "relu_squared": lambda v: relu(v) ** 2,
    "relu_cubed": lambda v: relu(v) ** 3,
    "monomial": lambda v, degree: v**degree,
    "rectified_monomial": lambda v, degree: relu(v) ** degree,
    "hermite": lambda v, degree: special.eval_hermitenorm(int(degree), v) / np.sqrt(special.factorial(degree)),
    "sin": lambda v, w: np.sin(w * v),
    "cos": lambda v, w: np.cos(w * v),
    "sin_cos": lambda v, w: np.sin(w * v) + np.cos(w * v),
    "rbf_features": lambda v, gamma: np.sqrt(2) * np.sin(np.sqrt(2 * gamma) * v + np.pi / 4),
    "snake": lambda v, w: v + np.sin(w * v) ** 2 / w,
    "gabor": lambda v: np.exp(-(v**2)) * np.sin(v),
    "gelu_tanh": lambda v: v / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (v + 0.044715 * v**3))),
    "softsign": lambda v: v / (1 + np.abs(v)),
    "squareplus": lambda v, beta: (v + np.sqrt(v**2 + beta)) / 2,
    "sigmoid": s,
    "log_sigmoid": lambda v: np.log(s(v)),
    "softplus": lambda v, beta: np.logaddexp(0, beta * v) / beta,
    "silu": lambda v, beta=1: v * s(beta * v),
    "mish": lambda v: v * np.tanh(np.logaddexp(0, v)),
    "tanh": np.tanh,
    "tanh_shrink": lambda v: v - np.tanh(v),
    "arctan": np.arctan,
}
AS_CODED = {"activations": ACTIVATIONS_AS_CODED, "surrogates": SURROGATES_AS_CODED}


def numbers(expression, points=POINTS):
    """The formula at the points, through mpmath and not through the printers under test elsewhere."""
    f = sp.lambdify(x, expression, "mpmath")
    return np.array([float(f(float(p))) for p in points])


def settings_of(e, overrides, rng):
    """Values for all parameters: given ones, defaults, or random where there is no default."""
    values = {}
    for p in e.parameters:
        value = overrides.get(p.name, p.default)
        values[p.name] = exact(round(rng.uniform(0.5, 2), 2)) if value is None else exact(value)
    return values


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_formula_is_what_libraries_code(kind, name):
    e, rng = TABLES[kind][name], np.random.default_rng(len(name))
    tested = 0
    for overrides in [{}, *(use.defaults for use in e.used_by), random_values(e, rng)]:
        values = settings_of(e, overrides, rng)
        plain = {key: int(value) if value.is_Integer else float(value) for key, value in values.items()}
        found, expected = numbers(e.expression(**values)), AS_CODED[kind][name](POINTS, **plain)
        assert np.all(np.isfinite(found))
        # as coded, 1 - tanh² and s(1 - s) cancel in the tails: absolute rounding times the largest prefactor
        np.testing.assert_allclose(found, np.asarray(expected, dtype=float), rtol=1e-9, atol=1e-13)
        tested += len(found)
    assert tested


def random_values(e, rng):
    """Random values inside the domains (q_pseudo needs more than 1, hard_tanh low < high)."""
    least = 1.2 if e.name == "q_pseudo" else 0.4
    values = {p.name: round(rng.uniform(least, 2.5), 3) for p in e.parameters}
    values |= {p.name: int(rng.integers(1, 6)) for p in e.parameters if p.domain == "integer"}
    return values | {"low": -values["low"]} if "low" in values else values


def test_every_entry_has_its_counterpart():
    for kind, entries in TABLES.items():
        assert set(AS_CODED[kind]) == set(entries)


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_entries_are_well_formed(kind, name):
    e = TABLES[kind][name]
    assert e.gaussian_class in ("1", "2", "2'", "3")
    assert e.general().free_symbols <= {x, *(p.symbol for p in e.parameters)}
    for use in e.used_by:
        assert use.library and use.name and set(use.defaults) <= {p.name for p in e.parameters}
    if isinstance(e.formula, str):
        assert parse(str(e.expression().subs({p.symbol: 2 for p in e.parameters}))) is not None


def test_names_and_aliases_are_unique():
    for entries in TABLES.values():
        words = [word for e in entries.values() for word in (e.name, *e.aliases)]
        assert len(words) == len(set(words))


def test_default_formulas_differ():
    """One entry per formula: two may agree at special parameters, not in general."""
    for entries in TABLES.values():
        seen = [sp.srepr(e.general()) for e in entries.values() if isinstance(e.formula, str)]
        assert len(seen) == len(set(seen))


def test_the_erf_surrogate_is_the_papers():
    assert SURROGATES["erf"].expression() == sp.diff(sp.erf(x), x)
    assert SURROGATES["erf"].expression(m=3) == sp.diff(sp.erf(3 * x), x)
    assert SURROGATES["erfc"].expression(alpha=1) == sp.exp(-(x**2)) / sp.sqrt(sp.pi)


def test_values_of_parameters():
    slope = sp.Symbol("slope", positive=True)
    e = SURROGATES["fast_sigmoid"]
    assert e.expression(slope=0.1) == 1 / (1 + sp.Abs(x) / 10) ** 2
    assert e.expression(slope="1/3") == 1 / (1 + sp.Abs(x) / 3) ** 2
    assert e.expression(slope=np.float64(0.5)) == 1 / (1 + sp.Abs(x) / 2) ** 2
    assert e.expression(slope=slope) == 1 / (1 + slope * sp.Abs(x)) ** 2
    assert SURROGATES["multi_level"].expression().free_symbols == {x, sp.Symbol("top", positive=True)}
    assert ACTIVATIONS["monomial"].expression(degree=5) == x**5
    bad = [-1, 0, float("nan"), float("inf"), "x", "slop(", True, [1], sp.I, "-2"]
    for value in bad:
        with pytest.raises(FormulaError):
            e.expression(slope=value)
    for value in (0, 1.5, 17, sp.Symbol("n")):
        with pytest.raises(FormulaError):
            ACTIVATIONS["monomial"].expression(degree=value)
    with pytest.raises(UnknownNameError, match="Try: slope"):
        e.expression(alpha=2)


def test_lookup():
    assert find("superspike", SURROGATES).entry is SURROGATES["fast_sigmoid"]
    assert lookup("fast_sigmoid(slope=2)", SURROGATES) == 1 / (1 + 2 * sp.Abs(x)) ** 2
    for formula in ("x", "pi", "erf(x)", "2*x"):
        assert lookup(formula, ACTIVATIONS) is None
    assert read("gelu", ACTIVATIONS) == ACTIVATIONS["gelu"].expression()
    assert read("x*erf(x)", ACTIVATIONS) == x * sp.erf(x)
    with pytest.raises(UnknownNameError, match="gelu"):
        read("gelo", ACTIVATIONS)
    with pytest.raises(UnknownNameError):
        read("nothing_like_it(k=2)", ACTIVATIONS)
    with pytest.raises(FormulaError, match="name of the table"):
        read("2*gelu", ACTIVATIONS)
    with pytest.raises(FormulaError, match="taken"):
        table(entry("one", "1"), entry("one", "x"))


def test_a_newcomer_adds_one_entry():
    mine = table(
        entry("bump", "exp(-k*(x - t)**2)", k=2, t=real("t", 0)), entry("power", lambda n: x**n, n=count("n", 2))
    )
    assert mine["bump"].expression(t=-1) == sp.exp(-2 * (x + 1) ** 2)
    assert mine["power"].expression(n=3) == x**3 and mine["power"].general() == x**2
    assert len(list(every(mine))) == 2
