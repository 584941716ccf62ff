"""Errors for people: each says what was asked, what is wrong, and what to try.

Every error of the package is a `SymntkError` (a `ValueError`), so one `except` catches them all.
"""

from __future__ import annotations


class SymntkError(ValueError):
    """An answer that could not be given.

    Attributes:
        asked: what the user asked for.
        wrong: what is wrong with it.
        advice: what to try instead (may be empty).

    >>> raise SymntkError("the kernel of tan(x)", "tan has poles", "a bounded function")
    Traceback (most recent call last):
    ...
    symntk.errors.SymntkError: the kernel of tan(x): tan has poles. Try: a bounded function
    """

    def __init__(self, asked: str, wrong: str, advice: str = "") -> None:
        self.asked, self.wrong, self.advice = _short(asked), wrong, advice
        text = f"{self.asked}: {wrong}"
        super().__init__(f"{text}. Try: {advice}" if advice else text)

    def __reduce__(self) -> tuple[object, ...]:
        """Errors come back from other processes as they were."""
        return _restored, (type(self), self.args), self.__dict__


class FormulaError(SymntkError):
    """A formula's text cannot be read: a name or an operator outside the language, or a bound exceeded."""


class UnknownNameError(FormulaError):
    """A name that neither table holds, or a parameter that its entry does not have."""


class NotGaussianElementaryError(SymntkError):
    """A function outside the Gaussian-elementary class; `part` is the part of it that is outside."""

    def __init__(self, asked: str, part: str, wrong: str, advice: str = "") -> None:
        self.part = part
        super().__init__(asked, wrong, advice)


class DomainError(SymntkError):
    """Numbers at which the expectation does not exist, or a covariance that is none."""


class DivergenceError(DomainError):
    """An expectation that is infinite where it was asked for; the message gives the reason and the rate."""


class TooLongError(SymntkError):
    """A closed form that would be too long to derive, to read or to evaluate; the message gives the measure."""


class VerificationError(SymntkError):
    """A derived result that the independent oracle contradicts."""


def _restored(kind: type[SymntkError], args: tuple[object, ...]) -> SymntkError:
    """An error without its attributes, which pickle sets."""
    return kind.__new__(kind, *args)


def shown_place(place: float) -> str:
    """A place on the line, that of an interval which was halved towards 0 as 0.

    >>> shown_place(8.27e-25), shown_place(-1.5)
    ('0', '-1.5')
    """
    return "0" if abs(place) < 1e-12 else f"{place:.8g}"


def _short(text: str, limit: int = 160) -> str:
    """Cut a long or multi-line text so that a message stays readable."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[: limit - 20]} … ({len(flat)} characters)"
