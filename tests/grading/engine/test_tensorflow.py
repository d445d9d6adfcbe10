"""Keras and TensorFlow work behind the walls, in a process forked from one that imported them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from course.check import Exercise, expect
from course.grading.engine import Engine, Limits, Submission

HINTS = ("Read the exercise again.", "Ask the tape.")


def dense_model(kernel):
    import keras

    model = keras.Sequential(
        [keras.Input(kernel.shape[:1]), keras.layers.Dense(kernel.shape[1], use_bias=False)]
    )
    model.set_weights([kernel])
    return model


def with_model(function, kernel, x, y):
    """Make the model in the solver out of plain data."""
    return function(dense_model(kernel), x, y)


gradients = Exercise("95.gradients", "model, x, y", HINTS, drive=with_model)
train = Exercise("95.train", "x, y", HINTS)


@gradients.case("a dense layer")
def _(call, rng):
    x, kernel = rng.normal(size=(5, 3)).astype("float32"), rng.normal(size=(3, 2)).astype("float32")
    y = x @ kernel + 1
    got = expect.numbers(call(kernel, x, y)[0], "the gradient")
    expect.array(got, x.T @ (2 * (x @ kernel - y)) / y.size, "the gradient", rtol=1e-4)


@train.case("a loss that falls")
def _(call, rng):
    losses = expect.numbers(call(rng.normal(size=(64, 4)), rng.normal(size=(64, 1))), "the losses")
    expect.true(losses[-1] < losses[0], "The loss does not fall.")


IMPORTS = "import numpy as np\nimport tensorflow as tf\nimport keras"
GRADIENTS = """def gradients(model, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
    return tape.gradient(loss, model.trainable_variables)"""
TRAIN = """def train(x, y):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(16).prefetch(1), epochs=3, verbose=1)
    model.save("model.keras")
    return model.evaluate(x, y, verbose=0), keras.saving.load_model("model.keras").evaluate(x, y) - 1"""


@pytest.fixture(scope="module", params=[True, False], ids=["namespaces", "Landlock alone"])
def engine(request):
    exercises = {exercise.id: exercise for exercise in (gradients, train)}
    with Engine(
        exercises=lambda lesson: exercises, namespaces=request.param, limits=Limits(exercise_seconds=60)
    ) as engine:
        yield engine


def test_keras_and_tensorflow_work_behind_the_walls(engine):
    result = engine.grade(Submission("ada", "95", (IMPORTS, GRADIENTS, TRAIN)), 1)
    found = {exercise.id: exercise for exercise in result.exercises}
    assert found["95.gradients"].status == "passed", found["95.gradients"]
    if "namespaces" in result.isolation:  # there alone is a scratch folder to save in
        assert found["95.train"].status == "passed", found["95.train"]
    wrong = engine.grade(Submission("bob", "95", (IMPORTS, GRADIENTS.replace("** 2", "** 3"))), 1)
    assert [exercise.status for exercise in wrong.exercises] == ["not passed", "not attempted"]


def test_a_zygote_that_ran_an_operation_is_noticed():
    code = """
import tensorflow as tf
from course.grading.zygote import _has_run_operations
assert not _has_run_operations()
assert not _has_run_operations()
tf.constant(1.0)
assert _has_run_operations()
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[-500:]


def test_tensorflow_can_be_imported_where_nobody_expected_it():
    exercise = Exercise("94.one", "x", HINTS)

    @exercise.case("a number")
    def _(call, rng):
        expect.number(call(2.0), 4.0, "one(x)")

    cells = ("name = 'tensor' + 'flow'\ntf = __import__(name)", "def one(x):\n    return tf.square(x)")
    with Engine(exercises=lambda lesson: {"94.one": exercise}, limits=Limits(cell_seconds=120)) as engine:
        result = engine.grade(Submission("ada", "94", cells), 1)
        assert list(engine._sources) == ["numpy"]
    assert result.exercises[0].status == "passed", (result.exercises[0], result.note)
    assert np.isfinite(result.seconds)
