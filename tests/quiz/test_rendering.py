"""The widget sends no answer to the browser, judges in Python, and has a readable fallback."""

# ruff: noqa: E501  (a message that must be word for word stays on one line)

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from course import quiz
from course.quiz import rendering
from course.syllabus import lessons

SAMPLE = quiz.load(Path(__file__).with_name("sample.yaml"))
SHEET = quiz.draw(SAMPLE, 0)
WRITTEN = [lesson for lesson in lessons() if (lesson.folder / "quiz.yaml").exists()]


@pytest.fixture
def heard():
    return []


@pytest.fixture
def view(heard):
    return rendering.view(SHEET, lambda verdict, answer: heard.append((verdict.question_id, verdict.status, answer)))


def receive(view, content):
    """What happens in the kernel when the browser sends an answer."""
    view._handle_custom_msg(content, [])


def state(view) -> str:
    return json.dumps({name: value for name, value in view.get_state().items() if name not in ("_esm", "_css")})


def test_an_answer_from_the_browser_is_judged_shown_and_passed_on(view, heard):
    receive(view, {"id": "q1", "answer": ["a"]})
    assert view.replies["q1"]["status"] == "wrong"
    assert "Not right. Nothing here divides by the batch size." in view.replies["q1"]["html"]
    receive(view, {"id": "q1", "answer": ["b"]})
    receive(view, {"id": "q3", "answer": "96"})
    assert heard == [("q1", "wrong", "a"), ("q1", "right", "b"), ("q3", "right", 96.0)]


def test_an_answer_that_cannot_be_read_is_explained_and_does_not_count(view, heard):
    for answer in ("0,5", "", None, {"a": 1}):
        receive(view, {"id": "q3", "answer": answer})
        assert view.replies["q3"]["status"] == "unread"
    receive(view, {"id": "q1", "answer": []})
    receive(view, {"id": "nothing", "answer": "a"})
    assert heard == [] and set(view.replies) == {"q1", "q3"}


def test_the_same_answer_twice_is_announced_twice(view):
    receive(view, {"id": "q1", "answer": ["a"]})
    before = view.replies
    receive(view, {"id": "q1", "answer": ["a"]})
    assert view.replies != before


def test_a_failing_listener_does_not_swallow_the_feedback():
    def fails(verdict, answer):
        raise OSError("no space left on device")

    view = rendering.view(SHEET, fails)
    with pytest.raises(OSError):
        view.answer(q1="b")
    assert view.replies["q1"]["status"] == "right"


def test_earlier_answers_are_shown_again_and_not_passed_on(heard):
    view = rendering.view(SHEET, lambda *_: heard.append(1), {"q1": "b", "q2": "ab", "q3": "not a number"})
    assert {name: reply["status"] for name, reply in view.replies.items()} == {"q1": "right", "q2": "wrong"}
    assert heard == []


def test_what_the_browser_gets_tells_no_answer(view):
    secrets = ["right", "why", "Nothing here", "biases are missing", "96", "Gradients need"]
    for shown in (state(view), view._repr_mimebundle_()[0]["text/html"], str(view)):
        # The random number of a widget may hold any digits.
        shown = re.sub("[0-9a-f]{32}", "", shown.replace("questions right", ""))
        assert [secret for secret in secrets if secret in shown] == []
    assert "right" not in state(rendering.prediction_view(SAMPLE.prediction("cost"), print))


def test_the_script_knows_no_answer_and_loads_nothing_from_elsewhere():
    script = (rendering.HERE / "quiz.js").read_text(encoding="utf-8")
    assert not re.search(r"https?:|import\(|fetch\(", script)


def test_a_prediction_is_noted_once_and_then_kept(heard):
    view = rendering.prediction_view(SAMPLE.prediction("cost"), heard.append)
    receive(view, {"id": "cost", "answer": []})
    assert view.replies["cost"]["status"] == "unread" and not view.replies["cost"]["locked"]
    receive(view, {"id": "cost", "answer": ["b"]})
    receive(view, {"id": "cost", "answer": ["a"]})
    assert heard == ["b"]
    reply = view.replies["cost"]
    assert reply["status"] == "noted" and reply["locked"] and "Noted: b. Now run the next cell." in reply["html"]
    kept = rendering.prediction_view(SAMPLE.prediction("cost"), heard.append, "a")
    assert kept.replies["cost"]["answer"] == "a" and heard == ["b"]


def test_the_bundle_holds_widget_html_and_a_short_stable_text(view):
    data = view._repr_mimebundle_()[0]
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/plain", "text/html"}
    assert data["text/plain"] == "Quiz with 5 questions"
    assert data["text/html"] == rendering.view(SHEET, print)._repr_mimebundle_()[0]["text/html"]
    poll = rendering.prediction_view(SAMPLE.prediction("cost"), print)._repr_mimebundle_()[0]
    assert poll["text/plain"] == "Prediction 'cost' with 2 choices"
    assert poll["text/html"] == (
        "<div><p><strong>Your prediction</strong></p>"
        "<p>A backward pass costs about how many forward passes?</p>"
        '<ul style="list-style: none"><li>a. one or two</li><li>b. one per weight</li></ul></div>'
    )


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], set(), ""

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.seen.add(tag)
        assert not [name for name, _ in attributes if name.startswith("on")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_fallback_is_well_formed_readable_and_keeps_the_tex():
    page = Tags()
    page.feed(rendering.fallback(SHEET))
    assert page.open == [] and not page.seen & {"script", "form", "input", "math", "img"}
    for item in SHEET.items:
        assert f"{item.id}: " in page.text
    assert "Each $W_{ij}$ meets" in page.text and "z = 1.54" in page.text


def test_the_text_for_a_terminal_holds_every_question(view):
    assert str(view).startswith("q1: choose one. Why is $\\frac{\\partial L}{\\partial W}$")
    assert "\n  c. ReLU\n" in str(view) and "q4: type a number (accepted within 2 %). What" in str(view)


def test_text_cannot_bring_markup_of_its_own():
    assert rendering.html("a <b>c</b> & <script>x</script>", inline=True) == (
        "a &lt;b&gt;c&lt;/b&gt; &amp; &lt;script&gt;x&lt;/script&gt;"
    )
    assert rendering.html("`$x$`", inline=True) == "<code>$x$</code>"
    assert rendering.html("$a<b$", dollars=True, inline=True) == '<span class="math inline">$a&lt;b$</span>'


@pytest.mark.parametrize(
    "tex",
    ["\\partial L/\\partial W", "\\frac{\\partial L}{\\partial W^{(1)}}", "\\hat{y}_i", "W^\\top x", "\\lVert g \\rVert_2",
     "\\mathbb{R}^{n \\times m}", "\\sum_{i=1}^n x_i", "\\text{batch size}", "\\sigma'(z)", "10^{-3}", "a < b",
     "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "\\sqrt{2/n}", "\\odot", "\\mathbf{W}", "\\eta \\nabla L"],
)  # fmt: skip
def test_the_maths_of_the_course_becomes_mathml(tex):
    assert ElementTree.fromstring(rendering.mathml(tex)).tag.endswith("math")


@pytest.mark.parametrize(
    ("tex", "message"),
    [
        ("\\foo x", "The formula $\\foo x$ uses \\foo, which cannot be shown."),
        ("a_", "The formula $a_$ cannot be read (MissingSuperScriptOrSubscriptError)."),
        ("\\frac{a", "The formula $\\frac{a$ has a fraction without its two parts."),
        ("\\begin{aligned}a&=b\\end{aligned}", "The formula $\\begin{aligned}a&=b\\end{aligned}$ cannot be read (ParseError)."),
    ],
)  # fmt: skip
def test_maths_that_cannot_be_shown_is_refused(tex, message):
    with pytest.raises(rendering.UnknownMaths) as refused:
        rendering.mathml(tex)
    assert str(refused.value) == message


@pytest.mark.parametrize("lesson", WRITTEN, ids=lambda lesson: lesson.slug)
def test_the_quiz_of_a_lesson_is_whole(lesson):
    """6 to 10 questions, 2 of them drawn, right answers at different letters, every text can be shown."""
    loaded = quiz.load(lesson.folder / "quiz.yaml")
    drawn = sum(question.kind == "numeric" and bool(question.draw) for question in loaded.questions)
    # Lesson 00 only shows how a quiz works.
    assert lesson.number == "00" or (6 <= len(loaded.questions) <= 10 and drawn >= 2)
    single = [question for question in loaded.questions if question.kind == "single"]
    keys = {choice.key for question in single for choice in question.choices if choice.right}
    assert len(single) < 3 or len(keys) > 1
    for seed in range(5):
        sheet = quiz.draw(loaded, seed)
        view = rendering.view(sheet, lambda *_: None)
        for item in sheet.items:
            for answer in possible_answers(item):
                view.answer(**{item.id: answer})
                assert view.replies[item.id]["status"] in ("right", "wrong")
    for prediction in loaded.predictions:
        rendering.prediction_view(prediction, print)


def possible_answers(item):
    if item.kind == "numeric":
        return [item.expected, 1e14, *(mistake.answer(item.values) for mistake in item.question.mistakes)]
    if item.kind == "ordering":
        return ["".join(option.key for option in item.options)]
    right = "".join(choice.key for choice in item.question.choices if choice.right)
    return [right, *(option.key for option in item.options)]
