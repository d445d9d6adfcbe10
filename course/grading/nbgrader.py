"""The exercises as nbgrader assignments, and the checks as nbgrader's autograder tests.

nbgrader runs its tests in the student's own process, so these marks can be forged. ``python -m course grade``
is proof against that; use nbgrader where its hand-in and hand-back are what you want.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.syllabus import Lesson

if TYPE_CHECKING:
    from nbformat import NotebookNode

CONFIG = """\
# nbgrader's settings for Gradient Clinic. The package `course` must be installed where notebooks are graded.
c = get_config()
c.CourseDirectory.course_id = "gradient_clinic"
c.CourseDirectory.root = {root!r}
c.ExecutePreprocessor.timeout = 120
"""


class NotReady(Exception):
    """The assignment cannot be made; the text is a sentence that says why."""


def points(exercise: str, function: Any, weight: float) -> float:
    """Judge ``function`` and return its points, as an autograder test of nbgrader gives partial credit.

    The inputs depend on the exercise alone, so that grading again gives the same points. Raises
    AssertionError, with the message for the student, when no case holds.
    """
    from course.check import NotAttempted, NotPassed, judge, local_call
    from course.check.rendering import text
    from course.notebook import exercises

    found = exercises(exercise.split(".")[0])[exercise]
    seed = int.from_bytes(hashlib.sha256(exercise.encode()).digest()[:4], "big")
    try:
        with _quiet():
            outcome = judge(found, local_call(found, function), seed)
    except (NotPassed, NotAttempted) as error:
        raise AssertionError(str(error)) from None
    if not outcome.passed:
        raise AssertionError(text(outcome))
    print(text(outcome))
    return round(weight * outcome.passed / outcome.cases, 4)


def write(lessons: Iterable[Lesson], to: Path, exercises: Path) -> list[Path]:
    """Write an nbgrader course into ``to``: its settings, and ``source/<lesson>/<lesson>.ipynb`` per lesson.

    Parameters
    ----------
    exercises : Path
        The folder of the student notebooks.
    """
    import nbformat

    written = []
    for lesson in lessons:
        source = exercises / f"{lesson.slug}.ipynb"
        if not source.exists():
            raise NotReady(f"There is no {source}. Build it first: python -m course build {lesson.number}.")
        notebook = assignment(nbformat.read(source, as_version=4), lesson)
        path = to / "source" / lesson.slug / f"{lesson.slug}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        written.append(path)
    (to / "nbgrader_config.py").write_text(CONFIG.format(root=str(to.absolute())), encoding="utf-8")
    return written


def assignment(notebook: NotebookNode, lesson: Lesson) -> NotebookNode:
    """The student notebook with each check as a locked, graded cell of nbgrader."""
    missing = dict(lesson.exercises)
    for cell in notebook.cells:
        found = (
            re.fullmatch(r"check\((.*)\)", cell.source.strip(), re.DOTALL)
            if cell.cell_type == "code"
            else None
        )
        if not found:
            continue
        id, function = _arguments(cell.source)
        name = id.split(".", 1)[1]
        weight = missing.pop(name)
        cell.source = f'from course.grading.nbgrader import points\n\npoints("{id}", {function}, {weight:g})'
        cell.metadata["nbgrader"] = {
            "schema_version": 3,
            "cell_type": "code",
            "grade": True,
            "grade_id": id.replace(".", "_"),
            "locked": True,
            "points": weight,
            "solution": False,
            "task": False,
        }
    if missing:
        raise NotReady(f"The notebook of lesson {lesson.number} has no check of {', '.join(missing)}.")
    return notebook


def _arguments(call: str) -> tuple[str, str]:
    """The ID and the function, as written, of ``check("02.name", function)``."""
    arguments = ast.parse(call.strip(), mode="eval").body.args
    return ast.literal_eval(arguments[0]), ast.unparse(arguments[1])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Send what is written to stderr nowhere: nbgrader gives no points to a test that writes there."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        try:
            kept = os.dup(2)
        except OSError:  # a process without a stderr
            yield
            return
        try:
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
