"""The figures of a probe's vital signs. Each shows one sign of a :class:`course.probe.Vitals` and demands alt text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course.plots import figure, line

if TYPE_CHECKING:
    from course.probe import Vitals

# Where log10 of the update ratio lay in 16 sound networks: one step changes a weight by about a thousandth.
HEALTHY_UPDATE = (10**-3.7, 10**-2.8)


def gradient_flow(vitals: Vitals, *, alt: str) -> None:
    """The norm of each layer's weight gradient, logarithmic, at the first and the last measured step."""
    norms = vitals.gradient_norm[:, vitals.kernels]
    with figure(alt=alt, width=7.0) as axes:
        _first_and_last(axes, vitals, norms)
        axes.set(title="Gradient flow", xlabel="layer", ylabel="norm of the weight gradient", yscale="log")


def signal_and_error(vitals: Vitals, *, alt: str) -> None:
    """The spread of the signal h and of the error δ by hidden layer, at the first and the last measured step."""
    with figure(alt=alt, columns=2, height=3.0) as panels:
        for axes, values, title in zip(panels, (vitals.signal, vitals.error), ("signal h", "error δ"), strict=True):
            _first_and_last(axes, vitals, values[:, vitals.hidden])
            axes.set(title=title, xlabel="hidden layer", yscale="log")


def histograms(vitals: Vitals, layer: str, *, alt: str, of: str = "signal") -> None:
    """How the values of a layer's signal, or of its error (``of="error"``), are spread, over the steps."""
    steps, edges, counts = vitals.histogram(layer, of)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with figure(alt=alt, width=7.0) as axes:
        shades = axes.pcolormesh(_edges(steps), edges, share.T)
        axes.figure.colorbar(shades, ax=axes, label="share of values")
        axes.set(title=f"{layer}: {of} over time", xlabel="step", ylabel=of)
        axes.grid(False)


def unit_map(vitals: Vitals, layer: str, *, alt: str) -> None:
    """The mean |δ| that reaches each unit of a layer, one row a unit, over the steps, logarithmic."""
    received = vitals.unit_error[layer]
    positive = received[received > 0]
    floor = positive.min() if positive.size else 1.0
    with figure(alt=alt, width=7.0, height=3.6) as axes:
        units = np.arange(received.shape[1] + 1) - 0.5
        shades = axes.pcolormesh(_edges(vitals.steps), units, np.log10(np.maximum(received, floor)).T)
        axes.figure.colorbar(shades, ax=axes, label="log10 of mean |δ|")
        axes.set(title=f"{layer}: the error that each unit receives", xlabel="step", ylabel="unit")
        axes.grid(False)


def update_ratios(vitals: Vitals, *, alt: str) -> None:
    """‖Δw‖ / ‖w‖ of each layer's kernel over the steps, logarithmic, with the range of sound networks shaded."""
    with figure(alt=alt, width=7.0) as axes:
        axes.axhspan(*HEALTHY_UPDATE, color="#999999", alpha=0.25, lw=0, label="sound networks")
        for kernel in vitals.kernels:
            line(axes, vitals.steps, vitals.update_ratio[:, kernel], vitals.weights[kernel])
        axes.set(title="How far one step moves each weight", xlabel="step", ylabel="‖Δw‖ / ‖w‖", yscale="log")
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))


def _first_and_last(axes, vitals: Vitals, values: np.ndarray) -> None:
    layers = np.arange(1, values.shape[1] + 1)
    line(axes, layers, values[0], f"step {vitals.steps[0]}")
    if len(values) > 1:
        line(axes, layers, values[-1], f"step {vitals.steps[-1]}")
        axes.legend()


def _edges(steps: np.ndarray) -> np.ndarray:
    """Limits between measured steps, for shades that are drawn around each of them."""
    if len(steps) == 1:
        return np.array([steps[0] - 0.5, steps[0] + 0.5])
    middle = (steps[1:] + steps[:-1]) / 2
    return np.concatenate([[2 * steps[0] - middle[0]], middle, [2 * steps[-1] - middle[-1]]])
