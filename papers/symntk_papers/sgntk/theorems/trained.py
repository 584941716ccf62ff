"""T8: networks whose activation jumps, trained by surrogate gradients, against the process of the SG-NTK.

A conjecture for such activations: the theorem of the paper asks for Lipschitz functions. What is measured is what the
paper's figure 3 shows, at sizes that take seconds.
"""

from __future__ import annotations

import numpy as np

from symntk.runs import Options
from symntk_papers.sgntk.fit import Comparison, Fit, Sizes, Theory, fits, recorded, rms, theory
from symntk_papers.sgntk.theorems.divergence import Outcome
from symntk_papers.sgntk.theorems.hypotheses import bounded, finite_jumps, jumps
from symntk_papers.sgntk.theorems.report import Finding, Hypothesis
from symntk_papers.sgntk.theorems.setting import Setting

FAST, FULL = Sizes((128, 16), 100, 300), Sizes((500, 100, 20), 200, 3_000)
_FAR = 0.15  # of the process's sd: how far from its mean the ensemble of the widest networks may be, beside noise
_SPREAD = 0.1
_INSIDE = (0.93, 0.98)  # of a Gaussian 0.9545 lie inside ±2 sd


def trained(one: Setting) -> Outcome:
    """T8 for the limit and the surrogate."""
    label = f"the surrogate derivative {one.surrogate_name}"
    hypotheses = [
        jumps(one.family),
        bounded(label, one.surrogate_function),
        finite_jumps(label, one.surrogate_function),
        Hypothesis("the SG-NTK is finite on the diagonal", one.limit.sg_ntk.diagonal.is_finite, "derived"),
    ]
    return hypotheses, lambda: _findings(one)


def _findings(one: Setting) -> list[Finding]:
    sizes = FULL if one.full else FAST
    one.tell("T8: the process")
    known = theory(one.limit, one.seed, recorded(sizes.steps))
    options = Options(full=False, seed=one.seed, workers=0, checkpoints=one.folder("t8"))
    done: list[Fit] = []
    training = fits(sizes, options, one.limit, known)
    for width in sizes.widths:
        one.tell(f"T8: {sizes.networks} networks of width {width}, {sizes.steps} steps")
        done.append(next(training))
    return [_widest(known, done[0], sizes), _closer(known, done, sizes)]


def _excess(seen: Comparison) -> float:
    """Distance (root mean square) beyond what the standard error explains, in units of the process's sd."""
    return float(np.sqrt(max(0.0, rms(seen.distance) ** 2 - rms(seen.error) ** 2)))


def _widest(known: Theory, fit: Fit, sizes: Sizes) -> Finding:
    seen = Comparison.of(fit.outputs[sizes.steps], known.surrogate[sizes.steps])
    excess, spread, inside = _excess(seen), rms(seen.spread), float(np.mean(seen.inside))
    detail = (
        f"rms distance of the ensemble's mean from the process's {rms(seen.distance):.3f} sd, of which noise explains "
        f"{rms(seen.error):.3f}; sd over the process's {spread:.3f}; {inside:.1%} of outputs within ±2 sd; "
        f"{sizes.networks} networks, {sizes.steps} steps, 15 training and 100 test points, σ_w = 1, σ_b = 0.1"
    )
    low, high = _INSIDE
    conditions = {
        f"distance beyond noise {excess:.3f} sd > {_FAR:g} sd": excess <= _FAR,
        f"sd over the process's {spread:.3f} is {abs(spread - 1):.3f} > {_SPREAD:g} from 1": abs(spread - 1) <= _SPREAD,
        f"{inside:.1%} within ±2 sd, not {low:.0%} to {high:.0%}": low <= inside <= high,
    }
    return Finding.judged(f"networks of width {fit.width} behave like the process", conditions, detail)


def _closer(known: Theory, done: list[Fit], sizes: Sizes) -> Finding:
    found = [_excess(Comparison.of(fit.outputs[sizes.steps], known.surrogate[sizes.steps])) for fit in done]
    shown = ", ".join(f"{value:.3f} sd at width {fit.width}" for fit, value in zip(done, found, strict=True))
    conditions = {f"{found[0]:.3f} sd ≥ {found[-1]:.3f} sd": found[0] < found[-1]}
    return Finding.judged("wider networks are closer to it", conditions, f"rms distance beyond noise: {shown}")
