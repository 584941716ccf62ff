"""Regression by infinitely wide networks: gradient flow on the squared loss, and the classifier of singular kernels.

Sources: Jacot, Gabriel & Hongler 2018 (arXiv 1806.07572, section 5) for the flow; Lee et al. 2019 (arXiv 1902.06720,
section 2.2) for mean and covariance at time t; Eilers, Memmesheimer & Goedeke 2024 (arXiv 2405.15539) for surrogate
gradients, where the kernel is not symmetric, and for the singular limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from symntk.errors import DivergenceError, DomainError
from symntk.networks.linear_flow import Convergence, LinearFlow

if TYPE_CHECKING:
    from symntk.networks.network import Network

_ASKED = "gradient flow on the squared loss"
_ON_A_SPHERE = 1e-8


@dataclass(frozen=True)
class Prediction:
    """The Gaussian process of trained networks at test points.

    Attributes:
        mean: (n_test,) or (n_test, outputs), as the targets were.
        covariance: (n_test, n_test), the same for every output; outputs are independent.
    """

    mean: Any
    covariance: Any

    @property
    def std(self) -> Any:
        """Standard deviation at each test point, (n_test,)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))


class GradientFlow:
    """Networks trained by gradient flow (or surrogate gradient flow) from random initial weights, at any time.

    With the kernel I (n, n) of the training inputs, f'(x) = −η I(x, X) (f(X) − y) for the loss ½ Σ (f(x_i) − y_i)², so
    f_t(T) = f_0(T) + P_t (y − f_0(X)) with P_t = I(T, X) A⁻¹ (1 − e^{−ηtA}), A = I + ridge (Eilers, Memmesheimer &
    Goedeke 2024; for the symmetric NTK Lee et al. 2019, section 2.2). f_0 is Gaussian with the NNGP Σ, hence the mean
    P_t y and the covariance Σ_TT − Σ_TX P_tᵀ − P_t Σ_XT + P_t Σ_XX P_tᵀ.
    The ridge penalizes ½ ridge · |θ − θ_0|², the distance of the weights from their initial values.

    Args:
        kernel: I(X, X), (n, n); row = first argument, whose derivative is the true one. Need not be symmetric.
        prior: Σ(X, X), (n, n).
        y: targets (n,) or (n, outputs).
        ridge: ≥ 0.
        last_layer_scale: κ > 0, a factor on the last layer's initial weights: I and Σ are multiplied by κ².
        learning_rate: η > 0.
        reduction: "sum" for the loss above; "mean" for its nth part, which makes training n times slower.

    Raises:
        DomainError: shapes that do not fit, what is not finite, settings out of range.

    >>> flow = GradientFlow([[2.0, 1.0], [0.5, 2.0]], np.eye(2), [1.0, -1.0])
    >>> print(flow.convergence)
    converges, and the loss falls at every time: least eigenvalue of the symmetric part 1.25
    >>> at_training_points = flow.posterior(flow.kernel, flow.prior, flow.prior)
    >>> print(at_training_points.mean.round(12), abs(at_training_points.covariance).max() < 1e-15)
    [ 1. -1.] True
    """

    def __init__(
        self,
        kernel: Any,
        prior: Any,
        y: Any,
        *,
        ridge: float = 0.0,
        last_layer_scale: float = 1.0,
        learning_rate: float = 1.0,
        reduction: str = "sum",
    ) -> None:
        self.y = _array("y", y, (1, 2))
        n = len(self.y)
        self.ridge = _number("ridge", ridge, least=0.0)
        self.last_layer_scale = _number("last_layer_scale", last_layer_scale)
        self.learning_rate = _number("learning_rate", learning_rate)
        if reduction not in ("sum", "mean"):
            raise DomainError(_ASKED, f"reduction = {reduction!r}", "'sum' or 'mean'")
        self.rate = self.learning_rate / (max(n, 1) if reduction == "mean" else 1)
        self.kernel = self._scaled("kernel", kernel, (n, n))
        self.prior = self._scaled("prior", prior, (n, n))
        self._system = LinearFlow(self.kernel + self.ridge * np.eye(n))
        self._blocks: Callable[[Any], tuple[Any, Any, Any]] | None = None

    @classmethod
    def of_network(
        cls, net: Network, x: Any, y: Any, *, kernel: str = "sg_ntk", parameters: dict[str, float], **options: Any
    ) -> GradientFlow:
        """The flow of a network's kernel, "ntk" or "sg_ntk", on inputs x (n, features)."""
        if kernel not in ("ntk", "sg_ntk"):
            raise DomainError(_ASKED, f"kernel = {kernel!r}", "'ntk' or 'sg_ntk'")
        inputs = _array("x", x, (2,))
        gram = getattr(net, kernel)
        flow = cls(gram(inputs, **parameters), net.nngp(inputs, **parameters), y, **options)

        def blocks(test: Any) -> tuple[Any, Any, Any]:
            across = gram(test, inputs, **parameters), net.nngp(test, inputs, **parameters)
            return across[0], net.nngp(test, **parameters), across[1]

        flow._blocks = blocks
        return flow

    @cached_property
    def convergence(self) -> Convergence:
        """Of e' = −(I + ridge) e: its least eigenvalues, and whether the flow converges; prints as a sentence."""
        return self._system.convergence

    def predict(self, x: Any, time: float = np.inf) -> Prediction:
        """Mean and covariance at test inputs.

        Args:
            x: (n_test, features).
            time: training time t ≥ 0; inf for the end of training. With n steps of gradient descent t = n.

        Raises:
            DivergenceError: time is inf and the flow does not converge.
            DomainError: the flow was made from matrices, not from a network.
        """
        if self._blocks is None:
            raise DomainError(
                _ASKED, "the flow knows matrices, not a network", "posterior(kernel, prior, prior_across)"
            )
        kernel, prior, across = self._blocks(_array("x", x, (2,)))
        return self.posterior(kernel, prior, across, time)

    def posterior(self, kernel: Any, prior: Any, prior_across: Any, time: float = np.inf) -> Prediction:
        """The same from matrices.

        Args:
            kernel: I(T, X), (n_test, n).
            prior: Σ(T, T), (n_test, n_test).
            prior_across: Σ(T, X), (n_test, n).
            time: training time t ≥ 0, or inf.
        """
        n, many = len(self.y), np.shape(prior)[0] if np.ndim(prior) else 0
        prior = self._unscaled("prior", prior, (many, many)) * self.last_layer_scale**2
        across = self._unscaled("prior_across", prior_across, (many, n)) * self.last_layer_scale**2
        kernel = self._unscaled("kernel", kernel, (many, n)) * self.last_layer_scale**2
        gain = kernel @ self.weights(time)
        mixed = across @ gain.T
        covariance = prior - mixed - mixed.T + gain @ self.prior @ gain.T
        return Prediction(gain @ self.y, 0.5 * (covariance + covariance.T))

    def weights(self, time: float = np.inf) -> Any:
        """A⁻¹ (1 − e^{−ηtA}) as an array (n, n): P_t is I(T, X) times it."""
        time = _number("time", time, least=0.0, finite=False)
        if np.isinf(time) and not self.convergence.converges:
            advice = f"a finite time, distinct inputs, or a ridge above {max(-self.convergence.least_real, 0.0):.3g}"
            raise DivergenceError(_ASKED, f"it {self.convergence}", advice)
        return self._system.weights(self.rate * time)

    def errors(self, time: float) -> Any:
        """Mean of f_t(X) − y, shaped as y: the mean of what the loss is the square of."""
        return self.kernel @ self.weights(time) @ self.y - self.y

    def _scaled(self, name: str, given: Any, shape: tuple[int, int]) -> Any:
        return self._unscaled(name, given, shape) * self.last_layer_scale**2

    @staticmethod
    def _unscaled(name: str, given: Any, shape: tuple[int, int]) -> Any:
        array = _array(name, given, (2,))
        if array.shape != shape:
            raise DomainError(_ASKED, f"{name} has shape {array.shape}", f"shape {shape}, as the targets say")
        return array


def classify(
    net: Network, x_test: Any, x: Any, y: Any, *, kernel: str = "ntk", parameters: dict[str, float] | None = None
) -> Any:
    """Labels in the singular limit: sign(Θ_∞(x, X) y), where Θ_∞ diverges on the diagonal.

    For activations that tend to a discontinuous one the NTK's diagonal grows without bound, so that regression with
    Θ_m tends to 0 off the training set, but the sign of it converges (Eilers, Memmesheimer & Goedeke 2024; theory T3).
    Proven for inputs on a sphere, where the diagonal grows equally for all.

    Args:
        net: the network.
        x_test: (n_test, features).
        x: training inputs (n, features), all of one norm, as the test inputs.
        y: labels −1 and 1, (n,); or one-hot (n, classes).
        kernel: "ntk" or "sg_ntk"; it must diverge on the diagonal.
        parameters: a number for each free parameter.

    Returns:
        (n_test,): −1, 0 or 1; with classes the index of the largest. At a training input its own label.

    Raises:
        DomainError: a kernel that is finite on the diagonal, or inputs not on a sphere.

    >>> import symntk
    >>> net = symntk.Network(symntk.derive("sign"), 3, bias_std=0.1)
    >>> angle = np.array([0.0, 1.0, 2.0, 3.0])
    >>> x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> print(classify(net, x, x[:3], np.array([1.0, -1.0, 1.0])))
    [ 1. -1.  1. -1.]
    """
    asked = f"classification by the singular {kernel}"
    inputs, test, labels = _array("x", x, (2,)), _array("x_test", x_test, (2,)), _array("y", y, (1, 2))
    if len(labels) != len(inputs) or not len(inputs):
        raise DomainError(asked, f"{len(inputs)} inputs and {len(labels)} labels", "one label for each input")
    norms = np.linalg.norm(np.concatenate([inputs, test]), axis=1) if test.shape[1:] == inputs.shape[1:] else np.ones(1)
    if np.ptp(norms) > _ON_A_SPHERE * np.max(norms):
        wrong = f"the inputs have norms between {np.min(norms):.6g} and {np.max(norms):.6g}"
        raise DomainError(asked, wrong, "inputs on a sphere: x / np.linalg.norm(x, axis=1, keepdims=True)")
    if not net.is_singular(kernel):
        raise DomainError(asked, f"the {kernel} of {net} is finite on the diagonal", "net.flow(x, y)")
    gram = getattr(net, kernel)(test, inputs, singular="inf", **(parameters or {}))
    own = np.isinf(gram)
    # one infinite entry outweighs all others
    gram = np.where(np.any(own, axis=1, keepdims=True), own.astype(float), gram)
    votes = gram @ labels
    return np.argmax(votes, axis=1) if labels.ndim == 2 else np.sign(votes)


def _array(name: str, given: Any, dimensions: tuple[int, ...]) -> Any:
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DomainError(_ASKED, f"{name} holds what are not real numbers", "an array of floats") from error
    if array.ndim not in dimensions:
        wanted = " or ".join(str(d) for d in dimensions)
        raise DomainError(_ASKED, f"{name} has shape {array.shape}", f"an array of {wanted} dimensions")
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        advice = "a finite kernel; for one that is infinite on the diagonal, classify" if name == "kernel" else ""
        raise DomainError(_ASKED, f"{name} is {array[where]} at {where}", advice or "finite numbers")
    return array


def _number(name: str, given: Any, *, least: float | None = None, finite: bool = True) -> float:
    try:
        value = float(given)
    except (TypeError, ValueError) as error:
        raise DomainError(_ASKED, f"{name} = {given!r} is not a number", "one number") from error
    fits = value > 0 if least is None else value >= least
    if not fits or (finite and not np.isfinite(value)):
        raise DomainError(
            _ASKED, f"{name} = {given!r}", f"a number {'above 0' if least is None else f'of at least {least:g}'}"
        )
    return value
