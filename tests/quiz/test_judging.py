"""Answers get what they deserve: right, wrong with the reason, or unread with one sentence."""

# ruff: noqa: E501  (a message that must be word for word stays on one line)

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course import quiz
from course.quiz.placeholders import fill, names_in, number_text

SAMPLE = quiz.load(Path(__file__).with_name("sample.yaml"))
SHEET = quiz.draw(SAMPLE, 0)
SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_the_computed_answer_is_right_for_every_draw(seed):
    for item in quiz.draw(SAMPLE, seed).items:
        if item.kind == "numeric":
            assert item.judge(item.expected).right
            assert item.judge(f"{item.expected:.10g}").right


@given(SEEDS)
def test_each_known_mistake_gets_its_reason_for_every_draw(seed):
    for item in quiz.draw(SAMPLE, seed).items:
        for mistake in item.question.mistakes if item.kind == "numeric" else ():
            verdict = item.judge(mistake.answer(item.values))
            assert verdict.status == "wrong"
            assert fill(mistake.why, item.values) in verdict.feedback


@given(SEEDS)
def test_drawn_values_are_those_of_the_file_and_stand_in_the_text(seed):
    item = quiz.draw(SAMPLE, seed).items[2]
    assert item.values["n"] in range(3, 10) and item.values["units"] in (16, 32, 64)
    assert f"has {item.values['n']} inputs" in item.text and f"`Dense({item.values['units']})`" in item.text
    assert f"{{{item.values['n']}}} \\times {{{item.values['units']}}}" in item.text


@given(SEEDS)
def test_items_are_never_shown_in_the_right_order(seed):
    item = quiz.draw(SAMPLE, seed).items[4]
    shown = [option.text for option in item.options]
    assert sorted(shown) == sorted(item.question.items) and shown != list(item.question.items)
    right = [next(o.key for o in item.options if o.text == text) for text in item.question.items]
    assert item.judge(right).right and item.judge("".join(right)).right and item.judge(" > ".join(right)).right
    assert item.judge([ord(key) - ord("a") + 1 for key in right]).right


def test_a_seed_gives_the_same_sheet_in_every_process_and_seeds_differ():
    code = f"import course.quiz as q; print(repr(q.draw(q.load({str(Path(__file__).with_name('sample.yaml'))!r}), 7)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == repr(quiz.draw(SAMPLE, 7))
    assert quiz.draw(SAMPLE, 7).items[2].values == {"n": 8, "units": 64}
    assert len({quiz.draw(SAMPLE, seed).items[2].text for seed in range(30)}) > 5


@pytest.mark.parametrize(
    ("question", "given", "expected"),
    [
        ("q1", "b", "✓ Right. The product sums over samples."),
        ("q1", " B ", "✓ Right. The product sums over samples."),
        ("q1", ["b"], "✓ Right. The product sums over samples."),
        ("q1", "a", "✗ Not right. Nothing here divides by the batch size."),
        ("q1", "ab", "? This question takes one choice, you gave 2."),
        ("q1", "e", "? There is no choice `e`; the choices are a, b, c."),
        ("q1", "", "? Choose at least one."),
        ("q1", 7, "? There is no choice number 7; there are 3."),
        ("q1", None, '? Answer with letters, for example "b" or "ac"; you gave nothing (None).'),
        ("q1", 1.5, '? Answer with letters, for example "b" or "ac"; you gave a float.'),
        ("q1", True, '? Answer with letters, for example "b" or "ac"; you gave True or False.'),
        ("q1", [None], '? Answer with letters, for example "b" or "ac"; you gave a list.'),
        ("q1", ["bc"], "? There is no choice `bc`; the choices are a, b, c."),
        ("q2", "ac", "✓ Right. It is flat for $z < 0$."),
        ("q2", "c, a", "✓ Right. It is flat for $z < 0$."),
        ("q2", {"a", "c"}, "✓ Right. It is flat for $z < 0$."),
        ("q2", ("a", "c", "a"), "✓ Right. It is flat for $z < 0$."),
        ("q2", "a", "✗ Not right.\n\n- 1 right choice is missing."),
        ("q2", "acd", "✗ Not right.\n\n- d: Its derivative grows without bound."),
        (
            "q2", "bd",
            "✗ Not right.\n\n- b: Its derivative is 1 everywhere.\n- d: Its derivative grows without bound.\n"
            "- 2 right choices are missing.",
        ),
        ("q2", [], "? Choose at least one."),
        ("q3", 96, "✓ Right."),
        ("q3", "96 parameters", "✓ Right."),
        ("q3", " 9.6e1 ", "✓ Right."),
        ("q3", Fraction(192, 2), "✓ Right."),
        ("q3", Decimal("96"), "✓ Right."),
        ("q3", np.float32(96), "✓ Right."),
        ("q3", np.array(96), "✓ Right."),
        ("q3", 80, "✗ Not right. The biases are missing, one per unit: 16 more."),
        ("q3", 85, "✗ Not right. There is one bias per unit, not per input."),
        ("q3", "−3", "✗ Not right. Weights and biases: $n \\cdot u + u$, here 5 * 16 + 16."),
        ("q3", "0,5", "? Write the number without commas and with a point for decimals, as in 0.5; you gave `0,5`."),
        ("q3", "1,000", "? Write the number without commas and with a point for decimals, as in 0.5; you gave `1,000`."),
        ("q3", "ninety", "? Answer with one number, for example 12 or 0.5; you gave `ninety`."),
        ("q3", "", "? Type a number, for example 12 or 0.5."),
        ("q3", float("nan"), "? Answer with a finite number; you gave `nan`."),
        ("q3", "-inf", "? Answer with a finite number; you gave `-inf`."),
        ("q3", 10**400, "? Answer with a finite number; you gave `1000000000000000000000000000000000000...`."),
        pytest.param("q3", 10**5000, "? Answer with a finite number; you gave `a very long number`.", id="long"),
        ("q3", True, "? Answer with one number, for example 12 or 0.5; you gave True or False."),
        ("q3", [96], "? Answer with one number, for example 12 or 0.5; you gave a list."),
        ("q3", np.array([96]), "? Answer with one number, for example 12 or 0.5; you gave a ndarray."),
        ("q3", 96 + 0j, "? Answer with one number, for example 12 or 0.5; you gave a complex."),
        ("q3", "`<b>`", "? Answer with one number, for example 12 or 0.5; you gave `'<b>'`."),
        ("q5", "abc", '? Give every letter once, in your order, for example "dcba".'),
        ("q9", "a", "? This quiz has no question q9; it has q1, q2, q3, q4, q5."),
    ],
)  # fmt: skip
def test_what_is_said_of_an_answer(question, given, expected):
    verdict = SHEET.judge(question, given)
    assert f"{verdict.symbol} {verdict.feedback}" == expected
    assert (verdict.right, verdict.counts) == (expected[0] == "✓", expected[0] != "?")


@given(st.sampled_from(["q1", "q2", "q3", "q4", "q5"]), st.one_of(
    st.text(max_size=6), st.floats(), st.integers(), st.binary(), st.lists(st.one_of(st.text(max_size=2), st.none())),
    st.dictionaries(st.text(), st.text()), st.sets(st.integers()), st.complex_numbers(),
))  # fmt: skip
def test_no_answer_raises(question, given):
    assert SHEET.judge(question, given).feedback


@given(st.sampled_from(["q1", "q2", "q3", "q4", "q5"]), st.text("abcd0123.", max_size=4))
def test_the_plain_form_of_an_answer_is_judged_alike(question, given):
    verdict = SHEET.judge(question, given)
    if verdict.counts:
        assert SHEET.judge(question, verdict.answer) == verdict


def test_a_tolerance_is_accepted_up_to_its_edge():
    item = SHEET.items[3]
    assert item.accuracy == "accepted within 2 %"
    assert item.judge(item.expected * 1.02).right and item.judge(item.expected * 0.98).right
    assert not item.judge(item.expected * 1.021).right


def test_answers_by_code_are_reported_as_text():
    verdicts = quiz.answer(SHEET, q1="b", q2="ab", q3="x")
    assert repr(verdicts) == quiz.report(verdicts) == (
        "q1 ✓ Right. The product sums over samples.\n"
        "q2 ✗ Not right.\n"
        "  - b: Its derivative is 1 everywhere.\n"
        "  - 1 right choice is missing.\n"
        "q3 ? Answer with one number, for example 12 or 0.5; you gave `x`."
    )


def test_a_sheet_shows_no_answer():
    assert "right" not in repr(SHEET) and "exp(-z)) ** 2" not in repr(SHEET)


def test_a_prediction_is_noted_and_not_judged():
    cost = SAMPLE.prediction("cost")
    right, wrong = quiz.commit(cost, "A"), quiz.commit(cost, "b")
    assert right.feedback == "Noted: a. Now run the next cell." and right.answer == "a"
    assert wrong.feedback == "Noted: b. Now run the next cell."
    assert quiz.commit(cost, "ab").feedback == "A prediction takes one choice, you gave 2."


def test_braces_are_filled_in_prose_and_code_and_kept_in_maths():
    text = "{n} and `{n} {s}` and $x_{n} {k}$ and \\$ {n} \\$ and $$\\frac{1}{n}$$"
    assert fill(text, {"n": 16}) == "16 and `16 {s}` and $x_{16} {k}$ and \\$ 16 \\$ and $$\\frac{1}{16}$$"
    assert names_in(text) == {"n"}


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (64.0, "64"), (0.1, "0.1"), (1e-5, "0.00001"), (-2.5, "-2.5"), (1 / 3, "0.333333")]
)
def test_numbers_are_written_as_a_person_writes_them(value, text):
    assert number_text(value) == text
