"""The fast step of networks of steps: it is the step, and a run with it continues to the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from symntk.errors import FormulaError
from symntk.finite.network import Architecture, DenseTraining
from symntk_papers.sgntk import steps
from symntk_papers.sgntk.steps import StepTraining
from tests.finite.test_networks import LIBRARY, RNG, circle, compiled, flat
from tests.finite.test_training import continues, ensemble, same, train


@pytest.mark.parametrize("many", [0, 20])
@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize(("sigma", "count"), [("sign", 15), ("Piecewise((-1, x < -1), (3, x < 1), (0.5, True))", 4)])
def test_the_fast_step_is_the_step(monkeypatch, depth, sigma, count, many):
    """Few and many changes, a flush, idle points; 1e-9 is far above rounding and far below one missed change."""
    shape = Architecture(2, 20, depth, 1.0, 0.1)
    functions = [compiled(sigma)] * (depth - 1), [compiled("2/sqrt(pi)*exp(-x**2)")] * (depth - 1)
    x, y = circle(count).T, RNG.normal(size=count)
    start = shape.draw(0, range(2), np.float64)
    fast = StepTraining(LIBRARY, shape, shape.draw(0, range(2), np.float64), *functions, x, y, 0.5)
    dense = DenseTraining(LIBRARY, shape, shape.draw(0, range(2), np.float64), *functions, x, y, 0.5)
    before = [s.copy() for s in fast.s]
    monkeypatch.setattr(steps, "FLUSH", 100)
    monkeypatch.setattr(steps, "_MANY", many)
    for _ in range(250):
        fast.step()
        dense.step()
    np.testing.assert_allclose(flat(fast.parameters()), flat(dense.parameters()), atol=1e-9)
    assert any(np.any(old != new) for old, new in zip(before, fast.s, strict=True)), (
        "no sign changed: nothing is tested"
    )
    assert np.abs(flat(start) - flat(dense.parameters())).max() > 1e-2


@pytest.mark.parametrize("at", [1, 40, 50, 99])
def test_an_interrupted_run_continues_to_the_same_bits(tmp_path, monkeypatch, at):
    monkeypatch.setattr(steps, "FLUSH", 40)  # the run goes through two of them
    continues(tmp_path, monkeypatch, at, ensemble("sign", networks=3), trainer=StepTraining)


@pytest.mark.parametrize("chunk", [1, 2])
def test_chunks_do_not_matter(monkeypatch, chunk):
    monkeypatch.setattr(steps, "FLUSH", 40)
    same(*(train(ensemble("sign", networks=3), chunk=one, trainer=StepTraining) for one in (chunk, 3)))


def test_another_library_is_refused():
    with pytest.raises(FormulaError, match="NumPy"):
        StepTraining(None, Architecture(2, 3, 2), [], [], [], np.zeros(2), np.zeros(2), 0.1)
