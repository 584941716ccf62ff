"""The paper's experiments: setting, statistics, files, and continuing after an interruption."""

from __future__ import annotations

import csv
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import symntk
from symntk.cli import main
from symntk.errors import DomainError, FormulaError
from symntk.networks.regression import Prediction
from symntk.runs.options import Options
from symntk.runs.tables import Table
from symntk_papers.sgntk import fit as experiments_fit
from symntk_papers.sgntk import kernels as experiments_kernels
from symntk_papers.sgntk.files import write
from symntk_papers.sgntk.findings import findings
from symntk_papers.sgntk.fit import Comparison, Sizes, share
from symntk_papers.sgntk.kernels import KernelSizes
from symntk_papers.sgntk.setting import TRAINING_POINTS, circle_angles, on_circle, target, training_angles

TINY = Sizes((30, 20), 12, 40)
TINY_KERNELS = KernelSizes((2, 5), (10,), 4, 3)


@pytest.fixture(scope="module")
def sign():
    return symntk.derive("sign", "erf")


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(experiments_fit, "FAST", TINY)
    monkeypatch.setattr(experiments_kernels, "FAST", TINY_KERNELS)


def invoke(*arguments: str):
    return CliRunner().invoke(main, ["experiment", *arguments])


class TestSetting:
    def test_points_are_on_the_circle_and_the_kernels_other_input_is_one_of_them(self):
        x = on_circle(circle_angles())
        assert x.shape == (100, 2)
        assert np.allclose(np.sum(x**2, axis=1), 1)
        assert circle_angles()[50] == 0
        assert np.array_equal(x[50], [0, 1])
        assert circle_angles()[75] == pytest.approx(np.pi / 2)

    def test_one_training_point_per_arc_and_another_draw_for_another_seed(self):
        arcs = np.floor((training_angles(3) + np.pi) / (2 * np.pi / TRAINING_POINTS))
        assert np.array_equal(arcs, np.arange(TRAINING_POINTS))
        assert np.array_equal(training_angles(3), training_angles(3))
        assert not np.array_equal(training_angles(3), training_angles(4))

    def test_target_at_the_axes(self):
        # 4ab² − 0.8a³ + 1.2b² − 0.8a²b at (1, 0), (0, 1), (0, −1)
        assert target(np.array([[1.0, 0], [0, 1], [0, -1]])).tolist() == pytest.approx([-0.8, 1.2, 1.2])

    def test_full_is_the_papers_size(self):
        full = experiments_fit.FULL
        assert (sorted(full.widths), full.networks, full.steps) == ([20, 100, 500], 500, 30_000)
        kernels = experiments_kernels.FULL
        assert (kernels.slopes, kernels.widths) == ((2, 5, 20), (10, 100, 500, 1000))
        assert (kernels.networks, kernels.steps) == (10, 10_000)

    def test_options_out_of_range(self):
        with pytest.raises(DomainError, match="not negative"):
            Options(seed=-1)


class TestTable:
    def test_csv_keeps_digits_and_reads_back(self):
        rows = list(csv.reader(Table(("a, b", "n"), [(1 / 3, 20)]).csv().splitlines()))
        assert rows[0] == ["a, b", "n"]
        assert float(rows[1][0]) == pytest.approx(1 / 3, rel=1e-8)
        assert rows[1][1] == "20"


class TestTheory:
    def test_time_is_that_of_steps_on_the_mean_loss(self, sign):
        # the same training, step by step: f ← f − (η/15) I(·, X) (f(X) − y), on the mean over networks
        known = experiments_fit.theory(sign, 0, (60, 400))
        net = symntk.Network(sign, 3, bias_std=0.1)
        own, across = net.sg_ntk(known.x), net.sg_ntk(known.test, known.x)
        f, at_test = np.zeros(15), np.zeros(100)
        for step in range(1, 401):
            error = f - known.y
            f, at_test = f - 0.1 / 15 * own @ error, at_test - 0.1 / 15 * across @ error
            if step in known.surrogate:
                assert np.max(np.abs(at_test - known.surrogate[step].mean)) < 0.01
        assert np.max(np.abs(known.surrogate[60].mean - known.surrogate[400].mean)) > 0.1

    def test_regression_with_the_nngp_is_the_posterior(self, sign):
        known = experiments_fit.theory(sign, 0, (1,))
        net = symntk.Network(sign, 3, bias_std=0.1)
        gain = np.linalg.solve(net.nngp(known.x), net.nngp(known.x, known.test)).T
        assert known.bayes.mean == pytest.approx(gain @ known.y, abs=1e-9)
        posterior = net.nngp(known.test) - gain @ net.nngp(known.x, known.test)
        assert known.bayes.covariance == pytest.approx(posterior, abs=1e-9)

    def test_kernels_are_the_papers(self):
        # reference numbers: Θ_m(0), Θ_m(π/2) and I with erf' at 0, from an independent mpmath recursion
        ntk = next(experiments_kernels.run("ntk", Options(), TINY_KERNELS)).analytic
        assert [ntk[2][50], ntk[5][50]] == pytest.approx([2.912053934, 11.56011366], rel=1e-9)
        assert np.isinf(ntk[np.inf][50])
        assert ntk[np.inf][75] == pytest.approx(0.046219724, rel=1e-7)
        surrogate = next(experiments_kernels.run("sg_ntk", Options(), TINY_KERNELS)).analytic
        assert [surrogate[m][50] for m in (2, 5, np.inf)] == pytest.approx([1.71584827, 2.260694215, 2.490796301])

    def test_there_are_two_kernels(self):
        with pytest.raises(FormulaError, match="ntk or sg_ntk"):
            next(experiments_kernels.run("nngp", Options(), TINY_KERNELS))


class TestComparison:
    def test_samples_of_the_process_itself(self, sign):
        process = experiments_fit.theory(sign, 0, (1000,)).surrogate[1000]
        drawn = np.random.default_rng(0).multivariate_normal(process.mean, process.covariance, size=2000)
        seen = Comparison.of(drawn, process)
        assert np.max(np.abs(seen.distance)) < 5 / np.sqrt(2000)
        assert np.mean(seen.inside) == pytest.approx(0.9545, abs=0.01)
        assert np.mean(seen.inside_own) == pytest.approx(0.9545, abs=0.01)
        assert seen.spread == pytest.approx(np.ones(100), abs=0.1)
        assert seen.error == pytest.approx(seen.spread / np.sqrt(2000))
        assert np.all(seen.within)  # the 5 % alone are more than twice the standard error

    def test_a_shift_is_seen_in_units_of_the_sd(self):
        process = Prediction(np.array([1.0, 2.0]), np.diag([4.0, 9.0]))
        outputs = process.mean + np.array([[0.5], [1.5]]) * process.std  # mean one sd above
        seen = Comparison.of(outputs, process)
        assert seen.distance == pytest.approx([1, 1])
        assert seen.error == pytest.approx([0.5, 0.5])
        assert not np.any(seen.within)
        assert np.all(seen.inside)
        moved = Comparison.of(outputs + 1.5 * process.std, process)
        assert moved.inside.tolist() == [[True, True], [False, False]]
        assert np.all(moved.inside_own)

    def test_bias_and_its_error_are_those_of_many_ensembles(self, sign):
        # 150 networks of a process whose mean is off by 0.1 sd, 40 times: unbiased, and its own error is the one seen
        process = experiments_fit.theory(sign, 0, (1000,)).surrogate[1000]
        rng = np.random.default_rng(1)
        for bias, squares in ((0.1, 0.01), (0.0, 0.0)):
            drawn = rng.multivariate_normal(process.mean + bias * process.std, process.covariance, size=(40, 150))
            seen = [Comparison.of(one, process) for one in drawn]
            found, errors = np.array([one.bias for one in seen]).T
            exact = np.array([np.mean(one.distance**2 - one.error**2) for one in seen])  # bias² = distance² − error²
            assert np.maximum(exact, 0) == pytest.approx(found**2, abs=1e-12)
            assert np.mean(exact) == pytest.approx(squares, abs=4 * np.std(exact) / np.sqrt(40))
            if bias:
                assert np.mean(errors) == pytest.approx(np.std(found), rel=0.4)
            else:
                assert np.mean(found < 2 * errors) > 0.8
                assert np.mean([np.mean(one.within) for one in seen]) == pytest.approx(
                    seen[0].within_expected, abs=0.03
                )

    def test_the_error_of_a_share_is_over_networks(self):
        rng = np.random.default_rng(2)
        drawn = np.repeat(rng.random((400, 200, 1)) < 0.9, 5, axis=2)  # five points that always agree
        found = np.array([share(one) for one in drawn])
        assert found[:, 0].mean() == pytest.approx(0.9, abs=0.005)
        assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.15)


class TestFindings:
    """The text is written from the numbers: other numbers, other words."""

    def test_networks_that_approach_the_process_and_networks_that_do_not(self, sign):
        known = experiments_fit.theory(sign, 0, (1000,))
        process = known.surrogate[1000]
        drawn = np.random.default_rng(0).multivariate_normal(np.zeros(100), process.covariance, size=400)
        drawn -= drawn.mean(axis=0)

        def fit(width, bias, spread):
            outputs = process.mean + bias * process.std + spread * drawn
            return experiments_fit.Fit(width, {1000: outputs}, np.zeros(400))

        better = findings(known, [fit(10, 0.4, 0.8), fit(100, 0.1, 0.95), fit(1000, 0.01, 1.0)])
        assert "falls from width 10 to 100, falls from width 100 to 1000" in better
        assert "at 100 of 100 points, everywhere" in better
        worse = findings(known, [fit(10, 0.1, 0.95), fit(100, 0.4, 0.8)])
        assert "rises from width 10 to 100; by least squares it goes like width^0.6" in worse
        assert "at 0 of 100 points, so not everywhere" in worse
        same = findings(known, [fit(10, 0.1, 0.95), fit(100, 0.1, 0.95)])
        assert "It stays within sampling error from width 10 to 100" in same
        assert "falls" not in same
        one = findings(known, [fit(10, 0.1, 0.95)])
        assert "width^" not in one
        assert "± " in one


class TestFit:
    def test_statistics_of_narrow_networks_are_sane(self):
        known, done = list(experiments_fit.run(Options(), Sizes((20,), 60, 100)))[-1]
        found = experiments_fit.table(known, done)
        rows = [dict(zip(found.headings, row, strict=True)) for row in found.rows]
        assert [row["steps"] for row in rows] == [1, 10, 100]
        for got in rows:
            assert got["rms distance / sd"] < 0.35
            assert 0.7 < got["ensemble sd / sd (rms)"] < 1.3
            assert 0.85 < got["networks inside ±2 sd, mean over points"] <= 1
        # against the process of another time the same outputs are off
        assert experiments_fit.rms(Comparison.of(done[0].outputs[100], known.surrogate[1]).distance) > 0.5

    def test_an_interrupted_run_ends_with_the_same_table(self, tmp_path):
        options = Options(checkpoints=tmp_path)
        first = experiments_fit.run(options, TINY)
        assert [fit.width for fit in next(first)[1]] == [30]
        first.close()  # after the first of two widths
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
        assert before
        tables = [
            [experiments_fit.table(*found).csv(), experiments_fit.curves(*found).csv()]
            for found in (list(experiments_fit.run(o, TINY))[-1] for o in (options, Options()))
        ]
        assert tables[0] == tables[1]
        assert all(path.stat().st_mtime_ns == at for path, at in before.items())  # taken, not trained again
        other = list(experiments_fit.run(Options(seed=1, checkpoints=tmp_path), TINY))[-1]
        assert experiments_fit.table(*other).csv() != tables[0][0]


class TestFiles:
    @pytest.fixture(autouse=True)
    def _matplotlib(self):
        pytest.importorskip("matplotlib")

    def test_tables_and_pictures_twice_the_same(self, tmp_path):
        contents = []
        for folder in (tmp_path / "a", tmp_path / "b"):
            lines = list(write("sgntk-fig3", Options(), folder, sizes=Sizes((20,), 12, 40)))
            names = [Path(line).name for line in lines[1:]]
            assert sorted(names) == sorted(path.name for path in folder.iterdir())
            contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
        assert contents[0] == contents[1]
        made = contents[0]
        assert lines[0] in made["sgntk_fig3.md"].decode()
        assert "\n- At width 20 the mean lies within" in made["sgntk_fig3.md"].decode()
        assert len(made["sgntk_fig3_curves.csv"].decode().splitlines()) == 101
        assert ET.fromstring(made["sgntk_fig3.svg"]).tag.endswith("svg")
        assert made["sgntk_fig3.png"].startswith(b"\x89PNG")

    def test_of_kernels(self, tiny, tmp_path):
        result = invoke("sgntk-fig1", "--workers", "0", "-o", str(tmp_path))
        assert result.exit_code == 0, result.output
        rows = list(csv.DictReader((tmp_path / "sgntk_fig1.csv").read_text(encoding="utf-8").splitlines()))
        assert [(row["m"], row["width"]) for row in rows[:4]] == [("2", "10"), ("2", "10"), ("2", "∞"), ("5", "10")]
        assert rows[-1]["kernel at angle 0, mean"] == "inf"
        assert "| ∞ | ∞ |" in result.stdout
        assert (tmp_path / "sgntk_fig1.svg").exists()
        assert list((tmp_path / "checkpoints").rglob("*.npz"))


class TestCommands:
    def test_without_matplotlib_the_message_comes_first(self, tiny, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        result = invoke("sgntk-fig2", "-o", str(tmp_path / "x"))
        assert result.exit_code == 2
        assert "--no-figure" in result.stderr
        assert not (tmp_path / "x").exists()
        done = invoke("sgntk-fig3", "--workers", "0", "--no-figure", "-o", str(tmp_path), "--seed", "2")
        assert done.exit_code == 0, done.output
        assert {p.suffix for p in tmp_path.iterdir() if p.is_file()} == {".md", ".csv"}
        assert "seed 2" in (tmp_path / "sgntk_fig3.md").read_text(encoding="utf-8")

    def test_checkpoints_of_another_run_are_told(self, tiny, tmp_path, monkeypatch):
        arguments = ["sgntk-fig3", "--workers", "0", "--no-figure", "-o", str(tmp_path)]
        assert invoke(*arguments).exit_code == 0
        monkeypatch.setattr(experiments_fit, "RATE", 0.05)
        result = invoke(*arguments)
        assert result.exit_code == 2
        assert "another run" in result.stderr

    def test_a_folder_that_cannot_be_written_to_is_told_before_training(self, tiny, tmp_path):
        (tmp_path / "file").write_text("")
        for output, checkpoints in (("file/x", "good"), ("good", "file/x")):
            folders = ["-o", str(tmp_path / output), "--checkpoints", str(tmp_path / checkpoints)]
            result = invoke("sgntk-fig3", "--workers", "0", "--no-figure", *folders)
            assert result.exit_code == 2
            assert "file/x" in result.stderr
            assert not list(tmp_path.rglob("*.npz"))

    def test_names_and_options(self, tmp_path):
        assert all(name in invoke("--help").stdout for name in ("sgntk-fig1", "sgntk-fig2", "sgntk-fig3"))
        assert invoke("sgntk-fig4").exit_code == 2
        assert invoke("sgntk-fig3", "--seed", "-1").exit_code == 2
        with pytest.raises(FormulaError, match="sgntk-fig2"):
            list(write("sgntk-fig9", Options(), tmp_path))
