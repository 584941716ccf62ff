"""The theorems of surrogate gradient learning as objects: statements, hypotheses that are checked, findings."""

from symntk_papers.sgntk.theorems.report import Finding, Hypothesis, TheoremReport
from symntk_papers.sgntk.theorems.run import THEOREMS, Theorem, theorem, theorems

__all__ = ["THEOREMS", "Finding", "Hypothesis", "Theorem", "TheoremReport", "theorem", "theorems"]
