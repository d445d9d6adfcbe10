"""What the probe measures, against gradients and statistics computed independently."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from course.probe import Probe, examine
from tests.probe.models import IMAGES, LOGITS, SEQUENCES, X, Y, branched, convolutional, dense, recurrent


def _by_hand(model, x, y, loss):
    """Return outputs, errors and weight gradients of a Sequential model, layer after layer under a tape."""
    outputs, h = [], tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        for layer in model.layers:
            h = layer(h, training=True) if isinstance(layer, keras.layers.BatchNormalization) else layer(h)
            outputs.append(h)
        value = tf.reduce_mean(loss(y, h))
    weights = model.trainable_weights
    found = tape.gradient(value, [w.value for w in weights] + outputs)
    return outputs, found[len(weights) :], found[: len(weights)]


def _mean_cosine(h):
    rows = np.reshape(h, (len(h), -1)).astype("float64")
    lengths = np.linalg.norm(rows, axis=1)
    units = rows[lengths > 0] / lengths[lengths > 0, None]
    products = units @ units.T
    return (products.sum() - np.trace(products)) / (len(units) * (len(units) - 1))


def _check(vitals, at, outputs, errors, rtol=2e-5):
    for number, (h, delta) in enumerate(zip(outputs, errors, strict=True)):
        h, delta = np.asarray(h, "float64"), np.asarray(delta, "float64")
        expected = {
            "mean": h.mean(),
            "signal": h.std(),
            "zeros": (h == 0).mean(),
            "cosine": _mean_cosine(h),
            "signal_norm": np.linalg.norm(h),
            "error": delta.std(),
            "error_norm": np.linalg.norm(delta),
        }
        for sign, value in expected.items():
            np.testing.assert_allclose(getattr(vitals, sign)[at, number], value, rtol, 1e-7, err_msg=sign)


@pytest.mark.parametrize(
    ("build", "x"),
    [(dense, X[:14]), (convolutional, IMAGES), (recurrent, SEQUENCES)],
    ids=["dense", "convolution", "recurrent"],
)
def test_examine_agrees_with_a_tape(build, x):
    model, y = build(), Y[:14]
    before = [variable.numpy() for variable in model.variables]
    vitals = examine(model, x, y, LOGITS)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    outputs, errors, gradients = _by_hand(model, x, y, LOGITS)
    kept = [n for n, layer in enumerate(model.layers) if not isinstance(layer, keras.layers.Flatten)]
    assert list(vitals.layers) == [model.layers[n].name for n in kept]
    _check(vitals, 0, [outputs[n] for n in kept], [errors[n] for n in kept])
    norms = [np.linalg.norm(gradient) for gradient in gradients]
    np.testing.assert_allclose(vitals.gradient_norm[0], norms, 1e-5)
    assert np.isnan(vitals.update_ratio).all()


def test_probe_agrees_with_a_tape_before_each_update():
    keras.utils.set_random_seed(1)
    model = dense("tanh")
    model.compile(keras.optimizers.SGD(0.1), LOGITS)
    seen = []
    with Probe(model, every=1) as vitals:
        for _ in range(3):
            before = [weight.numpy() for weight in model.trainable_weights]
            seen.append((*_by_hand(model, X, Y, LOGITS), before))
            model.train_on_batch(X, Y)
    for step, (outputs, errors, gradients, before) in enumerate(seen):
        _check(vitals, step, outputs, errors)
        norms = [np.linalg.norm(gradient) for gradient in gradients]
        np.testing.assert_allclose(vitals.gradient_norm[step], norms, 1e-5)
        lengths = np.array([np.linalg.norm(weight) for weight in before])
        moved = lengths > 0
        ratios = (0.1 * np.array(norms))[moved] / lengths[moved]
        np.testing.assert_allclose(vitals.update_ratio[step][moved], ratios, 1e-3)
        assert np.isnan(vitals.update_ratio[step][~moved]).all()
        for name, delta in zip(vitals.layers, errors, strict=True):
            np.testing.assert_allclose(vitals.unit_error[name][step], np.abs(delta).mean(0), 1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), batch=st.integers(2, 9), width=st.integers(1, 6))
def test_examine_agrees_with_numpy(seed, batch, width):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(batch, 4)), rng.normal(size=(batch, 2))
    model = keras.Sequential(
        [keras.Input((4,), dtype="float64"), keras.layers.Dense(width, "tanh", dtype="float64")]
        + [keras.layers.Dense(2, dtype="float64")]
    )
    vitals = examine(model, x, y, "mse")
    (w1, b1), (w2, b2) = (layer.get_weights() for layer in model.layers)
    h = np.tanh(x @ w1 + b1)
    out = h @ w2 + b2
    d_out = 2 * (out - y) / out.size
    d_h = d_out @ w2.T
    d_z = d_h * (1 - h**2)
    _check(vitals, 0, [h, out], [d_h, d_out], rtol=1e-9)
    gradients = (x.T @ d_z, d_z.sum(0), h.T @ d_out, d_out.sum(0))
    np.testing.assert_allclose(vitals.gradient_norm[0], [np.linalg.norm(g) for g in gradients], 1e-9)
    np.testing.assert_allclose(vitals.saturation[0, 0], (1 - h**2 < 0.05).mean())
    assert np.isnan(vitals.saturation[0, 1])


def test_the_error_of_a_softmax_is_that_of_its_logits():
    model = dense(activation="softmax")
    vitals = examine(model, X, Y, "sparse_categorical_crossentropy")
    wrong = (model.predict(X, verbose=0) - np.eye(3)[Y]) / len(X)
    np.testing.assert_allclose(vitals.error_norm[0, -1], np.linalg.norm(wrong), 1e-5)


def test_a_shared_layer_has_a_row_for_each_call():
    model = branched()
    vitals = examine(model, X, None, lambda y, out: tf.reduce_mean(out[0] ** 2) + tf.reduce_mean(out[1]))
    assert vitals.layers[:4] == ("shared", "between", "shared#2", "sum")
    assert set(vitals.layers[4:]) == {"inside", "classes", "value"}
    value = vitals.layers.index("value")
    probe = keras.Model(model.inputs, model.get_layer("between").input)
    np.testing.assert_allclose(vitals.signal[0, 0], probe(X).numpy().std(), 1e-5)
    # The output "value" enters the loss as a mean over 27 numbers, so its error is a constant.
    np.testing.assert_allclose(vitals.error_norm[0, value], 27**-0.5, 1e-5)
    assert vitals.error[0, value] == pytest.approx(0, abs=1e-9)


def test_the_loss_scale_is_taken_out():
    def gradients(scale):
        keras.utils.set_random_seed(2)
        model = dense()
        optimizer = keras.optimizers.SGD(0.1)
        model.compile(keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=scale), LOGITS)
        with Probe(model, every=1) as vitals:
            model.fit(X, Y, batch_size=27, verbose=0, shuffle=False)
        return vitals

    one, many = gradients(1.0), gradients(1024.0)
    for sign in ("gradient_norm", "error", "error_norm", "update_ratio", "loss"):
        np.testing.assert_allclose(getattr(many, sign), getattr(one, sign), 1e-5, err_msg=sign)
    for name in one.layers:
        np.testing.assert_allclose(many.unit_moving_error[name], one.unit_moving_error[name], 1e-5)
        np.testing.assert_allclose(
            many.histogram(name, "error")[1], one.histogram(name, "error")[1], 1e-4, 1e-9
        )


def test_gradients_are_those_before_clipping():
    model = dense()
    model.compile(keras.optimizers.SGD(0.1, global_clipnorm=1e-3), LOGITS)
    expected = examine(model, X, Y, LOGITS).gradient_norm[0]
    with Probe(model, every=1) as vitals:
        model.fit(X, Y, batch_size=27, verbose=0, shuffle=False)
    np.testing.assert_allclose(vitals.gradient_norm[0], expected, 1e-5)


def test_class_weights_weigh_the_errors():
    model = dense()
    model.compile("sgd", LOGITS)
    with Probe(model, every=1) as vitals:
        model.fit(X, Y, batch_size=27, verbose=0, class_weight={0: 0.0, 1: 0.0, 2: 0.0})
    np.testing.assert_array_equal(vitals.error_norm, 0)


@settings(max_examples=6, deadline=None)
@given(factor=st.floats(0.3, 3))
def test_factors_of_a_linear_chain(factor):
    identity = keras.initializers.Identity(factor)
    layers = [keras.layers.Dense(6, use_bias=False, kernel_initializer=identity) for _ in range(6)]
    model = keras.Sequential([keras.Input((6,)), *layers])
    vitals = examine(model, X, np.zeros_like(X), "mse")
    np.testing.assert_allclose([vitals.signal_factor[0], vitals.error_factor[0]], factor, 1e-4)


def test_a_small_spread_beside_a_large_mean_keeps_its_digits():
    images = 1000 + IMAGES
    model = keras.Sequential(
        [keras.Input((6, 6, 2)), keras.layers.AveragePooling2D(1), keras.layers.Flatten()]
    )
    model.add(keras.layers.Dense(3))
    model.compile("sgd", LOGITS)
    with Probe(model, every=1) as vitals:
        model.fit(images, Y[:14], batch_size=14, verbose=0)
    np.testing.assert_allclose(vitals.signal[0, 0], images.astype("float64").std(), 1e-4)


def test_very_small_signals_do_not_vanish_in_the_measuring():
    scaled = keras.initializers.Identity(1e-6)
    layers = [keras.layers.Dense(6, use_bias=False, kernel_initializer=scaled) for _ in range(4)]
    vitals = examine(keras.Sequential([keras.Input((6,)), *layers]), X, X, "mse")
    np.testing.assert_allclose(vitals.signal[0, -1], X.std() * 1e-24, 1e-4)
