"""Networks of finite width: empirical kernels against the analytic one, and core-seconds per training step.

    python -m benchmarks.finite_width [--torch PYTHON] [--quick]

The first table holds the mean squared difference, over networks and pairs of points on a circle, between the
empirical SG-NTK at initialization and the analytic one, and its slope over the width. Setting of the paper: depth 3,
σ_w = 1, σ_b = 0.1, two inputs, surrogate erf. For sign, whose derivative is a delta, the peak of
`symntk.finite.arrays.mollified` takes the delta's place.

The second table holds the time of a step per ten networks of width 500 and 15 points, in core-seconds of one process
that uses one core: the medians of several windows. With --torch, the Python of an environment that has PyTorch, also
the same ensemble by `torch.func.vmap` of one network's gradient.
An environment variable OPENBLAS_CORETYPE that keeps NumPy from the processor's own kernels shows in these times.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import symntk
from symntk.emit.compile import namespace
from symntk.finite.arrays import mollified
from symntk.finite.ensemble import Ensemble
from symntk.finite.network import DenseTraining
from symntk.finite.training import Run, Schedule, _Work
from symntk_papers.sgntk.steps import StepTraining

WIDTHS = (10, 100, 1000)
NETWORKS = {10: 1000, 100: 500, 1000: 60}
STEPS, ENSEMBLE = 30_000, 500  # of the paper's figure 3


def circle(count):
    """Points (sin α, cos α)."""
    angle = 2 * np.pi * np.arange(count) / count - np.pi
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def convergence(quick):
    """Print the first table."""
    widths = (10, 40, 160) if quick else WIDTHS
    names = [*(f"erf({m}*x)" for m in (2, 5, 20)), "sign"]
    print(f"| activation | {' | '.join(f'n = {n}' for n in widths)} | slope |\n|---|{'---|' * (len(widths) + 1)}")
    for name in names:
        kernels = symntk.derive(name, "erf")
        first = mollified(kernels.derivative, 4, order=6) if name == "sign" else "derivative"
        analytic = namespace(kernels.source())["sg_ntk"](circle(12), depth=3, weight_std=1.0, bias_std=0.1)
        found = []
        for width in widths:
            ensemble = Ensemble(
                kernels, 3, width, networks=NETWORKS.get(width, 200), inputs=2, bias_std=0.1, dtype="float64"
            )
            found.append(np.mean((ensemble.kernel(circle(12), first=first) - analytic) ** 2))
        slope = np.polyfit(np.log(widths), np.log(found), 1)[0]
        print(f"| {name} | {' | '.join(f'{value:.3g}' for value in found)} | {slope:.2f} |", flush=True)


def a_run(activation, networks, trainer):
    """The paper's training of some networks."""
    ensemble = Ensemble(symntk.derive(activation, "erf"), 3, 500, networks=networks, inputs=2, bias_std=0.1)
    angle = np.random.default_rng(0).uniform(-np.pi, np.pi, 15)
    x = np.array([np.sin(angle), np.cos(angle)])
    y = 4 * x[0] * x[1] ** 2 - 0.8 * x[0] ** 3 + 1.2 * x[1] ** 2 - 0.8 * x[0] ** 2 * x[1]
    functions = ensemble._activations(), ensemble._slopes("surrogate")
    shape = ensemble.shape
    return Run(shape, *functions, 0, "float32", "numpy", None, x, y, x, (0,), Schedule(1, 0.1, trainer=trainer))


def per_step(step, networks, windows=25, steps=20):
    """Median core-seconds of a step per ten networks; waits for other processes are not in them."""
    step()
    spent = []
    for _ in range(windows):
        start = time.process_time()
        for _ in range(steps):
            step()
        spent.append((time.process_time() - start) / steps / networks * 10)
    return float(np.median(spent))


def measure():
    """Time the engines; run in a process that was started with linear algebra on one core."""
    networks, rows = 4, {}
    trainers = [("sign", StepTraining), *((name, DenseTraining) for name in ("sign", "erf", "tanh"))]
    for activation, trainer in trainers:
        engine = _Work(a_run(activation, networks, trainer), 0, networks).engine
        rows[f"{activation}, {trainer.__name__}"] = per_step(engine.step, networks)
    for name, seconds in rows.items():
        print(f"| {name} | {seconds * 1e3:.2f} | {minutes(seconds)} |", flush=True)


def minutes(seconds):
    """What the paper's figure 3 takes on two cores."""
    return f"{seconds * ENSEMBLE / 10 * STEPS / 2 / 60:.0f} min"


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Networks of finite width: convergence of kernels, time of a step.")
    parser.add_argument("--torch", metavar="PYTHON", help="Python of an environment that has PyTorch")
    parser.add_argument("--quick", action="store_true", help="narrow networks, no times")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure()
        return
    convergence(options.quick)
    if options.quick:
        return
    print("\n| a step, surrogate gradients, width 500 | ms per 10 networks | 500 networks, 30 000 steps, 2 cores |")
    print("|---|---|---|", flush=True)
    one_core = os.environ | dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    subprocess.run([sys.executable, "-m", "benchmarks.finite_width", "--measure"], check=True, env=one_core)
    if options.torch:
        worker = Path(__file__).with_name("finite_width_torch.py")
        answer = subprocess.run([options.torch, worker], check=True, capture_output=True, text=True, env=one_core)
        for line in answer.stdout.splitlines():
            name, seconds = line.rsplit(" ", 1)
            print(f"| {name} | {float(seconds) * 1e3:.2f} | {minutes(float(seconds))} |")


if __name__ == "__main__":
    main()
