"""Edges of a formula, for tests of what integrates between them."""

from symntk.emit.general_shape import general_shape
from symntk.language.forms.general_form import general_form
from symntk.language.names import read
from symntk.language.symbols import x


def edges_of(formula: str) -> tuple[float, ...]:
    """Where panels must be cut for the formula in x."""
    return general_shape(general_form(read(formula, {}), x)).edges
