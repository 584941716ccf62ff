"""Tables that are made beforehand: against the reference at laws that had no part in them, packed, in float32."""

import numpy as np
import pytest

import symntk
from symntk.emit.runtime import stored, stored_arrays
from symntk.emit.table import THRESHOLD_REACH, table, table_of
from symntk.emit.table_build import Box, NoTable
from symntk.kernels.tables import reference

BOX = (0.05, 20.0)
PAIRS = {  # of every kind: odd, even, neither; symmetric and not
    "odd": ("tanh", "tanh"),
    "even": ("exp(-x**2)", "1/(1+x**2)"),
    "neither": ("gelu", "gelu"),
    "two sides": ("gelu", "Heaviside(x)"),
    "a delta": ("sign(x)", None),
}


def expectation(kind):
    f, g = PAIRS[kind]
    return symntk.derive(f, "sigmoid").sg_ntk if g is None else symntk.expectation(f, g, tol=1e-11)


@pytest.fixture(scope="module", params=PAIRS)
def made(request):
    E = expectation(request.param)
    return E, table_of(E.f.general, E.g.general, reference(E), variances=BOX)


def laws(count, box, seed=0):
    """Variances, covariance, √(ab − c²), many of them near full correlation."""
    random = np.random.default_rng(seed)
    a, b = np.exp(random.uniform(*np.log(box), (2, count)))
    b[: count // 4] = np.clip(a[: count // 4] * (1.0 + 0.02 * random.standard_normal(count // 4)), *box)
    gap = np.where(random.uniform(size=count) < 0.5, 10.0 ** random.uniform(-6.0, 0.0, count), 1.0)
    cosine = gap * np.cos(random.uniform(0.0, 0.5 * np.pi, count))
    sine = np.sqrt(1.0 - cosine**2) * random.choice([-1.0, 1.0], count)
    full = np.sqrt(a * b)
    return a, b, full * sine, full * cosine


def size(E, a, b):
    """The map's size at variances, over angles."""
    angles = np.linspace(-1.5, 1.5, 7)[:, None]
    return np.sqrt(np.mean(np.square(E(a, b, np.sqrt(a * b) * np.sin(angles))), axis=0))


def test_it_is_the_map_at_any_law_of_its_box(made):
    E, found = made
    a, b, c, d = laws(300, BOX)
    wrong = np.abs(found(a, b, c, d) - E(a, b, c)) / size(E, a, b)
    assert np.max(wrong) < 1e-10
    assert found.error <= 5e-11


def test_the_ends_of_the_correlation(made):
    E, found = made
    a = np.geomspace(*BOX, 9)
    for sign in (1.0, -1.0):
        assert found(a, a, sign * a, 0.0 * a) == pytest.approx(E(a, a, sign * a), abs=1e-9 * np.max(size(E, a, a)))


def test_variance_zero_is_known_and_what_is_outside_is_not_a_number(made):
    E, found = made
    b, zero = np.array([0.3, 4.0]), np.zeros(2)
    for one, other in ((zero, b), (b, zero), (zero, zero)):
        try:
            right = E(one, other, zero)
        except symntk.errors.SymntkError:  # infinite
            assert not np.any(np.isfinite(found(one, other, zero, zero)))
        else:
            assert found(one, other, zero, zero) == pytest.approx(right, abs=1e-10)
    assert np.isnan(found(np.array([BOX[1] * 1.01, 1.0]), np.array([1.0, BOX[0] / 1.01]), zero, zero + 1.0)).all()


def test_a_layer_of_few_terms_is_the_same(made):
    _, found = made
    random = np.random.default_rng(3)
    inputs = random.standard_normal((40, 16))
    gram = inputs @ inputs.T / 16
    a = np.diag(gram).copy()
    b = a[:30].copy()
    full = np.sqrt(a[:, None] * b)
    sine = np.clip(gram[:, :30] / full, -1.0, 1.0)
    cosine = np.sqrt(1.0 - sine**2)
    left, right, *rest = stored._stored_layer(found.stored, a, b)
    assert left.shape[2] <= found.stored.v.columns.shape[1]
    got = stored._stored_tile(left, right, *rest, cosine, sine)
    i, j = np.indices(full.shape).reshape(2, -1)
    direct = found(a[i], b[j], (full * sine)[i, j], (full * cosine)[i, j])
    assert got.reshape(-1) == pytest.approx(direct, abs=5e-11 * np.max(np.abs(direct)))


def test_its_source_makes_it_again(made):
    _, found = made
    lines = found.source()
    names = dict(vars(stored))
    exec("\n".join(lines), names)
    again = names[found.name]
    for one, other in zip((again.u, again.v), (found.stored.u, found.stored.v), strict=True):
        assert np.array_equal(one.columns, other.columns) and one.scale == other.scale
    assert all(np.array_equal(getattr(again, name), getattr(found.stored, name)) for name in ("even", "odd", "core"))
    assert len(lines) < 40
    assert all(len(line) <= 116 or line.strip(" )").startswith('"') for line in lines)  # numbers are no prose


def test_arrays_in_either_precision(made):
    E, found = made
    a, b, c, d = laws(200, BOX, 5)
    full = np.sqrt(a * b)
    right, scale = found(a, b, c, d), size(E, a, b)
    for kind, limit in ((np.float64, 1e-13), (np.float32, 2e-6)):

        def array(values, kind=kind):
            return np.asarray(values, dtype=kind)

        law = [array(x) for x in (a, b, c, d)]
        value = stored_arrays._read_values(np, array, found.stored, *law)
        assert value.dtype == kind
        assert np.max(np.abs(value - right) / scale) < limit
        # rows and columns
        rows, columns = a[:9, None], b[None, :7]
        shares = [x[:63].reshape(9, 7) / full[:63].reshape(9, 7) * np.sqrt(rows * columns) for x in (c, d)]
        law = [array(x) for x in (rows, columns, *shares)]
        pairs = stored_arrays._read_values(np, array, found.stored, *law)
        flat = (np.broadcast_to(x, (9, 7)).reshape(-1) for x in (rows, columns, *shares))
        direct = found(*flat).reshape(9, 7)
        assert pairs.dtype == kind
        assert np.max(np.abs(pairs - direct)) < 10 * limit * np.max(np.abs(direct))


@pytest.mark.parametrize("kind", ["odd", "neither"])
def test_a_derivative_by_a_variance_is_price_s(kind):
    E = expectation(kind)
    found = table_of(E.f.general, E.g.general, reference(E), variances=BOX).stored
    bent = symntk.Expectation(E.f.derivative.derivative, E.g)
    steep = symntk.Expectation(E.f.derivative, E.g.derivative)
    a, b, c, d = laws(60, BOX, 2)
    fixed = stored_arrays._read_values(np, np.asarray, found, a, b, c, d, "a")
    slope = fixed - c / (2.0 * a) * steep(a, b, c)
    assert a * slope == pytest.approx(0.5 * a * bent(a, b, c), abs=2e-9 * np.max(size(E, a, b)))


def test_thresholds_on_both_sides_end_the_reach():
    f = symntk.expectation("Max(-1, Min(1, x))", 1).f.general
    E = symntk.expectation("Max(-1, Min(1, x))", "Max(-1, Min(1, x))")
    found = table_of(f, f, reference(E), variances=(0.3, 3.0), tolerance=1e-9)
    assert found.box.reach == THRESHOLD_REACH
    a = np.ones(2)
    sine = np.sin(THRESHOLD_REACH + np.array([-0.01, 0.01]))
    value = found(a, a, sine, np.sqrt(1.0 - sine**2))
    assert value[0] == pytest.approx(E(1.0, 1.0, sine[0]), abs=1e-9) and np.isnan(value[1])


def test_what_has_no_table_says_why():
    f = symntk.expectation("sign(x)", 1).f.derivative.general
    with pytest.raises(NoTable, match="deltas"):
        table_of(f, f, reference(symntk.expectation("tanh", "tanh")))
    with pytest.raises(NoTable, match="terms"):
        table(lambda a, b, c, det: np.sin(1e3 * np.log(a)) + 2.0 + 0.0 * (b + c), Box(1e-3, 1e3))
    with pytest.raises(NoTable, match="no value here"):

        def refuses(a, b, c, det):
            raise ValueError("no value here")

        table(refuses, Box(0.5, 2.0))
