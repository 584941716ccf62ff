"""TimeNetwork: the kernels of layers of leaky units in discrete time, as the user holds them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from symntk.errors import DomainError, FormulaError, SymntkError
from symntk.kernels.kernels import Kernels
from symntk.language.tables.registry import exact
from symntk.networks.layers import SLOPES, Layer, Plan, compiled, layer_maps, numbers_for, pair
from symntk.networks.network import KERNELS
from symntk.networks.time import settings
from symntk.networks.time.sequences import Sequences, read_both

if TYPE_CHECKING:  # a formula needs neither SciPy nor the recursion: they are imported where they are used
    from symntk.networks.regression import GradientFlow
    from symntk.networks.time.recursion import Scales, Side
    from symntk.networks.time.sampling import Estimate


class TimeNetwork:
    """Layers of leaky units in discrete time, of infinite width, their weights shared by all steps and all trained.

    For steps t = 1, 2, … and with standard normal weights W, U, V and biases b, in the NTK parametrization,

        I_t = σ_w/√n W s_{t−1} + σ_u/√m U z_t + σ_b b,   h_t = β h_{t−1} + I_t,   s_t = σ(h_t − θ),   s_0 = h_0 = 0,
        f = Σ_t κ_t σ_v/√n V·s_t,

    where z_t are the m features of the input, and in further layers the s_t of the layer below. With a jump in σ it is
    a spiking network, with β = 0 a plain recurrent one. With a reset h_t = β h_{t−1} + I_t − ρ s_{t−1} ("subtract") or
    h_t = (1 − s_{t−1}) β h_{t−1} + I_t ("zero"). The SG-NTK has the true derivative of the row (test point) and the
    surrogate of the column (training point), as that of `Network`. Without a reset the recursion is exact
    (`symntk.networks.time.recursion`); with one, units' paths are sampled (`symntk.networks.time.paths`).

    Args:
        kernels: the `Kernels` of all layers, or a list with those of each.
        layers: number of layers; 1, or as many as `kernels` has.
        leak: β from 0 to 1, the factor of a potential from step to step; one number or one for each layer.
        threshold: θ, by which activation and surrogate derivative are shifted; 0 where it is in the formulas.
        reset: "none", "subtract" or "zero".
        reset_size: ρ; where not given, the place where the activation jumps, or the threshold.
        detach_reset: whether back-propagation leaves the reset out.
        weight_std: σ_v of what leaves each layer, to the next one and from the last to the output; one or for each.
        recurrent_std: σ_w ≥ 0 of each layer, 0 for no recurrent weights.
        input_std: σ_u of the first layer's weights.
        bias_std: σ_b ≥ 0 of each layer; the output has none.
        readout: "last", "mean", "each" for an output at every step, or κ_t for each step.
        paths, repeats, seed: with a reset, how many paths of units are sampled in each of how many independent repeats.

    >>> import symntk
    >>> net = TimeNetwork(symntk.derive("step", "erf"), leak=0.5, threshold=0.4, bias_std=0.3)
    >>> x = np.random.default_rng(0).normal(size=(2, 5, 3))
    >>> print(net.sg_ntk(x).round(6))
    [[1.617767 0.457248]
     [0.479833 1.444141]]
    """

    def __init__(
        self,
        kernels: Kernels | Sequence[Kernels],
        layers: int | None = None,
        *,
        leak: float | Sequence[float] = 0.9,
        threshold: Any = 0,
        reset: str = "none",
        reset_size: float | None = None,
        detach_reset: bool = False,
        weight_std: float | Sequence[float] = 1.0,
        recurrent_std: float | Sequence[float] = 1.0,
        input_std: float = 1.0,
        bias_std: float | Sequence[float] = 0.0,
        readout: str | Sequence[float] = "last",
        paths: int = 4096,
        repeats: int = 8,
        seed: int = 0,
    ) -> None:
        asked = "a network in time"
        given = settings.units(kernels, layers, asked)
        count = len(given)
        self.layers = tuple(settings.shifted(one, threshold) for one in given)
        self.threshold = settings.numbers("threshold", threshold, 1, asked, least=-np.inf)[0]
        self.leak = settings.numbers("leak", leak, count, asked, most=1.0)
        self.weight_std = settings.numbers("weight_std", weight_std, count, asked)
        self.recurrent_std = settings.numbers("recurrent_std", recurrent_std, count, asked)
        self.input_std = settings.numbers("input_std", input_std, 1, asked)[0]
        self.bias_std = settings.numbers("bias_std", bias_std, count, asked)
        self.readout = settings.readout_of(readout, asked)
        self.reset = reset
        self.reset_size = settings.reset_size(self.layers, reset, reset_size, self.threshold, asked)
        self.detach_reset = bool(detach_reset)
        self.paths, self.repeats = (settings.whole(*one, asked) for one in (("paths", paths), ("repeats", repeats)))
        self.seed = seed

    def nngp(self, x1: Any, x2: Any = None, **parameters: float) -> Any:
        """Gram matrix of the outputs' Gaussian process at initialization.

        Args:
            x1: inputs (n1, time, features); a masked array where steps are missing (a sequence goes on with the next
                step that is there); or a list of arrays (time, features) of any lengths.
            x2: inputs of the same width, x1 where None.
            parameters: a number for each free parameter of the activations, by name.

        Returns:
            (n1, n2), row = first argument; with readout "each" (n1, time, n2, time').

        Raises:
            DomainError: inputs of other shapes, or not finite; scales by which a variance explodes.
        """
        return self._named(x1, x2, name="nngp", parameters=parameters)

    def ntk(self, x1: Any, x2: Any = None, *, singular: str = "raise", **parameters: float) -> Any:
        """Gram matrix of the neural tangent kernel; arguments as in `nngp`.

        Args:
            x1: inputs.
            x2: inputs, x1 where None.
            singular: "raise", or "inf" for infinite entries where the kernel diverges.
            parameters: a number for each free parameter.

        Raises:
            DivergenceError: an entry is infinite; the message has the reason.
        """
        return self.kernels(x1, x2, get=("ntk",), singular=singular, **parameters)[0]

    def sg_ntk(self, x1: Any, x2: Any = None, *, singular: str = "raise", **parameters: float) -> Any:
        """Gram matrix of the surrogate-gradient NTK, not symmetric; arguments as in `ntk`."""
        return self.kernels(x1, x2, get=("sg_ntk",), singular=singular, **parameters)[0]

    def kernels(
        self,
        x1: Any,
        x2: Any = None,
        *,
        get: str | Sequence[str] = ("nngp", "ntk"),
        singular: str = "raise",
        **parameters: float,
    ) -> tuple[Any, ...]:
        """Several of "nngp", "ntk", "sg_ntk" and "surrogate_ntk" in one pass; other arguments as in `ntk`.

        surrogate_ntk has the surrogate derivative on both sides, so that it is symmetric and positive semidefinite.
        """
        names, slopes = self._known(get)
        return self._run(names, slopes, self, x1, x2, singular, parameters)

    def _known(self, get: str | Sequence[str]) -> tuple[list[str], list[tuple[str, str] | None]]:
        """Names of kernels as a list, and what both sides of each propagate."""
        names = [get] if isinstance(get, str) else list(get)
        known = {**KERNELS, "surrogate_ntk": ("surrogate", "surrogate")}
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            wrong = f"{', '.join(map(repr, unknown))} is not known" if unknown else "get names none"
            raise FormulaError(f"kernels of {self}", wrong, f"some of {', '.join(known)}; general for two networks")
        return names, [known[name] for name in names]

    def general(
        self,
        x1: Any,
        x2: Any = None,
        *,
        other: TimeNetwork | None = None,
        slopes: tuple[str, str] = ("derivative", "surrogate"),
        singular: str = "raise",
        **parameters: float,
    ) -> Any:
        """The kernel between two networks with the same weights, each with its own activation, derivative and leak.

        Args:
            x1: inputs to this network.
            x2: inputs to `other`, x1 where None.
            other: the second network, with the same layers, scales and readout; this one where None.
            slopes: for each side "derivative" (σ') or "surrogate".
            singular: as in `ntk`.
            parameters: a number for each free parameter.
        """
        if len(slopes) != 2 or not set(slopes) <= set(SLOPES):
            raise FormulaError(f"the general kernel of {self}", f"slopes = {slopes!r}", f"two of {SLOPES}")
        return self._run(["general"], [tuple(slopes)], other or self, x1, x2, singular, parameters)[0]

    def flow(
        self,
        x: Any,
        y: Any,
        *,
        kernel: str = "sg_ntk",
        parameters: dict[str, float] | None = None,
        **options: Any,
    ) -> GradientFlow:
        """Gradient flow on the squared loss from a random initialization; see `GradientFlow` for the options.

        Args:
            x: training inputs, as in `nngp`.
            y: targets (n,) or (n, outputs).
            kernel: "sg_ntk", "ntk" or "surrogate_ntk".
            parameters: a number for each free parameter of the activations.
            options: those of `GradientFlow`.
        """
        from symntk.networks.regression import GradientFlow

        asked = f"gradient flow of {self}"
        if self.readout == "each":
            raise DomainError(asked, "it has an output at each step", "readout='last', 'mean' or weights")
        if kernel not in self.names or kernel == "nngp":
            raise FormulaError(asked, f"kernel = {kernel!r}", f"one of {', '.join(self.names[1:])}")
        gram, prior = (partial(self._named, name=name, parameters=parameters or {}) for name in (kernel, "nngp"))
        return GradientFlow.of_functions(gram, prior, x, y, **options)

    def _named(self, x1: Any, x2: Any = None, *, name: str, parameters: dict[str, float]) -> Any:
        return self.kernels(x1, x2, get=(name,), singular="raise", **parameters)[0]

    def latex(self, kernel: str = "sg_ntk") -> str:
        """The recursion of one kernel as LaTeX, with the closed forms of its maps.

        Raises:
            FormulaError: a map has no closed form, or there is a reset, with which there is none for any.
        """
        from symntk.networks.time.formulas import recursion_latex

        names, slopes = self._known(kernel)
        if self.reset != "none":
            raise FormulaError(f"the {names[0]} of {self.title}", "with a reset it is sampled", "reset='none'")
        plan = self._plan(names[0], slopes[0], self)
        return recursion_latex(plan, self.scales(), self.weight_std[-1] ** 2, self.readout)

    @property
    def names(self) -> tuple[str, ...]:
        """The kernels that exist: those of a surrogate where every layer has one."""
        have = all("sg_ntk" in one.names for one in self.layers)
        return ("nngp", "ntk", "sg_ntk", "surrogate_ntk") if have else ("nngp", "ntk")

    def changed(self, **scales: float | Sequence[float]) -> TimeNetwork:
        """The same network with another leak, weight_std, recurrent_std, input_std or bias_std."""
        out, asked = copy(self), f"{self} with other scales"
        for name, value in scales.items():
            if name not in ("leak", "weight_std", "recurrent_std", "input_std", "bias_std"):
                raise DomainError(
                    asked, f"{name} is no scale", "leak, weight_std, recurrent_std, input_std or bias_std"
                )
            count, most = 1 if name == "input_std" else len(self.layers), 1.0 if name == "leak" else np.inf
            found = settings.numbers(name, value, count, asked, most=most)
            setattr(out, name, found[0] if name == "input_std" else found)
        return out

    def scales(self, other: TimeNetwork | None = None) -> list[Scales]:
        """The squares of each layer's scales, with the leaks of this network and of the other."""
        from symntk.networks.time.recursion import Scales

        widths = (self.input_std, *self.weight_std[:-1])
        leaks = zip(self.leak, (other or self).leak, strict=True)
        rows = zip(widths, self.recurrent_std, self.bias_std, leaks, strict=True)
        return [Scales(u * u, w * w, b * b, both) for u, w, b, both in rows]

    def _plan(self, name: str, slopes: tuple[str, ...] | None, other: TimeNetwork) -> Plan:
        layers = []
        for one, two in zip(self.layers, other.layers, strict=True):
            cross = pair(one, two, ("activation", "activation"))
            slope = None if slopes is None else pair(one, two, (slopes[0], slopes[1]))
            equal = one is two or one.activation == two.activation
            layers.append(Layer(one.nngp, two.nngp, cross, slope, one.ntk, equal))
        return Plan(f"the {name} of {self.title}", tuple(layers), (), self.bias_std, (), ())

    def _run(
        self,
        names: Sequence[str],
        slopes: Sequence[tuple[str, ...] | None],
        other: TimeNetwork,
        x1: Any,
        x2: Any,
        singular: str,
        parameters: dict[str, float],
    ) -> tuple[Any, ...]:
        """The kernels with these slopes between this network and the other."""
        asked = f"the {names[0]} of {self.title}"
        if singular not in ("raise", "inf"):
            raise DomainError(asked, f"singular = {singular!r}", "'raise' or 'inf'")
        self._refuse_other(other, asked)
        first, second = read_both(x1, x2, asked)
        plans = [self._plan(name, slope, other) for name, slope in zip(names, slopes, strict=True)]
        expectations = [E for plan in plans for E in plan.expectations]
        free = settings.free_names(self.layers) | settings.free_names(other.layers)
        values = numbers_for(asked, expectations, parameters, free)
        same = other is self and second is None
        try:
            if self.reset != "none":
                grams = [one.mean for one in self._sampled(asked, slopes, first, second, values)]
            else:
                for plan in plans if singular == "raise" and same and len(first) else ():
                    if plan.divergent is not None:  # the diagonal is in it: said before the matrix is computed
                        raise settings.divergence(plan, "an input with itself at the same step")
                grams = self._grams(plans, first, None if same else second or first, other, values)
        except SymntkError:
            raise
        except ValueError as error:
            raise DomainError(asked, str(error)) from error
        except MemoryError as error:
            raise DomainError(asked, f"no memory: {error}", "blocks of rows, net.nngp(x[:1000], x)") from error
        for plan, gram in zip(plans, grams, strict=True):
            if singular == "raise" and not np.all(np.isfinite(gram)):
                place = tuple(int(index) for index in np.argwhere(~np.isfinite(gram))[0])
                raise settings.divergence(plan, f"the entry {place}")
        narrow = first.narrow and (second or first).narrow
        return tuple(gram.astype(np.float32) if narrow else gram for gram in grams)

    def sampled(
        self, x1: Any, x2: Any = None, *, get: str | Sequence[str] = ("nngp", "surrogate_ntk"), **parameters: float
    ) -> tuple[Estimate, ...]:
        """The kernels by sampled paths of units, with standard errors, also without a reset; arguments as in `kernels`.

        >>> import symntk
        >>> net = TimeNetwork(symntk.derive("step", "erf"), threshold=1, reset="subtract", bias_std=0.5, paths=512)
        >>> (found,) = net.sampled(np.ones((1, 3, 2)), get="nngp")
        >>> print(found.mean.shape, bool(0 < found.error[0, 0] < 0.01))
        (1, 1) True
        """
        names, slopes = self._known(get)
        asked = f"the {names[0]} of {self.title}"
        expectations = [
            E for name, slope in zip(names, slopes, strict=True) for E in self._plan(name, slope, self).expectations
        ]
        values = numbers_for(asked, expectations, parameters, settings.free_names(self.layers))
        return tuple(self._sampled(asked, slopes, *read_both(x1, x2, asked), values))

    def _sampled(
        self,
        asked: str,
        slopes: Sequence[tuple[str, ...] | None],
        first: Sequences,
        second: Sequences | None,
        values: dict[str, float],
    ) -> list[Estimate]:
        from symntk.networks.time.sampling import estimates

        symbols = {s: exact(values[s.name]) for one in self.layers for s in settings.free_symbols(one)}
        return estimates(self, asked, slopes, first, second, [one.at(symbols) for one in self.layers])

    def _grams(
        self,
        plans: Sequence[Plan],
        first: Sequences,
        second: Sequences | None,
        other: TimeNetwork,
        values: dict[str, float],
    ) -> list[np.ndarray]:
        from symntk.networks.time.recursion import TimeRecursion

        asked = plans[0].asked
        with_slopes = [plan for plan in plans if plan.kernel]
        wanted = [1 + with_slopes.index(plan) if plan.kernel else 0 for plan in plans]
        scales = self.scales(other)
        sides = [self._side(first, scales, 0, plans[0], values)]
        if second is not None:
            sides.append(other._side(second, scales, 1, plans[0], values))
        if self.readout == "each" and any(np.any(one.x.lengths != one.x.total) for one in sides):
            raise DomainError(asked, "outputs at each step of inputs that lack steps", "inputs of one length")
        layers = compiled(plans, values)
        top = self.weight_std[-1] ** 2
        each = self.readout == "each"
        return TimeRecursion(
            sides[0], sides[1] if second is not None else None, scales, layers, top, wanted, each
        ).matrices()

    def _side(self, x: Sequences, scales: Sequence[Scales], side: int, plan: Plan, values: dict[str, float]) -> Side:
        from symntk.networks.time.recursion import Side, variances

        expectations = [one.second if side else one.first for one in plan.layers]
        maps = [layer_maps((E,), values)[0]["given"] for E in expectations]
        weights = x.weights(self.readout, plan.asked)
        return Side(x, weights, variances(x, scales, maps, side, plan.asked))

    def _refuse_other(self, other: TimeNetwork, asked: str) -> None:
        shared = ("weight_std", "recurrent_std", "input_std", "bias_std", "readout", "reset")
        for name in shared:
            one, two = getattr(self, name), getattr(other, name)
            if one != two:
                wrong = f"the networks share their weights, but {name} is {one!r} and {two!r}"
                raise DomainError(asked, wrong, f"networks of one {', '.join(shared)}")
        if self.reset != "none" and other is not self:
            raise DomainError(asked, "with a reset, two networks are not compared", "reset='none', or one network")

    @property
    def title(self) -> str:
        """Layers and activations in words."""
        names = ", ".join(dict.fromkeys(one.activation.name for one in self.layers))
        reset = "" if self.reset == "none" else f", reset {self.reset}"
        return f"{len(self.layers)} {'layers' if len(self.layers) > 1 else 'layer'} in time of {names}{reset}"

    def __str__(self) -> str:
        return f"the network of {self.title}"

    def __repr__(self) -> str:
        names = ("leak", "weight_std", "recurrent_std", "input_std", "bias_std", "readout")
        listed = ", ".join(f"{name} {settings.shown(getattr(self, name))}" for name in names)
        return f"<TimeNetwork of {self.title}, {listed}: {', '.join(self.names)}>"
