"""Functions in ball arithmetic of any precision: rules for python-flint's balls, which are not imported here.

A rule maps a complex ball `w` to a ball that holds all values on it. With the flag it must not be finite where the
function is not holomorphic on the ball; entire and meromorphic functions need no flag.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Proven = Callable[[Any, bool], Any]


def method(name: str) -> Proven:
    """A function that the balls have as a method."""
    return lambda w, _: getattr(w, name)()


def log(w: Any, flag: bool) -> Any:
    """Log w."""
    return w.log(analytic=flag)


def softplus(w: Any, flag: bool) -> Any:
    """log(1 + e^w) = w + log(1 + e^{−w}), two forms that agree wherever both are holomorphic around the real line."""
    if w.real.mid() > 0:
        return w + (1 + (-w).exp()).log(analytic=flag)
    return (1 + w.exp()).log(analytic=flag)


def atan(w: Any, flag: bool) -> Any:
    """(log(1 + iw) − log(1 − iw))/2i: its cuts are those of the logarithms."""
    i = type(w)(0, 1)
    return ((1 + i * w).log(analytic=flag) - (1 - i * w).log(analytic=flag)) / (2 * i)


def asinh(w: Any, flag: bool) -> Any:
    """log(w + √(1 + w²)), odd: without cancellation on both sides."""
    if w.real.mid() < 0:
        return -asinh(-w, flag)
    return (w + (1 + w * w).sqrt(analytic=flag)).log(analytic=flag)


def normal_cdf(w: Any, _: bool = False) -> Any:
    """Φ(w), entire; also of a power series."""
    return (-w / type(w)(2).sqrt()).erfc() / 2


def normal_pdf(w: Any, _: bool) -> Any:
    """φ(w)."""
    return (-w * w / 2).exp() / (2 * type(w).pi()).sqrt()
