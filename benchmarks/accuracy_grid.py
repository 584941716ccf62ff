"""Accuracy of the exported float64 maps on the grid of extreme covariances, against 50 digits.

    python -m benchmarks.accuracy_grid [NAME ...] [--dps 50] [--workers 2] [--target numpy]

A target other than numpy is the module that is exported for it, on that library's arrays, which must be installed here.

The reference is the derived formula in mpmath, which keeps relative digits where values are tiny, or, where that
holds bivariate normal probabilities (slow at these extremes), the independent oracle.

Variances are all pairs of {1e-6, 1e-2, 1, 1e2, 1e6}, correlations 0, ±0.5, ±(1 − 10^−k) for k = 2, 4, 8, 12, 15 and ±1;
the float64 triple is taken as exact. For each map the worst error is printed relative to the value ("relative") and to
√(E f² · E g²) ("scaled"), with the point. Values below the float range count as 0.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from mpmath import mp, mpf
from tqdm import tqdm

import symntk
from benchmarks.peers.exported import map_values
from symntk.errors import DomainError, VerificationError
from symntk.language.special import bivariate_normal_cdf
from symntk.verify.oracle.elementary.oracle import expectation_oracle

VARIANCES = (1e-6, 1e-2, 1.0, 1e2, 1e6)
CORRELATIONS = [0.0, 0.5, -0.5, 1.0, -1.0] + [s * (1 - 10.0**-k) for k in (2, 4, 8, 12, 15) for s in (1, -1)]
RELATIVE = {
    "erf": None,
    "relu": None,
    "leaky_relu": None,
    "abs": None,
    "sign": "erf",
    "step": None,
    "sin": None,
    "cos": None,
    "rbf": None,
    "relu_squared": None,
}
SCALED = {
    "gelu": None,
    "elu": None,
    "hard_tanh": None,
    "sign": "triangle",
    "relu": "boxcar",
    "step": "laplace",
    "erf": "gaussian",
}
CASES = [(name, s, 1e-13) for name, s in RELATIVE.items()] + [(name, s, 1e-10) for name, s in SCALED.items()]


def grid():
    """The points of the grid as float64 triples."""
    for a, b in itertools.product(VARIANCES, repeat=2):
        for rho in CORRELATIONS:
            yield a, b, float(rho * np.sqrt(a) * np.sqrt(b))


def square(f, variance, memo):
    """E f(u)², inf where f holds a delta."""
    key = (f.name, variance)
    if key not in memo:
        try:
            memo[key] = symntk.Expectation(f, f).evalf(variance, variance, variance, dps=15)
        except DomainError:
            memo[key] = mp.inf
    return memo[key]


def oracle_or_formula(E, point, dps):
    """The oracle's value; the formula's where the quadrature gives up (widths that differ by a factor of 1e10)."""
    try:
        return expectation_oracle(E.f.form, E.g.form, *point, dps=dps)
    except VerificationError:
        return E.evalf(*point, dps=dps)


def measure(case, points=None, dps=50, target="numpy"):
    """Rows (map, worst relative error, its point, worst scaled error, its point, number of points)."""
    activation, surrogate, _ = case
    rows, memo = [], {}
    kernels = symntk.derive(activation, surrogate)
    for name, E in kernels.items():
        at = [(a, b, c) for a, b, c in points or grid() if not (E.diagonal.diverges and a * b <= c * c)]
        worst, scaled = (0.0, None), (0.0, None)
        for point, got in zip(at, values(kernels, name, np.array(at).T, target), strict=True):
            relative, part = errors(E, point, float(got), memo, dps)
            worst = (relative, point) if not relative <= worst[0] else worst
            scaled = (part, point) if not part <= scaled[0] else scaled
        rows.append((activation, surrogate, name, *worst, *scaled, len(at)))
    return rows


def values(kernels, name, laws, target):
    """A map at laws (3, n): symntk's own call, which is what numpy's module holds, or a target's module."""
    if target == "numpy":
        return getattr(kernels, name)(*laws)
    with tempfile.TemporaryDirectory() as folder:
        path = kernels.export(Path(folder) / "exported.py", target)
        return map_values(path, target, f"{name}_map", laws)


def errors(E, point, got, memo, dps):
    """The error of a float64 value relative to the value, and relative to √(E f² · E g²)."""
    with mp.workdps(dps):
        slow = E.expression is not None and E.expression.has(bivariate_normal_cdf)
        true = oracle_or_formula(E, point, dps) if slow else E.evalf(*point, dps=dps)
        if abs(true) < 1e-300 and abs(got) < 1e-300:
            return 0.0, 0.0
        error = abs(mpf(got) - true)
        relative = float(error / abs(true)) if true else (np.inf if got else 0.0)
        scale = mp.sqrt(square(E.f, point[0], memo) * square(E.g, point[1], memo))
        return relative, float(error / scale) if scale else (np.inf if error else 0.0)


def main():
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--dps", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--target", default="numpy", help="numpy, numba, jax or torch")
    options = parser.parse_args()
    cases = [case for case in CASES if not options.names or case[0] in options.names or case[1] in options.names]
    print("| activation | surrogate | map | relative | at | scaled | at | points | target | |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = [(case, pool.submit(measure, case, None, options.dps, options.target)) for case in cases]
        for case, job in tqdm(jobs):
            for activation, surrogate, name, rel, at, part, there, count in job.result():
                ok = rel <= case[2] if case[2] == 1e-13 else part <= case[2]
                verdict = "ok" if ok else "MISSED"
                cells = (activation, surrogate, name, f"{rel:.1e}", at, f"{part:.1e}", there, count, case[2], verdict)
                tqdm.write("| " + " | ".join(str(cell) for cell in cells) + " |")


if __name__ == "__main__":
    main()
