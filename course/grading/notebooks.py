"""From the bytes of a notebook to its code: whatever its age, its metadata or the order of its cells."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from course.grading.names import lesson_in
from course.syllabus import UnknownLesson, find, lessons

MAX_CODE = 1_000_000  # characters in all code cells
MAX_ANSWERS = 20_000  # characters in the cell of quiz answers
ANSWERS = re.compile(r"^[ \t]*answers[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
CHECKED = re.compile(r"""\bcheck\(\s*f?["'](\d\d)\.\w+["']""")
DEFINED = re.compile(r"^\s*(?:def|class)\s+(\w+)", re.MULTILINE)


class NotGradable(Exception):
    """The notebook holds nothing to grade; the text is a sentence for its author."""


@dataclass(frozen=True)
class Code:
    """What counts in a notebook: the code cells in order, the lesson that its metadata name, the quiz
    answers.
    """

    cells: tuple[str, ...]
    lesson: str = ""
    answers: dict[str, Any] = field(default_factory=dict, hash=False)
    note: str = ""

    @property
    def content_hash(self) -> str:
        """The SHA-256 of the code alone: outputs, texts and metadata change no mark."""
        return hashlib.sha256(json.dumps(self.cells).encode()).hexdigest()


def read(data: bytes) -> Code:
    """The code of a notebook.

    Raises
    ------
    NotGradable
        When the bytes are no notebook, or hold no code, or too much of it.
    """
    notebook = _notebook(data)
    if not isinstance(notebook.get("cells"), list):
        raise NotGradable(
            "The file has no list of cells, so it is no notebook. Save it in Jupyter and send it again."
        )
    cells = tuple(_plain(_source(cell)) for cell in notebook["cells"] if _is_code(cell))
    if not any(cell.strip() for cell in cells):
        raise NotGradable("The notebook has no code in it.")
    size = sum(map(len, cells))
    if size > MAX_CODE:
        raise NotGradable(f"The notebook holds {size:,} characters of code; the limit is {MAX_CODE:,}.")
    answers, note = _answers(cells)
    return Code(cells, _named_lesson(notebook), answers, note)


def lesson_of(code: Code, file_name: str) -> str:
    """The number of the lesson, by majority of metadata, file name and code; ``""`` when none tells.

    The code has the last word where the three disagree: metadata and names are copied along, code is not.
    """
    by_code = _lesson_of_code(code.cells)
    votes = Counter(vote for vote in (by_code, code.lesson, lesson_in(file_name)) if vote)
    if not votes:
        return ""
    best, count = votes.most_common(1)[0]
    return best if count > 1 or not by_code else by_code


def _lesson_of_code(cells: tuple[str, ...]) -> str:
    """The lesson that most checks and most function names belong to."""
    text = "\n".join(cells)
    known = {lesson.number for lesson in lessons()}
    votes = Counter(number for number in CHECKED.findall(text) if number in known)
    defined = set(DEFINED.findall(text))
    for lesson in lessons():
        votes[lesson.number] += len(defined & set(lesson.exercises))
    best = votes.most_common(1)
    return best[0][0] if best and best[0][1] else ""


def _notebook(data: bytes) -> dict[str, Any]:
    if not data.strip():
        raise NotGradable("The file is empty. Save the notebook in Jupyter and send it again.")
    try:
        value = json.loads(data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"))
    except UnicodeDecodeError:
        raise NotGradable("The file is not text in UTF-8, so it is no notebook.") from None
    except (ValueError, RecursionError) as error:
        reason = f": {error}" if isinstance(error, json.JSONDecodeError) else ""
        raise NotGradable(f"The file is not valid JSON, so it is no notebook{reason}.") from None
    if not isinstance(value, dict):
        raise NotGradable(f"The file holds a JSON {type(value).__name__}, not a notebook.")
    major = value.get("nbformat", 4)
    if isinstance(major, int) and 1 <= major < 4:
        return _upgraded(value, major)
    return value


def _upgraded(value: dict[str, Any], major: int) -> dict[str, Any]:
    """A notebook of an older format in today's one."""
    import nbformat

    try:
        return nbformat.reads(json.dumps(value), as_version=4)
    except Exception:  # the converters of dead formats fail in any way on a malformed file
        raise NotGradable(
            f"The notebook is of format {major} and cannot be converted. Open it in Jupyter, save it, "
            "send it again."
        ) from None


def _is_code(cell: Any) -> bool:
    return isinstance(cell, dict) and cell.get("cell_type") == "code"


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _plain(text: str) -> str:
    """The text without halves of characters, which no file and no database can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _named_lesson(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    ours = metadata.get("gradient_clinic") if isinstance(metadata, dict) else None
    number = ours.get("lesson") if isinstance(ours, dict) else None
    try:
        return find(number).number if isinstance(number, str) else ""
    except (UnknownLesson, ValueError):
        return ""


def _answers(cells: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """The last plain ``answers = {...}``, and a note when there is one that is not plain."""
    note = ""
    for cell in reversed(cells):
        if not ANSWERS.search(cell):
            continue
        value = _literal(cell)
        if isinstance(value, dict):
            return {str(key)[:100]: answer for key, answer in value.items()}, note
        note = (
            "The quiz answers could not be read. Write them plainly, as in answers = {'q1': 'b', 'q2': 0.5}, "
            "without computing anything."
        )
    return {}, note


def _literal(cell: str) -> Any:
    """The value given to ``answers`` in this cell, read without running anything; ``None`` when it is no
    literal.
    """
    if len(cell) > MAX_ANSWERS:
        return None
    lines = ["pass" if line.lstrip().startswith(("%", "!")) else line for line in cell.splitlines()]
    try:
        tree = ast.parse("\n".join(lines))
        for statement in reversed(tree.body):
            targets = (
                statement.targets
                if isinstance(statement, ast.Assign)
                else [getattr(statement, "target", None)]
            )
            if any(isinstance(target, ast.Name) and target.id == "answers" for target in targets):
                return ast.literal_eval(statement.value)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None
    return None
