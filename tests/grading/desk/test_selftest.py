"""The self-test notices a grader that is too kind, too strict, or silent about a known mistake."""

from types import SimpleNamespace

import pytest

from course.grading import desks, selftest
from course.grading.store import Graded, Judged
from course.syllabus import find

JOB = desks.Job(0, "solutions", "02", ("x = 1",), 1, "v")


def mask(x, dy):
    return dy * (x > 0)


def identity(x, dy):
    return dy


def known(right, wrong):
    return SimpleNamespace(RIGHT={"02.relu_backward": right}, WRONG={"02.relu_backward": wrong})


def test_right_answers_that_pass_and_wrong_ones_with_their_message_are_proof():
    ((held, sentence),) = selftest._known_answers(
        find("02"), known([mask], [(identity, "comes through everywhere")])
    )
    assert held and "1 right answers pass, 1 wrong ones get their message" in sentence


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ([identity], [], "a right answer to 02.relu_backward: dy comes through everywhere"),
        ([], [(mask, "anything")], "a wrong answer to 02.relu_backward: 'passed'; expected 'anything'"),
        ([], [(identity, "another message")], "expected 'another message'"),
        ([5], [], "check needs your function itself"),
    ],
    ids=range(4),
)
def test_a_check_that_is_too_kind_too_strict_or_says_something_else_is_noticed(right, wrong, complaint):
    ((held, sentence),) = selftest._known_answers(find("02"), known(right, wrong))
    assert not held and complaint in sentence


@pytest.mark.parametrize(
    ("outcome", "share", "held"),
    [
        (Graded(1, "walls", 1.0, (Judged("02.a", "passed", 1.0),)), 1.0, True),
        (Graded(1, "walls", 1.0, (Judged("02.a", "passed", 0.5),)), 1.0, False),
        (Graded(1, "walls", 1.0, (Judged("02.a", "not attempted"),)), 0.0, True),
        (Graded(1, "walls", 1.0, (Judged("02.a", "passed", 1.0),)), 0.0, False),
        (Graded(1, "walls", 1.0, ()), 0.0, False),
        (RuntimeError("no solver"), 0.0, False),
    ],
    ids=range(6),
)
def test_solutions_must_get_everything_and_stubs_nothing(outcome, share, held):
    assert selftest._verdict(JOB, outcome, share)[0] is held


def test_one_proof_that_fails_fails_the_whole(monkeypatch, capfd):
    monkeypatch.setattr(selftest, "_notebooks", lambda workers: iter([(True, "a")]))
    monkeypatch.setattr(selftest, "_answers", lambda: iter([(True, "b")]))
    monkeypatch.setattr(selftest, "_attacks", lambda: iter([(True, "c")]))
    assert selftest.main(1) == 0 and "proven on this machine" in capfd.readouterr().out
    monkeypatch.setattr(selftest, "_attacks", lambda: iter([(False, "c")]))
    assert selftest.main(1) == 1 and "✗ c\n1 proofs failed. Do not grade yet." in capfd.readouterr().out
