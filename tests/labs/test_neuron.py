"""The neuron's numbers against independent oracles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.labs import neuron

datasets = st.sampled_from(sorted(neuron.LABELS))
weights = st.floats(-5, 5).map(lambda value: round(value, 1))


@given(datasets, weights, weights, weights)
def test_probability_errors_and_loss_point_by_point(dataset, w1, w2, bias):
    found = neuron.compute(dataset, w1, w2, bias)
    losses, errors = [], 0
    for (x1, x2), probability in zip(neuron.POINTS, found["probability"], strict=True):
        label = {"AND": x1 and x2, "OR": x1 or x2, "XOR": x1 != x2}[dataset]
        wanted = 1 / (1 + math.exp(-(w1 * x1 + w2 * x2 + bias)))
        assert probability == pytest.approx(wanted, rel=1e-12)
        losses.append(-math.log(wanted if label else 1 - wanted))
        errors += (w1 * x1 + w2 * x2 + bias > 0) != bool(label)
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-9)
    assert found["errors"] == found["wrong"].sum() == errors


@given(weights, weights, weights)
def test_the_line_is_where_the_neuron_says_one_half_and_spans_the_frame(w1, w2, bias):
    line = neuron.compute("AND", w1, w2, bias)["line"]
    corners = [w1 * a + w2 * b + bias for a in (neuron.LOW, neuron.HIGH) for b in (neuron.LOW, neuron.HIGH)]
    if min(corners) < -1e-9 and max(corners) > 1e-9:
        assert line.shape == (2, 2)
    if min(corners) > 1e-9 or max(corners) < -1e-9 or w1 == w2 == 0:
        assert line.shape == (0, 2)
    for x1, x2 in line:
        assert w1 * x1 + w2 * x2 + bias == pytest.approx(0, abs=1e-8)
        assert min(abs(part - end) for part in (x1, x2) for end in (neuron.LOW, neuron.HIGH)) < 1e-9


def test_the_shades_agree_with_the_neuron_at_the_middle_of_a_cell():
    found = neuron.compute("AND", 2.0, -3.0, 0.5)
    side = (neuron.HIGH - neuron.LOW) / neuron.CELLS
    x1, x2 = neuron.LOW + 30.5 * side, neuron.LOW + 4.5 * side
    assert found["grid"][4, 30] == pytest.approx(1 / (1 + math.exp(-(2 * x1 - 3 * x2 + 0.5))))


@pytest.mark.parametrize(("dataset", "fewest"), [("AND", 0), ("OR", 0), ("XOR", 1)])
def test_the_sliders_can_solve_and_and_or_but_never_xor(dataset, fewest):
    steps = np.arange(-5, 5.5, 0.5)
    errors = {
        int(neuron.compute(dataset, a, b, c)["errors"]) for a in steps for b in steps for c in steps[::2]
    }
    assert min(errors) == fewest


def test_the_message_and_the_alt_text_say_what_is_wrong():
    figure = neuron.show("XOR", 1.0, 1.0, -0.5)
    assert figure.message == "1 of 4 points is on the wrong side. Loss 0.781."
    assert "wrong side: (1, 1)" in figure.plots[0].alt
    assert neuron.show("AND", 3.0, 3.0, -4.5).message.startswith("0 of 4 points are on the wrong side.")
