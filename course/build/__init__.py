"""From the lessons' sources to everything that is derived from them: ``python -m course build``.

:mod:`~course.build.source` reads the text notebooks and their solution markers, :mod:`~course.build.derive`
makes notebooks of them, :mod:`~course.build.execute` runs these, :mod:`~course.build.outputs` cleans and
compares what they print, and :mod:`~course.build.ledger` writes the page of claims and the README's table.
This module decides what has to be built, and writes it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from course import syllabus
from course.build.derive import EXECUTED, KINDS, ROOT, Derived, derive, digest
from course.build.execute import CellFailed, execute
from course.build.source import SourceError
from course.syllabus import Lesson

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["build", "check", "derive", "execute", "main", "write"]

LIMIT = 1_000_000  # bytes of one notebook
MISSING, EDITED, STALE, CURRENT = "missing", "edited", "stale", "current"


class TooLarge(ValueError):
    """A notebook is over the limit of size."""


def main(argv: list[str]) -> int:
    """Build the lessons that are named, or all of them, or check what was built. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m course build", description="Derive the notebooks from their sources."
    )
    parser.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="a number or a name; without any: all lessons"
    )
    parser.add_argument(
        "--check", action="store_true", help="build nothing; fail when a derived file is not up to date"
    )
    parser.add_argument(
        "--force", action="store_true", help="build anew, and overwrite what was changed by hand"
    )
    options = parser.parse_args(argv)
    try:
        chosen = [syllabus.find(text) for text in options.lessons] or list(syllabus.lessons())
    except syllabus.UnknownLesson as error:
        parser.error(str(error))
    everything = syllabus.lessons()
    if importlib.util.find_spec("jupytext") is None:
        parser.exit(
            1,
            'The build needs jupytext, which is not installed: pip install -e ".[maintain]"\n',
        )
    problems = (
        check(chosen, everything, ROOT) if options.check else build(chosen, everything, ROOT, options.force)
    )
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def build(
    chosen: Iterable[Lesson], everything: Iterable[Lesson], root: Path, force: bool = False
) -> list[str]:
    """Write what is missing or stale for the ``chosen`` lessons under ``root``; returns what went wrong.

    What is up to date keeps every byte. What was changed by hand stays as it is, unless ``force`` is true.
    """
    problems = []
    for lesson, kind, made, path, state in _found(chosen, root, problems):
        if state == EDITED and not force:
            problems.append(_sentence(root, path, state, lesson))
        elif state != CURRENT or force:
            problems += _make(root, path, kind, made)
    for path, text in _texts(everything, root, problems):
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            _replace(path, text)
            print(f"{_name(root, path)}: written")
    return problems


def check(chosen: Iterable[Lesson], everything: Iterable[Lesson], root: Path) -> list[str]:
    """Say which derived files are not what their sources make, or were changed since. Runs no cell."""
    problems = []
    for lesson, _kind, _made, path, state in _found(chosen, root, problems):
        if state != CURRENT:
            problems.append(_sentence(root, path, state, lesson))
        elif path.stat().st_size > LIMIT:
            problems.append(_size(root, path, path.stat().st_size))
    slugs = {lesson.slug for lesson in everything}
    for kind in KINDS:
        for path in sorted((root / kind).glob("*.ipynb")):
            if path.stem not in slugs:
                problems.append(
                    f"{_name(root, path)} belongs to no lesson of course/syllabus.toml; remove it."
                )
    for path, text in _texts(everything, root, problems):
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            problems.append(f"{_name(root, path)} is stale. `python -m course build` mends it.")
    return problems


def write(notebook: NotebookNode, path: Path) -> int:
    """Seal a notebook with the hash of its contents and write it in a fixed form; returns its size in bytes.

    Raises
    ------
    TooLarge
        When it is over 1 MB. Nothing is written then.
    """
    import nbformat

    notebook.metadata["gradient_clinic"]["content_sha256"] = _seal(notebook)
    nbformat.validate(notebook)
    text = nbformat.writes(notebook, version=4) + "\n"
    size = len(text.encode())
    if size > LIMIT:
        raise TooLarge(size)
    _replace(path, text)
    return size


def _found(
    chosen: Iterable[Lesson], root: Path, problems: list[str]
) -> Iterator[tuple[Lesson, str, Derived, Path, str]]:
    """Each notebook of the lessons, as derived and as found under ``root``; unsound sources go to ``problems``."""
    for lesson in chosen:
        try:
            derived = derive(lesson)
        except SourceError as error:
            problems.append(str(error))
            continue
        for kind, made in derived.items():
            path = _path(root, kind, lesson)
            yield lesson, kind, made, path, _state(path, made)


def _make(root: Path, path: Path, kind: str, made: Derived) -> list[str]:
    start = time.monotonic()
    path.parent.mkdir(exist_ok=True)
    try:
        if kind in EXECUTED:
            print(f"{_name(root, path)}: running", flush=True)
            execute(made.notebook, path.parent, ROOT, made.places)
        size = write(made.notebook, path)
    except CellFailed as error:
        return [f"{error}\n{_name(root, path)} was not written."]
    except TooLarge as error:
        return [_size(root, path, error.args[0])]
    print(f"{_name(root, path)}: built, {size / 1000:.0f} kB, {time.monotonic() - start:.0f} s", flush=True)
    return []


def _state(path: Path, made: Derived) -> str:
    if not path.exists():
        return MISSING
    found = _read(path)
    try:
        ours = found.metadata["gradient_clinic"]
        if ours["content_sha256"] != _seal(found):
            return EDITED
    except (AttributeError, KeyError, TypeError):
        return EDITED
    wanted = made.notebook.metadata["gradient_clinic"]["source_sha256"]
    return CURRENT if ours["source_sha256"] == wanted else STALE


def _read(path: Path) -> NotebookNode | None:
    """The notebook at ``path``; None when there is none or it is none."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return None


def _seal(notebook: NotebookNode) -> str:
    ours = {
        key: value for key, value in notebook.metadata["gradient_clinic"].items() if key != "content_sha256"
    }
    return digest({**notebook, "metadata": {**notebook.metadata, "gradient_clinic": ours}})


def _texts(everything: Iterable[Lesson], root: Path, problems: list[str]) -> Iterator[tuple[Path, str]]:
    """The generated texts with their paths; what is wrong with them goes to ``problems``."""
    from course import claims
    from course.build import ledger

    everything = list(everything)
    evidence = []
    for lesson in everything:
        path = _path(root, "notebooks", lesson)
        if notebook := _read(path):
            found = ledger.measured(notebook)
            evidence.append((lesson, found))
            for id in ledger.missing_claims(lesson, found):
                problems.append(
                    f"{_name(root, path)} states no claim {id}, which the syllabus lists for its lesson."
                )
    if evidence:
        yield root / "notebooks" / "CLAIMS.md", ledger.claims_page(claims.ledger().values(), evidence)
    readme = root / "README.md"
    try:
        yield readme, ledger.readme(readme.read_text(encoding="utf-8"), everything)
    except (OSError, ValueError) as error:
        problems.append(str(error))


def _sentence(root: Path, path: Path, state: str, lesson: Lesson) -> str:
    if state == EDITED:
        remedy = f"`python -m course build --force {lesson.number}` overwrites the change."
        return f"{_name(root, path)} was changed since it was built. {remedy}"
    return f"{_name(root, path)} is {state}. `python -m course build` mends it."


def _size(root: Path, path: Path, size: int) -> str:
    sizes = f"{size / 1e6:.2f} MB; the limit is {LIMIT / 1e6:.0f} MB"
    return f"{_name(root, path)} has {sizes}. Use fewer or smaller figures."


def _path(root: Path, kind: str, lesson: Lesson) -> Path:
    return root / kind / f"{lesson.slug}.ipynb"


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)
