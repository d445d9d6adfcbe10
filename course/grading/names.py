"""Who sent a file: the naming conventions of Canvas and Moodle, else folders and file names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from course.syllabus import Lesson, lessons

# Canvas: lastnamefirst_LATE_12345_67890_notebook-1.ipynb (-1 counts resubmissions),
# lastnamefirst_12345_text.html for
# a typed answer, anon_Ab3xY_67890_notebook.ipynb where marking is anonymous.
CANVAS = re.compile(r"(?P<name>.+?)(?P<late>_LATE)?_(?P<id>\d+)_(?:\d+_|text)(?P<file>.*)")
ANONYMOUS = re.compile(r"(?P<name>anon)(?P<late>_LATE)?_(?P<id>[A-Za-z0-9]{4,8})_\d+_(?P<file>.*)")
# Moodle: "Jane Doe_1234567_assignsubmission_file" as a folder, or as the beginning of a file's name.
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)")
RESUBMISSION = re.compile(r"-(\d+)$")
LONGEST = 200


@dataclass(frozen=True)
class Sender:
    """A student as the file's name tells. ``key`` tells students of one class apart; ``id`` is the platform's
    number.
    """

    key: str
    name: str
    id: str = ""
    late: bool = False


def sender(path: Sequence[str], within: str) -> Sender:
    """The student who sent the file at ``path`` (folders and name) inside the folder or zip called
    ``within``.
    """
    for part in path:
        if found := _by_platform(part):
            name, number = clean(found["name"]), found["id"]
            return Sender(f"{name}_{number}", name, number, late=bool(found.groupdict().get("late")))
    name = clean(path[0].removesuffix(".zip")) if len(path) > 1 else _own_name(path[0]) or clean(within)
    return Sender(name, name)


def common_folder(paths: Sequence[Sequence[str]]) -> int:
    """How many leading folders only wrap the whole class, so that they name no student.

    A zip often holds one folder with everything in it. That folder is a student's own when what lies in it
    are notebooks of lessons, and the class's when folders or files named after students lie in it.
    """
    if not paths:
        return 0
    shared = 0  # folders that every file lies in
    while all(len(path) > shared + 1 for path in paths) and len({path[shared] for path in paths}) == 1:
        if _by_platform(paths[0][shared]):
            return 0
        shared += 1
    students = {path[shared] if len(path) > shared + 1 else _own_name(path[shared]) for path in paths}
    return shared if len(students) > 1 and "" not in students else 0


def attempt(name: str) -> int:
    """The number of the resubmission, from Canvas's ``-1``, ``-2`` ...; 0 for the first."""
    stem = name.rsplit(".", 1)[0]
    found = RESUBMISSION.search(stem)
    return int(found[1][:9]) if found else 0


def lesson_in(name: str) -> str:
    """The number of the lesson that a file's name speaks of, or ``""``."""
    for lesson in lessons():
        if _spelt(lesson).search(name):
            return lesson.number
    return ""


def clean(text: str) -> str:
    """A name in one Unicode form, without control and half characters, of bounded length."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    kept = "".join("\ufffd" if _hidden(letter) else letter for letter in text)
    return kept.strip()[:LONGEST] or "unnamed"


def _by_platform(part: str) -> re.Match[str] | None:
    """The student that Canvas or Moodle wrote into the name of a file or folder."""
    return MOODLE.fullmatch(part) or CANVAS.fullmatch(part) or ANONYMOUS.fullmatch(part)


def _hidden(letter: str) -> bool:
    """Control characters, and those that turn the direction of text so that a name reads as another one."""
    return (
        unicodedata.category(letter) == "Cc"
        or letter in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def _spelt(lesson: Lesson) -> re.Pattern[str]:
    words = lesson.name.replace("_", "[-_ ]*")
    return re.compile(rf"(?<![a-z0-9])(?:{lesson.number}[-_ ]*)?{words}(?![a-z0-9])", re.IGNORECASE)


def _own_name(name: str) -> str:
    """What a file's name says beside the lesson: ``jane`` of ``jane_02_backward_pass.ipynb``; ``""`` when
    nothing.
    """
    stem = name.rsplit(".", 1)[0]
    for lesson in lessons():
        stem = _spelt(lesson).sub("", stem)
    stem = re.sub(r"[-_ ]*copy\d*$|\s*\(\d+\)$", "", stem, flags=re.IGNORECASE).strip("-_ ")
    return clean(stem) if stem else ""
