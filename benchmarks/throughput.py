"""Speed: import, derivation, float64 maps and Gram matrices, in core seconds of one process.

    python -m benchmarks.throughput

Maps run on 10⁶ random covariances (variances 0.5 to 2, all correlations), Gram matrices on scikit-learn's digits
(1797 × 64, depth 3) where it is installed. Each figure is the median of three runs.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import numpy as np

import symntk
from symntk.emit.compile import namespace

PAIRS = [("relu", None), ("erf", None), ("sign", "erf"), ("gelu", None), ("elu", None), ("hard_tanh", "triangle")]


def core_seconds(action, runs=3):
    """Median process time of an action."""
    spent = []
    for _ in range(runs):
        start = time.process_time()
        action()
        spent.append(time.process_time() - start)
    return statistics.median(spent)


def in_a_process(*command):
    """Median wall time of a command."""
    spent = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def main():
    """Measure and print."""
    print(f"import symntk                            {in_a_process(sys.executable, '-c', 'import symntk'):8.2f} s wall")
    derive = [sys.executable, "-c", "from symntk.cli import main; main()", "derive", "sign", "--surrogate", "erf"]
    print(f"symntk derive sign --surrogate erf       {in_a_process(*derive):8.2f} s wall")
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.5, 2, (2, 10**6))
    c = rng.uniform(-1, 1, 10**6) * np.sqrt(a * b)
    for activation, surrogate in PAIRS:
        for name, E in symntk.derive(activation, surrogate).items():
            E(1.0, 1.0, 0.5)
            seconds = core_seconds(lambda E=E: E(a, b, c))
            print(f"{activation + ' ' + (surrogate or ''):24s} {name:14s}   {seconds * 1e3:8.0f} ns per entry")
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        return
    digits = load_digits().data
    for activation, surrogate, kernel in (("relu", None, "ntk"), ("sign", "erf", "sg_ntk"), ("gelu", None, "ntk")):
        gram = namespace(symntk.derive(activation, surrogate).source())[kernel]
        seconds = core_seconds(lambda gram=gram: gram(digits, depth=3))
        print(f"{activation + ' ' + (surrogate or ''):24s} {kernel:8s} Gram  {seconds:8.2f} s for 1797 × 1797, depth 3")


if __name__ == "__main__":
    main()
