"""The course's own notebooks in the sandbox: solutions get full marks, stubs none."""

import json
from pathlib import Path

import pytest

from course.grading.engine import Engine, Submission
from course.syllabus import lessons

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        yield running


def grade(engine, kind, lesson):
    notebook = json.loads((ROOT / kind / f"{lesson.slug}.ipynb").read_text(encoding="utf-8"))
    cells = tuple("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    return {result.id: result for result in engine.grade(Submission("a", lesson.number, cells), seed=11).exercises}


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.slug)
def test_the_worked_notebook_gets_full_marks(engine, lesson):
    results = grade(engine, "solutions", lesson)
    assert tuple(results) == lesson.exercise_ids
    assert {id: result.message for id, result in results.items() if result.score != 1} == {}


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.slug)
def test_the_student_notebook_gets_none(engine, lesson):
    results = grade(engine, "exercises", lesson)
    assert {result.status for result in results.values()} == {"not attempted"}
    assert sum(result.score for result in results.values()) == 0
