"""Submissions a second: this course's grader, nbgrader and otter on the same four-exercise Keras assignment.

    python benchmarks/grading.py --submissions 6 --tools /path/to/python-with-nbgrader-and-otter

Each tool grades the same notebooks in one whole run, one at a time, and must give full marks. This course's
grader runs behind all walls that the machine offers; the two others have none. Its first run includes
the start of its processes; the second, warm one is what a class of any size costs per submission.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The exercises: name, the learner's cell, and the same test as an assertion for the two other tools.
IMPORTS = "import numpy as np\nimport tensorflow as tf\nimport keras"
EXERCISES = {
    "softmax": (
        "def softmax(logits):\n"
        "    e = np.exp(logits - logits.max(axis=-1, keepdims=True))\n"
        "    return e / e.sum(axis=-1, keepdims=True)",
        "z = np.random.default_rng(0).normal(size=(4, 3))\n"
        "assert np.allclose(softmax(z), np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))",
    ),
    "make_model": (
        "def make_model(inputs, units):\n"
        "    return keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(units, activation='relu'),\n"
        "                             keras.layers.Dense(1)])",
        "m = make_model(3, 8)\nassert m.count_params() == 41\nassert m(np.zeros((5, 3))).shape == (5, 1)",
    ),
    "gradients": (
        "def gradients(model, x, y):\n"
        "    with tf.GradientTape() as tape:\n"
        "        loss = tf.reduce_mean((model(x) - y) ** 2)\n"
        "    return tape.gradient(loss, model.trainable_variables)",
        "x = np.random.default_rng(1).normal(size=(5, 3)).astype('float32')\ny = np.ones((5, 2), 'float32')\n"
        "m = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, use_bias=False)])\n"
        "k = m.get_weights()[0]\n"
        "assert np.allclose(gradients(m, x, y)[0], x.T @ (2 * (x @ k - y)) / y.size, atol=1e-4)",
    ),
    "train": (
        "def train(x, y):\n"
        "    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation='relu'),\n"
        "                              keras.layers.Dense(1)])\n"
        "    model.compile(keras.optimizers.Adam(0.01), 'mse')\n"
        "    return model.fit(x, y, epochs=3, verbose=0).history['loss']",
        "x = np.random.default_rng(2).normal(size=(128, 4))\n"
        "losses = train(x, x[:, :1])\nassert len(losses) == 3 and losses[-1] < losses[0]",
    ),
}


def exercises(lesson: str) -> dict:
    """The assignment for this course's grader: the same demands, with oracles and inputs drawn anew."""
    import numpy as np

    from course.check import Exercise, expect

    def with_kernel(function, kernel, x, y):
        import keras

        model = keras.Sequential(
            [keras.Input(kernel.shape[:1]), keras.layers.Dense(kernel.shape[1], use_bias=False)]
        )
        model.set_weights([kernel])
        return function(model, x, y)[0]

    def described(function, inputs, units, x):
        model = function(inputs, units)
        return model.count_params(), model(x)

    hints = ("Read the exercise again.", "Look at the lesson.")
    softmax = Exercise("90.softmax", "logits", hints)
    make_model = Exercise("90.make_model", "inputs, units", hints, drive=described)
    gradients = Exercise("90.gradients", "model, x, y", hints, drive=with_kernel)
    train = Exercise("90.train", "x, y", hints)

    @softmax.case("a batch")
    def _(call, rng):
        z = rng.normal(size=(4, 3))
        expect.array(call(z), np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), "softmax")

    @make_model.case("8 units")
    def _(call, rng):
        count, outputs = call(3, 8, np.zeros((5, 3), "float32"))
        expect.number(count, 41, "the number of parameters")
        expect.true(expect.numbers(outputs, "the output").shape == (5, 1), "The output has another shape.")

    @gradients.case("a dense layer")
    def _(call, rng):
        x, kernel = rng.normal(size=(5, 3)).astype("float32"), rng.normal(size=(3, 2)).astype("float32")
        y = np.ones((5, 2), "float32")
        expect.array(call(kernel, x, y), x.T @ (2 * (x @ kernel - y)) / y.size, "the gradient")

    @train.case("a linear target")
    def _(call, rng):
        x = rng.normal(size=(128, 4))
        losses = expect.numbers(call(x, x[:, :1]), "the losses")
        expect.true(losses.shape == (3,) and losses[-1] < losses[0], "The loss does not fall.")

    return {exercise.id: exercise for exercise in (softmax, make_model, gradients, train)}


def course(count: int) -> tuple[float, float, str]:
    """Seconds of a first run with the start of all processes, seconds of a second one, and the isolation."""
    sys.path.insert(0, str(ROOT))
    from course.grading.engine import Engine, Submission

    cells = (IMPORTS, *(solution for solution, _ in EXERCISES.values()))
    seconds = []
    with Engine(exercises=exercises) as engine:
        for _ in range(2):
            began = time.perf_counter()
            for number in range(count):
                # A comment makes each submission its own.
                result = engine.grade(Submission(f"s{number}", "90", (*cells, f"# {number}")), seed=number)
                if [exercise.score for exercise in result.exercises] != [1.0] * 4:
                    raise SystemExit(f"This grader does not give full marks: {result}")
            seconds.append(time.perf_counter() - began)
    return *seconds, result.isolation


def nbgrader(count: int, python: str, folder: Path) -> float:
    """Seconds of one `nbgrader autograde`."""
    import nbformat
    from nbformat import v4

    def cell(source, name, grade):
        found = v4.new_code_cell(source)
        found.metadata["nbgrader"] = {
            "grade_id": name, "grade": grade, "solution": not grade, "locked": grade, "task": False,
            "schema_version": 3,
        } | ({"points": 1} if grade else {})  # fmt: skip
        return found

    cells = [v4.new_code_cell(IMPORTS)]
    for name, (solution, test) in EXERCISES.items():
        cells += [cell(solution, name, False), cell(test, f"test_{name}", True)]
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": _KERNEL})
    for target in ["source", *(f"submitted/s{number}" for number in range(count))]:
        path = folder / target / "ps1" / "ps1.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    _run([python, "-m", "nbgrader", "generate_assignment", "ps1", "--create"], folder)
    seconds = _run([python, "-m", "nbgrader", "autograde", "ps1", "--create"], folder)
    score = "from nbgrader.api import Gradebook as G; b = G('sqlite:///gradebook.db'); "
    score += "print([s.score for s in b.assignment_submissions('ps1')])"
    scores = json.loads(subprocess.check_output([python, "-c", score], cwd=folder, text=True))
    if scores != [4.0] * count:
        raise SystemExit(f"nbgrader does not give full marks: {scores}")
    return seconds


def otter(count: int, python: str, folder: Path) -> float:
    """Seconds of `otter run` for each submission."""
    import nbformat
    from nbformat import v4

    (folder / "tests").mkdir()
    for name, (_, test) in EXERCISES.items():
        code = "\n".join(">>> " + line for line in test.splitlines())
        suite = {"cases": [{"code": code, "hidden": False, "locked": False}], "scored": True, "setup": "",
                 "teardown": "", "type": "doctest"}  # fmt: skip
        found = {"name": name, "points": 1, "suites": [suite]}
        (folder / "tests" / f"{name}.py").write_text(f"OK_FORMAT = True\ntest = {found!r}\n")
    _run(
        [python, "-m", "otter", "generate", "-t", "tests", "-o", "autograder.zip", "--no-environment"], folder
    )
    cells = [v4.new_code_cell(text) for text in (IMPORTS, *(solution for solution, _ in EXERCISES.values()))]
    seconds = 0.0
    for number in range(count):
        (folder / f"s{number}").mkdir()
        path = folder / f"s{number}" / "ps1.ipynb"
        nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": _KERNEL}), path)
        archive = next(folder.glob("*.zip"))
        command = [python, "-m", "otter", "run", path.name, "-a", str(archive), "-o", "."]
        seconds += _run(command, path.parent)
        results = json.loads((path.parent / "results.json").read_text())
        score = sum(test.get("score", 0) for test in results["tests"])
        if score != 4:
            raise SystemExit(f"otter does not give full marks: {score} of 4")
    return seconds


_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def _run(command: list[str], folder: Path) -> float:
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PATH": f"{Path(command[0]).parent}:{os.environ['PATH']}",
    }
    began = time.perf_counter()
    found = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if found.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{found.stderr[-2000:]}")
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=6)
    parser.add_argument("--tools", default=sys.executable, help="a Python that has nbgrader and otter-grader")
    options = parser.parse_args()
    first, warm, isolation = course(options.submissions)
    rates = {
        "this course, warm": options.submissions / warm,
        "this course, first run": options.submissions / first,
    }
    for tool in (nbgrader, otter):
        folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
        try:
            rates[tool.__name__] = options.submissions / tool(options.submissions, options.tools, folder)
        finally:
            shutil.rmtree(folder)
    print(f"{options.submissions} submissions of 4 exercises, one at a time. This course: {isolation}.")
    for name, rate in rates.items():
        print(f"{name:24s} {rate:6.2f} submissions/s   {1 / rate:6.2f} s each")
    for tool in ("nbgrader", "otter"):
        print(f"{rates['this course, warm'] / rates[tool]:.1f} times {tool}")


if __name__ == "__main__":
    main()
