"""What a lab shows, as data: controls and plots.

``lab.js`` draws it in the browser, ``still.py`` as a PNG.
Colours are named by number, 0 to 3, and each goes with a marker and a dash of its own, so that no meaning
hangs on colour alone. Arrays become lists; what is not finite becomes a gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

Scale = Literal["linear", "log"]
DIGITS = 5


@dataclass(frozen=True)
class Slider:
    """A number between ``low`` and ``high``, moved by ``step``.

    With ``scale="log"`` these three are powers of ten; ``value`` is the number itself.
    """

    name: str
    label: str
    low: float
    high: float
    step: float
    value: float
    scale: Scale = "linear"
    type: str = field(default="slider", init=False)


@dataclass(frozen=True)
class Choice:
    """One of ``options``."""

    name: str
    label: str
    options: Sequence[str]
    value: str
    type: str = field(default="choice", init=False)


@dataclass(frozen=True)
class Steps:
    """A whole number from 0 to ``high``, moved by the buttons Back and Next."""

    name: str
    label: str
    high: int
    value: int = 0
    type: str = field(default="steps", init=False)


Control = Slider | Choice | Steps


@dataclass(frozen=True)
class Axis:
    """An axis with its label; without limits it holds all that is drawn."""

    label: str
    low: float | None = None
    high: float | None = None
    scale: Scale = "linear"


@dataclass(frozen=True)
class Line:
    """A line through the points ``x, y``, each of shape ``(points,)``."""

    x: ArrayLike
    y: ArrayLike
    name: str = ""
    color: int = 0
    type: str = field(default="line", init=False)


@dataclass(frozen=True)
class Points:
    """A marker at each ``x, y``. ``ring`` marks a point that already has a marker."""

    x: ArrayLike
    y: ArrayLike
    name: str = ""
    color: int = 0
    marker: Literal["circle", "square", "triangle", "cross", "ring"] = "circle"
    type: str = field(default="points", init=False)


@dataclass(frozen=True)
class Bars:
    """A bar of ``height`` at each ``x``, from the axis up, ``width`` wide in the units of x."""

    x: ArrayLike
    height: ArrayLike
    name: str = ""
    color: int = 0
    width: float = 0.8
    type: str = field(default="bars", init=False)


@dataclass(frozen=True)
class Band:
    """The area between ``low`` and ``high`` at each ``x``."""

    x: ArrayLike
    low: ArrayLike
    high: ArrayLike
    name: str = ""
    color: int = 0
    type: str = field(default="band", init=False)


@dataclass(frozen=True)
class Heat:
    """A shaded area: ``z`` has shape ``(rows, columns)``, its first row at the bottom, and fills the axes.

    From ``low`` to ``high``. With ``middle`` the shades go from colour 1 through none at ``middle`` to
    colour 0; without it from none to colour 0.
    """

    z: ArrayLike
    low: float
    high: float
    middle: float | None = None
    name: str = ""
    type: str = field(default="heat", init=False)


@dataclass(frozen=True)
class Text:
    """Words at ``x, y``."""

    x: float
    y: float
    text: str
    type: str = field(default="text", init=False)


Trace = Line | Points | Bars | Band | Heat | Text


@dataclass(frozen=True)
class Plot:
    """Traces between two axes. ``alt`` says what is seen, for whoever cannot see it."""

    title: str
    x: Axis
    y: Axis
    traces: Sequence[Trace]
    alt: str
    square: bool = False
    type: str = field(default="axes", init=False)


@dataclass(frozen=True)
class Node:
    """A node of a graph at ``column, row``, with what it computes and the texts of its value and gradient.

    An empty ``gradient`` has not been computed yet. ``active`` nodes are those that the present step is
    about.
    """

    label: str
    column: float
    row: float
    value: str
    gradient: str = ""
    is_input: bool = False
    active: bool = False


@dataclass(frozen=True)
class Edge:
    """An arrow between two nodes, given by their places in the list, with the text beside it."""

    source: int
    target: int
    text: str
    active: bool = False


@dataclass(frozen=True)
class Graph:
    """A graph that flows from left to right; where the page is narrow, from top to bottom."""

    title: str
    nodes: Sequence[Node]
    edges: Sequence[Edge]
    alt: str
    type: str = field(default="graph", init=False)


@dataclass(frozen=True)
class Figure:
    """All that a lab shows for one setting of its controls.

    ``message`` is the sentence below the plots, read aloud when it changes. ``highest`` lowers the upper
    end of a :class:`Steps` control for this setting.
    """

    plots: Sequence[Plot | Graph]
    message: str
    highest: Mapping[str, int] = field(default_factory=dict)


def to_plain(thing: Any) -> Any:
    """The description as dicts, lists, numbers and text, ready for JSON.

    Numbers keep 5 significant digits, which is finer than a screen; NaN and infinity become None.
    """
    if is_dataclass(thing):
        return {part.name: to_plain(getattr(thing, part.name)) for part in fields(thing)}
    if isinstance(thing, Mapping):
        return {key: to_plain(value) for key, value in thing.items()}
    if isinstance(thing, np.ndarray | np.generic | float):
        return _plain_numbers(np.asarray(thing))
    if isinstance(thing, list | tuple):
        return [to_plain(part) for part in thing]
    return thing


def _plain_numbers(array: np.ndarray) -> Any:
    if array.dtype.kind != "f":
        return array.tolist()
    array = array.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        size = np.where(array == 0, 0, np.floor(np.log10(np.abs(array))))
        scale = 10.0 ** (DIGITS - 1 - size)
        rounded = np.where(np.isfinite(scale), np.round(array * scale) / scale, array)
    plain = rounded.astype(object)
    plain[~np.isfinite(array)] = None
    return plain.tolist()
