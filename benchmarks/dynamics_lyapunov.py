"""λ₁ of simulated networks beside mean-field theory at the same step, over N; and which theory independent input has.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.dynamics_lyapunov [exponents] [average] [--sizes 500 1000 2000 5000]

`exponents`: g = 2, f = 0.2/τ, without input and under five common and five independent ones on both sides
of the transition (common inputs scale with √N): simulation less theory, its fit a + b/N and a + b/√N, and whether the
first half of the runs differs from the second. `average`: variance, rate and mean under independent input beside the
theory that takes the input as Gaussian, and the one that averages over the units' phases.
Networks and theory are kept in --folder, so interrupted runs continue. Prints markdown.
"""

from __future__ import annotations

import argparse
import datetime
import math
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.stats
from tqdm import tqdm

from benchmarks.dynamics_simulation import COMMON, INDEPENDENT
from symntk.dynamics import Balanced, Drive, Run, Simulation, simulate
from symntk.runs import checkpoint

G, F, DT = 2.0, 0.2, 1 / 16


@dataclass(frozen=True)
class Length:
    """How long networks of a size are simulated, times in units of τ."""

    time: float
    realizations: int
    burn: float = 200.0
    dt: float = DT


PLANS = {
    500: Length(1000.0, 20),
    1000: Length(500.0, 6),
    2000: Length(1000.0, 5),
    5000: Length(500.0, 5),
    20_000: Length(300.0, 5, burn=150.0, dt=1 / 8),
}
"""Units: how they are simulated. The theory takes the same steps."""
BANDS = (20.0, 30.0)  # τ, of the band in theory; the difference is taken as its error
PHASES = 8
SINES = (3.0, 6.0, 10.0)  # of "average"


def drives(N: int) -> list[Drive]:
    """No input, then common, then independent ones."""
    common = [Drive(round(a * math.sqrt(N), 2)) for a in COMMON]
    return [Drive(0.0), *common, *(Drive(a, common=False) for a in INDEPENDENT)]


def theory(N: int, drive: Drive, folder: Path) -> tuple[float, float]:
    """λ₁ τ at the simulation's step, and its error."""
    dt = PLANS[N].dt
    told = checkpoint.fingerprint(
        {"drive": [N, drive.amplitude, drive.common], "numbers": [G, F, dt, PHASES, *BANDS], "version": 2}
    )
    path = folder / f"theory-{told[:16]}.npz"
    found = checkpoint.load(path, told)
    if found is None:
        value, error = _theory(Balanced(G, N), drive, dt)
        found = {"value": np.array(value), "error": np.array(error)}
        checkpoint.save(path, told, found)
    return float(found["value"]), float(found["error"])


def _theory(net: Balanced, drive: Drive, dt: float) -> tuple[float, float]:
    """The state that repeats with the input where it is stable, else the chaotic one."""
    amplitude = drive.amplitude
    if drive.common and amplitude:
        value = net.orbit(amplitude, F, dt=dt).lyapunov
        if value <= 0.0:
            return value, 0.0
    elif not drive.common:
        run = net.independent(amplitude, F, average="phase", phases=PHASES, dt=dt, band=10.0, time=90.0)
        if run.repeats and run.lyapunov <= 0.0:
            return run.lyapunov, run.lyapunov_error
    runs = []
    for band in BANDS:
        options = {"dt": dt, "band": band, "time": 150.0}
        if drive.common:
            runs.append(net.common(amplitude, F if amplitude else None, **options))
        else:
            runs.append(net.independent(amplitude, F, average="phase", phases=PHASES, **options))
    return runs[-1].lyapunov, abs(runs[-1].lyapunov - runs[0].lyapunov) + runs[-1].lyapunov_error


def simulated(N: int, folder: Path) -> Simulation:
    """All inputs, from the checkpoints of `dynamics_simulation driven` where there are any."""
    plan = PLANS[N]
    steps = round(plan.time / plan.dt)
    return simulate(
        N,
        G,
        drives(N),
        Run(
            steps,
            round(plan.burn / plan.dt),
            plan.dt,
            realizations=plan.realizations,
            record=False,
            checkpoint=folder / f"driven-{N}-{steps}",
        ),
    )


def fit(sizes: np.ndarray, gaps: np.ndarray, errors: np.ndarray, power: float) -> tuple[float, float, float, float]:
    """Weighted least squares of a + b (1000/N)^power: a, its error, b, χ²."""
    rows = np.stack([np.ones(len(sizes)), (1000.0 / sizes) ** power], axis=1) / errors[:, None]
    covariance = np.linalg.inv(rows.T @ rows)
    a, b = covariance @ rows.T @ (gaps / errors)
    return float(a), float(np.sqrt(covariance[0, 0])), float(b), float(np.sum((rows @ [a, b] - gaps / errors) ** 2))


def exponents(sizes: list[int], folder: Path) -> None:
    """Tables of λ₁ and of the fits."""
    gaps, errors, halves = [], [], []
    for N in sizes:
        run = simulated(N, folder)
        found = [theory(N, drive, folder) for drive in tqdm(drives(N), unit="theory")]
        plan = PLANS[N]
        length = f"{plan.time:g} τ after {plan.burn:g} τ, dt = τ/{round(1 / plan.dt)}"
        print(f"\nN = {N}: {plan.realizations} realizations of {length}\n")
        print("| I_1 | input | theory | its error | simulated | standard error | difference | standard errors |")
        print("|---|---|---|---|---|---|---|---|")
        mean = run.lyapunov.mean(0)
        gaps.append([m - t for m, (t, _) in zip(mean, found, strict=True)])
        errors.append([math.hypot(s, e) for s, (_, e) in zip(run.error, found, strict=True)])
        for i, drive in enumerate(drives(N)):
            cells = f"{found[i][0]:.4f} | {found[i][1]:.0e} | {mean[i]:.4f} | {run.error[i]:.4f}"
            away = f"{gaps[-1][i]:+.4f} | {gaps[-1][i] / errors[-1][i]:+.1f}"
            print(f"| {drive.amplitude:g} | {_kind(drive)} | {cells} | {away} |")
        limit = float(scipy.stats.t.ppf(0.975, plan.realizations - 1))
        within = sum(abs(gap) <= limit * error for gap, error in zip(gaps[-1], errors[-1], strict=True))
        print(f"\n{within} of {len(gaps[-1])} differences within the 95 % interval, {limit:.2f} standard errors.")
        half = run.growth.shape[-1] // 2
        change = (run.growth[..., 0, half:].mean(-1) - run.growth[..., 0, :half].mean(-1)).mean(1) / (16 * plan.dt)
        halves.append(f"{change.mean():+.4f} ± {change.std(ddof=1) / math.sqrt(len(change)):.4f} (N = {N})")
    print(f"\nSecond half of the runs less the first, mean over inputs: {', '.join(halves)}\n")
    print("Difference = a + b (1000/N)^p over all sizes; a is what is left for N → ∞:\n")
    print("| input | a, p = 1 | b | χ² | a, p = 1/2 | b | χ² |\n|---|---|---|---|---|---|---|")
    left: dict[float, list[tuple[float, float, float]]] = {1.0: [], 0.5: []}
    for i, drive in enumerate(drives(sizes[-1])):
        size = f"{drive.amplitude / math.sqrt(sizes[-1]):.2f} √N" if drive.common else f"{drive.amplitude:g}"
        line = f"| {size if drive.amplitude else 0} {_kind(drive)} "
        for power, kept in left.items():
            columns = (np.array(values)[:, i] for values in (gaps, errors))
            a, error, b, chi = fit(np.array(sizes, dtype=float), *columns, power)
            kept.append((a, error, chi))
            line += f"| {a:+.4f} ± {error:.4f} | {b:+.4f} | {chi:.1f} "
        print(f"{line}|")
    free = (len(sizes) - 2) * len(left[1.0])
    for power, kept in left.items():
        within = sum(abs(a) <= 2.0 * e for a, e, _ in kept)
        chi = sum(c for _, _, c in kept)
        print(
            f"\np = {power:g}: {within} of {len(kept)} inputs with |a| ≤ 2 standard errors; "
            f"χ² of all fits {chi:.1f} for {free} degrees of freedom."
        )


def average(folder: Path, N: int = 4000, realizations: int = 6) -> None:
    """Gaussian input or phases: quantities with a small sampling error."""
    inputs = [Drive(a, common=False) for a in SINES]
    plan = Run(1_600, 1_600, realizations=realizations, lyapunov=0, checkpoint=folder / f"average-{N}")
    run = simulate(N, G, inputs, plan)
    net = Balanced(G, N)
    print(f"\nN = {N}, {realizations} realizations of 100 τ after 100 τ, independent input, dt = τ/16\n")
    print("| I_1 | quantity | simulated | standard error | Gaussian | standard errors | phases | standard errors |")
    print("|---|---|---|---|---|---|---|---|")
    for i, drive in enumerate(inputs):
        options = {"dt": DT, "band": 15.0, "time": 100.0}
        gaussian = net.independent(drive.amplitude, F, average="gaussian", **options)
        phase = net.independent(drive.amplitude, F, average="phase", phases=PHASES, **options)
        spread = np.mean((phase.groups - phase.mean) ** 2, axis=0)
        late = slice(-round(1 / F / DT), None)
        for name, values, one, two in (
            ("variance", run.variance, gaussian.variance, phase.variance + spread),
            ("rate ν", run.rate, gaussian.rate, phase.rate),
            ("mean m", run.mean, gaussian.mean, phase.mean),
        ):
            each = values[:, i].mean(-1)
            error = each.std(ddof=1) / math.sqrt(realizations)
            cells = ""
            for known in (one[late].mean(), two[late].mean()):
                cells += f" {known:.5g} | {(each.mean() - known) / error:+.1f} |"
            print(f"| {drive.amplitude:g} | {name} | {each.mean():.5g} | {error:.2g} |{cells}")


def _kind(drive: Drive) -> str:
    return "none" if not drive.amplitude else "common" if drive.common else "independent"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=[])
    parser.add_argument("--sizes", type=int, nargs="*", default=list(PLANS), choices=list(PLANS))
    parser.add_argument("--folder", type=Path, default=Path("build/dynamics_simulation"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print("# Largest Lyapunov exponents: simulation and theory\n")
    print("`OPENBLAS_NUM_THREADS=1 python -m benchmarks.dynamics_lyapunov > results/dynamics_lyapunov.md`; ", end="")
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}.")
    for part in options.parts or ["exponents", "average"]:
        if part == "exponents":
            print("\n## Exponents, g = 2, f = 0.2/τ")
            exponents(options.sizes, options.folder)
        elif part == "average":
            print("\n## Independent input: Gaussian, or a phase for each unit")
            average(options.folder)
        else:
            parser.error(f"no part {part}: exponents or average")


if __name__ == "__main__":
    main()
