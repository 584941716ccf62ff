"""Sums of a closed form over the nodes of one or two mixtures.

Copied verbatim into exported modules, which import NumPy and SciPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Pairs of nodes times entries treated at once: the temporaries stay in the processor's cache.
_MIXTURE_CELLS = 24576
# Below so many entries at once, the time goes into calls and not into arithmetic.
_MIXTURE_LEAST = 16


def _mixture_sum(
    formula: Callable[..., np.ndarray],
    first: tuple[Sequence[float], Sequence[float]],
    second: tuple[Sequence[float], Sequence[float]],
    law: tuple[np.ndarray, ...],
    settings: Sequence[float] = (),
) -> np.ndarray:
    """Σ_j Σ_k w_j w_k · formula(*law, p_j, q_k, *settings), as an array of the shape of the entries.

    `first` and `second` are nodes and weights, `law` the flat arrays a, b, c, det, d, m1, m2. The formula broadcasts:
    nodes come as arrays of the shapes (n, 1, 1) and (1, m, 1), so that what depends on one of them is computed once.

    >>> two = ((1.0, 3.0), (0.25, 0.75))
    >>> print(_mixture_sum(lambda a, p, q: a * p + q, two, ((0.0,), (1.0,)), (np.array([1.0, 2.0]),)))
    [2.5 5. ]
    """
    p, q = np.array(first[0])[:, None, None], np.array(second[0])[None, :, None]
    weights = np.outer(first[1], second[1]).reshape(-1)
    step = max(_MIXTURE_LEAST, _MIXTURE_CELLS // weights.size)
    result = np.empty(law[0].shape)
    with np.errstate(all="ignore"):
        for start in range(0, len(result), step):
            block = [array[start : start + step] for array in law]
            value = formula(*block, p, q, *settings)
            shape = (p.size, q.size, len(block[0]))
            result[start : start + step] = weights @ np.broadcast_to(value, shape).reshape(weights.size, -1)
    return result
