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
from course.syllabus import HERE, UnknownLesson, find

if TYPE_CHECKING:
    from course.check import Exercise
    from course.progress.drawing import Map
    from course.quiz import Verdict
    from course.quiz.rendering import PredictionView, QuizView

__all__ = ["above", "below", "check", "claim", "close", "hint", "predict", "progress", "quiz", "setup", "solution"]

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
    find(lesson)
    seed = int(os.environ.get("COURSE_SEED", "0"))
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


def quiz(lesson: str) -> QuizView:
    """The quiz of a lesson, to answer by mouse or keyboard, or by code: ``quiz("02").answer(q1="b", q2=0.5)``."""
    from course.quiz import draw, load
    from course.quiz.rendering import view

    found = find(lesson)
    sheet = draw(load(found.folder / "quiz.yaml"), _quiz_seed())

    def keep(verdict: Verdict, given: Any) -> None:
        outcome = "passed" if verdict.right else "not passed"
        _progress.record("quiz", f"{found.number}.{verdict.question_id}", outcome, str(given))

    return view(sheet, keep)


def predict(prediction: str) -> PredictionView:
    """A poll before an experiment: commit to one answer, then run the next cell and see."""
    from course.quiz import load
    from course.quiz.rendering import prediction_view

    number, _, name = prediction.partition(".")
    found = load(find(number).folder / "quiz.yaml").prediction(name)
    return prediction_view(found, lambda choice: _progress.record("prediction", prediction, "noted", choice))


def progress() -> Map:
    """What you have passed so far, as a map of the course, with what comes next."""
    return _progress.current().map_view()


def _quiz_seed() -> int:
    """Each learner's own numbers; the same for all where a seed is set, as in a build."""
    fixed = os.environ.get("COURSE_SEED")
    return _progress.current().learner_seed() if fixed is None else int(fixed)


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

    number = str(id).split(".")[0]
    try:
        known = exercises(find(number).number)
    except UnknownLesson as error:
        print(error)
        return None
    if id in known:
        return known[id]
    near = difflib.get_close_matches(str(id), known, n=3, cutoff=0.3) or list(known)
    print(f"There is no exercise {id!r}. Nearest: {', '.join(near)}.")
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
