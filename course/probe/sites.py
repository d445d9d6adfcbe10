"""Where the probe looks: the layers of a model, and what each of their calls gives.

A *site* is one call of one layer in one forward pass. A shared layer that is called twice makes two sites.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

# These layers only move numbers about, or cast them. Their statistics are those of the layer before.
_MOVERS = (
    keras.layers.InputLayer,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.RepeatVector,
    keras.layers.Identity,
)
# The ranges of the activations that saturate. An LSTM or a GRU ends in a product and is not among them.
_RANGES = {
    keras.activations.tanh: (-1.0, 1.0),
    keras.activations.sigmoid: (0.0, 1.0),
}
# TensorFlow operations that round differently when they are fused with the bias before them.
_FUSED = ("Tanh", "Sigmoid", "Elu")
# Keras computes the loss of these from their input, so that no gradient comes through their output.
_READ_BEFORE = (keras.activations.softmax, keras.activations.sigmoid)


class CannotProbe(Exception):
    """The model, or the way it is trained, can't be probed. The text says what and why."""


@dataclass
class Call:
    """One call of a layer: its output, and the logits when the loss may read these instead."""

    layer: keras.Layer
    output: tf.Tensor
    again: Callable[[], Any]
    logits: tf.Tensor | None = None

    def shown(self) -> tf.Tensor:
        """Return the output for measuring, so that looking does not change how it is computed.

        TensorFlow computes a sum with a bias and the tanh after it in one go, and rounds differently, unless
        somebody else reads the sum. In this case the layer is called a second time, for the probe alone.
        """
        if not self.is_fused():
            return self.output
        if self.layer.non_trainable_variables:
            raise CannotProbe(
                f"TensorFlow fuses the layer {self.layer.name!r} with the activation after it, and the layer "
                "has a state, so it can't be called twice for measuring: put the activation inside the layer."
            )
        return _first_float(self.again())

    def is_fused(self) -> bool:
        """Say whether TensorFlow may compute the output and the activation after it in one go."""
        if not hasattr(self.output, "graph") or self.output.op.type != "BiasAdd":
            return False
        return any(operation.type in _FUSED for operation in self.output.consumers())


def leaves(model: keras.Model) -> list[keras.Layer]:
    """Return the layers of `model` and of the models inside it, in order, each once.

    Layers that only move numbers about (Flatten, Reshape, ...) are left out.
    A layer built from other layers is one layer.
    """
    found: dict[int, keras.Layer] = {}
    for layer in model.layers:
        inner = leaves(layer) if isinstance(layer, keras.Model) and layer.layers else [layer]
        for leaf in inner:
            if not isinstance(leaf, _MOVERS):
                found[id(leaf)] = leaf
    return list(found.values())


def keeps_batch(model: keras.Model) -> bool:
    """Say whether every output in `model` surely has the batch on its first axis.

    Only Keras's own layers, in a Sequential or functional model without bare operations, promise that.
    """
    graph = getattr(model, "operations", None)
    if graph is None and isinstance(model, keras.Sequential):
        graph = model.layers
    if graph is None:
        return False
    return all(
        keeps_batch(part) if isinstance(part, keras.Model) else _is_keras_layer(part) for part in graph
    )


def _is_keras_layer(part: Any) -> bool:
    own = type(part).__module__.split(".")[0] == "keras"
    return own and isinstance(part, keras.Layer) and not isinstance(part, keras.layers.Lambda)


def saturation_range(layer: keras.Layer) -> tuple[float, float] | None:
    """Return the lowest and the highest output of a saturating activation; None for any other layer."""
    if isinstance(layer, (keras.layers.LSTM, keras.layers.GRU)):
        return None
    activation = getattr(layer, "activation", None)
    return next((limits for function, limits in _RANGES.items() if function is activation), None)


def unit_axis(layer: keras.Layer) -> int:
    """Return the axis of the layer's output along which its units, or channels, lie."""
    return 1 if getattr(layer, "data_format", None) == "channels_first" else -1


@contextlib.contextmanager
def recording(layers: list[keras.Layer]) -> Iterator[list[Call]]:
    """Record every call of `layers` within the block.

    The layers get a `call` of their own for the time of the block and lose it at its end,
    also after an exception.
    """
    calls: list[Call] = []
    logits: dict[int, tf.Tensor] = {}
    with contextlib.ExitStack() as undo:
        for layer in layers:
            undo.enter_context(_attribute(layer, "call", _recorder(layer, calls, logits)))
            if vars(layer).get("activation") in _READ_BEFORE:
                undo.enter_context(_attribute(layer, "activation", _listener(layer, logits)))
        yield calls


@contextlib.contextmanager
def _attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Give `owner` the attribute in its own `__dict__`, past the tracking of Keras, then take it back."""
    missing = object()
    before = vars(owner).get(name, missing)
    vars(owner)[name] = value
    try:
        yield
    finally:
        if before is missing:
            del vars(owner)[name]
        else:
            vars(owner)[name] = before


def _recorder(layer: keras.Layer, calls: list[Call], logits: dict[int, tf.Tensor]) -> Any:
    call = layer.call

    @functools.wraps(call)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        output = _first_float(outputs)
        if output is not None:
            read = logits.pop(id(layer), None)
            if read is None and isinstance(layer, keras.layers.Softmax):
                read = _first_float(args)
            calls.append(Call(layer, output, functools.partial(call, *args, **kwargs), read))
        return outputs

    return recorded


def _listener(layer: keras.Layer, logits: dict[int, tf.Tensor]) -> Any:
    activation = layer.activation

    @functools.wraps(activation)
    def heard(x: tf.Tensor) -> tf.Tensor:
        logits[id(layer)] = x
        return activation(x)

    return heard


def _first_float(outputs: Any) -> tf.Tensor | None:
    """Return the first dense tensor of floats: of an LSTM with states, its output."""
    for output in keras.tree.flatten(outputs):
        if isinstance(output, tf.Tensor) and output.dtype.is_floating and output.shape.rank:
            return output
    return None
