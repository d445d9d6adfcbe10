"""The vital signs of one batch, without training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from course.probe import look, sites, statistics
from course.probe.record import Record
from course.probe.sites import CannotProbe
from course.probe.vitals import Vitals


def examine(model: keras.Model, x: Any, y: Any, loss: str | keras.losses.Loss | Callable[..., Any]) -> Vitals:
    """Take the vital signs of `model` on one batch: forward and backward pass, and no update.

    The model need not be compiled and stays as it is: the moving averages of BatchNormalization and the
    seeds of Dropout are put back. The layers run as in training. Squares are summed in float64, so that
    very small signals and errors do not vanish in the measuring.

    Args:
        model: a Keras 3 model on the TensorFlow backend.
        x: inputs, (batch, ...), or a structure of such arrays.
        y: targets, as the loss expects them.
        loss: the name of a Keras loss, a Keras loss object, or a function of (y, y_pred). What it gives is
            averaged, and the model's own losses (regularizers) are added, as `fit` does.

    Returns:
        Vitals with one sample: every array has one row. `update_ratio` is NaN.

    Raises:
        CannotProbe: the model's layers can't be listed or seen. The text says which and why.
    """
    if not isinstance(model, keras.Model):
        raise CannotProbe(f"examine was given a {type(model).__name__} and needs a keras.Model.")
    x, y = (keras.tree.map_structure(_tensor, part) for part in (x, y))
    if not model.built:
        model(x)
    states = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    try:
        record = _look(model, x, y, keras.losses.get(loss))
    finally:
        for variable, state in states:
            variable.assign(state)
    return Vitals(record)


def _look(model: keras.Model, x: Any, y: Any, function: Callable[..., Any]) -> Record:
    with tf.GradientTape() as tape:
        with sites.recording(sites.leaves(model)) as calls:
            y_pred = look.forward(model, x)
        loss = tf.reduce_mean(function(y, y_pred))
        for extra in model.losses:
            loss += tf.cast(extra, loss.dtype)
    calls = look.visible(calls, loss)
    weights = model.trainable_weights
    gradients, errors = look.gradients_of(tape, loss, weights, calls)
    values = [tf.convert_to_tensor(weight.value) for weight in weights]
    suspects = look.suspects_of(model, values, (x, y), calls, loss, errors, gradients)
    record = Record()
    record.plan = look.make_plan(model, calls, errors, [suspect for suspect, _ in suspects])
    measured = look.measure(record.plan, calls, errors, tf.float64)
    norms = statistics.weight_norms(gradients, values, None, tf.float64)
    record.add(0, look.pack(loss, 1.0, measured, norms), [group.some_values() for group in measured])
    record.flush()
    record.accuse(0, [look.tensor_of(part).numpy() for _, part in suspects])
    return record


def _tensor(array: Any) -> tf.Tensor | None:
    return None if array is None else tf.convert_to_tensor(array)
