"""The teaching code of lesson 02 agrees with TensorFlow to float precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course import notebook
from course.check.oracles import gradient, log_softmax
from course.lessons.backward_pass import planted
from course.lessons.backward_pass.tape import Var, dense, mean, sigmoid, tanh

tf = pytest.importorskip("tensorflow")
SIZES = st.integers(1, 5)


@settings(max_examples=25, deadline=None)
@given(batch=SIZES, inputs=SIZES, units=SIZES, seed=st.integers(0, 2**32 - 1))
def test_the_tape_gives_the_gradients_of_gradient_tape(batch, inputs, units, seed):
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=shape) for shape in ((batch, inputs), (inputs, units), (units,), (batch, units))]

    x, kernel, bias, gate = ours = [Var(value) for value in values]
    hidden = tanh(dense(x, kernel, bias))
    loss = mean(sigmoid(hidden * gate + hidden) - hidden)
    loss.backward()

    theirs = [tf.Variable(value) for value in values]
    with tf.GradientTape() as tape:
        hidden = tf.tanh(theirs[0] @ theirs[1] + theirs[2])
        expected = tf.reduce_mean(tf.sigmoid(hidden * theirs[3] + hidden) - hidden)
    assert loss.value == pytest.approx(expected.numpy(), rel=1e-12)
    for var, grad in zip(ours, tape.gradient(expected, theirs), strict=True):
        np.testing.assert_allclose(var.grad, grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["dense_backward", "relu_backward", "softmax_cross_entropy_backward"])
def test_the_central_differences_that_judge_agree_with_tensorflow(name):
    """The oracle itself is measured: were it wrong, every check would be."""
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1])
    functions = {
        "dense_backward": (
            lambda v: float((v @ np.ones((3, 2))).sum()),
            lambda v: tf.reduce_sum(v @ tf.ones((3, 2), v.dtype)),
        ),
        "relu_backward": (lambda v: float(np.maximum(v, 0).sum()), lambda v: tf.reduce_sum(tf.nn.relu(v))),
        "softmax_cross_entropy_backward": (
            lambda v: float(-log_softmax(v)[np.arange(4), labels].mean()),
            lambda v: tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, v)),
        ),
    }
    in_numpy, in_tensorflow = functions[name]
    tensor = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        value = in_tensorflow(tensor)
    np.testing.assert_allclose(gradient(in_numpy, x), tape.gradient(value, tensor).numpy(), atol=1e-8)


def test_two_of_the_planted_functions_are_wrong_by_a_gradient_check():
    """Which ones is measured here, not stated: the check measures it too."""
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    forward = {
        "tanh_backward": (tf.tanh, dy),
        "softmax_backward": (tf.nn.softmax, dy),
        "mean_square_backward": (lambda v: tf.reduce_mean(v**2, axis=1), dy[:, 0]),
        "centre_backward": (lambda v: v - tf.reduce_mean(v, axis=0), dy),
    }
    wrong = []
    for name, (function, upstream) in forward.items():
        tensor = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            y = function(tensor)
        expected = tape.gradient(y, tensor, output_gradients=tf.constant(upstream)).numpy()
        if not np.allclose(getattr(planted, name)(x, upstream), expected, rtol=1e-10):
            wrong.append(name)
    assert wrong == ["softmax_backward", "centre_backward"]


def test_numpy_exercises_are_judged_without_tensorflow():
    import subprocess
    import sys

    code = (
        "import sys, numpy as np\n"
        "from course import notebook\n"
        "from course.check import judge, local_call\n"
        "for exercise in notebook.exercises('02').values():\n"
        "    judge(exercise, local_call(exercise, lambda *args: args[0] if args else {}), 0)\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert notebook.exercises("02")
