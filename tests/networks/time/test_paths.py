"""Kernels by sampled paths: errors that are honest, and values that two steps allow to be computed exactly."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import multivariate_normal

import symntk
from benchmarks.time_convergence import convergence
from symntk import TimeNetwork

X = np.random.default_rng(0).normal(size=(2, 2, 3))
LEAK, PLACE, SIZE, RECURRENT, BIAS = 0.8, 0.4, 0.6, 1.1, 0.3
STEP = symntk.derive("step", "erf")


def surrogate(h):
    return 2.0 / np.sqrt(np.pi) * np.exp(-((h - PLACE) ** 2))


def network(reset, kernels=STEP, **settings):
    size = {"reset_size": SIZE} if reset == "subtract" else {}
    scales = {"leak": LEAK, "threshold": PLACE, "recurrent_std": RECURRENT, "bias_std": BIAS}
    return TimeNetwork(kernels, reset=reset, **{**size, **scales, **settings})


def currents():
    """Q of the four currents (input, step), exact: the second ones see the first spikes."""
    inner = np.einsum("itf,jrf->itjr", X, X) / 3 + BIAS**2
    q = np.array(inner)
    for i in range(2):
        for j in range(2):
            place = [-PLACE / np.sqrt(inner[k, 0, k, 0]) for k in (i, j)]
            rho = inner[i, 0, j, 0] / np.sqrt(inner[i, 0, i, 0] * inner[j, 0, j, 0])
            both = ndtr(place[0]) if i == j else multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf(place)
            q[i, 1, j, 1] += RECURRENT**2 * both
    return q


def second_spikes(q, reset):
    """E[s_2 s_2'] of the inputs 0 and 1: a sum of normal distribution functions of 4 variables."""
    cov = q.transpose(1, 0, 3, 2).reshape(4, 4)  # I_1, I_1', I_2, I_2'
    total = 0.0
    for spikes in np.ndindex(2, 2):
        kept = [0.0 if reset == "zero" and s else LEAK for s in spikes]
        rows = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [kept[0], 0, 1, 0], [0, kept[1], 0, 1]], dtype=float)
        place = np.array([PLACE, PLACE, *(PLACE + (SIZE * s if reset == "subtract" else 0.0) for s in spikes)])
        signs = np.array([-1.0 if s else 1.0 for s in spikes] + [-1.0, -1.0])  # P(sign·v ≤ sign·place)
        law = signs[:, None] * (rows @ cov @ rows.T) * signs
        total += multivariate_normal(np.zeros(4), law).cdf(signs * place)
    return total


def own_tangent(q, reset, whole):
    """The surrogate kernel of input 0 with itself at two steps, by quadrature over its two currents."""
    (a, c), (_, b) = q[0, :, 0, :]
    nodes, weights = np.polynomial.legendre.leggauss(80)
    inner, outer = np.polynomial.hermite_e.hermegauss(60)
    first = second = squares = 0.0
    for low, high, s in ((PLACE - 9 * np.sqrt(a), PLACE, 0.0), (PLACE, PLACE + 9 * np.sqrt(a), 1.0)):
        h1 = (low + high) / 2 + (high - low) / 2 * nodes
        density = weights * (high - low) / 2 * np.exp(-(h1**2) / 2 / a) / np.sqrt(2 * np.pi * a)
        first += density @ surrogate(h1) ** 2
        i2 = h1[:, None] * c / a + np.sqrt(b - c * c / a) * inner
        if reset == "subtract":
            h2, moved = LEAK * h1[:, None] + i2 - SIZE * s, LEAK - whole * SIZE * surrogate(h1)
        else:
            h2, moved = (1 - s) * LEAK * h1[:, None] + i2, (1 - s) * LEAK - whole * LEAK * h1 * surrogate(h1)
        found = surrogate(h2) ** 2 @ outer / outer.sum()
        second += density @ (found * (b + 2 * moved * c + moved**2 * a))
        squares += density @ found
    # N_22 has the part σ_w² P_11, too
    return second + squares * RECURRENT**2 * first * a + own_rate(q, reset)


def own_rate(q, reset):
    """P(s_2 = 1) of the input 0."""
    cov, total = q[0, :, 0, :], 0.0
    for s in (0, 1):
        kept = 0.0 if reset == "zero" and s else LEAK
        rows = np.array([[1.0, 0.0], [kept, 1.0]])
        sign = np.array([-1.0 if s else 1.0, -1.0])
        place = np.array([PLACE, PLACE + (SIZE * s if reset == "subtract" else 0.0)])
        law = sign[:, None] * (rows @ cov @ rows.T) * sign
        total += multivariate_normal([0, 0], law).cdf(sign * place)
    return total


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("detached", [False, True], ids=["attached", "detached"])
def test_two_steps_are_exact_within_the_error(reset, detached):
    net = network(reset, detach_reset=detached, paths=2048, repeats=12)
    nngp, tangent = net.sampled(X)
    q = currents()
    for found, expected in (
        (nngp.mean[0, 1] - second_spikes(q, reset), nngp.error[0, 1]),
        (nngp.mean[0, 0] - own_rate(q, reset), nngp.error[0, 0]),
        (tangent.mean[0, 0] - own_tangent(q, reset, not detached), tangent.error[0, 0]),
    ):
        assert abs(found) < 3.5 * expected
    assert np.all(nngp.error < 2e-3)
    assert np.all(tangent.error < 0.02 * tangent.mean[0, 0])


@pytest.mark.parametrize(
    ("kernels", "names", "layers"),
    [
        (STEP, ("nngp", "surrogate_ntk"), 2),
        (symntk.derive("(1 + erf(3*x))/2", "triangle"), ("ntk", "sg_ntk"), 1),
    ],
    ids=["step", "steep"],
)
def test_standard_errors_are_honest(kernels, names, layers):
    """Without a reset the exact values are known: differences over errors are those of a t distribution."""
    x = np.random.default_rng(3).normal(size=(2, 3, 2))
    settings = {"kernels": kernels, "layers": layers, "recurrent_std": 0.8, "paths": 128, "repeats": 8}
    exact = network("none", **settings).kernels(x, get=names)
    ratios = []
    for seed in range(10):
        found = network("none", seed=seed, **settings).sampled(x, get=names)
        ratios += [(one.mean - value) / one.error for one, value in zip(found, exact, strict=True)]
    spread = np.sqrt(np.mean(np.square(ratios)))
    assert 0.75 < spread < 1.6, "of 7 degrees of freedom it is 1.18"
    assert np.all(np.abs(np.mean(ratios, axis=(0, 1))) < 1.0), "no bias beyond the error"


def test_gram_matrices_of_common_paths_are_positive_semidefinite():
    x = np.random.default_rng(1).normal(size=(12, 4, 2))
    x[5] = x[2]
    net = network("subtract", paths=128, repeats=2, layers=2)
    for gram in net.kernels(x, get=("nngp", "surrogate_ntk")):
        assert np.linalg.eigvalsh(gram)[0] > -1e-12 * np.trace(gram)
        assert gram[5] == pytest.approx(gram[2], rel=1e-9)


def test_inputs_across_share_the_paths_and_lengths_may_differ():
    x = np.random.default_rng(1).normal(size=(4, 4, 2))
    net = network("zero", paths=4096, repeats=4)
    whole, across = net.sampled(x, get="nngp")[0], net.sampled([x[0], x[1]], [x[2], x[3]], get="nngp")[0]
    assert np.all(np.abs(whole.mean[:2, 2:] - across.mean) < 5.0 * (whole.error[:2, 2:] + across.error))
    short = net.sampled([x[0, :2], x[1]], get="nngp")[0]
    alone = net.sampled(x[:1, :2], get="nngp")[0]
    assert abs(short.mean[0, 0] - alone.mean[0, 0]) < 5.0 * (short.error[0, 0] + alone.error[0, 0])


@pytest.mark.parametrize(
    ("reset", "settings"),
    [("subtract", {}), ("zero", {"detach_reset": True})],
    ids=["subtracted, attached", "to zero, detached"],
)
def test_finite_networks_with_a_reset_converge_to_the_kernels(reset, settings):
    net = network(reset, paths=8192, repeats=8, **settings)
    means, slopes, errors = convergence(net, ("nngp", "surrogate_ntk"), (50, 100, 200), 30)
    assert np.all(np.abs(slopes + 1.0) < 3.0 * errors), (means, slopes, errors)


def test_what_is_not_sampled():
    with pytest.raises(
        symntk.errors.DivergenceError, match="no gradient passes a jump along single paths. Try: the sur"
    ):
        network("subtract").sg_ntk(X)
    with pytest.raises(symntk.errors.DomainError, match="outputs at each step are not sampled"):
        network("subtract", readout="each").nngp(X)
    with pytest.raises(symntk.errors.DomainError, match="two networks are not compared"):
        network("subtract").general(X, other=network("subtract", seed=1))
    exploding = network("subtract", symntk.derive("relu", "erf"), recurrent_std=30.0, paths=16, repeats=2)
    with pytest.raises(symntk.errors.DomainError, match="explode along the paths"):
        exploding.kernels(np.ones((1, 120, 1)), get="surrogate_ntk")
