"""A quiz file is read as written; a malformed one is refused with file, question and reason."""

# ruff: noqa: E501  (a message that must be word for word stays on one line)

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from course import quiz
from course.quiz.arithmetic import ArithmeticProblem, parse

SAMPLE = Path(__file__).with_name("sample.yaml")

SINGLE = """
  - id: q1
    kind: single
    text: "Why?"
    choices:
      - {key: a, text: "Yes", right: true}
      - {key: b, text: "No", why: "Because."}
"""
NUMERIC = """
  - id: q2
    kind: numeric
    draw: {n: [2, 9]}
    text: "How many for {n}?"
    answer: "n * n"
    why: "Square {n}: {answer}."
    mistakes:
      - {answer: "n + 90", why: "Not a sum."}
"""
ORDERING = """
  - {id: q3, kind: ordering, text: "Order", items: ["one", "two", "three"], why: "By size."}
"""
PREDICTION = """
predictions:
  - {id: cost, text: "How much?", choices: [{key: a, text: "1", right: true}, {key: b, text: "2"}]}
"""
WHOLE = f"questions:{SINGLE}{NUMERIC}{ORDERING}{PREDICTION}"


def reason(tmp_path: Path, text: str) -> str:
    path = tmp_path / "quiz.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(quiz.QuizError) as refused:
        quiz.load(path)
    assert str(refused.value).startswith(f"{path}: ")
    return str(refused.value).removeprefix(f"{path}: ")


def test_the_sample_is_read():
    loaded = quiz.load(SAMPLE)
    assert loaded.name == "quiz"
    assert [(question.id, question.kind) for question in loaded.questions] == [
        ("q1", "single"), ("q2", "multiple"), ("q3", "numeric"), ("q4", "numeric"), ("q5", "ordering"),
    ]  # fmt: skip
    assert loaded.questions[2].draw == {"n": (3, 4, 5, 6, 7, 8, 9), "units": (16, 32, 64)}
    assert loaded.questions[3].draw["z"][:2] == (0.5, 0.51) and loaded.questions[3].draw["z"][-1] == 2.0
    assert loaded.prediction("cost").choices[1].key == "b"
    with pytest.raises(LookupError, match="There is no prediction 'cots'. nearest: cost."):
        loaded.prediction("cots")


def test_the_parts_of_these_tests_are_valid_as_they_stand(tmp_path):
    path = tmp_path / "quiz.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    assert len(quiz.load(path).questions) == 3


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kind: single", "kind: singel", "question q1: unknown kind 'singel'; nearest: single."),
        ("kind: single", "kind: essay", "question q1: unknown kind 'essay'; known: single, multiple, numeric, ordering."),
        ("kind: single", "kind: single\n    hint: x", "question q1: unknown field 'hint'; known: id, kind, text, choices."),
        ("    draw:", "    drawn:", "question q2: unknown field 'drawn'; nearest: draw."),
        ("questions:", "question:", "unknown field 'question'; nearest: questions."),
        ("    kind: numeric\n", "", "question q2: the field 'kind' is missing."),
        ('    text: "Why?"\n', "", "question q1: the field 'text' is missing."),
        ('text: "Why?"', "text: 3", "question q1: 'text' must be text, found 3; put it in quotes."),
        ('text: "Why?"', 'text: " "', "question q1: 'text' is empty."),
        ('text: "Why?"', 'text: "How many {units}?"', "question q1: 'text' uses {units}, but nothing is drawn."),
        ("right: true}\n", 'why: "No."}\n', "question q1: no choice has 'right: true'."),
        ("right: true}\n", "right: 1}\n", "question q1, choice number 1: 'right' must be true or false, found 1."),
        (
            'why: "Because."', "right: true",
            "question q1: 'single' takes one right choice, found a and b; or make it 'multiple'.",
        ),
        (', why: "Because."', "", "question q1: choice b is wrong and has no 'why'; say why it is wrong."),
        ("key: b, text: \"No\"", "key: a, text: \"No\"", "question q1: the key 'a' is given twice."),
        (
            "{key: b", "{key: no",
            "question q1, choice number 2: 'key' must be text, found true or false "
            "(YAML reads a bare yes, no, on, off so); put it in quotes.",
        ),
        ("{key: b", "{key: bb", "question q1, choice number 2: the key 'bb' must be one lower-case letter."),
        ('"No"', '"Yes"', "question q1: the choice text 'Yes' is given twice."),
        ("id: q2", "id: q1", "the id 'q1' is given twice."),
        ("id: q2", "id: Q-2", "question Q-2: the id 'Q-2' must be lower-case letters, digits and _, starting with a letter."),
        ("id: q2", "id: 2", "question number 2: 'id' must be text, found 2; put it in quotes."),
        ('"n * n"', '"n * m"', "question q2: answer 'n * m' uses m, which is not drawn; known: n."),
        ('"n * n"', '"1 / (n - n)"', "question q2: '1 / (n - n)' divides by zero when n = 2."),
        ('"n * n"', '"n ** n ** n"', "question q2: 'n ** n ** n' is not finite or is beyond 1e15 when n = 4."),
        ('"n * n"', '"log(2 - n)"', "question q2: 'log(2 - n)' cannot be computed (math domain error) when n = 2."),
        ('"n * n"', '"n.real"', "question q2: answer 'n.real' may hold only numbers, names, + - * / // % ** and a few functions."),
        ('"n * n"', '"n *"', "question q2: answer 'n *' is no arithmetic expression."),
        ('"n * n"', '"open(n)"', "question q2: answer 'open(n)' calls open; allowed are abs, exp, log, max, min, round, sqrt, tanh."),
        ('"n * n"', '"n / 7"', "question q2: the answer is 0.28571429 when n = 2; give a 'tolerance' or an 'rtol'."),
        ('"n + 90"', '"n + n"', "question q2: the mistake 'n + n' equals the answer 4 when n = 2."),
        (
            '"n * n"\n', '"n * n"\n    tolerance: 90\n',
            "question q2: the mistake 'n + 90' is within the tolerance of the answer 4 when n = 2.",
        ),
        ('"n * n"\n', '"n * n"\n    rtol: -1\n', "question q2: 'rtol' must not be negative, found -1."),
        ('"n * n"\n', '"n * n"\n    rtol: small\n', "question q2: 'rtol' must be a finite number, found 'small'."),
        ("for {n}?", "for {m}?", "question q2: 'text' uses {m}, which is not drawn; known: n."),
        ("{answer}.", "{anwser}.", "question q2: 'why' uses {anwser}, which is not drawn; nearest: answer."),
        ("Not a sum.", "Not a {sum}.", "question q2, mistake number 1: 'why' uses {sum}, which is not drawn; known: n, answer."),
        (
            "{n: [2, 9]}", "{n: [9, 2]}",
            "question q2: draw n must be [3, 9], {choices: [16, 32]} or {uniform: [0.1, 0.9], digits: 2} "
            "with at most 10000 values, found [9, 2].",
        ),
        ("{n: [2, 9]}", "{e: [2, 9]}", "question q2: the name 'e' has a meaning of its own; draw under another name."),
        ("{n: [2, 9]}", "[2, 9]", "question q2: 'draw' must map names to values, found [2, 9]."),
        (
            "{n: [2, 9]}", "{n: {uniform: [0, 1]}}",
            "question q2: draw n must be [3, 9], {choices: [16, 32]} or {uniform: [0.1, 0.9], digits: 2} "
            "with at most 10000 values, found {'uniform': [0, 1]}.",
        ),
        ('"three"]', '"one"]', "question q3: the item 'one' is given twice."),
        ('"one", "two", "three"', '"one", "two"', "question q3: 'items' must be a list of at least 3, found 2."),
        ('"three"]', "3]", "question q3: an item must be text, found 3; put it in quotes."),
        (
            '{key: b, text: "2"}', '{key: b, text: "2", right: true}',
            "prediction cost: a prediction has at most one right choice.",
        ),
        (
            '{key: b, text: "2"}', '{key: b, text: "2", why: "So."}',
            "prediction cost: the choices of a prediction take no 'why'; the text after the experiment tells.",
        ),
        ('text: "Why?"', 'text: "Why?"\n    text: "What?"', "line 5: the field 'text' is given twice."),
        (
            'text: "Why?"', "text: Why: because",
            "line 4: mapping values are not allowed here; put a text with a colon or a # in quotes.",
        ),
    ],
)  # fmt: skip
def test_a_malformed_file_is_refused_with_its_reason(tmp_path, old, new, expected):
    text = WHOLE.replace(old, new, 1)
    assert text != WHOLE
    assert reason(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected fields such as 'name: value', found nothing."),
        ("questions: []", "'questions' must be a list of at least 1, found 0."),
        ("questions: [3]", "question number 1: expected fields such as 'name: value', found 3."),
    ],
)
def test_an_empty_quiz_is_refused(tmp_path, text, expected):
    assert reason(tmp_path, text) == expected


def test_a_missing_file_and_one_that_is_not_text_are_refused(tmp_path):
    with pytest.raises(quiz.QuizError, match=r"quiz.yaml: cannot be read \(No such file or directory\)\.$"):
        quiz.load(tmp_path / "quiz.yaml")
    (tmp_path / "quiz.yaml").write_bytes(b"questions: \xff")
    with pytest.raises(quiz.QuizError, match="the file is not UTF-8 text; save it as UTF-8"):
        quiz.load(tmp_path / "quiz.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("-n ** 2 // 3", -9), ("max(n, 2 * n, 1)", 10), ("exp(0) + sqrt(16) + tanh(0)", 5), ("7 % n", 2)],
)
def test_arithmetic_is_computed(text, value):
    assert parse(text)({"n": 5}) == value


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "n if n else 1", "[n]", "'a' * 3", "True + 1", "round(n, ndigits=1)", "n and 1", "(" * 99, "1" * 201],
)
def test_what_is_no_arithmetic_is_refused(text):
    with pytest.raises(ArithmeticProblem):
        parse(text)


@pytest.mark.parametrize("text", ["9 ** 9 ** 9", "10 ** 16", "(-1) ** 0.5", "exp(1000)", "sqrt(n - 9)", "log()", "9e999 - 9e999"])
def test_a_value_that_is_no_finite_number_is_refused_at_once(text):
    with pytest.raises(ArithmeticProblem, match=re.escape(f"'{text}' ")):
        parse(text)({"n": 5})


def test_reading_and_judging_need_no_heavy_import():
    code = (
        "import sys, course.quiz as q\n"
        f"q.draw(q.load({str(SAMPLE)!r}), 0).judge('q3', 1)\n"
        "print(sorted({'numpy', 'ipywidgets', 'anywidget', 'latex2mathml', 'markdown_it', 'IPython'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
