"""The bivariate normal distribution function: symntk's, the formula in Owen's T, and SciPy's `multivariate_normal.cdf`.

    python -m benchmarks.bivariate_normal [--size 300] [--time 20000] [--seed 0]

from the root of the repository. Prints, for each region of arguments, the worst relative error against an enclosure,
over the points where the value exceeds 1e-300 (1 is: no digit right); symntk's worst error in units of 1 + |log value|,
which `_BIVARIATE_ERROR` bounds; and the time per element, the best of five. SciPy's function takes one covariance a
call, so it is called, and timed on a hundred points, point by point.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy import special, stats

from symntk.emit.runtime.bivariate import _BIVARIATE_ERROR, _bivariate
from tests.emit.bivariate_reference import Arrays, reference, regions, relative_error


def through_owens_t(h: np.ndarray, k: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Owen's formula, Ann. Math. Statist. 27 (1956), 1075, eq. (2.1), with the slopes formed from (c, d)."""
    with np.errstate(all="ignore"):
        rho, s = c / np.hypot(c, d), d / np.hypot(c, d)
        slope_h = np.where(h == 0, np.copysign(np.inf, k), (k - rho * h) / (h * s))
        slope_k = np.where(k == 0, np.copysign(np.inf, h), (h - rho * k) / (k * s))
        half = 0.5 * ((h * k < 0) | ((h * k == 0) & (h + k < 0)))
        tails = special.owens_t(h, slope_h) + special.owens_t(k, slope_k)
        return 0.5 * (special.ndtr(h) + special.ndtr(k)) - tails - half


def through_scipy(h: np.ndarray, k: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """One call of SciPy's function per point."""
    rho = c / np.hypot(c, d)
    values = []
    for x, y, r in zip(h, k, rho, strict=True):
        values.append(float(stats.multivariate_normal.cdf([x, y], [0, 0], [[1, r], [r, 1]], allow_singular=True)))
    return np.array(values)


def nanoseconds(function: Callable[..., np.ndarray], points: Arrays, repeat: int = 5) -> float:
    """Least time per element."""
    least = np.inf
    for _ in range(repeat):
        start = time.perf_counter()
        function(*points)
        least = min(least, time.perf_counter() - start)
    return 1e9 * least / len(points[0])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=300, help="points per region for the errors")
    parser.add_argument("--time", type=int, default=20000, help="points per region for the times")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    functions = {"symntk": _bivariate, "Owen's T": through_owens_t, "SciPy": through_scipy}
    timed = regions(options.seed + 1, options.time)
    print(f"{'':26}{'worst relative error':>33}  {'scaled':>8}{'ns per element':>27}")
    print(f"{'region':26}" + "".join(f"{name:>11}" for name in functions) + f"  {'symntk':>8}", end="")
    print("".join(f"{name:>9}" for name in functions))
    worst = 0.0
    for name, points in regions(options.seed, options.size).items():
        exact = [reference(*map(float, point)) for point in zip(*points, strict=True)]
        kept = [i for i, ball in enumerate(exact) if ball is not None and float(ball.mid()) > 1e-300]
        errors, scaled = [], 0.0
        for function in functions.values():
            values = function(*points)
            found = np.array([relative_error(float(values[i]), exact[i]) for i in kept])
            errors.append(min(1.0, found.max()))
            if function is _bivariate:
                scaled = float(np.max(found / (1 - np.log(values[kept]))))
        few = tuple(x[:100] for x in timed[name])
        times = [nanoseconds(_bivariate, timed[name]), nanoseconds(through_owens_t, timed[name])]
        times.append(nanoseconds(through_scipy, few, 2))
        row = "".join(f"{error:11.1e}" for error in errors) + f"  {scaled:8.1e}" + "".join(f"{t:9.0f}" for t in times)
        print(f"{name:26}{row}", flush=True)
        worst = max(worst, scaled)
    print(f"worst scaled error {worst:.1e}, documented bound {_BIVARIATE_ERROR:.1e}")


if __name__ == "__main__":
    main()
