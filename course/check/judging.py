"""Run an exercise's cases on a learner's function and sum up what came out."""

from __future__ import annotations

import copy
import inspect
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from course.check.definition import Exercise, NotAttempted, NotPassed

PASSED, NOT_PASSED, NOT_ATTEMPTED = "passed", "not passed", "not attempted"


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
        if exercise.drive is None:
            _must_accept(exercise, function, args)
        given = copy.deepcopy(args)
        try:
            result = exercise.drive(function, *given) if exercise.drive else function(*given)
        except (NotPassed, NotAttempted):
            raise
        except NotImplementedError as error:
            raise NotAttempted from error
        except Exception as error:
            raise NotPassed(about_exception(error, function), "raised " + type(error).__name__) from error
        for name, before, after in zip(names, args, given, strict=True):
            if not _same(before, after):
                raise NotPassed(
                    f"Your function changes its argument `{name}`. Work on a new array, or on `{name}.copy()`: "
                    "`a -= b` writes into `a`, `a = a - b` does not.",
                    "mutated input",
                )
        return result

    return call


def about_exception(error: BaseException, function: Any) -> str:
    """One sentence about an exception in the learner's code, with the line that raised it, without a traceback."""
    learner_file = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == learner_file]
    detail = str(error).strip().splitlines()
    text = f"{type(error).__name__}{f': {detail[0]}' if detail else ''}"
    if not frames:
        return f"Your function raised {text}."
    line = (frames[-1].line or linecache.getline(frames[-1].filename, frames[-1].lineno or 0)).strip()
    where = f" at line {frames[-1].lineno} of your cell"
    return f"Your function raised {text}{where}{f': `{line}`' if line else ''}."


def _must_accept(exercise: Exercise, function: Any, args: tuple[Any, ...]) -> None:
    try:
        signature = inspect.signature(function)
        signature.bind(*args)
    except TypeError:
        wanted = ", ".join(exercise.arguments)
        raise NotPassed(
            f"{exercise.name} should take ({wanted}); yours takes {signature}.", "signature"
        ) from None
    except ValueError:
        return  # a built-in without a signature: the call itself will tell


def _argument_names(exercise: Exercise, count: int) -> tuple[str, ...]:
    """What to call the arguments of a ``call``: the exercise's own names, or those of its ``drive``."""
    if exercise.drive is None:
        return (exercise.arguments + ("an extra one",) * count)[:count]
    return tuple(inspect.signature(exercise.drive).parameters)[1 : count + 1]


def _same(before: Any, after: Any) -> bool:
    """Nothing was written into ``after``. Rounding is forgiven: x[i] += h, then x[i] -= h, restores x only nearly."""
    if isinstance(before, np.ndarray):
        if before.dtype.kind in "fc":
            return before.shape == after.shape and np.allclose(before, after, 1e-9, 1e-12, equal_nan=True)
        return np.array_equal(before, after)
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    return callable(before) or before == after
