"""Lesson 01's lab: one neuron, its weights, and the line that it draws through AND, OR and XOR."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course.labs.figure import Axis, Choice, Figure, Heat, Line, Plot, Points, Slider

if TYPE_CHECKING:
    from course.labs.view import Lab

POINTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
LABELS = {"AND": np.array([0, 0, 0, 1]), "OR": np.array([0, 1, 1, 1]), "XOR": np.array([0, 1, 1, 0])}
LOW, HIGH = -0.5, 1.5
CELLS = 40

CONTROLS = (
    Choice("dataset", "points", tuple(LABELS), "AND"),
    Slider("w1", "w₁", -5, 5, 0.1, 1.0),
    Slider("w2", "w₂", -5, 5, 0.1, 0.5),
    Slider("bias", "bias", -5, 5, 0.1, 0.0),
)


def compute(dataset: str, w1: float, w2: float, bias: float) -> dict[str, np.ndarray]:
    """What the neuron sigmoid(w1 x1 + w2 x2 + bias) says of four points and of the plane around them.

    Returns
    -------
    dict
        ``labels``, ``probability``, ``wrong``: shape (4,), for the rows of ``POINTS``; a point on the line
        counts as class 0. ``errors``, ``loss``: scalars, the loss being the mean cross-entropy in nats.
        ``grid``: the probability at the middle of each cell, shape (40, 40), first row at the bottom.
        ``line``: the two ends of the boundary inside the plane shown, shape (2, 2), or (0, 2) when it does
        not cross it.
    """
    labels = LABELS[dataset]
    logits = POINTS @ np.array([w1, w2]) + bias
    wrong = (logits > 0) != labels
    middles = LOW + (np.arange(CELLS) + 0.5) * (HIGH - LOW) / CELLS
    return {
        "labels": labels,
        "probability": _sigmoid(logits),
        "wrong": wrong,
        "errors": wrong.sum(),
        "loss": np.mean(np.logaddexp(0, logits) - labels * logits),
        "grid": _sigmoid(w1 * middles[None, :] + w2 * middles[:, None] + bias),
        "line": _boundary(w1, w2, bias),
    }


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -logits))


def _boundary(w1: float, w2: float, bias: float) -> np.ndarray:
    """Where w1 x1 + w2 x2 + bias = 0 meets the frame of the plane: shape (2, 2), or (0, 2)."""
    ends = []
    for side in (LOW, HIGH):
        if w2:
            ends.append((side, -(w1 * side + bias) / w2))
        if w1:
            ends.append((-(w2 * side + bias) / w1, side))
    inside = [end for end in ends if all(LOW - 1e-9 <= part <= HIGH + 1e-9 for part in end)]
    if len(inside) < 2:
        return np.empty((0, 2))
    first, last = min(inside), max(inside)
    if first[0] == last[0]:  # upright: the ends differ in height alone
        first, last = min(inside, key=lambda end: end[1]), max(inside, key=lambda end: end[1])
    return np.clip(np.array([first, last]), LOW, HIGH)


def show(dataset: str, w1: float, w2: float, bias: float) -> Figure:
    """The figure for one setting of the controls."""
    found = compute(dataset, w1, w2, bias)
    ones, zeros = POINTS[found["labels"] == 1], POINTS[found["labels"] == 0]
    wrong, line = POINTS[found["wrong"]], found["line"]
    names = ", ".join(f"({x:.0f}, {y:.0f})" for x, y in wrong) or "none"
    traces = (
        Heat(found["grid"], 0.0, 1.0, middle=0.5),
        Line(line[:, 0], line[:, 1], "boundary: probability ½", color=2),
        Points(ones[:, 0], ones[:, 1], "class 1 (blue side)", color=0, marker="circle"),
        Points(zeros[:, 0], zeros[:, 1], "class 0 (orange side)", color=1, marker="square"),
        Points(wrong[:, 0], wrong[:, 1], "wrong side", color=3, marker="ring"),
    )
    alt = (
        f"The four points of {dataset} and the line where the neuron says one half. "
        f"Points on the wrong side: {names}."
    )
    plot = Plot(dataset, Axis("x₁", LOW, HIGH), Axis("x₂", LOW, HIGH), traces, alt, square=True)
    errors, loss = int(found["errors"]), float(found["loss"])
    verb = "is" if errors == 1 else "are"
    return Figure((plot,), f"{errors} of 4 points {verb} on the wrong side. Loss {loss:.3f}.")


def view() -> Lab:
    """The lab as a widget, for the end of a notebook cell."""
    from course.labs.view import Lab

    return Lab("a neuron and its decision boundary", CONTROLS, show)
