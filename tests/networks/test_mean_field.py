"""Mean-field facts: fixed points and edges of chaos that are known, and what must hold for any activation."""

import numpy as np
import pytest
from scipy.optimize import brentq

import symntk
from symntk.errors import DivergenceError, DomainError
from symntk.networks.mean_field import MeanField

FIELDS = {name: MeanField(symntk.derive(name)) for name in ("tanh", "erf", "relu", "sign", "gelu")}
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
WEIGHTS = WEIGHTS / np.sum(WEIGHTS)


def test_edge_of_chaos_of_tanh():
    """σ_w = 1 without bias; (σ_w², σ_b²) = (1.05, 2.01e-5) is the critical point that Xiao et al. 2018 use
    (arXiv 1806.05393)."""
    field = FIELDS["tanh"]
    line = field.edge_of_chaos(np.sqrt([0.0, 2.01e-5, 0.05]))
    assert line[0] == pytest.approx(1.0, abs=1e-9)
    assert line[1] ** 2 == pytest.approx(1.05, abs=5e-5)
    # by Gauss–Hermite quadrature: χ₁ = 1 at the fixed point
    q = field.fixed_point(line[2], 0.05**0.5).variance
    u = np.sqrt(q) * NODES
    assert line[2] ** 2 * WEIGHTS @ np.cosh(u) ** -4 == pytest.approx(1.0, abs=1e-9)
    assert line[2] ** 2 * WEIGHTS @ np.tanh(u) ** 2 + 0.05 == pytest.approx(q, abs=1e-9)


@pytest.mark.parametrize("bias_std", [0.0, 0.1, 1.0, 3.0])
def test_edge_of_chaos_of_erf_is_closed(bias_std):
    """E[erf²] = (2/π) arcsin(2q/(1 + 2q)) and E[erf'²] = (4/π)/√(1 + 4q) (Williams 1997)."""
    ratio = lambda q: 0.5 * np.sqrt(1 + 4 * q) * np.arcsin(2 * q / (1 + 2 * q))  # noqa: E731
    q = brentq(lambda q: q - ratio(q) - bias_std**2, 1e-9, 1e6, xtol=1e-14, rtol=1e-14) if bias_std else 0.0
    expected = np.sqrt(np.pi / 4 * np.sqrt(1 + 4 * q))
    assert FIELDS["erf"].edge_of_chaos(bias_std) == pytest.approx(expected, rel=1e-9)


def test_edge_of_chaos_of_relu_is_a_point():
    field = FIELDS["relu"]
    assert field.edge_of_chaos(0.0) == pytest.approx(np.sqrt(2), rel=1e-14)
    with pytest.raises(DomainError, match="bias_std = 0"):
        field.edge_of_chaos(0.1)
    with pytest.raises(DomainError, match="every variance"):
        field.fixed_points(np.sqrt(2))
    [point] = field.fixed_points(1.2, 0.1)
    assert point.variance == pytest.approx(0.01 / (1 - 0.72), rel=1e-12)
    assert point.slope == pytest.approx(0.72, rel=1e-12)
    assert field.correlation(1.2, 0.1).correlation == 1.0
    with pytest.raises(DomainError, match="large variances grow"):
        field.fixed_point(1.6, 0.1)


def test_sign_is_chaotic_everywhere():
    field = FIELDS["sign"]
    with pytest.raises(DivergenceError, match=r"χ₁ = ∞"):
        field.chi(1.0, 1.0)
    with pytest.raises(DivergenceError, match="edge of chaos"):
        field.edge_of_chaos(0.1)
    [point] = field.fixed_points(1.5, 0.2)
    assert point.variance == pytest.approx(1.5**2 + 0.2**2, rel=1e-12)
    assert point.slope == pytest.approx(0.0, abs=1e-12)
    limit = field.correlation(1.5, 0.2)
    q, c = point.variance, limit.correlation
    assert (limit.phase, limit.chi) == ("chaotic", np.inf)
    assert c == pytest.approx((1.5**2 * 2 / np.pi * np.arcsin(c) + 0.04) / q, rel=1e-11)
    assert limit.slope == pytest.approx(1.5**2 * 2 / np.pi / np.sqrt(1 - c * c) / q, rel=1e-11)


def test_swish_at_its_critical_point():
    """Roberts, Yaida & Hanin 2022, The Principles of Deep Learning Theory, section 5.3.4: at q = 14.32017, σ_w² =
    1.98800, σ_b² = 0.55514 the variance is fixed, and both derivatives are 1."""
    field = MeanField(symntk.derive("silu", tol=1e-7))
    q, w, s = 14.32017, np.sqrt(1.98800), np.sqrt(0.55514)
    assert field.variance_map(q, w, s) == pytest.approx(q, rel=1e-5)
    assert field.chi(q, w) == pytest.approx(1.0, abs=1e-5)
    assert field.slope(q, w) == pytest.approx(1.0, abs=1e-5)


def test_an_edge_that_is_missing_for_some_of_an_array():
    field = FIELDS["gelu"]
    given = np.array([[0.0, 0.1], [0.5, 0.2]])
    with pytest.raises(DomainError, match=r"at index \(0, 1\): at bias_std = 0\.1 .* missing='nan'"):
        field.edge_of_chaos(given)
    line = field.edge_of_chaos(given, missing="nan")
    assert line.shape == (2, 2) and np.array_equal(np.isnan(line), [[False, True], [False, True]])
    assert line[1, 0] == field.edge_of_chaos(0.5)
    assert np.isnan(field.edge_of_chaos(0.1, missing="nan"))
    assert field.edge_of_chaos([]).shape == (0,)
    with pytest.raises(DomainError, match="missing"):
        field.edge_of_chaos(0.1, missing="none")


def test_advice_where_there_is_no_edge():
    """E[x⁴] = 3q², E[(2x)²] = 4q: χ₁ = 1 at σ_b² = q/4, so at every σ_b > 0, but there the variance has slope 3/2."""
    square = MeanField(symntk.derive("x**2"))
    with pytest.raises(DomainError, match=r"at bias_std = 0\. Try: bias_std between 5e-06 and 5e\+04"):
        square.edge_of_chaos(0.0)
    with pytest.raises(DomainError, match=r"slope 1\.5\. Try: another bias_std"):
        square.edge_of_chaos(0.3)
    for name in ("1", "softplus"):  # χ₁ is 0; or below 1 at all fixed points
        with pytest.raises(DomainError, match=r"one and the same at all scales"):
            MeanField(symntk.derive(name)).edge_of_chaos(0.3)


def test_an_edge_where_the_variance_is_unstable_is_none():
    """GELU: at σ_b² = 0.05 χ₁ = 1 only at an unstable variance; from σ_b² = 0.173 on at a stable one (Roberts, Yaida &
    Hanin 2022, section 5.3.4)."""
    field = FIELDS["gelu"]
    with pytest.raises(DomainError, match=r"not stable: weight_std = 1\.517.*slope 1\.08"):
        field.edge_of_chaos(np.sqrt(0.05))
    edge, bias_std = field.edge_of_chaos(np.sqrt(0.2)), np.sqrt(0.2)
    point = field.fixed_point(edge, bias_std)
    assert point.is_stable and field.chi(point.variance, edge) == pytest.approx(1.0, abs=1e-9)
    assert field.edge_of_chaos(0.0) == pytest.approx(2.0, rel=1e-9)  # 1/σ'(0)


@pytest.mark.parametrize(
    ("name", "weight_std", "bias_std"), [("erf", 2.0, 0.3), ("tanh", 1.5, 0.1), ("gelu", 1.2, 0.2)]
)
def test_layers_tend_to_the_fixed_points_at_the_stated_depth_scales(name, weight_std, bias_std):
    field = FIELDS[name]
    point, limit = field.fixed_point(weight_std, bias_std), field.correlation(weight_std, bias_std)
    for value, fixed, scale, step in (
        (
            1.02 * point.variance,
            point.variance,
            point.depth_scale,
            lambda q: field.variance_map(q, weight_std, bias_std),
        ),
        (
            limit.correlation - 0.02,
            limit.correlation,
            limit.depth_scale,
            lambda c: field.correlation_map(c, point.variance, weight_std, bias_std),
        ),
    ):
        errors = [abs(value - fixed)]
        while errors[-1] > 1e-5 * fixed:
            value = float(step(value))
            errors.append(abs(value - fixed))
        rate = np.log(errors[-2] / errors[-1])
        assert rate == pytest.approx(1 / scale, rel=2e-2)


@pytest.mark.parametrize("name", ["tanh", "erf", "gelu", "sign"])
def test_slope_is_the_derivative_of_the_variance_map(name):
    field, q, h = FIELDS[name], 1.7, 1e-3
    moved = [float(field.variance_map(q + k * h, 1.3)) for k in (-2, -1, 1, 2)]
    quotient = (moved[0] - 8 * moved[1] + 8 * moved[2] - moved[3]) / (12 * h)
    assert float(field.slope(q, 1.3)) == pytest.approx(quotient, abs=1e-7)


def test_phases_meet_at_the_edge():
    field = FIELDS["erf"]
    edge = field.edge_of_chaos(0.2)
    assert field.correlation(0.97 * edge, 0.2).phase == "ordered"
    assert field.correlation(1.03 * edge, 0.2).phase == "chaotic"
    at = field.correlation(edge, 0.2)
    assert at.phase == "critical" and at.depth_scale == np.inf
    near = [field.correlation(edge * (1 + e), 0.2) for e in (1e-2, 1e-3)]
    assert near[0].correlation < near[1].correlation < 1
    # 1 − c* is linear in χ₁ − 1
    assert (1 - near[0].correlation) / (1 - near[1].correlation) == pytest.approx(10, rel=0.1)


def test_variance_zero():
    field = FIELDS["tanh"]
    [zero] = field.fixed_points(0.9)
    assert zero.variance == 0.0 and zero.slope == pytest.approx(0.81, rel=1e-10)
    assert not field.fixed_points(1.5)[0].is_stable
    with pytest.raises(DomainError, match="tends to 0"):
        field.correlation(0.9)
    assert field.correlation(1.5).correlation == 0.0


def test_parameters_and_mistakes():
    slope = MeanField(symntk.derive("erf(k*x)"), k=2.0)
    assert slope.edge_of_chaos(0.0) == pytest.approx(np.sqrt(np.pi) / 4, rel=1e-12)
    assert MeanField(symntk.derive("exp(x)")).fixed_points(1.2) == []
    for call in (
        lambda: slope.chi(-1.0, 1.0),
        lambda: slope.fixed_points(-1.0),
        lambda: slope.fixed_points([1.0, 2.0]),
        lambda: slope.edge_of_chaos([-0.1]),
        lambda: slope.edge_of_chaos("0.1, 0.2"),
        lambda: MeanField("erf"),
    ):
        with pytest.raises(DomainError):
            call()


def test_variances_without_a_value_do_not_hide_fixed_points():
    """E[x² sin² x] = q/2 − (q/2 − 2q²) e^(−2q); at 1e9 the closed form has no digits left."""
    field = MeanField(symntk.derive("x*sin(x)"))
    square = lambda q: q / 2 - (q / 2 - 2 * q**2) * np.exp(-2 * q)  # noqa: E731
    [point] = field.fixed_points(1.0, 0.1)
    assert point.variance == pytest.approx(brentq(lambda q: square(q) + 0.01 - q, 1e-3, 0.1, xtol=1e-15), rel=1e-10)
    assert point.is_stable and field.fixed_point(1.0, 0.1) == point
    small, middle, large = field.fixed_points(1.41, 0.1)
    assert small.is_stable and not middle.is_stable and large.is_stable
    for one in (small, middle, large):
        assert 1.41**2 * square(one.variance) + 0.01 == pytest.approx(one.variance, rel=1e-9)
    with pytest.raises(DomainError, match="large variances grow"):
        field.fixed_point(2.0, 0.3)
