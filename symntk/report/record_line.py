"""The proof of a closed mean over one normal variable Y in sentences: mixtures, partial fractions, recurrences.

Comes in: a `LineDerivation`. Goes out: numbered paragraphs of Markdown, the equation after each sentence.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symntk.derive.line.derivation import LineDerivation
from symntk.derive.line.rules import (
    Elementary,
    Fold,
    FourierMixture,
    GammaMixture,
    LaplaceMixture,
    Linearity,
    LineStep,
    Moment,
    Parity,
    RealPart,
    SteinPole,
    SteinSquare,
    Unfold,
    Y,
)
from symntk.derive.line.rules import s as _s
from symntk.derive.line.windows import FullCorrelation
from symntk.language.symbols import x
from symntk.report.record_math import WIDEST, equation, summed, tex, width

_EXCHANGE = "exchange the mean and the integral, which leaves"
_SENTENCES: dict[type[LineStep], str] = {
    Linearity: "**Linearity.** Split the function into parts, rational ones into partial fractions.",
    Fold: "**Fold.** The law of $`Y`$ is symmetric: the mean is that of $`h(Y) + h(-Y)`$ on $`Y > 0`$.",
    Unfold: "**Unfold.** The function is even: the mean on $`Y > 0`$ is half of the whole.",
    Parity: "**Symmetry.** The function is odd, and the law of $`Y`$ is symmetric.",
    GammaMixture: "**Mixture.** By the integral of the Gamma function, a power is a mixture of Gaussians; "
    f"{_EXCHANGE} Tricomi's function $`U`$ (DLMF 13.4.4, 13.6) or the exponential integral (6.2.2).",
    LaplaceMixture: "**Mixture.** $`1/(Y + z)`$ is a mixture of exponentials; "
    f"{_EXCHANGE} the Goodwin–Staton integral (DLMF 7.2.12, 7.5.13).",
    FourierMixture: r"**Mixture.** $`1/(Y - p)`$ with $`\mathrm{Im}\, p > 0`$ is a mixture of waves; "
    f"{_EXCHANGE} a complementary error function (DLMF 7.7.6).",
    SteinPole: "**Recurrence.** Stein's identity with $`h = (Y - p)^{-n}`$, cut at the threshold if there is one, "
    "relates three neighbouring powers.",
    SteinSquare: r"**Recurrence.** Stein's identity with $`h = Y (Y^2 + A^2)^{-\nu - 1}`$ relates three neighbouring "
    "powers.",
    RealPart: "**Partial fractions.** The poles come in conjugate pairs: the mean is a real part.",
    Elementary: "**Elementary.** By the four moves.",
    FullCorrelation: "**Two steps in one variable.** Their noises are independent: the mean is that of a product over "
    "two variables at full correlation, with three equal entries of the covariance, and closed by the four moves.",
    Moment: "**Power.** With $`x^2/2b`$ as the variable the integral is a Gamma function, incomplete where it does not "
    "begin at 0 (DLMF 8.2.2).",
}


def line_proof(line: LineDerivation, first: int) -> list[str]:
    """Paragraphs from number `first` on, which prove E[s(Y)], Y normal with variance b."""
    numbers: dict[LineStep, int] = {}
    return list(_steps(line.root, numbers, first))


def _steps(step: LineStep, numbers: dict[LineStep, int], first: int) -> Iterator[str]:
    if step in numbers or _is_plain(step):
        return
    numbers[step] = first + len(numbers)
    value = summed(step.value)
    shown = value if width(value) <= 3 * WIDEST else ""
    middle = _middle(step)
    yield (
        f"**{numbers[step]}.** {_SENTENCES[type(step)]}\n\n"
        f"{equation(_mean(step), middle, shown if shown != middle else '') if middle or shown else ''}".rstrip()
    )
    for _, child in step.children:
        yield from _steps(child, numbers, first)


def _is_plain(step: LineStep) -> bool:
    """Whether it is E[1]."""
    return isinstance(step, Elementary) and step.function == 1 and step.start is None


def _mean(step: LineStep) -> str:
    function = tex(step.function.xreplace({x: Y}))
    if step.start is not None:
        cut = rf"1_{{Y > {tex(step.start)}}}"
        function = cut if step.function == 1 else rf"{function}\, {cut}"
    return rf"\mathbb{{E}}\left[{function}\right]"


def _middle(step: LineStep) -> str:
    """The right side of the rule's equation, before what is below is put in."""
    parts = []
    for weight, child in step.children:
        front = tex(weight)
        front = rf"\left({front}\right)" if weight.is_Add else front
        inside = "" if _is_plain(child) else _mean(child)
        parts.append(inside if weight == 1 and inside else rf"{front}\, {inside}" if inside else front)
    total = " + ".join(parts)
    if isinstance(step, GammaMixture):
        weight = _s ** (step.order - 1) * sp.exp(-_s * step.square)
        front = "" if step.order == 1 else rf"\frac{{1}}{{\Gamma({tex(step.order)})}} "
        return rf"{front}\int_0^\infty {tex(weight) if weight != 1 else ''}\, {total}\, ds"
    if isinstance(step, LaplaceMixture):
        return rf"\int_0^\infty {tex(sp.exp(-_s * step.offset))}\, {total}\, ds"
    if isinstance(step, FourierMixture):
        return rf"i \int_0^\infty {tex(sp.exp(sp.I * _s * step.pole))} \left({total}\right) ds"
    if isinstance(step, RealPart):
        return rf"\mathrm{{Re}}\left({total}\right)"
    return total if not isinstance(step, (Parity, Elementary)) else ""
