"""The graph's backward pass against central differences."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.labs import graph

expressions = st.sampled_from(sorted(graph.EXPRESSIONS))
inputs = st.tuples(*[st.floats(-3, 3).map(lambda value: round(value, 1))] * 3, st.floats(0, 1))


def loss(expression, w, x, b, y):
    p = 1 / (1 + math.exp(-(w * x + b)))
    return (p - y) ** 2 if expression == graph.NEURON else (w * p - y) ** 2


def place(expression, name):
    return [node.name for node in graph.EXPRESSIONS[expression]].index(name)


@given(expressions, inputs)
def test_the_forward_pass_ends_in_the_loss(expression, given_inputs):
    assert graph.compute(expression, *given_inputs)["values"][-1] == pytest.approx(
        loss(expression, *given_inputs)
    )


@given(expressions, inputs)
def test_the_inputs_gradients_are_those_of_central_differences(expression, given_inputs):
    gradients = graph.compute(expression, *given_inputs)["gradients"][-1]
    for i, name in enumerate("wxby"):
        above, below = (list(given_inputs) for _ in range(2))
        above[i] += 1e-5
        below[i] -= 1e-5
        slope = (loss(expression, *above) - loss(expression, *below)) / 2e-5
        assert gradients[place(expression, name)] == pytest.approx(slope, rel=1e-5, abs=1e-8)


@given(expressions, inputs)
def test_each_local_derivative_is_that_of_its_target_alone(expression, given_inputs):
    found = graph.compute(expression, *given_inputs)
    nodes = graph.EXPRESSIONS[expression]
    for (source, target), local in zip(graph.edges(expression), found["local"], strict=True):
        arguments = [found["values"][place(expression, name)] for name in nodes[target].parents]
        moved = nodes[target].parents.index(nodes[source].name)
        above, below = list(arguments), list(arguments)
        above[moved] += 1e-5
        below[moved] -= 1e-5
        operation = graph.FORWARD[nodes[target].operation]
        assert local == pytest.approx((operation(*above) - operation(*below)) / 2e-5, rel=1e-5, abs=1e-8)


def test_the_gradient_arrives_node_by_node_from_the_end():
    names = np.array([node.name for node in graph.EXPRESSIONS[graph.NEURON]])
    gradients = graph.compute(graph.NEURON, 1.5, -1.0, 0.5, 1.0)["gradients"]
    known = ["".join(names[~np.isnan(row)]) for row in gradients]
    assert known == ["", "L", "eL", "pyeL", "zpyeL", "buzpyeL", "wxbuzpyeL"]


def test_a_node_used_twice_adds_what_it_is_sent():
    found = graph.compute(graph.TIED, 1.5, -1.0, 0.5, 1.0)
    w = place(graph.TIED, "w")
    sent = [
        sent for (source, _), sent in zip(graph.edges(graph.TIED), found["sent"], strict=True) if source == w
    ]
    assert len(sent) == 2
    assert found["gradients"][-1][w] == pytest.approx(sum(sent))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (0, "Forward: each node computes its value, up to L = 0.356. Next sends the gradient back."),
        (1, "The backward pass starts at the end: the derivative of L by itself is 1."),
        (2, "L = e² hands its gradient back: e gets 1 × −1.19 = −1.19."),
        (
            7,
            "u = w · x hands its gradient back: w gets −0.352 × −1 = 0.352, added to −0.321: 0.031; "
            "x gets −0.352 × 1.5 = −0.528.",
        ),
    ],
)
def test_each_step_is_told_in_numbers(step, message):
    assert graph.show(graph.TIED, 1.5, -1.0, 0.5, 1.0, step).message == message


@pytest.mark.parametrize(("expression", "last"), [(graph.NEURON, 6), (graph.TIED, 7)])
def test_the_last_step_leaves_no_gradient_open_and_is_where_the_button_stops(expression, last):
    figure = graph.show(expression, 1.5, -1.0, 0.5, 1.0, 7)
    assert figure.highest == {"step": last}
    assert all(node.gradient for node in figure.plots[0].nodes)


def test_the_step_shows_which_edges_and_nodes_it_is_about():
    drawn = graph.show(graph.NEURON, 1.5, -1.0, 0.5, 1.0, 3).plots[0]
    assert [node.label for node in drawn.nodes if node.active] == ["p = σ(z)", "y"]
    assert {drawn.nodes[edge.target].label for edge in drawn.edges if edge.active} == {"e = p − y"}


def test_a_minus_is_a_minus_and_zero_has_none():
    assert [graph.number(value) for value in (-0.5, -0.0, 1234.5)] == ["−0.5", "0", "1.23e+03"]
