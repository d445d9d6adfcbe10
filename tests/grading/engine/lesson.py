"""A lesson of three exercises for the engine's tests: two plain ones and one with a drive."""

from __future__ import annotations

from course.check import Exercise, Mistake, expect

HINTS = ("Read the exercise again.", "It is one line.")
FUNCTIONS = {"sum": lambda x: float(x.sum()), "maximum": lambda x: float(x.max())}


def by_name(function, name, x):
    return function(FUNCTIONS[name], x)


double = Exercise("97.double", "x", HINTS)
mean = Exercise("97.mean", "x", HINTS)
apply = Exercise("97.apply", "f, x", HINTS, drive=by_name)


@double.case("a row")
def _(call, rng):
    x = rng.normal(size=4)
    expect.array(
        call(x), 2 * x, "double(x)", mistakes=[Mistake("squared", x**2, "You squared x. Double it.")]
    )


@double.case("a negative number")
def _(call, rng):
    x = -rng.uniform(1, 2, size=1)
    expect.array(call(x), 2 * x, "double(x)")


@mean.case("a row")
def _(call, rng):
    x = rng.normal(size=6)
    expect.number(call(x), x.mean(), "mean(x)")


@apply.case("a sum")
def _(call, rng):
    x = rng.normal(size=3)
    expect.number(call("sum", x), x.sum(), "apply(f, x)")


def exercises(lesson: str) -> dict[str, Exercise]:
    """The exercises of this lesson, as an engine asks for them."""
    return {exercise.id: exercise for exercise in (double, mean, apply)}
