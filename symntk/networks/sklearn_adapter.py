"""The one file that knows scikit-learn: a kernel for its Gaussian processes and machines, and an estimator.

Both are offered lazily as `symntk.networks.NetworkKernel` and `symntk.networks.SurrogateGradientRegressor`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.linalg
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel
from sklearn.utils.validation import check_is_fitted, validate_data

from symntk.emit.runtime.inputs import _inputs
from symntk.errors import DivergenceError, FormulaError
from symntk.kernels.kernels import Kernels, derive
from symntk.networks.layers import Plan
from symntk.networks.network import Network
from symntk.networks.regression import GradientFlow
from symntk.networks.sklearn_gradient import GramGradient

SYMMETRIC: dict[str, str | None] = {"nngp": None, "ntk": "derivative", "surrogate_ntk": "surrogate"}
"""Name of a symmetric deep kernel -> what both sides propagate backwards."""
_BLOCK = 512  # test inputs whose covariance is held at a time


class NetworkKernel(Kernel):  # type: ignore[misc]  # scikit-learn has no types
    """A deep network's NNGP or NTK, as scikit-learn's Gaussian processes and support vector machines take kernels.

    Hyperparameters are weight_std and bias_std, the same for all layers, optimized in log space; their gradient is
    exact. An activation with a free parameter is given with a number for it: "erf(5*x)".

    Args:
        activation: a registered name, a formula as text, or a SymPy expression in one symbol.
        kernel: "nngp", "ntk", or "surrogate_ntk", where both sides propagate the surrogate derivative back. The SG-NTK
            is not symmetric, hence no kernel for scikit-learn: see `SurrogateGradientRegressor`.
        depth: number of weight layers, at least 1.
        weight_std: σ_w > 0.
        bias_std: σ_b ≥ 0; with 0 the bounds must be "fixed", since the optimizer sees its logarithm.
        weight_std_bounds: lower and upper bound, or "fixed".
        bias_std_bounds: the same.
        surrogate: as in `symntk.derive`; for "surrogate_ntk".
        surrogate_derivative: as in `symntk.derive`; in place of `surrogate`.

    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> kernel = NetworkKernel("relu", "nngp", depth=3)
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> model = GaussianProcessRegressor(kernel, alpha=1e-6, optimizer=None).fit(x, [0.0, 1.0, 2.0])
    >>> print(model.predict(np.array([[1.0]])).round(3))
    [1.]
    """

    def __init__(
        self,
        activation: Any = "relu",
        kernel: str = "ntk",
        depth: int = 3,
        weight_std: float = 1.0,
        bias_std: float = 0.1,
        weight_std_bounds: Any = (1e-3, 1e3),
        bias_std_bounds: Any = (1e-3, 1e3),
        surrogate: Any = None,
        surrogate_derivative: Any = None,
    ) -> None:
        self.activation = activation
        self.kernel = kernel
        self.depth = depth
        self.weight_std = weight_std
        self.bias_std = bias_std
        self.weight_std_bounds = weight_std_bounds
        self.bias_std_bounds = bias_std_bounds
        self.surrogate = surrogate
        self.surrogate_derivative = surrogate_derivative

    @property
    def hyperparameter_weight_std(self) -> Any:
        """σ_w, as scikit-learn asks for it."""
        return Hyperparameter("weight_std", "numeric", self.weight_std_bounds)

    @property
    def hyperparameter_bias_std(self) -> Any:
        """σ_b, as scikit-learn asks for it."""
        return Hyperparameter("bias_std", "numeric", self.bias_std_bounds)

    def __call__(self, X: Any, Y: Any = None, eval_gradient: bool = False) -> Any:
        """The Gram matrix, and on request its gradient.

        Args:
            X: (n, features).
            Y: (m, features), X where None.
            eval_gradient: whether to return the gradient by the logarithms of the hyperparameters, too.

        Returns:
            (n, m); with `eval_gradient` also (n, n, k) for the k hyperparameters that are not fixed, in the order of
            theta.

        Raises:
            FormulaError: a kernel that is not symmetric, or not known.
            DivergenceError: a kernel that is infinite for an input with itself.
        """
        net, X = self._network(), _features(X)
        Y = None if Y is None else _features(Y)
        slope = SYMMETRIC[self.kernel]
        if eval_gradient and Y is not None:
            raise ValueError("Gradient can only be evaluated when Y is None.")
        if slope == "surrogate":
            gram = net.general(X, Y, slopes=("surrogate", "surrogate"))
        else:
            gram = getattr(net, self.kernel)(X, Y)
        if not eval_gradient:
            return gram
        # sorted by name, as theta is
        free = [
            index
            for name, index in (("bias_std", 1), ("weight_std", 0))
            if not getattr(self, f"hyperparameter_{name}").fixed
        ]
        return gram, GramGradient(net, slope)(X)[:, :, free]

    def diag(self, X: Any) -> Any:
        """The diagonal of the Gram matrix of X (n, features), at a cost of O(n).

        Raises:
            DivergenceError: the kernel is infinite there.
        """
        from symntk.networks.recursion import network_diagonal

        net = self._network()
        plan = self._plan(net)
        if plan.divergent is not None:
            wrong, advice = plan.reason()
            raise DivergenceError(plan.asked, f"it is infinite for an input with itself: {wrong}", advice)
        inputs, _ = _inputs(_features(X), None)
        scale = net.weight_std[0] ** 2 / max(inputs.shape[1], 1)
        a = scale * np.einsum("ij,ij->i", inputs, inputs) + net.bias_std[0] ** 2
        return network_diagonal(a, net.weight_std, net.bias_std, plan.compiled({}), plan.kernel)

    def is_stationary(self) -> bool:
        """False: the kernel depends on the norms of its inputs."""
        return False

    def __repr__(self) -> str:
        given = {name: getattr(self, name) for name in ("surrogate", "surrogate_derivative")}
        surrogate = "".join(f", {name}={value}" for name, value in given.items() if value is not None)
        scales = f"weight_std={self.weight_std:.3g}, bias_std={self.bias_std:.3g}"
        return f"NetworkKernel({self.activation}, {self.kernel}, depth={self.depth}, {scales}{surrogate})"

    def _network(self) -> Network:
        if self.kernel == "sg_ntk":
            raise FormulaError(
                "the sg_ntk as a kernel of scikit-learn",
                "it is not symmetric: rows carry the true derivative, columns the surrogate",
                "SurrogateGradientRegressor; or the kernel 'surrogate_ntk', which is symmetric",
            )
        if self.kernel not in SYMMETRIC:
            raise FormulaError(f"the kernel {self.kernel!r}", "it is not known", " or ".join(SYMMETRIC))
        kernels = _derived(self.activation, self.surrogate, self.surrogate_derivative)
        return Network(kernels, self.depth, weight_std=float(self.weight_std), bias_std=float(self.bias_std))

    def _plan(self, net: Network) -> Plan:
        if self.kernel == "surrogate_ntk":
            return net._plan("general", ("surrogate", "surrogate"), net)
        return net._named(self.kernel)


class SurrogateGradientRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Regression by an infinitely wide network that surrogate gradient learning trains: the mean of its SG-NTK process.

    The prediction is I(T, X) A⁻¹ (1 − e^{−tA}) y with the SG-NTK I, which is not symmetric, and A = I(X, X) + ridge
    (Eilers, Memmesheimer & Goedeke 2024). Outputs are independent; the process has mean 0, so centre the targets.

    Args:
        activation: as in `symntk.derive`.
        surrogate: as in `symntk.derive`; None, without a surrogate derivative, for the activation's own derivative,
            which makes the kernel the NTK. Activations that jump, as sign, need a surrogate.
        depth: number of weight layers, at least 1.
        weight_std: σ_w > 0.
        bias_std: σ_b ≥ 0.
        ridge: ≥ 0, penalizes the distance of the weights from their initial values; in units of the kernel.
        time: training time t ≥ 0 in units of the learning rate times steps, for the loss ½ Σ (f − y)²; or inf.
        last_layer_scale: κ > 0, a factor on the last layer's initial weights.
        surrogate_derivative: as in `symntk.derive`; in place of `surrogate`.

    Attributes:
        X_fit_: the training inputs (n, features).
        y_fit_: their targets, (n,) or (n, outputs).
        dual_coef_: what the kernel's rows are multiplied with, (n,) or (n, outputs).
        least_symmetric_: least eigenvalue of the symmetric part of A; where it is positive, the loss falls at every
            time.

    >>> x = np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> model = SurrogateGradientRegressor("sign", "erf", ridge=0.0).fit(x, [1.0, 2.0, 3.0])
    >>> print(model.predict(x).round(9), model.least_symmetric_ > 0)
    [1. 2. 3.] True
    """

    def __init__(
        self,
        activation: Any = "relu",
        surrogate: Any = None,
        *,
        depth: int = 3,
        weight_std: float = 1.0,
        bias_std: float = 0.1,
        ridge: float = 1e-3,
        time: float = np.inf,
        last_layer_scale: float = 1.0,
        surrogate_derivative: Any = None,
    ) -> None:
        self.activation = activation
        self.surrogate = surrogate
        self.depth = depth
        self.weight_std = weight_std
        self.bias_std = bias_std
        self.ridge = ridge
        self.time = time
        self.last_layer_scale = last_layer_scale
        self.surrogate_derivative = surrogate_derivative

    def fit(self, X: Any, y: Any) -> SurrogateGradientRegressor:
        """Solve for the training inputs X (n, features) and targets y (n,) or (n, outputs).

        Raises:
            DivergenceError: time is inf and the flow does not converge; or the kernel is infinite on the diagonal.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        self.X_fit_, self.y_fit_ = X, np.asarray(y, dtype=np.float64)
        gram = getattr(self._network(), self._kernel)(X)
        # the mean needs no prior
        flow = GradientFlow(
            gram, np.zeros_like(gram), self.y_fit_, ridge=self.ridge, last_layer_scale=self.last_layer_scale
        )
        system = flow.kernel + flow.ridge * np.eye(len(gram))
        least = scipy.linalg.eigvalsh(0.5 * (system + system.T), subset_by_index=[0, 0])[0]
        self.least_symmetric_ = float(least)
        if self.time == np.inf and least > 4.0 * len(gram) * np.finfo(float).eps * np.linalg.norm(system):
            # then all eigenvalues have positive real parts, and these need not be computed
            errors = scipy.linalg.solve(system, self.y_fit_)
        else:
            errors = flow.weights(self.time) @ self.y_fit_
        self.dual_coef_ = flow.last_layer_scale**2 * errors
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The mean at test inputs.

        Args:
            X: (n_test, features).
            return_std: also the standard deviation over trained networks, (n_test,), the same for all outputs.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        net = self._network()
        mean = getattr(net, self._kernel)(X, self.X_fit_) @ self.dual_coef_
        if not return_std:
            return mean
        flow = net.flow(
            self.X_fit_,
            self.y_fit_,
            kernel=self._kernel,
            ridge=self.ridge,
            last_layer_scale=self.last_layer_scale,
        )
        # the whole covariance of all test inputs is not needed
        blocks = [flow.predict(X[start : start + _BLOCK], self.time).std for start in range(0, len(X), _BLOCK)]
        return mean, np.concatenate(blocks)

    @property
    def _kernel(self) -> str:
        return "ntk" if self.surrogate is None and self.surrogate_derivative is None else "sg_ntk"

    def _network(self) -> Network:
        kernels = _derived(self.activation, self.surrogate, self.surrogate_derivative)
        return Network(kernels, self.depth, weight_std=self.weight_std, bias_std=self.bias_std)

    def __sklearn_tags__(self) -> Any:
        """Several outputs are supported."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags


def _features(X: Any) -> Any:
    """Inputs as float64, whatever real numbers they are: a Gram matrix in float32 is not positive definite enough.

    What are not real numbers is left as it is, for the kernel to refuse.
    """
    if hasattr(X, "toarray"):
        return X
    array = np.atleast_2d(X)
    return array.astype(np.float64) if array.dtype.kind in "biuf" else array


def _derived(activation: Any, surrogate: Any, surrogate_derivative: Any) -> Kernels:
    """The kernels, without free parameters: scikit-learn's parameters have no room for them."""
    try:
        kernels = _remembered(activation, surrogate, surrogate_derivative)
    except TypeError as error:  # not hashable
        wrong = f"activation = {activation!r}, surrogate = {surrogate!r}, {surrogate_derivative = }"
        raise FormulaError(
            "a kernel for scikit-learn", wrong, "names, formulas as text, or SymPy expressions"
        ) from error
    names = sorted({s.name for _, E in kernels.items() for s in E.parameters})
    if names:
        given = ", ".join(str(one) for one in (activation, surrogate, surrogate_derivative) if one is not None)
        wrong = f"{' and '.join(names)} {'are' if names[1:] else 'is'} free in {given}"
        raise FormulaError("a kernel for scikit-learn", wrong, "a number for each in the formula, as in 'erf(5*x)'")
    return kernels


@lru_cache(maxsize=64)
def _remembered(activation: Any, surrogate: Any, surrogate_derivative: Any) -> Kernels:
    """Derived once: an optimizer asks for them at every step."""
    return derive(activation, surrogate, surrogate_derivative=surrogate_derivative)
