"""The layer maps that are written: closed forms, deltas against a closed mean, and what has no closed form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import sympy as sp

from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.publish import publish
from symntk.derive.moves.value import Value
from symntk.emit.dirac import DiracMap
from symntk.emit.general import GeneralMap
from symntk.language.general_form import GeneralForm
from symntk.language.terms import NormalForm, Term

ONE = NormalForm((Term(sp.S.One),))
"""The function 1."""


@dataclass(frozen=True, eq=False)
class Map:
    """One layer map to be written: E[f(u) g(v)] with its derived value."""

    name: str
    f: NormalForm
    g: NormalForm
    value: Value
    conditions: tuple[sp.Basic, ...]
    parameters: tuple[sp.Symbol, ...]
    means: bool
    title: str
    points: tuple[GeneralForm, GeneralForm]

    @property
    def text(self) -> str:
        """The formula."""
        return str(publish(self.value))

    def margin(self, name: str, one: NormalForm) -> Map:
        """The mean over one variable, E[1·h(v)], of a side `one`."""
        value = derive_pair(ONE, one, means=self.means).value
        return replace(self, name=name, f=ONE, g=one, value=value)


AnyMap: TypeAlias = Map | DiracMap | GeneralMap
