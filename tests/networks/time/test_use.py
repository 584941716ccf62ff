"""What a network in time is used for: training, scikit-learn, tasks that need memory."""

import itertools

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.model_selection import GridSearchCV

import symntk
from symntk import TimeNetwork
from symntk.finite import FiniteTimeNetwork
from symntk.networks import TimeKernel, TimeRegressor

SPIKING = symntk.derive("step", "erf")


def xor(delay):
    """Two bits as pulses, the second `delay` steps after the first, and their parity as target."""
    bits = np.array(list(itertools.product((-1.0, 1.0), repeat=2)))
    x = np.zeros((4, delay + 1, 2))
    x[:, 0, 0], x[:, delay, 1] = bits.T
    return x, bits[:, 0] * bits[:, 1]


def test_gradient_flow_is_that_of_the_matrices():
    x, y = np.random.default_rng(0).normal(size=(6, 4, 2)), np.arange(6.0)
    net = TimeNetwork(SPIKING, threshold=0.4, bias_std=0.1, leak=0.7)
    flow = net.flow(x[:4], y[:4], learning_rate=0.5)
    sg, nngp = net.kernels(x, get=("sg_ntk", "nngp"))
    found, late = flow.predict(x[4:], time=2.0), flow.predict(x[:4])
    system = sg[:4, :4]
    values, vectors = np.linalg.eig(system)
    decay = (vectors * np.exp(-0.5 * 2.0 * values)) @ np.linalg.inv(vectors)
    gain = sg[4:, :4] @ np.linalg.solve(system, np.eye(4) - decay).real
    assert found.mean == pytest.approx(gain @ y[:4], rel=1e-10)
    mixed = nngp[4:, :4] @ gain.T
    assert found.covariance == pytest.approx(nngp[4:, 4:] - mixed - mixed.T + gain @ nngp[:4, :4] @ gain.T, rel=1e-9)
    assert late.mean == pytest.approx(y[:4], rel=1e-9)
    assert np.all(late.std < 1e-6)


def test_an_ensemble_that_surrogate_gradients_train_is_the_process():
    """Mean and spread over trained recurrent spiking networks at test inputs, within their errors and O(1/√width)."""
    rng = np.random.default_rng(2)
    x, test, y = rng.normal(size=(3, 3, 2)), rng.normal(size=(3, 3, 2)), np.array([0.4, -0.3, 0.2])
    net = TimeNetwork(SPIKING, threshold=0.4, bias_std=0.3, leak=0.6, recurrent_std=0.7, readout="mean")
    expected = net.flow(x, y).predict(test, time=16.0)
    networks = 40
    found = np.empty((networks, 3))
    for seed in range(networks):
        one = FiniteTimeNetwork(net, 300, 2, seed=seed)
        one.train(x, y, learning_rate=0.4, steps=40)
        found[seed] = one.outputs(test)
    error = found.std(axis=0, ddof=1) / np.sqrt(networks)
    assert np.all(np.abs(found.mean(axis=0) - expected.mean) < 4.0 * error)
    assert found.std(axis=0, ddof=1) == pytest.approx(expected.std, rel=0.4)


def share(net, delay):
    """What the parity of two pulses has of the kernel, 1/(yᵀ K⁻¹ y)."""
    x, y = xor(delay)
    gram = net.kernels(x, get="surrogate_ntk")[0]
    return 1.0 / (y @ np.linalg.solve(gram + 1e-9 * np.trace(gram) * np.eye(4), y))


def test_parity_of_two_pulses_fades_like_the_leak_and_stays_in_recurrent_units_that_jump():
    settings = {"threshold": 0.4, "bias_std": 0.2}

    def shares(leak, recurrent):
        net = TimeNetwork(SPIKING, leak=leak, recurrent_std=recurrent, **settings)
        return [share(net, delay) for delay in (8, 12)]

    assert shares(0.0, 0.0)[0] < 1e-7, "without memory there is no parity"
    early, late = shares(0.5, 0.0)
    assert late / early == pytest.approx(0.5**4, rel=0.02)
    # histories of a recurrent network of units that jump never become equal again: a distance d becomes like √d
    early, late = shares(0.0, 1.0)
    assert late == pytest.approx(early, rel=0.01)
    x, y = xor(1)
    model = TimeNetwork(SPIKING, leak=0.8, recurrent_std=0.0, **settings).flow(x, y)
    assert np.sign(model.predict(x, time=1e3).mean) == pytest.approx(y)


def test_scikit_learn_takes_kernel_and_estimator():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 4, 2))
    y = np.sin(x[:, 0, 0]) + x[:, 3, 1]
    net = TimeNetwork(SPIKING, leak=0.7, threshold=0.4)
    rows = x.reshape(12, -1)
    kernel = TimeKernel("step", "erf", steps=4, settings={"leak": 0.7, "threshold": 0.4})
    assert np.all(kernel(rows) == net.nngp(x))
    assert kernel.diag(rows) == pytest.approx(np.diag(net.nngp(x)), rel=1e-14)
    model = GaussianProcessRegressor(kernel, alpha=1e-3).fit(rows[:9], y[:9])
    gram = net.nngp(x)
    assert model.predict(rows[9:]) == pytest.approx(
        gram[9:, :9] @ np.linalg.solve(gram[:9, :9] + 1e-3 * np.eye(9), y[:9]), rel=1e-8
    )
    grid = GridSearchCV(TimeRegressor(), {"settings": [{"leak": 0.1}, {"leak": 0.9}]}, cv=2).fit(x, y)
    assert grid.best_params_["settings"]["leak"] in (0.1, 0.9)
    model = TimeRegressor(settings={"leak": 0.7, "threshold": 0.4}).fit(x[:9], y[:9])
    sg = net.sg_ntk(x)
    expected = sg[9:, :9] @ np.linalg.solve(sg[:9, :9] + 1e-3 * np.eye(9), y[:9])
    assert model.predict(x[9:]) == pytest.approx(expected, rel=1e-9)
    assert model.predict(x[9:], return_std=True)[1].shape == (3,)
    assert TimeRegressor(steps=4, settings=model.settings).fit(rows[:9], y[:9]).predict(rows[9:]) == pytest.approx(
        expected
    )


def test_what_scikit_learn_s_view_refuses():
    with pytest.raises(symntk.errors.FormulaError, match="it is not symmetric. Try: nngp or"):
        TimeKernel(kernel="sg_ntk")(np.ones((2, 4)))
    with pytest.raises(symntk.errors.DomainError, match="no rows of 3 steps"):
        TimeKernel(steps=3)(np.ones((2, 4)))
    model = TimeRegressor().fit(np.eye(4).reshape(2, 4, 2), [0.0, 1.0])
    with pytest.raises(symntk.errors.DomainError, match="inputs of 2 steps"):
        model.predict(np.ones((1, 2, 4)))


def test_the_recursion_as_latex_holds_the_closed_forms():
    net = TimeNetwork(symntk.derive("sign", "erf"), 2, leak=0.5, recurrent_std=(1.5, 0.0), bias_std=0.2)
    text = net.latex()
    assert text.count("&=") == 1 + 2 * 5 + 1
    assert r"Q_1(t, r) &= S_0(t, r) + 2.25\, S_1(t-1, r-1) + 0.04" in text
    assert r"\operatorname{asin}{\left(\frac{c_2}{\sqrt{a_2} \sqrt{b_2}} \right)}" in text
    assert "N_2(t, r) &= Q_2(t, r) + P_1(t, r)" in text
    with pytest.raises(symntk.errors.FormulaError, match="has no closed form"):
        TimeNetwork(symntk.derive("tanh"), leak=0.5).latex("nngp")
    with pytest.raises(symntk.errors.FormulaError, match="with a reset it is sampled"):
        TimeNetwork(SPIKING, reset="zero").latex()
