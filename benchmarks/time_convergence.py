"""Networks in time of finite width against their kernels: how squared differences fall with the width.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.time_convergence [--networks 40] [--widths 50 100 200 400]

For step and sign units with four surrogates, recurrent and not, and all resets: the mean squared difference between
empirical and analytic kernel relative to the latter's mean square, over networks and over pairs of three inputs of four
steps, and the slope of its logarithm over that of the width, ± its standard error, which is propagated from that of
each mean. The theory says −1. Kernels with a reset are themselves sampled, with a standard error far below.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np

import symntk
from symntk import TimeNetwork
from symntk.finite import FiniteTimeNetwork

INPUTS = np.random.default_rng(0).normal(size=(3, 4, 2))
SURROGATES = ("erf", "arctan", "fast_sigmoid", "triangle")
UNITS = {"step": {"threshold": 0.4}, "sign": {}}
RESETS = ({"reset": "none"}, {"reset": "subtract", "reset_size": 0.4}, {"reset": "zero"})


def convergence(net, names, widths, networks, first=0, x=INPUTS):
    """Mean squared relative differences (widths, names), and the slopes over the width with their errors (names,).

    `first` is the first network's seed.
    """
    limits = net.kernels(x, get=names)
    found = np.zeros((len(widths), networks, len(names)))
    for row, width in enumerate(widths):
        for index in range(networks):
            grams = FiniteTimeNetwork(net, width, x.shape[2], seed=[width, first + index]).kernels(x, get=names)
            found[row, index] = [np.mean((a - b) ** 2) / np.mean(b**2) for a, b in zip(grams, limits, strict=True)]
    means = found.mean(axis=1)
    errors = found.std(axis=1, ddof=1) / means / np.sqrt(networks)
    log = np.log(widths) - np.mean(np.log(widths))
    slopes = log @ np.log(means) / np.sum(log**2)
    return means, slopes, np.sqrt(log**2 @ errors**2) / np.sum(log**2)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--widths", type=int, nargs="+", default=[50, 100, 200, 400])
    parser.add_argument("--units", nargs="+", choices=UNITS, default=list(UNITS))
    options = parser.parse_args()
    names = ("nngp", "surrogate_ntk")
    heads = [f"{name}, {what}" for name in names for what in (f"width {options.widths[-1]}", "slope")]
    print(f"| unit | surrogate | recurrent | reset | {' | '.join(heads)} |\n|{'---|' * (4 + len(heads))}")
    cases = itertools.product(options.units, (0.0, 1.0), RESETS, SURROGATES)
    for number, (unit, recurrent, reset, surrogate) in enumerate(cases):
        leak = 0.4 if unit == "sign" and reset["reset"] == "zero" else 0.8
        settings = {"leak": leak, "bias_std": 0.3, "recurrent_std": recurrent, **UNITS[unit], **reset}
        net = TimeNetwork(symntk.derive(unit, surrogate), **settings)
        means, slopes, errors = convergence(net, names, options.widths, options.networks, 1000 * number)
        cells = [f"{m:.4f} | {s:.2f} ± {e:.2f}" for m, s, e in zip(means[-1], slopes, errors, strict=True)]
        row = [unit, surrogate, "yes" if recurrent else "no", reset["reset"], *cells]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
