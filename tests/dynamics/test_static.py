"""Fixed points and the onset of chaos where units saturate, scales are extreme, or the coupling excites."""

import numpy as np
import pytest
from scipy.integrate import quad

from symntk.dynamics import Balanced, classical
from symntk.dynamics.units import Units
from symntk.errors import DomainError


def gauss(function, m, c):
    """E[function(u)], u ~ N(m, c), by quad between the kinks of hard_tanh and the tails."""
    size = np.sqrt(c)
    cuts = [m - 12 * size, *(kink for kink in (-1.0, 1.0) if abs(kink - m) < 12 * size), m + 12 * size]
    density = lambda u: function(u) * np.exp(-0.5 * ((u - m) / size) ** 2) / (size * np.sqrt(2 * np.pi))  # noqa: E731
    parts = zip(cuts[:-1], cuts[1:], strict=True)
    return sum(quad(density, low, high, epsabs=1e-12, epsrel=1e-12)[0] for low, high in parts)


@pytest.mark.parametrize("g", np.arange(1.5, 5.01, 0.25))
def test_saturating_units_have_a_fixed_point_at_every_coupling(g):
    net = Balanced(float(g), 400, 0.3, 1.0, "hard_tanh")
    rest = net.static()
    clip = lambda u: np.clip(u, -1.0, 1.0)  # noqa: E731
    assert g**2 * gauss(lambda u: clip(u) ** 2, rest.mean, rest.variance) == pytest.approx(rest.variance, rel=1e-10)
    balance = rest.mean + net.feedback * gauss(clip, rest.mean, rest.variance)
    assert balance == pytest.approx(net.drive, abs=1e-9)
    assert not rest.is_stable


def test_saturating_units_become_chaotic_once():
    onsets = [Balanced(g, 400, 0.3, 1.0, "hard_tanh").onset() for g in (1.0, 1.75, 5.0)]
    assert onsets == pytest.approx([onsets[0]] * 3, rel=1e-10)
    below, above = (Balanced(onsets[0] * part, 400, 0.3, 1.0, "hard_tanh").static() for part in (0.999, 1.001))
    assert below.is_stable and not above.is_stable


@pytest.mark.parametrize("I_0", [1e-30, 1e-6, 1e6, 1e30])
def test_threshold_linear_units_have_no_scale(I_0):
    one, other = Balanced(2.0, 1000).static(), Balanced(2.0, 1000, I_0).static()
    assert (other.mean, other.rate) == pytest.approx((I_0 * one.mean, I_0 * one.rate), rel=1e-9)
    assert other.variance == pytest.approx(I_0**2 * one.variance, rel=1e-9)


def test_odd_units_without_slope_become_chaotic_at_a_finite_variance():
    """Below the onset there is no chaotic state and 0 is stable, above there is one; its energy balances."""
    activation = "erf(x)**3"
    onset = classical(1.0, activation).onset()
    below, above = (classical(part * onset, activation).stationary() for part in (0.995, 1.005))
    assert not below.is_chaotic and below.variance == 0.0 and below.fixed_point.is_stable
    assert below.lyapunov == pytest.approx(-1.0, abs=1e-12)
    assert above.is_chaotic and above.lyapunov > 0.0
    nodes, weights = np.polynomial.legendre.leggauss(40)
    c = 0.5 * above.variance * (nodes + 1.0)
    full = np.full_like(c, above.variance)
    energy = weights @ (above.g**2 * above.units.product(full, full, c) - c)  # ∫ (g² q(c) − c) dc from 0 to c_0
    assert abs(energy) < 1e-8 * weights @ c


@pytest.mark.parametrize("activation", ["erf", "hard_tanh"])
def test_chaos_of_other_odd_units_begins_where_rest_becomes_unstable(activation):
    slope = float(Units(activation, means=False).gain(0.0, 1e-30))
    assert classical(3.0, activation).onset() == pytest.approx(1.0 / slope, rel=1e-12)


@pytest.mark.parametrize(("J_0", "activation"), [(-1.0, "erf"), (1.0, "-erf(x)")])
def test_a_mean_of_zero_that_grows_is_refused(J_0, activation):
    for net in (Balanced(0.5, 100, 0.0, J_0, activation), Balanced(2.0, 100, 0.0, J_0, activation)):
        for state in (net.static, net.stationary):
            with pytest.raises(DomainError, match="rate at which it grows"):
                state()
    assert Balanced(0.5, 1, 0.0, J_0 / 2, activation).static().is_stable  # √N |J_0| E[φ'] < 1


def test_excitation_that_saturates_has_a_fixed_point():
    """All units are at the end of their range: ν = 1, c = g²."""
    for sign in (1.0, -1.0):
        rest = Balanced(0.5, 100, 0.01 * sign, -1.0, "erf").static()
        assert (rest.mean, rest.variance) == pytest.approx((10.1 * sign, 0.25), rel=1e-12)
    with pytest.raises(DomainError, match="runs away"):
        Balanced(0.5, 100, 1.0, -1.0).static()


@pytest.mark.parametrize("activation", ["cos(x)", "sin(x)", "relu_squared", "exp"])
def test_units_that_fall_or_grow_fast(activation):
    """A fixed point solves its equations, and small changes of mean and variance decay; or a message says what is."""
    for g in (0.3, 1.0, 3.0):
        net = Balanced(g, 400, 0.3, 1.0, activation)
        try:
            rest = net.static()
        except DomainError as error:
            assert "without bound" in str(error) and activation in ("relu_squared", "exp")
            continue
        m, c = rest.mean, rest.variance
        assert m + net.feedback * float(net.units.rate(m, c)) == pytest.approx(net.drive, abs=1e-9)
        assert g**2 * float(net.units.power(m, c)) == pytest.approx(c, rel=1e-9)
        assert 1.0 + net.feedback * float(net.units.gain(m, c)) > 0.0


@pytest.mark.parametrize(("g", "word"), [(40.0, "grows without bound"), (2.0, None)])
def test_strong_couplings_of_few_units_grow_without_bound(g, word):
    net = Balanced(g, 100)
    if word:
        with pytest.raises(DomainError, match=word):
            net.static()
    else:
        assert net.static().variance > 0.0
