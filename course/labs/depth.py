"""Lesson 04's lab: what depth, activation and weight scale do to the signal, the error and the weight gradients."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from course.labs.figure import Axis, Choice, Figure, Line, Plot, Slider

if TYPE_CHECKING:
    from course.labs.view import Lab

UNITS, BATCH, LOW = 64, 64, 1e-12
ACTIVATIONS = {
    "linear": (lambda z: z, lambda z: np.ones_like(z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (lambda z: (1 + np.tanh(z / 2)) / 2, lambda z: (1 - np.tanh(z / 2) ** 2) / 4),
}

CONTROLS = (
    Slider("depth", "layers", 2, 50, 1, 20),
    Choice("activation", "activation", tuple(ACTIVATIONS), "relu"),
    Slider("scale", "weight scale", 0.2, 3.0, 0.05, 1.0),
)


@cache
def _draws(layers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same inputs, unit-scale kernels and output errors each time, so that only the controls make a difference."""
    rng = np.random.default_rng(0)
    kernels = rng.normal(size=(layers, UNITS, UNITS)) / np.sqrt(UNITS)
    return rng.normal(size=(BATCH, UNITS)), kernels, rng.normal(size=(BATCH, UNITS)) / BATCH


def compute(depth: int, activation: str, scale: float) -> dict[str, np.ndarray]:
    """One forward and one backward pass through ``depth`` layers of 64 units; weights N(0, scale**2 / 64).

    Returns
    -------
    dict
        ``signal``, ``error``: the standard deviation of each layer's output and of its gradient; ``gradient``: the
        Euclidean norm of the kernel's gradient; each of shape (depth,), first layer first.
        ``factor``: the geometric mean by which the error changes per layer, going down.
    """
    depth = int(depth)
    x, kernels, error = _draws(int(CONTROLS[0].high))
    function, slope = ACTIVATIONS[activation]
    inputs, pre = [x], []
    for kernel in scale * kernels[:depth]:
        pre.append(inputs[-1] @ kernel)
        inputs.append(function(pre[-1]))
    errors, gradients = [], []
    for layer in reversed(range(depth)):
        errors.append(error.std())
        through = error * slope(pre[layer])
        gradients.append(np.linalg.norm(inputs[layer].T @ through))
        error = through @ (scale * kernels[layer]).T
    errors, gradients = np.array(errors[::-1]), np.array(gradients[::-1])
    return {
        "signal": np.array([h.std() for h in inputs[1:]]),
        "error": errors,
        "gradient": gradients,
        "factor": (errors[0] / errors[-1]) ** (1 / (depth - 1)),
    }


def show(depth: int, activation: str, scale: float) -> Figure:
    """The figure for one setting of the controls."""
    found = compute(depth, activation, scale)
    layers = np.arange(1, int(depth) + 1)
    factor = float(found["factor"])
    verdict = "vanishes" if factor < 0.9 else "explodes" if factor > 1.1 else "stays level"
    lines = [
        Line(layers, found["signal"], "signal h, going up", color=0),
        Line(layers, found["error"], "error δ, going down", color=1),
        Line(layers, found["gradient"], "weight gradient", color=2),
    ]
    alt = (
        f"Signal, error and weight gradient over {int(depth)} {activation} layers with weight scale {scale:.2f}. "
        f"The error is multiplied by {factor:.2f} per layer on its way back: it {verdict}."
    )
    low = max(LOW, min(np.min(found[name]) for name in ("signal", "error", "gradient")))
    plot = Plot("Layer by layer", Axis("layer"), Axis("size", low / 2, scale="log"), lines, alt=alt)
    return Figure([plot], f"The error is multiplied by {factor:.2f} in each layer on its way back: it {verdict}.")


def view() -> Lab:
    """The lab as a widget, for the end of a notebook cell."""
    from course.labs.view import Lab

    return Lab("depth, activation and weight scale", CONTROLS, show)
