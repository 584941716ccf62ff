"""The theorems by name, and how one is run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symntk.errors import DivergenceError, DomainError, UnknownNameError
from symntk_papers.sgntk.theorems import analytic, classifier, divergence, finite_width, trained
from symntk_papers.sgntk.theorems.divergence import Outcome
from symntk_papers.sgntk.theorems.family import family
from symntk_papers.sgntk.theorems.report import PAPER, Finding, Hypothesis, TheoremReport, attempted
from symntk_papers.sgntk.theorems.setting import Setting

_DIGITS = (
    "numbers show digits, not limits: every limit and rate is extrapolated, and no digit is claimed that two orders of "
    "extrapolation do not share"
)


@dataclass(frozen=True)
class Theorem:
    """A statement of the paper and the procedure that tests it.

    `title_of_integrals` is the title where the maps of σ_m have no closed form, if it is another one.
    """

    name: str
    title: str
    statement: str
    source: str
    test: Callable[[Setting], Outcome]
    has_surrogate: bool
    caveat: str = _DIGITS
    title_of_integrals: str = ""


THEOREMS: dict[str, Theorem] = {
    one.name: one
    for one in (
        Theorem(
            "T1",
            "the maps of σ_m in closed form",
            r"\mathbb{E}[\mathrm{erf}_m(u)\,\mathrm{erf}_m(v)] = \tfrac{2}{\pi} \arcsin"
            r"\frac{c}{\sqrt{(a + 1/2m^2)(b + 1/2m^2)}},"
            r"\quad \mathbb{E}[\mathrm{erf}_m'(u)\,\mathrm{erf}_m'(v)] = \tfrac{2}{\pi}"
            r"\left|\Sigma + \tfrac{1}{2m^2}\right|^{-1/2}",
            f"{PAPER}, the NTK of error functions",
            analytic.formulas,
            False,
            "for other families than erf(m x) the paper prints no formula: the derived map is compared with quadrature",
            "the maps of σ_m agree with quadrature",
        ),
        Theorem(
            "T2",
            "no NTK for the limit",
            r"\Theta_m^L(x, x) \sim \tfrac{2\sigma_w^2}{\pi}"
            r"\left(\tfrac{\sigma_w^2\|x\|^2}{n_0} + \sigma_b^2\right)^{1/2}"
            r"\left(\tfrac{2\sigma_w^2}{\pi} (\sigma_w^2 + \sigma_b^2)^{-1/2}\right)^{L-2} m^{L-1}, \quad"
            r"\Theta_m^L(x, x') \to \Theta_\infty^L(x, x') < \infty",
            f"{PAPER}, the NTK of activations with jumps",
            divergence.diverges,
            False,
        ),
        Theorem(
            "T3",
            "the limit as a classifier",
            r"\mathrm{sign}\left(\Theta_m(x, X)\,\Theta_m(X, X)^{-1} y\right) \to"
            r"\mathrm{sign}\left(\Theta_\infty(x, X)\,y\right)",
            f"{PAPER}, the NTK of activations with jumps",
            classifier.classifies,
            False,
            "signs at random points of the unit circle with labels ±1, at finite m",
        ),
        Theorem(
            "T4",
            "the NTK of the limit near the diagonal",
            r"\Theta_\infty^L(x, y) \sim K \|x - y\|^{-\alpha}, \quad \alpha = 2 - 2^{2-L}",
            f"{PAPER}, the NTK of activations with jumps",
            divergence.near_diagonal,
            False,
        ),
        Theorem(
            "T5",
            "the surrogate-gradient NTK of the limit exists",
            r"\mathbb{E}[2\delta(u)\,\tilde\sigma'(v)] = \sqrt{\tfrac{2}{\pi a}}\;\mathbb{E}[\tilde\sigma'(Y)],"
            r"\; Y \sim \mathcal{N}(0, b - c^2/a), \quad I_{\mathrm{erf}_m} \to I_{\mathrm{sign}}",
            f"{PAPER}, the surrogate-gradient NTK of sign",
            analytic.surrogate_kernel,
            True,
        ),
        Theorem(
            "T6",
            "empirical kernels at initialization",
            r"J(x)\,J(x')^\top \to \Theta(x, x'), \quad J(x)\,\tilde J(x')^\top \to I(x, x')"
            r"\quad \text{in probability, as } n \to \infty",
            f"{PAPER}, convergence at initialization",
            finite_width.at_initialization,
            True,
            "random networks of some widths: the mean square of the difference bounds its probability (Chebyshev)",
        ),
        Theorem(
            "T7",
            "empirical kernels in training",
            r"\sup_t \|\hat I_t - \hat I_0\| = O(n^{-1/2})",
            f"{PAPER}, the kernel in training",
            finite_width.in_training,
            True,
            "an interval that reaches to −1/2 or below does not contradict the bound; it does not prove it, nor the "
            "sup over all times, of which some are computed",
        ),
        Theorem(
            "T8",
            "trained networks and the process of the SG-NTK",
            r"f_t \approx \mathcal{GP}\left(P_t y,\; \Sigma_{TT} - \Sigma_{TX} P_t^\top - P_t \Sigma_{XT}"
            r"+ P_t \Sigma_{XX} P_t^\top\right), \quad P_t = I_{TX} I_{XX}^{-1} (1 - e^{-\eta t I_{XX}})",
            f"{PAPER}, the experiment with sign networks",
            trained.trained,
            True,
            "a conjecture for activations that jump: the numbers are those of one seed, with the paper's scales",
        ),
    )
}


def theorem(
    name: str,
    activation: Any = "erf(m*x)",
    surrogate: Any = None,
    *,
    surrogate_derivative: Any = None,
    limit: Any = None,
    weight_std: float = 1.0,
    bias_std: float = 0.1,
    dps: int = 50,
    full: bool = False,
    seed: int = 0,
    checkpoints: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> TheoremReport:
    """Check a theorem's hypotheses for an activation and a surrogate, and verify its consequences numerically.

    Args:
        name: "T1" to "T8"; see `THEOREMS`.
        activation: a family with one parameter, "tanh(m*x)", or a function that jumps, "sign": then the family is the
            one with erf(m(x − t)) in each jump.
        surrogate: a name in the table of surrogates or the formula of a primitive, as `symntk.derive` takes it; the
            paper's, erf, where None (T5: several).
        surrogate_derivative: a formula of the surrogate derivative itself.
        limit: the limit of the family as m → ∞, where it is known; else it is found.
        weight_std: σ_w.
        bias_std: σ_b.
        dps: digits of values in mpmath, from 30 to 200.
        full: more depths, wider networks, more of them.
        seed: of random points, weights and data.
        checkpoints: a folder from which interrupted training continues.
        progress: is called with what is computed now.

    Raises:
        UnknownNameError: no such theorem.
        FormulaError: a function that cannot be read.

    >>> report = theorem("T4", "sign")
    >>> report.passed, len(report.findings)
    (True, 3)
    >>> print(theorem("T4", "relu").verdict)
    does not apply
    """
    chosen = _chosen(name)
    if not isinstance(dps, int) or not 30 <= dps <= 200:
        raise DomainError(f"theorem {chosen.name}", f"dps = {dps!r}", "an integer from 30 to 200")
    start, findings, title = time.monotonic(), [], chosen.title
    named = str(surrogate if surrogate_derivative is None else surrogate_derivative) if chosen.has_surrogate else ""
    try:
        one = Setting(
            family(activation, limit),
            surrogate,
            surrogate_derivative,
            float(weight_std),
            float(bias_std),
            dps,
            full,
            seed,
            None if checkpoints is None else Path(checkpoints),
            progress or (lambda text: None),
        )
    except DivergenceError as error:
        hypotheses = [Hypothesis("the activations have a limit as m → ∞", False, error.wrong)]
        shown = str(activation)
    else:
        shown = one.family.activation.name
        if chosen.has_surrogate and surrogate is None and surrogate_derivative is None:
            named = "several" if chosen.name == "T5" else "erf"
        hypotheses, calculate = chosen.test(one)
        if all(h.holds for h in hypotheses):
            findings = attempted("the consequences", calculate)
            title = (not one.is_closed and chosen.title_of_integrals) or title
    return TheoremReport(
        chosen.name,
        title,
        chosen.statement,
        chosen.source,
        shown,
        named,
        tuple(hypotheses),
        tuple(findings),
        chosen.caveat,
        round(time.monotonic() - start, 2),
    )


def theorems(
    names: Iterable[str] = (), activation: Any = "erf(m*x)", surrogate: Any = None, **options: Any
) -> Iterator[TheoremReport]:
    """The reports of several theorems, one after the other; all of them where none is named."""
    for name in [_chosen(one).name for one in names] or list(THEOREMS):
        yield theorem(name, activation, surrogate, **options)


def _chosen(name: str) -> Theorem:
    found = THEOREMS.get(name.strip().upper())
    if found is None:
        known = ", ".join(THEOREMS)
        advice = f"one of {known}; separate ids by spaces" if "," in name else known
        raise UnknownNameError(f"the theorem {name[:40]!r}", "there is none of this name", advice)
    return found


__all__ = ["THEOREMS", "Finding", "Theorem", "theorem", "theorems"]
