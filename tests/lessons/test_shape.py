"""Every lesson has the parts that a lesson of this course has, and its sources keep to the page."""

import re

import pytest

from course import quiz
from course.build.source import read
from course.quiz.definition import NumericQuestion
from course.syllabus import lessons

COLUMNS = 96  # what JupyterLab shows of a code line in a window of 1280 pixels
LESSONS = pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.slug)


def code(lesson, name="lesson.md"):
    return [cell for cell in read(lesson.folder / name) if cell.kind == "code"]


@LESSONS
@pytest.mark.parametrize("name", ["lesson.md", "exercises.md"])
def test_code_fits_the_page(lesson, name):
    long = [line for cell in code(lesson, name) for line in cell.text.splitlines() if len(line) > COLUMNS]
    assert not long


@LESSONS
def test_the_head_says_what_the_syllabus_says(lesson):
    head = read(lesson.folder / "lesson.md")[0].text
    assert head.startswith(f"# {lesson.number} {lesson.title}\n")
    assert f"{lesson.minutes} minutes" in head
    words = re.sub(r"\s+", " ", head)
    assert [goal for goal in lesson.goals if goal not in words] == []
    assert 3 <= len(lesson.goals) <= 5


@LESSONS
def test_every_prediction_is_asked_and_every_poll_is_defined(lesson):
    asked = re.findall(r'predict\("(\d\d)\.(\w+)"\)', "\n".join(cell.text for cell in code(lesson)))
    defined = [prediction.id for prediction in quiz.load(lesson.folder / "quiz.yaml").predictions]
    assert {number for number, _ in asked} == {lesson.number}
    assert [name for _, name in asked] == defined


@LESSONS
def test_the_quiz_is_long_enough_and_draws_its_numbers(lesson):
    questions = quiz.load(lesson.folder / "quiz.yaml").questions
    drawn = [q for q in questions if isinstance(q, NumericQuestion) and q.draw]
    if lesson.number == "00":
        assert len(questions) >= 3
    else:
        assert 6 <= len(questions) <= 10
        assert len(drawn) >= 2
    assert any(f'quiz("{lesson.number}")' in cell.text for cell in code(lesson))


@LESSONS
def test_the_last_parts_are_there(lesson):
    cells = read(lesson.folder / "lesson.md")
    text = "\n".join(cell.text for cell in cells if cell.kind != "code")
    summary = re.search(r"^## Summary\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert summary and 1 <= len(re.findall(r"^- ", summary[1], re.MULTILINE)) <= 7
    assert any("instructor" in cell.tags for cell in cells)
    assert any(".view()" in cell.text for cell in cells if cell.kind == "code"), "no lab"
    if lesson.claims:
        assert "## References" in text
        assert re.search(r"\*\*Myth", text), "no myth box"


@LESSONS
def test_nothing_is_hidden_or_starred(lesson):
    for name in ("lesson.md", "exercises.md"):
        for cell in code(lesson, name):
            assert "filterwarnings" not in cell.text
            assert not re.search(r"^from \S+ import \*", cell.text, re.MULTILINE)
