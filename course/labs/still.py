"""A lab's figure as a PNG, for pages without a kernel: the same description that ``lab.js`` draws."""

from __future__ import annotations

import io
import textwrap

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import FancyBboxPatch

from course.labs.figure import Edge, Figure, Graph, Node, Plot, Trace

COLORS = ("#005f9e", "#b34700", "#00704f", "#8b3a73")
SHADES = ("#7bb3d9", "#efb184")
DASHES = ("-", "--", ":", "-.")
MARKERS = {"circle": "o", "square": "s", "triangle": "^", "cross": "x", "ring": "o"}
DPI = 80
PLOT_WIDTH, PLOT_HEIGHT = 4.8, 3.4
NODE_WIDTH, NODE_HEIGHT = 0.76, 0.72
STYLE = {"font.size": 10, "font.family": "DejaVu Sans", "axes.titlesize": 10, "axes.titlelocation": "left"}


def draw(figure: Figure, title: str, settings: str) -> bytes:
    """The figure as a PNG: the title and the controls' settings above, the message below."""
    wide = [plot.type == "graph" for plot in figure.plots]
    width = max(6.4, sum(9.0 if graph else PLOT_WIDTH for graph in wide))
    letters = int(width * 13)
    words = (f"Lab: {title}. Run this cell to move its controls.", settings, figure.message)
    first, second, foot = (textwrap.fill(text, letters) for text in words)
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(width, PLOT_HEIGHT + 1.1), dpi=DPI, layout="constrained")
        canvas.suptitle(f"{first}\n{second}", x=0.01, ha="left", fontsize=10)
        canvas.supxlabel(foot, x=0.01, ha="left", fontsize=10)
        for axes, plot in zip(
            canvas.subplots(1, len(figure.plots), squeeze=False)[0], figure.plots, strict=True
        ):
            axes.set_title(plot.title)
            if isinstance(plot, Graph):
                _draw_graph(axes, plot)
            else:
                _draw_plot(axes, plot)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw_plot(axes: Axes, plot: Plot) -> None:
    axes.set(xlabel=plot.x.label, ylabel=plot.y.label, xscale=plot.x.scale, yscale=plot.y.scale)
    axes.set_xlim(plot.x.low, plot.x.high, auto=True)  # shades fill what is set here
    axes.set_ylim(plot.y.low, plot.y.high, auto=True)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if plot.square:
        axes.set_box_aspect(1)
    for trace in plot.traces:
        _draw_trace(axes, trace)
    axes.autoscale_view()
    axes.set_xlim(plot.x.low, plot.x.high)
    axes.set_ylim(plot.y.low, plot.y.high)
    if any(getattr(trace, "name", "") for trace in plot.traces):
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=9)


def _draw_trace(axes: Axes, trace: Trace) -> None:
    kind, name = trace.type, getattr(trace, "name", "") or None
    tint = COLORS[getattr(trace, "color", 0) % len(COLORS)]
    if kind == "line":
        axes.plot(trace.x, trace.y, color=tint, linestyle=DASHES[trace.color % len(DASHES)], label=name)
    elif kind == "points":
        ring = trace.marker == "ring"
        look = {"facecolors": "none", "edgecolors": tint, "linewidths": 2} if ring else {"color": tint}
        axes.scatter(
            trace.x, trace.y, 220 if ring else 60, marker=MARKERS[trace.marker], label=name, zorder=3, **look
        )
    elif kind == "bars":
        axes.bar(trace.x, trace.height, trace.width, color=tint, label=name)
    elif kind == "band":
        axes.fill_between(trace.x, trace.low, trace.high, color=tint, alpha=0.22, linewidth=0, label=name)
    elif kind == "text":
        axes.text(trace.x, trace.y, trace.text)
    else:
        _draw_heat(axes, trace)


def _draw_heat(axes: Axes, heat: Trace) -> None:
    """Shades that fill the axes; their limits must have been set."""
    middle = heat.low if heat.middle is None else heat.middle
    z = np.asarray(heat.z, dtype=float)
    above, below = (z - middle) / (heat.high - middle), (middle - z) / max(middle - heat.low, 1e-12)
    shades = LinearSegmentedColormap.from_list("shades", [SHADES[1], "white", SHADES[0]])
    share = np.clip(np.where(z >= middle, above, -below), -1, 1)
    extent = (*axes.get_xlim(), *axes.get_ylim())
    axes.imshow(share, shades, vmin=-1, vmax=1, extent=extent, origin="lower", aspect="auto")


def _draw_graph(axes: Axes, graph: Graph) -> None:
    axes.set_axis_off()
    axes.set_xlim(-0.5, max(node.column for node in graph.nodes) + 0.5)
    axes.set_ylim(max(node.row for node in graph.nodes) + 0.5, -0.5)
    for edge in graph.edges:
        _draw_edge(axes, edge, graph.nodes[edge.source], graph.nodes[edge.target])
    for node in graph.nodes:
        _draw_node(axes, node)


def _draw_node(axes: Axes, node: Node) -> None:
    corner = (node.column - NODE_WIDTH / 2, node.row - NODE_HEIGHT / 2)
    rounding = "square,pad=0" if node.is_input else "round,pad=0,rounding_size=0.12"
    look = (
        {"edgecolor": COLORS[1], "linewidth": 2.5}
        if node.active
        else {"edgecolor": "#767676", "linewidth": 1.2}
    )
    axes.add_patch(
        FancyBboxPatch(corner, NODE_WIDTH, NODE_HEIGHT, boxstyle=rounding, facecolor="white", **look)
    )
    words = {"ha": "center", "va": "center"}
    axes.text(node.column, node.row - 0.22, f"value {node.value}", color=COLORS[0], fontsize=8.5, **words)
    axes.text(node.column, node.row, node.label, weight="bold", **words)
    axes.text(
        node.column, node.row + 0.22, f"grad {node.gradient or '…'}", color=COLORS[1], fontsize=8.5, **words
    )


def _draw_edge(axes: Axes, edge: Edge, source: Node, target: Node) -> None:
    """As in ``graph.js``: an edge over several columns keeps its row and bends in the last one."""
    start, end = source.column + NODE_WIDTH / 2, target.column - NODE_WIDTH / 2
    bend = max(start, target.column - 1 + NODE_WIDTH / 2)
    tint, width = (COLORS[1], 2.5) if edge.active else ("#767676", 1.2)
    arrow = {
        "arrowstyle": "<|-" if edge.active else "-|>",
        "color": tint,
        "linewidth": width,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.plot([start, bend], [source.row, source.row], color=tint, linewidth=width)
    axes.annotate("", (end, target.row), (bend, source.row), arrowprops=arrow)
    middle = ((bend + end) / 2, (source.row + target.row) / 2 - 0.08)
    axes.text(
        *middle,
        edge.text,
        ha="center",
        fontsize=8.5,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    )
