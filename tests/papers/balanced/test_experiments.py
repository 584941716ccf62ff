"""What the experiments with balanced networks rest on: exponents, critical inputs, kept points, their files."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from symntk.dynamics import common_curve, independent_curve
from symntk.dynamics.critical import Critical, critical_common, critical_independent
from symntk.dynamics.simulation import Drive
from symntk.dynamics.theory import Balanced
from symntk.errors import DomainError, FormulaError
from symntk.runs.checkpoint import kept
from symntk.runs.options import Options
from symntk_papers.balanced import activity as experiments_activity
from symntk_papers.balanced import critical as experiments_critical
from symntk_papers.balanced import exponents as experiments_exponents
from symntk_papers.balanced import figures as dynamics_figures
from symntk_papers.balanced.activity import state
from symntk_papers.balanced.critical import FAST, Measured, network, root, sizes_of
from symntk_papers.balanced.files import write
from symntk_papers.balanced.setting import STEP, simulated

NET, NET_40 = Balanced(2.0, 100), Balanced(2.0, 40)
TINY = {
    "fig2": experiments_exponents.Sizes(
        60, 2, 4.0, 2.0, common=(2.0,), independent=(2.0, 8.0), dt=0.2, theory_time=10.0, points=0
    ),
    "fig3": experiments_critical.Sizes(
        {"A": (100,), "C": (1.2, 1.3)},  # no chaos at these g
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


def _of_unit(net, amplitude):
    """The arguments of the same course in the network's unit of time, and in units of τ."""
    return (net, [amplitude], 0.2 / net.tau), (replace(net, tau=1.0), [amplitude], 0.2)


class TestCurves:
    def test_common_changes_sign_at_the_critical_input(self):
        critical = critical_common(NET, 0.2, dt=1 / 5).amplitude
        curve = common_curve(NET, [0.85 * critical, 1.03 * critical], 0.2, dt=1 / 5, time=40.0)
        assert curve.exponents[0] > 0.0 > curve.exponents[1]

    def test_the_step_is_accounted_for_to_first_order(self):
        """The repeating state at another step than those of the extrapolation."""
        curve = common_curve(NET, [20.0], 0.2, dt=1 / 16)
        finer = NET.orbit(20.0, 0.2, dt=1 / 32).lyapunov
        assert abs(curve.at_step(1 / 32)[0] - finer) < 0.25 * abs(curve.exponents[0] - finer)
        same = common_curve(NET, [20.0], 0.2, dt=1 / 8, finer=2)  # those steps again
        assert (same.exponents[0], same.slopes[0]) == (curve.exponents[0], curve.slopes[0])

    def test_chaotic_courses_are_kept(self, tmp_path, monkeypatch):
        arguments = {"dt": 1 / 5, "time": 20.0, "folder": tmp_path}
        first = common_curve(NET, [3.0], 0.2, **arguments)
        assert len(list(tmp_path.iterdir())) == 2  # one for each step
        with monkeypatch.context() as patch:
            patch.setattr(Balanced, "common", lambda *_, **__: pytest.fail("computed again"))
            again = common_curve(NET, [3.0], 0.2, **arguments)
        assert again.exponents[0] == first.exponents[0]
        other = common_curve(NET, [3.5], 0.2, **arguments)
        assert other.exponents[0] < first.exponents[0]

    def test_a_short_period_is_extrapolated_too(self):
        """Steps dt and 2 dt both fill it, and so give a slope, with which that of a finer step is known."""
        curve = common_curve(NET, [40.0], 1.0)
        finer = NET.orbit(40.0, 1.0, dt=1 / 64).lyapunov
        assert abs(curve.exponents[0] - finer) < curve.errors[0]
        assert abs(curve.at_step(1 / 64)[0] - finer) < 0.1 * curve.errors[0]

    @pytest.mark.parametrize("amplitude", [3.0, 20.0])  # chaotic, and not
    def test_the_time_constant_only_sets_the_unit_of_time(self, amplitude):
        slow = Balanced(2.0, 100, tau=2.5)
        found, same = (common_curve(*one, dt=1 / 5, time=30.0) for one in _of_unit(slow, amplitude))
        assert found.exponents[0] == pytest.approx(same.exponents[0], abs=1e-9)
        assert found.slopes[0] == pytest.approx(same.slopes[0], abs=1e-7)

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


class TestSimulated:
    def test_other_lengths_and_inputs_have_folders_of_their_own(self, tmp_path):
        """And more networks extend a run."""
        drives, sizes = [Drive(2.0)], experiments_activity.Sizes(40, (), 1, 2.0, 1.0)

        def run(drives=drives, **other):
            found = simulated(NET_40, drives, replace(sizes, **other), Options(), tmp_path, record=False)
            return found, len(list(tmp_path.iterdir()))

        first, count = run()
        more, same = run(realizations=2)
        assert count == same == 1 and np.array_equal(more.growth[0], first.growth[0])
        assert run(time=3.0)[1] == 2
        assert run(burn=2.0)[1] == 3
        assert run([Drive(3.0)])[1] == 4
        assert run([Drive(2.0, False)])[1] == 5
        assert np.array_equal(run()[0].growth, first.growth)

    def test_roots_of_networks(self, monkeypatch):
        """Without input 0.1, −0.1 and 0.1; the first falls with the amplitude, the last does not."""
        around = np.array([0.0, *experiments_critical._AROUND])
        exponents = np.stack([0.1 - 0.2 * around, -0.1 - around, 0.1 + around])

        def simulation(net, drives, *_, **__):
            assert [one.amplitude for one in drives] == pytest.approx([0.0, *(8.0 * around[1:]), *(2.0 * around[1:])])
            return SimpleNamespace(lyapunov=np.concatenate([exponents, exponents[:, 1:]], axis=1))

        monkeypatch.setattr(experiments_critical, "simulated", simulation)
        monkeypatch.setattr(experiments_critical, "_at_step", lambda *_: 7.0)
        panel = _panel(8.0, 2.0)
        experiments_critical._simulate(panel, 100.0, FAST, None, Options())
        for kind, critical in (("common", 8.0), ("phase", 2.0)):
            found = panel.simulated[100.0, kind]
            assert found.known == pytest.approx([0.5 * critical]) and found.quiet == 1
            assert found.counts == "1 of 3; 1 never chaotic; 1 always chaotic"
        row = dict(enumerate(experiments_critical.table(FAST, [panel]).rows[0]))
        assert (row[9], row[10], row[11]) == (pytest.approx(4.0), "", found.counts)  # no quartiles of one value

    @pytest.mark.parametrize("critical", [0.0, np.nan])
    def test_nothing_is_simulated_where_theory_has_no_answer(self, critical, monkeypatch):
        monkeypatch.setattr(experiments_critical, "simulated", lambda *_, **__: pytest.fail("simulated"))
        panel = _panel(critical, critical)
        experiments_critical._simulate(panel, 100.0, FAST, None, Options())
        assert panel.simulated == {}


def _panel(common, phase):
    """A panel of one network of 100 units."""
    theory = {"common": common, "phase": phase, "gaussian": phase}
    found = {kind: np.array([[value, 0.0]]) for kind, value in theory.items()}
    return experiments_critical.Panel("A", np.array([100.0]), found, [], None, {})


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


@pytest.fixture
def quick(monkeypatch):
    """Without the critical amplitudes of figure 2, which `test_critical` is about."""
    known = Critical(12.0, 0.0, np.zeros(0), np.zeros(0))
    for name in ("critical_common", "critical_independent"):
        monkeypatch.setattr(experiments_exponents, name, lambda *_, **__: known)


@pytest.mark.usefixtures("quick")
class TestFiles:
    @pytest.mark.parametrize("name", list(TINY))
    def test_tables_and_pictures_and_a_second_run(self, name, tmp_path, monkeypatch):
        pytest.importorskip("matplotlib")
        monkeypatch.setattr(experiments_critical, "STEP", 1 / 5)
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

    def test_the_figure_says_how_many_networks_have_a_root(self):
        """Also where none has, so that there is no point; ticks are plain numbers, and points are in the legend."""
        ax = pytest.importorskip("matplotlib.figure").Figure().subplots()
        panel = _panel(8.0, 2.0)
        panel.simulated[100.0, "common"] = Measured(np.array([6.0, 7.0, np.nan]), 1, np.nan)
        panel.simulated[100.0, "phase"] = Measured(np.full(3, np.nan), 3, np.nan)
        dynamics_figures._critical(ax, panel)
        assert [text.get_text() for text in ax.texts] == ["2/3", "0/3"]
        assert [text.get_text() for text in ax.get_yticklabels()] == ["2", "3", "5"]
        names = [text.get_text() for text in ax.get_legend().get_texts()]
        assert "networks, common" in names and "networks, independent" not in names

    def test_names(self, tmp_path):
        with pytest.raises(FormulaError, match="fig3"):
            list(write("fig4", Options(), tmp_path))

    def test_rows_of_common_input_are_at_the_step(self):
        found = experiments_exponents.run(Options(), TINY["fig2"])
        rows = {(row[0], row[1]): row for row in experiments_exponents.table(found).rows}
        assert rows["none", 0.0][2] == found.rest
        common = found.common
        key = "common", float(common.amplitudes[0])
        assert rows[key][4] == pytest.approx(common.exponents[0] + STEP * common.slopes[0])
        assert rows["independent", 8.0][2] < 0.0 < rows["independent", 2.0][2]
        assert rows["independent", 8.0][4] == ""
