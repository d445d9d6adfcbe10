"""Read a lesson's text notebooks, and split exercises from solutions. Everything doubtful stops the build.

In a code cell of ``exercises.md`` a region holds the answer::

    def double(x):
        # solution
        # stub: twice = ...
        twice = 2 * x
        return twice
        # end solution

The solution keeps the code of the region. The exercise keeps its stub lines, or ``raise NotImplementedError``
where there are none (``...`` outside a function, so that the notebook still runs through).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from course.build.outputs import TOLERANCE_TAG

if TYPE_CHECKING:
    from nbformat import NotebookNode

OPEN, CLOSE, STUB = "# solution", "# end solution", "# stub:"
TAGS = {"instructor", "raises-exception"}


class SourceError(ValueError):
    """A source cannot be built; the text begins with its file and line."""

    def __init__(self, path: Path, line: int, sentence: str):
        super().__init__(f"{shown(path)}:{line}: {sentence}")


@dataclass(frozen=True)
class Cell:
    """One cell of a text notebook. ``line`` is the line of the file on which its text begins."""

    kind: str
    text: str
    metadata: dict
    path: Path
    line: int

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("tags", ()))

    def error(self, offset: int, sentence: str) -> SourceError:
        """The error of the line that is ``offset`` lines below the cell's first one."""
        return SourceError(self.path, self.line + offset, sentence)


@dataclass(frozen=True)
class Split:
    """A cell of ``exercises.md`` in its two forms. ``secrets`` are the answer's lines with their offsets."""

    cell: Cell
    exercise: str
    solution: str
    secrets: tuple[tuple[int, str], ...]
    has_region: bool


def read(path: Path) -> list[Cell]:
    """The cells of a MyST text notebook, empty ones left out.

    A code cell with ``:load: planted.py`` takes its code from that file of the lesson's folder.

    Raises
    ------
    SourceError
        When the file is missing, is no text notebook, begins without a title, or holds a tag, an option or
        a kind of cell that the build does not know.
    """
    import jupytext.myst

    if not path.is_file():
        raise SourceError(
            path, 1, "This file is missing; write it, or take its lesson out of course/syllabus.toml."
        )
    text = path.read_text(encoding="utf-8")
    try:
        notebook = jupytext.myst.myst_to_notebook(text, add_source_map=True)
    except ValueError as error:
        raise SourceError(path, 1, f"jupytext cannot read this text notebook: {error}") from error
    lines = text.splitlines()
    cells = []
    for raw, start in zip(notebook.cells, notebook.metadata["source_map"], strict=True):
        if "load" in raw.metadata:
            cells.append(_loaded(path, start, raw))
        elif raw.source.strip():
            line = _first_line(lines, start, raw.source)
            cells.append(Cell(raw.cell_type, raw.source, dict(raw.metadata), path, line))
    _check_cells(path, cells)
    return cells


def refuse_markers(cells: list[Cell]) -> None:
    """Stop at the first solution marker: a lesson has none, and neither has a cell of text."""
    for cell in cells:
        for offset, line in enumerate(cell.text.splitlines()):
            if cell.kind == "code" and _marker(cell, offset, line) or line.strip() in (OPEN, CLOSE):
                raise cell.error(offset, f"{line.strip()!r} is a marker for code cells of exercises.md only.")


def split(cell: Cell) -> Split:
    """The exercise and the solution in one code cell.

    Raises
    ------
    SourceError
        For a marker that is unknown, misspelt, nested, unclosed or out of place; for an empty region; for a
        stub line that the solution does not contain; for an exercise or a solution that does not parse.
    """
    lines = cell.text.splitlines()
    exercise, solution, secrets, stubbed = [], [], [], []
    region: _Region | None = None
    for offset, line in enumerate(lines):
        marker = _marker(cell, offset, line)
        if marker == "open":
            if region:
                raise cell.error(
                    offset, f"This solution region begins inside the one of line {cell.line + region.start}."
                )
            region = _Region(cell, offset)
        elif marker == "close":
            if not region:
                raise cell.error(
                    offset, f"{CLOSE!r} closes nothing; no {OPEN!r} stands above it in this cell."
                )
            stubbed.append((len(exercise), region))
            exercise += region.stub_lines()
            solution += region.code_lines()
            secrets += region.secrets()
            region = None
        elif marker == "stub":
            if not region:
                raise cell.error(offset, f"{STUB!r} stands outside a solution region.")
            region.add_stub(offset, line)
        elif region:
            region.code.append((offset, line))
        else:
            exercise.append(line)
            solution.append(line)
    if region:
        raise cell.error(
            region.start, f"This solution region is not closed; end it with {CLOSE!r} in the same cell."
        )
    _parse(cell, "\n".join(solution), "The solution")
    tree = _parse(cell, "\n".join(exercise), "The exercise, with its stub in place of the solution,")
    for at, part in stubbed:
        if not part.stubs and not _in_function(tree, at + 1):
            exercise[at] = exercise[at].replace("raise NotImplementedError", "...")
    return Split(cell, "\n".join(exercise), "\n".join(solution), tuple(secrets), bool(stubbed))


def find_traces(splits: list[Split], others: list[Cell]) -> None:
    """Stop when a telling line of a solution can be read in the exercise, in its code or in its text."""
    visible = [(part.cell, part.exercise) for part in splits] + [(cell, cell.text) for cell in others]
    lines = [(cell, _squeeze(line)) for cell, text in visible for line in text.splitlines()]
    for part in splits:
        for offset, secret in part.secrets:
            pieces = list(_telling(secret))
            for cell, line in lines:
                if any(piece in line for piece in pieces):
                    place = f"{shown(cell.path)}:{cell.line}"
                    sentence = (
                        f"This line of the solution can be read in the exercise, in the cell at {place}."
                    )
                    raise part.cell.error(offset, sentence)


def require_exercises(path: Path, number: str, names: dict[str, float], splits: list[Split]) -> None:
    """Stop when an exercise lacks its function, its region or its check, or a check its exercise."""
    trees = [(part, _parse(part.cell, part.solution, "The solution")) for part in splits]
    checked = {}
    for part, tree in trees:
        checked.update(dict.fromkeys(_calls(tree, "check"), part.cell))
    for name in names:
        id = f"{number}.{name}"
        homes = [part for part, tree in trees if _defines(tree, name)]
        if not homes:
            raise SourceError(
                path, 1, f"No code cell defines {name}, which the syllabus lists as exercise {id}."
            )
        if not any(part.has_region for part in homes):
            raise homes[0].cell.error(
                0, f"The cell that defines {name} has no solution region, so the exercise shows the answer."
            )
        if id not in checked:
            raise homes[-1].cell.error(0, f'No code cell calls check("{id}", ...) for this exercise.')
    for id, cell in checked.items():
        if id not in {f"{number}.{name}" for name in names}:
            raise cell.error(0, f"check({id!r}, ...) is no exercise of this lesson in course/syllabus.toml.")


def parses(text: str) -> ast.Module:
    """The syntax tree of a cell; lines of IPython magic count as ``pass``.

    Raises
    ------
    SyntaxError
        As :func:`ast.parse` does.
    """
    if text.lstrip().startswith("%%"):
        return ast.parse("")
    return ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", text, flags=re.MULTILINE))


@dataclass
class _Region:
    """A solution region while its lines are being read. ``start`` is the offset of its opening marker."""

    cell: Cell
    start: int
    stubs: list[tuple[int, str]] = field(default_factory=list)
    code: list[tuple[int, str]] = field(default_factory=list)

    def add_stub(self, offset: int, line: str) -> None:
        text = line.strip().removeprefix(STUB).removeprefix(" ").rstrip()
        if not text:
            raise self.cell.error(offset, "This stub line is empty.")
        self.stubs.append((offset, text))

    def code_lines(self) -> list[str]:
        return [line for _, line in self.code]

    def stub_lines(self) -> list[str]:
        """The lines that stand in the exercise, at the indentation of the solution's first line."""
        first = next((line for _, line in self.code if line.strip()), None)
        if first is None:
            raise self.cell.error(self.start, "This solution region holds no code.")
        for offset, text in self.stubs:
            self._require_known(offset, text)
        indent = first[: len(first) - len(first.lstrip())]
        return [indent + text for text in [text for _, text in self.stubs] or ["raise NotImplementedError"]]

    def secrets(self) -> list[tuple[int, str]]:
        """The lines of the solution that no stub shows."""
        shown = {_squeeze(text) for _, text in self.stubs}
        return [(offset, line) for offset, line in self.code if _squeeze(line) not in shown]

    def _require_known(self, offset: int, text: str) -> None:
        wanted = _squeeze(text)
        if wanted in ("raiseNotImplementedError", "..."):
            return
        start = wanted.removesuffix("...")
        lines = [_squeeze(line) for line in self.code_lines()]
        known = any(line == wanted or start != wanted and line.startswith(start) for line in lines)
        if not known:
            raise self.cell.error(offset, f"The solution does not contain the stub line {text.strip()!r}.")


def _marker(cell: Cell, offset: int, line: str) -> str | None:
    """Which marker a line is: ``"open"``, ``"close"``, ``"stub"`` or None. Near misses are errors."""
    text = line.strip()
    if text in (OPEN, CLOSE):
        return "open" if text == OPEN else "close"
    if text.startswith(STUB):
        return "stub"
    if text.startswith("#") and _looks_like_marker(text.lstrip("#").strip().lower()):
        raise cell.error(
            offset,
            f"{text!r} looks like a marker but is none; markers are {OPEN!r}, {CLOSE!r} and '{STUB} ...'.",
        )
    behind = re.sub(r"\W", "", text.rpartition("#")[2].lower())
    if "#" in text[1:] and min(_distance(behind, word) for word in ("solution", "endsolution")) <= 2:
        raise cell.error(offset, f"A marker stands on a line of its own: {OPEN!r} or {CLOSE!r}.")
    return None


def _looks_like_marker(comment: str) -> bool:
    if min(_distance(comment, word) for word in ("solution", "end solution", "stub")) <= 2:
        return True
    words = re.findall(r"\w+", comment)
    near_solution = [_distance(word, "solution") <= 2 for word in words]
    if any(near_solution[:1]) or any(near_solution) and len(words) <= 4:
        return True
    if re.match(r"\w+\s*:", comment):
        return _distance(words[0], "stub") <= 2
    return words[:1] == ["stub"]


def _distance(a: str, b: str) -> int:
    """Levenshtein's edit distance (1966)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def _telling(line: str) -> Iterator[str]:
    """What of a solution's line would give it away: the line, and the value it computes when that takes much.

    Imports, definitions, the heads of loops and lines that compute nothing or only call one function by its
    name tell nothing.
    """
    code = _without_comment(line)
    try:
        statement = ast.parse(code + " pass" if code.endswith(":") else code).body[0]
    except (SyntaxError, IndexError):
        if len(_squeeze(code)) >= 16 and re.search(r"[-+*/@(]", code):
            yield _squeeze(code)  # a piece of a statement over several lines, or an ``else`` part with code
        return
    quiet = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.For, ast.With)
    calls = [
        node for node in ast.walk(statement) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    if isinstance(statement, quiet) or _weight(statement) == 0 or _weight(statement) == len(calls) == 1:
        return
    if len(_squeeze(code)) >= 8:
        yield _squeeze(code)
    value = getattr(statement, "value", None)
    if isinstance(value, ast.AST) and _weight(value) >= 4:
        yield _squeeze(ast.get_source_segment(code, value) or code)


def _weight(tree: ast.AST) -> int:
    """How much a piece of code computes: its operations and calls."""
    work = (ast.BinOp, ast.Call, ast.Compare, ast.AugAssign, ast.Subscript)
    return sum(isinstance(node, work) for node in ast.walk(tree))


def _without_comment(line: str) -> str:
    """The line without the comment at its end; a ``#`` within quotes stays."""
    return re.sub(r"""(("[^"]*"|'[^']*'|[^"'#])*)#.*$""", r"\1", line).strip()


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _parse(cell: Cell, text: str, what: str) -> ast.Module:
    try:
        return parses(text)
    except SyntaxError as error:
        raise cell.error(
            0, f"{what} does not parse: {error.msg} in {(error.text or '').strip()!r}."
        ) from error


def _in_function(tree: ast.Module, line: int) -> bool:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(node.lineno < line <= node.end_lineno for node in functions)


def _defines(tree: ast.Module, name: str) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name for node in tree.body)


def _calls(tree: ast.Module, name: str) -> Iterator[str]:
    """The first argument of each call of ``name`` that begins with a string."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called), args=[ast.Constant(value=str(first)), *_]) if (
                called == name
            ):
                yield first


def _check_cells(path: Path, cells: list[Cell]) -> None:
    if not cells or cells[0].kind != "markdown" or not cells[0].text.startswith("# "):
        raise SourceError(
            path, cells[0].line if cells else 1, "The first cell must be text that begins with '# Title'."
        )
    for cell in cells:
        if cell.kind == "raw":
            raise cell.error(0, "Raw cells are not used in this course.")
        if unknown := cell.metadata.keys() - {"tags"}:
            raise cell.error(0, f"Unknown cell option {min(unknown)!r}; the options are tags and load.")
        for tag in cell.tags:
            if tag not in TAGS and not TOLERANCE_TAG.fullmatch(tag):
                raise cell.error(
                    0, f"Unknown tag {tag!r}; the tags are {', '.join(sorted(TAGS))} and nbval-tol=NUMBER."
                )


def _loaded(path: Path, start: int, raw: NotebookNode) -> Cell:
    """The cell whose code is a file beside the text notebook."""
    code = path.with_name(raw.metadata["load"])
    if raw.source.strip():
        raise SourceError(
            path, start + 1, f"This cell loads {code.name} and has code of its own; it can have one of them."
        )
    if not code.is_file():
        raise SourceError(
            path, start + 1, f"This cell loads {code.name}, which is not in the lesson's folder."
        )
    metadata = {key: value for key, value in raw.metadata.items() if key != "load"}
    return Cell("code", code.read_text(encoding="utf-8").strip("\n"), metadata, code, 1)


def _first_line(lines: list[str], start: int, text: str) -> int:
    """The line, counted from 1, on which a cell's text begins; ``start`` is where its fence or block does."""
    first = text.splitlines()[0]
    for number in range(start, len(lines)):
        if lines[number].rstrip() == first.rstrip():
            return number + 1
    return start + 1


def shown(path: Path) -> str:
    """The path as a maintainer types it: from the repository's root where it is inside."""
    root = Path(__file__).parents[2]
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
