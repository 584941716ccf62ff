"""Figure 3 of Engelken et al. 2022 (arXiv 2201.09916): I_1^crit over size, tightness of balance, and gain.

A: over N. B: over the tightness of balance K, which scales mean couplings and mean input, J_0 and I_0: both are
√(K/N) in networks of N units, so that √K stands for √N in the balance of the mean. Mean-field theory holds N in √N I_0
and √N J_0 alone, so that it gives the same for B at K as for A at N = K; simulated networks of N units differ less from
it than those of K. C: over g, for slow input, together with the quasi-static limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator

from symntk.dynamics import Balanced, orbits, phase_diagram, quasi_static
from symntk.dynamics.simulation import Drive
from symntk.runs import Options, Table, checkpoint
from symntk_papers.balanced.setting import FREQUENCY, GAIN, STEP, known_or_blank, simulated

KINDS = ("common", "gaussian", "phase")
AXES = {"A": "N", "B": "K", "C": "g"}
_AROUND = (0.35, 0.5, 0.65, 0.8, 0.95, 1.1, 1.3)
"""Amplitudes that are simulated, over the critical one of theory; besides these, none."""
SIMULATED = ("common", "phase")


@dataclass(frozen=True)
class Sizes:
    """How large the experiment is; times in units of τ.

    Attributes:
        values: panel -> N, K or g of the theory.
        simulated: panel -> those that are simulated as well.
        N: units in B and C.
        frequency: f in C.
        realizations: simulated networks.
        time: that they are recorded for.
        burn: time before that.
        dt: finest step of the theory in A and B, in C.
    """

    values: dict[str, tuple[float, ...]]
    simulated: dict[str, tuple[float, ...]]
    N: int = 500
    frequency: float = 0.05
    realizations: int = 2
    time: float = 100.0
    burn: float = 50.0
    dt: tuple[float, float] = (1 / 16, 0.2)


FAST = Sizes(
    {"A": (125, 500, 1000, 5000, 20000), "B": (5, 7, 10, 17, 30, 100, 1000), "C": (1.5, 1.6, 1.8, 2.0, 2.5)},
    {"A": (125, 500), "B": (10,), "C": (2.0,)},
    dt=(1 / 16, 0.1),
)
FULL = Sizes(
    {
        "A": (100, 200, 500, 1000, 2000, 5000, 10000, 20000),
        "B": (4, 6, 10, 30, 100, 300, 1000, 5000),
        "C": (1.45, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.25, 2.5),
    },
    {"A": (500, 1000, 2000, 5000), "B": (6, 10, 100, 1000, 5000), "C": (1.6, 1.8, 2.0, 2.25, 2.5)},
    N=5000,
    frequency=0.01,
    realizations=10,
    time=500.0,
    burn=200.0,
)
"""The paper's size."""


def sizes_of(full: bool, N: int | None = None, realizations: int | None = None) -> Sizes:
    """The sizes, with another number of simulated units and networks where one is given.

    >>> sizes_of(False, 1000).simulated["A"]
    (125, 250, 500, 1000)
    """
    sizes = FULL if full else FAST
    if realizations is not None:
        sizes = replace(sizes, realizations=realizations)
    if N is None:
        return sizes
    sizes_a = tuple(N // part for part in (8, 4, 2, 1))
    values = sizes.values | {"A": tuple(sorted({*sizes.values["A"], *sizes_a}))}
    return replace(sizes, N=N, values=values, simulated=sizes.simulated | {"A": sizes_a})


@dataclass(frozen=True)
class Measured:
    """I_1^crit of simulated networks with one kind of input.

    Attributes:
        roots: of each realization; NaN where λ₁ does not fall through 0 among the amplitudes, of which 0 is one.
        quiet: realizations that are not chaotic at any amplitude: these have no root, and need no input.
        at_step: the theory's for networks in the same Euler steps; NaN where it is not computed.
    """

    roots: np.ndarray
    quiet: int
    at_step: float

    @property
    def known(self) -> np.ndarray:
        """The roots that there are."""
        return np.asarray(self.roots[~np.isnan(self.roots)])

    @property
    def counts(self) -> str:
        """How many networks have a root, and why the others have none.

        >>> Measured(np.array([3.0, np.nan, np.nan]), 1, np.nan).counts
        '1 of 3; 1 never chaotic; 1 always chaotic'
        """
        others = {"never": self.quiet, "always": len(self.roots) - len(self.known) - self.quiet}
        told = [f"{count} {when} chaotic" for when, count in others.items() if count]
        return "; ".join([f"{len(self.known)} of {len(self.roots)}", *told])


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        name: "A", "B" or "C".
        values: N, K or g (n,).
        theory: kind -> I_1^crit and its error (n, 2); NaN where there is no answer.
        reasons: why not: (kind, value, reason).
        limit: the quasi-static limit in C (n,), else None.
        simulated: value and kind, "common" or "phase" -> what simulations give.
    """

    name: str
    values: np.ndarray
    theory: dict[str, np.ndarray]
    reasons: list[tuple[str, float, str]]
    limit: np.ndarray | None
    simulated: dict[tuple[float, str], Measured]


def run(options: Options, sizes: Sizes | None = None) -> Iterator[tuple[Sizes, list[Panel]]]:
    """The panels so far, after each of them.

    Args:
        options: those of all experiments.
        sizes: other than the fast and the full ones.
    """
    sizes = sizes or sizes_of(options.full)
    folder = None if options.checkpoints is None else options.checkpoints / f"dynamics-fig3-{sizes.N}"
    panels: list[Panel] = []
    for name in sizes.values:
        panel = _theory(name, sizes, folder, options)
        for value in sizes.simulated[name]:
            _simulate(panel, value, sizes, folder, options)
        panels.append(panel)
        yield sizes, panels


def network(name: str, value: float, sizes: Sizes) -> Balanced:
    """The network of a point.

    >>> print(round(network("B", 50, FAST).feedback ** 2, 9))  # √N J_0 = √K
    50.0
    """
    if name == "A":
        return Balanced(GAIN, int(value))
    if name == "C":
        return Balanced(float(value), sizes.N)
    scale = float(np.sqrt(value / sizes.N))
    return Balanced(GAIN, sizes.N, scale, scale)


def _theory(name: str, sizes: Sizes, folder: Path | None, options: Options) -> Panel:
    values = np.array(sizes.values[name], dtype=float)
    slow = name == "C"
    axes = {"g": values, "N": sizes.N, "f": sizes.frequency} if slow else {"g": GAIN, "N": values, "f": FREQUENCY}
    theory, reasons = {}, []
    for kind in KINDS:
        found = phase_diagram(
            **axes,
            kind=kind,
            folder=None if folder is None else folder / "theory",
            workers=options.workers,
            progress=options.progress,
            dt=sizes.dt[slow],
        )
        theory[kind] = np.stack([found.values.ravel(), found.errors.ravel()], axis=1)
        reasons += [(kind, float(values[max(index)]), reason) for index, reason in found.reasons.items()]
    limit = np.array([quasi_static(network(name, one, sizes)) for one in values]) if slow else None
    return Panel(name, values, theory, reasons, limit, {})


def _simulate(panel: Panel, value: float, sizes: Sizes, folder: Path | None, options: Options) -> None:
    """Fill in the roots of λ₁(I_1) of simulated networks, from no input to beyond the theory's."""
    at = np.flatnonzero(panel.values == value)[0]
    net, f = network(panel.name, value, sizes), sizes.frequency if panel.name == "C" else FREQUENCY
    amplitudes = {}
    for kind in SIMULATED:
        expected = panel.theory[kind][at, 0]
        if expected > 0.0:
            amplitudes[kind] = np.array([float(f"{expected * factor:.4g}") for factor in _AROUND])
    if not amplitudes:
        return
    drives = [Drive(float(one), kind == "common", f) for kind, around in amplitudes.items() for one in around]
    found = simulated(net, [Drive(0.0, True, f), *drives], sizes, options, folder, record=False).lyapunov
    columns = np.split(found[:, 1:], len(amplitudes), axis=1)
    for (kind, around), driven in zip(amplitudes.items(), columns, strict=True):
        exponents = np.concatenate([found[:, :1], driven], axis=1)
        step = float("nan")
        if kind == "common" and panel.name != "C":
            step = _at_step(net, around, f, folder)
        roots = np.array([root(np.append(0.0, around), one) for one in exponents])
        panel.simulated[value, kind] = Measured(roots, int(np.sum(np.all(exponents <= 0.0, axis=1))), step)


def _at_step(net: Balanced, amplitudes: np.ndarray, f: float, folder: Path | None) -> float:
    """I_1^crit of common input for networks in the simulation's steps."""

    def compute() -> dict[str, np.ndarray]:
        found = orbits(net.orbit_setup([float(one) for one in amplitudes], f, dt=STEP), tolerance=1e-6)
        return {"exponents": np.array([one.lyapunov for one in found])}

    told = {"net": [net.g, net.N, net.I_0, net.J_0], "amplitudes": amplitudes, "numbers": [f, STEP]}
    return root(amplitudes, checkpoint.kept(None if folder is None else folder / "steps", told, compute)["exponents"])


def root(amplitudes: np.ndarray, exponents: np.ndarray) -> float:
    """Where a monotone interpolation of λ₁ falls through 0 for the last time; NaN where it does not.

    >>> print(round(root(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.5, -0.5])), 2))
    2.57
    """
    falls = np.flatnonzero((exponents[:-1] > 0.0) & (exponents[1:] <= 0.0))
    if not falls.size:
        return float("nan")
    found = PchipInterpolator(amplitudes, exponents).solve(0.0, extrapolate=False)
    inside = found[(found >= amplitudes[falls[-1]]) & (found <= amplitudes[falls[-1] + 1])]
    return float(inside[0])


def table(sizes: Sizes, panels: list[Panel]) -> Table:
    """One row per point; simulated values are medians and quartiles of the realizations that have a root."""
    measured = ("median of networks", "quartiles", "networks with a root")
    headings = ["panel", "N", "K", "g", "f", "common", "numerical error", "common, quasi-static", "common at the step"]
    headings += [f"common, {one}" for one in measured]
    headings += ["independent, phases", "numerical error", "independent, Gaussian"]
    headings += [f"independent, {one}" for one in measured]
    rows: list[tuple[str | int | float, ...]] = []
    for panel in panels:
        for i, value in enumerate(panel.values):
            net = network(panel.name, float(value), sizes)
            common, gaussian, phase = (panel.theory[kind][i] for kind in KINDS)
            seen = {kind: panel.simulated.get((float(value), kind)) for kind in SIMULATED}
            step = seen["common"].at_step if seen["common"] else float("nan")
            rows.append(
                (
                    panel.name,
                    int(net.N),
                    round(net.feedback**2),
                    float(net.g),
                    sizes.frequency if panel.name == "C" else FREQUENCY,
                    *map(known_or_blank, common),
                    "" if panel.limit is None else float(panel.limit[i]),
                    known_or_blank(step),
                    *_told(seen["common"]),
                    *map(known_or_blank, phase),
                    known_or_blank(gaussian[0]),
                    *_told(seen["phase"]),
                )
            )
    return Table(tuple(headings), rows)


def _told(found: Measured | None) -> tuple[float | str, str, str]:
    """Median and quartiles of the roots, and how many networks have one."""
    if found is None:
        return "", "", ""
    if not found.known.size:
        return "", "", found.counts
    low, middle, high = np.quantile(found.known, [0.25, 0.5, 0.75])
    return float(middle), f"{low:.3g} … {high:.3g}" if found.known.size > 1 else "", found.counts


def curves(panels: list[Panel]) -> Table:
    """The lines and the points of the figure."""
    rows: list[tuple[str | int | float, ...]] = []
    for panel in panels:
        for kind, found in panel.theory.items():
            rows += [
                (panel.name, kind, "theory", float(x), float(y)) for x, y in zip(panel.values, found[:, 0], strict=True)
            ]
        for (value, kind), held in panel.simulated.items():
            rows += [(panel.name, kind, "simulated", value, float(one)) for one in held.roots]
    return Table(("panel", "input", "source", "N, K or g", "I_1^crit"), rows)
