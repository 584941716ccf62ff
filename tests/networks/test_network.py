"""Deep kernels: reference numbers, a direct recursion in mpmath, asymmetry, divergences, inputs."""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp, mpf

import symntk
from symntk.errors import DivergenceError, DomainError, FormulaError

RIGHT_ANGLE = np.array([[1.0, 0.0], [0.0, 1.0]])
rng = np.random.default_rng(5)
POINTS = rng.normal(size=(5, 3))
SIGN = symntk.derive("sign", "erf")
RELU = symntk.derive("relu", "erf")
ERF = symntk.derive("erf(m*x)", "erf")
MIXED = symntk.Network(
    [SIGN, RELU, symntk.derive("erf", "triangle")], 4, weight_std=[1, 1.3, 0.8, 2], bias_std=[0.1, 0, 0.3, 0.2]
)


@pytest.mark.parametrize(
    ("m", "same", "right", "surrogate", "constant"),
    [
        (2, "2.912053934", "0.053763387", "1.71584827", "1.673128487"),
        (5, "11.56011366", "0.051757592", "2.260694215", "2.074753837"),
        (20, "131.1984067", "0.047781442", "2.44714301", "2.222935098"),
        (None, "inf", "0.046219724", "2.490796301", "2.264245234"),
    ],
)
def test_reference_numbers(m, same, right, surrogate, constant):
    """Depth 3, weight_std 1, bias_std 0.1, points on the unit circle."""
    given = {} if m is None else {"m": m}
    one = symntk.derive("sign" if m is None else "erf(m*x)", surrogate_derivative="1")
    net = symntk.Network(SIGN if m is None else ERF, 3, weight_std=1.0, bias_std=0.1)
    theta = net.ntk(RIGHT_ANGLE, singular="inf", **given)
    found = [theta[0, 0], theta[0, 1], net.sg_ntk(RIGHT_ANGLE, **given)[0, 0]]
    found.append(symntk.Network(one, 3, bias_std=0.1).sg_ntk(RIGHT_ANGLE, **given)[0, 0])
    for value, text in zip(found, (same, right, surrogate, constant), strict=True):
        digits = len(text.partition(".")[2])
        assert f"{value:.{digits}f}" == text


def recursion(nets, kernel, x, y, dps=30):
    """One entry by the definition: nets are the two sides, kernel the two slopes ("" for the NNGP)."""
    sides, net = [one.layers for one in nets], nets[0]
    forms = {"derivative": lambda k: k.derivative, "surrogate": lambda k: k.surrogate_derivative}
    with mp.workdps(dps):
        square = lambda value: mpf(value) ** 2  # noqa: E731
        w, s = [list(map(square, scales)) for scales in (net.weight_std, net.bias_std)]
        dot = lambda p, q: w[0] / len(p) * mp.fdot(map(mpf, map(float, p)), map(mpf, map(float, q))) + s[0]  # noqa: E731
        a, b, c = dot(x, x), dot(y, y), dot(x, y)
        total = c
        for index, (one, two) in enumerate(zip(*sides, strict=True), start=1):
            E = lambda f, g, *law: symntk.expectation(f, g).evalf(*law, dps=dps)  # noqa: E731, B023
            if kernel:
                first, second = (forms[k](side) for k, side in zip(kernel, (one, two), strict=True))
                gain = w[index] * E(first, second, a, b, c)
            f, g = one.activation, two.activation
            a, b, c = (w[index] * E(*p) + s[index] for p in ((f, f, a, a, a), (g, g, b, b, b), (f, g, a, b, c)))
            total = c + total * gain if kernel else c
        return total


@pytest.mark.parametrize(
    ("kernel", "slopes"),
    [("nngp", ()), ("ntk", ("derivative", "derivative")), ("sg_ntk", ("derivative", "surrogate"))],
)
def test_layers_that_differ_equal_the_recursion_in_mpmath(kernel, slopes):
    gram = getattr(MIXED, kernel)(POINTS[:2], POINTS[2:])
    for i, j in ((0, 0), (1, 2)):
        true = recursion((MIXED, MIXED), slopes, POINTS[i], POINTS[2 + j])
        assert abs(gram[i, j] / true - 1) < 1e-12


def test_two_networks_that_share_weights_equal_the_recursion_in_mpmath():
    one, two = (symntk.Network(k, 3, weight_std=1.2, bias_std=0.1) for k in (SIGN, RELU))
    for slopes in (("surrogate", "derivative"), ("derivative", "surrogate")):
        gram = one.general(POINTS, POINTS, other=two, slopes=slopes)
        for i, j in ((0, 1), (2, 2)):  # an input with itself is fully correlated in the first layer only
            true = recursion((one, two), slopes, POINTS[i], POINTS[j])
            assert abs(gram[i, j] / true - 1) < 1e-12


def test_general_exchanges_its_sides_and_holds_the_others():
    net = symntk.Network(SIGN, 3, bias_std=0.1)
    there = net.general(POINTS, POINTS[:3], slopes=("derivative", "surrogate"))
    back = net.general(POINTS[:3], POINTS, slopes=("surrogate", "derivative"))
    assert there == pytest.approx(back.T, rel=1e-13)
    relu = symntk.Network(RELU, 3)
    assert np.array_equal(relu.general(POINTS, slopes=("derivative", "derivative")), relu.ntk(POINTS))


def test_sg_ntk_is_symmetric_on_a_sphere_only():
    net = symntk.Network(SIGN, 3, bias_std=0.1)
    gram = net.sg_ntk(POINTS)
    assert np.max(np.abs(gram - gram.T)) > 1e-2
    sphere = POINTS / np.linalg.norm(POINTS, axis=1, keepdims=True)
    gram = net.sg_ntk(sphere)
    assert gram == pytest.approx(gram.T, rel=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_one_kernels_for_all_layers_is_the_exported_module(depth):
    space = {}
    exec(compile(SIGN.source(), "exported", "exec"), space)
    net = symntk.Network(SIGN, depth, weight_std=1.3, bias_std=0.2)
    expected = space["sg_ntk"](POINTS, depth=depth, weight_std=1.3, bias_std=0.2)
    assert net.sg_ntk(POINTS) == pytest.approx(expected, rel=1e-14)


def test_without_closed_form():
    """Depth 2 of tanh against a Gauss–Hermite rule of 100² nodes, which is exact to 1e-12 at these variances."""
    net = symntk.Network(symntk.derive("tanh"), 2, bias_std=0.2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    weights = weights / np.sum(weights)
    x, y = 0.5 * POINTS[0], 0.5 * POINTS[1]
    a, b, c = (p @ q / 3 + 0.04 for p, q in ((x, x), (y, y), (x, y)))
    u = np.sqrt(a) * nodes[:, None]
    v = c / np.sqrt(a) * nodes[:, None] + np.sqrt(b - c * c / a) * nodes[None, :]
    mean = lambda f: weights @ f @ weights  # noqa: E731
    sigma = mean(np.tanh(u) * np.tanh(v)) + 0.04
    theta = sigma + c * mean(np.cosh(u) ** -2 * np.cosh(v) ** -2)
    assert net.nngp(x[None], y[None])[0, 0] == pytest.approx(sigma, abs=1e-10)
    assert net.ntk(x[None], y[None])[0, 0] == pytest.approx(theta, abs=3e-10)


def test_parameters_without_closed_form_are_numbers_in_the_formula():
    net, plain = (symntk.Network(symntk.derive(f), 3) for f in ("tanh(k*x)", "tanh(2*x)"))
    assert net.nngp(POINTS, k=2.0) == pytest.approx(plain.nngp(POINTS), rel=1e-10)
    with pytest.raises(DomainError, match="no value for k"):
        net.nngp(POINTS)
    with pytest.raises(DomainError, match="no parameter q"):
        plain.nngp(POINTS, q=1.0)
    with pytest.raises(DomainError, match=r"q is no parameter, and k has no value\. Try: k=1\.0"):
        net.nngp(POINTS, q=1.0)
    with pytest.raises(DomainError, match="k = '2' is not one real number"):
        net.nngp(POINTS, k="2")


@pytest.mark.parametrize("scales", [{"weight_std": "1"}, {"bias_std": ["1", "1", "1"]}])
def test_scales_are_numbers_not_text(scales):
    with pytest.raises(DomainError, match="is not numbers"):
        symntk.Network(RELU, 3, **scales)


def test_duplicates_and_the_diagonal_are_exact():
    x = np.concatenate([POINTS, POINTS[1:3]])
    gram = symntk.Network(RELU, 6, weight_std=np.sqrt(2)).ntk(x)
    assert gram[1, 5] == gram[1, 1] == gram[5, 5]
    assert np.diag(gram) == pytest.approx(6 * 2 * (x**2).mean(axis=1), rel=1e-14)


def test_duplicates_stay_equal_through_layers_without_closed_form():
    """There the map of pairs and that of variances differ by rounding, which the arcsine of sign makes large."""
    net = symntk.Network([symntk.derive("tanh"), SIGN], 3, bias_std=0.1)
    x = rng.normal(size=(240, 2))
    gram = net.nngp(np.concatenate([x, x[:3]]), x)
    assert np.max(np.abs(np.append(np.diag(gram), np.diag(gram[240:])) - 1.01)) < 1e-15


@pytest.mark.parametrize("size", [50, 200])
def test_tiles_do_not_change_the_result(size):
    x = rng.normal(size=(size, 4))
    whole = MIXED.sg_ntk(x)
    assert whole[:3] == pytest.approx(MIXED.sg_ntk(x[:3], x), rel=1e-13)
    theta = symntk.Network(RELU, 3).ntk(x)
    assert np.array_equal(theta, theta.T)


def test_a_divergent_ntk_says_why_and_how_fast():
    net = symntk.Network(SIGN, 3, bias_std=0.1)
    with pytest.raises(DivergenceError, match=r"hidden layer 1 diverges like 2/\(pi\*sqrt\(a\*b - c\*\*2\)\).*\(3/2\)"):
        net.ntk(POINTS)
    with pytest.raises(DivergenceError, match="row 0, column 1"):
        net.ntk(POINTS[1:], POINTS[:3])
    gram = net.ntk(POINTS, singular="inf")
    assert np.all(np.isposinf(np.diag(gram))) and np.all(np.isfinite(gram[~np.eye(5, dtype=bool)]))
    # parallel inputs are fully correlated where there is no bias
    assert np.isposinf(symntk.Network(SIGN, 2).ntk(POINTS[:1], 3 * POINTS[:1], singular="inf"))[0, 0]
    assert net.ntk(POINTS[:2], POINTS[2:]).shape == (2, 3)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_rate_next_to_the_diagonal(depth):
    """T4: on the circle the NTK of sign grows like |x − y|^(−α), α = 2 − 2^(2 − depth)."""
    net = symntk.Network(SIGN, depth)
    alpha = net._named("ntk").exponent
    assert alpha == 2 - sp.Integer(2) ** (2 - depth)
    angle = np.array([1e-4, 1e-5])
    near = net.ntk(np.array([[1.0, 0.0]]), np.stack([np.cos(angle), np.sin(angle)], axis=1))[0]
    assert np.log10(near[1] / near[0]) == pytest.approx(float(alpha), abs=0.03)


@pytest.mark.parametrize(
    "names", [("relu", "sign"), ("sign", "erf"), ("sign", "relu", "sign"), ("step", "step", "erf")]
)
def test_rate_next_to_the_diagonal_where_layers_differ(names):
    net = symntk.Network([symntk.derive(name) for name in names], len(names) + 1, bias_std=0.3)
    angle = np.array([1e-3, 1e-4])
    near = net.ntk(np.array([[1.0, 0.0]]), np.stack([np.cos(angle), np.sin(angle)], axis=1))[0]
    assert np.log10(near[1] / near[0]) == pytest.approx(float(net._named("ntk").exponent), abs=5e-3)


def test_a_surrogate_with_a_delta_diverges_with_an_advice_that_helps():
    net = symntk.Network(symntk.derive("sign", surrogate_derivative="DiracDelta(x)"), 3)
    with pytest.raises(DivergenceError, match=r"sg_ntk.*Try: singular='inf'.*a surrogate derivative without deltas"):
        net.sg_ntk(POINTS)
    # half of the NTK's slope in each layer, which is what the delta of sign' is to this one
    theta, sg = (getattr(symntk.Network(net.layers[0], 2), name)(POINTS, singular="inf") for name in ("ntk", "sg_ntk"))
    nngp = symntk.Network(net.layers[0], 2).nngp(POINTS)
    off = ~np.eye(len(POINTS), dtype=bool)
    assert (sg - nngp)[off] == pytest.approx(0.5 * (theta - nngp)[off], rel=1e-13)


def test_every_kernel_takes_the_parameters_of_the_surrogate():
    net = symntk.Network(symntk.derive("erf(m*x)", "erf(k*x)"), 3, bias_std=0.1)
    plain = symntk.Network(symntk.derive("erf(2*x)", "erf(3*x)"), 3, bias_std=0.1)
    for name in net.names:
        assert getattr(net, name)(POINTS, m=2, k=3) == pytest.approx(getattr(plain, name)(POINTS), rel=1e-13)
    flows = [one.flow(POINTS, POINTS[:, 0], parameters=p) for one, p in ((net, {"m": 2, "k": 3}), (plain, {}))]
    means = [flow.predict(POINTS[:2] + 0.1, 0.5).mean for flow in flows]
    assert means[0] == pytest.approx(means[1], rel=1e-12)
    assert net.nngp(POINTS, m=2) == pytest.approx(plain.nngp(POINTS), rel=1e-13)
    with pytest.raises(DomainError, match="no parameter q. Try: the parameters are: k, m"):
        net.nngp(POINTS, m=2, q=1)


@pytest.mark.parametrize(("names", "power"), [(("erf", "gelu"), 0), (("relu", "relu"), 1), (("relu", "sign"), 2)])
def test_digits_of_the_ntk_at_small_angles_are_those_that_the_docstring_says(names, power):
    net = symntk.Network([symntk.derive(name) for name in names], 3, bias_std=0.1)
    for angle in (1e-3, 1e-5):
        x, y = np.array([1.1, 0.3]), np.array([1.1 - 0.3 * angle, 0.3 + 1.1 * angle])
        true = recursion((net, net), ("derivative", "derivative"), x, y, dps=40)
        assert abs(net.ntk(x[None], y[None])[0, 0] / true - 1) < 5e-16 / angle**power + 2e-15


def test_dtypes_and_empty_inputs():
    net = symntk.Network(RELU, 3)
    assert net.ntk(POINTS.astype(np.float32)).dtype == np.float32
    assert net.ntk(POINTS.astype(np.float32), POINTS).dtype == np.float64
    assert net.ntk(POINTS[:0], POINTS).shape == (0, 5)
    assert symntk.Network(SIGN, 3).ntk(POINTS[:0]).shape == (0, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: symntk.Network(SIGN, 0), "depth"),
        (lambda: symntk.Network(SIGN, 2.5), "depth"),
        (lambda: symntk.Network([SIGN], 3), "1 Kernels for 2 hidden layers"),
        (lambda: symntk.Network("sign", 3), "no Kernels"),
        (lambda: symntk.Network(SIGN, 3, weight_std=0.0), "weight_std"),
        (lambda: symntk.Network(SIGN, 3, bias_std=[0.1, 0.2]), "one for each weight layer"),
        (lambda: symntk.Network(SIGN, 3).nngp(POINTS[0]), "shape"),
        (lambda: symntk.Network(SIGN, 3).nngp(POINTS, POINTS[:, :2]), "features"),
        (lambda: symntk.Network(SIGN, 3).nngp(np.full((2, 2), np.nan)), "not finite"),
        (lambda: symntk.Network(SIGN, 3).ntk(POINTS, singular="no"), "singular"),
        # what is wrong with the inputs comes before what diverges on any
        (lambda: symntk.Network(SIGN, 3).ntk(np.full((2, 2), np.nan)), "not finite"),
        (lambda: symntk.Network(SIGN, 3).ntk(np.ones((1, 2, 3))), "shape"),
        (lambda: symntk.Network(SIGN, 3).general(POINTS, slopes=("derivative", "x")), "slopes"),
        (lambda: symntk.Network(SIGN, 3).general(POINTS, other=symntk.Network(SIGN, 4)), "share their weights"),
        (lambda: symntk.Network(symntk.derive("relu"), 3).sg_ntk(POINTS), "no surrogate"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises((DomainError, FormulaError), match=message):
        call()


def test_what_is_too_deep_or_too_large_is_named(monkeypatch):
    with pytest.raises(DomainError, match="100000 weight layers.*mean_field"):
        symntk.Network(symntk.derive("relu"), 10**9)

    def full(*_):
        raise MemoryError("Unable to allocate 728. TiB")

    monkeypatch.setattr("symntk.networks.recursion.network_gram", full)
    with pytest.raises(DomainError, match="no memory: Unable to allocate 728. TiB.*blocks of rows"):
        symntk.Network(symntk.derive("relu"), 2).nngp(np.eye(2))
