"""scikit-learn's conventions, exact gradients of the kernels, and regression by the SG-NTK."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.exceptions import SkipTestWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

import symntk
from symntk.errors import DivergenceError, DomainError, FormulaError
from symntk.networks import NetworkKernel, SurrogateGradientRegressor

rng = np.random.default_rng(3)
X, T = rng.normal(size=(7, 3)), rng.normal(size=(4, 3))
X[3], X[4], X[5], X[6] = X[1], 2 * X[1], -X[1], 0  # equal, parallel, opposite, zero
Y = rng.normal(size=(7, 2))


def difference_quotient(kernel, x):
    """∂K/∂theta by central differences in log space, extrapolated once: an error of order h⁴."""
    columns = []
    for unit in np.eye(len(kernel.theta)):

        def slope(h, unit=unit):
            up, down = (kernel.clone_with_theta(kernel.theta + sign * h * unit)(x) for sign in (1, -1))
            return (up - down) / (2 * h)

        columns.append((4 * slope(1e-3) - slope(2e-3)) / 3)
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        *((activation, "nngp") for activation in ("erf", "sign", "sin", "softsign")),
        *((activation, "ntk") for activation in ("relu", "erf", "sin", "abs")),
        *((activation, "surrogate_ntk") for activation in ("sign", "relu")),
    ],
)
def test_the_gradient_is_that_of_the_gram_matrix(activation, name):
    kernel = NetworkKernel(activation, name, 4, 1.3, 0.4, surrogate="erf")
    gram, gradient = kernel(X, eval_gradient=True)
    assert np.array_equal(gram, kernel(X))
    scale = np.sqrt(np.abs(np.einsum("iik->ik", gradient)))
    error = np.abs(gradient - difference_quotient(kernel, X)) / (scale[:, None] * scale[None])
    assert np.max(error) < (1e-8 if activation == "softsign" else 1e-9)
    assert np.array_equal(gradient, gradient.transpose(1, 0, 2))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_gradient_without_biases(depth):
    """For homogeneous activations the NNGP is σ_w^(2 depth) times that of σ_w = 1."""
    kernel = NetworkKernel("relu", "nngp", depth, 1.2, 0.0, bias_std_bounds="fixed")
    gram, gradient = kernel(X[:6], eval_gradient=True)
    assert gradient.shape == (6, 6, 1)
    assert gradient[:, :, 0] == pytest.approx(2 * depth * gram, rel=1e-12, abs=1e-13)


def test_the_gradient_near_full_correlation():
    """Kinks make a term infinite at full correlation, where it must not count; beside it nothing may blow up."""
    close = X[:1] + np.array([[0.0], [1e-12], [1e-8], [1e-4]]) * np.array([1.0, -2.0, 0.5])
    for name in ("nngp", "ntk"):
        _, gradient = NetworkKernel("relu", name)(close, eval_gradient=True)
        assert gradient[0, 1] == pytest.approx(gradient[0, 0], rel=1e-7)
        assert gradient[0, 2] == pytest.approx(gradient[0, 0], rel=1e-5)


@pytest.mark.parametrize("name", ["nngp", "ntk", "surrogate_ntk"])
def test_the_diagonal_is_that_of_the_gram_matrix(name):
    kernel = NetworkKernel("erf", name, 4, 1.3, 0.4, surrogate="erf")
    assert kernel.diag(X) == pytest.approx(np.diag(kernel(X)), rel=1e-14)
    assert kernel.diag(np.zeros((10**5, 2))).shape == (10**5,)  # a matrix of 80 GB is not made


def test_it_is_the_kernel_of_the_network():
    net = symntk.Network(symntk.derive("erf"), 3, weight_std=1.5, bias_std=0.2)
    assert np.array_equal(NetworkKernel("erf", "ntk", 3, 1.5, 0.2)(X, T), net.ntk(X, T))
    assert np.array_equal(NetworkKernel("erf", "nngp", 3, 1.5, 0.2)(X, T), net.nngp(X, T))


def test_the_conventions_of_kernels():
    kernel = NetworkKernel("relu", bias_std_bounds=(1e-2, 1e1))
    assert clone(kernel) == kernel and clone(kernel) is not kernel
    assert set(kernel.get_params()) == {
        *("activation", "kernel", "depth", "weight_std", "bias_std", "weight_std_bounds", "bias_std_bounds"),
        *("surrogate", "surrogate_derivative"),
    }
    assert [h.name for h in kernel.hyperparameters] == ["bias_std", "weight_std"]
    assert kernel.theta == pytest.approx(np.log([0.1, 1.0]))
    assert kernel.bounds == pytest.approx(np.log([[1e-2, 1e1], [1e-3, 1e3]]))
    moved = kernel.clone_with_theta(np.log([0.3, 2.0]))
    assert (moved.bias_std, moved.weight_std) == pytest.approx((0.3, 2.0))
    assert moved.set_params(weight_std=3.0).weight_std == 3.0
    assert not kernel.is_stationary()
    fixed = NetworkKernel("relu", weight_std_bounds="fixed")
    assert np.array_equal(fixed(X, eval_gradient=True)[1], kernel(X, eval_gradient=True)[1][:, :, :1])
    sizes = (2.0 * kernel + WhiteKernel())(X, eval_gradient=True)[1].shape
    assert sizes == (7, 7, 4)
    with pytest.raises(ValueError, match="Y is None"):
        kernel(X, T, eval_gradient=True)


def test_a_gaussian_process_finds_the_scales():
    """The optimum is a stationary point of the likelihood, far better than the start."""
    x = rng.normal(size=(30, 2))
    y = rng.multivariate_normal(np.zeros(30), NetworkKernel("relu", "nngp", 3, 2.0, 0.5)(x))
    kernel = NetworkKernel("relu", "nngp")
    model = GaussianProcessRegressor(kernel, alpha=1e-6).fit(x, y)
    best, at_best = model.log_marginal_likelihood(model.kernel_.theta, eval_gradient=True)
    assert best > model.log_marginal_likelihood(kernel.theta) + 1
    inside = (model.kernel_.theta > kernel.bounds[:, 0] + 1e-6) & (model.kernel_.theta < kernel.bounds[:, 1] - 1e-6)
    assert np.abs(at_best[inside]) == pytest.approx(0, abs=1e-2) and inside[1]
    assert model.predict(x) == pytest.approx(y, abs=1e-2)


def test_a_support_vector_machine_takes_it():
    x = rng.normal(size=(40, 2))
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)  # no linear kernel can tell them apart
    assert SVC(kernel=NetworkKernel("relu", "ntk"), C=1e3).fit(x, labels).score(x, labels) == 1.0
    assert SVC(kernel=ConstantKernel(0.5) * NetworkKernel("erf", "nngp"), C=1e4).fit(x, labels).score(x, labels) > 0.9


def test_kernels_that_are_none():
    with pytest.raises(FormulaError, match=r"not symmetric.*Try: SurrogateGradientRegressor"):
        NetworkKernel("sign", "sg_ntk", surrogate="erf")(X)
    with pytest.raises(FormulaError, match="nngp or ntk or surrogate_ntk"):
        NetworkKernel("sign", "rbf")(X)
    with pytest.raises(FormulaError, match="no surrogate was given"):
        NetworkKernel("sign", "surrogate_ntk")(X)
    with pytest.raises(DivergenceError, match="infinite"):
        NetworkKernel("sign", "ntk")(X)
    with pytest.raises(DivergenceError, match="infinite"):
        NetworkKernel("sign", "ntk").diag(X)


def test_the_estimator_passes_scikit_learns_checks():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        results = check_estimator(SurrogateGradientRegressor(), on_fail=None)
    assert [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")] == []
    assert sum(r["status"] == "passed" for r in results) > 40


@pytest.mark.parametrize("time", [0.7, np.inf])
def test_the_estimator_is_gradient_flow(time):
    options = {"ridge": 0.2, "last_layer_scale": 0.7}
    net = symntk.Network(symntk.derive("sign", "triangle"), 3, weight_std=1.4, bias_std=0.3)
    expected = net.flow(X, Y, **options).predict(T, time)
    model = SurrogateGradientRegressor("sign", "triangle", weight_std=1.4, bias_std=0.3, time=time, **options)
    mean, std = model.fit(X, Y).predict(T, return_std=True)
    assert mean == pytest.approx(expected.mean, abs=1e-12)
    assert std == pytest.approx(expected.std, abs=1e-12)
    assert model.predict(T) == pytest.approx(mean, abs=0)
    assert model.least_symmetric_ == pytest.approx(net.flow(X, Y, **options).convergence.least_symmetric)
    one = clone(model).fit(X, Y[:, 1]).predict(T)
    assert one.shape == (4,) and one == pytest.approx(mean[:, 1], abs=1e-12)


def test_a_surrogate_derivative_in_place_of_a_surrogate():
    """That of erf, as in `derive`: the same kernels; never both, and free parameters are named."""
    slope = "2*exp(-x**2)/sqrt(pi)"
    model = SurrogateGradientRegressor("sign", surrogate_derivative=slope).fit(X, Y)
    assert model.predict(T) == pytest.approx(SurrogateGradientRegressor("sign", "erf").fit(X, Y).predict(T), rel=1e-12)
    kernel = NetworkKernel("sign", "surrogate_ntk", surrogate_derivative=slope)
    assert kernel(X) == pytest.approx(NetworkKernel("sign", "surrogate_ntk", surrogate="erf")(X), rel=1e-12)
    assert repr(kernel).endswith(f", surrogate_derivative={slope})") and clone(kernel) == kernel
    with pytest.raises(FormulaError, match="both a surrogate and a surrogate derivative.*None for the other"):
        SurrogateGradientRegressor("sign", "erf", surrogate_derivative=slope).fit(X, Y)
    with pytest.raises(FormulaError, match=r"k is free in sign, exp\(-k\*x\*\*2\)\. Try"):
        NetworkKernel("sign", "surrogate_ntk", surrogate_derivative="exp(-k*x**2)")(X)


@pytest.mark.parametrize("activation", ["relu", "x*erf(x)"])
def test_without_a_surrogate_the_derivative_is_the_activations_own(activation):
    net = symntk.Network(symntk.derive(activation), 3, bias_std=0.1)
    expected = net.flow(X, Y, kernel="ntk", ridge=1e-3).predict(T).mean
    assert SurrogateGradientRegressor(activation).fit(X, Y).predict(T) == pytest.approx(expected, rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float16", "longdouble", "int64"])
@pytest.mark.parametrize("name", ["nngp", "ntk"])
def test_features_of_every_real_type_are_taken_as_float64(dtype, name):
    """A Gram matrix in float32 has negative eigenvalues, which no optimizer survives."""
    x = np.linspace(-2, 2, 40)[:, None].astype(dtype)
    same = x.astype(float)
    kernel = NetworkKernel("relu", name)
    assert kernel(x, x[:3]).dtype == kernel(x).dtype == kernel.diag(x).dtype == np.float64
    assert np.array_equal(kernel(x), kernel(same)) and np.array_equal(kernel.diag(x), kernel.diag(same))


@pytest.mark.filterwarnings("ignore:The optimal value")
def test_a_fit_on_float32_features_is_that_on_float64_ones():
    x = np.linspace(-1, 1, 40)[:, None].astype(np.float32)
    y = np.sin(6 * x[:, 0].astype(float))
    fits = [
        GaussianProcessRegressor(NetworkKernel("relu", "nngp") + WhiteKernel(0.01)).fit(one, y)
        for one in (x, x.astype(float))
    ]
    assert fits[0].log_marginal_likelihood_value_ == fits[1].log_marginal_likelihood_value_ > 50


def test_the_gradient_in_tiles_is_the_same(monkeypatch):
    kernel = NetworkKernel("erf", "ntk", 3, 1.3, 0.4)
    whole = kernel(X, eval_gradient=True)[1]
    monkeypatch.setattr("symntk.networks.sklearn_gradient._TILE", 10)
    assert kernel(X, eval_gradient=True)[1] == pytest.approx(whole, rel=1e-12, abs=1e-13)


def test_the_estimator_in_a_grid_search_in_a_pipeline_in_a_pickle():
    x = rng.normal(size=(24, 3))
    y = x[:, 0] * x[:, 1]
    grid = {"surrogategradientregressor__surrogate": ["erf", "triangle"], "surrogategradientregressor__depth": [2, 3]}
    search = GridSearchCV(make_pipeline(StandardScaler(), SurrogateGradientRegressor()), grid, cv=2).fit(x, y)
    assert np.array_equal(pickle.loads(pickle.dumps(search)).predict(T), search.predict(T))


def test_standard_deviations_do_not_need_the_whole_covariance(monkeypatch):
    model = SurrogateGradientRegressor().fit(X, Y)
    whole = model.predict(X, return_std=True)[1]
    monkeypatch.setattr("symntk.networks.sklearn_adapter._BLOCK", 3)
    assert model.predict(X, return_std=True)[1] == pytest.approx(whole, abs=1e-10)
    assert model.predict(X[:2], return_std=True)[1].shape == (2,)


def test_parameters_must_be_numbers():
    with pytest.raises(FormulaError, match=r"m is free in erf\(m\*x\)\. Try.*'erf\(5\*x\)'"):
        NetworkKernel("erf(m*x)")(X)
    with pytest.raises(FormulaError, match=r"k is free in sign, erf\(k\*x\)"):
        SurrogateGradientRegressor("sign", "erf(k*x)").fit(X, Y)
    with pytest.raises(FormulaError, match="formulas as text"):
        NetworkKernel(["relu"])(X)
    with pytest.raises(DomainError, match="sparse.*toarray"):
        NetworkKernel("relu")(csr_matrix(X))


def test_the_estimator_says_what_is_wrong():
    with pytest.raises(DivergenceError, match="does not converge"):  # two inputs are equal
        SurrogateGradientRegressor(ridge=0.0).fit(X, Y)
    with pytest.raises(DivergenceError, match="infinite"):
        SurrogateGradientRegressor("sign").fit(X, Y)
    with pytest.raises(DomainError, match="ridge"):
        SurrogateGradientRegressor(ridge=-1.0).fit(X, Y)
    with pytest.raises(DomainError, match="time"):
        SurrogateGradientRegressor(time=-1.0).fit(X, Y)


def test_scikit_learn_is_imported_when_it_is_used():
    code = """
import sys, symntk, symntk.networks
from symntk.errors import FormulaError
assert "sklearn" not in sys.modules and not hasattr(symntk.networks, "Kernel")
assert {"NetworkKernel", "SurrogateGradientRegressor"} <= set(dir(symntk.networks)) and "sklearn" not in sys.modules
sys.modules["sklearn"] = None  # as where it is not installed
try:
    symntk.networks.NetworkKernel
except FormulaError as error:
    assert "symntk[sklearn]" in str(error)
else:
    raise AssertionError
import pydoc
assert "NetworkKernel" not in dir(symntk.networks) and pydoc.render_doc(symntk.networks)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
