"""The widget around a lab, its still, and the browser's drawing of what Python describes."""

import base64
import json
import math
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from course.labs import depth, figure, graph, ladder, neuron, steps
from course.labs.figure import (
    Axis,
    Band,
    Bars,
    Choice,
    Figure,
    Heat,
    Line,
    Plot,
    Points,
    Slider,
    Steps,
    Text,
    to_plain,
)

LABS = {"neuron": neuron, "graph": graph, "steps": steps, "depth": depth, "ladder": ladder}
WIDGET = "application/vnd.jupyter.widget-view+json"
SVG = "{http://www.w3.org/2000/svg}"
HERE = Path(figure.__file__).parent
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


@pytest.fixture(params=LABS)
def lab(request):
    return LABS[request.param].view()


def every_trace():
    x = np.array([1.0, 10.0, 100.0])
    traces = [
        Heat(np.eye(3), 0, 1, name="heat"),
        Band(x, x / 2, 2 * x, "band", 1),
        Line(x, [1.0, np.nan, 3.0], "line", 2),
        *(Points(x, x, mark, 3, mark) for mark in ("circle", "square", "triangle", "cross", "ring")),
        Bars(x, x, "bars", width=0.5),
        Text(10.0, 2.0, "a < b & c"),
    ]
    plot = Plot(
        "every <trace>", Axis("x", 0.5, 200, "log"), Axis("y", 0.5, 200, "log"), traces, 'alt "text" & more'
    )
    return Figure([plot], "message")


# The widget


def test_moving_a_control_computes_a_new_figure(lab):
    before = lab.figure
    slider = next(control for control in lab.controls if control["type"] == "slider")
    lab.values = {**lab.values, slider["name"]: slider["high"]}
    assert lab.figure != before
    json.dumps(lab.figure, allow_nan=False)


def test_each_control_has_a_label_and_a_value_that_it_can_show(lab):
    for control in lab.controls:
        value = lab.values[control["name"]]
        assert control["label"]
        if control["type"] == "choice":
            assert value in control["options"]
        else:
            position = math.log10(value) if control.get("scale") == "log" else value
            assert control.get("low", 0) <= position <= control["high"]


def test_the_bundle_has_the_widget_a_still_and_a_short_stable_text(lab):
    data, metadata = lab._repr_mimebundle_()
    assert set(data) == {"text/plain", WIDGET, "image/png"}
    assert data["text/plain"] == repr(lab) == f"Lab: {lab.title}"
    png = base64.b64decode(data["image/png"])
    assert png.startswith(b"\x89PNG\r\n") and len(png) < 80_000
    width, height = struct.unpack(">II", png[16:24])
    assert 400 <= width <= 1200 and 250 <= height <= 600
    assert lab.figure["message"] in metadata["image/png"]["alt"]


def test_the_still_is_the_same_each_time_and_follows_the_controls(lab):
    still = lab.still()
    assert lab.still() == still
    slider = next(control for control in lab.controls if control["type"] == "slider")
    lab.values = {**lab.values, slider["name"]: slider["low"]}
    assert lab.still() != still


def test_a_still_can_hold_every_trace():
    from course.labs.still import draw

    assert draw(every_trace(), "every trace", "").startswith(b"\x89PNG")


def test_the_names_that_are_shown():
    assert repr(neuron.view()) == "Lab: a neuron and its decision boundary"
    assert repr(graph.view()) == "Lab: values flow forward, gradients flow back"


def test_computing_a_lab_needs_no_widgets():
    heavy = "{'anywidget', 'ipywidgets', 'matplotlib'}"
    code = f"import sys, course.labs.neuron, course.labs.graph; print({heavy} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=environment) == "set()\n"


# The description


def test_numbers_are_short_and_what_is_not_finite_is_a_gap():
    numbers = np.array([1 / 3, 0.0, np.nan, -np.inf, 1.23456789e-30, -2.5])
    assert to_plain(numbers) == [0.33333, 0.0, None, None, pytest.approx(1.2346e-30, rel=1e-9, abs=0), -2.5]
    assert to_plain({"a": (np.float32(0.1), np.int64(3), "text", True)}) == {"a": [0.1, 3, "text", True]}


def test_a_description_becomes_plain_data():
    assert to_plain(Slider("w", "w", -1, 1, 0.1, 0.0))["type"] == "slider"
    assert to_plain(Choice("c", "c", ("a", "b"), "a"))["options"] == ["a", "b"]
    assert to_plain(Steps("s", "s", 3))["value"] == 0
    assert to_plain(every_trace())["plots"][0]["traces"][2]["y"] == [1.0, None, 3.0]


# The browser's side


def in_node(expression, **given):
    """What an expression over the drawing functions gives, with a stand-in for the browser's canvas."""
    source = "".join((HERE / name).read_text(encoding="utf-8") for name in ("axes.js", "graph.js"))
    canvas = """
      const document = { createElement: () => ({
        getContext: () => ({
          createImageData: (w, h) => ({ data: new Uint8ClampedArray(4 * w * h) }),
          putImageData() {},
        }),
        toDataURL: () => "data:image/png;base64,",
      }) };
    """
    names = "".join(f"const {name} = {json.dumps(value)};" for name, value in given.items())
    run = subprocess.run(
        ["node", "--input-type=module"],
        input=f"{canvas}{source}{names}console.log(JSON.stringify({expression}));",
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def parse(svg):
    return ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


@needs_node
def test_the_script_parses_as_one_module(tmp_path):
    whole = tmp_path / "lab.mjs"
    whole.write_text(neuron.view()._esm, encoding="utf-8")
    subprocess.run(["node", "--check", whole], check=True)


@needs_node
def test_every_trace_is_drawn_with_its_title_and_text_alternative():
    plot = to_plain(every_trace())["plots"][0]
    drawn = parse(in_node("drawAxes(plot, 400, 'a')", plot=plot))
    assert drawn.get("role") == "img"
    assert drawn.find(f"{SVG}title").text == "every <trace>"
    assert drawn.find(f"{SVG}desc").text == 'alt "text" & more'
    assert len(drawn.findall(f".//{SVG}circle")) == 6
    assert len(drawn.findall(f".//{SVG}image")) == 1
    assert "a < b & c" in [text.text for text in drawn.iter(f"{SVG}text")]
    legend = in_node("drawLegend(plot)", plot=plot)
    assert legend.count("<li>") == 9


@needs_node
@pytest.mark.parametrize("width", [250, 400, 900])
def test_a_plot_stays_inside_its_width(width):
    plot = to_plain(neuron.show("XOR", 1.0, 1.0, -0.5))["plots"][0]
    drawn = parse(in_node("drawAxes(plot, width, 'a')", plot=plot, width=width))
    assert float(drawn.get("width")) <= width
    circles = [circle.get("fill") for circle in drawn.iter(f"{SVG}circle")]
    assert len(circles) == 3 and circles.count("none") == 1  # two of class 1, one ring


@needs_node
@pytest.mark.parametrize(("width", "wide"), [(250, False), (500, False), (1000, True)])
@pytest.mark.parametrize("expression", graph.EXPRESSIONS)
def test_a_graph_fits_and_no_two_boxes_touch(expression, width, wide):
    plot = to_plain(graph.show(expression, 1.5, -1.0, 0.5, 1.0, 3))["plots"][0]
    drawn = parse(in_node("drawGraph(plot, width, 'a')", plot=plot, width=width))
    assert float(drawn.get("width")) <= width
    assert (float(drawn.get("width")) > float(drawn.get("height"))) == wide
    boxes = [
        [float(box.get(key)) for key in ("x", "y", "width", "height")] for box in drawn.iter(f"{SVG}rect")
    ]
    assert len(boxes) == len(plot["nodes"])
    for i, (x, y, w, h) in enumerate(boxes):
        assert x >= 0 and x + w <= width
        for other in boxes[:i]:
            apart = (
                other[0] >= x + w or x >= other[0] + other[2] or other[1] >= y + h or y >= other[1] + other[3]
            )
            assert apart
    texts = [text.text for text in drawn.iter(f"{SVG}text")]
    assert {f"value {node['value']}" for node in plot["nodes"]} <= set(texts)
    assert {edge["text"] for edge in plot["edges"]} <= set(texts)


@needs_node
@pytest.mark.parametrize(
    ("number", "text"),
    [(0.1 + 0.2, "0.3"), (-5, "−5"), (0, "0"), (0.00012345, "1.23e−4"), (123456, "1.23e5")],
)
def test_numbers_read_well_in_the_browser(number, text):
    assert in_node("numeral(number)", number=number) == text


@needs_node
def test_ticks_are_round_and_lie_within_the_axis():
    ticks = in_node("linearTicks(-0.5, 1.5, 4)")
    assert [tick["text"] for tick in ticks] == ["−0.5", "0", "0.5", "1", "1.5"]
    assert [tick["at"] for tick in in_node("logTicks(-8, 1, 5)")] == [-8, -6, -4, -2, 0]
    assert len(in_node("logTicks(0.1, 0.6, 5)")) >= 2


@needs_node
def test_an_axis_without_limits_holds_all_that_is_drawn():
    plot = Plot("t", Axis("x"), Axis("y"), [Bars([0, 1], [5, 2]), Line([0, 1], [3.0, 9.0])], "alt")
    low, high = in_node("limits(plot.y, 'y', plot.traces)", plot=to_plain(plot))
    assert low == 0 and high > 9
    assert in_node("limits(plot.y, 'y', [])", plot=to_plain(plot)) == pytest.approx([-0.04, 1.04])
