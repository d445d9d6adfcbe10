"""The check of lesson 00. Its first cases are the same each time, so that the lesson can show it fail."""

from __future__ import annotations

import numpy as np

from course.check import Exercise, Mistake, NotPassed, expect

double = Exercise(
    "00.double",
    "x",
    hints=(
        "Twice 5 is 10, and twice 3 is 6. By what is each number multiplied?",
        "In Python, * multiplies: 3 * x is three times x. Write a line that begins with `return`.",
    ),
)


def _judge_double(call, x, what):
    got = call(x)
    if got is None:
        raise NotPassed(
            f"double({what}) gives nothing back. `return` hands a result back; `print` only shows it.", "none"
        )
    x = np.asarray(x)
    decimals = f"Twice {what} has decimals. You {{0}}; give the number as it is."
    mistakes = [
        Mistake("added 2", x + 2, f"This adds 2 to {what}. That is twice x only where x is 2."),
        Mistake("squared", x**2, f"This multiplies {what} by itself: x squared. Multiply x by 2."),
        Mistake("unchanged", x, f"This gives {what} back unchanged. Multiply it by 2."),
        Mistake("halved", x / 2, f"This halves {what}. Multiply by 2 where you divide by it."),
        Mistake("cut off", np.trunc(2.0 * x), decimals.format("cut them off")),
        Mistake("rounded", np.round(2.0 * x), decimals.format("round them")),
    ]
    expect.array(got, 2 * x, f"double({what})", mistakes=mistakes)


@double.case("the number 2")
def _(call, rng):
    _judge_double(call, 2, "2")


@double.case("the number 5")
def _(call, rng):
    _judge_double(call, 5, "5")


@double.case("a negative number")
def _(call, rng):
    x = -int(rng.integers(3, 100))
    _judge_double(call, x, f"{x}")


@double.case("a number with decimals")
def _(call, rng):
    x = float(rng.integers(3, 100)) + 0.375
    _judge_double(call, x, f"{x}")


@double.case("an array of numbers")
def _(call, rng):
    _judge_double(call, rng.normal(size=5), "x")
