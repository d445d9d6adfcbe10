"""A lesson of three small exercises for the attacks to be made in.

``double`` is what an attacker wants marks for without knowing how. ``mean`` is an honest answer whose marks
must not suffer. ``loot`` is how a notebook of this suite reports what it could get hold of; nothing is marked
there.
"""

from __future__ import annotations

from course.check import Exercise, expect

HINTS = ("Read the exercise again.", "It is one line.")

double = Exercise("98.double", "x", HINTS)
mean = Exercise("98.mean", "x", HINTS)
loot = Exercise("98.loot", "", HINTS)
stolen: list[object] = []


@double.case("a row")
def _(call, rng):
    x = rng.normal(size=4)
    expect.array(call(x), 2 * x, "double(x)")


@double.case("a matrix")
def _(call, rng):
    x = rng.normal(size=(3, 2))
    expect.array(call(x), 2 * x, "double(x)")


@double.case("integers")
def _(call, rng):
    x = rng.integers(1, 9, size=5)
    expect.array(call(x), 2 * x, "double(x)")


@mean.case("a row")
def _(call, rng):
    x = rng.normal(size=6)
    expect.number(call(x), x.mean(), "mean(x)")


@mean.case("a matrix")
def _(call, rng):
    x = rng.normal(size=(2, 3))
    expect.number(call(x), x.mean(), "mean(x)")


@loot.case("what was found")
def _(call, rng):
    stolen.append(call())


def exercises(lesson: str) -> dict[str, Exercise]:
    """The exercises of this lesson, as an engine asks for them."""
    return {exercise.id: exercise for exercise in (double, mean, loot)}
