"""Networks in time as scikit-learn sees them: a kernel and an estimator over sequences laid out as rows.

scikit-learn's inputs have two axes, (n, steps · features), step by step; the estimator takes (n, steps, features), too.
Offered lazily as `symntk.networks.TimeKernel` and `symntk.networks.TimeRegressor`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from symntk.errors import DomainError, FormulaError
from symntk.kernels.kernels import derive
from symntk.networks.regression import GradientFlow
from symntk.networks.sklearn_adapter import SYMMETRIC, NetworkKernel, SurrogateGradientRegressor
from symntk.networks.time.network import TimeNetwork


class Rows:
    """A network in time whose inputs are rows (n, steps · features)."""

    def __init__(self, net: TimeNetwork, steps: int) -> None:
        self.net, self.steps = net, steps

    def unrolled(self, x: Any) -> Any:
        """Rows as sequences."""
        array = np.asarray(x)
        if self.steps < 1 or array.ndim != 2 or array.shape[1] % self.steps:
            wrong = f"inputs of shape {array.shape} are no rows of {self.steps} steps"
            raise DomainError(f"rows for {self.net}", wrong, "rows (n, steps * features), x.reshape(len(x), -1)")
        return array.reshape(len(array), self.steps, -1)

    def gram(self, name: str, x1: Any, x2: Any = None) -> Any:
        """One kernel of rows."""
        return self.net.kernels(self.unrolled(x1), None if x2 is None else self.unrolled(x2), get=(name,))[0]

    def nngp(self, x1: Any, x2: Any = None) -> Any:
        """The NNGP of rows."""
        return self.gram("nngp", x1, x2)

    def ntk(self, x1: Any, x2: Any = None) -> Any:
        """The NTK of rows."""
        return self.gram("ntk", x1, x2)

    def sg_ntk(self, x1: Any, x2: Any = None) -> Any:
        """The SG-NTK of rows."""
        return self.gram("sg_ntk", x1, x2)

    def flow(self, x: Any, y: Any, *, kernel: str, **options: Any) -> GradientFlow:
        """Gradient flow on rows."""
        return GradientFlow.of_functions(getattr(self, kernel), self.nngp, x, y, **options)


class TimeKernel(NetworkKernel):
    """The NNGP, NTK or surrogate NTK of a network in time, for scikit-learn's Gaussian processes and machines.

    It has no hyperparameters for an optimizer: choose by a grid search.

    Args:
        activation: as in `symntk.derive`.
        surrogate: as in `symntk.derive`.
        steps: of each input; a row has steps · features numbers.
        kernel: "nngp", "ntk" or "surrogate_ntk"; the SG-NTK is not symmetric, see `TimeRegressor`.
        settings: a dictionary of further arguments of `TimeNetwork`: {"layers": 2, "leak": 0.8}.

    >>> from sklearn.svm import SVC
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    >>> kernel = TimeKernel("step", "erf", steps=2, kernel="surrogate_ntk", settings={"threshold": 0.4})
    >>> print(SVC(kernel=kernel).fit(x, [0, 1, 0, 1]).predict([[0.0, 3.0], [3.0, 0.0]]))
    [0 1]
    """

    def __init__(
        self,
        activation: Any = "step",
        surrogate: Any = "erf",
        *,
        steps: int = 1,
        kernel: str = "nngp",
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.activation = activation
        self.surrogate = surrogate
        self.steps = steps
        self.kernel = kernel
        self.settings = settings

    # what the parent optimizes is fixed here
    hyperparameter_weight_std = hyperparameter_bias_std = property(lambda self: None)

    @property
    def hyperparameters(self) -> list[Any]:
        """None."""
        return []

    def __call__(self, X: Any, Y: Any = None, eval_gradient: bool = False) -> Any:
        """The Gram matrix (n, m) of rows, and on request its gradient (n, n, 0), since nothing is to be optimized."""
        if self.kernel not in SYMMETRIC:
            advice = f"{' or '.join(SYMMETRIC)}; TimeRegressor for the sg_ntk"
            raise FormulaError(f"the kernel {self.kernel!r} for scikit-learn", "it is not symmetric", advice)
        gram = rows_of(self.activation, self.surrogate, self.steps, self.settings).gram(self.kernel, X, Y)
        return (gram, np.empty((*gram.shape, 0))) if eval_gradient else gram

    def diag(self, X: Any) -> Any:
        """The diagonal of the Gram matrix of X."""
        return np.array([float(self(row[None])[0, 0]) for row in np.asarray(X)])

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value}" for name, value in (self.settings or {}).items())
        return f"TimeKernel({self.activation}, {self.surrogate}, {self.kernel}, steps={self.steps}{settings})"


class TimeRegressor(SurrogateGradientRegressor):
    """Regression by an infinitely wide network in time that surrogate gradients train: the mean of its SG-NTK process.

    Args:
        activation: as in `symntk.derive`.
        surrogate: as in `symntk.derive`; None for the activation's own derivative.
        steps: of each input, where inputs are rows; those of (n, steps, features) say themselves.
        ridge: ≥ 0, in units of the kernel.
        time: training time, or inf.
        last_layer_scale: κ > 0, a factor on the readout's initial weights.
        settings: a dictionary of further arguments of `TimeNetwork`.

    >>> x = np.random.default_rng(0).normal(size=(4, 5, 2))
    >>> model = TimeRegressor("step", "erf", ridge=0.0, settings={"threshold": 0.4}).fit(x, [1.0, 2.0, 3.0, 4.0])
    >>> print(model.predict(x).round(9))
    [1. 2. 3. 4.]
    """

    surrogate_derivative = None  # the surrogate's formula says it

    def __init__(
        self,
        activation: Any = "step",
        surrogate: Any = "erf",
        *,
        steps: int = 1,
        ridge: float = 1e-3,
        time: float = np.inf,
        last_layer_scale: float = 1.0,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.activation = activation
        self.surrogate = surrogate
        self.steps = steps
        self.ridge = ridge
        self.time = time
        self.last_layer_scale = last_layer_scale
        self.settings = settings

    def fit(self, X: Any, y: Any) -> TimeRegressor:
        """Solve for training inputs X, rows or (n, steps, features), and targets y (n,) or (n, outputs)."""
        self.steps_ = np.shape(X)[1] if np.ndim(X) == 3 else self.steps
        super().fit(_flat(X), y)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The mean at test inputs, and on request the standard deviation over trained networks."""
        if np.ndim(X) == 3 and np.shape(X)[1] != self.steps_:
            wrong = f"inputs of {np.shape(X)[1]} steps"
            raise DomainError(f"a model of {self.steps_} steps", wrong, "inputs as in training")
        return super().predict(_flat(X), return_std)

    def _network(self) -> Any:
        return rows_of(self.activation, self.surrogate, self.steps_, self.settings)


def _flat(x: Any) -> Any:
    return np.reshape(x, (len(x), -1)) if np.ndim(x) == 3 else x


def rows_of(activation: Any, surrogate: Any, steps: int, settings: dict[str, Any] | None) -> Rows:
    """The network that parameters of scikit-learn describe."""
    return Rows(TimeNetwork(_derived(activation, surrogate), **(settings or {})), steps)


@lru_cache(maxsize=64)
def _derived(activation: Any, surrogate: Any) -> Any:
    """Derived once: a grid search asks for them with every setting."""
    return derive(activation, surrogate)
