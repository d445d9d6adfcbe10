"""The house: a room imports only from rooms below it, and light commands stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

COURSE = Path(__file__).parent.parent / "course"
# Ground floor first; rooms on one floor do not import each other.
FLOORS = [
    {"data", "nets", "syllabus", "startup"},
    {"probe"},
    {"claims"},
    {"plots"},
    {"quiz", "check"},
    {"doctor"},
    {"labs"},
    {"progress"},
    {"lessons"},
    {"notebook"},
    {"grading"},
    {"build"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def rooms():
    return sorted(
        {path.relative_to(COURSE).parts[0].removesuffix(".py") for path in COURSE.rglob("*.py")} - {"__init__"}
    )


def imports(path):
    """The rooms that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "course" else [node.module]
            )
        else:
            continue
        for name in names:
            if name.startswith("course.") and name.split(".")[1] != "__version__":
                yield name.split(".")[1]


def test_every_room_has_its_floor():
    assert set(rooms()) <= set(FLOOR)


@pytest.mark.parametrize("room", rooms())
def test_a_room_imports_only_from_below(room):
    files = [COURSE / f"{room}.py"] if (COURSE / f"{room}.py").exists() else list((COURSE / room).rglob("*.py"))
    for path in files:
        for other in imports(path):
            allowed = other == room or FLOOR[other] < FLOOR[room]
            assert allowed, f"{path.relative_to(COURSE)} imports course.{other}, which is not below {room}"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import course", ("numpy", "tensorflow", "sqlalchemy", "yaml", "matplotlib", "IPython")),
        ("import course.syllabus", ("numpy", "tensorflow")),
        ("import course.check", ("tensorflow", "keras", "matplotlib", "sqlalchemy")),
        ("import course.quiz", ("tensorflow", "numpy", "ipywidgets")),
        ("import course.notebook", ("tensorflow", "keras", "matplotlib", "sklearn")),
    ],
)
def test_what_an_import_leaves_out(code, absent):
    check = f"{code}; import sys; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=COURSE.parent)
    assert done.stdout.strip() == "[]"


def test_importing_the_course_takes_the_standard_library_only():
    check = (
        "import sys; before = set(sys.modules); import course; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} - {'course'} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=COURSE.parent)
    assert done.stdout.strip() == "[]"
