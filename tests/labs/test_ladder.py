"""Lesson 05's lab: its numbers are those of Keras and GradientTape, and its verdict follows."""

import itertools

import numpy as np
import pytest

from course.labs import ladder
from course.labs.still import draw

SHAPES = ladder.CONTROLS[-1].options


@pytest.mark.parametrize("initializer", ladder.INITIALIZERS)
@pytest.mark.parametrize(
    ("activation", "shape"), [("tanh", SHAPES[1]), ("ReLU", SHAPES[0]), ("linear", SHAPES[1])]
)
def test_every_layer_agrees_with_keras_and_gradient_tape(initializer, activation, shape):
    import keras
    import tensorflow as tf

    depth, width = 5, 32
    found = ladder.compute(initializer, activation, depth, width, shape)
    x, _, _, error = ladder._draws()
    outputs = [tf.constant(x[:, :width])]
    with tf.GradientTape() as tape:
        tape.watch(outputs[0])
        for layer, units in enumerate(found["units"]):
            dense = keras.layers.Dense(int(units), activation.lower(), use_bias=False, dtype="float64")
            dense.build(outputs[-1].shape)
            dense.kernel.assign(
                ladder.kernel(initializer, activation, layer, outputs[-1].shape[1], int(units))
            )
            outputs.append(dense(outputs[-1]))
        loss = tf.reduce_sum(outputs[-1] * error[:, : int(units)])
    errors = [error.numpy() for error in tape.gradient(loss, outputs[1:])]
    signals = [h.numpy() for h in outputs[1:]]
    np.testing.assert_allclose(found["signal"], [h.std() for h in signals], rtol=1e-9)
    np.testing.assert_allclose(found["error"], [d.std() for d in errors], rtol=1e-9)
    for key, values in (("signal_histogram", signals), ("error_histogram", errors)):
        for column, value in zip(found[key].T, values, strict=True):
            assert column.sum() == pytest.approx(1)
            inside = np.abs(value[(np.abs(value) >= 1e-1) & (np.abs(value) < 1)])
            bins = slice(*np.searchsorted(ladder.EDGES, [-1, 0]))
            assert column[bins].sum() == pytest.approx(inside.size / np.count_nonzero(value), abs=2e-3)


@pytest.mark.parametrize(
    ("initializer", "activation", "up", "down"),
    [
        ("fixed, std 0.05", "ReLU", "h shrinks", "δ shrinks"),
        ("LeCun", "tanh", "h stays level", "δ stays level"),
        ("Glorot", "ReLU", "h shrinks", "δ shrinks"),
        ("He", "ReLU", "h stays level", "δ stays level"),
        ("orthogonal", "linear", "h stays level", "δ stays level"),
        ("constant 0.02", "ReLU", "h grows", "δ grows"),
    ],
)
def test_the_verdict_of_each_rung(initializer, activation, up, down):
    figure = ladder.show(initializer, activation, 20, 64, SHAPES[0])
    assert f"Going up, {up}" in figure.message
    assert f"Going down, {down}" in figure.message
    assert up in figure.plots[0].alt
    assert down in figure.plots[1].alt


def test_orthogonal_kernels_keep_every_length_exactly():
    found = ladder.compute("orthogonal", "linear", 20, 64, SHAPES[0])
    np.testing.assert_allclose(found["signal"], found["signal"][0], rtol=1e-2)
    kernel = ladder.kernel("orthogonal", "linear", 3, 48, 20)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(20), atol=1e-12)


def test_where_layers_narrow_lecun_keeps_h_and_glorot_splits_the_bill():
    lecun, glorot = (ladder.compute(name, "linear", 10, 128, SHAPES[1]) for name in ("LeCun", "Glorot"))
    assert abs(np.log(lecun["signal_factor"])) < abs(np.log(glorot["signal_factor"]))
    assert abs(np.log(glorot["error_factor"])) < abs(np.log(lecun["error_factor"]))


def test_all_settings_can_be_drawn():
    names = ladder.INITIALIZERS, ladder.ACTIVATIONS, (2, ladder.LAYERS), (16, ladder.UNITS), SHAPES
    for setting in itertools.product(*names):
        figure = ladder.show(*setting)
        assert "nan" not in figure.message


def test_the_still_is_a_small_picture():
    picture = draw(ladder.show("He", "ReLU", 12, 64, SHAPES[0]), "a lab", "He")
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 60_000
