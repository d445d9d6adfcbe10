"""Which outputs count as the same."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

from course.build.outputs import agree, clean, mask, settle, tolerance


@pytest.mark.parametrize(
    "expected, found, same",
    [
        ("loss 0.5000", "loss 0.5004", True),
        ("loss 0.5000", "loss 0.5006", False),
        ("loss 0.5000", "loss -0.5000", False),
        ("[0.5 1.0]", "[0.5 1.0]", True),
        ("1e-05", "1.0005e-05", True),
        ("1e-05", "1e-04", False),
        ("5 steps", "6 steps", False),
        ("1000000 weights", "1000001 weights", False),
        ("0.5 steps", "0.5 step", False),
        ("0.5", "0.5 0.5", False),
        ("0.0", "0.0001", False),
        ("nan", "nan", True),
        ("nan", "0.5", False),
        ("2", "2.0", False),
        ("", "", True),
        ("relu_1 0.1", "relu_2 0.1", False),
    ],
)
def test_texts_agree_when_only_their_floats_differ_by_no_more_than_the_tolerance(expected, found, same):
    assert agree(expected, found, rtol=1e-3) is same


@given(st.floats(min_value=-1e9, max_value=1e9, allow_subnormal=False), st.floats(min_value=-3, max_value=3))
def test_a_float_agrees_within_the_tolerance_and_not_beyond_it(value, factor):
    expected = repr(value)
    found = repr(value * (1 + factor * 1e-3))
    if abs(factor) < 0.99:
        assert agree(f"x = {expected}.", f"x = {found}.", rtol=1e-3)
    elif abs(factor) > 1.01 and abs(value) > 1e-300:
        assert not agree(f"x = {expected}.", f"x = {found}.", rtol=1e-3)


@given(st.text())
def test_a_text_agrees_with_itself(text):
    assert agree(text, text, rtol=0)


def test_the_tolerance_is_in_a_tag():
    assert tolerance(["x", "nbval-tol=1e-3"]) == 1e-3
    assert tolerance(["nbval-tol=0.5"]) == 0.5
    assert tolerance(["nbval-tol=much", "other"]) is None


def test_settling_takes_the_wording_only_where_the_texts_agree():
    stored = [
        v4.new_output("stream", text="0.500\n"),
        v4.new_output("display_data", data={"text/plain": "7.0"}),
    ]
    found = [
        v4.new_output("stream", text="0.501\n"),
        v4.new_output("display_data", data={"text/plain": "8.0"}),
    ]
    settle(found, stored, rtol=0.01)
    assert [found[0].text, found[1].data["text/plain"]] == ["0.500\n", "8.0"]


def test_addresses_and_file_names_of_cells_are_masked_and_nothing_else():
    assert mask("<A at 0x7f12ab34cd56>") == "<A at 0x0>"
    assert mask("/tmp/ipykernel_12/345.py:2: UserWarning: old") == "<cell>:2: UserWarning: old"
    assert mask("bits 0x3f800000, at 3 o'clock") == "bits 0x3f800000, at 3 o'clock"


def test_pieces_of_a_stream_become_one_but_not_across_another_output():
    pieces = [("stdout", "a"), ("stdout", "b"), ("stderr", "w"), ("stdout", "c")]
    outputs = clean(v4.new_output("stream", name=name, text=text) for name, text in pieces)
    assert [(output.name, output.text) for output in outputs] == [
        ("stdout", "ab"),
        ("stderr", "w"),
        ("stdout", "c"),
    ]


def test_a_word_of_a_million_letters_is_masked_at_once():
    start = time.perf_counter()
    assert mask("x" * 1_000_000) == "x" * 1_000_000
    assert time.perf_counter() - start < 2
