"""T6 and T7: empirical kernels of networks of finite width at initialization, and how far training moves them.

Both are statements about many random networks. What is fitted is an exponent of the width; its interval is from
resampling the networks (percentile bootstrap, 95 %).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from symntk import Kernels
from symntk.finite import Ensemble, Schedule
from symntk_papers.sgntk.setting import RATE, on_circle, target, training_angles
from symntk_papers.sgntk.theorems.divergence import Outcome
from symntk_papers.sgntk.theorems.hypotheses import finite_jumps, grows_slowly, lipschitz
from symntk_papers.sgntk.theorems.report import Finding, attempted
from symntk_papers.sgntk.theorems.setting import FINITE_SLOPE, Setting

DEPTH = 3
_RESAMPLED = 400
_CORRECTION = 0.05  # of the exponent, for terms of higher order in 1/n at these widths
_JUMPING = "boxcar"
"""A surrogate with jumps, which T6 allows."""
_SIDES = {"ntk": ("derivative", "derivative"), "sg_ntk": ("derivative", "surrogate")}


@dataclass(frozen=True)
class FiniteSizes:
    """Widths, networks of each, and, for training, the steps after which kernels are computed."""

    widths: tuple[int, ...]
    networks: int
    steps: tuple[int, ...] = ()


AT_START = {False: FiniteSizes((64, 128, 256, 512), 200), True: FiniteSizes((64, 128, 256, 512, 1024), 1000)}
IN_TRAINING = {
    False: FiniteSizes((32, 64, 128, 256), 16, (10, 40, 160)),
    True: FiniteSizes((32, 64, 128, 256, 512), 40, (10, 40, 160, 640)),
}
"""The sizes, by whether they are the full ones."""


@dataclass(frozen=True)
class Exponent:
    """The slope of log(mean of the samples) over log(width), and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"n^{self.value:.3f}, 95 % interval [{self.low:.3f}, {self.high:.3f}]"


def fitted_exponent(widths: Sequence[int], samples: Sequence[np.ndarray], rng: np.random.Generator) -> Exponent:
    """Fit mean(samples) = C · width^slope; samples[i] holds a positive number for each network of widths[i].

    >>> rng = np.random.default_rng(0)
    >>> found = fitted_exponent([10, 100, 1000], [rng.exponential(size=500) / n for n in (10, 100, 1000)], rng)
    >>> found.low < -1 < found.high
    True
    """
    logs = np.log(np.asarray(widths, dtype=float))
    weights = (logs - logs.mean()) / np.sum((logs - logs.mean()) ** 2)

    def slope(chosen: Sequence[np.ndarray]) -> float:
        return float(weights @ np.log([float(np.mean(one)) for one in chosen]))

    again = [slope([rng.choice(one, len(one)) for one in samples]) for _ in range(_RESAMPLED)]
    low, high = np.quantile(again, (0.025, 0.975))
    return Exponent(slope(samples), float(low), float(high))


def at_initialization(one: Setting) -> Outcome:
    """T6 for σ_m at a small m and the surrogate; without a named surrogate, one that jumps too."""
    named = one.surrogate is not None or one.surrogate_derivative is not None
    surrogates = [one] if named else [one, one.with_surrogate(_JUMPING)]
    sigma = one.family.at(FINITE_SLOPE)
    hypotheses = [
        grows_slowly("σ", sigma),
        finite_jumps("σ', as networks use it,", sigma.derivative),
        *(finite_jumps(f"the surrogate derivative {s.surrogate_name}", s.surrogate_function) for s in surrogates),
    ]

    def findings() -> list[Finding]:
        found = attempted("the empirical NTK", lambda: _at_initialization(one, one.finite, "ntk"))
        for s in surrogates:
            check = partial(_at_initialization, s, s.finite, "sg_ntk")
            found += attempted(f"the empirical SG-NTK with {s.surrogate_name}", check)
        return found

    return hypotheses, findings


def _ensemble(one: Setting, kernels: Kernels, width: int, networks: int) -> Ensemble:
    return Ensemble(
        kernels,
        DEPTH,
        width,
        networks=networks,
        inputs=2,
        weight_std=one.weight_std,
        bias_std=one.bias_std,
        seed=one.seed,
    )


def _at_initialization(one: Setting, kernels: Kernels, kernel: str) -> Finding:
    """The mean squared difference of the empirical kernel from the analytic one falls like 1/n."""
    widths, networks = AT_START[one.full].widths, AT_START[one.full].networks
    x, y = on_circle(np.array([0.0, 1.0, 2.5])), on_circle(np.array([0.0, -0.7]))
    analytic = getattr(one.network(kernels, DEPTH), kernel)(x, y)
    first, second = _SIDES[kernel]
    samples, sizes = [], []
    for width in widths:
        one.tell(f"T6: {kernel} of {networks} networks of width {width}")
        found = _ensemble(one, kernels, width, networks).kernel(x, y, first=first, second=second)
        samples.append(np.mean((found.astype(np.float64) - analytic) ** 2, axis=(1, 2)) / np.mean(analytic**2))
        sizes.append(float(np.mean(samples[-1])))
    fit = fitted_exponent(widths, samples, one.rng(6))
    shown = ", ".join(f"{size:.3g} at n = {width}" for width, size in zip(widths, sizes, strict=True))
    missed = f"−1 is more than {_CORRECTION:g} outside of the interval of the exponent"
    conditions = {missed: fit.low - _CORRECTION <= -1 <= fit.high + _CORRECTION}
    surrogate = "" if kernel == "ntk" else f" with {kernels.surrogate_name}"
    claim = f"{kernel}{surrogate}: E|Θ̂ − Θ|² ~ 1/n at initialization{_slope(one)}, depth {DEPTH}"
    detail = f"{fit}; mean square over that of the analytic kernel: {shown}; {networks} networks"
    return Finding.judged(claim, conditions, detail)


def _slope(one: Setting) -> str:
    """Which member of the family it is."""
    return "" if one.family.parameter is None else f", {one.name} = {FINITE_SLOPE}"


def in_training(one: Setting) -> Outcome:
    """T7 for σ_m at a small m and the surrogate."""
    sigma = one.family.at(FINITE_SLOPE)
    label = f"the surrogate derivative {one.surrogate_name}"
    hypotheses = [lipschitz("σ", sigma), lipschitz("σ'", sigma.derivative), lipschitz(label, one.surrogate_function)]
    return hypotheses, lambda: [_in_training(one)]


def _in_training(one: Setting) -> Finding:
    """The sup of |Î_t − Î_0| over steps and entries, against the width."""
    sizes = IN_TRAINING[one.full]
    widths, networks, times = sizes.widths, sizes.networks, sizes.steps
    x = on_circle(training_angles(one.seed))
    samples = []
    for width in widths:
        ensemble = _ensemble(one, one.finite, width, networks)
        before, largest = ensemble.kernel(x), np.zeros(networks)
        for steps in times:
            one.tell(f"T7: {networks} networks of width {width}, {steps} steps")
            folder = one.folder(f"t7-width{width}-{networks}x{steps}")
            schedule = Schedule(steps, RATE, keep=True, checkpoint=folder)
            trained = ensemble.train(x, target(x), schedule, progress=False)
            moved = ensemble.kernel(x, parameters=trained.parameters).astype(np.float64) - before
            largest = np.maximum(largest, np.max(np.abs(moved), axis=(1, 2)))
        samples.append(largest)
    fit = fitted_exponent(widths, samples, one.rng(7))
    shown = ", ".join(f"{float(np.mean(s)):.3g} at n = {n}" for n, s in zip(widths, samples, strict=True))
    claim = f"sup |Î_t − Î_0| = O(n^(−1/2)) under surrogate gradients{_slope(one)}, depth {DEPTH}"
    detail = (
        f"{fit}; means over {networks} networks: {shown}; the largest over entries and over steps "
        f"{', '.join(map(str, times))}"
    )
    shows = "below −1/2" if fit.high <= -0.5 else "around −1/2, no contradiction" if fit.low <= -0.5 else "above −1/2"
    conditions = {
        f"the exponent's interval begins at {fit.low:.3f} > −1/2": fit.low <= -0.5,
        f"the exponent's interval ends at {fit.high:.3f} ≥ 0": fit.high < 0,
    }
    return Finding.judged(claim, conditions, f"{detail}; the interval is {shows}")
