"""The measure of every check: unlike right answers pass, and each wrong answer gets its own message."""

import importlib

import pytest

from course import notebook
from course.check import NotPassed, judge, local_call
from course.syllabus import lessons

SEEDS = (0, 1, 2)
ANSWERS = {lesson.number: importlib.import_module(f"tests.lessons.{lesson.name}.answers") for lesson in lessons()}


def _exercise(id):
    return notebook.exercises(id.split(".")[0])[id]


def _message(id, function, seed):
    exercise = _exercise(id)
    try:
        outcome = judge(exercise, local_call(exercise, function), seed)
    except NotPassed as error:
        return "not passed", str(error)
    return outcome.status, outcome.message


def _name(function):
    return getattr(function, "__name__", "answer").strip("<>")


def _cases(kind):
    for answers in ANSWERS.values():
        for id, functions in getattr(answers, kind).items():
            for number, entry in enumerate(functions):
                function = entry if kind == "RIGHT" else entry[0]
                yield pytest.param(id, entry, id=f"{id}-{number}-{_name(function)}")


@pytest.mark.parametrize(("id", "function"), _cases("RIGHT"))
def test_a_right_answer_passes(id, function):
    for seed in SEEDS:
        assert _message(id, function, seed) == ("passed", "")


@pytest.mark.parametrize(("id", "entry"), _cases("WRONG"))
def test_a_wrong_answer_gets_its_message(id, entry):
    function, expected = entry
    for seed in SEEDS:
        status, message = _message(id, function, seed)
        assert status == "not passed"
        assert expected in message


def _stub(*arguments):
    raise NotImplementedError


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.slug)
def test_every_exercise_is_measured(lesson):
    """At least 3 right and 4 wrong answers, each wrong one with its own message; a stub is no attempt."""
    answers = ANSWERS[lesson.number]
    assert tuple(notebook.exercises(lesson.number)) == lesson.exercise_ids
    for id, exercise in notebook.exercises(lesson.number).items():
        assert len(answers.RIGHT[id]) >= 3
        expected = [text for _, text in answers.WRONG[id]]
        assert len(expected) >= 4
        assert len(set(expected)) == len(expected)
        assert len(exercise.cases) >= 2
        stub = eval(f"lambda {', '.join(exercise.arguments)}: stub()", {"stub": _stub})
        assert judge(exercise, local_call(exercise, stub), 0).status == "not attempted"
