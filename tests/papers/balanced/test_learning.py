"""Students of driven networks: the rule solves its least squares, and uncorrelated input lets a student learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symntk.errors import DivergenceError, DomainError, FormulaError
from symntk.finite.arrays import array_function
from symntk.kernels.function import as_function
from symntk_papers.balanced import learning
from symntk_papers.balanced.learning import Drive, Task, teach

RELU = array_function(as_function("relu"))
TINY = Task(N=30, burn=2, epoch=2, epochs=1, test=2, exponent=160)


def test_the_rule_solves_the_least_squares():
    """After any number of steps, J and w minimize Σ |J r − T|² + ridge |J − J_start|² over what was seen."""
    task = Task(N=30, ridge=0.7)
    lesson = learning._Lesson(task, RELU, Drive(3.0, common=False), 0)
    start, rates, currents, outputs = lesson.student.copy(), [], [], []
    teacher_step = lesson._teacher_step

    def step():
        rates.append(np.maximum(lesson.h, 0))
        outputs.append(np.sin(2 * np.pi * task.frequency * task.dt * lesson.steps))
        currents.append(teacher_step())
        return currents[-1]

    lesson._teacher_step = step
    for _ in range(100):
        lesson._lesson_step()
    r, T = np.array(rates), np.array(currents)
    inverse = np.linalg.inv(0.7 * np.eye(30) + r.T @ r)
    assert np.abs(lesson.student - start - (T - r @ start.T).T @ r @ inverse).max() < 1e-8
    assert np.abs(lesson.w - inverse @ r.T @ np.array(outputs)).max() < 1e-8
    assert np.abs(lesson.P - inverse).max() < 1e-10


def test_the_teacher_is_the_network_of_the_simulation():
    """One step of Euler from the same state, with the same weights, phases and input."""
    task = Task(N=25)
    lesson = learning._Lesson(task, RELU, Drive(2.0, common=False), 1)
    lesson.steps, h = 7, lesson.h_teacher.copy()
    G = learning.weights(25, 0, 1, "float64")
    lesson._teacher_step()
    rates = np.maximum(h, 0)
    field = rates @ G * 2 / 5 - rates.sum() / 5 + 5 + 2 * np.sin(0.4 * np.pi * 7 / 16 + learning.phases(25, 0, 1))
    assert np.abs(lesson.h_teacher - h - (field - h) / 16).max() < 1e-12


def test_uncorrelated_input_lets_a_student_learn_where_common_input_does_not():
    """At the same amplitude."""
    task = Task(N=200, epochs=1, exponent=800)
    found = teach([Drive(4.0), Drive(4.0, common=False)], task, realizations=2, progress=False)
    assert np.all(found.error[:, 0] > 0.05)
    assert np.all(found.error[:, 1] < task.enough)
    assert found.lyapunov[:, 0].mean() > found.lyapunov[:, 1].mean()
    assert "| 4 | independent |" in found.table()


def test_what_was_learned_is_kept(tmp_path, monkeypatch):
    first = teach([2.0, 4.0], TINY, realizations=2, checkpoint_folder=tmp_path, progress=False)
    monkeypatch.setattr(learning._Lesson, "learn", lambda self: pytest.fail("it was learned already"))
    again = teach([2.0, 4.0], TINY, realizations=2, checkpoint_folder=tmp_path, progress=False)
    assert np.array_equal(first.error, again.error) and np.array_equal(first.epochs, again.epochs)
    assert first.error.shape == (2, 2) and not np.array_equal(first.error[0], first.error[1])


def test_a_folder_takes_further_inputs_and_realizations(tmp_path, monkeypatch):
    """And trains their students alone."""
    monkeypatch.setattr(learning, "_BURN", 160)
    learn, lessons = learning._Lesson.learn, []
    monkeypatch.setattr(learning._Lesson, "learn", lambda self: lessons.append(1) or learn(self))
    options = {"checkpoint_folder": tmp_path, "progress": False}
    first = teach([2.0], TINY, realizations=1, **options)
    both = teach([2.0, 4.0], TINY, realizations=1, **options)
    more = teach([2.0], TINY, realizations=2, **options)
    assert len(lessons) == 3
    assert both.error[0, 0] == more.error[0, 0] == first.error[0, 0]
    assert more.lyapunov[0, 0] == first.lyapunov[0, 0]
    teach([2.0], replace(TINY, epochs=2), realizations=1, **options)
    assert len(lessons) == 4 and len(list(tmp_path.glob("exponents-*"))) == 2


def test_a_checkpoint_holds_the_whole_waveform(tmp_path, monkeypatch):
    """Waveforms that differ in the last of four periods."""
    monkeypatch.setattr(learning, "_BURN", 160)
    drives = [Drive(2.0, waveform=lambda a, end=end: np.where(a < end, np.sin(a), 0.0)) for end in (23.0, 22.0)]
    for drive in drives * 2:
        teach([drive], TINY, realizations=1, checkpoint_folder=tmp_path, progress=False)
    assert len(list(tmp_path.glob("student-*"))) == len(list(tmp_path.glob("exponents-*"))) == 2


def test_units_that_jump_are_refused_before_any_lesson(monkeypatch):
    monkeypatch.setattr(learning._Lesson, "learn", lambda self: pytest.fail("a lesson"))
    with pytest.raises(DivergenceError, match=r"Try: a continuous activation, such as \"tanh\""):
        teach([2.0], TINY, activation="sign", realizations=1, progress=False)


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (Task(N=2000), "dt < 0.044"),
        (Task(epochs=0), "epochs = 0"),
        (Task(ridge=0.0), "ridge = 0.0"),
        (Task(N=30.5), "N = 30.5"),
        (Task(seed=-1), "seed = -1"),
        (Task(burn=-1), "burn = -1"),
        (Task(I_0="a"), "I_0 = 'a'"),
        (Task(enough=np.nan), "enough = nan"),
        (Task(J_0=0.0, dt=1.5), "between 0 and 1"),
        (Task(frequency=20.0), "the target, at f = 20, takes only 0.8"),
    ],
)
def test_impossible_numbers_are_refused(task, told):
    with pytest.raises(DomainError, match=told):
        teach([1.0], task)


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([-1.0], "amplitude is -1.0"),
        ([], "inputs"),
        ([1.0, Drive(1.0, frequency=1.5)], "input 1, at f = 1.5"),
    ],
)
def test_impossible_inputs_are_refused(inputs, told):
    with pytest.raises(DomainError, match=told):
        teach(inputs, TINY)


def test_what_would_not_end_or_is_infinite_is_refused():
    with pytest.raises(DomainError, match="20000000 units take"):
        teach([Drive(8.0)], Task(N=2 * 10**7, J_0=0.0))
    with pytest.raises(FormulaError, match=r"infinite.* at x = -1.41421"):
        teach([Drive(8.0)], Task(N=60), activation="x/(x**2-2)")
