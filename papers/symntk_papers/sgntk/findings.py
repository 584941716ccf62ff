"""What the numbers of figure 3 say, in words: written from the numbers, whether they please or not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from symntk_papers.sgntk.fit import TOLERANCE, Comparison, Fit, Theory, rms, share
from symntk_papers.sgntk.setting import circle_angles

_GAUSSIAN = 0.9545
"""The share of a normal variable within two standard deviations of its mean."""

Estimate = tuple[float, float]
"""A value and its standard error."""


def findings(known: Theory, done: Sequence[Fit]) -> str:
    """A list in Markdown about the ensembles after their last step; `done` are in the order of their widths."""
    step = max(known.surrogate)
    seen = [Comparison.of(fit.outputs[step], known.surrogate[step]) for fit in done]
    widths = [fit.width for fit in done]
    items = [_mean(widths, seen), _criterion(widths[-1], seen[-1]), *_shares(widths, seen)]
    return f"After {step} steps:\n\n" + "\n".join(f"- {item}" for item in items)


def _mean(widths: list[int], seen: list[Comparison]) -> str:
    bias = [one.bias for one in seen]
    text = (
        "Sampling error taken off, the mean of the networks is off the process's by a root mean square over points of "
        f"{_each(bias, widths, '{:.3f} ± {:.3f}')} sd"
    )
    if len(bias) > 1 and min(bias)[0] > 0:
        power = np.polyfit(np.log(widths), np.log([value for value, _ in bias]), 1)[0]
        text += f". It{_changes(bias, widths)}; by least squares it goes like width^{power:.2f}"
    return text + "."


def _criterion(width: int, one: Comparison) -> str:
    met, points = int(np.sum(one.within)), len(one.within)
    worst = int(np.argmax(np.abs(one.distance)))
    return (
        f"At width {width} the mean lies within its standard error plus {100 * TOLERANCE:.0f} % of the sd at {met} of "
        f"{points} points, {'everywhere' if met == points else 'so not everywhere'}; of {len(one.off)} networks "
        f"without bias it would at about {one.within_expected * points:.0f}. The largest distance is "
        f"{abs(one.distance[worst]):.3f} sd, at the angle {circle_angles()[worst]:.2f}; the standard error is "
        f"{rms(one.error):.3f} sd."
    )


def _shares(widths: list[int], seen: list[Comparison]) -> list[str]:
    """Shares inside ±2 sd; around which mean they are taken shows what moves them."""
    texts = []
    for inside in ([one.inside for one in seen], [one.inside_own for one in seen]):
        shares = [share(each) for each in inside]
        percent = [(100 * value, 100 * error) for value, error in shares]
        off = [(abs(value - _GAUSSIAN), error) for value, error in shares]
        texts.append((_each(percent, widths, "{:.2f} ± {:.2f} %"), _changes(off, widths)))
    (around, change), (own, own_change) = texts
    spread = [(rms(one.spread), 0.0) for one in seen]
    return [
        f"Inside ±2 sd of the process's mean lie {around} of the outputs, and {100 * _GAUSSIAN:.2f} % of a Gaussian's"
        f"{'. The difference' + change if change else ''}.",
        "A narrow ensemble raises this share and a mean that is off lowers it, so alone it is no measure of distance. "
        f"The networks' sd is {_each(spread, widths, '{:.3f}')} of the process's; inside ±2 sd of their own mean lie "
        f"{own}{'. That difference' + own_change if own_change else ''}.",
    ]


def _changes(values: list[Estimate], widths: list[int]) -> str:
    """How each value compares with the one before, where two standard errors of their difference can tell."""
    told = []
    for (n, (before, error)), (m, (after, other)) in pairwise(zip(widths, values, strict=True)):
        same = abs(after - before) <= 2 * np.hypot(error, other)
        verb = "stays within sampling error" if same else "falls" if after < before else "rises"
        told.append(f"{verb} from width {n} to {m}")
    return " " + ", ".join(told) if told else ""


def _each(values: list[Estimate], widths: list[int], form: str) -> str:
    """The value of each width."""
    return ", ".join(f"{form.format(*value)} (width {width})" for value, width in zip(values, widths, strict=True))
