"""The networks of the lessons: Keras models, not compiled, with named layers."""

from __future__ import annotations

import keras


def mlp(
    depth: int = 5,
    width: int = 64,
    activation: str = "relu",
    initializer: str | keras.initializers.Initializer = "glorot_uniform",
    *,
    inputs: int = 64,
    outputs: int = 10,
    normalize: bool = False,
) -> keras.Sequential:
    """Build a multilayer perceptron: `depth` hidden layers, then a layer of logits.

    (batch, inputs) → (batch, outputs). The hidden layers are `dense_1`, `dense_2`, ...; the last is `logits`.
    With `normalize`, BatchNormalization `norm_1`, ... stands between each hidden layer and its activation
    `act_1`, ...

    Args:
        depth: number of hidden layers, 0 or more.
        width: units of each hidden layer.
        activation: name of the hidden layers' activation.
        initializer: of all kernels, by name or as an object; each layer draws values of its own.
        inputs: number of features.
        outputs: number of logits.
        normalize: whether to normalize each hidden layer over the batch (Ioffe & Szegedy 2015).
    """
    layers: list[keras.Layer] = []
    for number in range(1, depth + 1):
        hidden = {"kernel_initializer": _own(initializer), "name": f"dense_{number}"}
        if normalize:
            layers += [
                keras.layers.Dense(width, use_bias=False, **hidden),
                keras.layers.BatchNormalization(name=f"norm_{number}"),
                keras.layers.Activation(activation, name=f"act_{number}"),
            ]
        else:
            layers.append(keras.layers.Dense(width, activation, **hidden))
    layers.append(keras.layers.Dense(outputs, kernel_initializer=_own(initializer), name="logits"))
    return keras.Sequential([keras.Input((inputs,)), *layers], name="mlp")


def cnn(
    shape: tuple[int, int, int] = (8, 8, 1),
    filters: tuple[int, ...] = (16, 32),
    width: int = 64,
    *,
    activation: str = "relu",
    outputs: int = 10,
) -> keras.Sequential:
    """Build a small convolutional network: 3×3 convolutions, one pooling, a hidden layer, logits.

    (batch, height, width, channels) → (batch, outputs). The convolutions are `conv_1`, ..., the hidden layer
    is `dense`, the last one is `logits`.

    Args:
        shape: of one image, (height, width, channels).
        filters: channels of each convolution.
        width: units of the hidden layer.
        activation: name of the activation of the convolutions and the hidden layer.
        outputs: number of logits.
    """
    convolutions = [
        keras.layers.Conv2D(channels, 3, padding="same", activation=activation, name=f"conv_{number}")
        for number, channels in enumerate(filters, 1)
    ]
    head = [
        keras.layers.MaxPooling2D(name="pool"),
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(width, activation, name="dense"),
        keras.layers.Dense(outputs, name="logits"),
    ]
    return keras.Sequential([keras.Input(shape), *convolutions, *head], name="cnn")


def _own(initializer: str | keras.initializers.Initializer) -> str | keras.initializers.Initializer:
    """Return an initializer for one layer. In Keras 3 an object draws the same values at each call."""
    return initializer.clone() if isinstance(initializer, keras.initializers.Initializer) else initializer
