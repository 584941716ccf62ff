"""Functions of one variable, and Φ₂: one row each in `table` holds all that the package has to know of it."""

from symntk.language.special.logistic import logistic, softplus
from symntk.language.special.normal import bivariate_normal_cdf, normal_cdf, normal_pdf

__all__ = ["bivariate_normal_cdf", "logistic", "normal_cdf", "normal_pdf", "softplus"]
