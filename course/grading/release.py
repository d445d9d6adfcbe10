"""``python -m course release``: the course for students, without a trace of the answers, and the instructor's
key.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from course import syllabus
from course.syllabus import Lesson

ROOT = Path(__file__).resolve().parents[2]
# Only what is named here reaches students: a new file at the top of the repository stays at home until it is
# listed.
STUDENT = (
    "README.md",
    "LICENSE*",
    "requirements.txt",
    "runtime.txt",
    "pyproject.toml",
    "notebooks/*.ipynb",
    "exercises/*.ipynb",
    "course/**/*",
)
# What the instructor lays over the student bundle to have the whole grader.
KEY = (
    "solutions/*.ipynb",
    "course/lessons/*/exercises.md",
    "course/lessons/*/graded.yaml",
    "tests/lessons/**/*",
)
LITTER = ("__pycache__", ".ipynb_checkpoints")
SHORTEST = 16  # characters, spaces left out, of a piece of a statement that gives something away
WORK = (ast.BinOp, ast.Call, ast.Compare, ast.AugAssign, ast.Subscript)


class Refused(Exception):
    """The release cannot be made; the text says why."""


class Leak(Refused):
    """A line of a solution would reach the students; the text says where."""


def main(argv: list[str]) -> int:
    """Write the release that ``argv`` asks for. Returns 0, or 1 after a sentence that says what is in the
    way.
    """
    from course.grading import nbgrader

    parser = argparse.ArgumentParser(
        prog="python -m course release", description="Make the bundle for students."
    )
    parser.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="a number or a name; without any: all lessons"
    )
    parser.add_argument("--to", metavar="DIR", required=True, help="a new or empty folder")
    parser.add_argument("--format", choices=["nbgrader"], help="write nbgrader assignments instead")
    options = parser.parse_args(argv)
    try:
        chosen = [syllabus.find(text) for text in options.lessons] or list(syllabus.lessons())
    except (syllabus.UnknownLesson, ValueError) as error:
        parser.error(str(error))
    to = Path(options.to)
    try:
        _require_empty(to)
        if options.format == "nbgrader":
            written = nbgrader.write([one for one in chosen if one.exercises], to, ROOT / "exercises")
            print(
                f"{len(written)} assignments in {to / 'source'}. Next: cd {to} && "
                "nbgrader generate_assignment NAME"
            )
        else:
            release(chosen, to, ROOT)
            print(f"For students: {to / 'student.zip'}. For you: {to / 'instructor.zip'}.")
    except (Refused, nbgrader.NotReady) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or to}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def release(lessons: Iterable[Lesson], to: Path, root: Path) -> None:
    """Write ``student`` and ``instructor``, each as a folder and a zip, into the folder ``to``.

    Raises
    ------
    Leak
        When a line of a solution can be read in the student bundle. Nothing is left of it then.
    """
    lessons = list(lessons)
    everything = syllabus.lessons()
    left_out = [one for one in everything if one not in lessons]
    student, instructor = to / "student", to / "instructor"
    try:
        _copy(root, student, STUDENT, lambda path: not _is_secret(path) and not _belongs(path, left_out))
        for lesson in lessons:
            _ask_graded_questions(lesson, student / "exercises" / f"{lesson.slug}.ipynb")
        leaks = list(find_leaks(student, lessons, root))
        if leaks:
            raise Leak("\n".join(["The release would give answers away. Nothing was written.", *leaks]))
        _copy(root, instructor, KEY, lambda path: not _belongs(path, left_out))
    except BaseException:
        shutil.rmtree(student, ignore_errors=True)
        shutil.rmtree(instructor, ignore_errors=True)
        raise
    for folder in (student, instructor):
        shutil.make_archive(str(folder), "zip", folder)


def find_leaks(folder: Path, lessons: Iterable[Lesson], root: Path) -> Iterator[str]:
    """Each line of code under ``folder`` that is a line of a solution which the exercise does not show."""
    secrets = {squeezed: lesson for lesson in lessons for squeezed in _secrets(root, lesson)}
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".ipynb", ".md", ".yaml", ".toml") and path.is_file():
            for line in _lines(path):
                if _squeeze(line) in secrets:
                    number, where = secrets[_squeeze(line)].number, path.relative_to(folder).as_posix()
                    yield f"{where}: {line.strip()!r} is a line of a solution of lesson {number}."


def _secrets(root: Path, lesson: Lesson) -> dict[str, str]:
    """The telling lines between the solution markers of ``exercises.md``, by their text without spaces.

    Those that a stub or another part of the exercise shows are none. The build has checked the markers.
    """
    if not lesson.exercises:
        return {}
    source = root / "course" / "lessons" / lesson.name / "exercises.md"
    built = [root / kind / f"{lesson.slug}.ipynb" for kind in ("notebooks", "exercises", "solutions")]
    for path in (source, *built):
        if not path.exists():
            raise Refused(f"{path} is missing. Build it first: python -m course build {lesson.number}.")
    shown, hidden, inside = set(), [], False
    for line in source.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text in ("# solution", "# end solution"):
            inside = text == "# solution"
        elif inside and not text.startswith("# stub:"):
            hidden.append(line)
        else:
            shown.add(_squeeze(text.removeprefix("# stub:")))
    return {_squeeze(line): line for line in hidden if _squeeze(line) not in shown and _tells(line)}


def _tells(line: str) -> bool:
    """Whether a line of a solution gives it away wherever it stands.

    Imports, definitions, heads of loops, and lines that compute nothing or only call one function do not:
    they occur in any code.
    """
    code = line.split("  #")[0].strip()
    try:
        statement = ast.parse(f"{code} pass" if code.endswith(":") else code).body[0]
    except (SyntaxError, IndexError):
        return len(_squeeze(code)) >= SHORTEST and re.search(r"[-+*/@]", code) is not None
    if isinstance(
        statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.For | ast.With
    ):
        return False
    work = [node for node in ast.walk(statement) if isinstance(node, WORK)]
    return len(work) > 1 or any(not isinstance(node, ast.Call) for node in work)


def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text.splitlines()


def _squeeze(line: str) -> str:
    return re.sub(r"\s+", "", line.split("  #")[0])


def _is_secret(path: Path) -> bool:
    """Sources of exercises, keys of graded questions, and the sources that notebooks are built from."""
    return path.name == "graded.yaml" or path.suffix == ".md" and "lessons" in path.parts


def _belongs(path: Path, lessons: list[Lesson]) -> bool:
    """Whether the file is of one of these lessons."""
    return any(lesson.slug == path.stem or lesson.name in path.parts for lesson in lessons)


def _copy(root: Path, to: Path, patterns: Iterable[str], wanted: Any) -> None:
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            short = path.relative_to(root)
            if path.is_symlink() or not path.is_file() or set(short.parts) & set(LITTER) or not wanted(short):
                continue
            target = to / short
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def _ask_graded_questions(lesson: Lesson, path: Path) -> None:
    """Put the lesson's graded questions, without their key, and the ``answers`` cell at the end of a
    notebook.
    """
    from course.grading import answers

    questions = answers.sheet(lesson)
    if questions is None or not path.exists():
        return
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    text = [f"## Questions of lesson {lesson.number}\n\nWrite your answers into the cell below."]
    for item in questions.items:
        options = "".join(f"\n- {option.key}: {option.text}" for option in item.options)
        text.append(f"**{item.id}** {item.text}\n{options}".rstrip())
    blanks = "".join(f'    "{lesson.number}.{item.id}": "",\n' for item in questions.items)
    identity = f"{lesson.slug}-graded"
    notebook.cells.append(nbformat.v4.new_markdown_cell("\n\n".join(text), id=f"{identity}-text"[:64]))
    notebook.cells.append(nbformat.v4.new_code_cell(f"answers = {{\n{blanks}}}", id=f"{identity}-code"[:64]))
    nbformat.write(notebook, path)


def _require_empty(to: Path) -> None:
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise Refused(f"{to} is not empty. Give a new or empty folder.")
    to.mkdir(parents=True, exist_ok=True)
