"""Lesson 03's lab: gradient descent on a bowl or a ravine, with the step size in the learner's hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course.labs.figure import Axis, Figure, Line, Plot, Points, Slider

if TYPE_CHECKING:
    from course.labs.view import Lab

STEPS = 60
SIDE = 3.0
LEVELS = (0.02, 0.1, 0.4, 1.0, 2.0, 3.5)
FAR = 1e3  # a place this far out is off the map, and so is all that follows

CONTROLS = (
    Slider("lr", "learning rate", 0.05, 2.2, 0.05, 0.5),
    Slider("condition", "condition number", 0, 2, 0.1, 10.0, scale="log"),
    Slider("along", "start w₁", -2.8, 2.8, 0.1, -2.5),
    Slider("across", "start w₂", -2.8, 2.8, 0.1, 1.0),
)


def compute(lr: float, condition: float, along: float, across: float) -> dict[str, np.ndarray]:
    """Gradient descent on the loss (w1² / condition + w2²) / 2, from ``(along, across)``.

    The curvature is 1 / condition along the first axis and 1 along the second, so that 2/λ_max is always 2.

    Returns
    -------
    dict
        ``path``: the weights after 0 to 60 steps, shape (61, 2). ``loss``: shape (61,). ``factors``: what one
        step multiplies each weight by, shape (2,). ``contours``: points of equal loss, one closed curve for
        each of ``LEVELS`` with a row of NaN after it, shape (points, 2).
    """
    curvature = np.array([1 / condition, 1.0])
    path = np.empty((STEPS + 1, 2))
    path[0] = along, across
    for step in range(STEPS):
        path[step + 1] = path[step] - lr * curvature * path[step]
    turn = np.linspace(0, 2 * np.pi, 61)
    circle = np.vstack([np.stack([np.cos(turn), np.sin(turn)], axis=1), [[np.nan, np.nan]]])
    return {
        "path": path,
        "loss": (path**2 @ curvature) / 2,
        "factors": 1 - lr * curvature,
        "contours": np.vstack([circle * np.sqrt(2 * level / curvature) for level in LEVELS]),
    }


def _behaviour(lr: float, factor: float) -> str:
    """What the error across the ravine does, in words."""
    if abs(factor) > 1 + 1e-9:
        return "It is above: each step across is longer than the last."
    if abs(factor) > 1 - 1e-9:
        return "It is right on it: the steps across go to and fro for ever."
    if factor < -1e-9:
        return "It is below: the path zigzags across and closes in."
    return "It is below half of it: the path closes in without crossing."


def show(lr: float, condition: float, along: float, across: float) -> Figure:
    """The figure for one setting of the controls."""
    found = compute(lr, condition, along, across)
    far = np.abs(found["path"]).max(axis=1) > FAR
    path = found["path"][: np.argmax(far) + 1 if far.any() else None]
    contours, loss = found["contours"], found["loss"]
    along_factor, across_factor = found["factors"]
    behaviour = _behaviour(lr, across_factor)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = loss[-1] / loss[0]
    place = Plot(
        "The path of the weights",
        Axis("w₁, along the ravine", -SIDE, SIDE),
        Axis("w₂, across", -SIDE, SIDE),
        (
            Line(contours[:, 0], contours[:, 1], "equal loss", color=2),
            Line(path[:, 0], path[:, 1], "gradient descent", color=0),
            Points(path[:, 0], path[:, 1], color=0),
            Points([0.0], [0.0], "minimum", color=1, marker="cross"),
        ),
        f"Contours of equal loss around the minimum, and the path from ({along:g}, {across:g}). {behaviour}",
        square=True,
    )
    curve = Plot(
        "The loss",
        Axis("step", 0, STEPS),
        Axis("loss", 1e-6, 1e4, "log"),
        (Line(np.arange(STEPS + 1), np.maximum(loss, 1e-12), color=0),),
        f"The loss over {STEPS} steps, on a logarithmic axis.",
    )
    message = (
        f"2/λ_max = 2, the rate is {lr:.2f}. {behaviour} Each step multiplies w₁ by {_number(along_factor)} "
        f"and w₂ by {_number(across_factor)}."
    )
    if np.isfinite(change):
        message += f" After {STEPS} steps the loss is {change:.2g} times the first."
    return Figure((place, curve), message)


def _number(value: float) -> str:
    return f"{value + 0.0:.3g}".replace("-", "−")


def view() -> Lab:
    """The lab as a widget, for the end of a notebook cell."""
    from course.labs.view import Lab

    return Lab("step size on a bowl and a ravine", CONTROLS, show)
