"""What a solver may read holds Python and the open rooms of the course, and never a check or a solution."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course.grading import isolation
from course.grading.isolation import Tier, hidden, readable, without

ROOT = Path(__file__).parents[3]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The course installed into the packages of an environment that also reaches them by links."""
    packages = tmp_path / "env" / "lib" / "site-packages"
    course = packages / "course"
    for name in ("data.py", "check/expect.py", "lessons/first/checks.py"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text("")
    (packages / "numpy").mkdir()
    (tmp_path / "env" / "lib64").symlink_to("lib")
    (tmp_path / "alias").symlink_to("env")
    monkeypatch.setattr(isolation, "COURSE", course)
    return tmp_path


def reaches(paths, target):
    """Reading beneath ``paths`` gives ``target``."""
    return any(os.path.realpath(target).startswith(os.path.realpath(path) + "/") for path in paths)


@pytest.mark.parametrize("way", ["env", "env/lib64", "alias", "alias/lib64/site-packages"])
def test_an_installed_course_keeps_its_checks_closed_whatever_way_leads_to_them(installed, way):
    paths = [str(installed / way)]
    open_paths = without(paths, hidden(paths))
    course = installed / "env/lib/site-packages/course"
    assert not reaches(open_paths, course / "lessons/first/checks.py")
    assert not reaches(open_paths, course / "check/expect.py")
    assert str(course / "data.py") in open_paths
    assert str(course.parent / "numpy") in open_paths
    assert f"{paths[0]}/" in hidden(paths)[0]


def test_nothing_of_this_machine_but_python_and_libraries_is_readable():
    paths = readable()
    assert not reaches(paths, ROOT / "tests/grading")
    assert not reaches(paths, ROOT / "course/lessons/backward_pass/checks.py")
    assert not reaches(paths, "/etc/passwd")
    assert not reaches(paths, Path.home() / "marks.sqlite")


def test_a_tier_is_sufficient_when_files_network_and_processes_are_guarded():
    assert Tier(True, 0, True, True).sufficient
    assert Tier(False, 4, True, True).sufficient
    assert not Tier(False, 0, True, True).sufficient
    assert not Tier(True, 4, False, True).sufficient
    assert "NOT ISOLATED" in str(Tier(rlimits=True))


@pytest.mark.skipif(not isolation.SUPPORTED, reason="needs Linux")
def test_a_process_behind_the_walls_cannot_read_checks_that_are_installed(tmp_path):
    """The same with real walls and a copy of the course in a folder of packages."""
    packages = tmp_path / "site-packages"
    (packages / "course").mkdir(parents=True)
    for source in (ROOT / "course").rglob("*.py"):
        copy = packages / "course" / source.relative_to(ROOT / "course")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    for source in (ROOT / "course").glob("*.toml"):
        (packages / "course" / source.name).write_bytes(source.read_bytes())
    code = f"""
import sys
sys.path.insert(0, {str(packages)!r})
from course.check import Exercise
from course.grading.engine import Engine, Submission
report = Exercise("96.report", "", ("a", "b"))
@report.case("what is found")
def _(call, rng):
    print(call())
cell = '''
import os
found = []
for name in ("lessons/backward_pass/checks.py", "grading/engine.py", "check/oracles.py"):
    try: text = open("{packages}/course/" + name).read()
    except OSError: text = ""
    found += [text] if text else []  # behind the walls an empty file stands in its place
from course import data
def report(): return found
'''
for namespaces in (True, False):
    with Engine(exercises=lambda lesson: {{"96.report": report}}, namespaces=namespaces) as engine:
        result = engine.grade(Submission("a", "96", (cell,)), 1)
        print(result.exercises[0].status, result.note)
"""
    environment = {**os.environ, "PYTHONPATH": ""}
    found = subprocess.run(
        [sys.executable, "-c", code], cwd="/", env=environment, capture_output=True, text=True
    )
    assert found.stdout.split("\n")[:4] == ["[]", "passed ", "[]", "passed "], found
