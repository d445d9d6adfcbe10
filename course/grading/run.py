"""``python -m course grade``: a class's submissions in, marks and feedback out."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from course import syllabus
from course.startup import seed_everything

if TYPE_CHECKING:
    from course.grading.desks import Job
    from course.grading.ingest import Work
    from course.grading.marks import Mark
    from course.grading.store import Entry, Store

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
QUIET_SECONDS = 10  # between two lines of progress where there is no terminal


def main(argv: list[str]) -> int:
    """Grade what ``argv`` names. Returns 0 when all is graded, 1 when something is not, 130 on Ctrl-C."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.self_test:
        from course.grading import selftest

        return selftest.main(options.workers)
    if options.format:
        from course.grading import gradescope

        if not options.to:
            parser.error("--format gradescope needs --to DIR: where to write the zip.")
        return gradescope.write(Path(options.to), _lesson(parser, options.lesson))
    if not options.submissions or not options.out:
        parser.error(
            "give the submissions and --out DIR, e.g. python -m course grade submissions.zip --out marks"
        )
    lesson = _lesson(parser, options.lesson)
    with _stoppable():
        return _grade(options, lesson)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m course grade",
        description="Grade submitted exercise notebooks. After a stop the same command goes on where it was.",
    )
    parser.add_argument(
        "submissions", nargs="*", help="notebooks, folders, or zips as Canvas and Moodle export them"
    )
    parser.add_argument("--out", metavar="DIR", help="where marks and feedback are written")
    parser.add_argument(
        "--lesson", metavar="NN", help="the lesson all notebooks belong to; otherwise each one tells"
    )
    parser.add_argument(
        "--store", metavar="URL", help="SQLAlchemy URL of the store; otherwise DIR/grades.sqlite"
    )
    parser.add_argument(
        "--workers", metavar="N", type=_count, default=os.cpu_count() or 1, help="processes here"
    )
    parser.add_argument("--dask", metavar="SCHEDULER", help="grade on a Dask cluster, e.g. tcp://host:8786")
    parser.add_argument("--regrade", action="store_true", help="grade again, with the same seeds")
    parser.add_argument(
        "--require-isolation", action="store_true", help="refuse to run code that is not kept apart"
    )
    parser.add_argument(
        "--self-test", action="store_true", help="prove the grader on this machine, then stop"
    )
    parser.add_argument("--format", choices=["gradescope"], help="write an autograder instead of grading")
    parser.add_argument("--to", metavar="DIR", help="where --format writes")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"a number from 1 to 256 is expected, not {text!r}")
    return int(text)


def _lesson(parser: argparse.ArgumentParser, text: str | None) -> str:
    try:
        return syllabus.find(text).number if text else ""
    except (syllabus.UnknownLesson, ValueError) as error:
        parser.error(str(error))


def _grade(options: argparse.Namespace, lesson: str) -> int:
    from course.grading.archives import Unreadable
    from course.grading.desks import DeskError
    from course.grading.ingest import ingest
    from course.grading.store import Store, Unavailable

    out = Path(options.out)
    try:
        works = ingest(options.submissions, lesson)
        if not works:
            return _complain("There is nothing to grade there: no notebook was found.")
        out.mkdir(parents=True, exist_ok=True)
        url = options.store or f"sqlite:///{(out / 'grades.sqlite').absolute().as_posix()}"
        with Store(url) as store:
            return _grade_works(options, works, store, out)
    except (Unreadable, Unavailable, DeskError) as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{error.filename or out}: {error.strerror}.")
    except KeyboardInterrupt:
        print("\nStopped. What is graded is stored; run the same command to finish.", file=sys.stderr)
        return INTERRUPTED


def _grade_works(options: argparse.Namespace, works: list[Work], store: Store, out: Path) -> int:
    from course.grading import reports
    from course.grading.marks import mark

    entries = store.register(works)
    before = _results(store, works, entries)
    jobs = _jobs(works, entries, {} if options.regrade else before)
    print(_opening(works, jobs, before), file=sys.stderr)
    seed_everything(0)  # a check that imports TensorFlow does so without its start-up lines
    failed = _run(options, jobs, store) if jobs else {}
    after = _results(store, works, entries)
    found = [after.get(entry.number) if entry else None for entry in entries]
    marks = [
        mark(work, graded, failed=entry is not None and graded is None)
        for work, entry, graded in zip(works, entries, found, strict=True)
    ]
    reports.write(marks, out)
    print(_closing(marks, out), file=sys.stderr)
    if options.regrade:
        print(_compared(before, after), file=sys.stderr)
    for job, error in failed.items():
        print(
            f"Not graded: {job.student}, lesson {job.lesson}: {type(error).__name__}: {error}",
            file=sys.stderr,
        )
    return FAILED if any(one.ungraded for one in marks) else 0


def _results(store: Store, works: Sequence[Work], entries: Sequence[Entry | None]) -> dict:
    """The results there are, by number of the piece of work."""
    from course.grading.store import course_version

    found = {}
    for lesson in {work.lesson for work, entry in zip(works, entries, strict=True) if entry}:
        numbers = [
            entry.number
            for work, entry in zip(works, entries, strict=True)
            if entry and work.lesson == lesson
        ]
        found |= store.results(numbers, course_version(lesson))
    return found


def _jobs(works: Sequence[Work], entries: Sequence[Entry | None], done: dict) -> list[Job]:
    """One job for each piece of work that is not graded yet, whoever sent it and however often."""
    from course.grading.desks import Job
    from course.grading.store import course_version

    jobs = {}
    for work, entry in zip(works, entries, strict=True):
        if entry and entry.number not in done:
            version = course_version(work.lesson)
            jobs[entry.number] = Job(entry.number, work.student, work.lesson, work.cells, entry.seed, version)
    return list(jobs.values())


def _run(options: argparse.Namespace, jobs: list[Job], store: Store) -> dict[Job, Exception]:
    """Grade the jobs, each committed as it is there. Returns those that could not be graded."""
    from contextlib import closing

    from course.grading import desks

    if options.dask:
        desk = desks.on_dask(jobs, options.dask, options.require_isolation)
    else:
        desk = desks.here(jobs, min(options.workers, len(jobs)), options.require_isolation)
    failed = {}
    with closing(desk), _progress(len(jobs)) as advance:
        for done in desk:
            if done is None:
                advance(0)
                continue
            job, outcome = done
            if isinstance(outcome, Exception):
                failed[job] = outcome
            else:
                store.save(job.number, job.version, outcome, anew=options.regrade)
            advance(1)
    return failed


@contextmanager
def _progress(total: int) -> Iterator:
    """A bar with rate and time left on a terminal, a line every few seconds elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(TextColumn("grading"), *columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("", total=total, rate="")
            started = time.monotonic()

            def advance(count: int) -> None:
                done = progress.tasks[0].completed + count
                rate = done / max(time.monotonic() - started, 1e-3)
                progress.update(task, advance=count, rate=f"{rate:.1f}/s" if done else "")

            yield advance
        return
    started = said = time.monotonic()
    finished = 0

    def advance(count: int) -> None:
        nonlocal said, finished
        finished += count
        now = time.monotonic()
        if count and (finished == total or now - said >= QUIET_SECONDS):
            said = now
            rate = finished / max(now - started, 1e-3)
            left = (total - finished) / rate
            print(
                f"graded {finished} of {total}, {rate:.1f}/s, {left:.0f} s left", file=sys.stderr, flush=True
            )

    yield advance


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let a request to end (SIGTERM) stop the work as Ctrl-C does: what is graded is stored, nothing is left
    running.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)


def _opening(works: Sequence[Work], jobs: Sequence[Job], before: dict) -> str:
    students = len({work.student for work in works})
    problems = sum(bool(work.problem) for work in works)
    text = f"{len(works)} submissions of {students} students: {len(jobs)} to grade"
    if before:
        text += f", {len(before)} graded before"
    return text + (f", {problems} with nothing to grade" if problems else "") + "."


def _closing(marks: Sequence[Mark], out: Path) -> str:
    graded = sum(one.graded is not None for one in marks)
    isolation = sorted({one.graded.isolation for one in marks if one.graded})
    text = f"{graded} graded, {len(marks) - graded} not. See {out / 'summary.html'} and {out / 'grades.csv'}."
    return "\n".join([text, *(f"Isolation: {tier}" for tier in isolation)])


def _compared(before: dict, after: dict) -> str:
    both = before.keys() & after.keys()
    changed = sum(_scores(before[key]) != _scores(after[key]) for key in both)
    return f"Graded again: {len(both) - changed} with the same marks, {changed} with others."


def _scores(graded) -> list[tuple[str, float]]:
    return [(judged.id, judged.score) for judged in graded.exercises]


def _complain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return MISUSED
