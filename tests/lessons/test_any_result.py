"""Whatever a function returns or raises, its check answers with one short sentence and never with a traceback."""

import sys

import numpy as np
import pytest

from course import notebook
from course.check import judge, local_call
from course.syllabus import lessons


class Unreadable:
    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array")


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no repr")


def recursion(*args):
    return recursion(*args)


def itself():
    items = []
    items.append(items)
    return items


RESULTS = {
    "None": None,
    "a truth": True,
    "truths": np.ones((3, 3), bool),
    "zero": 0,
    "NaN": np.nan,
    "infinity": -np.inf,
    "huge": np.full((3, 3), -1e308),
    "too big an integer": 2**70,
    "unsigned": np.full((3, 3), 2, np.uint8),
    "half precision": np.full((3, 3), 2, np.float16),
    "complex": 1j,
    "text": "done",
    "texts": ["a", "b", "c"],
    "a dict": {1: 2},
    "a set": {1, 2},
    "nothing in it": [],
    "an empty array": np.zeros((0, 3)),
    "ragged": [[[1.0], [1.0, 2.0]], [[1.0], [1.0, 2.0]]],
    "Nones": [None, None, None],
    "objects": np.array([None, 1], object),
    "records": np.zeros(2, dtype=[("a", float)]),
    "a date": np.datetime64("2020"),
    "masked": np.ma.masked_array([1.0, 2.0], [0, 1]),
    "a class": int,
    "a function": len,
    "an unreadable object": Unreadable(),
    "an unprintable object": Unprintable(),
    "a list of itself": itself(),
    "NotImplemented": NotImplemented,
    "half a stub": (1.0, ..., ...),
}
FUNCTIONS = {
    **{name: lambda *args, result=result: result for name, result in RESULTS.items()},
    "the arguments": lambda *args: args,
    "the first argument": lambda *args: args[0] if args else None,
    "a generator": lambda *args: (value for value in (1, 2)),
    "a generator that fails": lambda *args: (1 / 0 for _ in (1, 2)),
    "recursion": recursion,
    "exit": lambda *args: sys.exit(1),
    "a failed assertion": lambda *args: np.testing.assert_allclose(np.ones(9), 0),
    "an undefined name": lambda *args: undefined_name,  # noqa: F821
}
EXERCISES = [id for lesson in lessons() for id in lesson.exercise_ids]


@pytest.mark.parametrize("id", EXERCISES)
def test_any_result_gets_one_short_sentence(id):
    exercise = notebook.exercises(id.split(".")[0])[id]
    for name, function in FUNCTIONS.items():
        outcome = judge(exercise, local_call(exercise, function), 5)
        assert outcome.status == "not passed" or (name, outcome.status) == ("half a stub", "not attempted"), name
        message = outcome.message.split(" of your cell")[0]  # after it comes the learner's own line
        assert "\n" not in message, name
        assert len(message) < 300, name
