"""Network: the kernels of a fully connected network of some depth, as the user holds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from symntk.errors import DivergenceError, DomainError, FormulaError, SymntkError
from symntk.kernels.kernels import Kernels
from symntk.networks.given import exact_scales, kernels_per_layer, scales, shown
from symntk.networks.layers import SLOPES, Layer, Plan, compiled, numbers_for, pair

if TYPE_CHECKING:  # a formula needs neither SciPy nor the recursion: they are imported where they are used
    from symntk.networks.regression import GradientFlow

KERNELS: dict[str, tuple[str, str] | None] = {
    "nngp": None,
    "ntk": ("derivative", "derivative"),
    "sg_ntk": ("derivative", "surrogate"),
}
"""Name of a deep kernel -> what its two sides propagate backwards; None for the Gaussian process."""

_DEEPEST = 100_000


class Network:
    """A fully connected network of infinite width in the NTK parametrization, all weights and biases trained.

    h¹ = σ_w/√n_0 · W¹x + σ_b b¹, h^{l+1} = σ_w/√n_l · W^{l+1} σ(h^l) + σ_b b^{l+1}, output h^L, standard normal W, b;
    `depth` L counts weight layers. What many layers do is in `symntk.networks.mean_field`. The kernels obey (Jacot,
    Gabriel & Hongler 2018, arXiv 1806.07572; Eilers, Memmesheimer & Goedeke 2024, arXiv 2405.15539)

        Σ¹ = σ_w²/n_0 ⟨x, x'⟩ + σ_b²,   Σ^{l+1} = σ_w² E[σ(u) σ(v)] + σ_b²,   (u, v) ~ N(0, Σ^l)
        Θ¹ = Σ¹,   Θ^{l+1} = Σ^{l+1} + Θ^l · σ_w² E[σ'(u) σ'(v)]     (σ̃'(v) in place of σ'(v) for the SG-NTK)

    Two inputs that are nearly the same are followed from layer to layer by how far they are apart, `gap`.

    Args:
        kernels: the `Kernels` of all hidden layers, or a list with those of each of the depth − 1 hidden layers.
        depth: number of weight layers, at least 1.
        weight_std: σ_w > 0, one number or one for each weight layer; sp.sqrt(2) stays exact in formulas.
        bias_std: σ_b ≥ 0, the same.

    >>> import symntk
    >>> net = Network(symntk.derive("sign", "erf"), 3, weight_std=1.0, bias_std=0.1)
    >>> x = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> print(net.sg_ntk(x).round(6))
    [[2.490796 0.040339]
     [0.040339 2.490796]]
    >>> net.ntk(x)
    Traceback (most recent call last):
    ...
    symntk.errors.DivergenceError: the ntk of depth 3 of sign: it is infinite at row 0, column 0, an \
input with itself: at full correlation the map of hidden layer 1 diverges like 2/(pi*sqrt(a*b - c**2)); the kernel \
grows like |x - x'|**(-(3/2)) there. Try: singular='inf' for the kernel off the diagonal, or the surrogate-gradient \
kernel
    """

    def __init__(
        self,
        kernels: Kernels | Sequence[Kernels],
        depth: int,
        *,
        weight_std: float | Sequence[float] = 1.0,
        bias_std: float | Sequence[float] = 0.0,
    ) -> None:
        if not isinstance(depth, int | np.integer) or isinstance(depth, bool) or depth < 1:
            raise DomainError(f"a network of depth {depth!r}", "depth counts weight layers", "an integer of at least 1")
        if depth > _DEEPEST:
            wrong = f"more than {_DEEPEST} weight layers are not computed"
            raise DomainError(
                f"a network of depth {depth}", wrong, "symntk.networks.mean_field, for what many layers do"
            )
        self.depth = int(depth)
        self.layers = kernels_per_layer(kernels, self.depth)
        self.weight_std = scales("weight_std", weight_std, self.depth)
        self.bias_std = scales("bias_std", bias_std, self.depth)
        self._exact_scales = exact_scales(weight_std, self.depth), exact_scales(bias_std, self.depth)

    def nngp(self, x1: Any, x2: Any = None, **parameters: float) -> Any:
        """Gram matrix Σ^L of the network's Gaussian process.

        Args:
            x1: inputs (n1, features), float64 or float32.
            x2: inputs (n2, features), x1 where None.
            parameters: a number for each free parameter of the activations, by name; those of the surrogates may be
                given, too.

        Returns:
            (n1, n2), row = first argument; float32 where all inputs are float32.

        Raises:
            DomainError: inputs of other shapes, or not finite.
        """
        return self._gram("nngp", x1, x2, "raise", parameters)

    def gap(self, x1: Any, x2: Any = None, **parameters: float) -> Any:
        """½E[(f(x) − f(x'))²] = (Σ_ii + Σ_jj)/2 − Σ_ij of the network's Gaussian process; arguments as in `nngp`.

        It follows inputs that are nearly the same from layer to layer, with all digits where `nngp` tells none.

        >>> import symntk
        >>> x = np.array([[1.0, 0.0], [1.0, 1e-9]])
        >>> print((Network(symntk.derive("erf"), 1).gap(x) / 2.5e-19).round(12)[0])
        [0. 1.]
        """
        return self._run([self._named("nngp")], x1, x2, "inf", parameters, self._parameters, gaps=True)[0]

    def ntk(self, x1: Any, x2: Any = None, *, singular: str = "raise", **parameters: float) -> Any:
        """Gram matrix Θ^L of the neural tangent kernel; arguments as in `nngp`.

        Args:
            x1: inputs (n1, features).
            x2: inputs (n2, features), x1 where None.
            singular: "raise", or "inf" for infinite entries where inputs are fully correlated and the kernel diverges
                (-inf for opposite inputs without bias).
            parameters: a number for each free parameter.

        Raises:
            DivergenceError: an entry is infinite; the message has the reason and the rate.
        """
        return self._gram("ntk", x1, x2, singular, parameters)

    def sg_ntk(self, x1: Any, x2: Any = None, *, singular: str = "raise", **parameters: float) -> Any:
        """Gram matrix I^L of the surrogate-gradient NTK; arguments as in `ntk`.

        The true derivative is that of the row (test point), the surrogate that of the column (training point): the
        matrix is not symmetric in general.
        """
        return self._gram("sg_ntk", x1, x2, singular, parameters)

    def kernels(
        self,
        x1: Any,
        x2: Any = None,
        *,
        get: Sequence[str] = ("nngp", "ntk"),
        singular: str = "raise",
        **parameters: float,
    ) -> tuple[Any, ...]:
        """Gram matrices of several kernels in one pass, in the order of `get`; what they share is computed once.

        Args:
            x1: inputs (n1, features).
            x2: inputs (n2, features), x1 where None.
            get: some of "nngp", "ntk" and "sg_ntk".
            singular: as in `ntk`.
            parameters: a number for each free parameter.

        >>> import symntk
        >>> net, x = Network(symntk.derive("relu"), 3), np.array([[1.0, 0.0], [1.0, 2.0]])
        >>> sigma, theta = net.kernels(x, get=("nngp", "ntk"))
        >>> bool(np.allclose(sigma, net.nngp(x)) and np.allclose(theta, net.ntk(x)))
        True
        """
        names = [get] if isinstance(get, str) else list(get)
        if not names:
            raise FormulaError(f"kernels of {self}", "get names none", f"some of {', '.join(KERNELS)}")
        return self._run([self._named(name) for name in names], x1, x2, singular, parameters, self._parameters)

    def general(
        self,
        x1: Any,
        x2: Any = None,
        *,
        other: Network | None = None,
        slopes: tuple[str, str] = ("derivative", "surrogate"),
        singular: str = "raise",
        **parameters: float,
    ) -> Any:
        """I(σ1, s1; σ2, s2): each side has its own activation and its own (quasi-)derivative.

        Rows are inputs to this network, columns inputs to `other`, which has the same weights but may have other
        activations: Σ^{l+1} = σ_w² E[σ1(u) σ2(v)] + σ_b², I^{l+1} = Σ^{l+1} + I^l · σ_w² E[s1(u) s2(v)] (Eilers,
        Memmesheimer & Goedeke 2024, definition of the generalized NTK).

        Args:
            x1: inputs (n1, features).
            x2: inputs (n2, features), x1 where None.
            other: the second network, of the same depth and scales; this one where None.
            slopes: for each side "derivative" (σ') or "surrogate" (the surrogate derivative).
            singular: as in `ntk`.
            parameters: a number for each free parameter.

        >>> import symntk
        >>> net = Network(symntk.derive("sign", "erf"), 2)
        >>> x = np.array([[1.0, 0.0], [1.0, 2.0]])
        >>> bool(np.all(net.general(x, slopes=("derivative", "surrogate")) == net.sg_ntk(x)))
        True
        """
        plan = self._plan("general", tuple(slopes), other or self)
        others = self._parameters | (other or self)._parameters
        return self._run([plan], x1, x2, singular, parameters, others)[0]

    def symbolic(
        self,
        kernel: str = "ntk",
        *,
        inputs: bool = False,
        scales: bool = False,
        diagonal: bool = False,
        other: Network | None = None,
        slopes: tuple[str, str] = ("derivative", "surrogate"),
        most: float = 100_000,
    ) -> sp.Expr:
        """The composed formula of "nngp", "ntk", "sg_ntk" or "general" for this depth.

        Args:
            kernel: which kernel; "general" is I(σ1, s1; σ2, s2) with `other` and `slopes` as in `general`.
            inputs: in terms of the inputs, xx = |x|², yy = |x'|², xy = ⟨x, x'⟩ and n_0, in place of the entries
                a, b, c of the first layer's covariance Σ¹.
            scales: with symbols sigma_w, sigma_b in place of this network's numbers (one each where all layers have the
                same, else one for each weight layer).
            diagonal: the kernel of an input with itself, in terms of a (or xx).
            other: the second network of "general".
            slopes: those of "general".
            most: the largest number of symbols, written out: 10⁵ print in some ten seconds.

        Raises:
            FormulaError: a layer map has no closed form; it is named. Or the formula is longer than `most`, or the
                depth beyond what SymPy can nest.
            DivergenceError: `diagonal`, and the kernel is infinite there.

        >>> import symntk
        >>> net = Network(symntk.derive("sign", "erf"), 2)
        >>> print(net.symbolic("sg_ntk"))
        2*sqrt(2)*c/(pi*sqrt(2*a*b + a - 2*c**2)) + 2*asin(c/(sqrt(a)*sqrt(b)))/pi
        >>> print(net.symbolic("sg_ntk", diagonal=True))
        2*sqrt(2)*sqrt(a)/pi + 1
        """
        from symntk.networks.composed import composed_formula

        plan = self._named(kernel, other, slopes)
        return composed_formula(plan, inputs=inputs, scales=scales, diagonal=diagonal, most=most)

    def latex(
        self,
        kernel: str = "ntk",
        *,
        layers: bool = False,
        inputs: bool = False,
        scales: bool = False,
        diagonal: bool = False,
        other: Network | None = None,
        slopes: tuple[str, str] = ("derivative", "surrogate"),
    ) -> str:
        """The composed formula as LaTeX, or with `layers` the recursion, one line for each quantity of each layer.

        The other arguments and the errors are those of `symbolic`; a formula that is too long is one, too.
        """
        from symntk.networks.composed import composed_formula, composed_latex, layers_latex

        plan = self._named(kernel, other, slopes)
        if layers:
            return layers_latex(plan, scales=scales)
        return composed_latex(composed_formula(plan, inputs=inputs, scales=scales, diagonal=diagonal), plan.asked)

    def source(self, target: str = "numpy", **parameters: float) -> str:
        """A module with nngp, ntk and sg_ntk of this depth and these scales, which needs the target's library only."""
        from symntk.networks.export import network_source, target_source

        plans = {name: self._named(name) for name in self.names}
        expectations = [E for plan in plans.values() for E in plan.expectations]
        numbers = numbers_for(str(self), expectations, parameters, self._parameters)
        if target == "numpy":
            return network_source(plans, numbers, str(self), self.layers)
        return target_source(self.layers, next(iter(plans.values())), numbers, str(self), target)

    def export(self, path: str | Path, target: str = "numpy", **parameters: float) -> Path:
        """Write `source` to a file: nngp(x1, x2=None), …, and for NumPy nngp_map(…) of entries of Σ¹.

        Args:
            path: the file, replaced when the text is complete.
            target: "numpy", or another target for layers that are all the same.
            parameters: a number for each free parameter of the activations, by name.
        """
        text, file = self.source(target, **parameters), Path(path)
        file.write_text(text, encoding="utf-8")
        return file

    def flow(
        self, x: Any, y: Any, *, kernel: str = "sg_ntk", parameters: dict[str, float] | None = None, **options: Any
    ) -> GradientFlow:
        """Gradient flow on the squared loss from a random initialization; see `GradientFlow` for the options.

        >>> import symntk
        >>> net = Network(symntk.derive("sign", "erf"), 3, bias_std=0.1)
        >>> flow = net.flow(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0]))
        >>> print(flow.predict(np.array([[0.6, 0.8]])).mean.round(6))
        [-0.142548]
        """
        from symntk.networks.regression import GradientFlow

        return GradientFlow.of_network(self, x, y, kernel=kernel, parameters=parameters or {}, **options)

    def classify(self, x_test: Any, x: Any, y: Any, *, kernel: str = "ntk", **parameters: float) -> Any:
        """Labels by the singular limit of kernel regression; see `symntk.networks.regression.classify`."""
        from symntk.networks.regression import classify

        return classify(self, x_test, x, y, kernel=kernel, parameters=parameters)

    def is_singular(self, kernel: str) -> bool:
        """Whether "nngp", "ntk" or "sg_ntk" is infinite for an input with itself."""
        return self._named(kernel).divergent is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The kernels that exist: sg_ntk where every layer has a surrogate derivative."""
        return tuple(KERNELS) if all("sg_ntk" in one.names for one in self.layers) else ("nngp", "ntk")

    def _named(self, kernel: str, other: Network | None = None, slopes: tuple[str, ...] = ()) -> Plan:
        if kernel == "general":
            return self._plan(kernel, tuple(slopes), other or self)
        if kernel not in KERNELS or other is not None:
            wrong = "it has one network" if kernel in KERNELS else "it is not known"
            raise FormulaError(f"the kernel {kernel!r} of {self}", wrong, f"{' or '.join(KERNELS)}; general for two")
        return self._plan(kernel, KERNELS[kernel], self)

    def _plan(self, name: str, slopes: tuple[str, ...] | None, other: Network) -> Plan:
        asked = f"the {name} of {self.title}"
        if slopes is not None and (len(slopes) != 2 or not set(slopes) <= set(SLOPES)):
            raise FormulaError(asked, f"slopes = {slopes!r}", "two of 'derivative' and 'surrogate'")
        if (other.depth, other.weight_std, other.bias_std) != (self.depth, self.weight_std, self.bias_std):
            wrong = f"the networks share their weights, but the other is {other!r}"
            raise DomainError(asked, wrong, "networks of one depth, weight_std and bias_std")
        layers = []
        for one, two in zip(self.layers, other.layers, strict=True):
            cross = pair(one, two, ("activation", "activation"))
            slope = None if slopes is None else pair(one, two, (slopes[0], slopes[1]))
            equal = one is two or one.activation == two.activation
            layers.append(Layer(one.nngp, two.nngp, cross, slope, one.ntk, equal))
        return Plan(asked, tuple(layers), self.weight_std, self.bias_std, *self._exact_scales)

    def _gram(self, kernel: str, x1: Any, x2: Any, singular: str, parameters: dict[str, float]) -> Any:
        return self._run([self._named(kernel)], x1, x2, singular, parameters, self._parameters)[0]

    @property
    def _parameters(self) -> set[str]:
        """Names of the parameters of all activations and surrogates: each kernel accepts them all."""
        functions = [f for one in self.layers for f in (one.activation, one.surrogate_derivative) if f is not None]
        return {s.name for f in functions for s in f.parameters}

    @staticmethod
    def _run(
        plans: Sequence[Plan],
        x1: Any,
        x2: Any,
        singular: str,
        parameters: dict[str, float],
        others: set[str],
        gaps: bool = False,
    ) -> tuple[Any, ...]:
        """The matrices of plans that differ in their slopes only."""
        from symntk.emit.runtime.inputs import _inputs
        from symntk.networks.recursion import network_gram, refuse_infinite

        asked = plans[0].asked
        if singular not in ("raise", "inf"):
            raise DomainError(asked, f"singular = {singular!r}", "'raise' or 'inf'")
        numbers = numbers_for(asked, [E for plan in plans for E in plan.expectations], parameters, others)
        try:
            for plan in plans:
                if singular == "raise" and x2 is None and plan.divergent is not None and len(_inputs(x1, None)[0]):
                    # the diagonal is in it: said before the matrix is computed
                    wrong, advice = plan.reason()
                    where = "it is infinite at row 0, column 0, an input with itself"
                    raise DivergenceError(plan.asked, f"{where}: {wrong}", advice)
            slopes = [plan for plan in plans if plan.kernel]
            wanted = [-1] if gaps else [1 + slopes.index(plan) if plan.kernel else 0 for plan in plans]
            grams = network_gram(x1, x2, plans[0].weight_std, plans[0].bias_std, compiled(plans, numbers), wanted)
        except SymntkError:
            raise
        except ValueError as error:
            raise DomainError(asked, str(error)) from error
        except MemoryError as error:
            raise DomainError(asked, f"no memory: {error}", "blocks of rows, net.nngp(x[:1000], x)") from error
        for plan, gram in zip(plans, grams, strict=True) if singular == "raise" else ():
            wrong, advice = plan.reason()
            try:
                refuse_infinite(gram, x2 is None, wrong)
            except ValueError as error:
                raise DivergenceError(plan.asked, str(error), advice) from error
        return tuple(grams)

    @property
    def title(self) -> str:
        """Depth and activations in words."""
        names = list(dict.fromkeys(one.activation.name for one in self.layers)) or ["no activation"]
        return f"depth {self.depth} of {', '.join(names)}"

    def __str__(self) -> str:
        return f"the network of {self.title}"

    def __repr__(self) -> str:
        listed = [shown(values) for values in (self.weight_std, self.bias_std)]
        return f"<Network of {self.title}, weight_std {listed[0]}, bias_std {listed[1]}: {', '.join(self.names)}>"
