"""Recurrent spiking networks trained by surrogate gradients beside the process that their kernel predicts: a figure.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.figure_time results/time_trained.svg [--networks 16] [--width 400]

A rotation read step by step: x_t = (sin(α + t), cos(α + t)), 6 steps; the target of the surrogate-gradient NTK paper on
its circle at α; 15 training angles, 100 test angles. Step units, threshold 0.4, leak 0.8, recurrent_std 0.7, bias_std
0.3, surrogate erf, readout "mean"; full-batch surrogate gradients on ½ Σ (f − y)² to time rate · steps = 20. The folder
gets a table of means and standard deviations (.csv) beside the picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import symntk
from symntk import TimeNetwork
from symntk.finite import FiniteTimeNetwork

SETTINGS = {"leak": 0.8, "threshold": 0.4, "recurrent_std": 0.7, "bias_std": 0.3, "readout": "mean"}
TIME, STEPS = 20.0, 6


def sequences(angles):
    """A rotation from each angle, (n, steps, 2)."""
    phases = angles[:, None] + np.arange(STEPS)
    return np.stack([np.sin(phases), np.cos(phases)], axis=2)


def target(angles):
    """The paper's polynomial on its circle."""
    x, y = np.sin(angles), np.cos(angles)
    return 4 * x * y**2 - 0.8 * x**3 + 1.2 * y**2 - 0.8 * x**2 * y


def draw(path, angles, train, found, expected):
    """Mean and band of the process, mean and spread of the networks."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4))
    low, high = expected.mean - 2 * expected.std, expected.mean + 2 * expected.std
    axes.fill_between(angles, low, high, color="C0", alpha=0.2, lw=0, label="process, mean ± 2 sd")
    axes.plot(angles, expected.mean, "C0")
    mean, spread = found.mean(axis=0), found.std(axis=0, ddof=1)
    axes.plot(angles, mean, "C1--", label=f"{len(found)} spiking networks, mean ± 2 sd")
    axes.plot(angles, mean - 2 * spread, "C1:", angles, mean + 2 * spread, "C1:")
    axes.plot(train, target(train), "ko", ms=4, label="training targets")
    axes.set_xlabel("angle at which the rotation starts")
    axes.set_ylabel("output")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    """Train, compare, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--networks", type=int, default=16)
    parser.add_argument("--width", type=int, default=400)
    parser.add_argument("--rate", type=float, default=0.04)
    options = parser.parse_args()
    angles = 2 * np.pi * np.arange(100) / 100 - np.pi
    train = np.sort(np.random.default_rng(1).uniform(-np.pi, np.pi, 15))
    net = TimeNetwork(symntk.derive("step", "erf"), **SETTINGS)
    flow = net.flow(sequences(train), target(train))
    expected = flow.predict(sequences(angles), time=TIME)
    found = np.empty((options.networks, len(angles)))
    for seed in range(options.networks):
        one = FiniteTimeNetwork(net, options.width, 2, seed=seed)
        one.train(sequences(train), target(train), learning_rate=options.rate, steps=round(TIME / options.rate))
        found[seed] = one.outputs(sequences(angles))
    spread = found.std(axis=0, ddof=1)
    table = np.column_stack([angles, target(angles), expected.mean, expected.std, found.mean(axis=0), spread])
    head = "angle,target,process mean,process sd,networks mean,networks sd"
    np.savetxt(options.path.with_suffix(".csv"), table, delimiter=",", header=head, comments="", fmt="%.6f")
    draw(options.path, angles, train, found, expected)
    difference = found.mean(axis=0) - expected.mean
    print(f"root mean square difference of the means {np.sqrt(np.mean(difference**2)):.3f}")
    print(f"standard error of the networks' mean, rms {np.sqrt(np.mean(spread**2) / len(found)):.3f}")
    print(f"mean sd: process {expected.std.mean():.3f}, networks {spread.mean():.3f}")


if __name__ == "__main__":
    main()
