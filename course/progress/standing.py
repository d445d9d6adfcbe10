"""Counting: from attempts to where a learner stands in each lesson, and what is next. No database here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course import syllabus
from course.progress.store import Tally


@dataclass(frozen=True)
class ItemStanding:
    """One exercise (``kind`` "check") or one quiz question (``kind`` "quiz")."""

    kind: str
    item_id: str
    passed: bool
    attempts: int


@dataclass(frozen=True)
class LessonStanding:
    """Where the learner stands in one lesson; its items in the order in which they are met."""

    lesson: syllabus.Lesson
    items: tuple[ItemStanding, ...]

    def count(self, kind: str | None = None) -> tuple[int, int]:
        """How many items are passed, and how many there are: all, or those of one kind."""
        chosen = [item for item in self.items if kind in (None, item.kind)]
        return sum(item.passed for item in chosen), len(chosen)

    @property
    def passed(self) -> int:
        """How many exercises and questions are passed."""
        return self.count()[0]

    @property
    def total(self) -> int:
        """How many exercises and questions there are."""
        return len(self.items)

    @property
    def attempts(self) -> int:
        """How many attempts were made at them."""
        return sum(item.attempts for item in self.items)

    @property
    def state(self) -> str:
        """``"done"``, ``"begun"`` or ``"to do"``."""
        if self.total and self.passed == self.total:
            return "done"
        return "begun" if self.attempts else "to do"

    @property
    def next_item(self) -> ItemStanding | None:
        """The first item that is not passed: exercises first, then the quiz."""
        return next((item for item in self.items if not item.passed), None)


def standings(
    tallies: Mapping[tuple[str, str], Tally], questions: Mapping[str, Sequence[str]] | None = None
) -> dict[str, LessonStanding]:
    """Each lesson's standing by its number. ``questions`` as in :meth:`course.progress.Progress.standing`."""
    found = {}
    for lesson in syllabus.lessons():
        asked = quiz_ids(lesson) if questions is None else questions.get(lesson.number, ())
        wanted = [("check", item) for item in lesson.exercise_ids] + [("quiz", item) for item in asked]
        found[lesson.number] = LessonStanding(lesson, tuple(_item(tallies, *key) for key in wanted))
    return found


def quiz_ids(lesson: syllabus.Lesson) -> tuple[str, ...]:
    """The IDs of the lesson's quiz questions, e.g. ``02.q3``; none when there is no readable quiz."""
    import yaml

    try:
        text = (lesson.folder / "quiz.yaml").read_text(encoding="utf-8")
        quiz = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return tuple(f"{lesson.number}.{question['id']}" for question in quiz["questions"])
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return ()


def next_of(standing: Mapping[str, LessonStanding]) -> LessonStanding | None:
    """The first lesson, in order, in which something is not passed."""
    return next((lesson for lesson in standing.values() if lesson.next_item), None)


def _item(tallies: Mapping[tuple[str, str], Tally], kind: str, item_id: str) -> ItemStanding:
    tally = tallies.get((kind, item_id), Tally(False, 0))
    return ItemStanding(kind, item_id, tally.passed, tally.attempts)
