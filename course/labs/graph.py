"""Lesson 02's lab: a small loss as a graph, values flowing forward, gradients flowing back, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course.labs.figure import Choice, Edge, Figure, Graph, Node, Slider, Steps

if TYPE_CHECKING:
    from course.labs.view import Lab


@dataclass(frozen=True)
class Place:
    """A node of an expression: its name, its operation on earlier nodes (none for an input), its place."""

    name: str
    operation: str = ""
    parents: tuple[str, ...] = ()
    column: float = 0
    row: float = 1

    @property
    def label(self) -> str:
        """The node in words: ``u = w · x``."""
        if not self.operation:
            return self.name
        return f"{self.name} = {FORMULAS[self.operation].format(*self.parents)}"


def sigmoid(a: float) -> float:
    """1 / (1 + exp(-a)), without overflow."""
    return float(np.exp(-np.logaddexp(0, -a)))


FORMULAS = {"square": "{}²", "sigmoid": "σ({})", "times": "{} · {}", "plus": "{} + {}", "minus": "{} − {}"}
FORWARD = {
    "times": lambda a, b: a * b,
    "plus": lambda a, b: a + b,
    "minus": lambda a, b: a - b,
    "sigmoid": sigmoid,
    "square": lambda a: a * a,
}
# The derivative of each operation by each of its arguments.
LOCAL = {
    "times": lambda a, b: (b, a),
    "plus": lambda a, b: (1.0, 1.0),
    "minus": lambda a, b: (1.0, -1.0),
    "sigmoid": lambda a: (sigmoid(a) * sigmoid(-a),),
    "square": lambda a: (2 * a,),
}

NEURON = "(σ(w·x + b) − y)²"
TIED = "(w·σ(w·x + b) − y)²"
_START = (
    Place("w", row=0),
    Place("x", row=1),
    Place("b", column=1, row=2),
    Place("u", "times", ("w", "x"), 1),
    Place("z", "plus", ("u", "b"), 2),
    Place("p", "sigmoid", ("z",), 3),
)
EXPRESSIONS = {
    NEURON: (
        *_START,
        Place("y", column=3, row=2),
        Place("e", "minus", ("p", "y"), 4),
        Place("L", "square", ("e",), 5),
    ),
    TIED: (
        *_START,
        Place("q", "times", ("w", "p"), 4),
        Place("y", column=4, row=2),
        Place("e", "minus", ("q", "y"), 5),
        Place("L", "square", ("e",), 6),
    ),
}

TITLE = "× beside an arrow: the derivative of the node it points to, by the one it leaves"
CONTROLS = (
    Choice("expression", "L =", tuple(EXPRESSIONS), NEURON),
    Slider("w", "w", -3, 3, 0.1, 1.5),
    Slider("x", "x", -3, 3, 0.1, -1.0),
    Slider("b", "b", -3, 3, 0.1, 0.5),
    Slider("y", "y", 0, 1, 0.1, 1.0),
    Steps("step", "backward step", 7),
)


def edges(expression: str) -> list[tuple[int, int]]:
    """The edges as (source, target) places in the list of nodes, grouped by target."""
    nodes = EXPRESSIONS[expression]
    index = {node.name: i for i, node in enumerate(nodes)}
    return [(index[parent], target) for target, node in enumerate(nodes) for parent in node.parents]


def compute(expression: str, w: float, x: float, b: float, y: float) -> dict[str, np.ndarray]:
    """Forward values, local derivatives, and the gradients after each step of the backward pass.

    Returns
    -------
    dict
        ``values``: shape (nodes,). ``local``: shape (edges,), the derivative of an edge's target by its
        source. ``sent``: shape (edges,), what the target hands back to the source: its gradient times
        ``local``. ``gradients``: shape (steps + 1, nodes), the derivative of L by each node as known after
        each step, NaN before anything has arrived. Row 0 is the forward pass, row 1 has only dL/dL = 1, and
        each further step lets one operation, from the last to the first, hand its gradient back.
    """
    nodes, links = EXPRESSIONS[expression], edges(expression)
    given = {"w": w, "x": x, "b": b, "y": y}
    values: dict[str, float] = {}
    local: list[float] = []
    for node in nodes:
        arguments = [values[parent] for parent in node.parents]
        values[node.name] = FORWARD[node.operation](*arguments) if node.operation else float(given[node.name])
        local += LOCAL[node.operation](*arguments) if node.operation else ()

    present = np.full(len(nodes), np.nan)
    gradients = [present.copy()]
    present[-1] = 1.0
    gradients.append(present.copy())
    sent = np.zeros(len(links))
    for target in _backward_order(expression):
        for edge, (source, of) in enumerate(links):
            if of == target:
                sent[edge] = present[target] * local[edge]
                present[source] = np.nansum([present[source], sent[edge]])
        gradients.append(present.copy())
    return {
        "values": np.array(list(values.values())),
        "local": np.array(local),
        "sent": sent,
        "gradients": np.array(gradients),
    }


def _backward_order(expression: str) -> list[int]:
    """The operations from the last to the first; each has all of its gradient when its turn comes."""
    return [i for i, node in enumerate(EXPRESSIONS[expression]) if node.operation][::-1]


def show(expression: str, w: float, x: float, b: float, y: float, step: int) -> Figure:
    """The figure for one setting of the controls."""
    found = compute(expression, w, x, b, y)
    places, links = EXPRESSIONS[expression], edges(expression)
    last = len(found["gradients"]) - 1
    step = min(step, last)
    acting = _backward_order(expression)[step - 2] if step >= 2 else None
    receivers = {source for source, target in links if target == acting}
    touched = receivers if step >= 2 else {len(places) - 1} if step == 1 else set()
    nodes = [
        Node(
            place.label,
            place.column,
            place.row,
            number(value),
            "" if np.isnan(gradient) else number(gradient),
            is_input=not place.operation,
            active=i in touched,
        )
        for i, (place, value, gradient) in enumerate(
            zip(places, found["values"], found["gradients"][step], strict=True)
        )
    ]
    arrows = [
        Edge(source, target, f"×{number(local)}", active=target == acting)
        for (source, target), local in zip(links, found["local"], strict=True)
    ]
    words = [f"{node.label}, value {node.value}, gradient {node.gradient or 'not yet'}" for node in nodes]
    graph = Graph(TITLE, nodes, arrows, "; ".join(words) + ".")
    return Figure((graph,), _message(expression, found, step), highest={"step": last})


def _message(expression: str, found: dict[str, np.ndarray], step: int) -> str:
    """What happens in this step, in numbers."""
    places, links = EXPRESSIONS[expression], edges(expression)
    if step == 0:
        loss = number(found["values"][-1])
        return f"Forward: each node computes its value, up to L = {loss}. Next sends the gradient back."
    if step == 1:
        return "The backward pass starts at the end: the derivative of L by itself is 1."
    target = _backward_order(expression)[step - 2]
    before, after = found["gradients"][step - 1], found["gradients"][step]
    parts = []
    for (source, of), local, sent in zip(links, found["local"], found["sent"], strict=True):
        if of == target:
            product = f"{number(before[target])} × {number(local)} = {number(sent)}"
            more = f", added to {number(before[source])}: {number(after[source])}"
            parts.append(f"{places[source].name} gets {product}{'' if np.isnan(before[source]) else more}")
    return f"{places[target].label} hands its gradient back: {'; '.join(parts)}."


def number(value: float) -> str:
    """Three significant digits and a true minus sign."""
    return f"{value + 0.0:.3g}".replace("-", "−")


def view() -> Lab:
    """The lab as a widget, for the end of a notebook cell."""
    from course.labs.view import Lab

    return Lab("values flow forward, gradients flow back", CONTROLS, show)
