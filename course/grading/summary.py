"""The page for the instructor: who, which exercise, which misconception."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from course.grading.marks import NOT_ATTEMPTED, NOT_GRADED, PASSED, Line, Mark, number, same_code
from course.syllabus import Lesson, find

KINDS = ("passed", "partly passed", "not passed", "not attempted", "crashed, timed out or not graded")
MOST_NAMES = 12


@dataclass(frozen=True)
class Misconception:
    """A mistake that the checks know, and the students who made it."""

    exercise: str
    label: str
    message: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """What the page says about one lesson. ``figure`` is a PNG in base64, ``alt`` says the same in words."""

    lesson: Lesson
    marks: tuple[Mark, ...]
    ids: tuple[str, ...]
    misconceptions: tuple[Misconception, ...]
    figure: str
    alt: str

    @property
    def mean(self) -> str:
        """The mean of the marks in percent, of those whose grading is finished."""
        shares = [100 * one.points / one.possible for one in self.marks if one.possible and not one.ungraded]
        return f"{sum(shares) / len(shares):.0f}" if shares else "–"


def page(marks: Sequence[Mark]) -> str:
    """The summary of a class as HTML, the figures inside."""
    from course.grading import reports

    numbers = sorted({one.work.lesson for one in marks if one.lesson})
    sections = [
        _section(find(number), [one for one in marks if one.work.lesson == number]) for number in numbers
    ]
    return reports.template("summary.html").render(
        sections=sections,
        homeless=[one for one in marks if one.lesson is None],
        problems=[one for one in marks if one.problem or one.note],
        alike=same_code(marks),
        isolation=sorted({one.graded.isolation for one in marks if one.graded}),
        students=len({one.work.student for one in marks}),
        count=len(marks),
        number=number,
        symbol=reports.symbol,
        words=reports.words,
        folder_name=reports.folder_name,
        most=MOST_NAMES,
    )


def _section(lesson: Lesson, marks: list[Mark]) -> Section:
    ids = tuple(dict.fromkeys(line.id for one in marks for line in one.lines))
    tallies = {id: Counter(_kind(line) for one in marks for line in one.lines if line.id == id) for id in ids}
    alt = _alt(lesson, tallies, len(marks))
    return Section(lesson, tuple(marks), ids, _misconceptions(marks), _figure(tallies), alt)


def _kind(line: Line) -> str:
    if line.judged.status == PASSED:
        return KINDS[0]
    if line.partial:
        return KINDS[1]
    if line.judged.status == "not passed":
        return KINDS[2]
    return KINDS[3] if line.judged.status == NOT_ATTEMPTED else KINDS[4]


def _misconceptions(marks: Sequence[Mark]) -> tuple[Misconception, ...]:
    """The known mistakes, the most frequent first."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in marks:
        for line in one.lines:
            if line.judged.mistake and line.judged.status not in (PASSED, NOT_GRADED):
                key = (line.id, line.judged.mistake)
                found.setdefault(key, []).append((one.work.name, line.judged.message))
    rows = [
        Misconception(id, label, who[0][1], tuple(name for name, _ in who))
        for (id, label), who in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-len(row.students), row.exercise, row.label)))


def _alt(lesson: Lesson, tallies: dict[str, Counter], students: int) -> str:
    parts = [
        f"{id}: " + ", ".join(f"{tally[kind]} {kind}" for kind in KINDS if tally[kind])
        for id, tally in tallies.items()
    ]
    return (
        f"How {students} submissions of lesson {lesson.number} went, exercise by exercise. "
        + "; ".join(parts)
        + "."
    )


def _figure(tallies: dict[str, Counter]) -> str:
    """One bar per exercise, divided by how the class fared; readable without colour."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from course.plots import DPI, STYLE

    looks = (("#009E73", ""), ("#56B4E9", "//"), ("#D55E00", "xx"), ("#FFFFFF", ".."), ("#7F7F7F", "||"))
    with mpl.rc_context(STYLE):
        canvas = Figure(figsize=(8, 1.6 + 0.42 * len(tallies)), dpi=DPI, layout="constrained")
        axes = canvas.subplots()
        left = dict.fromkeys(tallies, 0)
        for kind, (colour, hatch) in zip(KINDS, looks, strict=True):
            widths = [tally[kind] for tally in tallies.values()]
            if not any(widths):
                continue
            starts = list(left.values())
            bars = axes.barh(
                list(tallies),
                widths,
                left=starts,
                label=kind,
                color=colour,
                hatch=hatch,
                edgecolor="#333333",
                lw=0.6,
            )
            axes.bar_label(bars, [str(w) if w else "" for w in widths], label_type="center", **_label_box())
            left = {id: start + width for id, start, width in zip(tallies, starts, widths, strict=True)}
        axes.invert_yaxis()
        axes.grid(False)
        axes.set_xlabel("submissions")
        canvas.legend(loc="outside upper left", ncols=3)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def _label_box() -> dict:
    """A white ground under a bar's number, so that it can be read on any colour and hatch."""
    return {"fontsize": 8, "bbox": {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}}
