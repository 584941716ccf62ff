"""Special functions in nodes, on NumPy arrays, against SciPy, mpmath and the runtime of NumPy modules."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from symntk.emit.compile import namespace
from symntk.emit.library import functions, needed
from symntk.emit.runtime.bivariate import _BIVARIATE_ERROR, _exp_bivariate, _exp_normal_cdf
from symntk.emit.targets.base import PythonTarget

NATIVE = {name: f"np.{name}" for name in ("sqrt", "exp", "cos", "sin", "abs", "expm1")}
NATIVE |= {"atan2": "np.arctan2", "erf": "special.erf", "erfc": "special.erfc"}
PLAIN = PythonTarget(
    "plain", {**NATIVE, **{name: f"_{name}" for name in functions()}}, "np.where({condition}, {yes}, {no})"
)
RNG = np.random.default_rng(7)


def compiled():
    code = [PLAIN.write(one.definition) for one in needed(functions(), NATIVE)]
    return namespace("import numpy as np\nimport scipy.special as special\n" + "\n\n".join(code))


LIBRARY = compiled()


def library(name, *given, dtype=np.float64):
    with np.errstate(all="ignore"):
        value = LIBRARY[f"_{name}"](*(np.asarray(one, dtype=dtype) for one in given))
    assert value.dtype == dtype
    return value


def angles(size=400):
    """Pairs (c, d) of every angle, many near 0 and π, some of another length than 1."""
    angle = 10.0 ** RNG.uniform(-12, 0, size)
    angle = np.where(RNG.uniform(size=size) < 0.5, angle, np.pi - angle)
    angle[::3] = RNG.uniform(0, np.pi, angle[::3].size)
    length = 10.0 ** RNG.choice([-6, 0, 6], size)
    return length * np.cos(angle), length * np.sin(angle)


def test_every_function_calls_what_is_there():
    every = {one.definition.name for one in needed(functions(), NATIVE)}
    assert every == {f"_{name}" for name in functions()}
    for one in functions().values():
        assert one.definition.calls() <= set(NATIVE) | set(functions())


def test_what_a_target_has_is_not_written():
    known = {**NATIVE, "erfcx": "torch.special.erfcx", "normal_cdf": "ndtr"}
    assert [one.definition.name for one in needed(["exp_normal_cdf", "erfcx"], known)] == ["_exp_normal_cdf"]


def test_scaled_complementary_error_function():
    x = np.concatenate([np.linspace(-26, 40, 2001), np.geomspace(1e-300, 1e300, 300), np.linspace(26.54, 26.61, 50)])
    assert library("erfcx", x) == pytest.approx(special.erfcx(x), rel=2e-15)
    near = x[(x > -9.0) & (x < 1e30)]
    assert library("erfcx", near, dtype=np.float32) == pytest.approx(special.erfcx(near), rel=2e-5)
    positive = near[near >= 0.0].astype(np.float32)
    assert library("erfcx", positive, dtype=np.float32) == pytest.approx(
        special.erfcx(positive.astype(float)), rel=5e-7
    )


def test_normal_distribution_function_in_both_tails():
    h = np.linspace(-37, 9, 2001)
    assert library("normal_cdf", h) == pytest.approx(special.ndtr(h), rel=1e-13)
    h = np.linspace(-3000, 3, 2001)
    assert library("exp_normal_cdf", 0.5 * h * h, h) == pytest.approx(_exp_normal_cdf(0.5 * h * h, h), rel=2e-15)
    assert library("exp_normal_cdf", 5000.0, -100.0) == pytest.approx(0.0039890239814, rel=1e-11)
    assert library("exp_normal_cdf", [0.0, 0.0], [np.inf, -np.inf]) == pytest.approx([1.0, 0.0], abs=0.0)
    assert library("exp_normal_cdf", 99.0, -14.0, dtype=np.float32) == pytest.approx(
        float(_exp_normal_cdf(99.0, -14.0)), rel=2e-5
    )


@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0, 20.0])
def test_bivariate_distribution_function(spread):
    c, d = angles()
    h = RNG.normal(size=c.size) * spread
    k = np.where(RNG.uniform(size=c.size) < 0.5, RNG.normal(size=c.size) * spread, np.sign(c) * h * (1.0 + 1e-9))
    p = np.minimum(0.5 * np.maximum(np.minimum(h, k), -30.0) ** 2, 300.0)
    right = _exp_bivariate(p, h, k, c, d)
    found = library("exp_bivariate", p, h, k, c, d)
    seen = right > 1e-290
    bound = _BIVARIATE_ERROR * (1.0 + np.abs(p) + np.abs(np.log(right, where=seen, out=np.zeros_like(right)) - p))
    assert np.all(np.abs(found - right)[seen] <= (bound * right)[seen])
    assert np.all(np.abs(found - right)[~seen] <= 1e-289)


def test_bivariate_distribution_function_in_float32():
    c, d = (one.astype(np.float32) for one in angles())
    h, k = (RNG.normal(size=(2, c.size)) * 2.0).astype(np.float32)
    right = _exp_bivariate(0.0, *(one.astype(float) for one in (h, k, c, d)))
    found = library("exp_bivariate", 0.0, h, k, c, d, dtype=np.float32)
    assert np.max(np.abs(found - right)) < 3e-7


EDGES = [
    (0, 0, 0, 1, 0),
    (0, 1, 2, 1, 0),
    (0, -1, 2, -1, 0),
    (0, 1, -1, -1, 0),
    (0, np.inf, 1, 0.5, 0.5),
    (0, -np.inf, 1, 0.5, 0.5),
    (0, 1, 2, 0, 0),
    (0, -3, -3, 1, 0),
    (1e4, -100, -100, 0, 1),
    (0, 0, 0, 1e20, 1e-20),
]


@pytest.mark.parametrize("point", EDGES)
def test_edges_of_the_bivariate_distribution_function(point):
    right = pytest.approx(float(_exp_bivariate(*map(float, point))), rel=1e-12)
    assert library("exp_bivariate", *point) == right
    for index in range(5):
        lost = [np.nan if place == index else one for place, one in enumerate(point)]
        assert np.isnan(library("exp_bivariate", *lost))
    assert np.isfinite(library("exp_bivariate", *point, dtype=np.float32))
    for by in "hkcd":
        assert np.isfinite(library(f"exp_bivariate_by_{by}", *point))


def test_powers_with_hyperbolic_functions_and_erfi():
    x = np.concatenate([np.linspace(-26, 40, 500), np.geomspace(1e-300, 1e6, 100)])
    assert library("exp_erfi", -x * x, x) == pytest.approx(2.0 / np.sqrt(np.pi) * special.dawsn(x), rel=5e-15, abs=0)
    q = np.concatenate([np.linspace(-20, 20, 101), [1e-200, 1e-12, 0.0]])
    assert library("exp_sinh", 0.0, q) == pytest.approx(np.sinh(q), rel=2e-15, abs=0)
    assert library("exp_cosh", 0.0, q) == pytest.approx(np.cosh(q), rel=2e-15)
    assert library("exp_sinh", -1000.0, 1000.0) == library("exp_cosh", -1000.0, 1000.0) == 0.5


def owen(h, a):
    return mp.quad(lambda y: mp.exp(-h * h * (1 + y * y) / 2) / (1 + y * y), [0, a / 4, a]) / (2 * mp.pi)


def test_owens_t():
    h, a = np.meshgrid(np.linspace(-9, 9, 61), [*np.linspace(-3, 3, 25), 1e-8, 50.0, 1e8])
    right = special.owens_t(h, a)
    assert np.max(np.abs(library("owens_t", h, a) - right)) < 2e-16
    assert library("owens_t", h, a, dtype=np.float32) == pytest.approx(right, abs=2e-7)
    with mp.workdps(30):  # where SciPy loses digits, and the tail
        for h_, a_ in [(6.0, 1e-10), (8.0, 0.5), (20.0, 1.5), (0.0, 3.0)]:
            assert library("owens_t", h_, a_) == pytest.approx(float(owen(h_, a_)), rel=1e-13)


def bivariate(p, h, k, c, d):
    """By Plackett's integral from independence."""
    f = lambda t: mp.exp(-(h * h + k * k - 2 * h * k * mp.cos(t)) / (2 * mp.sin(t) ** 2))  # noqa: E731
    return mp.exp(p) * (mp.ncdf(h) * mp.ncdf(k) + mp.quad(f, mp.linspace(mp.atan2(d, c), mp.pi / 2, 5)) / (2 * mp.pi))


EXACT = {
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), [(0.7,), (-1.2,)]),
    "normal_cdf": (mp.ncdf, [(0.7,), (-1.2,)]),
    "exp_normal_cdf": (lambda p, h: mp.exp(p) * mp.ncdf(h), [(0.3, 0.7), (2.0, -1.2)]),
    "exp_sinh": (lambda p, x: mp.exp(p) * mp.sinh(x), [(0.3, 0.7), (1.0, -1.2)]),
    "exp_cosh": (lambda p, x: mp.exp(p) * mp.cosh(x), [(0.3, 0.7), (1.0, -1.2)]),
    "exp_erfi": (lambda p, x: mp.exp(p) * mp.erfi(x), [(0.3, 0.7), (-1.0, -1.2)]),
    "owens_t": (owen, [(0.3, 0.7), (-1.0, 1.2)]),
    "exp_bivariate": (bivariate, [(0.3, 0.7, -0.4, 0.5, 0.8), (1.0, -1.2, -0.3, -0.6, 0.2)]),
}


@pytest.mark.parametrize("name", EXACT)
def test_slopes_are_derivatives(name):
    exact, points = EXACT[name]
    slopes = functions()[name].slopes
    for point in points:
        assert library(name, *point) == pytest.approx(float(exact(*map(mp.mpf, point))), rel=1e-13)
        for index, slope in enumerate(slopes):
            with mp.workdps(40):
                given = list(map(mp.mpf, point))
                move = lambda t: exact(*given[:index], given[index] + t, *given[index + 1 :])  # noqa: B023, E731
                step = mp.mpf("1e-12")
                right = float((move(step) - move(-step)) / (2 * step))
            assert library(slope.name[1:], *point) == pytest.approx(right, rel=1e-12), slope.name
