"""What a formula costs beside a table: one measure for the host's recursion and for every target."""

from __future__ import annotations

from symntk.emit.code import SIGNS, Call, Definition

_COST = {
    "exp_bivariate": 400,
    "exp_complex_normal_cdf": 200,
    "exp_erfi": 60,
    "exp_normal_cdf": 25,
    "orthant_moment": 100,
    "exp_sinh": 15,
    "exp_cosh": 15,
    "density_sinh": 15,
    "density_cosh": 15,
    "density_exp": 15,
    "normal_cdf": 8,
    "difference": 1,
}
_OTHER = 4  # of any other function
_TABLE = 100  # of an entry of a table; the unit is about a nanosecond


def is_costly(definition: Definition) -> bool:
    """Whether a table is faster than the formula.

    >>> from symntk.emit.code import call
    >>> is_costly(Definition("f", ("a",), (), (call("exp_bivariate", 0.0, 1.0, 1.0, 0.5, 1.0),)))
    True
    """
    calls = [one.function for one in definition.nodes() if isinstance(one, Call) and one.function not in SIGNS]
    return sum(_COST.get(name, _OTHER) for name in calls) > _TABLE
