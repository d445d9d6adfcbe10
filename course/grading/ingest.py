"""From what was handed in to one piece of work per student and lesson.

No student is lost: what cannot be graded becomes a piece of work with a problem.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from course.grading import archives, notebooks
from course.grading.archives import Sent
from course.grading.names import Sender, attempt, clean, common_folder, lesson_in, sender


@dataclass(frozen=True)
class Work:
    """What one student sent for one lesson.

    ``student`` tells students apart, ``name`` is for reading. ``problem`` says why there is nothing to grade,
    and is ``""`` otherwise. ``note`` is what an instructor should know besides. ``lesson`` is ``""`` when
    nothing tells it.
    """

    student: str
    name: str
    lesson: str
    file: str
    id: str = ""
    late: bool = False
    cells: tuple[str, ...] = ()
    answers: dict[str, Any] = field(default_factory=dict, hash=False)
    content_hash: str = ""
    problem: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Item:
    sender: Sender
    file: str
    order: tuple[float, float, str]
    lesson: str = ""
    code: notebooks.Code | None = None
    problem: str = ""


def ingest(paths: Iterable[str | Path], lesson: str = "", student: str = "") -> list[Work]:
    """Everything that was handed in, one piece of work per student and lesson, sorted by student and lesson.

    Parameters
    ----------
    paths : iterable of paths
        Notebooks, folders, and zips as Canvas and Moodle export them.
    lesson : str
        The number of the lesson that every notebook belongs to. By default each notebook tells.
    student : str
        The student who sent everything. By default names of files and folders tell.

    Raises
    ------
    course.grading.archives.Unreadable
        When one of ``paths`` is nothing that can hold notebooks.
    """
    items: dict[str, list[_Item]] = defaultdict(list)
    for path in paths:
        for item in _items(Path(path), lesson):
            items[student or item.sender.key].append(
                replace(item, sender=Sender(student, student)) if student else item
            )
    works = [work for student in sorted(items) for work in _works(items[student])]
    known = {work.lesson for work in works if work.lesson}
    if len(known) == 1:  # a class that hands in one lesson: what does not tell its lesson belongs to it
        works = _one_lesson(works, known.pop())
    return works


def _items(path: Path, lesson: str) -> list[_Item]:
    """What lies in one path of the command line. Of each notebook only the code is kept."""
    found = [(replace(sent, data=None), *_judged(sent)) for sent in archives.read(path)]
    wrapped = _wrapping([sent for sent, _, _ in found])
    return [_item(sent, code, problem, lesson, wrapped[sent.path]) for sent, code, problem in found]


def _judged(sent: Sent) -> tuple[notebooks.Code | None, str]:
    if sent.data is None:
        return None, sent.problem
    try:
        return notebooks.read(sent.data), ""
    except notebooks.NotGradable as error:
        return None, str(error)


def _wrapping(sent: Sequence[Sent]) -> dict[tuple[str, ...], int]:
    """For each file, how many of its folders hold the whole class."""
    outer = common_folder([one.path for one in sent])
    inner: dict[str, list[Sent]] = defaultdict(list)
    for one in sent:
        inner[one.path[outer]].append(one)
    depths = {}
    for name, group in inner.items():
        # A zip among the files: a student's own, or another class's.
        deeper = common_folder([one.path[outer:] for one in group]) if name.lower().endswith(".zip") else 0
        depths |= {one.path: outer + deeper for one in group}
    return depths


def _item(sent: Sent, code: notebooks.Code | None, problem: str, lesson: str, depth: int) -> _Item:
    who = sender(sent.path[depth:], sent.within)
    if code is None and not problem:
        kind = "" if sent.name.lower().endswith(".ipynb") else f" ({clean(sent.name)} is none)"
        problem = f"No notebook was sent{kind}. Send the .ipynb file."
        order = (-1.0, 0.0, sent.shown)  # data, pictures and the like say nothing when there is a notebook
    else:
        order = (attempt(sent.name), sent.modified, sent.shown)
    number = lesson or (notebooks.lesson_of(code, sent.name) if code else lesson_in(sent.name))
    return _Item(who, clean(sent.shown), order, number, code, problem)


def _works(items: list[_Item]) -> list[Work]:
    """One piece of work per lesson of one student; the newest notebook counts, and the others are named."""
    by_lesson: dict[str, list[_Item]] = defaultdict(list)
    for item in items:
        by_lesson[item.lesson].append(item)
    gradable = [number for number, group in by_lesson.items() if any(item.code for item in group)]
    stray = by_lesson.pop("", []) if gradable and "" not in gradable else []
    works = [_work(group) for _, group in sorted(by_lesson.items())]
    notes = [f"{item.file}: {item.problem}" for item in stray if item.order[0] >= 0]
    if notes:
        works[0] = replace(works[0], note=_joined(works[0].note, *notes))
    return works


def _work(group: list[_Item]) -> Work:
    group = sorted(group, key=lambda item: item.order, reverse=True)
    chosen = next((item for item in group if item.code), group[0])
    others = [item for item in group if item is not chosen and item.order[0] >= 0]
    notes = [f"{item.file}: {item.problem}" for item in others if item.problem]
    older = [item.file for item in others if item.code]
    if older:
        notes.insert(
            0, f"Of {len(older) + 1} notebooks the newest, {chosen.file}, counts; not {', '.join(older)}."
        )
    who, code = chosen.sender, chosen.code or notebooks.Code(())
    problem = chosen.problem
    if chosen.code and not chosen.lesson:
        problem = "Nothing in this notebook tells which lesson it belongs to. Name it with --lesson."
    return Work(
        student=who.key,
        name=who.name,
        lesson=chosen.lesson,
        file=chosen.file,
        id=who.id,
        late=who.late,
        cells=code.cells,
        answers=code.answers,
        content_hash=code.content_hash if chosen.code else "",
        problem=problem,
        note=_joined(code.note, *notes),
    )


def _one_lesson(works: list[Work], number: str) -> list[Work]:
    placed = []
    has = {work.student for work in works if work.lesson}
    for work in works:
        if work.lesson or work.student in has:
            placed.append(work)
        else:
            problem = "" if work.content_hash else work.problem
            placed.append(replace(work, lesson=number, problem=problem))
    return placed


def _joined(*notes: str) -> str:
    return " ".join(note for note in notes if note)
