"""From a lesson's sources to its notebooks, without outputs. Derivation depends on the sources alone."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from course.build import source
from course.build.source import Cell
from course.syllabus import Lesson

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]
KINDS = ("notebooks", "exercises", "solutions")
EXECUTED = ("notebooks", "solutions")
# Raise it when cleaning or executing changes, so that every notebook is built anew.
BUILDER = 1
LANGUAGE = {
    "name": "python",
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "pygments_lexer": "ipython3",
}
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
COLAB_CELL = """\
# Google Colab only: fetch the course. Anywhere else this cell does nothing.
import sys

if "google.colab" in sys.modules:
    %pip install --quiet --no-deps git+{url} anywidget psygnal latex2mathml mdit-py-plugins"""


@dataclass(frozen=True)
class Derived:
    """A notebook as its source makes it. ``places`` gives the source's file and line of each cell's ID."""

    notebook: NotebookNode
    places: dict[str, str]


def derive(lesson: Lesson) -> dict[str, Derived]:
    """The notebooks of a lesson, by kind: ``notebooks``, and if it has any ``exercises`` and ``solutions``.

    Raises
    ------
    course.build.source.SourceError
        When a source is doubtful in any way.
    """
    cells = source.read(lesson.folder / "lesson.md")
    source.refuse_markers(cells)
    result = {"notebooks": _assemble(lesson, "notebooks", [(cell, cell.text) for cell in cells])}
    path = lesson.folder / "exercises.md"
    if lesson.exercises or path.exists():
        cells = source.read(path)
        texts = [cell for cell in cells if cell.kind != "code"]
        source.refuse_markers(texts)
        parts = {id(cell): source.split(cell) for cell in cells if cell.kind == "code"}
        source.require_exercises(path, lesson.number, lesson.exercises, list(parts.values()))
        source.find_traces(list(parts.values()), texts)
        for kind, form in (("exercises", "exercise"), ("solutions", "solution")):
            shown = [
                (cell, getattr(parts[id(cell)], form) if id(cell) in parts else cell.text) for cell in cells
            ]
            result[kind] = _assemble(lesson, kind, shown)
    return result


@cache
def repository() -> str:
    """The course's address, from ``[project.urls]`` of ``pyproject.toml``, without a slash at its end."""
    path = ROOT / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))["project"]["urls"]["Repository"].rstrip("/")
    except (OSError, KeyError) as error:
        raise source.SourceError(
            path, 1, "The address of the course is missing: Repository in [project.urls]."
        ) from error


def _assemble(lesson: Lesson, kind: str, cells: list[tuple[Cell, str]]) -> Derived:
    from nbformat import v4

    used: dict[str, int] = {}
    made, places = [], {}
    for cell, text in cells:
        identity = _cell_id(lesson, cell, used)
        places[identity] = f"{source.shown(cell.path)}:{cell.line}"
        make = v4.new_code_cell if cell.kind == "code" else v4.new_markdown_cell
        made.append(make(source=text, metadata=dict(cell.metadata), id=identity))
    for cell in made:
        if "instructor" in cell.metadata.get("tags", ()):
            _collapse(cell)
    _link(made[0], f"{kind}/{lesson.slug}.ipynb")
    first = next((i for i, cell in enumerate(made) if cell.cell_type == "code"), len(made))
    made.insert(first, _colab_cell())
    places["colab"] = "the Colab cell of course/build/derive.py"
    ours = {
        "kind": kind,
        "lesson": lesson.number,
        "source_sha256": digest([BUILDER, kind, made, _inputs(lesson, kind)]),
    }
    metadata = {"kernelspec": KERNEL, "language_info": LANGUAGE, "gradient_clinic": ours}
    return Derived(v4.new_notebook(cells=made, metadata=metadata), places)


def _inputs(lesson: Lesson, kind: str) -> dict[str, str]:
    """The other files of the lesson's folder that the outputs depend on; a change of them rebuilds it."""
    if kind not in EXECUTED:
        return {}
    paths = [*lesson.folder.glob("*.py"), *lesson.folder.glob("*.yaml")]
    unused = "checks.py" if kind == "notebooks" else None
    return {path.name: path.read_text(encoding="utf-8") for path in paths if path.name != unused}


def digest(value: object) -> str:
    """The SHA-256 of a value that JSON can hold, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _cell_id(lesson: Lesson, cell: Cell, used: dict[str, int]) -> str:
    """The same for the same text, so that an exercise, its solution and tomorrow's build share it."""
    key = f"{lesson.slug}\n{cell.path.name}\n{cell.kind}\n{cell.text}"
    used[key] = used.get(key, 0) + 1
    return hashlib.sha256(f"{key}\n{used[key]}".encode()).hexdigest()[:16]


def _collapse(cell: NotebookNode) -> None:
    """Fold a cell for the instructor: text into a disclosure element, code by JupyterLab's own keys."""
    if cell.cell_type == "markdown":
        cell.source = f"<details>\n<summary>For the instructor</summary>\n\n{cell.source}\n\n</details>"
    else:
        cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}


def _link(cell: NotebookNode, path: str) -> None:
    """Put the link to Colab under the title: in words, since a picture from the web breaks offline."""
    address = repository().replace("https://github.com", "https://colab.research.google.com/github")
    title, _, rest = cell.source.partition("\n")
    cell.source = f"{title}\n\n[Open in Colab]({address}/blob/main/{path})\n{rest}".rstrip()


def _colab_cell() -> NotebookNode:
    from nbformat import v4

    metadata = {"tags": ["colab"], "jupyter": {"source_hidden": True}}
    return v4.new_code_cell(source=COLAB_CELL.format(url=repository()), metadata=metadata, id="colab")
