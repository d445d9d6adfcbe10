"""A claim prints when it is borne out, raises when it is not, and knows its margin."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.claims import ClaimFailed, above, below, claim, close, ledger

POSITIVE = st.floats(1e-6, 1e6)


def test_a_claim_that_holds_prints_one_line(capsys):
    claim("F1", "NumPy and Keras agree", below(1e-7, 1e-5))
    claim("F1", "a condition will do", True)
    assert capsys.readouterr().out == "F1 ✓ NumPy and Keras agree\nF1 ✓ a condition will do\n"


def test_a_claim_that_does_not_hold_says_what_was_measured():
    with pytest.raises(ClaimFailed) as error:
        claim("F1", "NumPy and Keras agree", below(0.5, 1e-5))
    assert str(error.value) == "F1 does not hold here: NumPy and Keras agree. Measured: 0.5 <= 1e-05."
    with pytest.raises(ClaimFailed, match="F1 does not hold here: it is so.$"):
        claim("F1", "it is so", False)


def test_an_unknown_id_is_refused():
    with pytest.raises(LookupError, match="The ledger has no claim 'Z9'. Its IDs are in claims.toml: F1, "):
        claim("Z9", "nothing", True)


@given(value=POSITIVE, limit=POSITIVE)
def test_a_margin_of_one_is_the_edge(value, limit):
    assert bool(below(value, limit)) == (value <= limit)
    assert bool(above(value, limit)) == (value >= limit)
    assert below(value, limit).margin == pytest.approx(limit / value)
    assert above(value, limit).margin == pytest.approx(value / limit)


@pytest.mark.parametrize("verdict", [below(math.nan, 1), above(math.nan, 1), close(math.nan, 1, 0.1), below(-1, 1)])
def test_nan_and_negative_numbers_bear_nothing_out(verdict):
    assert not verdict


def test_close_is_relative():
    assert close(1.04, 1.0, rtol=0.05)
    assert not close(1.06, 1.0, rtol=0.05)
    assert close(-1.04, -1.0, rtol=0.05)


def test_margins_are_logged_for_the_test_over_seeds(tmp_path, monkeypatch):
    log = tmp_path / "log.jsonl"
    monkeypatch.setenv("COURSE_CLAIMS_LOG", str(log))
    claim("F1", "so", below(1, 4))
    with pytest.raises(ClaimFailed):
        claim("F1", "not so", above(1, 4))
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(row["holds"], row["margin"]) for row in rows] == [(True, 4.0), (False, 0.25)]


def test_the_ledger_is_complete():
    for entry in ledger().values():
        assert entry.verdict in ("holds", "holds if", "wrong")
        assert entry.text
