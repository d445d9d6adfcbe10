"""Checks: exercises judged by an oracle.

``definition`` says what an exercise is, ``expect`` compares a result with its oracle and words the difference,
``judging`` runs an exercise's cases on a learner's function, ``rendering`` shows the outcome.

An author writes, in ``course/lessons/<name>/checks.py``::

    relu = Exercise("01.relu", "x", hints=("Which numbers does ReLU change?", "np.maximum takes two arguments."))

    @relu.case("a batch")
    def _(call, rng):
        x = rng.normal(size=(4, 3))
        expect.array(
            call(x), np.where(x > 0, x, 0), "relu(x)",
            mistakes=[Mistake("absolute value", np.abs(x), "This is |x|. ReLU sends negative numbers to 0.")],
        )

``call`` runs the learner's function: plainly in a notebook, by a message to another process when grading. It takes
plain data (arrays, numbers, strings, lists, dicts) and gives plain data back.
"""

from course.check import expect
from course.check.definition import Exercise, Mistake, NotAttempted, NotPassed
from course.check.judging import Outcome, judge, local_call

__all__ = ["Exercise", "Mistake", "NotAttempted", "NotPassed", "Outcome", "expect", "judge", "local_call"]
