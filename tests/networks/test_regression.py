"""Gradient flow against an ODE solver and the usual formulas; convergence; the singular classifier."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
from scipy import sparse
from scipy.integrate import solve_ivp

import symntk
import symntk.networks
from symntk.errors import DivergenceError, DomainError, FormulaError
from symntk.networks.linear_flow import LinearFlow
from symntk.networks.regression import GradientFlow, classify

rng = np.random.default_rng(11)
X, T = rng.normal(size=(6, 3)), rng.normal(size=(4, 3))
Y = rng.normal(size=(6, 2))
NET = symntk.Network(symntk.derive("sign", "erf"), 3, bias_std=0.1)
SMOOTH = symntk.Network(symntk.derive("erf"), 3, bias_std=0.1)


def grams(net, kernel):
    """I(X, X), I(T, X), Σ(X, X), Σ(T, X), Σ(T, T)."""
    one = getattr(net, kernel)
    return one(X), one(T, X), net.nngp(X), net.nngp(T, X), net.nngp(T)


@pytest.mark.parametrize(("net", "kernel"), [(NET, "sg_ntk"), (SMOOTH, "ntk")])
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_equals_the_ode_of_training(net, kernel, ridge):
    """f' = −η (I(·, X)(f(X) − y) + ridge (f − f_0)), integrated for given f_0, is linear in (f_0, y) with P_t."""
    I_xx, I_tx, *_ = grams(net, kernel)
    eta, time, start, start_t = 0.4, 1.7, rng.normal(size=6), rng.normal(size=4)

    def velocity(_, f):
        train, test = f[:6], f[6:]
        error = train - Y[:, 0]
        return -eta * np.concatenate([I_xx @ error + ridge * (train - start), I_tx @ error + ridge * (test - start_t)])

    solved = solve_ivp(velocity, (0, time), np.concatenate([start, start_t]), rtol=1e-10, atol=1e-12).y[:, -1]
    flow = net.flow(X, Y, kernel=kernel, ridge=ridge, learning_rate=eta)
    gain = flow.weights(time)
    assert start_t + I_tx @ gain @ (Y[:, 0] - start) == pytest.approx(solved[6:], abs=1e-8)
    assert start + I_xx @ gain @ (Y[:, 0] - start) == pytest.approx(solved[:6], abs=1e-8)
    assert flow.predict(T, time).mean == pytest.approx(I_tx @ gain @ Y, abs=1e-12)


@pytest.mark.parametrize("ridge", [0.0, 0.4])
def test_covariance_is_that_of_training_all_initial_functions(ridge):
    """f(t) = M f(0) + m y on training and test points jointly, M from the exponential of the whole system."""
    I_xx, I_tx, S_xx, S_tx, S_tt = grams(NET, "sg_ntk")
    time = 0.8
    joint = np.block([[S_xx, S_tx.T], [S_tx, S_tt]])
    # state (f, f(0), y): f' = −I(·, X)(f(X) − y) − ridge (f − f(0))
    generator = np.zeros((26, 26))
    generator[:10, :6] = -np.concatenate([I_xx, I_tx])
    generator[:10, :10] -= ridge * np.eye(10)
    generator[:10, 10:20] = ridge * np.eye(10)
    generator[:10, 20:] = np.concatenate([I_xx, I_tx])
    moved = scipy.linalg.expm(time * generator)[6:10]
    by_start, by_target = moved[:, :10] + moved[:, 10:20], moved[:, 20:]
    prediction = NET.flow(X, Y, ridge=ridge).predict(T, time)
    assert prediction.mean == pytest.approx(by_target @ Y, abs=1e-12)
    assert prediction.covariance == pytest.approx(by_start @ joint @ by_start.T, abs=1e-12)


def test_before_training_it_is_the_prior():
    prediction = NET.flow(X, Y).predict(T, 0.0)
    assert np.all(prediction.mean == 0)
    assert prediction.covariance == pytest.approx(NET.nngp(T), abs=1e-14)
    assert prediction.std == pytest.approx(np.sqrt(np.diag(NET.nngp(T))), abs=1e-14)


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_after_training_it_is_the_usual_formula(ridge):
    I_xx, I_tx, S_xx, S_tx, S_tt = grams(NET, "sg_ntk")
    prediction = NET.flow(X, Y, ridge=ridge).predict(T)
    P = I_tx @ np.linalg.inv(I_xx + ridge * np.eye(6))
    assert prediction.mean == pytest.approx(P @ Y, abs=1e-12)
    assert prediction.covariance == pytest.approx(S_tt - S_tx @ P.T - P @ S_tx.T + P @ S_xx @ P.T, abs=1e-12)
    late = NET.flow(X, Y, ridge=ridge).predict(T, 1e6)
    assert late.mean == pytest.approx(prediction.mean, abs=1e-10)


def test_last_layer_alone_is_gaussian_process_regression():
    """Where I = Σ the covariance at ∞ is the Gaussian process's posterior, Σ_TT − Σ_TX Σ_XX⁻¹ Σ_XT."""
    _, _, S_xx, S_tx, S_tt = grams(NET, "sg_ntk")
    prediction = GradientFlow(S_xx, S_xx, Y[:, 0]).posterior(S_tx, S_tt, S_tx)
    solved = scipy.linalg.cho_solve(scipy.linalg.cho_factor(S_xx), np.column_stack([Y[:, 0], S_tx.T]))
    assert prediction.mean == pytest.approx(S_tx @ solved[:, 0], abs=1e-12)
    assert prediction.covariance == pytest.approx(S_tt - S_tx @ solved[:, 1:], abs=1e-12)


def test_training_points_are_learned():
    flow = NET.flow(X, Y)
    prediction = flow.predict(X)
    assert prediction.mean == pytest.approx(Y, abs=1e-12)
    assert np.max(np.abs(prediction.covariance)) < 1e-12
    assert flow.errors(0.0) == pytest.approx(-Y)
    losses = [np.sum(flow.errors(t) ** 2) for t in (0.0, 0.3, 1.0, 3.0)]
    assert flow.convergence.is_monotone and losses == sorted(losses, reverse=True)


def test_last_layer_scale_multiplies_kernels_and_learning_rate_the_time():
    I_xx, I_tx, S_xx, S_tx, S_tt = grams(NET, "sg_ntk")
    scaled = NET.flow(X, Y, last_layer_scale=0.5, learning_rate=3.0).predict(T, 0.8)
    plain = GradientFlow(I_xx / 4, S_xx / 4, Y).posterior(I_tx / 4, S_tt / 4, S_tx / 4, 2.4)
    assert scaled.mean == pytest.approx(plain.mean, abs=1e-13)
    assert scaled.covariance == pytest.approx(plain.covariance, abs=1e-13)
    mean = NET.flow(X, Y, reduction="mean").predict(T, 6.0)
    assert mean.mean == pytest.approx(NET.flow(X, Y).predict(T, 1.0).mean, abs=1e-13)
    # the mean at ∞ does not know the scale, the spread of what is not learned does
    assert NET.flow(X, Y, last_layer_scale=0.1).predict(T).mean == pytest.approx(
        NET.flow(X, Y).predict(T).mean, abs=1e-11
    )
    assert NET.flow(X, Y, last_layer_scale=0.1).predict(T).std == pytest.approx(0.1 * NET.flow(X, Y).predict(T).std)


def test_one_output_is_a_vector():
    assert NET.flow(X, Y[:, 1]).predict(T, 2.0).mean == pytest.approx(
        NET.flow(X, Y).predict(T, 2.0).mean[:, 1], abs=1e-14
    )


def test_least_eigenvalue_of_the_symmetric_part():
    I_xx = NET.sg_ntk(X)
    assert np.max(np.abs(I_xx - I_xx.T)) > 1e-2
    least = NET.flow(X, Y).convergence.least_symmetric
    assert least == pytest.approx(np.linalg.eigvalsh(0.5 * (I_xx + I_xx.T))[0], rel=1e-12)


@pytest.mark.parametrize(
    "matrix",
    [
        rng.normal(size=(5, 5)) + 3 * np.eye(5),
        np.array([[0.0, 2.0], [-2.0, 0.0]]) + 0.1 * np.eye(2),
        np.array([[1.0, 50.0], [0.0, 1.0]]),
        np.diag([1e-14, 1.0]),
        np.array([[1.0, 1.0], [1.0, 1.0]]),
        np.array([[1.0, 3.0], [0.0, 0.0]]),
    ],
    ids=["general", "rotation", "defective", "tiny", "singular", "singular and skew"],
)
@pytest.mark.parametrize("time", [0.0, 0.5, 30.0])
def test_weights_are_the_integral_of_the_exponential(matrix, time):
    # W(2t) = W(t) + e^{−tA} W(t), from the Taylor series at t·2⁻¹⁶
    step, one = time / 2**16, np.eye(len(matrix))
    expected = step * (one - step * matrix @ (one - step * matrix @ (one - step * matrix / 4) / 3) / 2)
    decay = one - matrix @ expected
    for _ in range(16):
        expected, decay = expected + decay @ expected, decay @ decay
    assert LinearFlow(matrix).weights(time) == pytest.approx(expected, abs=1e-10, rel=1e-10)


def test_a_flow_that_does_not_converge_says_so():
    growing = GradientFlow([[1.0, 0.0], [0.0, -0.5]], np.eye(2), [1.0, 1.0])
    assert not growing.convergence.converges and "grow like exp(0.5 t)" in str(growing.convergence)
    with pytest.raises(DivergenceError, match=r"does not converge.*ridge above 0\.5"):
        growing.weights()
    assert np.all(np.isfinite(growing.weights(10.0)))
    assert GradientFlow([[1.0, 0.0], [0.0, -0.5]], np.eye(2), [1.0, 1.0], ridge=0.6).convergence.converges

    skew = GradientFlow([[1.0, 5.0], [0.0, 1.0]], np.eye(2), [1.0, 1.0]).convergence
    assert skew.converges and not skew.is_monotone and "need not fall" in str(skew)

    twice = NET.flow(np.concatenate([X, X[:1]]), np.concatenate([Y, -Y[:1]]))
    with pytest.raises(DivergenceError, match="singular to rounding"):
        twice.predict(T)
    assert np.all(np.isfinite(twice.predict(T, 5.0).mean))
    assert "ridge above 0." not in str(pytest.raises(DivergenceError, twice.weights).value)
    enough = NET.flow(twice_x := np.concatenate([X, X[:1]]), np.append(Y[:, 0], 0), ridge=1e-13)
    assert enough.convergence.converges and np.all(np.isfinite(enough.predict(twice_x).mean))


def test_times_at_which_float64_ends():
    """Growing errors beyond its range; rounding that grows where an eigenvalue is 0; e^{−tA} that has vanished."""
    for matrix in ([[1.0, 0.0], [0.0, -0.5]], [[1.0, 1.0], [0.0, -0.5]], [[-1.0, 1.0], [0.0, -1.0]]):
        with pytest.raises(DivergenceError, match="beyond float64.*grow like exp"):
            GradientFlow(matrix, np.eye(2), [1.0, 1.0]).weights(1e4)
    twice = NET.flow(np.concatenate([X, X[:1]]), np.concatenate([Y, Y[:1]]))
    once = NET.flow(X, Y).predict(T).mean
    assert twice.predict(T, 1e5).mean == pytest.approx(once, abs=1e-7)
    with pytest.raises(DivergenceError, match="at time 1e.12 rounding decides"):
        twice.predict(T, 1e12)
    defective = [[1.0, 1.0], [0.0, 1.0]]
    assert GradientFlow(defective, np.eye(2), [1.0, 1.0]).weights(1e300) == pytest.approx(np.linalg.inv(defective))


def test_singular_kernels_are_refused_as_regression():
    with pytest.raises(DivergenceError, match="diverges like.*Try: kernel='sg_ntk'.*classify"):
        NET.flow(X, Y, kernel="ntk")
    with pytest.raises(FormulaError, match="no surrogate was given. Try: kernel='ntk'"):
        symntk.Network(symntk.derive("relu"), 3).flow(X, Y)
    with pytest.raises(DomainError, match="classify"):
        GradientFlow(NET.ntk(X, singular="inf"), NET.nngp(X), Y)


@pytest.mark.parametrize("depth", [2, 3])
def test_classifier_is_the_limit_of_regression(depth):
    """T3: sign(Θ_m(x, X) Θ_m(X, X)⁻¹ y) at m = 10⁶ is the sign of Θ_∞(x, X) y."""
    angle = rng.uniform(0, 2 * np.pi, size=30)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x, test, y = circle[:8], circle[8:], np.sign(rng.normal(size=8))
    limit = symntk.Network(symntk.derive("sign"), depth, bias_std=0.1)
    steep = symntk.Network(symntk.derive("erf(m*x)"), depth, bias_std=0.1)
    found = limit.classify(test, x, y)
    mean = steep.flow(x, y, kernel="ntk", parameters={"m": 1e6}).predict(test).mean
    assert np.array_equal(found, np.sign(mean)) and len(set(found)) == 2
    assert np.array_equal(limit.classify(x, x, y), y)
    one_hot = np.stack([y < 0, y > 0], axis=1).astype(float)
    assert np.array_equal(2 * limit.classify(test, x, one_hot - 0.5) - 1, found)
    assert np.array_equal(2 * limit.classify(x, x, one_hot) - 1, y)
    assert np.array_equal(limit.classify(3 * test + 0.1, x, y), np.sign(steep_mean(steep, 3 * test + 0.1, x, y)))


def steep_mean(net, test, x, y, ridge=0.0):
    """Regression with erf(10⁶ x)."""
    return net.flow(x, y, kernel="ntk", parameters={"m": 1e6}, ridge=ridge).predict(test).mean


def test_classifier_of_equal_and_of_opposite_inputs():
    """Equal training inputs count once; without bias the network is odd, so −x has the label of x turned."""
    x = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-0.6, -0.8]])
    test = np.concatenate([-x, x, [[0.8, 0.6], [0.7, 0.71], [0.6, 0.81], [0.3, -0.9]]])
    limit, steep = (symntk.Network(symntk.derive(f), 3) for f in ("sign", "erf(m*x)"))
    for y in np.array([[1, 1, 1, -1, 1], [1, 1, 1, 1, -1], [-1, -1, -1, 1, 1.0]]):
        found = limit.classify(test, x, y)
        assert np.array_equal(found, np.sign(steep_mean(steep, test, x, y, ridge=1e3)))
        assert np.array_equal(found[:5], -found[5:10])
    for y in ([1.0, -1.0, 1.0], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]):  # one input with both labels
        with pytest.raises(DomainError, match="inputs 0 and 1 are equal, and their labels .* contradict"):
            limit.classify(x[:1], x[[0, 1, 3]], np.array(y))
    with pytest.raises(DomainError, match="training inputs 0 and 1 are opposite"):
        limit.classify(test, np.array([[1.0, 0.0], [-1.0, 0.0]]), [1, -1])
    assert symntk.Network(symntk.derive("sign"), 3, bias_std=0.1).classify(x[:1], x[:1] * [[1], [-1]], [1, -1])[0] == 1


def test_classifier_says_where_the_theorem_ends():
    sign = symntk.Network(symntk.derive("sign", "erf"), 3)
    with pytest.raises(DomainError, match="sphere"):
        classify(sign, T, X, np.sign(Y[:, 0]))
    with pytest.raises(DomainError, match="finite on the diagonal"):
        sign.classify(np.eye(3), np.eye(3), np.ones(3), kernel="sg_ntk")
    with pytest.raises(DomainError, match="other labels than -1 and 1"):
        sign.classify(np.eye(3), np.eye(3), [0, 1, 1])
    with pytest.raises(DomainError, match=r"shape \(3, 1\)"):
        sign.classify(np.eye(3), np.eye(3), [[1], [-1], [1]])
    narrow = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    labels = np.sign(Y[:, 0])
    assert np.array_equal(sign.classify(narrow, narrow, labels), labels)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NET.flow(X, Y[:5]), f"y has 5 targets, x {len(X)} inputs"),
        (lambda: NET.flow(X, Y).predict(X[0]), r"\(n, features\), for one input x\[None, :\]"),
        (lambda: NET.flow(X, Y, ridge="1"), "ridge = '1' is not a number"),
        (lambda: NET.flow(X, Y.astype(str)), "y: real numbers are needed, not text"),
        (lambda: NET.flow(sparse.csr_array(X), Y), "x: it is sparse .*toarray"),
        (lambda: NET.flow(X, np.ma.masked_less(Y, 0.0)), "y is masked"),
        (lambda: NET.flow(X[0], Y), "2 dimensions"),
        (lambda: NET.flow(X, np.full(6, np.nan)), "y is nan"),
        (lambda: NET.flow(X, Y, ridge=-1.0), "ridge"),
        (lambda: NET.flow(X, Y, last_layer_scale=0.0), "last_layer_scale"),
        (lambda: NET.flow(X, Y, kernel="nngp"), "kernel"),
        (lambda: NET.flow(X, Y, reduction="max"), "reduction"),
        (lambda: NET.flow(X, Y).predict(T, -1.0), "time"),
        (lambda: NET.flow(X, Y).posterior(np.ones((2, 5)), np.eye(2), np.ones((2, 6))), "shape"),
        (lambda: GradientFlow(np.eye(2), np.eye(2), [0.0, 1.0]).predict(T), "matrices"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(DomainError, match=message):
        call()


def test_public_names_are_imported_when_they_are_used():
    from symntk.networks import GradientFlow, MeanField, Prediction

    for one in (GradientFlow, MeanField, Prediction):
        assert one.__name__ in dir(symntk.networks) and one.__module__.startswith("symntk.networks.")
    code = "import sys, symntk.networks; print(*sorted(m for m in sys.modules if m.startswith('symntk.networks.')))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert loaded and not {f"symntk.networks.{name}" for name in ("mean_field", "regression")} & {*loaded}
