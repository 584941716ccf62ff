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
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np
import scipy.special

from benchmarks import neural_tangents_worker

REQUIREMENTS = ["neural-tangents==0.6.5", "jax==0.5.3", "jaxlib==0.5.3", "tf2jax==0.3.7"]
FUNCTIONS = {
    "tanh": (np.tanh, lambda x: 1.0 - np.tanh(x) ** 2),
    "erf": (scipy.special.erf, lambda x: 2.0 / np.sqrt(np.pi) * np.exp(-(x**2))),
}
OURS = "symntk"
THEIRS = {
    "float64": ("64", "0"),
    "float64, batches of 50": ("64", "50"),
    "float32": ("32", "0"),
    "float32, batches of 50": ("32", "50"),
}


def environment(folder):
    """The Python of an environment with neural-tangents, made where it is missing."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"making an environment for {', '.join(REQUIREMENTS)} in {folder} (3 GB, minutes)", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        (folder / "complete").touch()
    return python


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


class Worker:
    """A process that computes kernels on request; `stop` ends it. Keywords are environment variables."""

    def __init__(self, command, log, **variables):
        self._log = log
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, **variables},
            )
        self.about = self._answer()["about"]

    def ask(self, **request):
        """The answer to one request."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a worker ended:\n{self._log.read_text()[-2000:]}")
        return json.loads(line)

    def stop(self):
        """Wait until the process has ended."""
        self._process.stdin.close()
        self._process.wait()


def serve_exported(path):
    """Serve an exported module, which is loaded from its file alone."""
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    neural_tangents_worker.serve(lambda x: (module.nngp(x, depth=2), module.ntk(x, depth=2)), f"NumPy {np.__version__}")


def commands(activation, python, folder):
    """How to start each competitor, by name."""
    import symntk

    exported = folder / "exported.py"
    symntk.derive(activation).export(exported)
    found = {OURS: [sys.executable, "-m", "benchmarks.against_neural_tangents", "--serve", exported]}
    for name, (precision, batch) in THEIRS.items():
        found[name] = [python, neural_tangents_worker.__file__, activation, precision, batch]
    return found


def start(started, folder, **variables):
    """A worker for each competitor; keywords are environment variables."""
    return {
        name: Worker(command, folder / f"{index}.log", **variables)
        for index, (name, command) in enumerate(started.items())
    }


def stop(workers):
    """End them."""
    for worker in workers.values():
        worker.stop()


def memory(started, places, folder):
    """Peak memory in bytes of each competitor on each of the inputs, in processes that give it back once free."""
    workers = start(started, folder, MALLOC_MMAP_THRESHOLD_="65536")
    sizes = [
        {name: worker.ask(inputs=place, do="memory")["bytes"] for name, worker in workers.items()} for place in places
    ]
    stop(workers)
    return sizes


def compare(workers, place, rounds, folder):
    """Median core seconds and results of each competitor on the inputs at a path, by name."""
    results, spent = {}, {name: [] for name in workers}
    for name, worker in workers.items():
        worker.ask(inputs=place, do="save", to=str(folder / "result.npz"))
        with np.load(folder / "result.npz") as matrices:
            results[name] = dict(matrices)
    for _ in range(rounds):
        for name, worker in workers.items():
            spent[name].append(worker.ask(inputs=place, do="time")["seconds"])
    return {name: statistics.median(values) for name, values in spent.items()}, results


def rows(workers, sizes, activation, place, variance, rounds):
    """Print the table's rows at one variance; what finer steps change in the references."""
    x = np.load(place)
    pairs = np.array([np.random.default_rng(seed).choice(len(x), 2, replace=False) for seed in range(200)])
    at, own, doubt = references(activation, x, pairs)
    seconds, results = compare(workers, place, rounds, Path(place).parent)
    for name, size in sizes.items():
        share = " | ".join(f"{error:.1e}" for error in errors(results[name], pairs, at, own))
        print(
            f"| {variance:g} | {name} | {seconds[name]:.3f} | {seconds[name] / seconds[OURS]:.1f} | {share} "
            f"| {size / 1e6:.0f} | {size / sum(matrix.nbytes for matrix in results[name].values()):.1f} |",
            flush=True,
        )
    return doubt


def main():
    """Run from the command line."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--activation", choices=FUNCTIONS, default="tanh")
    parser.add_argument("--n", type=int, default=500, help="number of inputs")
    parser.add_argument("--variances", type=float, nargs="+", default=[1.0, 100.0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--environment", type=Path, default=cache / "symntk" / "neural-tangents", help="made if missing"
    )
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve_exported(options.serve)
        return
    python = environment(options.environment)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = commands(options.activation, python, folder)
        places = [str(folder / f"{variance:g}.npy") for variance in options.variances]
        for place, variance in zip(places, options.variances, strict=True):
            np.save(place, inputs(options.n, variance))
        sizes = memory(started, places, folder)
        workers = start(started, folder)
        print("; ".join(dict.fromkeys(worker.about for worker in workers.values())))
        print(f"{options.activation}, one hidden layer, n = {options.n}, NNGP and NTK\n")
        print("| variance | | core s | of symntk's | E[σσ] | E[σ'σ'] | NTK | MB | of the result |")
        print("|---|---|---|---|---|---|---|---|---|")
        doubts = [
            rows(workers, size, options.activation, place, variance, options.rounds)
            for size, place, variance in zip(sizes, places, options.variances, strict=True)
        ]
        stop(workers)
    print(f"\nFiner steps move the references by {max(doubts):.0e}.")


if __name__ == "__main__":
    main()
