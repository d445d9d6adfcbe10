"""The teaching code of lesson 05 agrees with Keras: initializers by statistics, passes by numbers."""

import ast

import numpy as np
import pytest

from course.build.source import read
from course.lessons.initialization import checks
from course.syllabus import find

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

SHAPES = [(300, 200), (3, 3, 32, 48), (60, 700)]


def defined(name, file="lesson.md"):
    """The function ``name`` of the notebook, and the constants that it needs. Keeps the code of solutions."""
    cells = [cell.text for cell in read(find("05").folder / file) if cell.kind == "code"]
    tree = ast.parse(next(text for text in cells if f"def {name}(" in text))
    kept = [part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name == name]
    kept = [part for part in tree.body if isinstance(part, ast.Assign) and _is_constant(part)] + kept
    space = {"np": np}
    exec(compile(ast.Module(kept, []), name, "exec"), space)
    return space[name]


def _is_constant(part):
    return all(isinstance(target, ast.Name) and target.id.isupper() for target in part.targets)


def sample_error(values, kurtosis):
    return 6 * np.sqrt((kurtosis - 1) / values.size)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "file", "theirs", "kurtosis"),
    [
        ("he_normal", "exercises.md", "HeNormal", 3.0),
        ("glorot_uniform", "exercises.md", "GlorotUniform", 1.8),
    ],
)
def test_mean_and_variance_are_those_of_keras(shape, name, file, theirs, kurtosis):
    ours = defined(name, file)(shape, np.random.default_rng(0))
    keras_ones = np.array(getattr(keras.initializers, theirs)(seed=0)(shape))
    assert ours.shape == keras_ones.shape
    error = sample_error(ours, kurtosis)
    assert ours.var() / keras_ones.var() == pytest.approx(1, abs=2 * error)
    for values in (ours, keras_ones):
        assert abs(values.mean()) < 6 * values.std() / np.sqrt(values.size)


def test_keras_cuts_its_normal_off_at_two_standard_deviations_and_ours_is_not_cut():
    """Keras draws from a truncated normal and widens it, so that the variance stays 2 / fan_in."""
    shape = (300, 200)
    ours = defined("he_normal", "exercises.md")(shape, np.random.default_rng(0))
    keras_ones = np.array(keras.initializers.HeNormal(seed=0)(shape))
    std = np.sqrt(2 / 300)
    assert np.abs(keras_ones).max() <= 2 * std / 0.8796 * 1.001
    assert np.abs(ours).max() > 3 * std


@pytest.mark.parametrize("shape", [(64, 64), (40, 90), (90, 40)])
def test_orthogonal_has_the_singular_values_of_keras(shape):
    ours = defined("orthogonal")(np.random.default_rng(0), *shape)
    keras_ones = np.array(keras.initializers.Orthogonal(gain=np.sqrt(2), seed=0)(shape))
    for kernel in (ours, keras_ones):
        np.testing.assert_allclose(np.linalg.svd(kernel, compute_uv=False), np.sqrt(2), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "theirs"), [("glorot", "GlorotUniform"), ("he", "HeNormal"), ("lecun", "LecunNormal")]
)
def test_the_rungs_of_the_lesson_have_the_variance_of_keras(name, theirs):
    ours = defined(name)(np.random.default_rng(1), 300, 200)
    keras_ones = np.array(getattr(keras.initializers, theirs)(seed=1)((300, 200)))
    assert ours.var() / keras_ones.var() == pytest.approx(1, abs=2 * sample_error(ours, 3))


@pytest.mark.parametrize("activation", ["linear", "tanh", "ReLU"])
def test_forward_backward_agrees_with_gradient_tape(activation):
    rng = np.random.default_rng(2)
    kernels = [rng.normal(size=shape) / 2 for shape in ((6, 5), (5, 7), (7, 3))]
    x, y = rng.normal(size=(8, 6)), rng.integers(3, size=8)
    loss, h, errors, gradients = defined("forward_backward")(kernels, x, y, activation)

    act = {"linear": tf.identity, "tanh": tf.tanh, "ReLU": tf.nn.relu}[activation]
    variables = [tf.Variable(kernel) for kernel in kernels]
    with tf.GradientTape() as tape:
        first = act(x @ variables[0])
        second = act(first @ variables[1])
        scores = tf.nn.sparse_softmax_cross_entropy_with_logits(y, second @ variables[2])
        expected = tf.reduce_mean(scores)
    their_errors, their_gradients = tape.gradient(expected, ([first, second], variables[:2]))
    assert loss == pytest.approx(expected.numpy(), rel=1e-9)
    for ours, theirs in zip(
        [*h, *errors, *gradients], [first, second, *their_errors, *their_gradients], strict=True
    ):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-8, atol=1e-12)


def test_the_simulation_that_judges_variances_agrees_with_theory():
    rng = np.random.default_rng(3)
    measured, error = checks._measured_variance([30, 20, 25], [2 / 30, 2 / 20, 2 / 25], "relu", rng)
    assert abs(measured - 2.0) < 6 * error
    measured, error = checks._measured_variance([30, 20], [0.05, 0.1], "linear", rng)
    assert abs(measured - 3.0) < 6 * error
    assert error < 0.005 * measured


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_drawing_z_is_the_same_as_drawing_kernels(activation):
    """The judge draws each layer's z. Here are the kernels themselves, of 2000 networks."""
    rng, fan_in, variances = np.random.default_rng(4), [30, 20, 25], [0.05, 0.1, 0.06]
    h = rng.normal(size=(2000, 1, fan_in[0]))
    for n, variance, units in zip(fan_in, variances, [*fan_in[1:], 16], strict=True):
        z = h @ (rng.normal(size=(2000, n, units)) * np.sqrt(variance))
        h = np.maximum(z, 0) if activation == "relu" else z
    squares = (z**2).mean(axis=(1, 2))
    measured, error = checks._measured_variance(fan_in, variances, activation, rng)
    assert abs(squares.mean() - measured) < 6 * np.hypot(error, squares.std() / np.sqrt(2000))
    assert squares.std() / np.sqrt(2000) == pytest.approx(error * np.sqrt(checks.NETWORKS / 2000), rel=0.3)


def test_numpy_exercises_are_judged_without_tensorflow():
    import subprocess
    import sys

    code = (
        "import sys, numpy as np\n"
        "from course import notebook\n"
        "from course.check import judge, local_call\n"
        "for exercise in notebook.exercises('05').values():\n"
        "    judge(exercise, local_call(exercise, lambda *args: args[0]), 0)\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
