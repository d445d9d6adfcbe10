"""Run an exercise's cases on a learner's function and sum up what came out."""

from __future__ import annotations

import copy
import functools
import inspect
import linecache
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course.check.definition import Exercise, NotAttempted, NotPassed

PASSED, NOT_PASSED, NOT_ATTEMPTED = "passed", "not passed", "not attempted"
LONGEST_DETAIL = 200  # characters of an exception's text that a learner is shown


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    ``status`` is ``"passed"``, ``"not passed"`` or ``"not attempted"``. ``message`` and ``mistake`` belong to the
    first case that failed, whose title is ``case``. ``passed`` of ``cases`` cases hold.
    """

    exercise: str
    status: str
    message: str = ""
    case: str | None = None
    mistake: str | None = None
    passed: int = 0
    cases: int = 0


def judge(exercise: Exercise, call: Callable[..., Any], seed: int) -> Outcome:
    """Judge the function behind ``call`` by every case of ``exercise``, with inputs drawn from ``seed``."""
    failure: tuple[str, NotPassed] | None = None
    passed = 0
    for number, case in enumerate(exercise.cases):
        try:
            case.run(call, np.random.default_rng([seed, number]))
        except NotAttempted:
            if number == 0:
                return Outcome(exercise.id, NOT_ATTEMPTED, cases=len(exercise.cases))
            failure = failure or (case.title, NotPassed("This part is not written yet."))
        except NotPassed as error:
            failure = failure or (case.title, error)
        else:
            passed += 1
    if failure is None:
        return Outcome(exercise.id, PASSED, passed=passed, cases=passed)
    title, error = failure
    return Outcome(exercise.id, NOT_PASSED, str(error), title, error.mistake, passed, len(exercise.cases))


def local_call(exercise: Exercise, function: Any) -> Callable[..., Any]:
    """A ``call`` that runs ``function`` in this process, on copies of the arguments.

    Raises ``NotPassed`` with the learner's own line when the function raises, and when it changes its arguments.
    """
    if not callable(function):
        raise NotPassed(
            f"check needs your function itself: check({exercise.id!r}, {exercise.name}). "
            f"It was given {type(function).__name__}.",
            "not a function",
        )

    def call(*args: Any) -> Any:
        names = _argument_names(exercise, len(args))
        _must_accept(exercise, function, args if exercise.drive is None else exercise.arguments)
        given = copy.deepcopy(args)
        try:
            result = exercise.drive(function, *given) if exercise.drive else function(*given)
            if isinstance(result, Iterator):  # a generator runs, and may fail, only while it is read
                result = list(result)
        except (NotPassed, NotAttempted):
            raise
        except (Exception, SystemExit) as error:
            if _is_a_stub(error, function):
                raise NotAttempted from error
            raise NotPassed(about_exception(error, function), "raised " + type(error).__name__) from error
        for name, before, after in zip(names, args, given, strict=True):
            if not _same(before, after):
                raise NotPassed(_about_mutation(name, before), "mutated input")
        return result

    return call


def _about_mutation(name: str, before: Any) -> str:
    if isinstance(before, (list, tuple)):
        text = f"Your function changes its argument `{name}`, the list or what it holds."
        return f"{text} Make a new list of new values."
    return (
        f"Your function changes its argument `{name}`. Work on a new array, or on `{name}.copy()`: "
        "`a -= b` writes into `a`, `a = a - b` does not."
    )


def about_exception(error: BaseException, function: Any) -> str:
    """One sentence about an exception in the learner's code, with the line that raised it, without a traceback."""
    frames = _frames_of_learner(error, function)
    detail = _detail(error)
    text = f"{type(error).__name__}{f': {detail}' if detail else ''}"
    if not frames:
        return f"Your function raised {text.removesuffix('.')}."
    line = (frames[-1].line or linecache.getline(frames[-1].filename, frames[-1].lineno or 0)).strip()
    where = f" at line {frames[-1].lineno} of your cell"
    return f"Your function raised {text}{where}{f': `{line}`' if line else ''}."


def _frames_of_learner(error: BaseException, function: Any) -> list[traceback.FrameSummary]:
    """The frames of the traceback that lie in the file, or the cell, that ``function`` was written in."""
    file = getattr(getattr(_written(function), "__code__", None), "co_filename", None)
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]


def _written(function: Any) -> Any:
    """What the learner wrote with ``def``, under partial, decorators, tf.function or in a class with __call__."""
    while True:
        inner = getattr(function, "__wrapped__", None) or getattr(function, "python_function", None)
        if isinstance(function, functools.partial):
            inner = function.func
        if inner is None:
            break
        function = inner
    return function if hasattr(function, "__code__") else type(function).__call__


def _detail(error: BaseException) -> str:
    """The line of an exception's text that says what is wrong, without what TensorFlow wraps around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    # AutoGraph puts a traceback into the text and the reason at its end.
    line = lines[0]
    if line.startswith("in user code"):
        line = lines[-1].removeprefix(f"{type(error).__name__}: ")
    line = re.sub(r"\{\{.*?\}\}|\[Op:\w+\]( name:)?", "", line).strip()
    return line if len(line) <= LONGEST_DETAIL else line[:LONGEST_DETAIL].rstrip() + " ..."


def _is_a_stub(error: BaseException, function: Any) -> bool:
    """``error`` is the ``raise NotImplementedError`` of an exercise; libraries raise it too, with a reason.

    TensorFlow takes its own frames out of a traceback, so the line itself must say ``raise``.
    """
    own = _frames_of_learner(error, function)
    raised_there = bool(own) and (own[-1].line or "").lstrip().startswith("raise ")
    return isinstance(error, NotImplementedError) and (not str(error) or raised_there)


def _must_accept(exercise: Exercise, function: Any, args: Sequence[Any]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # a built-in without a signature: the call itself will tell
    try:
        signature.bind(*args)
    except TypeError:
        wanted = ", ".join(exercise.arguments)
        raise NotPassed(
            f"{exercise.name} should take ({wanted}); yours takes {signature}.", "signature"
        ) from None


def _argument_names(exercise: Exercise, count: int) -> tuple[str, ...]:
    """What to call the arguments of a ``call``: the exercise's own names, or those of its ``drive``."""
    if exercise.drive is None:
        return (exercise.arguments + ("an extra one",) * count)[:count]
    return tuple(inspect.signature(exercise.drive).parameters)[1 : count + 1]


def _same(before: Any, after: Any) -> bool:
    """Nothing was written into ``after``. Rounding is forgiven: x[i] += h, then x[i] -= h, restores x only nearly."""
    if isinstance(before, np.ndarray):
        if not isinstance(after, np.ndarray):
            return False
        if before.dtype.kind in "fc":
            return before.shape == after.shape and np.allclose(before, after, 1e-9, 1e-12, equal_nan=True)
        return np.array_equal(before, after)
    if isinstance(before, (list, tuple)):
        same_length = isinstance(after, type(before)) and len(before) == len(after)
        return same_length and all(map(_same, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    return callable(before) or (type(before) is type(after) and before == after)
