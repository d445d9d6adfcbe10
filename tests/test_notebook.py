"""The learner's desk: one clear sentence whatever is asked, hints in order, solutions on the second ask."""

import numpy as np
import pytest

from course import notebook, progress


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A desk at which nothing was asked yet, with a progress file of its own."""
    monkeypatch.setenv("COURSE_DB", f"sqlite:///{tmp_path / 'progress.db'}")
    monkeypatch.delenv("COURSE_SEED", raising=False)
    monkeypatch.setattr(notebook, "_hints_given", {})
    monkeypatch.setattr(notebook, "_may_see", set())
    progress.current.cache_clear()
    yield notebook
    progress.current().close()
    progress.current.cache_clear()


def passes(x):
    return 2 * x


def fails(x):
    return x + 2


def stub(x):
    raise NotImplementedError


UNKNOWN_LESSON = "There is no lesson 'backwards_pass'. Nearest: 02_backward_pass"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "An exercise is named by its ID, in quotes, such as '02.dense_backward'. You gave None."),
        (3, "An exercise is named by its ID, in quotes, such as '02.dense_backward'. You gave 3."),
        (passes, "An exercise is named by its ID, in quotes, such as '02.dense_backward'. You gave a function."),
        ("dense_backward", "There is no exercise 'dense_backward'. Nearest: 02.dense_backward."),
        ("2.dense_backward", "There is no exercise '2.dense_backward'. Nearest: 02.dense_backward."),
        ("01.dense_backward", "There is no exercise '01.dense_backward'. Nearest: 02.dense_backward."),
        ("00.duoble", "There is no exercise '00.duoble'. Nearest: 00.double."),
        ("00", "There is no exercise '00'. Nearest: 00.double."),
        ("77.xyzzy", "There is no exercise '77.xyzzy'. IDs look like '02.dense_backward'."),
        ("", "There is no exercise ''. IDs look like '02.dense_backward'."),
    ],
)
@pytest.mark.parametrize("ask", [lambda id: notebook.check(id, passes), notebook.hint, notebook.solution])
def test_an_unknown_exercise_gets_one_sentence(desk, capsys, ask, given, sentence):
    ask(given)
    assert capsys.readouterr().out == sentence + "\n"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "A prediction is named by its ID, in quotes, such as '02.cost'. You gave None."),
        ("backwards_pass.cost", UNKNOWN_LESSON),
        ("02.cots", "There is no prediction '02.cots'. Lesson 02 has 02.nudge, "),
        ("02", "There is no prediction '02'. Lesson 02 has 02.nudge, "),
    ],
)
def test_an_unknown_prediction_gets_one_sentence(desk, capsys, given, sentence):
    assert desk.predict(given) is None
    said = capsys.readouterr().out
    assert said.startswith(sentence)
    assert said.count("\n") == 1


@pytest.mark.parametrize("given", [None, "99", "", ["02"]])
@pytest.mark.parametrize("ask", [notebook.quiz, notebook.setup])
def test_an_unknown_lesson_gets_one_sentence(desk, capsys, ask, given):
    ask(given)
    said = capsys.readouterr().out
    assert said.startswith(f"There is no lesson {given!r}. Nearest: ")
    assert said.count("\n") == 1


def test_a_lesson_may_be_named_in_any_way(desk):
    for name in ("02", "2", 2, "backward_pass", "02_backward_pass"):
        assert [item.id for item in desk.quiz(name).sheet.items][0] == "q1"


@pytest.mark.parametrize(
    ("given", "kind"), [(None, "NoneType"), (4, "int"), (np.ones(2), "ndarray"), ("double", "str")]
)
def test_a_result_in_place_of_the_function(desk, capsys, given, kind):
    desk.check("00.double", given)
    said = capsys.readouterr().out
    assert f"check needs your function itself: check('00.double', double). It was given {kind}." in said


def test_hints_come_in_order_and_end_at_the_solution(desk, capsys):
    hints = notebook.exercises("02")["02.dense_backward"].hints
    for number, text in enumerate(hints, 1):
        desk.hint("02.dense_backward")
        assert capsys.readouterr().out == f"Hint {number} of {len(hints)}: {text}\n"
    desk.hint("02.relu_backward")
    assert capsys.readouterr().out.startswith("Hint 1 of ")
    for _ in range(2):
        desk.hint("02.dense_backward")
        last = "That was the last of 3 hints. solution('02.dense_backward') shows one solution.\n"
        assert capsys.readouterr().out == last


def worked(desk, monkeypatch, tmp_path):
    (tmp_path / "solutions").mkdir()
    cells = (
        '{"cells": [{"cell_type": "markdown", "source": ["def double(x) is asked for"]},'
        ' {"cell_type": "code", "source": ["def double(x):\\n", "    return 2 * x"]}]}'
    )
    (tmp_path / "solutions" / "00_start_here.ipynb").write_text(cells, encoding="utf-8")
    monkeypatch.setattr(notebook, "HERE", tmp_path / "course")


def test_a_solution_comes_on_the_second_ask(desk, capsys, monkeypatch, tmp_path):
    worked(desk, monkeypatch, tmp_path)
    desk.hint("00.double")
    capsys.readouterr()
    desk.solution("00.double")
    assert capsys.readouterr().out == (
        "00.double is not passed yet, and 1 hint(s) are left: hint('00.double').\n"
        "To see a solution all the same, ask once more: solution('00.double')\n"
    )
    desk.solution("00.double")
    assert capsys.readouterr().out == "def double(x):\n    return 2 * x\n"


def test_a_solution_comes_at_once_after_passing_and_not_after_failing(desk, capsys, monkeypatch, tmp_path):
    worked(desk, monkeypatch, tmp_path)
    desk.check("00.double", fails)
    desk.check("00.double", passes)
    capsys.readouterr()
    desk.solution("00.double")
    assert capsys.readouterr().out == "def double(x):\n    return 2 * x\n"


def test_a_failed_check_does_not_open_the_solution(desk, capsys):
    desk.check("00.double", fails)
    capsys.readouterr()
    desk.solution("00.double")
    assert capsys.readouterr().out.startswith("00.double is not passed yet")


def test_a_copy_without_solutions_says_so(desk, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(notebook, "HERE", tmp_path / "course")
    desk.check("00.double", passes)
    capsys.readouterr()
    desk.solution("00.double")
    said = capsys.readouterr().out
    assert said == "The solutions are not part of this copy of the course. Nothing to show for 00.double.\n"


def kept():
    return {item: (tally.passed, tally.attempts) for item, tally in progress.current().tallies().items()}


def test_checks_are_kept_and_what_was_passed_stays_passed(desk, capsys):
    desk.check("00.double", stub)
    assert kept() == {}
    desk.check("00.double", fails)
    assert kept() == {("check", "00.double"): (False, 1)}
    desk.check("00.double", passes)
    desk.check("00.double", fails)
    assert kept() == {("check", "00.double"): (True, 3)}
    said = capsys.readouterr().out
    assert "○ 00.double: not attempted yet." in said
    assert "✗ 00.double: not passed on the number 5." in said
    assert "✓ 00.double: passed. All 5 cases hold." in said


def test_quiz_answers_are_kept_under_their_lesson(desk):
    desk.quiz("backward_pass").answer(q1="a")
    assert list(kept()) == [("quiz", "02.q1")]


def test_the_seed_is_0_or_what_the_environment_says(desk, monkeypatch, capsys):
    assert desk.setup("02") == 0
    monkeypatch.setenv("COURSE_SEED", "7")
    assert desk.setup("02") == 7
    drawn = np.random.random()
    assert desk.setup("02") == 7
    assert np.random.random() == drawn
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("COURSE_SEED", "seven")
    assert desk.setup("02") == 0
    assert capsys.readouterr().out == "COURSE_SEED is 'seven', which is no whole number from 0 on. It is left out.\n"


def test_a_numpy_check_answers_fast(desk):
    """Under 50 ms, measured as the time of this process, so that a busy machine does not count."""
    import time

    from course.check import judge, local_call
    from tests.lessons.backward_pass.answers import RIGHT

    for id, functions in RIGHT.items():
        exercise = notebook.exercises("02")[id]
        times = []
        for seed in range(3):
            begun = time.process_time()
            judge(exercise, local_call(exercise, functions[0]), seed)
            times.append(time.process_time() - begun)
        assert min(times) < 0.05
