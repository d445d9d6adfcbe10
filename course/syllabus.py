"""The list of lessons, read from ``syllabus.toml``. Standard library only."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


class UnknownLesson(LookupError):
    """No lesson has that number or name; the text names the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Lesson:
    """One lesson of the course.

    ``exercises`` maps each exercise's name to its weight in a grade; ``minutes`` is reading and running time.
    """

    number: str
    name: str
    title: str
    part: str
    minutes: int
    goals: tuple[str, ...]
    claims: tuple[str, ...]
    exercises: dict[str, float]

    @property
    def slug(self) -> str:
        """The stem of the lesson's notebooks, e.g. ``02_backward_pass``."""
        return f"{self.number}_{self.name}"

    @property
    def folder(self) -> Path:
        """The folder of all that is written by hand for the lesson."""
        return HERE / "lessons" / self.name

    @property
    def exercise_ids(self) -> tuple[str, ...]:
        """IDs such as ``02.dense_backward``, in the order of the student notebook."""
        return tuple(f"{self.number}.{name}" for name in self.exercises)


@cache
def lessons() -> tuple[Lesson, ...]:
    """Every lesson, in order."""
    entries = tomllib.loads((HERE / "syllabus.toml").read_text(encoding="utf-8"))["lesson"]
    return tuple(
        Lesson(**{**entry, "goals": tuple(entry["goals"]), "claims": tuple(entry["claims"])}) for entry in entries
    )


def find(text: str) -> Lesson:
    """The lesson with this number, name or slug: ``"02"``, ``"backward_pass"``, ``"02_backward_pass"``.

    Raises
    ------
    UnknownLesson
        With the nearest names, when there is no such lesson.
    """
    wanted = str(text).strip().lower()
    for lesson in lessons():
        if wanted in (lesson.number, str(int(lesson.number)), lesson.name, lesson.slug):
            return lesson
    slugs = [lesson.slug for lesson in lessons()]
    words = {word: lesson.slug for lesson in lessons() for word in (lesson.slug, lesson.name, lesson.number)}
    near = list(dict.fromkeys(words[word] for word in difflib.get_close_matches(wanted, words, n=3, cutoff=0.4)))
    raise UnknownLesson(f"There is no lesson {text!r}. Nearest: {', '.join(near or slugs)}.")
