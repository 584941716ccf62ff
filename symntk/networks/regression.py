"""Regression by infinitely wide networks: gradient flow on the squared loss, and the classifier of singular kernels.

Sources: Jacot, Gabriel & Hongler 2018 (arXiv 1806.07572, section 5) for the flow; Lee et al. 2019 (arXiv 1902.06720,
section 2.2) for mean and covariance at time t; Eilers, Memmesheimer & Goedeke 2024 (arXiv 2405.15539) for surrogate
gradients, where the kernel is not symmetric, and for the singular limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from symntk.errors import DivergenceError, DomainError, FormulaError
from symntk.kernels.arguments import real_array
from symntk.networks.linear_flow import Convergence, LinearFlow

if TYPE_CHECKING:
    from symntk.networks.network import Network

_ASKED = "gradient flow on the squared loss"
_LATE = 1e-6  # of rounding errors that a flow which does not converge has added up
_ON_A_SPHERE = 1e-6  # of the norm: inputs normalized in float32 are on a sphere


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
        self._known: tuple[float, Any] | None = None  # the last time and its weights

    @classmethod
    def of_network(
        cls, net: Network, x: Any, y: Any, *, kernel: str = "sg_ntk", parameters: dict[str, float], **options: Any
    ) -> GradientFlow:
        """The flow of a network's kernel, "ntk" or "sg_ntk", on inputs x (n, features)."""
        if kernel not in ("ntk", "sg_ntk"):
            raise DomainError(_ASKED, f"kernel = {kernel!r}", "'ntk' or 'sg_ntk'")
        if kernel not in net.names:
            advice = "kernel='ntk', or a surrogate: derive(activation, 'erf')"
            raise FormulaError(_ASKED, f"{net} has no {kernel}, since no surrogate was given", advice)
        if net.is_singular(kernel):
            wrong = f"the {kernel} is infinite for an input with itself: {net._named(kernel).reason()[0]}"
            raise DivergenceError(_ASKED, wrong, "kernel='sg_ntk' with a surrogate; or classify, the limit of its sign")

        def gram(x1: Any, x2: Any = None, *, name: str = kernel) -> Any:
            given = (_array("x", one, (2,)) for one in (x1, x2) if one is not None)
            return getattr(net, name)(*given, **parameters)

        return cls.of_functions(gram, partial(gram, name="nngp"), _array("x", x, (2,)), y, **options)

    @classmethod
    def of_functions(
        cls, kernel: Callable[..., Any], prior: Callable[..., Any], x: Any, y: Any, **options: Any
    ) -> GradientFlow:
        """The flow on inputs x, whatever these are: kernel(x1, x2=None) and prior(x1, x2=None) are (n1, n2)."""
        targets = _array("y", y, (1, 2))
        if len(targets) != len(x):
            wrong = f"y has {len(targets)} targets, x {len(x)} inputs"
            raise DomainError(_ASKED, wrong, "one target, or row of targets, for each input")
        flow = cls(kernel(x), prior(x), targets, **options)
        flow._blocks = lambda test: (kernel(test, x), prior(test), prior(test, x))
        return flow

    def __repr__(self) -> str:
        outputs = self.y.shape[1] if self.y.ndim == 2 else 1
        settings = f"ridge {self.ridge:g}, last_layer_scale {self.last_layer_scale:g}, rate {self.rate:g}"
        return f"<GradientFlow on {len(self.y)} inputs with {outputs} outputs, {settings}>"

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
            DivergenceError: the flow does not converge, and time is inf or so late that rounding decides.
            DomainError: the flow was made from matrices, not from a network.
        """
        if self._blocks is None:
            raise DomainError(
                _ASKED, "the flow knows matrices, not a network", "posterior(kernel, prior, prior_across)"
            )
        kernel, prior, across = self._blocks(x)
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
        """A⁻¹ (1 − e^{−ηtA}) as an array (n, n), not to be written to: P_t is I(T, X) times it.

        Raises:
            DivergenceError: the flow does not converge, and time is inf or so late that rounding decides.
        """
        time = _number("time", time, least=0.0, finite=False)
        if self._known is None or self._known[0] != time:
            found = self._weights(time)
            found.flags.writeable = False
            self._known = time, found
        return self._known[1]

    def _weights(self, time: float) -> Any:
        rounding = float(4.0 * len(self.y) * np.finfo(float).eps * np.linalg.norm(self._system.matrix))
        late = np.isinf(time) or self.rate * time * rounding > _LATE
        if late and not self.convergence.converges:
            raise self._divergence("" if np.isinf(time) else f"at time {time:g} rounding decides, since ")
        with np.errstate(over="ignore", invalid="ignore"):
            found = self._system.weights(self.rate * time)
        if not np.all(np.isfinite(found)):
            raise self._divergence(f"at time {time:g} errors are beyond float64, since ")
        return found

    def _divergence(self, wrong: str) -> DivergenceError:
        ridge = self.convergence.sufficient_ridge
        advice = f"a smaller time, distinct inputs, or a ridge above {ridge:.3g}"
        return DivergenceError(_ASKED, f"{wrong}it {self.convergence}", advice)

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

    For activations that tend to a discontinuous one, as erf(m x) to sign, the NTK's diagonal grows without bound.
    Regression with Θ_m tends to 0 off the training set, but its sign converges (Eilers, Memmesheimer & Goedeke 2024;
    theory T3). The training inputs must lie on a sphere, where the diagonal grows equally for all: on others each label
    would count less the faster its diagonal grows, which depends on how the activations tend to their limit.
    Test inputs may have any norm. Training inputs that are equal count as one; their labels have to be equal, too.

    Args:
        net: the network.
        x_test: (n_test, features).
        x: training inputs (n, features), all of one norm.
        y: labels −1 and 1, (n,); or one column for each class, as one-hot, (n, classes).
        kernel: "ntk" or "sg_ntk"; it must diverge on the diagonal.
        parameters: a number for each free parameter.

    Returns:
        (n_test,): −1, 0 or 1; with classes the index of the largest. At a training input its own label.

    Raises:
        DomainError: a kernel that is finite on the diagonal, training inputs not on a sphere, two of them equal with
            other labels, or two of them opposite where there is no bias (their labels are tied).

    >>> import symntk
    >>> net = symntk.Network(symntk.derive("sign"), 3, bias_std=0.1)
    >>> angle = np.array([0.0, 1.0, 2.0, 3.0])
    >>> x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> print(classify(net, x, x[:3], np.array([1.0, -1.0, 1.0])))
    [ 1. -1.  1. -1.]
    """
    asked = f"classification by the singular {kernel}"
    inputs, labels = _array("x", x, (2,), asked), _array("y", y, (1, 2), asked)
    test = _array("x_test", x_test, (2,), asked)
    if len(labels) != len(inputs) or not len(inputs):
        raise DomainError(asked, f"{len(inputs)} inputs and {len(labels)} labels", "one label for each input")
    if labels.ndim == 1 and not np.all(np.abs(labels) == 1.0):
        raise DomainError(asked, "y holds other labels than -1 and 1", "np.where(y == first, 1, -1), or y one-hot")
    if labels.ndim == 2 and labels.shape[1] < 2:
        raise DomainError(asked, f"y has shape {labels.shape}", "a vector of -1 and 1, or one column for each class")
    norms = np.linalg.norm(inputs, axis=1)
    if np.ptp(norms) > _ON_A_SPHERE * np.max(norms):
        wrong = f"the training inputs have norms between {np.min(norms):.9g} and {np.max(norms):.9g}"
        raise DomainError(asked, wrong, "inputs on a sphere: x / np.linalg.norm(x, axis=1, keepdims=True)")
    if not net.is_singular(kernel):
        raise DomainError(asked, f"the {kernel} of {net} is finite on the diagonal", "net.flow(x, y)")
    gram = partial(getattr(net, kernel), singular="inf", **(parameters or {}))
    own = _infinite(gram(inputs))
    if np.any(own < 0):
        i, j = (int(index) for index in np.argwhere(own < 0)[0])
        wrong = f"the training inputs {i} and {j} are opposite, and without bias the network ties their labels"
        raise DomainError(asked, wrong, "bias_std > 0, or one of the two")
    _refuse_contradictions(asked, own, labels)
    across = gram(test, inputs)
    certain = _infinite(across)
    # one infinite entry outweighs all others
    across = np.where(np.any(certain, axis=1, keepdims=True), certain, across)
    votes = across @ (labels.T / np.sum(own, axis=1)).T
    return np.argmax(votes, axis=1) if labels.ndim == 2 else np.sign(votes)


def _refuse_contradictions(asked: str, own: Any, labels: Any) -> None:
    """Refuse inputs that the network cannot tell apart and whose labels differ; `own` (n, n) marks the former by 1."""
    rows = labels if labels.ndim == 2 else labels[:, None]
    for i, j in np.argwhere(np.triu(own > 0, 1)):
        if np.any(rows[i] != rows[j]):
            wrong = (
                f"the training inputs {i} and {j} are equal, and their labels {labels[i]} and {labels[j]} contradict"
            )
            raise DomainError(asked, wrong, "one of the two, or one label for both")


def _infinite(gram: Any) -> Any:
    """The signs of infinite entries, 0 elsewhere."""
    return np.where(np.isinf(gram), np.sign(gram), 0.0)


def _array(name: str, given: Any, dimensions: tuple[int, ...], asked: str = _ASKED) -> Any:
    try:
        array = real_array(given, name)
    except ValueError as error:
        raise DomainError(asked, str(error)) from error
    if array.ndim not in dimensions:
        wanted = " or ".join(str(d) for d in dimensions)
        advice = f"an array of {wanted} dimensions"
        if name in ("x", "x_test") and array.ndim == 1:
            advice += f", (n, features), for one input {name}[None, :]"
        raise DomainError(asked, f"{name} has shape {array.shape}", advice)
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        advice = "a finite kernel; for one that is infinite on the diagonal, classify" if name == "kernel" else ""
        raise DomainError(asked, f"{name} is {array[where]} at {where}", advice or "finite numbers")
    return array


def _number(name: str, given: Any, *, least: float | None = None, finite: bool = True) -> float:
    try:
        value = float(real_array(given))
    except (TypeError, ValueError) as error:
        raise DomainError(_ASKED, f"{name} = {given!r} is not a number", "one number") from error
    fits = value > 0 if least is None else value >= least
    if not fits or (finite and not np.isfinite(value)):
        raise DomainError(
            _ASKED, f"{name} = {given!r}", f"a number {'above 0' if least is None else f'of at least {least:g}'}"
        )
    return value
