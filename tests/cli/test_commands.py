"""The command line itself: help, names that do not exist, Pythons that do not fit, and how light it is."""

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from course import __main__ as entrance
from course import cli
from course.cli import environment, suite
from course.cli.environment import CannotGoOn
from course.cli.verbs import VERBS

ROOT = Path(__file__).parents[2]

HELP = """\
Gradient Clinic: backpropagation and the training of deep networks, by measurement.

usage: python -m course COMMAND [arguments]

To learn
  lab          open the course in JupyterLab; sets it up the first time
  progress     show what you have passed, lesson by lesson
  run          execute a lesson, or all of them, and write a report
  check-setup  say what is missing here and how to mend it

To teach
  grade        grade submitted notebooks: marks and feedback for a class
  release      make the bundle for students and the instructor's key

To keep the course in order
  build        write the notebooks from their sources
  test         run every test, the notebooks included

Start with `python -m course lab`. `python -m course COMMAND --help` tells more.
"""


def course(*arguments, python=(sys.executable,)):
    """Run ``python -m course``; returns (exit code, stdout, stderr)."""
    done = subprocess.run([*python, "-m", "course", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_help_lists_the_commands_by_what_they_are_for(arguments, capsys):
    assert cli.main(list(arguments)) == 0
    assert capsys.readouterr().out == HELP


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_command_explains_itself_with_nothing_installed(verb):
    code, out, err = course(verb.name, "--help", python=(sys.executable, "-S"))
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: python -m course {verb.name}")


def test_starting_reads_the_standard_library_alone():
    program = (
        "import runpy, sys; sys.argv[1:] = ['lab', '--help']; runpy.run_module('course', run_name='__main__')"
    )
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    modules = {line.split("|")[-1].strip().split(".")[0] for line in told.splitlines() if "|" in line}
    strange = modules - set(sys.stdlib_module_names) - {"course", "imported package"}
    strange = {name for name in strange if not name.startswith(("_", "sitecustomize", "usercustomize"))}
    assert "argparse" in modules and strange <= {"distutils-precedence"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("lap", "There is no command `lap`: did you mean `lab`?\n"),
        ("check_setup", "There is no command `check_setup`: did you mean `check-setup`?\n"),
        ("tests", "There is no command `tests`: did you mean `test`?\n"),
        ("%", "There is no command `%`: `python -m course --help` lists them all.\n"),
    ],
)
def test_an_unknown_command_names_the_nearest(given, said, capsys):
    assert cli.main([given]) == 2
    assert capsys.readouterr().err == said


def test_an_unknown_lesson_names_the_nearest(capsys):
    assert cli.main(["run", "backwards_pass"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("There is no lesson 'backwards_pass'. Nearest: 02_backward_pass")


@pytest.mark.parametrize("port", ["66000", "-1", "eight"])
def test_an_impossible_port_is_refused(port):
    code, _, err = course("lab", f"--port={port}")
    assert code == 2
    assert f"{port!r} is not a port: give a whole number up to 65535" in err


def test_a_command_stopped_by_ctrl_c_leaves_no_traceback(monkeypatch, capsys):
    def stop(argv):
        raise KeyboardInterrupt

    monkeypatch.setattr("course.cli.verbs.run", stop)
    assert cli.main(["lab"]) == 130
    assert capsys.readouterr().err.startswith("\nStopped.")


def older_pythons():
    """Pythons of this machine that the course does not accept, as commands."""
    names = [f"python{version}" for version in ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.14", "3.15")]
    found = [shutil.which(name) for name in names]
    found += map(
        str, Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin/python")
    )
    return [path for path in dict.fromkeys(found) if path and is_refused(path)]


def is_refused(path):
    program = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"
    told = subprocess.run([path, "-c", program], capture_output=True, text=True)
    return told.returncode == 0 and not entrance.python_is_accepted(tuple(map(int, told.stdout.split("."))))


def test_a_python_of_the_wrong_age_gets_a_sentence():
    pythons = older_pythons()
    if not pythons:
        pytest.skip("this machine has no Python older than 3.11 or newer than 3.13")
    for python in pythons:
        code, out, err = course("lab", "--port", "9000", python=(python,))
        assert (code, out) == (2, "")
        sentence = (
            r"Gradient Clinic needs Python 3\.11, 3\.12 or 3\.13, and this is [0-9.]+: .*"
            r"`\S.* -m course lab --port 9000`( instead)?\.\n"
        )
        assert re.fullmatch(sentence, err), python


def test_what_is_read_before_the_version_is_known_has_no_new_syntax():
    for name in ("__init__.py", "__main__.py"):
        source = (ROOT / "course" / name).read_text(encoding="utf-8")
        ast.parse(source, feature_version=(3, 6))
        assert source.isascii()
        assert "annotations" not in source


@pytest.mark.parametrize(
    ("version", "accepted"),
    [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False), ((2, 7), False)],
)
def test_the_accepted_versions(version, accepted):
    assert entrance.python_is_accepted(version) is accepted


def test_a_busy_port_is_refused_and_a_free_one_taken():
    from course.cli import lab

    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        with pytest.raises(CannotGoOn, match="is in use: choose another, or leave --port out"):
            lab._refuse_taken(busy.getsockname()[1])
        port = busy.getsockname()[1]
    lab._refuse_taken(port)


def test_colab_keeps_its_own_tensorflow(monkeypatch):
    from course.cli import requirements

    older = requirements.Missing(requirements.parse("tensorflow>=9"), "2.20.0")
    absent = requirements.Missing(requirements.parse("anywidget>=0.9"), None)
    monkeypatch.setenv("COLAB_RELEASE_TAG", "x")
    monkeypatch.setattr(environment, "running_in_venv", lambda: False)
    monkeypatch.setattr(requirements, "missing", lambda wanted: [older])
    assert environment.is_complete()
    monkeypatch.setattr(requirements, "missing", lambda wanted: [older, absent])
    with pytest.raises(CannotGoOn) as refusal:
        environment.is_complete()
    assert str(refusal.value) == "Colab lacks some packages: run `!pip install --no-deps anywidget` first."


WHOLE = ["tests", "notebooks", "solutions"]


@pytest.mark.parametrize(
    ("given", "parallel", "rest"),
    [
        ([], True, WHOLE),
        (["-x", "-q"], True, ["-x", "-q", *WHOLE]),
        (["tests"], True, ["tests"]),
        (["tests/cli/test_commands.py"], False, ["tests/cli/test_commands.py"]),
        (["tests/cli/test_commands.py::test_x"], False, ["tests/cli/test_commands.py::test_x"]),
        (["-k", "tests"], True, ["-k", "tests", "tests"]),
        (["-m", "seeds"], True, ["-m", "seeds", "tests"]),
        (["-n", "1"], False, ["-n", "1", *WHOLE]),
        (["--pdb"], False, ["--pdb", *WHOLE]),
        (["--color=no"], True, ["--color=no", *WHOLE]),
    ],
)
def test_arguments_for_pytest_are_handed_on(given, parallel, rest, monkeypatch):
    monkeypatch.chdir(ROOT)
    command = suite.pytest_command(given)
    start = ["-n", str(suite.workers()), "--dist", "loadfile"] if parallel else []
    expected = [folder for folder in rest if folder not in WHOLE or (ROOT / folder).is_dir()]
    assert command == [sys.executable, "-m", "pytest", *start, *expected]


def test_paths_are_meant_from_where_one_stands(monkeypatch):
    monkeypatch.chdir(ROOT / "tests")
    assert (
        suite.pytest_command(["cli/conftest.py::x"])[-1]
        == str(ROOT / "tests" / "cli" / "conftest.py") + "::x"
    )


def test_a_small_machine_runs_fewer_tests_at_once(monkeypatch):
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 1_000_000_000, "SC_PHYS_PAGES": 3}.get)
    assert suite.workers() == 1
