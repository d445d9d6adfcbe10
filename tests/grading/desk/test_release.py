"""The student bundle holds nothing of the answers; the instructor's key holds all of them; the autograder
grades.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from course.build import source
from course.grading import answers, gradescope, release
from course.quiz import load
from course.syllabus import find, lessons
from tests.grading.desk.conftest import ROOT, notebook

GRADED = """
questions:
  - id: q1
    kind: single
    text: "Which loss?"
    choices:
      - {key: a, text: "the first", why: "Look again at the first."}
      - {key: b, text: "the second", right: true, why: "Secret reason."}
  - {id: q2, kind: numeric, draw: {n: [3, 9]}, text: "Twice {n}?", answer: "2 * n", why: "It is {answer}."}
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A release of every lesson whose exercises are built."""
    to = tmp_path_factory.mktemp("release")
    kinds = ("notebooks", "exercises", "solutions")
    ready = [one for one in lessons() if all((ROOT / kind / f"{one.slug}.ipynb").exists() for kind in kinds)]
    if not ready:
        pytest.skip("no exercises are built: python -m course build")
    release.release(ready, to, ROOT)
    return to, ready


def test_no_line_of_a_solution_is_in_the_student_bundle(bundle):
    """Every line of code between solution markers that computes something, searched for in every file."""
    to, ready = bundle
    with zipfile.ZipFile(to / "student.zip") as archive:
        texts = {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}
    lines = {
        name: {release._squeeze(line) for line in _code(name, text).splitlines()}
        for name, text in texts.items()
    }
    searched = 0
    for lesson in ready:
        for cell in source.read(lesson.folder / "exercises.md"):
            if cell.kind != "code":
                continue
            part = source.split(cell)
            shown = {release._squeeze(line) for line in part.exercise.splitlines()}
            for _, secret in part.secrets:
                squeezed = release._squeeze(secret)
                if release._tells(secret) and squeezed not in shown:
                    searched += 1
                    assert [name for name, known in lines.items() if squeezed in known] == [], secret
    assert searched > 10


def _code(name, text):
    if not name.endswith(".ipynb"):
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def test_the_student_bundle_has_no_key_and_the_instructors_has_it(bundle):
    to, ready = bundle
    student = {
        path.relative_to(to / "student").as_posix() for path in (to / "student").rglob("*") if path.is_file()
    }
    for word in ("solution", "exercises.md", "graded.yaml", "answers.py", "lesson.md"):
        assert not [name for name in student if word in name and not name.startswith("course/grading/")]
    assert not [name for name in student if name.startswith(("tests/", ".", "benchmarks/"))]
    for lesson in ready:
        assert f"exercises/{lesson.slug}.ipynb" in student
        assert f"course/lessons/{lesson.name}/checks.py" in student
        assert (to / "instructor/solutions" / f"{lesson.slug}.ipynb").exists()
        assert (to / "instructor/course/lessons" / lesson.name / "exercises.md").exists()


def test_a_released_notebook_checks_itself(bundle):
    to, _ = bundle
    code = (
        "from course.notebook import check, solution; check('02.relu_backward', lambda x, dy: dy * (x > 0)); "
    )
    code += "solution('02.relu_backward')"
    done = subprocess.run([sys.executable, "-c", code], cwd=to / "student", capture_output=True, text=True)
    assert "✓ 02.relu_backward: passed." in done.stdout
    assert "The solutions are not part of this copy" in done.stdout, done.stderr


@pytest.mark.parametrize("where", ["exercises/02_backward_pass.ipynb", "course/data.py", "README.md"])
def test_a_solution_that_slipped_in_stops_the_release(where, tmp_path, bundle):
    root = tmp_path / "root"
    shutil.copytree(ROOT / "course", root / "course", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("notebooks", "exercises", "solutions"):
        shutil.copytree(ROOT / folder, root / folder)
    path = root / where
    line = next(iter(release._secrets(ROOT, find("02")).values()))
    if where.endswith("ipynb"):
        made = json.loads(path.read_text())
        made["cells"].append(
            {"cell_type": "markdown", "metadata": {}, "id": "x", "source": [f"text\n{line}  # so"]}
        )
        path.write_text(json.dumps(made))
    else:
        path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")
    with pytest.raises(release.Leak, match="is a line of a solution of lesson 02") as leak:
        release.release([find("02")], tmp_path / "to", root)
    assert where in str(leak.value)
    assert not list((tmp_path / "to").glob("*"))


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, capfd):
    (tmp_path / "mine").write_text("x")
    assert release.main(["--to", str(tmp_path)]) == 1
    assert "not empty" in capfd.readouterr().err and [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_lesson_that_is_not_built_stops_the_release(tmp_path):
    (tmp_path / "root").mkdir()
    with pytest.raises(release.Refused, match="Build it first: python -m course build 02"):
        release.release([find("02")], tmp_path / "to", tmp_path / "root")


# ---- graded questions


@pytest.fixture
def graded(tmp_path, monkeypatch):
    """Lesson 02 with graded questions."""
    path = tmp_path / "backward_pass" / answers.KEY
    path.parent.mkdir()
    path.write_text(GRADED)
    answers._sheet.cache_clear()
    monkeypatch.setattr(type(find("02")), "folder", property(lambda self: tmp_path / self.name))
    yield load(path)
    answers._sheet.cache_clear()


@pytest.mark.parametrize(
    ("given", "scores"),
    [
        ({}, [0, 0]),
        ({"q1": "b"}, [1, 0]),
        ({"02.q1": "B", "q2": "{right}"}, [1, 1]),
        ({"q1": "a", "q2": 10**6}, [0, 0]),
        ({"q1": "", "q2": None}, [0, 0]),
        ({"q1": b"b", "q2": [1]}, [0, 0]),
        ({"q1": {"b": object}, "q2": "x" * 10_000}, [0, 0]),
        ({"q2": 10**400, "other": 1}, [0, 0]),
    ],
    ids=range(8),
)
def test_answers_are_judged_by_the_key_one_point_each(graded, given, scores):
    sheet = answers.sheet(find("02"))
    right = sheet.items[1].expected
    given = {key: right if value == "{right}" else value for key, value in given.items()}
    judged = answers.judge(find("02"), given)
    assert [one.id for one in judged] == ["02.q1", "02.q2"]
    assert [one.score for one in judged] == scores
    assert {one.status for one in judged} <= {"passed", "not passed", "not attempted"}


def test_a_wrong_answer_is_told_why_and_a_missing_one_counts_nothing(graded):
    wrong, missing = answers.judge(find("02"), {"q1": "a"})
    assert "Look again at the first." in wrong.message and missing.status == "not attempted"


def test_a_lesson_without_a_key_has_no_questions():
    assert answers.judge(find("02"), {"q1": "b"}) == []


def test_the_released_notebook_asks_the_questions_without_their_key(graded, tmp_path):
    path = tmp_path / "02_backward_pass.ipynb"
    path.write_text(notebook("x = 1"))
    release._ask_graded_questions(find("02"), path)
    text = path.read_text()
    assert "Which loss?" in text and "b: the second" in text and "right" not in text and "Secret" not in text
    from course.grading import notebooks

    blank = notebooks.read(path.read_bytes()).answers
    assert blank == {"02.q1": "", "02.q2": ""}
    assert [one.status for one in answers.judge(find("02"), blank)] == ["not attempted"] * 2


# ---- Gradescope


@pytest.fixture
def autograder(tmp_path):
    """The folders that Gradescope makes, with the autograder in place; run it on some files."""
    gradescope.write(tmp_path / "zip", "02")
    # Not below /tmp, which the walls cover with a scratch folder; Gradescope's place is /autograder.
    root = Path(tempfile.mkdtemp(dir="/var/tmp"))
    (path,) = (tmp_path / "zip").iterdir()
    with zipfile.ZipFile(path) as archive:
        archive.extractall(root / "source")
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes["run_autograder"] & 0o111 and modes["setup.sh"] & 0o111

    def run(files):
        shutil.rmtree(root / "submission", ignore_errors=True)
        (root / "submission").mkdir()
        for name, data in files.items():
            (root / "submission" / name).write_bytes(data)
        env = {"AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            ["bash", str(root / "source/run_autograder")], env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads((root / "results/results.json").read_text())

    yield run
    shutil.rmtree(root)


def test_the_autograder_grades_as_gradescope_runs_it(autograder):
    right = notebook("def relu_backward(x, dy):\n    return dy * (x > 0)")
    result = autograder({"my work.ipynb": right.encode(), "notes.txt": b"x"})
    scores = {test["name"]: test["score"] for test in result["tests"]}
    assert result["score"] == scores["02.relu_backward"] == 1
    again = autograder({"my work.ipynb": right.encode()})
    assert again["extra_data"]["grader"] == result["extra_data"]["grader"]
    assert "Seed: " in result["extra_data"]["grader"]
    assert "not valid JSON" in autograder({"x.ipynb": b"{"})["output"]


def test_the_autograder_holds_no_solutions(tmp_path):
    gradescope.write(tmp_path, "")
    with zipfile.ZipFile(tmp_path / "autograder_any_lesson.zip") as archive:
        assert not [name for name in archive.namelist() if name.endswith((".md", ".ipynb"))]
        setup = archive.read("setup.sh").decode()
        assert "'tensorflow>=" in setup and "'sqlalchemy>=" in setup and "jupyterlab" not in setup
        subprocess.run(["bash", "-n"], input=setup, text=True, check=True)
        assert len(archive.read("salt.txt")) >= 32
