"""What the experiments with balanced networks rest on: exponents, critical inputs, kept points, their files."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from symntk.dynamics import experiments_activity, experiments_critical, experiments_exponents
from symntk.dynamics.critical import critical_common, critical_independent
from symntk.dynamics.experiments import STEP, common_curve, independent_curve, kept
from symntk.dynamics.experiments_activity import state
from symntk.dynamics.experiments_critical import FAST, network, root, sizes_of
from symntk.dynamics.theory import Balanced
from symntk.errors import DomainError, FormulaError
from symntk.networks.experiments import Options
from symntk.report.dynamics_files import write

NET = Balanced(2.0, 100)
TINY = {
    "fig2": experiments_exponents.Sizes(
        60, 2, 4.0, 2.0, common=(1.5, 2.0), independent=(2.0, 8.0), dt=1 / 8, theory_time=20.0, points=3
    ),
    "fig3": experiments_critical.Sizes(
        {"A": (100, 200), "C": (1.2, 1.3)},  # no chaos at these g
        {"A": (100,), "C": ()},
        N=60,
        frequency=0.2,
        realizations=2,
        time=4.0,
        burn=2.0,
        dt=(0.2, 0.2),
    ),
    "fig9": experiments_activity.Sizes(60, (0.0, 10.0), 2, 8.0, 2.0, 5.0),
}


class TestCurves:
    def test_common_changes_sign_at_the_critical_input(self):
        critical = critical_common(NET, 0.2, dt=1 / 8).amplitude
        curve = common_curve(NET, [0.85 * critical, 1.03 * critical], 0.2, dt=1 / 8, time=40.0)
        assert curve.exponents[0] > 0.0 > curve.exponents[1]

    def test_the_step_is_accounted_for_to_first_order(self):
        """The repeating state at another step than those of the extrapolation."""
        curve = common_curve(NET, [20.0], 0.2, dt=1 / 16)
        finer = NET.orbit(20.0, 0.2, dt=1 / 32).lyapunov
        assert abs(curve.at_step(1 / 32)[0] - finer) < 0.25 * abs(curve.exponents[0] - finer)

    def test_chaotic_courses_are_kept(self, tmp_path, monkeypatch):
        arguments = {"dt": 1 / 8, "time": 20.0, "folder": tmp_path}
        first = common_curve(NET, [3.0], 0.2, **arguments)
        assert len(list(tmp_path.iterdir())) == 2  # one for each step
        with monkeypatch.context() as patch:
            patch.setattr(Balanced, "common", lambda *_, **__: pytest.fail("computed again"))
            again = common_curve(NET, [3.0], 0.2, **arguments)
        assert again.exponents[0] == first.exponents[0]
        other = common_curve(NET, [3.5], 0.2, **arguments)
        assert other.exponents[0] < first.exponents[0]

    def test_independent_without_input_is_the_state_at_rest(self):
        curve = independent_curve(NET, [1e-3], 0.2, "phase")
        assert abs(curve.exponents[0] - NET.stationary().lyapunov) < 1e-6

    def test_it_is_the_stationary_state_with_its_error(self):
        curve = independent_curve(NET, [2.0, 8.0], 0.2, "phase")
        for i, amplitude in enumerate(curve.amplitudes):
            expected = NET.independent_stationary(float(amplitude), 0.2, average="phase")
            assert (curve.exponents[i], curve.errors[i]) == (expected.lyapunov, expected.lyapunov_error)
        assert np.all(curve.errors < 1e-6)

    def test_states_that_are_not_found_are_blank(self):
        critical = critical_independent(NET, 0.2, average="gaussian").amplitude
        curve = independent_curve(NET, [critical * (1.0 - 1e-7), 8.0], 0.2, "gaussian")
        assert np.isnan(curve.exponents[0]) and np.isnan(curve.errors[0]) and curve.exponents[1] < 0.0
        with pytest.raises(DomainError, match="amplitude"):
            independent_curve(NET, [-1.0], 0.2, "gaussian")

    def test_kept(self, tmp_path):
        calls = []

        def compute():
            calls.append(1)
            return {"value": np.arange(3.0)}

        for parts in ({"a": 1}, {"a": 1}, {"a": 2}):
            assert np.array_equal(kept(tmp_path / "new", parts, compute)["value"], np.arange(3.0))
        assert len(calls) == 2
        kept(None, {"a": 1}, compute)
        assert len(calls) == 3


class TestCritical:
    def test_tightness_of_balance_stands_for_the_size(self):
        """Theory at K in networks of any N is that of K units."""
        same = Balanced(2.0, 50).orbit(9.0, 0.2, dt=0.2)
        found = network("B", 50, FAST).orbit(9.0, 0.2, dt=0.2)
        assert found.lyapunov == pytest.approx(same.lyapunov, abs=1e-9)
        assert np.allclose(found.covariance, same.covariance, rtol=1e-9)
        assert network("B", 50, FAST).N == FAST.N

    def test_root(self):
        x = np.array([1.0, 2.0, 3.0, 4.0])
        assert root(x, 2.5 - x) == pytest.approx(2.5)
        assert root(x, np.array([-1.0, 0.5, 1.0, -1.0])) > 3.0  # the last fall
        assert np.isnan(root(x, x))
        assert np.isnan(root(x, -x))

    def test_sizes(self):
        sizes = sizes_of(False, 800, 4)
        assert (sizes.N, sizes.realizations) == (800, 4)
        assert set(sizes.simulated["A"]) <= set(sizes.values["A"])
        for one in (FAST, experiments_critical.FULL):
            assert all(set(one.simulated[name]) <= set(one.values[name]) for name in one.values)


class TestActivity:
    @pytest.mark.parametrize("average", ["gaussian", "phase"])
    def test_the_equation_of_the_autocovariance(self, average):
        """c − c'' = g² ⟨q⟩ + (I_1²/2) cos ωΔ; where units have phases of their own, c holds their sinusoids too."""
        step = 0.02
        lags = np.array([4.0 - step, 4.0, 4.0 + step])
        found = state(NET, 10.0, average, np.concatenate([[0.0], lags]))
        c = found.autocovariance[1:]
        left = c[1] - (c[0] - 2.0 * c[1] + c[2]) / step**2 - 50.0 * np.cos(0.1 * np.pi * 4.0)
        theta = 2.0 * np.pi * (np.arange(32) + 0.5) / 32 if average == "phase" else np.zeros(1)
        size = 10.0 / np.sqrt(1.0 + (0.1 * np.pi) ** 2) if average == "phase" else 0.0
        own = 0.5 * size**2 * np.cos(0.1 * np.pi * np.array([0.0, 4.0]))
        variance, here = found.autocovariance[0] - own[0], c[1] - own[1]
        means = found.mean + size * np.sin(theta), found.mean + size * np.sin(theta + 0.1 * np.pi * 4.0)
        full = np.full(len(theta), variance)
        q = NET._with_means.product(full, full, np.full(len(theta), here), *means).mean()
        assert left == pytest.approx(4.0 * q, rel=1e-4)

    def test_without_input(self):
        found = state(NET, 0.0, "phase", np.array([0.0, 5.0]))
        assert found.autocovariance[0] == pytest.approx(NET.stationary().variance)

    def test_units_of_the_figure_are_those_of_the_simulation(self, monkeypatch):
        """The rates that are drawn are of the very network whose mean is."""
        monkeypatch.setattr(experiments_activity, "_UNITS", 40)  # all
        sizes = experiments_activity.Sizes(40, (0.0,), 1, 8.0, 2.0, 1.0)
        found = experiments_activity.run(Options(), sizes)
        mean = found.activity[0].mean(0)
        steps = found.simulation.rate.shape[-1]
        assert np.allclose(mean[:steps], found.simulation.rate[0, 0], atol=1e-4)


class TestFiles:
    @pytest.mark.parametrize("name", list(TINY))
    def test_tables_and_pictures_and_a_second_run(self, name, tmp_path, monkeypatch):
        pytest.importorskip("matplotlib")
        monkeypatch.setattr(experiments_critical, "STEP", 1 / 8)
        options = Options(checkpoints=tmp_path / "checkpoints")
        lines = list(write(name, options, tmp_path / "a", sizes=TINY[name]))
        names = sorted(Path(line).name for line in lines[1:])
        assert names == sorted(path.name for path in (tmp_path / "a").iterdir())
        assert f"dynamics_{name}.svg" in names
        assert ET.parse(tmp_path / "a" / f"dynamics_{name}.svg").getroot().tag.endswith("svg")
        assert lines[0] in (tmp_path / "a" / f"dynamics_{name}.md").read_text(encoding="utf-8")
        for part in ("", "_curves"):
            text = (tmp_path / "a" / f"dynamics_{name}{part}.csv").read_text(encoding="utf-8")
            rows = list(csv.reader(text.splitlines()))
            assert len(rows) > 1
            assert len({len(row) for row in rows}) == 1
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "checkpoints").rglob("*.npz")}
        assert before
        list(write(name, options, tmp_path / "b", figure=False, sizes=TINY[name]))
        assert all(path.stat().st_mtime_ns == at for path, at in before.items())  # taken, not simulated again
        for path in (tmp_path / "b").iterdir():
            assert path.read_bytes() == (tmp_path / "a" / path.name).read_bytes()

    def test_names(self, tmp_path):
        with pytest.raises(FormulaError, match="fig3"):
            list(write("fig4", Options(), tmp_path))

    def test_rows_of_common_input_are_at_the_step(self):
        found = experiments_exponents.run(Options(), replace(TINY["fig2"], common=(1.5,)))
        rows = {(row[0], row[1]): row for row in experiments_exponents.table(found).rows}
        assert rows["none", 0.0][2] == found.rest
        common = found.common
        key = "common", float(common.amplitudes[0])
        assert rows[key][4] == pytest.approx(common.exponents[0] + STEP * common.slopes[0])
        assert rows["independent", 8.0][2] < 0.0 < rows["independent", 2.0][2]
        assert rows["independent", 8.0][4] == ""
