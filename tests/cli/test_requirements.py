"""Requirements are read as pip reads them, and the files that state them agree."""

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from course import __main__ as entrance
from course.cli import installer, requirements

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

versions = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
bounds = st.lists(st.tuples(st.sampled_from([">=", "<=", "==", "!=", ">", "<"]), versions), max_size=3)


@given(versions, bounds)
def test_bounds_are_judged_as_pip_judges_them(version, bounds):
    text = ",".join(operator + bound for operator, bound in bounds)
    assert requirements.parse(f"name{text}").accepts(version) == (version in SpecifierSet(text))


@pytest.mark.parametrize("version", ["2.21.0rc1", "2.21.0+cpu", "2.21.0.post1", "2.21"])
def test_what_follows_the_numbers_of_a_version_does_not_count(version):
    assert requirements.parse("tensorflow>=2.20,<2.22").accepts(version)
    assert not requirements.parse("tensorflow<2.21").accepts(version)


@pytest.mark.parametrize(
    "line", ["keras ~= 3.13", "keras[extra]>=3", "keras>=3; python_version<'4'", "-r x.txt"]
)
def test_syntax_beyond_names_and_bounds_is_refused(line):
    with pytest.raises(ValueError, match="requirement"):
        requirements.parse(line)


def package(folder, name, version):
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_an_environment_is_compared_with_what_is_wanted(tmp_path):
    package(tmp_path, "tensorflow_cpu", "2.21.0")
    package(tmp_path, "keras", "3.10.0")
    wanted = [requirements.parse(line) for line in ("tensorflow>=2.20", "keras>=3.13", "numpy")]
    unmet = requirements.missing(wanted, str(tmp_path))
    assert [(item.requirement.name, item.found) for item in unmet] == [("keras", "3.10.0"), ("numpy", None)]


def test_every_requirement_of_the_course_can_be_read_and_has_two_ends():
    extras = tuple(PROJECT["project"]["optional-dependencies"])
    wanted = requirements.wanted(extras)
    assert len(wanted) > 15
    assert len({item.name for item in wanted}) == len({item.text for item in wanted}), "a package has two ranges"
    for item in wanted:
        assert [operator for operator, _ in item.bounds] == [">=", "<"], item.text


def test_the_accepted_pythons_are_stated_once():
    oldest, too_new = (".".join(map(str, version)) for version in (entrance.OLDEST, entrance.TOO_NEW))
    assert PROJECT["project"]["requires-python"] == f">={oldest},<{too_new}"
    binder = (ROOT / ".binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    assert binder in SpecifierSet(PROJECT["project"]["requires-python"])


def test_the_wheel_holds_every_file_of_the_package(tmp_path):
    shutil.copytree(ROOT / "course", tmp_path / "course", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "README.md").write_text("")
    program = "from setuptools import build_meta; print(build_meta.build_wheel('.'))"
    built = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(tmp_path / built.stdout.splitlines()[-1]) as wheel:
        held = set(wheel.namelist())
    there = {
        path.relative_to(tmp_path).as_posix() for path in (tmp_path / "course").rglob("*") if path.is_file()
    }
    assert there - held == set()


NETWORK = "The packages could not be fetched: check the network (and its proxy, if any), "
DISK = "The disk is full: make about 3 GB of room in "


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("error: Failed to fetch: `https://x/simple/`\n  cause: dns error: failed to lookup", NETWORK),
        ("WARNING: Retrying ... NewConnectionError\nERROR: No matching distribution found for x", NETWORK),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", DISK),
        ("error: Failed to fetch x\n  cause: failed to write: No space left on device (os error 28)", DISK),
        ("  x No solution found when resolving dependencies", "A package has no release for this machine"),
        ("ERROR: Permission denied: 'x'\n\n", "The installer stopped (ERROR: Permission denied: 'x'): see "),
        ("", "The installer stopped (no reason given): see "),
    ],
)
def test_what_an_installer_said_becomes_one_sentence(said, sentence):
    told = installer._sentence(said)
    assert told.startswith(sentence)
    assert "\n" not in told


def imports(folder):
    """The top-level modules that the Python files under ``folder`` import, with a file that does."""
    found = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            found |= {name.split(".")[0]: path for name in names}
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names}


# What a listed package cannot do without.
BROUGHT = {
    "IPython": "ipykernel",
    "PIL": "matplotlib",
    "jinja2": "nbconvert",
    "jupyter_client": "ipykernel",
    "markdown_it": "markdown_it_py",
    "markupsafe": "nbconvert",
    "nbformat": "nbconvert",
    "packaging": "pytest",
    "traitlets": "ipywidgets",
}
NAMES = {"scikit-learn": "sklearn", "pyyaml": "yaml", "pytest-xdist": "xdist"}


@pytest.mark.parametrize(
    ("folder", "extras"), [("course", ("grade", "maintain")), ("tests", ("grade", "maintain", "test"))]
)
def test_what_is_imported_is_what_is_required(folder, extras):
    required = {NAMES.get(item.name, item.name.replace("-", "_")) for item in requirements.wanted(extras)}
    required |= {module for module, source in BROUGHT.items() if source in required}
    ours = {"course", "tests", "conftest"} | {path.stem for path in (ROOT / "tests").rglob("*.py")}
    unknown = {
        name: str(path) for name, path in imports(ROOT / folder).items() if name not in required | ours
    }
    assert unknown == {}
