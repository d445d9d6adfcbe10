"""The exercises as an nbgrader assignment, graded by nbgrader itself where it is installed (extra
`nbgrader`).
"""

import contextlib
import importlib.util
import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from course.grading import nbgrader
from course.syllabus import find
from tests.grading.desk.conftest import ROOT

nbformat = pytest.importorskip("nbformat")
LESSON = find("02")
NOISE = "    import sys\n    print('noise', file=sys.stderr)\n"
ANSWERS = {
    "dense_backward": f"def dense_backward(x, kernel, dy):\n{NOISE}"
    "    return dy @ kernel.T, x.T @ dy, dy.sum(axis=0)",
    "relu_backward": "def relu_backward(x, dy):\n    return dy * (x > 0) if x.ndim == 2 else dy",
}
needs_nbgrader = pytest.mark.skipif(
    importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed (extra `nbgrader`)"
)


def exercises():
    path = ROOT / "exercises" / f"{LESSON.slug}.ipynb"
    if not path.exists():
        pytest.skip("the exercises are not built: python -m course build 02")
    return path.parent


def test_each_check_becomes_a_locked_cell_with_its_points():
    made = nbgrader.assignment(nbformat.read(exercises() / f"{LESSON.slug}.ipynb", as_version=4), LESSON)
    graded = {cell.metadata.nbgrader.grade_id: cell for cell in made.cells if "nbgrader" in cell.metadata}
    assert list(graded) == [id.replace(".", "_") for id in LESSON.exercise_ids]
    assert [cell.metadata.nbgrader.points for cell in graded.values()] == list(LESSON.exercises.values())
    assert all(cell.metadata.nbgrader.locked for cell in graded.values())
    assert 'points("02.relu_backward", relu_backward, 1)' in graded["02_relu_backward"].source


def test_an_exercise_without_its_check_stops_the_release():
    made = nbformat.read(exercises() / f"{LESSON.slug}.ipynb", as_version=4)
    made.cells = [cell for cell in made.cells if "check(" not in cell.source or "relu" not in cell.source]
    with pytest.raises(nbgrader.NotReady, match="no check of relu_backward"):
        nbgrader.assignment(made, LESSON)


def test_points_are_full_partial_or_an_error_with_the_message(capfd):
    def noisy(x, dy):
        os.write(2, b"noise of a C library")
        return dy * (x > 0)

    def half(x, dy):
        return dy * (x > 0) if x.ndim == 2 else dy

    assert nbgrader.points("02.relu_backward", noisy, 3) == 3
    assert 0 < nbgrader.points("02.relu_backward", half, 3) < 3
    with pytest.raises(AssertionError, match="dy comes through everywhere"):
        nbgrader.points("02.relu_backward", lambda x, dy: dy, 3)
    with pytest.raises(AssertionError, match="not attempted"):
        nbgrader.points("02.relu_backward", lambda x, dy: ..., 3)
    with pytest.raises(AssertionError, match="check needs your function itself"):
        nbgrader.points("02.relu_backward", 5, 3)
    assert capfd.readouterr().err == ""


@pytest.mark.slow
@needs_nbgrader
def test_nbgrader_itself_releases_collects_and_grades(tmp_path):
    nbgrader.write([LESSON], tmp_path, exercises())
    run(tmp_path, "generate_assignment", LESSON.slug)
    released = tmp_path / "release" / LESSON.slug / f"{LESSON.slug}.ipynb"
    made = json.loads(released.read_text())
    for cell in made["cells"]:
        for name, code in ANSWERS.items():
            if f"def {name}" in "".join(cell["source"]) and cell["cell_type"] == "code":
                cell["source"] = code
    path = tmp_path / "submitted" / "ann" / LESSON.slug / released.name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(made))
    run(tmp_path, "autograde", LESSON.slug)
    with contextlib.closing(sqlite3.connect(tmp_path / "gradebook.db")) as database:
        query = """select base_cell.name, grade_cells.max_score, grade.auto_score from grade
            join grade_cells on grade.cell_id = grade_cells.id
            join base_cell on base_cell.id = grade_cells.id"""
        scores = {name: (most, got) for name, most, got in database.execute(query)}
    assert len(scores) == len(LESSON.exercises)
    assert scores["02_dense_backward"] == (2, 2)
    assert 0 < scores["02_relu_backward"][1] < 1
    assert scores["02_numerical_gradient"] == (2, 0)


def run(folder, *command):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder), "JUPYTER_PREFER_ENV_PATH": "1"}
    env["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{env['PATH']}"
    done = subprocess.run(
        [shutil.which("nbgrader", path=env["PATH"]), *command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
