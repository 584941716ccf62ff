"""The commands of the paper on balanced networks."""

from __future__ import annotations

from symntk_papers.balanced import activity, learning
from tests.dynamics.test_commands import invoke


def test_learning(monkeypatch):
    small = learning.Task(N=40, burn=2, epoch=2, epochs=1, test=2, exponent=160)
    monkeypatch.setattr(learning, "Task", lambda: small)
    result = invoke("learning", "--independent", "3", "--realizations", "1")
    assert result.exit_code == 0, result.output
    assert "| 3 | independent |" in result.stdout


def test_a_figure(tmp_path, monkeypatch):
    tiny = activity.Sizes(40, (10.0,), 2, 8.0, 2.0, 5.0)
    monkeypatch.setattr(activity, "sizes_of", lambda full, N, realizations: tiny)
    result = invoke("fig9", "--no-figure", "-o", str(tmp_path), "--seed", "3")
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoints",
        "dynamics_fig9.csv",
        "dynamics_fig9.md",
        "dynamics_fig9_curves.csv",
    }
    assert "seed 3" in (tmp_path / "dynamics_fig9.md").read_text(encoding="utf-8")


def test_what_is_impossible_is_said():
    result = invoke("learning", "--realizations", "0")
    assert result.exit_code == 2, result.output
    assert "realizations = 0" in result.stderr


def test_help_names_all():
    text = invoke("--help").stdout
    for name in ("learning", "fig2", "fig3", "fig9"):
        assert name in text
        assert invoke(name, "--help").exit_code == 0
