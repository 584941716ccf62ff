"""Simulated rate networks: Lyapunov exponents to compare with mean-field theory, precision and times.

    python -m benchmarks.dynamics_simulation driven [--N 2000] [--realizations 5] [--steps 16000]
    python -m benchmarks.dynamics_simulation undriven [--N 500 1000 2000]
    python -m benchmarks.dynamics_simulation times [--N 2000 5000]
    python -m benchmarks.dynamics_simulation learning [--full]

`driven` prints λ₁ at g = 2, f = 0.2/τ, dt = τ/16 under five common and five independent inputs on both sides of the
transition (common inputs scale with √N), `undriven` λ₁ without input at several g, `times` the milliseconds of a step
in float32 and float64, `learning` the test error of students of driven teachers. Interrupted runs but of `times`
continue where they stopped (--folder holds their checkpoints). Set OPENBLAS_NUM_THREADS=1 to measure one core.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from symntk.dynamics.simulation import Drive, Run, simulate
from symntk_papers.balanced.learning import FULL, Task, teach

COMMON = (0.25, 0.56, 0.78, 1.0, 1.34)  # times √N
INDEPENDENT = (1.0, 2.5, 3.5, 4.5, 6.0)
GAINS = (1.5, 1.6, 2.0, 2.5)


def driven(options):
    """λ₁ under inputs, all of them and none side by side."""
    for N in options.N or [2000]:
        common = [Drive(round(a * math.sqrt(N), 2), common=True) for a in COMMON]
        drives = [Drive(0.0), *common, *(Drive(a, common=False) for a in INDEPENDENT)]
        run = simulate(
            N,
            2.0,
            drives,
            Run(
                options.steps,
                realizations=options.realizations,
                record=False,
                checkpoint=options.folder / f"driven-{N}-{options.steps}",
            ),
        )
        print(f"\nN = {N}, g = 2, f = 0.2, {options.realizations} realizations of {run.dt * options.steps:g} τ\n")
        print(run.table(), flush=True)


def undriven(options):
    """λ₁ without input over g and N."""
    sizes = options.N or [500, 1000, 2000]
    print(f"\n| g | {' | '.join(f'N = {N}' for N in sizes)} |\n|---|{'---|' * len(sizes)}")
    for g in GAINS:
        cells = []
        for N in sizes:
            folder = options.folder / f"undriven-{g}-{N}-{options.steps}"
            plan = Run(options.steps, realizations=options.realizations, record=False, checkpoint=folder)
            run = simulate(N, g, run=plan)
            cells.append(f"{run.lyapunov.mean():.4f} ± {run.error[0]:.4f}")
        print(f"| {g} | {' | '.join(cells)} |", flush=True)


def times(options):
    """Milliseconds of a step, one exponent of each input."""
    print("| N | inputs | float32, ms per step | float64, ms per step |\n|---|---|---|---|")
    for N in options.N or [2000, 5000]:
        for count in (1, 5, 10):
            cells = []
            for dtype in ("float32", "float64"):
                spent = []
                for steps in (16, 112):  # the difference holds the steps alone, without the start
                    before = time.process_time()
                    inputs = [10.0] * count
                    plan = Run(steps, burn=0, realizations=1, record=False, dtype=dtype)
                    simulate(N, 2.0, inputs, plan, progress=False)
                    spent.append(time.process_time() - before)
                cells.append(f"{(spent[1] - spent[0]) / 96 * 1e3:.2f}")
            print(f"| {N} | {count} | {' | '.join(cells)} |", flush=True)


def learning(options):
    """Test errors of students over the amplitude of their teachers' input."""
    if options.full:
        task, realizations = FULL, options.realizations
        drives = [Drive(a) for a in (2.0, 5.0, 8.0, 11.0, 14.0, 17.0, 20.0, 22.0, 25.0, 30.0)]
        drives += [Drive(a, common=False) for a in (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0)]
    else:
        task, realizations = Task(), 3
        drives = [*(Drive(a) for a in (2.0, 5.0, 17.0)), *(Drive(a, common=False) for a in (1.0, 3.0, 5.0))]
    before = time.process_time()
    found = teach(drives, task, realizations=realizations, checkpoint_folder=options.folder / f"students-{task.N}")
    print(f"\nN = {task.N}, g = {task.g:g}, f = {task.frequency:g}, {realizations} realizations\n\n{found.table()}")
    print(f"\n{time.process_time() - before:.0f} core-seconds")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Simulated rate networks.")
    parser.add_argument("part", choices=["driven", "undriven", "times", "learning"])
    parser.add_argument("--N", type=int, nargs="*", help="units")
    parser.add_argument("--realizations", type=int, default=5)
    parser.add_argument("--steps", type=int, default=16_000)
    parser.add_argument("--folder", type=Path, default=Path("build/dynamics_simulation"))
    parser.add_argument("--full", action="store_true", help="of learning: the paper's size")
    options = parser.parse_args()
    {"driven": driven, "undriven": undriven, "times": times, "learning": learning}[options.part](options)


if __name__ == "__main__":
    main()
