"""Handwritten digits: 5-fold accuracy of the sign network's SG-NTK regression beside NNGP and NTK baselines.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.digits [--depth 3] [--weight-std 1] [--bias-std 0.1] [--kernels NAME …]

scikit-learn's data set of 1797 images of 8 × 8 pixels, whose values 0 to 16 become −1 to 1. Targets are one-hot less
1/10, the class is the argmax. All methods are regression to the end of training with the same folds and ridges, so
nothing is chosen on the images of a test fold. An accuracy is the share of all images that are classified correctly,
each by the model that did not see it, ± the standard deviation over the folds. Seconds are for all folds and ridges,
the kernels' derivation included; several threads of linear algebra cost more than they save on cores that other work
shares.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import StratifiedKFold

from symntk.networks import NetworkKernel, SurrogateGradientRegressor

RIDGES = (1e-4, 1e-2, 1e-1)
METHODS = [
    *(("sign", "SG-NTK", surrogate) for surrogate in ("erf", "arctan")),
    *((activation, "NNGP", None) for activation in ("sign", "relu", "erf", "tanh")),
    *((activation, "NTK", None) for activation in ("relu", "erf", "tanh")),
]


def data():
    """Inputs (1797, 64) from −1 to 1, and labels."""
    digits = load_digits()
    return digits.data / 8.0 - 1.0, digits.target


def predictors(method, scales, x, targets):
    """For each ridge a function of training and test indices that predicts (test images, classes)."""
    activation, kernel, surrogate = method
    if kernel == "SG-NTK":
        models = [SurrogateGradientRegressor(activation, surrogate, ridge=ridge, **scales) for ridge in RIDGES]
        return [lambda train, test, m=m: m.fit(x[train], targets[train]).predict(x[test]) for m in models]
    gram = NetworkKernel(activation, kernel.lower(), **scales)(x)
    models = [KernelRidge(alpha=ridge, kernel="precomputed") for ridge in RIDGES]
    return [
        lambda train, test, m=m: m.fit(gram[np.ix_(train, train)], targets[train]).predict(gram[np.ix_(test, train)])
        for m in models
    ]


def accuracies(method, scales, folds, seed):
    """Accuracy of every ridge and fold (ridges, folds), and the share of all images that is right (ridges,)."""
    x, labels = data()
    models = predictors(method, scales, x, np.eye(10)[labels] - 0.1)
    right, by_fold = np.zeros((len(RIDGES), len(x)), dtype=bool), []
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, labels):
        right[:, test] = [np.argmax(predict(train, test), axis=1) == labels[test] for predict in models]
        by_fold.append(right[:, test].mean(axis=1))
    return np.stack(by_fold, axis=1), right.mean(axis=1)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--weight-std", type=float, default=1.0)
    parser.add_argument("--bias-std", type=float, default=0.1)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kernels", nargs="+", choices=["SG-NTK", "NNGP", "NTK"], help="only the rows of these")
    options = parser.parse_args()
    scales = {"depth": options.depth, "weight_std": options.weight_std, "bias_std": options.bias_std}
    heads = ["activation", "kernel", "surrogate", *(f"accuracy in %, ridge {ridge:g}" for ridge in RIDGES), "s"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for activation, kernel, surrogate in METHODS:
        if options.kernels and kernel not in options.kernels:
            continue
        before = time.perf_counter()
        by_fold, total = accuracies((activation, kernel, surrogate), scales, options.folds, options.seed)
        shown = [f"{100 * mean:.2f} ± {100 * sd:.2f}" for mean, sd in zip(total, by_fold.std(axis=1), strict=True)]
        spent = time.perf_counter() - before
        print(f"| {activation} | {kernel} | {surrogate or ''} | {' | '.join(shown)} | {spent:.0f} |", flush=True)


if __name__ == "__main__":
    main()
