"""Speed, error and memory beside google/neural-tangents, on the same inputs in the same run.

    python -m benchmarks.against_neural_tangents

One hidden layer, NNGP and NTK together: symntk's exported module (`nngp`, `ntk`, depth 2) against neural-tangents'
`ElementwiseNumerical` of degree 25, compiled, in float64 and in JAX's default float32, whole and in batches. The inputs
are n points near a sphere in three dimensions, turned into 64 features, so that correlations are uniform on (−1, 1);
their norms scatter by 1 %, the variances around 1 and 100 by 2 %.

Seconds are user and system time of a process, the median of rounds in which the competitors take turns, so that other
load hits all. Each has one core: on more, idle threads of NumPy's BLAS and of JAX wait in loops that count as time.
Errors are the largest over 200 random entries and the diagonal, against trapezoidal sums: of E[σσ] and E[σ'σ'] relative
to √(E f²·E g²), and of the NTK relative to √(Θ_ii·Θ_jj). Memory is the growth of the resident size at its peak, in
processes of their own, beside the size of the two matrices in the same precision.

neural-tangents needs an older JAX; the first run makes a virtual environment for it in a cache folder.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.special

import symntk
from benchmarks.peers.environment import DEFAULT, environment
from benchmarks.peers.process import alternate, results, started

FUNCTIONS = {
    "tanh": (np.tanh, lambda x: 1.0 - np.tanh(x) ** 2),
    "erf": (scipy.special.erf, lambda x: 2.0 / np.sqrt(np.pi) * np.exp(-(x**2))),
}
OURS = "symntk"
DEGREE = ["--degree", "25"]
BATCHES = ["--batch", "50"]
THEIRS = {
    "float64": ["64", *DEGREE],
    "float64, batches of 50": ["64", *DEGREE, *BATCHES],
    "float32": ["32", *DEGREE],
    "float32, batches of 50": ["32", *DEGREE, *BATCHES],
}
ASK = {"get": ["nngp", "ntk"], "depth": 2, "weight_std": 1.0, "bias_std": 0.0}


def inputs(n, variance, features=64):
    """Inputs (n, features) whose first-layer variances |x|²/features scatter around one value."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(n, 3))
    points *= (rng.uniform(0.99, 1.01, n) * np.sqrt(variance * features) / np.linalg.norm(points, axis=1))[:, None]
    turn, _ = np.linalg.qr(rng.normal(size=(features, 3)))
    return points @ turn.T


def normal_nodes(variance, refine=1.0):
    """Nodes and weights of a trapezoidal rule over a standard normal variable, for functions of √variance times it.

    The rule converges like exp(−2π·(width of the strip where the integrand is analytic)/step): tanh has its poles at
    ±iπ/2, so this step leaves e⁻⁴⁵, and so does the end at 9.5.
    """
    step = min(0.25, np.pi**2 / np.sqrt(variance) / 45.0) / refine
    nodes = step * np.arange(-round(9.5 / step), round(9.5 / step) + 1)
    return nodes, step * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)


def trapezoid(functions, a, b, c, refine=1.0):
    """E[f(u) f(v)] for each f at one covariance, by trapezoidal sums over two independent normal variables.

    >>> value, = trapezoid([scipy.special.erf], 1.0, 2.0, 0.5)
    >>> print(abs(value - 2 / np.pi * np.arcsin(2 * 0.5 / np.sqrt(3.0 * 5.0))) < 1e-15)
    True
    """
    nodes, weights = normal_nodes(max(a, b), refine)
    left = np.sqrt(a) * nodes
    right = (c / a) * left[:, None] + np.sqrt(max(b - c * c / a, 0.0)) * nodes
    return [float((weights * f(left)) @ (f(right) @ weights)) for f in functions]


def references(activation, x, pairs):
    """(E[σσ], E[σ'σ'], E[uv]) of each pair and of each input with itself; and what finer steps change in the former."""
    functions = FUNCTIONS[activation]
    cov = x @ x.T / x.shape[1]
    at = np.array([[*trapezoid(functions, cov[i, i], cov[j, j], cov[i, j]), cov[i, j]] for i, j in pairs])
    finer = [trapezoid(functions, cov[i, i], cov[j, j], cov[i, j], 1.4) for i, j in pairs[:20]]
    own = []
    for variance in np.diag(cov):
        nodes, weights = normal_nodes(variance)
        own.append([*(float(weights @ f(np.sqrt(variance) * nodes) ** 2) for f in functions), variance])
    return at, np.array(own), float(np.max(np.abs(np.array(finer) - at[:20, :2])))


def errors(matrices, pairs, at, own):
    """Largest errors of E[σσ], E[σ'σ'] and the NTK at the pairs and on the diagonal, relative to their scales."""
    i, j = np.concatenate([pairs, np.repeat(np.arange(len(own))[:, None], 2, axis=1)]).T
    nngp, slope, cov = np.concatenate([at, own]).T
    ntk, own_ntk = nngp + cov * slope, own[:, 0] + own[:, 2] * own[:, 1]
    given_nngp, given_ntk = (np.asarray(matrices[name], dtype=np.float64)[i, j] for name in ("nngp", "ntk"))
    # The matrices hold E[σ'σ'] times the covariance, whose rounding a small one would blow up.
    clear = np.abs(cov) > 0.1 * np.sqrt(own[i, 2] * own[j, 2])
    slope_error = np.abs((given_ntk - given_nngp)[clear] / cov[clear] - slope[clear])
    return (
        np.max(np.abs(given_nngp - nngp) / np.sqrt(own[i, 0] * own[j, 0])),
        np.max(slope_error / np.sqrt(own[i, 1] * own[j, 1])[clear]),
        np.max(np.abs(given_ntk - ntk) / np.sqrt(own_ntk[i] * own_ntk[j])),
    )


def commands(activation, python, folder):
    """How to start each competitor, by name."""
    exported = symntk.derive(activation).export(folder / "exported.py")
    found = {OURS: [sys.executable, "-m", "benchmarks.peers.exported", exported, "numpy", "64"]}
    for name, arguments in THEIRS.items():
        found[name] = [python, "-m", "benchmarks.peers.neural_tangents", activation, *arguments]
    return found


def memory(contestants, places, folder):
    """Peak memory in bytes of each competitor on each of the inputs, in processes that give it back once free."""
    with started(contestants, folder, MALLOC_MMAP_THRESHOLD_="65536") as workers:
        return [
            {name: worker.ask(inputs=place, do="memory", ask=ASK)["bytes"] for name, worker in workers.items()}
            for place in places
        ]


def rows(workers, sizes, activation, place, variance, rounds):
    """Print the table's rows at one variance; what finer steps change in the references."""
    x = np.load(place)
    pairs = np.array([np.random.default_rng(seed).choice(len(x), 2, replace=False) for seed in range(200)])
    at, own, doubt = references(activation, x, pairs)
    found = {name: results(worker, Path(place).parent, inputs=place, ask=ASK) for name, worker in workers.items()}
    seconds = alternate(workers, rounds, inputs=place, ask=ASK)
    for name, size in sizes.items():
        share = " | ".join(f"{error:.1e}" for error in errors(found[name], pairs, at, own))
        print(
            f"| {variance:g} | {name} | {seconds[name]:.3f} | {seconds[name] / seconds[OURS]:.1f} | {share} "
            f"| {size / 1e6:.0f} | {size / sum(matrix.nbytes for matrix in found[name].values()):.1f} |",
            flush=True,
        )
    return doubt


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--activation", choices=FUNCTIONS, default="tanh")
    parser.add_argument("--n", type=int, default=500, help="number of inputs")
    parser.add_argument("--variances", type=float, nargs="+", default=[1.0, 100.0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--environment", type=Path, default=DEFAULT, help="made if missing")
    options = parser.parse_args()
    python = environment(options.environment)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contestants = commands(options.activation, python, folder)
        places = [str(folder / f"{variance:g}.npy") for variance in options.variances]
        for place, variance in zip(places, options.variances, strict=True):
            np.save(place, inputs(options.n, variance))
        sizes = memory(contestants, places, folder)
        with started(contestants, folder) as workers:
            print("; ".join(dict.fromkeys(worker.about for worker in workers.values())))
            print(f"{options.activation}, one hidden layer, n = {options.n}, NNGP and NTK\n")
            print("| variance | | core s | of symntk's | E[σσ] | E[σ'σ'] | NTK | MB | of the result |")
            print("|---|---|---|---|---|---|---|---|---|")
            doubts = [
                rows(workers, size, options.activation, place, variance, options.rounds)
                for size, place, variance in zip(sizes, places, options.variances, strict=True)
            ]
    print(f"\nFiner steps move the references by {max(doubts):.0e}.")


if __name__ == "__main__":
    main()
