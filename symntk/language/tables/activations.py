"""The table of elementwise activations, as libraries code them and as papers on infinitely wide networks use them.

Defaults are those of torch.nn, jax.nn (0.10.2), keras.activations (3.15.1) and neural-tangents; where they differ, each
use says so.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from symntk.language.symbols import x
from symntk.language.tables.registry import Entry, Use, count, entry, real, table


def _hermite(degree: int) -> Any:
    """The normalized probabilists' Hermite polynomial He_n(x)/√(n!)."""
    return sp.expand(sp.hermite_prob(int(degree), x)) / sp.sqrt(sp.factorial(int(degree)))


def _monomial(degree: int) -> Any:
    return x ** int(degree)


def _rectified_monomial(degree: int) -> Any:
    return sp.Max(0, x) ** int(degree)


def _matern(order: int, decay: Any) -> Any:
    """x₊ⁿ exp(−λx), n = ν − 1/2."""
    return sp.Max(0, x) ** int(order) * sp.exp(-decay * x)


def _libraries(torch: str = "", jax: str = "", keras: str = "", **defaults: Any) -> tuple[Use, ...]:
    """Uses by the three libraries where all have the same defaults; an empty name means that the library has none."""
    names = {"torch.nn": torch, "jax.nn": jax, "keras.activations": keras}
    return tuple(Use(library, name, defaults) for library, name in names.items() if name)


_PIECEWISE_LINEAR: tuple[Entry, ...] = (
    entry("identity", "x", *_libraries("Identity", "identity", "linear"), aliases=("linear",)),
    entry("relu", "Max(0, x)", *_libraries("ReLU", "relu", "relu"), source="Cho and Saul 2009; Louart et al. 2018"),
    entry("relu6", "Max(0, Min(6, x))", *_libraries("ReLU6", "relu6", "relu6")),
    entry(
        "leaky_relu",
        "Piecewise((x, x > 0), (negative_slope*x, True))",
        Use("torch.nn", "LeakyReLU", {"negative_slope": 0.01}),
        Use("torch.nn", "PReLU", {"negative_slope": 0.25}, "the initial slope"),
        Use("torch.nn", "RReLU", {"negative_slope": "11/48"}, "evaluation: the mean of 1/8 and 1/3"),
        Use("jax.nn", "leaky_relu", {"negative_slope": 0.01}),
        Use("keras.activations", "leaky_relu", {"negative_slope": 0.2}),
        negative_slope=real("negative_slope", 0.01),
    ),
    entry(
        "two_slopes",
        "Piecewise((plus*x, x > 0), (-minus*x, True))",
        source="Louart et al. 2018; Liao and Couillet 2018: plus*max(x, 0) + minus*max(-x, 0)",
        plus=real("plus", 1),
        minus=real("minus", 1),
    ),
    entry(
        "threshold",
        "Piecewise((x, x > level), (value, True))",
        Use("torch.nn", "Threshold", note="no defaults"),
        Use("keras.activations", "threshold", note="no defaults"),
        level=real("level"),
        value=real("value"),
    ),
    entry(
        "hard_tanh",
        "Max(low, Min(high, x))",
        *_libraries("Hardtanh", "hard_tanh", "hard_tanh", low=-1, high=1),
        ordered=("low", "high"),
        low=real("low", -1),
        high=real("high", 1),
    ),
    entry("hard_sigmoid", "Max(0, Min(6, x + 3))/6", *_libraries("Hardsigmoid", "hard_sigmoid", "hard_sigmoid")),
    entry(
        "hard_sigmoid_steep",
        "Max(0, Min(1, 0.2*x + 0.5))",
        Use("keras.activations", "hard_sigmoid", note="up to Keras 2"),
    ),
    entry(
        "hard_silu",
        "x*Max(0, Min(6, x + 3))/6",
        *_libraries("Hardswish", "hard_silu", "hard_silu"),
        aliases=("hard_swish",),
    ),
    entry(
        "hard_shrink",
        "Piecewise((x, Abs(x) > width), (0, True))",
        *_libraries("Hardshrink", "", "hard_shrink", width=0.5),
        width=0.5,
    ),
    entry(
        "soft_shrink",
        "Max(0, x - width) - Max(0, -x - width)",
        *_libraries("Softshrink", "", "soft_shrink", width=0.5),
        width=0.5,
    ),
    entry(
        "sparse_plus",
        "Piecewise((0, x <= -1), ((x + 1)**2/4, x < 1), (x, True))",
        *_libraries("", "sparse_plus", "sparse_plus"),
    ),
    entry("sparse_sigmoid", "Max(0, Min(1, (x + 1)/2))", *_libraries("", "sparse_sigmoid", "sparse_sigmoid")),
    entry("step", "Heaviside(x)", source="Cho and Saul 2009, order 0", aliases=("heaviside",)),
    entry("sign", "sign(x)", Use("neural-tangents", "Sign"), source="Louart et al. 2018"),
    entry("abs", "Abs(x)", Use("neural-tangents", "Abs"), source="Louart et al. 2018"),
    entry(
        "boxcar",
        "Piecewise((1, Abs(x) < width/2), (0, True))",
        aliases=("rect",),
        width=1,
    ),
)

_EXPONENTIAL: tuple[Entry, ...] = (
    entry(
        "elu",
        "Piecewise((x, x > 0), (alpha*(exp(x) - 1), True))",
        *_libraries("ELU", "elu", "elu", alpha=1),
        alpha=1,
    ),
    entry(
        "celu",
        "Piecewise((x, x > 0), (alpha*(exp(x/alpha) - 1), True))",
        *_libraries("CELU", "celu", "celu", alpha=1),
        alpha=1,
    ),
    entry(
        "selu",
        "scale*Piecewise((x, x > 0), (alpha*(exp(x) - 1), True))",
        *_libraries("SELU", "selu", "selu"),
        scale=1.0507009873554805,
        alpha=1.6732632423543772,
    ),
    entry("exp", "exp(x)", *_libraries("torch.exp", "", "exponential"), aliases=("exponential",)),
    entry("laplace", "alpha/2*exp(-alpha*Abs(x))", alpha=2),
    entry("rbf", "exp(-x**2/2)", source="Williams 1997; Louart et al. 2018"),
    entry(
        "gaussian",
        "scale*exp(-rate*x**2)",
        Use("neural-tangents", "Gaussian", {"scale": 1, "rate": 1}, "a = scale, b = -rate"),
        scale=1,
        rate=1,
    ),
    entry(
        "matern",
        _matern,
        source="Meronen et al. 2020: the Matern kernel of smoothness order + 1/2",
        order=count("order", 1),
        decay=1,
    ),
)

_ERROR_FUNCTION: tuple[Entry, ...] = (
    entry("erf", "erf(m*x)", Use("neural-tangents", "Erf", {"m": 1}), source="Williams 1997; Eilers et al. 2024", m=1),
    entry(
        "gelu",
        "x*(1 + erf(x/sqrt(2)))/2",
        Use("torch.nn", "GELU"),
        Use("keras.activations", "gelu"),
        Use("jax.nn", "gelu", note="with approximate=False; its default is gelu_tanh"),
        Use("neural-tangents", "Gelu"),
        source="Tsuchida et al. 2021",
    ),
    entry(
        "sigmoid_like",
        "(1 + erf(x/2.4020563531719796))/2",
        Use("neural-tangents", "Sigmoid_like"),
        source="Han et al. 2022",
    ),
)

_POLYNOMIAL: tuple[Entry, ...] = (
    entry(
        "quadratic",
        "q2*x**2 + q1*x + q0",
        source="Louart et al. 2018",
        q2=real("q2", 1),
        q1=real("q1", 0),
        q0=real("q0", 0),
    ),
    entry("relu_squared", "Max(0, x)**2", source="Cho and Saul 2009, order 2"),
    entry("relu_cubed", "Max(0, x)**3", source="Cho and Saul 2009, order 3"),
    entry(
        "monomial", _monomial, Use("neural-tangents", "Monomial"), source="Han et al. 2022", degree=count("degree", 2)
    ),
    entry(
        "rectified_monomial",
        _rectified_monomial,
        Use("neural-tangents", "RectifiedMonomial"),
        source="Han et al. 2022",
        degree=count("degree", 2),
    ),
    entry(
        "hermite",
        _hermite,
        Use("neural-tangents", "Hermite"),
        source="Daniely et al. 2016: normalized in the standard normal distribution",
        degree=count("degree", 3),
    ),
)

_PERIODIC: tuple[Entry, ...] = (
    entry("sin", "sin(w*x)", Use("neural-tangents", "Sin", {"w": 1}), source="Louart et al. 2018", w=1),
    entry("cos", "cos(w*x)", Use("neural-tangents", "Cos", {"w": 1}), source="Louart et al. 2018", w=1),
    entry("sin_cos", "sin(w*x) + cos(w*x)", source="Pearce et al. 2019", w=1),
    entry(
        "rbf_features",
        "sqrt(2)*sin(sqrt(2*gamma)*x + pi/4)",
        Use("neural-tangents", "Rbf", {"gamma": 1}),
        gamma=1,
    ),
    entry("snake", "x + sin(w*x)**2/w", source="Ziyin et al. 2020", w=1),
    entry("gabor", "exp(-x**2)*sin(x)", Use("neural-tangents", "Gabor"), source="Han et al. 2022"),
)

_NOT_ELEMENTARY: tuple[Entry, ...] = (
    entry(
        "gelu_tanh",
        "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))",
        Use("torch.nn", "GELU", note="with approximate='tanh'"),
        Use("jax.nn", "gelu", note="its default"),
        Use("keras.activations", "gelu", note="with approximate=True"),
        gaussian_class="3",
    ),
    entry("softsign", "x/(1 + Abs(x))", *_libraries("Softsign", "soft_sign", "softsign"), gaussian_class="2"),
    entry(
        "squareplus",
        "(x + sqrt(x**2 + beta))/2",
        *_libraries("", "squareplus", "squareplus", beta=4),
        gaussian_class="2'",
        beta=4,
    ),
    entry("sigmoid", "1/(1 + exp(-x))", *_libraries("Sigmoid", "sigmoid", "sigmoid"), gaussian_class="3"),
    entry(
        "log_sigmoid",
        "-log(1 + exp(-x))",
        *_libraries("LogSigmoid", "log_sigmoid", "log_sigmoid"),
        gaussian_class="3",
    ),
    entry(
        "softplus",
        "log(1 + exp(beta*x))/beta",
        *_libraries("Softplus", "softplus", "softplus", beta=1),
        gaussian_class="3",
        notes="torch.nn continues by x beyond its threshold of 20",
        beta=1,
    ),
    entry(
        "silu",
        "x/(1 + exp(-beta*x))",
        *_libraries("SiLU", "silu", "silu", beta=1),
        gaussian_class="3",
        aliases=("swish",),
        source="Ramachandran et al. 2017",
        beta=1,
    ),
    entry("mish", "x*tanh(log(1 + exp(x)))", *_libraries("Mish", "mish", "mish"), gaussian_class="3"),
    entry("tanh", "tanh(x)", *_libraries("Tanh", "tanh", "tanh"), gaussian_class="3"),
    entry("tanh_shrink", "x - tanh(x)", *_libraries("Tanhshrink", "", "tanh_shrink"), gaussian_class="3"),
    entry("arctan", "atan(x)", gaussian_class="3", aliases=("atan",)),
)

ACTIVATIONS = table(*_PIECEWISE_LINEAR, *_EXPONENTIAL, *_ERROR_FUNCTION, *_POLYNOMIAL, *_PERIODIC, *_NOT_ELEMENTARY)
"""Name -> entry."""
