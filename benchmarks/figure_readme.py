"""The picture of the README: NTKs of erf(m x) and of sign next to their surrogate-gradient NTKs, over the angle.

    python -m benchmarks.figure_readme results/ntk_of_sign.svg

from the root of the repository; needs matplotlib (`pip install ".[figures]"`). Depth 3, weight_std 1, bias_std 0.1,
points on the unit circle, as in the paper's figures 1 and 2 (arXiv 2405.15539). Every curve is computed by a module
that symntk exports. Prints the values that theory gives for angle 0 and π/2.
"""

from __future__ import annotations

import argparse
import runpy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend is chosen first)
import numpy as np  # noqa: E402

import symntk  # noqa: E402

NETWORK = {"depth": 3, "weight_std": 1.0, "bias_std": 0.1}
ACTIVATIONS = {"erf(2x)": "erf(m=2)", "erf(5x)": "erf(m=5)", "erf(20x)": "erf(m=20)", "sign": "sign"}
COLOURS = ["#9ecae1", "#4292c6", "#08519c", "black"]


def module(kernels: symntk.Kernels) -> dict[str, Any]:
    """The exported module, run."""
    with tempfile.TemporaryDirectory() as folder:
        return runpy.run_path(str(kernels.export(Path(folder) / "kernels.py")))


def on_circle(angles: np.ndarray) -> np.ndarray:
    """Points of the unit circle, one per row."""
    return np.stack([np.sin(angles), np.cos(angles)], axis=1)


def against_angle(gram: Callable[..., np.ndarray], angles: np.ndarray) -> np.ndarray:
    """The kernel between the point at the angle 0 and those at the angles."""
    return gram(on_circle(np.zeros(1)), on_circle(angles), **NETWORK)[0]


def main() -> None:
    """Draw the picture and print what can be compared with the theory's table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    path = parser.parse_args().path

    half = np.concatenate([np.geomspace(1e-4, 0.1, 30), np.linspace(0.12, np.pi, 60)])
    angles = np.concatenate([-half[::-1], half])  # no point at 0, where the NTK of sign is infinite
    plt.rcParams.update(
        {"svg.hashsalt": "symntk", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), constrained_layout=True)
    for (label, activation), colour in zip(ACTIVATIONS.items(), COLOURS, strict=True):
        kernels = module(symntk.derive(activation, "erf"))
        left.plot(angles, against_angle(kernels["ntk"], angles), color=colour, label=label)
        right.plot(angles, against_angle(kernels["sg_ntk"], angles), color=colour, label=label)
        quarter = np.array([np.pi / 2])
        ntk = against_angle(kernels["ntk"], quarter)[0]
        at_zero = against_angle(kernels["sg_ntk"], np.zeros(1))[0]
        print(f"{label:9} NTK(π/2) = {ntk:.9f}   SG-NTK(0) = {at_zero:.9f}")
    left.set(title="NTK: infinite at 0 for sign", yscale="asinh", ylim=(-8, 1e4), xlabel="angle")
    right.set(title="surrogate-gradient NTK, surrogate erf", xlabel="angle")
    for axes in (left, right):
        axes.set_xticks([-np.pi, 0, np.pi], ["−π", "0", "π"])
    right.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    print(f"{path}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
