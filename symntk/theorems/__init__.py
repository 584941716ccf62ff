"""The theorems of surrogate gradient learning as objects: statements, hypotheses that are checked, findings."""

from symntk.theorems.report import Finding, Hypothesis, TheoremReport
from symntk.theorems.run import THEOREMS, Theorem, theorem, theorems

__all__ = ["THEOREMS", "Finding", "Hypothesis", "Theorem", "TheoremReport", "theorem", "theorems"]
