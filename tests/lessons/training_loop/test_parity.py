"""The oracles and the teaching code of lesson 03 agree with Keras' own training step."""

import numpy as np
import pytest

from course.lessons.training_loop import checks

keras = pytest.importorskip("keras")
RNG = np.random.default_rng(3)


def cross_entropy():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def fitted(model, x, labels, lr):
    """The loss of a batch, after which Keras' own SGD has moved the weights."""
    model.compile(keras.optimizers.SGD(lr), cross_entropy())
    return model.train_on_batch(x, labels)


def test_the_step_by_central_differences_is_that_of_keras():
    weights = checks._layer_weights(RNG, (3, 4, 3))
    batches = [checks._batch(RNG, 6, 3, 3) for _ in range(2)]
    got = checks._keras_steps(fitted, weights, batches, 0.3)
    losses, want = checks._after(weights, batches, 0.3)
    np.testing.assert_allclose(got["losses"], losses, rtol=1e-5)
    for w, expected in zip(got["weights"], want, strict=True):
        np.testing.assert_allclose(w, expected, atol=1e-5)


def test_the_normalized_loop_by_central_differences_is_fit():
    def fit(model, x, labels, x_val, labels_val, batch_size, epochs, lr):
        model.compile(keras.optimizers.SGD(lr), cross_entropy())
        data = (x_val, labels_val)
        history = model.fit(x, labels, batch_size, epochs, verbose=0, shuffle=False, validation_data=data)
        return history.history["val_loss"]

    shapes = ((3, 3), 3, 3, 3, 3, (3, 3), 3)
    weights = [RNG.uniform(0.5, 1.5, size=shape).astype("float32") for shape in shapes]
    x, labels = checks._batch(RNG, 7, 3, 3)
    arguments = (weights, x, labels, x[:4] + 1, labels[:4], 3, 2, 0.3)
    got = checks._normalized_model(fit, *arguments)
    losses, want = checks._loop_b(*arguments)
    np.testing.assert_allclose(got["validation"], losses, rtol=1e-4)
    for w, expected in zip(got["weights"], want, strict=True):
        np.testing.assert_allclose(w, expected, atol=1e-4)


def test_the_noise_of_batches_is_that_of_the_theorem():
    per_sample = RNG.normal(size=(20, 3)) * [1.0, 2.0, 3.0]
    rows = RNG.random((20_000, 20)).argsort(axis=1)[:, :6]
    squares = ((per_sample[rows].mean(axis=1) - per_sample.mean(axis=0)) ** 2).sum(axis=1)
    assert squares.mean() == pytest.approx(per_sample.var(axis=0).sum() / 6 * 14 / 19, rel=0.05)


def test_numpy_exercises_are_judged_without_tensorflow():
    import subprocess
    import sys

    code = (
        "import sys, numpy as np\n"
        "from course import notebook\n"
        "from course.check import judge, local_call\n"
        "from tests.lessons.training_loop.answers import RIGHT\n"
        "for name in ('minibatches', 'sgd_step', 'gradient_noise', 'repair_loop_a'):\n"
        "    exercise = notebook.exercises('03')['03.' + name]\n"
        "    outcome = judge(exercise, local_call(exercise, RIGHT[exercise.id][0]), 0)\n"
        "    assert outcome.status == 'passed', outcome\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
