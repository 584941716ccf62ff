"""Theorems and figures of Eilers, Memmesheimer & Goedeke 2024 (arXiv 2405.15539): surrogate-gradient learning."""
