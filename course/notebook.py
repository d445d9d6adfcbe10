"""The learner's desk: all that a notebook imports, except data, figures and labs.

It joins three rooms that do not know each other: checks and quizzes judge, progress remembers.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import secrets
import sys
from typing import TYPE_CHECKING, Any

from course import progress as _progress
from course.claims import above, below, claim, close
from course.startup import seed_everything
from course.syllabus import HERE, Lesson, UnknownLesson, find, lessons

if TYPE_CHECKING:
    from course.check import Exercise
    from course.progress.drawing import Map
    from course.quiz import Verdict
    from course.quiz.rendering import PredictionView, QuizView

__all__ = ["above", "below", "check", "claim", "close", "hint", "predict", "progress", "quiz", "setup", "solution"]

EXAMPLE = "02.dense_backward"

# Per exercise: hints given so far, and whether it was passed or its solution asked for once.
_hints_given: dict[str, int] = {}
_may_see: set[str] = set()


def setup(lesson: str) -> int:
    """Make this notebook start the same way each time: seeded, deterministic, quiet.

    Returns
    -------
    int
        The seed: 0, or what the environment variable COURSE_SEED says. Give it to each generator you make.
    """
    _lesson(lesson)
    seed = _fixed_seed() or 0
    seed_everything(seed)
    _progress.current().tallies()  # opens the database now, so that the first check need not wait for it
    return seed


def check(exercise: str, function: Any) -> None:
    """Judge ``function`` by the exercise's oracle, on inputs drawn anew, and show what was found.

    Parameters
    ----------
    exercise : str
        The exercise's ID, e.g. ``"02.dense_backward"``.
    function : callable
        Your function: the function itself, without parentheses.
    """
    found = _exercise(exercise)
    if found is None:
        return
    from course.check import NotPassed, Outcome, judge, local_call
    from course.check.rendering import Display

    try:
        outcome = judge(found, local_call(found, function), secrets.randbits(32))
    except NotPassed as error:  # what was given is no function at all
        outcome = Outcome(found.id, "not passed", str(error), mistake=error.mistake)
    if outcome.status == "passed":
        _may_see.add(found.id)
    if outcome.status != "not attempted":
        _progress.record("check", found.id, outcome.status, outcome.mistake or "")
    _show(Display(outcome))


def hint(exercise: str) -> None:
    """Show the next hint of an exercise, from a nudge to nearly the solution."""
    found = _exercise(exercise)
    if found is None:
        return
    number = _hints_given.get(found.id, 0)
    if number == len(found.hints):
        print(f"That was the last of {number} hints. solution({found.id!r}) shows one solution.")
        return
    _hints_given[found.id] = number + 1
    print(f"Hint {number + 1} of {len(found.hints)}: {found.hints[number]}")


def solution(exercise: str) -> None:
    """Show a solution of an exercise: after it is passed, or on the second time of asking."""
    found = _exercise(exercise)
    if found is None:
        return
    if found.id not in _may_see:
        _may_see.add(found.id)
        left = len(found.hints) - _hints_given.get(found.id, 0)
        hints = f", and {left} hint(s) are left: hint({found.id!r})" if left else ""
        print(f"{found.id} is not passed yet{hints}.")
        print(f"To see a solution all the same, ask once more: solution({found.id!r})")
        return
    print(_worked(found) or f"The solutions are not part of this copy of the course. Nothing to show for {found.id}.")


def quiz(lesson: str) -> QuizView | None:
    """The quiz of a lesson, to answer by mouse or keyboard, or by code: ``quiz("02").answer(q1="b", q2=0.5)``."""
    from course.quiz import draw, load
    from course.quiz.rendering import view

    found = _lesson(lesson)
    if found is None:
        return None
    sheet = draw(load(found.folder / "quiz.yaml"), _quiz_seed())

    def keep(verdict: Verdict, given: Any) -> None:
        outcome = "passed" if verdict.right else "not passed"
        _progress.record("quiz", f"{found.number}.{verdict.question_id}", outcome, str(given))

    return view(sheet, keep)


def predict(prediction: str) -> PredictionView | None:
    """A poll before an experiment: commit to one answer, then run the next cell and see."""
    from course.quiz import load
    from course.quiz.rendering import prediction_view

    if not _is_an_id(prediction, "A prediction", "02.cost"):
        return None
    number, _, name = prediction.partition(".")
    lesson = _lesson(number)
    if lesson is None:
        return None
    loaded = load(lesson.folder / "quiz.yaml")
    try:
        found = loaded.prediction(name)
    except LookupError:
        ids = ", ".join(f"{lesson.number}.{other.id}" for other in loaded.predictions)
        print(f"There is no prediction {prediction!r}. Lesson {lesson.number} has {ids}.")
        return None
    item = f"{lesson.number}.{name}"
    return prediction_view(found, lambda choice: _progress.record("prediction", item, "noted", choice))


def progress() -> Map:
    """What you have passed so far, as a map of the course, with what comes next."""
    return _progress.current().map_view()


def _quiz_seed() -> int:
    """Each learner's own numbers; the same for all where a seed is set, as in a build."""
    fixed = _fixed_seed()
    return _progress.current().learner_seed() if fixed is None else fixed


def _fixed_seed() -> int | None:
    """What the environment variable COURSE_SEED says, or ``None`` where it is not set or no number."""
    text = os.environ.get("COURSE_SEED")
    if text is None or text.strip().isdecimal():
        return None if text is None else int(text)
    print(f"COURSE_SEED is {text!r}, which is no whole number from 0 on. It is left out.")
    return None


def _worked(exercise: Exercise) -> str | None:
    """The code cell of the worked notebook that defines the exercise's function."""
    path = HERE.parent / "solutions" / f"{find(exercise.id.split('.')[0]).slug}.ipynb"
    if not path.exists():
        return None
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and f"def {exercise.name}(" in source:
            return source
    return None


@functools.cache
def exercises(lesson: str) -> dict[str, Exercise]:
    """The exercises of a lesson, by ID, as its ``checks.py`` defines them."""
    from course.check import Exercise

    module = importlib.import_module(f"course.lessons.{find(lesson).name}.checks")
    return {value.id: value for value in vars(module).values() if isinstance(value, Exercise)}


def _exercise(id: str) -> Exercise | None:
    """The exercise with this ID, or ``None`` after a sentence that names the nearest ones."""
    import difflib

    if not _is_an_id(id, "An exercise", EXAMPLE):
        return None
    number, _, name = id.partition(".")
    known = {known: lesson for lesson in lessons() for known in lesson.exercise_ids}
    if id in known:
        return exercises(known[id].number)[id]
    namesakes = [other for other in known if other.endswith(f".{name or id}")]
    of_lesson = [other for other in known if other.startswith(f"{number}.")]
    alike = difflib.get_close_matches(id, of_lesson or known, n=3, cutoff=0.3) if name else []
    near = namesakes or alike or of_lesson
    help = f"Nearest: {', '.join(near)}." if near else f"IDs look like {EXAMPLE!r}."
    print(f"There is no exercise {id!r}. {help}")
    return None


def _is_an_id(given: Any, what: str, example: str) -> bool:
    """``given`` is a string; otherwise a sentence says how ``what`` is named."""
    if not isinstance(given, str):
        kind = "a function" if callable(given) else repr(given)
        print(f"{what} is named by its ID, in quotes, such as {example!r}. You gave {kind}.")
    return isinstance(given, str)


def _lesson(text: str) -> Lesson | None:
    """The lesson of this number or name, or ``None`` after a sentence that names the nearest ones."""
    try:
        return find(text)
    except UnknownLesson as error:
        print(error)
        return None


def _show(thing: Any) -> None:
    """Display ``thing`` in a notebook, print it elsewhere."""
    if "IPython" in sys.modules:
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:
            display(thing)
            return
    print(thing)
