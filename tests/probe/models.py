"""The models that the probe is tried on: small, and of every kind."""

import keras
import numpy as np

L = keras.layers
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
RNG = np.random.default_rng(3)
X = RNG.normal(size=(27, 6)).astype("float32")
Y = RNG.integers(0, 3, 27)
IMAGES = RNG.normal(size=(14, 6, 6, 2)).astype("float32")
SEQUENCES = RNG.normal(size=(14, 5, 3)).astype("float32")
TOKENS = RNG.integers(0, 7, (14, 5))


def dense(hidden="relu", **output):
    layers = [
        L.Dense(7, hidden, name="one"),
        L.Dense(5, hidden, name="two"),
        L.Dense(3, name="three", **output),
    ]
    return keras.Sequential([keras.Input((6,)), *layers])


def apart():
    """Activations and normalization as layers of their own: TensorFlow may fuse what lies between."""
    parts = [keras.Input((6,))]
    for activation in ("relu", "tanh", "sigmoid", "elu", "gelu", "leaky_relu"):
        parts += [L.Dense(9), L.Activation(activation)]
    return keras.Sequential(
        [*parts, L.Dense(8), L.BatchNormalization(), L.ReLU(), L.Dropout(0.3), L.Dense(3)]
    )


def convolutional():
    return keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            L.Conv2D(4, 3),
            L.BatchNormalization(),
            L.Activation("relu"),
            L.Conv2D(5, 3, activation="relu", padding="same"),
            L.DepthwiseConv2D(2, activation="tanh"),
            L.MaxPooling2D(),
            L.Flatten(),
            L.Dense(3),
        ]
    )


def branched():
    """A shared layer, called twice, a model in the model, and two outputs."""
    shared = L.Dense(5, "tanh", name="shared")
    inner = keras.Sequential([keras.Input((5,)), L.Dense(4, "relu", name="inside")], name="inner")
    x = keras.Input((6,))
    first = shared(x)
    second = shared(L.Dense(6, name="between")(first))
    merged = L.Add(name="sum")([first, second])
    return keras.Model(x, [L.Dense(3, name="classes")(inner(merged)), L.Dense(1, name="value")(merged)])


def recurrent():
    return keras.Sequential([keras.Input((5, 3)), L.LSTM(4, return_sequences=True), L.GRU(3), L.Dense(3)])


def embedded():
    return keras.Sequential([keras.Input((5,)), L.Embedding(7, 4), L.SimpleRNN(4), L.Dense(3, "softmax")])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = L.Dense(6, "relu", kernel_regularizer="l2", name="first")
        self.steps = [L.Dense(6, "tanh", name="step_a"), L.Dense(6, "sigmoid", name="step_b")]
        self.out = L.Dense(3, name="out")

    def call(self, x):
        x = self.first(x)
        for step in self.steps:
            x = step(x) + x
        return self.out(x)
