"""Every figure of the course: one style, readable without colour, shown as a PNG with its text alternative.

::

    with plots.figure(alt="Loss falls from 0.7 to 0.01 within 300 steps.") as axes:
        plots.line(axes, steps, loss, "tanh")
        axes.set(xlabel="step", ylabel="loss", yscale="log")
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe & Ito 2008, "Color universal design"; the yellow is left out: too pale for a line on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000", "#E69F00")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": mpl.cycler(color=PALETTE, linestyle=DASHES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "image.cmap": "cividis",
}
DPI = 90


@contextmanager
def figure(*, alt: str, rows: int = 1, columns: int = 1, width: float = 0.0, height: float = 3.2) -> Iterator[Any]:
    """A figure of ``rows`` x ``columns`` axes, shown when the ``with`` block ends.

    Parameters
    ----------
    alt : str
        What the figure shows, trend included, for someone who cannot see it: a sentence or two.
    width, height : float
        In inches, of one panel. A width of 0 fills the page.

    Yields
    ------
    Axes, or an array of them when there are several.

    Raises
    ------
    ValueError
        When ``alt`` is not at least a short sentence.
    """
    if len(alt.split()) < 5:
        raise ValueError(f"A figure needs alt text that tells its trend; it was given {alt!r}.")
    width = width or (6.4 if columns == 1 else 9.2 / columns)
    with mpl.rc_context(STYLE):
        canvas = Figure(figsize=(columns * width, rows * height), dpi=DPI, layout="constrained")
        axes = canvas.subplots(rows, columns)
        yield axes
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="png")
    show_png(buffer.getvalue(), alt)


def show_png(png: bytes, alt: str) -> None:
    """Show a PNG in the notebook, with its text alternative in a line that opens below it.

    JupyterLab shows no alt text for a PNG output, so the words stand in the page where a screen reader finds them.
    """
    from IPython.display import HTML, display

    bundle = {"image/png": png, "text/plain": "<Figure>"}
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)
    words = f"<details><summary>This figure in words</summary><p>{escape(alt)}</p></details>"
    display(HTML(words))


def line(axes: Axes, x: Any, y: Any, label: str | None = None, *, index: int | None = None, **style: Any) -> None:
    """A line with its own colour, dash and marker. ``index`` picks the style; by default the next one in turn."""
    index = len(axes.get_lines()) if index is None else index
    x = np.asarray(x)
    style = {
        "color": PALETTE[index % len(PALETTE)],
        "linestyle": DASHES[index % len(DASHES)],
        "marker": MARKERS[index % len(MARKERS)],
        "markevery": max(1, len(x) // 8),
        "markersize": 5,
        **style,
    }
    axes.plot(x, np.asarray(y), label=label, **style)


def band(axes: Axes, x: Any, runs: Any, label: str | None = None, *, index: int | None = None, **style: Any) -> None:
    """The median over ``runs`` (seeds, points) as a line, with the range from lowest to highest shaded."""
    index = len(axes.get_lines()) if index is None else index
    runs = np.asarray(runs)
    axes.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=PALETTE[index % len(PALETTE)], alpha=0.18, lw=0)
    line(axes, x, np.median(runs, axis=0), label, index=index, **style)


def decision_regions(
    axes: Axes, probability: Callable[[np.ndarray], np.ndarray], x: np.ndarray, y: np.ndarray, margin: float = 0.5
) -> None:
    """Points ``x`` (samples, 2) of classes ``y`` over the regions that ``probability((n, 2)) -> (n,)`` gives them.

    Class 0 is drawn as circles, class 1 as squares; the boundary, probability one half, is the black line.
    """
    (left, bottom), (right, top) = x.min(axis=0) - margin, x.max(axis=0) + margin
    grid = np.stack(np.meshgrid(np.linspace(left, right, 121), np.linspace(bottom, top, 121)), axis=-1)
    values = np.asarray(probability(grid.reshape(-1, 2))).reshape(grid.shape[:2])
    axes.contourf(grid[..., 0], grid[..., 1], values, levels=np.linspace(0, 1, 11), cmap="PuOr", alpha=0.6)
    axes.contour(grid[..., 0], grid[..., 1], values, levels=[0.5], colors="black", linewidths=1.5)
    for label, marker, colour in ((0, "o", PALETTE[1]), (1, "s", PALETTE[3])):
        points = x[y == label]
        axes.scatter(*points.T, marker=marker, s=60, c=colour, edgecolors="black", label=f"class {label}", zorder=3)
    axes.grid(False)


def numbers(axes: Axes, values: np.ndarray, rows: Sequence[str], columns: Sequence[str], form: str = "{:.2g}") -> None:
    """A matrix as a heat map with each value written in its cell; ``values`` is (rows, columns)."""
    values = np.asarray(values, dtype=float)
    axes.imshow(values, aspect="auto")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.grid(False)
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for row, column in np.ndindex(*values.shape):
        colour = "black" if values[row, column] > middle else "white"
        axes.text(column, row, form.format(values[row, column]), ha="center", va="center", color=colour, fontsize=9)
