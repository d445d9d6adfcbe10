"""The graded quiz of a lesson: the questions of ``graded.yaml``, answered in a notebook's ``answers`` cell.

``graded.yaml`` has the form of ``quiz.yaml`` and holds the key, so the student bundle goes without it. Each
question counts one point. Every student gets the same numbers and the same order of items.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from course.grading.store import Judged
from course.quiz import Sheet, draw, load
from course.syllabus import Lesson

KEY = "graded.yaml"
SEED = 0


def sheet(lesson: Lesson) -> Sheet | None:
    """The lesson's graded questions, drawn; ``None`` when it has none."""
    return _sheet(lesson.folder / KEY)


@cache
def _sheet(path: Path) -> Sheet | None:
    return draw(load(path), SEED) if path.exists() else None


def judge(lesson: Lesson, answers: Mapping[str, Any]) -> list[Judged]:
    """What each graded question's answer is worth. Keys are ``q1`` or ``02.q1``; ``""`` and ``None`` are no
    answer.
    """
    questions = sheet(lesson)
    if questions is None:
        return []
    return [_judged(lesson, questions, item.id, answers) for item in questions.items]


def _judged(lesson: Lesson, questions: Sheet, question: str, answers: Mapping[str, Any]) -> Judged:
    id = f"{lesson.number}.{question}"
    given = answers.get(id, answers.get(question))
    if given is None or given == "" or given is Ellipsis:
        return Judged(id, "not attempted", cases=1)
    try:
        verdict = questions.judge(question, given)
    except Exception as error:  # an answer of an odd kind must not stop the marks of a class
        return Judged(
            id, "not passed", message=f"This answer cannot be read ({type(error).__name__}).", cases=1
        )
    if verdict.right:
        return Judged(id, "passed", 1.0, passed=1, cases=1)
    return Judged(id, "not passed", message=verdict.feedback, cases=1)
