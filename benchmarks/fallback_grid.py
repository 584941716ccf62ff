"""Accuracy of what has no closed form, on a grid: every function outside class 1 with itself.

    python -m benchmarks.fallback_grid

The functions are those of `fallback_bounds`: both tables, derivatives, slopes 1, 4, 25 and 100. Variances 1e-4, 1 and
1e4, correlations from −1 to 1 with both ends; errors relative to √(E f² · E g²), against symntk.verify in extended
precision. Prints the worst of each function, worst first, and how many points are above 1e-10.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from tqdm import tqdm

import symntk
from benchmarks.fallback_bounds import candidates
from symntk.errors import SymntkError
from symntk.verify.oracle.general.oracle import fast_reference, general_scale

VARIANCES = (1e-4, 1.0, 1e4)
CORRELATIONS = (-1.0, -0.99999, -0.9, 0.0, 0.5, 0.99, 1.0 - 1e-9, 1.0)
GOAL = 1e-10


def laws():
    """(var_u, var_v, cov) of the grid; at full correlation √(var_u·var_v) is exact."""
    return [(a, b, float(rho * np.sqrt(a) * np.sqrt(b))) for a, b, rho in product(VARIANCES, VARIANCES, CORRELATIONS)]


def worst(function):
    """The largest error over the grid, its place, and the numbers of points compared and of points above the goal."""
    E = symntk.expectation(function, function)
    values = E(*np.array(laws()).T)
    found = (0.0, ())
    compared = above = 0
    for law, value in zip(laws(), values, strict=True):
        try:
            true, uncertain = fast_reference(function.general, function.general, *law)
        except SymntkError:
            continue
        scale = general_scale(function.general, function.general, (*law, 0.0, 0.0))
        if scale > 0.0:
            error = max(0.0, abs(float(value) - true) - uncertain) / scale
            compared, above = compared + 1, above + (error > GOAL)
            found = max(found, (error, law))
    return *found, compared, above


def main():
    """Measure and print."""
    functions, _ = candidates(False)
    rows = [(label, *worst(function)) for label, function in tqdm(functions, disable=None)]
    rows.sort(key=lambda row: -row[1])
    print("| function | worst error/scale | at var_u, var_v, cov |\n|---|---|---|")
    for label, error, law, *_ in rows[:12]:
        print(f"| {label} | {error:.1e} | {', '.join(f'{x:.6g}' for x in law)} |")
    points, above = (sum(row[i] for row in rows) for i in (3, 4))
    print(f"\n{len(rows)} functions, {points} points compared, {above} above {GOAL:g}")


if __name__ == "__main__":
    main()
