"""``python -m course grade --self-test``: prove the grader on this very machine.

The solutions get full marks and the stubs none, through the same processes and walls that students' code goes
through. Every known wrong answer gets its message, every unlike right one passes. The attacks get nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from course import syllabus
from course.grading import desks
from course.grading.notebooks import read
from course.grading.store import Graded, course_version
from course.startup import seed_everything
from course.syllabus import Lesson

ROOT = Path(__file__).resolve().parents[2]
SEED = 1


def main(workers: int) -> int:
    """Run every proof and print one line for each. Returns 0 when all hold, 1 otherwise."""
    seed_everything(SEED)
    sys.path.insert(0, str(ROOT))  # the known answers lie in tests/
    failed = 0
    for held, sentence in (*_notebooks(workers), *_answers(), *_attacks()):
        print(f"{'✓' if held else '✗'} {sentence}", flush=True)
        failed += not held
    print(
        "The grader is proven on this machine."
        if not failed
        else f"{failed} proofs failed. Do not grade yet."
    )
    return 1 if failed else 0


def _notebooks(workers: int) -> Iterator[tuple[bool, str]]:
    """The solutions get everything, the exercises nothing."""
    jobs, expected = [], {}
    for lesson in syllabus.lessons():
        for kind, share in (("solutions", 1.0), ("exercises", 0.0)):
            path = ROOT / kind / f"{lesson.slug}.ipynb"
            if not lesson.exercises:
                continue
            if not path.exists():
                yield (
                    False,
                    f"{kind}/{path.name} is missing. It comes with the instructor's key.",
                )
                continue
            cells = read(path.read_bytes()).cells
            job = desks.Job(len(jobs), kind, lesson.number, cells, SEED, course_version(lesson.number))
            jobs.append(job)
            expected[job] = share
    if not jobs:
        return
    isolation = ""
    for done in desks.here(jobs, min(workers, len(jobs)), require_isolation=False):
        if done:
            job, outcome = done
            isolation = outcome.isolation if isinstance(outcome, Graded) else isolation
            yield _verdict(job, outcome, expected[job])
    yield True, f"Isolation on this machine: {isolation}"


def _verdict(job: desks.Job, outcome: Graded | Exception, share: float) -> tuple[bool, str]:
    name = f"lesson {job.lesson}, {job.student}"
    if isinstance(outcome, Exception):
        return False, f"{name}: not graded: {type(outcome).__name__}: {outcome}"
    wrong = [judged for judged in outcome.exercises if judged.score != share]
    if wrong or not outcome.exercises:
        found = "; ".join(
            f"{judged.id} {judged.status} ({judged.score:.0%}): {judged.message}" for judged in wrong
        )
        return False, f"{name}: {share:.0%} expected: {found or 'no exercise was judged'}"
    return True, f"{name}: {share:.0%} for each of {len(outcome.exercises)} exercises"


def _answers() -> Iterator[tuple[bool, str]]:
    """Right answers pass and wrong ones get their message."""
    for lesson in syllabus.lessons():
        name = f"tests.lessons.{lesson.name}.answers"
        if not lesson.exercises:
            continue
        if not (ROOT / "tests" / "lessons" / lesson.name / "answers.py").exists():
            yield False, f"lesson {lesson.number}: there are no known answers to try ({name} is missing)"
            continue
        yield from _known_answers(lesson, importlib.import_module(name))


def _known_answers(lesson: Lesson, known: object) -> Iterator[tuple[bool, str]]:
    problems = []
    for id, functions in known.RIGHT.items():
        problems += [
            f"a right answer to {id}: {said}" for function in functions if (said := _said(id, function))
        ]
    count = 0
    for id, entries in known.WRONG.items():
        for function, message in entries:
            count += 1
            said = _said(id, function)
            if message not in said:
                problems.append(f"a wrong answer to {id}: {said or 'passed'!r}; expected {message!r}")
    right = sum(map(len, known.RIGHT.values()))
    summary = f"lesson {lesson.number}: {right} right answers pass, {count} wrong ones get their message"
    yield (not problems, "; ".join(problems) or summary)


def _said(id: str, function: object) -> str:
    """The message that an answer gets; ``""`` when it passes."""
    from course.check import NotPassed, judge, local_call
    from course.notebook import exercises

    exercise = exercises(id.split(".")[0])[id]
    try:
        # Wrong answers print and overflow; that is no news.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome = judge(exercise, local_call(exercise, function), SEED)
    except NotPassed as error:
        return str(error)
    return "" if outcome.status == "passed" else outcome.message or outcome.status


def _attacks() -> Iterator[tuple[bool, str]]:
    """The attack suite, which needs pytest."""
    folder = ROOT / "tests" / "grading" / "attacks"
    if not folder.is_dir():
        yield False, "the attacks (tests/grading/attacks) are not in this copy of the course"
        return
    if importlib.util.find_spec("pytest") is None:
        yield False, "the attacks need pytest: pip install pytest"
        return
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        "--import-mode=importlib",
    ]
    done = subprocess.run([*command, str(folder)], cwd=ROOT, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.strip()] or [
        done.stderr.strip() or "pytest said nothing"
    ]
    yield done.returncode == 0, f"attacks: {lines[-1]}"
