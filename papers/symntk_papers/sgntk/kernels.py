"""Figures 1 and 2: the kernels of erf_m networks of finite width, before and after training, against the analytic ones.

erf_m(x) = erf(m x) tends to sign. The NTK of its networks grows without bound at coinciding inputs; the SG-NTK with
the surrogate erf' of slope 1 tends to that of sign, which is finite.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from symntk import Kernels, Network
from symntk import derive as derive_kernels
from symntk.errors import FormulaError
from symntk.finite import Ensemble, Schedule
from symntk.runs import Options, Table
from symntk_papers.sgntk.setting import (
    BIAS_STD,
    DEPTH,
    RATE,
    WEIGHT_STD,
    circle_angles,
    on_circle,
    target,
    training_angles,
)

SLOPES = (2, 5, 20)
_ZERO = 50
"""Index of the angle 0, where the kernel's other input (0, 1) lies."""
_QUARTER = 75
"""Index of the angle π/2."""
_RULES = {"ntk": "gradient", "sg_ntk": "surrogate"}
_SIDES = {"ntk": ("derivative", "derivative"), "sg_ntk": ("derivative", "surrogate")}


@dataclass(frozen=True)
class KernelSizes:
    """Slopes m, widths, networks of each and steps."""

    slopes: tuple[int, ...]
    widths: tuple[int, ...]
    networks: int
    steps: int


FULL = KernelSizes(SLOPES, (10, 100, 500, 1000), 10, 10_000)
FAST = KernelSizes(SLOPES, (10, 100), 10, 500)


@dataclass(frozen=True)
class Panel:
    """Networks of one slope and width.

    Attributes:
        slope: m.
        width: units of each hidden layer.
        kernels: number of steps done -> the kernel of (0, 1) with each test point, (networks, test points).
        loss: of each network after the last step.
    """

    slope: int
    width: int
    kernels: dict[int, np.ndarray]
    loss: np.ndarray


@dataclass(frozen=True)
class KernelResult:
    """What is known so far.

    Attributes:
        kernel: "ntk" or "sg_ntk".
        analytic: slope -> the kernel of (0, 1) with each test point; the slope ∞ is sign.
        panels: the networks of finite width.
    """

    kernel: str
    analytic: dict[float, np.ndarray]
    panels: list[Panel]


def run(kernel: str, options: Options, sizes: KernelSizes | None = None) -> Iterator[KernelResult]:
    """The experiment: what is known after each ensemble.

    Args:
        kernel: "ntk" trains by gradient descent (figure 1), "sg_ntk" by surrogate gradients (figure 2).
        options: those of all experiments.
        sizes: other sizes than `FULL` and `FAST`.

    Raises:
        FormulaError: another kernel.
    """
    if kernel not in _RULES:
        raise FormulaError(f"the kernel {kernel!r} of an experiment", "it has none", "ntk or sg_ntk")
    chosen = sizes or (FULL if options.full else FAST)
    derived: dict[float, Kernels] = {m: derive_kernels(f"erf({m}*x)", "erf") for m in chosen.slopes}
    derived[np.inf] = derive_kernels("sign", "erf")
    analytic = {m: _analytic(kernels, kernel) for m, kernels in derived.items()}
    panels: list[Panel] = []
    for m in chosen.slopes:
        for width in chosen.widths:
            panels.append(_panel(kernel, derived[m], m, width, options, chosen))
            yield KernelResult(kernel, analytic, list(panels))


def _analytic(kernels: Kernels, kernel: str) -> np.ndarray:
    """The kernel of each test point with (0, 1); infinite there where it diverges."""
    net = Network(kernels, DEPTH, weight_std=WEIGHT_STD, bias_std=BIAS_STD)
    found = getattr(net, kernel)(on_circle(circle_angles()), on_circle(np.zeros(1)), singular="inf")
    return np.asarray(found)[:, 0]


def _panel(kernel: str, kernels: Kernels, m: int, width: int, options: Options, sizes: KernelSizes) -> Panel:
    """Train one ensemble; its kernels before and after."""
    ensemble = Ensemble(
        kernels,
        DEPTH,
        width,
        networks=sizes.networks,
        inputs=2,
        weight_std=WEIGHT_STD,
        bias_std=BIAS_STD,
        seed=options.seed,
    )
    x, test, one = on_circle(training_angles(options.seed)), on_circle(circle_angles()), on_circle(np.zeros(1))
    trained = ensemble.train(
        x,
        target(x),
        Schedule(
            sizes.steps,
            RATE,
            _RULES[kernel],
            keep=True,
            workers=options.workers,
            checkpoint=options.folder(f"sgntk-{kernel}-erf{m}-width{width}-{sizes.networks}x{sizes.steps}"),
        ),
        progress=options.progress,
    )
    first, second = _SIDES[kernel]
    before = ensemble.kernel(test, one, first=first, second=second)[:, :, 0]
    after = ensemble.kernel(test, one, first=first, second=second, parameters=trained.parameters)[:, :, 0]
    return Panel(m, width, {0: before, sizes.steps: after}, trained.loss[-1])


def table(result: KernelResult) -> Table:
    """A row for each slope, width and time; the rows of width ∞ hold the analytic kernel."""
    headings = (
        "m",
        "width",
        "networks",
        "steps",
        "kernel at angle 0, mean",
        "sd over networks",
        "kernel at π/2, mean",
        "sd over networks at π/2",
        "rms difference from analytic / rms analytic",
        "rms difference away from 0 / rms analytic there",
        "mean loss after training",
    )
    rows: list[tuple[str | int | float, ...]] = []
    for m, exact in result.analytic.items():
        name = "∞" if m == np.inf else f"{m:g}"
        for panel in result.panels:
            if panel.slope != m:
                continue
            for steps, found in panel.kernels.items():
                values = found.astype(np.float64)
                at = [values[:, i] for i in (_ZERO, _QUARTER)]
                off = values - exact
                away = np.abs(circle_angles()) > np.pi / 8
                rows.append(
                    (
                        name,
                        panel.width,
                        len(values),
                        steps,
                        *(float(v) for one in at for v in (one.mean(), one.std(ddof=1))),
                        float(np.sqrt(np.mean(off**2) / np.mean(exact**2))),
                        float(np.sqrt(np.mean(off[:, away] ** 2) / np.mean(exact[away] ** 2))),
                        float(panel.loss.mean()) if steps else "",
                    )
                )
        rows.append((name, "∞", "", 0, float(exact[_ZERO]), "", float(exact[_QUARTER]), "", "", "", ""))
    return Table(headings, rows)


def curves(result: KernelResult) -> Table:
    """What the figure draws, a row for each test point."""
    columns = {"angle": circle_angles()}
    for m, exact in result.analytic.items():
        columns[f"analytic, m = {m:g}"] = exact
    for panel in result.panels:
        for steps, found in panel.kernels.items():
            values, name = found.astype(np.float64), f"m = {panel.slope}, width {panel.width}, {steps} steps"
            columns[f"mean, {name}"] = values.mean(axis=0)
            columns[f"sd, {name}"] = values.std(axis=0, ddof=1)
    return Table(tuple(columns), [tuple(float(v) for v in row) for row in zip(*columns.values(), strict=True)])
