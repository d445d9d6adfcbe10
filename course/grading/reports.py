"""What is written for instructor and students: marks as CSV, JSON and JUnit XML, feedback and summary HTML.

Names, messages and file names come from submissions. Each format gets them in the form in which they are only
text.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course.grading.marks import NOT_ATTEMPTED, NOT_GRADED, PASSED, Line, Mark, number

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}
SYMBOLS = {PASSED: "✓", "not passed": "✗", NOT_ATTEMPTED: "○", NOT_GRADED: "…"}
PARTLY, TROUBLE = "◐", "!"


def write(marks: Sequence[Mark], out: Path) -> None:
    """Write every report under the folder ``out``; each file is whole or not there at all."""
    from course.grading import summary

    _replace(out / "grades.csv", _csv(marks), encoding="utf-8-sig")
    _replace(out / "junit.xml", _junit(marks))
    _replace(out / "summary.html", summary.page(marks))
    for one in marks:
        folder = out / "students" / folder_name(one.work.student) / (one.work.lesson or "unknown")
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / "feedback.html", feedback(one))
        _replace(folder / "results.json", json.dumps(gradescope(one), indent=1, ensure_ascii=False))


def folder_name(student: str) -> str:
    """A name that every file system takes, different for different students, readable where it can be."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", student.lower()).strip("-")[:60]
    if plain and plain == student and plain not in RESERVED:
        return plain
    digest = hashlib.sha256(student.encode("utf-8", "backslashreplace")).hexdigest()
    return f"{plain or 'student'}-{digest[:8]}"


def symbol(line: Line) -> str:
    """A sign for how an exercise went; words stand beside it wherever it is shown."""
    return PARTLY if line.partial else SYMBOLS.get(line.judged.status, TROUBLE)


def words(line: Line) -> str:
    """How an exercise went, in words."""
    return "partly passed" if line.partial else line.judged.status


def feedback(one: Mark) -> str:
    """The page that a student reads: what passed, what is wrong, and how to go on."""
    return template("feedback.html").render(mark=one, number=number, symbol=symbol, words=words)


def gradescope(one: Mark) -> dict[str, Any]:
    """The marks in the form of Gradescope's ``results.json``."""
    graded = one.graded
    isolation = f"Isolation: {graded.isolation}. Seed: {graded.seed}." if graded else ""
    return {
        "score": round(one.points, 4),
        "execution_time": round(graded.seconds, 3) if graded else 0,
        "output": " ".join(filter(None, (one.problem, one.note))),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_gradescope_test(place, line) for place, line in enumerate(one.lines, 1)],
        "extra_data": {"student": one.work.student, "lesson": one.work.lesson, "grader": isolation},
    }


def _gradescope_test(place: int, line: Line) -> dict[str, Any]:
    return {
        "name": line.id,
        "number": str(place),
        "score": round(line.points, 4),
        "max_score": line.weight,
        "status": "passed" if line.judged.status == PASSED else "failed",
        "output": "\n".join(explanation(line)),
        "output_format": "text",
        "visibility": "visible",
        "extra_data": {"status": line.judged.status, "mistake": line.judged.mistake},
    }


def explanation(line: Line) -> list[str]:
    """What a student should read about an exercise, paragraph by paragraph."""
    judged = line.judged
    if judged.status == PASSED:
        return ["All cases hold." if judged.cases > 1 else "Right."]
    if judged.status == NOT_GRADED:
        return ["This is not graded yet."]
    if judged.status == NOT_ATTEMPTED:
        parts = [judged.message or "There is no attempt in your notebook."]
    else:
        where = f"On {judged.case}: " if judged.case else ""
        tally = f"{judged.passed} of {judged.cases} cases hold." if judged.cases > 1 else ""
        parts = [f"{where}{judged.message}", tally]
    hint = f"Hint: {line.hints[0]}" if line.hints else ""
    return [part for part in (*parts, hint) if part]


def template(name: str) -> Any:
    """A page's template; everything put into it is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["prose"] = _prose
    environment.globals["explanation"] = explanation
    return environment.get_template(name)


def _prose(text: str) -> Any:
    """Text as HTML, with `backquoted` parts as code and lines kept."""
    from markupsafe import Markup, escape

    parts = [str(escape(part)) for part in text.split("`")]
    if len(parts) % 2 == 0:  # an odd number of backquotes: the last one is only a character
        parts[-2:] = [f"{parts[-2]}`{parts[-1]}"]
    html = "".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts))
    return Markup(html.replace("\n", "<br>\n"))


def _csv(marks: Sequence[Mark]) -> str:
    """One row per student and lesson, one column per exercise of the lessons that occur."""
    import io

    ids = list(
        dict.fromkeys(line.id for one in sorted(marks, key=lambda one: one.work.lesson) for line in one.lines)
    )
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    head = [
        "student",
        "name",
        "id",
        "lesson",
        "points",
        "possible",
        "percent",
        "status",
        "late",
        "note",
        "file",
    ]
    writer.writerow([*head, *ids, "isolation", "seed"])
    for one in marks:
        writer.writerow(_row(one, ids))
    return file.getvalue()


def _row(one: Mark, ids: Sequence[str]) -> list[str]:
    lines = {line.id: number(line.points) for line in one.lines}
    percent = number(100 * one.points / one.possible) if one.possible and not one.ungraded else ""
    status = NOT_GRADED if one.ungraded else "nothing to grade" if one.problem else "graded"
    graded = one.graded
    return [
        _cell(one.work.student),
        _cell(one.work.name),
        _cell(one.work.id),
        one.work.lesson,
        "" if one.ungraded else number(one.points),
        number(one.possible),
        percent,
        status,
        "late" if one.work.late else "",
        _cell(" ".join(filter(None, (one.problem, one.note)))),
        _cell(one.work.file),
        *("" if one.ungraded else lines.get(id, "") for id in ids),
        _cell(graded.isolation if graded else ""),
        str(graded.seed) if graded else "",
    ]


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula, whether it reads commas, semicolons or tabs between
    cells.
    """
    text = re.sub(r"[\r\n\t\x00-\x1f]+", " ", text).replace(";", ",")
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def _junit(marks: Sequence[Mark]) -> str:
    suites = ET.Element("testsuites", name="Gradient Clinic")
    for one in marks:
        failed = sum(line.judged.status != PASSED for line in one.lines)
        about = {
            "name": _xml(f"{one.work.student} {one.work.lesson}".strip()),
            "tests": str(max(1, len(one.lines))),
            "failures": str(0 if one.problem else failed),
            "errors": str(max(1, len(one.lines)) if one.problem else 0),
            "time": f"{one.graded.seconds if one.graded else 0:.3f}",
        }
        suite = ET.SubElement(suites, "testsuite", about)
        if not one.lines:
            case = ET.SubElement(suite, "testcase", name="notebook", classname=_xml(one.work.student))
            ET.SubElement(case, "error", message=_xml(one.problem))
        for line in one.lines:
            _junit_case(suite, one, line)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True)


def _junit_case(suite: ET.Element, one: Mark, line: Line) -> None:
    about = {"name": line.id, "classname": _xml(one.work.student), "time": f"{line.judged.seconds:.3f}"}
    case = ET.SubElement(suite, "testcase", about)
    if one.problem:
        ET.SubElement(case, "error", message=_xml(one.problem))
    elif line.judged.status != PASSED:
        failure = ET.SubElement(case, "failure", message=_xml(line.judged.message or line.judged.status))
        failure.set("type", _xml(line.judged.mistake or line.judged.status))
        failure.text = _xml("\n".join(explanation(line)))


def _xml(text: str) -> str:
    return NOT_XML.sub("\ufffd", text)


def _replace(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a file beside its place and move it there, so that no half of it is ever read."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(text.encode(encoding, "replace"))
    os.replace(new, path)
