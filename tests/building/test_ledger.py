"""The generated texts: the ledger of claims and the README's table."""

import pytest

from course.build.ledger import claims_page, measured, missing_claims, readme
from course.claims import Entry, claim
from course.syllabus import Lesson

ONE = Lesson("01", "one", "One", "Part", 10, ("see", "do"), ("F1",), {"a": 1.0, "b": 1.0})
TWO = Lesson("02", "two", "Two", "Part", 20, ("count",), ("F1", "F2"), {})


def notebook(*texts):
    return {
        "cells": [{"outputs": [{"output_type": "stream", "name": "stdout", "text": text}]} for text in texts]
    }


def test_what_a_claim_prints_is_found_in_a_notebook(capsys):
    claim("F1", "the two agree to float32 precision", True)
    printed = capsys.readouterr().out
    assert measured(notebook("before\n" + printed + "after\n", printed)) == [
        ("F1", "the two agree to float32 precision")
    ]


def test_a_claim_that_the_syllabus_lists_and_no_cell_states_is_missing():
    assert missing_claims(TWO, [("F1", "so")]) == ["F2"]


def test_the_page_joins_each_claim_with_the_lessons_that_measure_it():
    entries = [
        Entry("F1", "Sums | weights", "holds", ("A 1990", "B 1991")),
        Entry("F2", "Later", "wrong", ()),
    ]
    page = claims_page(entries, [(ONE, [("F1", "it holds")]), (TWO, [("F1", "again")])])
    assert page.splitlines()[-2:] == [
        "| **F1** Sums \\| weights | holds | [01 One](01_one.ipynb)<br>[02 Two](02_two.ipynb) "
        "| it holds<br>again | A 1990<br>B 1991 |",
        "| **F2** Later | wrong | to come |  |  |",
    ]


def test_the_readme_keeps_everything_but_its_table():
    text = "# House\n\n<!-- syllabus -->\nold\n<!-- end syllabus -->\n\nEnd\n"
    renewed = readme(text, [ONE, TWO])
    assert renewed.startswith("# House\n\n<!-- syllabus -->\n| Lesson |")
    assert "| [01 One](notebooks/01_one.ipynb) | 10 | see; do | 2 | F1 |\n" in renewed
    assert renewed.endswith("\n<!-- end syllabus -->\n\nEnd\n") and "old" not in renewed
    assert readme(renewed, [ONE, TWO]) == renewed


@pytest.mark.parametrize(
    "text", ["# House\n", "<!-- syllabus -->\n", "<!-- syllabus -->\n<!-- end syllabus -->\n" * 2]
)
def test_a_readme_without_exactly_one_table_is_refused(text):
    with pytest.raises(ValueError, match="needs one table"):
        readme(text, [ONE])
