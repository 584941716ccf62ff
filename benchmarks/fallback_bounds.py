"""Whether the error bounds of expectations without a closed form are true: random cases against an own quadrature.

    python benchmarks/fallback_bounds.py [--cases 5000] [--seed 0] [--points 25] [--precise 20] [--closed]

Functions are drawn from both tables: those outside the Gaussian-elementary class, their derivatives and surrogates with
slopes 1, 4, 25 and 100, products of two steps, and class-1 partners. Variances are log-uniform in 1e-4 … 1e4, the
correlations include 0, ±1 and 1 − 10^−k; half of the pairs is derived for means of 0, a third of the other cases has
means. The reference is symntk.verify.oracle.general.fast,
with its own error; a sample is computed again by mpmath. A case fails where the error exceeds
`error_bound`·√(E f² E g²) plus the reference's error. `--closed` draws class-1 functions alone, which tests this file.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import sympy as sp
from tqdm import tqdm

import symntk
from symntk.errors import DomainError, SymntkError
from symntk.kernels.function import Function, as_function
from symntk.language.symbols import x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES
from symntk.verify.oracle.general.oracle import fast_reference, general_oracle, general_scale

SLOPES = (1, 4, 25, 100)
SLOPE_NAMES = ("slope", "alpha", "k", "beta")
EXPONENTS = ("q_pseudo", "q_pseudo_wide")  # their alpha is an exponent above 1, not a slope
PARTNERS = (
    *("identity", "relu", "leaky_relu", "hard_tanh", "sign", "step", "abs", "boxcar", "elu", "laplace", "rbf"),
    *("erf", "gelu", "relu_squared", "hermite", "sin", "cos"),
)
PRODUCTS = ("x*normal_cdf(x)*Heaviside(x)", "erf(x)**2", "tanh(x)*Heaviside(x - 1)", "erf(4*x)*tanh(x)")
CLOSED_BOUND = 1e-12
"""What counts as a bound where a closed form's `error_bound` is 0: its rounding."""


@dataclass
class Row:
    """What is printed for one function."""

    cases: int = 0
    error: float = 0.0
    ratio: float = 0.0
    bound: float = 0.0
    seconds: float = 0.0
    failures: int = 0


@dataclass
class Results:
    """Rows by function, and lines for each failure."""

    rows: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    failures: list[str] = field(default_factory=list)
    precise: float = 0.0
    precise_cases: int = 0
    reference_seconds: float = 0.0
    reference_cases: int = 0
    unresolved: int = 0


def candidates(closed):
    """(label, Function) of what is tested, and of the partners."""
    partners = [(n, as_function(n)) for n in PARTNERS]
    partners += [(f"{n}'", f.derivative) for n, f in partners if n not in ("sign", "step", "boxcar")]
    partners += [("step'", as_function("step").derivative)]
    if closed:
        return partners, partners
    found = [(text, as_function(text)) for text in PRODUCTS]
    for name, entry in ACTIVATIONS.items():
        if entry.gaussian_class != "1":
            for slope in SLOPES:
                one = as_function(entry.expression().subs(x, slope * x))
                label = name if slope == 1 else f"{name}({slope}x)"
                found += [(label, one), (f"{label}'", one.derivative)]
    for name, entry in SURROGATES.items():
        if entry.gaussian_class != "1" and not entry.expression().has(sp.Mod):  # Mod: infinitely many kinks
            names = [p.name for p in entry.parameters if p.name in SLOPE_NAMES and p.domain == "positive"]
            slopes = [s for s in SLOPES if s > 1] if name in EXPONENTS else SLOPES
            settings = [{names[0]: s} for s in slopes] if names else [{}]
            for chosen in settings:
                label = f"surrogate {name}" + "".join(f" {k}={v}" for k, v in chosen.items())
                found.append((label, Function(label, as_function(entry.expression(**chosen)).expression)))
    return found, partners


def covariance(rng):
    """One (var_u, var_v, cov, mean_u, mean_v) in float64, an exact covariance."""
    a = float(10 ** rng.uniform(-4, 4))
    b = float(10 ** rng.uniform(-4, 4))
    kind, sign = rng.uniform(), float(rng.choice([-1, 1]))
    if kind < 0.12:  # full correlation, exactly: √b is a power of two times √a
        power = int(rng.integers(-3, 4))
        b, c = a * 4.0**power, sign * a * 2.0**power
    else:
        rho = rng.uniform(-1, 1) if kind < 0.6 else 0.0 if kind < 0.65 else sign * (1 - 10 ** -rng.uniform(1, 15))
        c = float(rho * math.sqrt(a) * math.sqrt(b))
        while Fraction(c) ** 2 > Fraction(a) * Fraction(b):
            c = float(np.nextafter(c, 0))
    means = [0.0, 0.0]
    if rng.uniform() < 1 / 3:
        spread = rng.choice([0.3, 1.0, 3.0, 8.0])
        means = [float(m) for m in rng.normal(size=2) * spread * np.sqrt([a, b])]
    return a, b, c, *means


def evaluate(expectation, laws):
    """Values at all laws; a SymntkError stands for the value where it is raised."""
    try:
        return list(np.broadcast_to(expectation(*np.array(laws).T), len(laws)))
    except SymntkError:
        found = []
        for law in laws:
            try:
                found.append(float(expectation(*law)))
            except SymntkError as error:
                found.append(error)
        return found


def reference(f, g, law, results):
    """The reference's value and error, or the DomainError it raises."""
    start = time.perf_counter()
    try:
        return fast_reference(f.general, g.general, *law)
    except DomainError as error:
        return error, 0.0
    finally:
        results.reference_seconds += time.perf_counter() - start
        results.reference_cases += 1


def judge(label, f, g, law, value, bound, results):
    """Compare one value with the reference and enter it."""
    row = results.rows[label]
    row.cases += 1
    shown = f"f = {f.expression}, g = {g.expression}, law = {law!r}, value = {value!r}, bound = {bound!r}"
    try:
        true, uncertain = reference(f, g, law, results)
    except SymntkError as error:
        results.unresolved += 1
        results.failures.append(f"no reference: {error}; {shown}")
        return
    if isinstance(true, Exception) or isinstance(value, Exception):
        if not (isinstance(true, DomainError) and isinstance(value, DomainError)):
            row.failures += 1
            results.failures.append(f"{shown}, reference = {true!r}")
        return
    scale = general_scale(f.general, g.general, law)
    error = abs(float(value) - true)
    allowed = (bound or CLOSED_BOUND) * scale
    row.bound = max(row.bound, bound)
    if scale > 0:
        row.error = max(row.error, error / scale)
        row.ratio = max(row.ratio, max(0.0, error - uncertain) / allowed)
    if not error <= allowed + uncertain:
        row.failures += 1
        relative = error / (scale or math.nan)
        numbers = f"reference = {true!r} ± {uncertain:.1e}, scale = {scale!r}, error/scale = {relative:.2e}"
        results.failures.append(f"{shown}, {numbers}")


def check_reference(f, g, law, results):
    """The reference against mpmath."""
    try:
        fast = fast_reference(f.general, g.general, *law)[0]
        slow = general_oracle(f.general, g.general, *law, dps=15)
    except SymntkError:
        return
    scale = general_scale(f.general, g.general, law)
    if scale > 0:
        results.precise = max(results.precise, float(abs(fast - slow)) / scale)
        results.precise_cases += 1


def run(cases, seed, points, precise, closed):
    """Draw and compare; returns `Results`."""
    rng, results = np.random.default_rng(seed), Results()
    functions, partners = candidates(closed)
    pairs, order = math.ceil(cases / points), rng.permutation(len(functions))
    with tqdm(total=cases, smoothing=0.05) as bar:
        for pair in range(pairs):
            label, f = functions[order[pair % len(functions)]]
            others = functions if rng.uniform() < 0.6 else partners
            _, g = others[int(rng.integers(len(others)))] if rng.uniform() < 0.75 else (label, f)
            if rng.uniform() < 0.5:
                f, g = g, f
            centred = rng.uniform() < 0.5
            laws = [covariance(rng) for _ in range(min(points, cases - pair * points))]
            laws = [(*law[:3], 0.0, 0.0) for law in laws] if centred else laws
            start = time.perf_counter()
            try:
                expectation = symntk.expectation(f, g, means=not centred)
                bound = float(expectation.error_bound)
                values = evaluate(expectation, [law[:3] for law in laws] if centred else laws)
            except Exception as error:  # whatever is raised is a failure to report, not the end of the run
                values, bound = [error] * len(laws), math.nan
            results.rows[label].seconds += time.perf_counter() - start
            for law, value in zip(laws, values, strict=True):
                judge(label, f, g, law, value, bound, results)
                bar.update()
            if pair % max(1, pairs // max(precise, 1)) == 0 and precise:
                check_reference(f, g, laws[0], results)
    return results


def report(results):
    """Print the table, the reference's check and the failures."""
    print("| function | cases | worst error/scale | worst error/bound | largest bound | seconds | failures |")
    print("|---|---|---|---|---|---|---|")
    for label, row in sorted(results.rows.items(), key=lambda item: -item[1].ratio):
        cells = (f"{row.error:.1e}", f"{row.ratio:.2g}", f"{row.bound:.1e}", f"{row.seconds:.1f}", row.failures)
        print(f"| {label} | {row.cases} | " + " | ".join(str(cell) for cell in cells) + " |")
    per_case = 1e3 * results.reference_seconds / max(1, results.reference_cases)
    print(f"\nreference: {per_case:.0f} ms a case; against mpmath {results.precise:.1e} of √(E f² E g²)", end=" ")
    print(f"in {results.precise_cases} cases; not resolved in {results.unresolved}")
    print(f"{len(results.failures)} failures")
    for line in results.failures:
        print(f"  {line}")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--points", type=int, default=25, help="covariances for each pair of functions")
    parser.add_argument("--precise", type=int, default=20, help="pairs at which mpmath checks the reference")
    parser.add_argument("--closed", action="store_true", help="class-1 functions alone")
    options = parser.parse_args()
    report(run(options.cases, options.seed, options.points, options.precise, options.closed))


if __name__ == "__main__":
    main()
