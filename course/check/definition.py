"""What an exercise is: its name, its arguments, its hints and the cases that judge it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class NotPassed(Exception):
    """The learner's result is wrong.

    ``str(error)`` is the message, in the learner's terms; ``mistake`` labels a known misconception, or is ``None``.
    """

    def __init__(self, message: str, mistake: str | None = None):
        super().__init__(message)
        self.mistake = mistake


class NotAttempted(Exception):
    """The learner has not written this part yet."""


@dataclass(frozen=True)
class Mistake:
    """The value that a known misconception gives, its label, and what to tell the learner who has it."""

    label: str
    value: Any
    message: str


@dataclass(frozen=True)
class Case:
    """One thing that an exercise asks for. ``run(call, rng)`` raises ``NotPassed`` when the answer is wrong."""

    title: str
    run: Callable[..., None]


class Exercise:
    """An exercise and the cases that judge it.

    Parameters
    ----------
    id : str
        Lesson number and function name, e.g. ``"02.dense_backward"``.
    arguments : str
        The names of the function's arguments, as in its signature: ``"x, kernel, dy"``.
    hints : tuple of str
        From a nudge to nearly the solution; two or more.
    drive : callable, optional
        ``drive(function, *args)`` runs beside the learner's code, makes the objects that ``function`` wants out of
        plain data, calls it, and gives plain data back. Without it, ``function(*args)`` is called.
    """

    def __init__(self, id: str, arguments: str, hints: tuple[str, ...], drive: Callable[..., Any] | None = None):
        if len(hints) < 2:
            raise ValueError(f"Exercise {id} has {len(hints)} hint(s); give at least 2, from nudge to near-solution.")
        self.id = id
        self.arguments = tuple(name.strip() for name in arguments.split(",") if name.strip())
        self.hints = tuple(hints)
        self.drive = drive
        self.cases: list[Case] = []

    @property
    def name(self) -> str:
        """The name of the function that the learner writes."""
        return self.id.split(".", 1)[1]

    def case(self, title: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Add the decorated ``run(call, rng)`` as a case; ``title`` completes "it fails on ..."."""

        def add(run: Callable[..., None]) -> Callable[..., None]:
            self.cases.append(Case(title, run))
            return run

        return add

    def __repr__(self) -> str:
        return f"Exercise({self.id!r}, {len(self.cases)} cases)"
