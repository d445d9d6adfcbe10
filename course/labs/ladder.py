"""Lesson 05's lab: climb the ladder of initializers and see what each makes of the signal and the error."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from course.labs.figure import Axis, Choice, Figure, Heat, Line, Plot, Slider

if TYPE_CHECKING:
    from course.labs.view import Lab

BATCH, LAYERS, UNITS = 64, 20, 128
EDGES = np.linspace(-6, 3, 37)  # powers of ten
ACTIVATIONS = {  # the function, and its slope written in terms of its output
    "linear": (lambda z: z, np.ones_like),
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "ReLU": (lambda z: np.maximum(z, 0), lambda h: (h > 0) * 1.0),
}
INITIALIZERS = ("constant 0.02", "fixed, std 0.05", "LeCun", "Glorot", "He", "orthogonal")

CONTROLS = (
    Choice("initializer", "initializer", INITIALIZERS, "fixed, std 0.05"),
    Choice("activation", "activation", tuple(ACTIVATIONS), "ReLU"),
    Slider("depth", "layers", 2, LAYERS, 1, 12),
    Slider("width", "units of the first layer", 16, UNITS, 16, 64),
    Choice("shape", "the other layers", ("as wide", "narrowing to a quarter"), "as wide"),
)


@cache
def _draws() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, normal and uniform weights, errors: the same each time, so that only the controls count."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(LAYERS, UNITS, UNITS))
    uniform = rng.uniform(-1, 1, size=(LAYERS, UNITS, UNITS))
    return rng.normal(size=(BATCH, UNITS)), normal, uniform, rng.normal(size=(BATCH, UNITS))


@cache
def _orthogonal(layer: int, inputs: int, units: int) -> np.ndarray:
    """Columns of length 1 at right angles; ``units`` is at most ``inputs``."""
    q, r = np.linalg.qr(_draws()[1][layer, :inputs, :units])
    return q * np.sign(np.diag(r))


def kernel(initializer: str, activation: str, layer: int, inputs: int, units: int) -> np.ndarray:
    """The kernel of one layer, (inputs, units). Orthogonal ones have the gain √2 for ReLU, 1 otherwise."""
    _, normal, uniform, _ = _draws()
    normal, uniform = normal[layer, :inputs, :units], uniform[layer, :inputs, :units]
    if initializer == "constant 0.02":
        return np.full((inputs, units), 0.02)
    if initializer == "fixed, std 0.05":
        return 0.05 * normal
    if initializer == "LeCun":
        return normal * np.sqrt(1 / inputs)
    if initializer == "Glorot":
        return uniform * np.sqrt(6 / (inputs + units))
    if initializer == "He":
        return normal * np.sqrt(2 / inputs)
    return _orthogonal(layer, inputs, units) * (np.sqrt(2) if activation == "ReLU" else 1.0)


def compute(initializer: str, activation: str, depth: int, width: int, shape: str) -> dict[str, np.ndarray]:
    """One forward and one backward pass through ``depth`` layers, inputs and top errors normal.

    Returns
    -------
    dict
        ``units``: of each layer, shape (depth,). ``signal``, ``error``: the standard deviation of each
        layer's output h and of δ, its gradient, shape (depth,). ``signal_histogram``, ``error_histogram``:
        the share of each layer's values by power of ten of their size, shape (36, depth); zeros are left
        out. ``signal_factor``, ``error_factor``: the geometric mean by which each changes per layer, going up
        and going down.
    """
    depth, width = int(depth), int(width)
    last = width if shape == "as wide" else width // 4
    units = np.linspace(width, last, depth).round().astype(int)
    x, _, _, error = _draws()
    function, slope = ACTIVATIONS[activation]
    sizes = pairwise([width, *units.tolist()])
    kernels = [kernel(initializer, activation, layer, *size) for layer, size in enumerate(sizes)]
    outputs, errors = [x[:, :width]], [error[:, : units[-1]]]
    for weights in kernels:
        outputs.append(function(outputs[-1] @ weights))
    for weights, output in zip(kernels[:0:-1], outputs[:1:-1], strict=True):
        errors.append((errors[-1] * slope(output)) @ weights.T)
    signals, errors = outputs[1:], errors[::-1]
    signal, spread = np.array([h.std() for h in signals]), np.array([d.std() for d in errors])
    return {
        "units": units,
        "signal": signal,
        "error": spread,
        "signal_histogram": np.array([_sizes(h) for h in signals]).T,
        "error_histogram": np.array([_sizes(d) for d in errors]).T,
        "signal_factor": (signal[-1] / signal[0]) ** (1 / (depth - 1)),
        "error_factor": (spread[0] / spread[-1]) ** (1 / (depth - 1)),
    }


def _sizes(values: np.ndarray) -> np.ndarray:
    """The share of the values that are not 0 in each bin of size; what lies outside counts at the edge."""
    sizes = np.log10(np.abs(values[values != 0]))
    counts, _ = np.histogram(sizes.clip(EDGES[0], EDGES[-1]), EDGES)
    return counts / max(counts.sum(), 1)


def _verdict(factor: float) -> str:
    return "shrinks" if factor < 0.9 else "grows" if factor > 1.1 else "stays level"


def show(initializer: str, activation: str, depth: int, width: int, shape: str) -> Figure:
    """The figure for one setting of the controls."""
    found = compute(initializer, activation, depth, width, shape)
    layers = np.arange(1, int(depth) + 1)
    words = {
        name: f"{name} {_verdict(found[key])}: times {found[key]:.2f} per layer"
        for name, key in (("h", "signal_factor"), ("δ", "error_factor"))
    }
    histograms = [
        Plot(
            f"Histograms of {name}, one column a layer",
            Axis("layer", 0.5, int(depth) + 0.5),
            Axis(f"log₁₀ |{name}|", EDGES[0], EDGES[-1]),
            [Heat(found[key] / np.maximum(found[key].max(axis=0), 1e-9), 0.0, 1.0)],
            alt=f"Histograms of the size of {name} by layer. {words[name]}.",
        )
        for name, key in (("h", "signal_histogram"), ("δ", "error_histogram"))
    ]
    lines = [
        Line(layers, found["signal"], "h, going up", color=0),
        Line(layers, found["error"], "δ, going down", color=1),
    ]
    alt = f"Standard deviation by layer, logarithmic. {words['h']}; {words['δ']}."
    both = np.concatenate([found["signal"], found["error"]])
    axis = Axis("std", min(0.1, both.min() / 2), max(10.0, 2 * both.max()), scale="log")
    spreads = Plot("Standard deviation", Axis("layer"), axis, lines, alt=alt)
    return Figure([*histograms, spreads], f"Going up, {words['h']}. Going down, {words['δ']}.")


def view() -> Lab:
    """The lab as a widget, for the end of a notebook cell."""
    from course.labs.view import Lab

    return Lab("the ladder of initializers", CONTROLS, show)
