"""The training with the probe is the training without it, to the last bit."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from course.probe import Probe
from tests.probe.models import (
    IMAGES,
    LOGITS,
    SEQUENCES,
    TOKENS,
    Subclassed,
    X,
    Y,
    apart,
    branched,
    convolutional,
    dense,
    embedded,
    recurrent,
)


def _compiled(build, loss=LOGITS, optimizer="adam", **options):
    def make():
        model = build()
        chosen = optimizer() if callable(optimizer) else optimizer
        model.compile(chosen, loss, **options)
        return model

    return make


def _half_precision():
    policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    layers = [keras.layers.Dense(7, "relu", dtype=policy), keras.layers.Dense(3, dtype="float32")]
    model = keras.Sequential([keras.Input((6,)), *layers])
    # At this scale the first gradients overflow, so that a skipped step is among the tried ones.
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(), initial_scale=2.0**20), LOGITS)
    return model


def _clipped(**clipping):
    return lambda: keras.optimizers.SGD(0.5, momentum=0.9, **clipping)


def _with_softmax():
    return dense("sigmoid", activation="softmax")


def _accumulated():
    return keras.optimizers.AdamW(0.01, weight_decay=0.1, gradient_accumulation_steps=2)


TWO = {"classes": LOGITS, "value": "mse"}
IMAGE_CLASSES = Y[:14]
WEIGHTS = np.linspace(0, 2, 27)
CASES = {
    "dense": (_compiled(dense, metrics=["accuracy"]), (X, Y), {}),
    "softmax, read as logits": (_compiled(_with_softmax, "sparse_categorical_crossentropy"), (X, Y), {}),
    "activations apart": (_compiled(apart), (X, Y), {}),
    "convolution": (_compiled(convolutional, metrics=["accuracy"]), (IMAGES, IMAGE_CLASSES), {}),
    "branches": (_compiled(branched, TWO), (X, {"classes": Y, "value": X[:, :1]}), {}),
    "recurrent": (_compiled(recurrent), (SEQUENCES, IMAGE_CLASSES), {}),
    "embedding": (_compiled(embedded, "sparse_categorical_crossentropy"), (TOKENS, IMAGE_CLASSES), {}),
    "subclassed": (_compiled(Subclassed), (X, Y), {}),
    "half precision": (_half_precision, (X, Y), {}),
    "class weights": (_compiled(dense), (X, Y), {"class_weight": {0: 1.0, 1: 5.0, 2: 0.2}}),
    "sample weights": (_compiled(dense, weighted_metrics=["accuracy"]), (X, Y), {"sample_weight": WEIGHTS}),
    "clipped by norm": (_compiled(dense, optimizer=_clipped(clipnorm=0.1)), (X, Y), {}),
    "clipped by global norm": (_compiled(dense, optimizer=_clipped(global_clipnorm=0.1)), (X, Y), {}),
    "clipped by value": (_compiled(dense, optimizer=_clipped(clipvalue=0.01)), (X, Y), {}),
    "accumulated": (_compiled(dense, optimizer=_accumulated), (X, Y), {}),
    "validation": (_compiled(dense, metrics=["accuracy"]), (X, Y), {"validation_split": 0.3}),
    "eager": (_compiled(dense, run_eagerly=True), (X, Y), {}),
}


def _train(make, data, options, every):
    keras.utils.set_random_seed(5)
    model = make()
    fit = {"batch_size": 4, "epochs": 2, "verbose": 0} | options
    if every is None:
        return model.fit(*data, **fit).history, model, None
    with Probe(model, every=every) as vitals:
        return model.fit(*data, **fit).history, model, vitals


@pytest.mark.parametrize("case", CASES)
def test_same_bits(case):
    history, plain, _ = _train(*CASES[case], None)
    probed_history, probed, vitals = _train(*CASES[case], 2)
    assert list(probed_history) == list(history)
    assert probed_history == history
    states = (model.variables + model.optimizer.variables for model in (plain, probed))
    for one, other in zip(*states, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), strict=True)
    assert set(vitals.steps % 2) == {0}
    assert vitals.first_nonfinite is None
    assert np.isfinite(vitals.signal).all()
    assert (vitals.loss > 0).all()


def _generated():
    """A dataset that doesn't say how long it is."""
    spec = (tf.TensorSpec((None, 6), tf.float32), tf.TensorSpec((None,), tf.int64))
    return tf.data.Dataset.from_generator(_batches, output_signature=spec)


def _batches():
    for start in range(0, 27, 4):
        yield X[start : start + 4], Y[start : start + 4]


def _batch_by_batch(model):
    return [float(model.train_on_batch(*batch)) for batch in _batches()]


WAYS = {
    "generated": lambda model: model.fit(_generated(), epochs=2, verbose=0).history,
    "without an end": lambda model: model.fit(_generated().repeat(), steps_per_epoch=9, verbose=0).history,
    "from Python": lambda model: model.fit(_batches(), verbose=0).history,
    "batch by batch": _batch_by_batch,
}


@pytest.mark.parametrize("way", WAYS)
def test_same_bits_however_the_data_come(way):
    _compare(WAYS[way], tf.distribute.get_strategy())


def test_same_bits_on_a_device_that_was_chosen():
    _compare(WAYS["generated"], tf.distribute.OneDeviceStrategy("CPU"))


def _compare(train, strategy):
    losses = []
    for every in (None, 2):
        keras.utils.set_random_seed(5)
        with strategy.scope():
            model = dense()
            model.compile("adam", LOGITS)
        with contextlib.nullcontext() if every is None else Probe(model, every=every):
            losses.append(train(model))
    assert losses[0] == losses[1]
