"""Handwritten digits read row by row, 8 steps of 8 pixels: accuracy of kernels in time, and of trained networks.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.time_digits [--images 600] [--networks 3] [--surrogates erf triangle]

The first `images` of scikit-learn's digits, values −1 to 1, 3 folds; one-hot targets less 1/10, the class is the argmax
of regression to the end of training with ridge 1e-2 of the mean diagonal. Step units with threshold 0.4, bias_std 0.2,
readout "mean". Kernels with a reset are the surrogate_ntk of sampled paths; the others are SG-NTKs. Beside them:
the SG-NTK of a plain network on all 64 pixels, and networks of 300 units, one for each class, that surrogate gradients
train on the first fold (accuracy there; the kernel's on the same fold in brackets).
A surrogate without a closed form beside a threshold, such as fast_sigmoid, takes fifty times as long: at correlations
that its table does not reach, where potentials of successive steps are, each entry is an integral.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold

import symntk
from symntk import Network, TimeNetwork
from symntk.finite import FiniteTimeNetwork

RIDGE = 1e-2
SETTINGS = {"threshold": 0.4, "bias_std": 0.2, "readout": "mean", "paths": 2048, "repeats": 2}


def accuracy(gram, labels, folds):
    """Of regression, in each fold."""
    targets, out = np.eye(10)[labels] - 0.1, []
    for train, test in folds:
        system = gram[np.ix_(train, train)]
        system = system + RIDGE * np.trace(system) / len(train) * np.eye(len(train))
        found = gram[np.ix_(test, train)] @ np.linalg.solve(system, targets[train])
        out.append(np.mean(np.argmax(found, axis=1) == labels[test]))
    return np.array(out)


def trained(net, x, labels, fold, steps, seed):
    """Accuracy of networks that surrogate gradients train."""
    train, test = fold
    outputs = np.empty((len(test), 10))
    for digit in range(10):
        one = FiniteTimeNetwork(net, 300, x.shape[2], seed=[seed, digit])
        one.readout *= 0.1  # nearly the mean over initial networks
        one.train(x[train], (labels[train] == digit) - 0.1, learning_rate=1.5 / len(train), steps=steps)
        outputs[:, digit] = one.outputs(x[test])
    return np.mean(np.argmax(outputs, axis=1) == labels[test])


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--networks", type=int, default=0, help="trained for each row; 0 for none")
    parser.add_argument("--surrogates", nargs="+", default=["erf", "triangle", "fast_sigmoid"])
    parser.add_argument("--steps", type=int, default=300, help="of training")
    options = parser.parse_args()
    digits = load_digits()
    x, labels = digits.data[: options.images] / 8.0 - 1.0, digits.target[: options.images]
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(x, labels))
    print("| network | surrogate | leak | recurrent | reset | accuracy in % | trained networks | s |\n|" + "---|" * 8)
    plain = accuracy(Network(symntk.derive("step", "erf"), 3, bias_std=0.2).sg_ntk(x), labels, folds)
    print(f"| 64 pixels, depth 3 | erf |  |  |  | {100 * plain.mean():.1f} ± {100 * plain.std():.1f} |  |  |")
    rows = x.reshape(len(x), 8, 8)
    cases = itertools.product(options.surrogates, (0.5, 0.9), (0.0, 0.7), ("none", "subtract"))
    for surrogate, leak, recurrent, reset in cases:
        before = time.perf_counter()
        net = TimeNetwork(symntk.derive("step", surrogate), leak=leak, recurrent_std=recurrent, reset=reset, **SETTINGS)
        (gram,) = net.kernels(rows, get="sg_ntk" if reset == "none" else "surrogate_ntk")
        found, spent = accuracy(gram, labels, folds), time.perf_counter() - before
        beside = [trained(net, rows, labels, folds[0], options.steps, seed) for seed in range(options.networks)]
        shown = f"{100 * np.mean(beside):.1f} ({100 * found[0]:.1f})" if beside else ""
        cells = [surrogate, f"{leak:g}", f"{recurrent:g}", reset, f"{100 * found.mean():.1f} ± {100 * found.std():.1f}"]
        print(f"| in time | {' | '.join(cells)} | {shown} | {spent:.0f} |", flush=True)


if __name__ == "__main__":
    main()
