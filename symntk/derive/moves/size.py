"""What is seen of a closed form's length before it is derived: quick answers for what is surely short or surely long.

Between the two the derivation itself counts its work (`Algebra.spend`) and gives up where it is too much.
"""

from __future__ import annotations

from symntk.derive.moves.algebra import MOST_MONOMIALS
from symntk.language.forms.terms import Delta, NormalForm, Step, Term

_SHORT = 4  # sum of two powers up to which coefficients have few monomials, with means and parameters too
_FEW, _MOST_PAIRS = 64, 1024  # pairs of terms
_DEEPEST = 100  # sum of two powers for steps at 0, where coefficients are polynomials in a, b, c and √(ab − c²) only
# that for others, where there are no, one and more symbols beside a, b, c
_WIDEST = {
    False: (24, 20, 14),  # hard steps or exponentials
    True: (12, 8, 6),  # soft steps, or both
}


def is_short(f: NormalForm, g: NormalForm) -> bool:
    """Whether the closed form of E[f(u) g(v)] is surely short, so that nobody need wait to know it."""
    return _power(f) + _power(g) <= _SHORT and len(f.terms) * len(g.terms) <= _FEW


def surely_long(f: NormalForm, g: NormalForm, *, means: bool, most: int = MOST_MONOMIALS) -> str:
    """Why the closed form of E[f(u) g(v)] is surely too long; empty where that is not known.

    >>> from symntk.language.forms.normal_form import normal_form
    >>> from symntk.language.symbols import x
    >>> surely_long(normal_form(x**64, x), normal_form(x**64, x), means=False)
    ''
    >>> surely_long(normal_form((1 + x) ** 60, x), normal_form((1 + x) ** 60, x), means=False)
    'it would hold 19,871 monomials, more than 1,500'
    """
    if all(_is_polynomial(t) for t in (*f.terms, *g.terms)):
        return _more("it would hold {} monomials", _monomials(f, g, means), most)
    pairs = len(f.terms) * len(g.terms)
    if pairs > _MOST_PAIRS:
        return f"there are {pairs:,} pairs of terms, more than {_MOST_PAIRS:,}, each a probability"
    power, highest = _power(f) + _power(g), _most_power(f, g, means)
    if power > highest:
        return f"two powers with the sum {power}, more than {highest}, stand beside steps or exponentials"
    if highest == _DEEPEST:
        return ""
    return _more("it would hold {} probabilities, powers counted", _probabilities(f, g), most)


def _most_power(f: NormalForm, g: NormalForm, means: bool) -> int:
    """The sum of two powers beyond which coefficients, or their number, are too long."""
    terms = (*f.terms, *g.terms)
    extra = 2 * means + len({*f.parameters, *g.parameters})
    if not extra and all(_is_plain(t) for t in terms):
        return _DEEPEST
    steps = [t.window for t in terms if isinstance(t.window, Step)]
    ratios = any(t.quadratic != 0 or t.linear != 0 for t in terms) or any(w.variance != 0 for w in steps)
    return _WIDEST[bool(steps) and ratios][min(extra, 2)]


def _more(text: str, number: int, most: int) -> str:
    return f"{text.format(f'{number:,}')}, more than {most:,}" if number > most else ""


def _power(form: NormalForm) -> int:
    return max((t.power for t in form.terms), default=0)


def _is_polynomial(t: Term) -> bool:
    return t.window is None and t.quadratic == 0 and t.linear == 0


def _is_plain(t: Term) -> bool:
    """A power, beside it at most a hard step or a delta at 0."""
    w = t.window
    at_zero = w is None or (w.threshold == 0 and (isinstance(w, Delta) or w.variance == 0))
    return bool(at_zero and t.quadratic == 0 and t.linear == 0)


def _monomials(f: NormalForm, g: NormalForm, means: bool) -> int:
    """How many c^i a^s m1^p b^t m2^q there are with 2s + p + i a power of f and 2t + q + i one of g."""
    powers = [{t.power for t in form.terms} for form in (f, g)]

    def left(own: set[int], crossing: int) -> int:
        """The pairs (s, p), or the s with p = 0, for one number of crossing pairs."""
        rests = [power - crossing for power in own if power >= crossing]
        if means:
            return len({(s, rest - 2 * s) for rest in rests for s in range(rest // 2 + 1)})
        return len({rest for rest in rests if rest % 2 == 0})

    crossings = range(min(max(own, default=0) for own in powers) + 1)
    return sum(left(powers[0], i) * left(powers[1], i) for i in crossings)


def _probabilities(f: NormalForm, g: NormalForm) -> int:
    """Pairs of different steps, each with the powers beside it."""
    sides = []
    for form in (f, g):
        highest: dict[object, int] = {}
        for t in form.terms:
            if isinstance(t.window, Step):
                highest[(t.window, t.quadratic, t.linear)] = max(
                    highest.get((t.window, t.quadratic, t.linear), 0), t.power
                )
        sides.append(sum(1 + power for power in highest.values()))
    return sides[0] * sides[1]
