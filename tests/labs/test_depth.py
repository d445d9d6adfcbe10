"""Lesson 04's lab: its signal, error and gradients are those of automatic differentiation, and its verdict follows."""

import numpy as np
import pytest

from course.labs import depth
from course.labs.still import draw


@pytest.mark.parametrize("activation", depth.ACTIVATIONS)
def test_every_layer_agrees_with_gradient_tape(activation):
    import tensorflow as tf

    layers, scale = 6, 1.3
    found = depth.compute(layers, activation, scale)
    x, kernels, error = depth._draws(int(depth.CONTROLS[0].high))
    functions = {"linear": tf.identity, "relu": tf.nn.relu, "tanh": tf.tanh, "sigmoid": tf.sigmoid}
    variables = [tf.Variable(scale * kernel) for kernel in kernels[:layers]]
    with tf.GradientTape() as tape:
        outputs = [tf.constant(x)]
        for variable in variables:
            outputs.append(functions[activation](outputs[-1] @ variable))
            tape.watch(outputs[-1])
        loss = tf.reduce_sum(outputs[-1] * error)
    errors, gradients = tape.gradient(loss, [outputs[1:], variables])
    np.testing.assert_allclose(found["signal"], [h.numpy().std() for h in outputs[1:]], rtol=1e-9)
    np.testing.assert_allclose(found["error"], [d.numpy().std() for d in errors], rtol=1e-9)
    np.testing.assert_allclose(found["gradient"], [np.linalg.norm(g) for g in gradients], rtol=1e-9)


@pytest.mark.parametrize(
    ("activation", "scale", "verdict"),
    [
        ("linear", 0.5, "vanishes"),
        ("linear", 1.0, "stays level"),
        ("relu", 1.0, "vanishes"),
        ("relu", 1.4, "stays level"),
        ("relu", 2.0, "explodes"),
        ("sigmoid", 1.0, "vanishes"),
    ],
)
def test_the_verdict_follows_from_scale_and_slope(activation, scale, verdict):
    figure = depth.show(30, activation, scale)
    assert figure.message.endswith(f"it {verdict}.")
    assert figure.plots[0].alt.endswith(f"it {verdict}.")


def test_the_extremes_of_the_sliders_can_be_drawn():
    for layers in (2, 50):
        for activation in depth.ACTIVATIONS:
            for scale in (0.2, 3.0):
                assert depth.show(layers, activation, scale).plots[0].traces


def test_the_still_is_a_small_picture():
    picture = draw(depth.show(20, "relu", 1.0), "a lab", "20 layers")
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 60_000
