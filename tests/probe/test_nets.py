"""The networks that the lessons use."""

import keras
import numpy as np
import pytest

from course import nets


def test_an_mlp_has_named_layers_and_logits():
    model = nets.mlp(3, 5, "tanh", inputs=4, outputs=2)
    assert [layer.name for layer in model.layers] == ["dense_1", "dense_2", "dense_3", "logits"]
    assert model(np.zeros((7, 4), "float32")).shape == (7, 2)
    assert model.layers[0].activation is keras.activations.tanh
    assert model.layers[-1].activation is keras.activations.linear
    assert not model.compiled


def test_without_hidden_layers_an_mlp_is_linear():
    assert [layer.name for layer in nets.mlp(0).layers] == ["logits"]


def test_normalization_stands_before_the_activation():
    names = [layer.name for layer in nets.mlp(1, normalize=True).layers]
    assert names == ["dense_1", "norm_1", "act_1", "logits"]


@pytest.mark.parametrize("initializer", ["he_normal", keras.initializers.RandomNormal(stddev=0.1)])
def test_each_layer_draws_values_of_its_own(initializer):
    first, second = nets.mlp(2, 6, initializer=initializer, inputs=6).layers[:2]
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])


def test_a_cnn_has_named_layers_and_logits():
    model = nets.cnn((6, 6, 2), (3, 4), outputs=5)
    assert [layer.name for layer in model.layers] == [
        "conv_1",
        "conv_2",
        "pool",
        "flatten",
        "dense",
        "logits",
    ]
    assert model(np.zeros((2, 6, 6, 2), "float32")).shape == (2, 5)
