"""Counting and drawing a standing."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from course import syllabus
from course.progress import Progress, drawing, standing
from course.progress.standing import standings
from course.progress.store import Tally

QUESTIONS = {"00": ["00.q1"], "01": ["01.q1", "01.q2"], "02": ["02.q1"]}
PASSED = Tally(passed=True, attempts=1)
FAILED = Tally(passed=False, attempts=2)


@pytest.fixture(autouse=True)
def three_lessons(monkeypatch):
    """The syllabus grows; these tests hold for a syllabus of three lessons in two parts."""

    def lesson(number, name, title, part, *exercises):
        return syllabus.Lesson(number, name, title, part, 10, (), (), dict.fromkeys(exercises, 1.0))

    made = (
        lesson("00", "start_here", "Start here", "How it learns", "double"),
        lesson("01", "forward_pass", "Forward pass", "How it learns", "softmax", "mlp_forward"),
        lesson("02", "backward_pass", "Backward pass & more", "Why it fails", "relu_backward"),
    )
    monkeypatch.setattr(syllabus, "lessons", lambda: made)


def some_done():
    tallies = {
        ("check", "00.double"): PASSED,
        ("quiz", "00.q1"): PASSED,
        ("check", "01.softmax"): FAILED,
        ("check", "01.mlp_forward"): PASSED,
        ("quiz", "01.q1"): PASSED,
        ("prediction", "01.xor"): PASSED,
        ("check", "01.gone_from_the_course"): PASSED,
    }
    return standings(tallies, QUESTIONS)


def test_a_lesson_counts_its_exercises_and_questions_and_nothing_else():
    place = some_done()["01"]
    assert (place.passed, place.total, place.attempts) == (2, 4, 4)
    assert place.count("check") == (1, 2)
    assert place.count("quiz") == (1, 2)


def test_states():
    assert [place.state for place in some_done().values()] == ["done", "begun", "to do"]


def test_next_is_the_first_thing_not_passed_exercises_before_the_quiz():
    assert some_done()["01"].next_item.item_id == "01.softmax"
    done = standings({("check", "00.double"): PASSED}, QUESTIONS)
    assert drawing.next_sentence(done) == "next: quiz question 00.q1 in notebooks/00_start_here.ipynb"


def test_when_all_is_passed_nothing_is_next():
    everything = {("check", id): PASSED for lesson in syllabus.lessons() for id in lesson.exercise_ids}
    everything |= {("quiz", id): PASSED for ids in QUESTIONS.values() for id in ids}
    assert drawing.next_sentence(standings(everything, QUESTIONS)).startswith("next: nothing is left.")


def test_the_text_report():
    assert drawing.text_report(some_done()) == (
        "Gradient Clinic: 4 of 8 passed\n"
        "\n"
        "How it learns\n"
        "✓ 00 Start here            ████████████  exercises 1/1  quiz 1/1\n"
        "◐ 01 Forward pass          ██████░░░░░░  exercises 1/2  quiz 1/2\n"
        "\n"
        "Why it fails\n"
        "○ 02 Backward pass & more  ░░░░░░░░░░░░  exercises 0/1  quiz 0/1\n"
        "\n"
        "next: exercise 01.softmax in exercises/01_forward_pass.ipynb"
    )


def test_a_terminal_without_these_characters_gets_others():
    text = drawing.text_report(some_done(), encoding="cp1252")
    assert "- 01 Forward pass          ######......" in text
    text.encode("ascii")


def test_the_report_of_a_new_learner_says_where_to_begin(url):
    report = Progress.open(url).text_report()
    assert report.endswith("next: exercise 00.double in exercises/00_start_here.ipynb")


class Tags(HTMLParser):
    """Checks that tags are balanced and keeps what is read aloud."""

    def __init__(self):
        super().__init__()
        self.open, self.aloud, self.silent = [], [], 0

    def handle_starttag(self, tag, attrs):
        self.open.append((tag, dict(attrs)))
        self.silent += tag == "style" or dict(attrs).get("aria-hidden") == "true"

    def handle_endtag(self, tag):
        opened, attrs = self.open.pop()
        assert opened == tag
        self.silent -= tag == "style" or attrs.get("aria-hidden") == "true"

    def handle_data(self, data):
        if not self.silent:
            self.aloud.append(data)


def test_the_map_says_in_words_what_it_shows_in_colour():
    html = drawing.map_html(some_done())
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    aloud = " ".join("".join(tags.aloud).split())
    assert "00 Start here done" in aloud
    assert "01 Forward pass begun, next" in aloud
    assert "02 Backward pass & more to do" in aloud
    assert "next: exercise 01.softmax" in aloud
    assert html.count('aria-current="step"') == 1


def test_the_map_brings_html_and_plain_text(url):
    bundle = Progress.open(url).map_view()._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"].startswith("Gradient Clinic: 0 of ")


def test_the_maps_colours_can_be_told_from_their_ground():
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a, b):
        light, dark = sorted((luminance(a), luminance(b)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    shapes = set(re.findall(r"#[0-9a-f]{6}", drawing.CSS))
    assert len(shapes) == 4
    for ground in ("#ffffff", "#111111"):
        assert all(contrast(shape, ground) >= 3 for shape in shapes)


def test_questions_are_read_from_the_lessons_quiz_and_a_broken_quiz_counts_as_none(monkeypatch, tmp_path):
    monkeypatch.setattr(syllabus.Lesson, "folder", tmp_path)
    lesson = syllabus.lessons()[1]
    assert standing.quiz_ids(lesson) == ()
    (tmp_path / "quiz.yaml").write_text("questions:\n- id: q1\n- id: q2\n", encoding="utf-8")
    assert standing.quiz_ids(lesson) == ("01.q1", "01.q2")
    (tmp_path / "quiz.yaml").write_text("questions: [", encoding="utf-8")
    assert standing.quiz_ids(lesson) == ()


def test_importing_progress_is_light():
    code = "import sys, course.progress; print({'sqlalchemy', 'numpy', 'yaml', 'IPython'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=environment) == "set()\n"
