"""What is written for instructor and students: right, readable, and only text whatever a submission is
called.
"""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from course.grading import reports, summary
from course.grading.ingest import Work
from course.grading.marks import mark
from course.grading.store import Graded, Judged

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}\x00\x1b]0;\ud800"


def graded(*judged, note=""):
    return Graded(7, "walls", 1.0, judged, note)


def a_mark(student="ann_1", name="ann", *judged, failed=False, **changes):
    work = Work(**{"student": student, "name": name, "lesson": "02", "file": "hw.ipynb"} | changes)
    return mark(work, graded(*judged) if judged else None, failed)


HALF = Judged("02.relu_backward", "not passed", 0.5, "dx is `wrong`.", "mask by dy", "a batch of 1", 2, 4)
PASSED = Judged("02.dense_backward", "passed", 1.0, passed=5, cases=5)
CRASHED = Judged("02.planted_bugs", "crashed", 0.0, "Your function crashed Python itself.", cases=4)


class Page(HTMLParser):
    """The text of a page and its elements; fails on an element that no template writes."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.attributes = [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text += f" {data} "


def test_points_are_weighed_by_the_syllabus_and_missing_exercises_count_nothing():
    one = a_mark("ann_1", "ann", PASSED, HALF)
    assert (one.points, one.possible) == (2.5, 12)
    assert [line.judged.status for line in one.lines][2:] == ["not attempted"] * 4


def test_feedback_says_what_passed_what_is_wrong_and_how_to_go_on():
    page = Page(reports.feedback(a_mark("ann_1", "ann", PASSED, HALF, CRASHED)))
    text = " ".join(page.text.split())
    assert "2.5 of 12 points." in text and "1 of 6 exercises passed." in text
    assert "✓ 02.dense_backward : passed, 2 of 2 points" in text
    assert "02.relu_backward : partly passed, 0.5 of 1 point" in text
    assert "On a batch of 1: dx is wrong . 2 of 4 cases hold. Hint: " in text
    assert (
        "02.planted_bugs : crashed, 0 of 3 points" in text and "Your function crashed Python itself." in text
    )
    assert "02.tape_matmul : not attempted" in text and "There is no attempt in your notebook." in text
    assert "Hint 2 of 3" in text


def test_feedback_is_accessible():
    html = reports.feedback(a_mark("ann_1", "ann", PASSED, HALF))
    page = Page(html)
    assert '<html lang="en">' in html and page.tags.count("h1") == 1 and "main" in page.tags
    headings = [tag for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings == ["h1", *["h2"] * 6]
    labels = {value for _, name, value in page.attributes if name == "aria-labelledby"}
    assert labels <= {value for _, name, value in page.attributes if name == "id"} and len(labels) == 6
    assert html.count('aria-hidden="true"') == 6  # each sign stands beside its words


@pytest.mark.parametrize("problem", ["The file is empty.", ""])
def test_a_page_without_marks_says_why(problem):
    text = Page(reports.feedback(a_mark(problem=problem, failed=not problem))).text
    assert (problem or "The grader did not finish with this notebook.") in text
    assert "not attempted" not in text


def test_names_and_messages_are_only_text_in_every_page():
    evil = Judged("02.relu_backward", "not passed", 0.0, EVIL, EVIL, EVIL, 0, 4)
    one = a_mark(EVIL, EVIL, evil, file=EVIL, note=EVIL, id="1")
    lost = a_mark(EVIL + "2", EVIL, lesson="", problem=EVIL)
    for html in (reports.feedback(one), reports.feedback(lost), summary.page([one, lost])):
        page = Page(html)
        assert not {"script", "img"} & (set(page.tags) - {"img"}) and "alert(1)" in page.text
        assert all("onerror" not in name for _, name, _ in page.attributes)
        assert all(
            value.startswith("data:image/png") for tag, name, value in page.attributes if name == "src"
        )
        assert "49" not in page.text
        assert "Content-Security-Policy" in html and "script-src" not in html


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\r=1",
        "＝1",
        "|calc",
        "x;=1+1",
        'x",=1',
        "=cmd|' /C calc'!A0",
        "%0A=1",
    ],
)
def test_no_cell_is_a_formula_in_any_spreadsheet(text):
    written = reports._csv([a_mark(text, text, PASSED, file=text, note=text)])
    for delimiter in ",;\t":
        for row in csv.reader(io.StringIO(written), delimiter=delimiter):
            for cell in row:
                assert not cell.lstrip(' "').startswith(("=", "+", "-", "@", "＝", "|", "%"))


def test_the_table_keeps_ordinary_names_and_reads_back():
    written = reports._csv([a_mark("o'brien, ann_1", "Ünal O'Brien", PASSED, HALF)])
    (row,) = csv.DictReader(io.StringIO(written))
    assert (row["student"], row["name"], row["points"], row["percent"]) == (
        "o'brien, ann_1",
        "Ünal O'Brien",
        "2.5",
        "20.83",
    )


def test_results_json_is_what_gradescope_takes():
    result = json.loads(json.dumps(reports.gradescope(a_mark("ann_1", "ann", PASSED, HALF))))
    assert result["score"] == sum(test["score"] for test in result["tests"]) == 2.5
    assert {test["status"] for test in result["tests"]} == {"passed", "failed"}
    assert result["visibility"] == "visible" and result["stdout_visibility"] == "hidden"
    assert all(0 <= test["score"] <= test["max_score"] for test in result["tests"])
    assert result["tests"][1]["output"].startswith("On a batch of 1: dx is `wrong`.")


def test_junit_is_xml_whatever_the_names():
    evil = Judged("02.relu_backward", "not passed", 0.0, EVIL, EVIL, EVIL, 0, 4)
    marks = [
        a_mark("ann_1", "ann", PASSED, HALF),
        a_mark(EVIL, EVIL, evil),
        a_mark("x", "x", lesson="", problem=EVIL),
    ]
    root = ET.fromstring(reports._junit(marks).encode())
    first, second, third = root
    assert (first.get("tests"), first.get("failures"), first.get("errors")) == ("6", "5", "0")
    assert "<script>" in second.find("testcase[@name='02.relu_backward']/failure").get("message")
    assert third.find("testcase/error") is not None and third.get("errors") == "1"


@pytest.mark.parametrize(
    ("student", "name"),
    [("ann_1", "ann_1"), ("jane-doe", "jane-doe"), ("Ann", "ann-"), ("con", "con-"), ("..", "student-")],
)
def test_a_students_folder_has_a_plain_name(student, name):
    assert reports.folder_name(student).startswith(name)


def test_different_students_have_different_folders_even_where_case_does_not_count():
    students = [
        "ann",
        "Ann",
        "ANN",
        "../ann",
        "a/nn",
        "ann ",
        "ann.",
        "änn",
        "学生",
        "学 生",
        "con",
        "nul",
        EVIL,
        "",
    ]
    folders = {reports.folder_name(student).lower() for student in students}
    assert len(folders) == len(students)
    assert all(re.fullmatch(r"[a-z0-9_-]{1,80}", folder) for folder in folders)


def test_the_summary_names_who_which_exercise_and_which_misconception():
    marks = [a_mark(f"s_{i}", f"student {i}", PASSED, HALF) for i in range(3)] + [
        a_mark("z_9", "zoe", CRASHED)
    ]
    html = summary.page(marks)
    text = " ".join(Page(html).text.split())
    assert "4 submissions of 4 students." in text
    assert "02.relu_backward mask by dy 3 student 0, student 1, student 2 dx is wrong ." in text
    assert "zoe" in text and "! crashed" in text
    alt = next(value for tag, name, value in Page(html).attributes if (tag, name) == ("img", "alt"))
    assert "02.relu_backward: 3 partly passed, 1 not attempted" in alt
    assert "02.planted_bugs: 3 not attempted, 1 crashed, timed out or not graded" in alt


def test_files_are_replaced_whole(tmp_path):
    reports.write([a_mark("ann_1", "ann", PASSED)], tmp_path)
    reports.write([a_mark("ann_1", "ann", PASSED, HALF)], tmp_path)
    assert not list(tmp_path.rglob("*.new"))
    assert "2.5" in (tmp_path / "grades.csv").read_text(encoding="utf-8-sig")
