"""Maps without a closed form as tables for targets: values, slopes, source."""

from __future__ import annotations

import numpy as np
import pytest

import symntk
from symntk.emit.standalone import TABLE_IMPORTS, with_slopes
from symntk.emit.table import table_of
from symntk.emit.table_build import NoTable
from symntk.emit.targets.numba import TARGET as NUMBA
from symntk.emit.targets.tabulated import tables_code, tabulated_code
from symntk.errors import FormulaError
from symntk.kernels import tables
from symntk.kernels.function import as_function
from symntk.kernels.layers import layer_map, layer_maps

LAW = np.array(
    [[1.3, 0.2, 1.0, 40.0, 0.6, 0.6], [0.7, 3.0, 1.0, 0.02, 0.6, 0.6], [0.4, -0.5, 0.0, 0.6, 0.6, -0.6]]
)  # variances of u and of v, covariances


@pytest.fixture(scope="module")
def written():
    """The map of tanh with slopes, and the module of NumPy that its tables make."""
    layer = layer_map(symntk.derive("tanh").nngp, "nngp_map", "E[tanh tanh]", slopes=True)
    maps = with_slopes(layer)
    code = [*TABLE_IMPORTS, tables_code([one.table for one in maps], "np", "np.asarray(x, dtype=a.dtype)")]
    names: dict[str, object] = {}
    exec("from __future__ import annotations\n" + "\n".join([*code, *map(tabulated_code, maps)]), names)
    return layer, names


def at(names, name, dtype=np.float64):
    a, b, c = (x.astype(dtype) for x in LAW)
    det = np.maximum(a * b - c * c, 0.0)
    return names[f"_{name}"](a, b, c, det, np.sqrt(det))


def test_values_and_slopes(written):
    _, names = written
    E = symntk.derive("tanh").nngp
    first = E.f.derivative
    assert at(names, "nngp_map") == pytest.approx(E(*LAW), abs=1e-10)
    for slope, f, g, factor in (
        ("c", first, first, 1.0),
        ("a", first.derivative, E.g, 0.5),
        ("b", E.f, first.derivative, 0.5),
    ):
        right = factor * symntk.Expectation(f, g)(*LAW)
        assert at(names, f"nngp_map_{slope}") == pytest.approx(right, abs=1e-8)
    single = at(names, "nngp_map", np.float32)
    assert single.dtype == np.float32
    assert single == pytest.approx(E(*LAW), abs=2e-6)


def test_equal_maps_have_one_table(written):
    layer, _ = written
    assert layer.slopes["c"].table is layer_map(symntk.derive("tanh").ntk, "ntk_map").table
    assert layer.slopes["a"].table is layer.table
    assert "a table for variances of 0 and from 0.001 to 1000" in layer.text


def test_a_smaller_box_where_the_usual_one_would_take_too_much(monkeypatch):
    asked = []

    def tried(f, g, reference, *, variances):
        asked.append(variances)
        if variances[1] > 100.0:
            raise NoTable("too many")
        return table_of(f, g, reference, variances=(0.5, 2.0), tolerance=1e-9)

    monkeypatch.setattr("symntk.emit.table.table_of", tried)
    layer = layer_map(symntk.expectation("tanh(1.25*x)", "tanh(1.25*x)"), "map")
    assert asked == [(1e-3, 1e3), (1e-2, 1e2)] and layer.table is not None


def test_a_kernel_that_no_gram_matrix_needs_may_be_left_out(monkeypatch):
    def refused(f, g, reference, *, variances):
        raise NoTable("none")

    monkeypatch.setattr("symntk.emit.table.table_of", refused)
    kernels = symntk.derive("sign", surrogate_derivative="1/(1+1.5*abs(x))**2")
    maps = layer_maps(
        {"nngp": kernels.nngp, "surrogate_ntk": kernels.surrogate_ntk}, {"nngp": "", "surrogate_ntk": ""}, target=NUMBA
    )
    assert list(maps) == ["nngp"]
    with pytest.raises(FormulaError, match="no table"):
        layer_maps({"sg_ntk": kernels.sg_ntk}, {"sg_ntk": ""}, target=NUMBA)


def test_what_has_neither_a_formula_nor_a_table_is_refused():
    E = symntk.expectation("tanh", "tanh", means=True)
    with pytest.raises(FormulaError, match="means 0"):
        layer_map(E, "map")


def test_the_box_of_variances_is_the_user_s():
    text = symntk.derive("softplus").nngp.source("numba", variances=(0.1, 10))
    assert "a table for variances of 0 and from 0.1 to 10" in " ".join(text.split())
    for wrong in ((10, 0.1), (0, 1), 3.0, ("a", "b")):
        with pytest.raises(FormulaError, match="no box"):
            symntk.derive("softplus").nngp.source("numba", variances=wrong)


def test_a_module_for_numba_is_the_host_s(tmp_path):
    """Gram matrices of a pair with tables and a formula, in both precisions; refusals."""
    pytest.importorskip("numba")
    kernels = symntk.derive("softplus", "erf")
    path = kernels.export(tmp_path / "softplus_erf.py", "numba", variances=(0.05, 20.0))
    names: dict[str, object] = {"__name__": "softplus_erf", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    inputs = np.random.default_rng(0).standard_normal((40, 8))
    inputs[5], inputs[7] = inputs[9], 0.0
    network = symntk.Network(kernels, 3, weight_std=1.2, bias_std=0.3)
    for name in ("nngp", "ntk", "sg_ntk"):
        right = getattr(network, name)(inputs)
        for kind, limit in ((np.float64, 1e-9), (np.float32, 3e-6)):
            found = names[name](inputs.astype(kind), depth=3, weight_std=1.2, bias_std=0.3)
            assert found.dtype == kind and found == pytest.approx(right, abs=limit * np.max(np.abs(right)))
        some = names[name](inputs, inputs[:9], depth=3, weight_std=1.2, bias_std=0.3)
        assert some == pytest.approx(right[:, :9], abs=1e-9 * np.max(np.abs(right)))
    assert names["nngp_map"](1.0, 2.0, 0.5) == pytest.approx(kernels.nngp(1.0, 2.0, 0.5), abs=1e-10)
    for refused in (lambda: names["nngp_map"](1.0, 50.0, 0.5), lambda: names["nngp"](100.0 * inputs, depth=2)):
        with pytest.raises(ValueError, match="variances= at export"):
            refused()


def test_what_is_infinite_at_a_place_has_no_table():
    with pytest.raises(FormulaError, match="where a function is infinite tables do not follow it"):
        symntk.expectation("Abs(x)**(-0.3)", "1/(1+x**2)").source("numba")


def scattered(count):
    rng = np.random.default_rng(5)
    a, b = rng.uniform(0.5, 2.0, (2, count))
    c = np.sqrt(a * b) * rng.uniform(0.9, 0.99, count)
    return a, b, c, a * b - c * c, np.sqrt(a * b - c * c), np.zeros(count), np.zeros(count)


def test_many_panels_go_by_a_table_where_it_holds(monkeypatch):
    monkeypatch.setattr(tables, "MANY_PANELS", 64)
    f, law, asked = as_function("tanh"), scattered(100), []

    def panels(a, *_):
        asked.append(len(a))
        return np.full(len(a), 7.0)

    law[0][3] = 1e5  # outside of the box of the others
    route, E = tables.with_table(panels, f, f), symntk.expectation("tanh", "tanh")
    value = route(*law)
    assert asked == [1] and value[3] == 7.0
    kept = np.arange(100) != 3
    assert np.abs(value - E(*law[:3]))[kept].max() <= E.error_bound
    route(*(x[:50] for x in law))  # few, and with means
    route(*law[:5], np.ones(100), np.zeros(100))
    assert asked == [1, 50, 100]


def test_an_expectation_asks_for_a_table_where_panels_are_many(monkeypatch):
    E, law = symntk.expectation("1/(1 + 25*Abs(x))**2", "fast_sigmoid"), scattered(100)[:3]
    by_panels = E(*law)
    monkeypatch.setattr(tables, "MANY_PANELS", 50)
    monkeypatch.setattr(tables, "_table_for", lambda *_: lambda a, b, c, d: np.full(len(a), 7.0))
    value = E(*law)
    assert np.sum(value == 7.0) >= 50 and np.all((value == 7.0) | (value == by_panels))
    assert not np.any(E(*(x[:49] for x in law)) == 7.0)
