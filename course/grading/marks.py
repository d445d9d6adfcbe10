"""A student's marks for one lesson: what grading found, weighed. Every report is made from these."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from course.check import Exercise
from course.grading import answers
from course.grading.ingest import Work
from course.grading.store import Graded, Judged
from course.syllabus import Lesson, find

PASSED, NOT_ATTEMPTED, NOT_GRADED = "passed", "not attempted", "not graded"


@dataclass(frozen=True)
class Line:
    """One exercise or quiz question in a student's marks. ``hints`` go from nudge to near-solution."""

    judged: Judged
    weight: float
    hints: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The ID, e.g. ``02.dense_backward``."""
        return self.judged.id

    @property
    def points(self) -> float:
        """Points reached, of ``weight``."""
        return self.weight * self.judged.score

    @property
    def partial(self) -> bool:
        """Whether some of the points are reached, and not all."""
        return 0 < self.judged.score < 1


@dataclass(frozen=True)
class Mark:
    """What a student reached in one lesson. ``lines`` are there even when nothing could be graded.

    ``ungraded`` is true when the grader itself failed, so that the marks are still to come.
    """

    work: Work
    lesson: Lesson | None
    lines: tuple[Line, ...]
    graded: Graded | None = None
    ungraded: bool = False

    @property
    def points(self) -> float:
        """The sum of the points reached."""
        return sum(line.points for line in self.lines)

    @property
    def possible(self) -> float:
        """The sum of the points that can be reached."""
        return sum(line.weight for line in self.lines)

    @property
    def problem(self) -> str:
        """Why nothing was graded; ``""`` when it was."""
        if self.ungraded:
            return "The grader did not finish with this notebook. These are not marks yet: grade it again."
        return self.work.problem

    @property
    def note(self) -> str:
        """What an instructor should know of this work besides."""
        return " ".join(filter(None, (self.work.note, self.graded.note if self.graded else "")))


def mark(work: Work, graded: Graded | None, failed: bool = False) -> Mark:
    """Weigh what grading found by the weights of ``syllabus.toml``; an exercise without a result counts 0
    points.
    """
    if not work.lesson:
        return Mark(work, None, ())
    lesson = find(work.lesson)
    found = {judged.id: judged for judged in graded.exercises} if graded else {}
    missing = NOT_GRADED if failed else NOT_ATTEMPTED
    hints = _hints(lesson.number)
    lines = [
        Line(found.get(id, Judged(id, missing)), weight, hints.get(id, ()))
        for id, weight in zip(lesson.exercise_ids, lesson.exercises.values(), strict=True)
    ]
    lines += [Line(judged, 1.0) for judged in answers.judge(lesson, work.answers)]
    return Mark(work, lesson, tuple(lines), graded, failed)


def number(points: float) -> str:
    """Points as one reads them: 2, 1.5, 0.67."""
    return f"{round(points, 2):g}"


def same_code(marks: Sequence[Mark]) -> list[tuple[str, ...]]:
    """The students whose code for a lesson is the same, letter for letter, and passes something."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in marks:
        if one.graded and one.points:
            groups.setdefault((one.work.lesson, one.work.content_hash), []).append(one.work.student)
    return [tuple(group) for group in groups.values() if len(group) > 1]


@cache
def _hints(number: str) -> dict[str, tuple[str, ...]]:
    lesson = find(number)
    if not (lesson.folder / "checks.py").exists():
        return {}
    module = importlib.import_module(f"course.lessons.{lesson.name}.checks")
    return {value.id: value.hints for value in vars(module).values() if isinstance(value, Exercise)}
