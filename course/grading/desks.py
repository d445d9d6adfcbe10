"""Where submissions are graded: on this machine, or on a Dask cluster. Each result comes as it is there.

A job that fails because its worker died is given out again, up to ``TRIES`` times in all. What a desk yields
for a job is a :class:`~course.grading.store.Graded`, or the exception that ended its last try.
"""

from __future__ import annotations

import atexit
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course.grading.store import Graded, Judged

if TYPE_CHECKING:
    from course.grading.engine import Result

TRIES = 3
TICK = 0.2  # seconds between two looks at the keyboard
PATIENCE = 20  # seconds for the scheduler to answer, and for its workers


class DeskError(Exception):
    """This desk cannot grade; the text is a sentence for the instructor."""


@dataclass(frozen=True)
class Job:
    """One piece of work to grade. ``number`` is its number in the store; everything else is plain data."""

    number: int
    student: str
    lesson: str
    cells: tuple[str, ...]
    seed: int
    version: str


Done = tuple[Job, Graded | Exception]


def here(jobs: Sequence[Job], workers: int, require_isolation: bool) -> Iterator[Done | None]:
    """Grade on this machine, ``workers`` submissions at a time. ``None`` means: still working."""
    from course.grading.engine import Engine, IsolationError

    with Engine(workers=workers, require_isolation=require_isolation) as engine:
        pool = ThreadPoolExecutor(workers, thread_name_prefix="grade")
        tries = dict.fromkeys(jobs, 1)
        running = {pool.submit(engine.grade, _submission(job), job.seed): job for job in jobs}
        try:
            while running:
                done, _ = wait(running, TICK, FIRST_COMPLETED)
                if not done:
                    yield None
                for future in done:
                    job = running.pop(future)
                    error = future.exception()
                    if isinstance(error, IsolationError):
                        raise DeskError(str(error))
                    if error is None:
                        yield job, _graded(future.result())
                    elif tries[job] < TRIES and isinstance(error, Exception):
                        tries[job] += 1
                        running[pool.submit(engine.grade, _submission(job), job.seed)] = job
                    else:
                        yield job, error if isinstance(error, Exception) else RuntimeError(repr(error))
        finally:
            # Leaving the engine ends what still runs, and with it the threads that wait for it.
            pool.shutdown(wait=False, cancel_futures=True)


def on_dask(jobs: Sequence[Job], scheduler: str, require_isolation: bool) -> Iterator[Done | None]:
    """Grade on the cluster of a Dask scheduler, e.g. ``tcp://host:8786``.

    Each worker needs this version of the course.

    Raises
    ------
    DeskError
        When Dask is not installed, or the scheduler does not answer.
    """
    try:
        from distributed import Client
    except ImportError:
        raise DeskError("--dask needs the package distributed: pip install distributed.") from None
    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise DeskError(f"No Dask scheduler answers at {scheduler}: {error}.") from None
    try:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise DeskError(
                f"The Dask scheduler at {scheduler} has no workers: dask worker {scheduler}."
            ) from None
        yield from _watch(client, jobs, require_isolation)
    finally:
        client.close()


def _watch(client: Any, jobs: Sequence[Job], require_isolation: bool) -> Iterator[Done | None]:
    """Hand out no more jobs than there are threads, so that a worker's death touches only what it ran.

    A job whose workers died is tried once more when all others are done, alone: it may only have been beside
    a deadly one.
    """
    from distributed import KilledWorker, wait

    waiting, suspects, running = deque(jobs), deque(), {}
    tried_alone: set[Job] = set()
    try:
        while waiting or suspects or running:
            room = max(1, sum(client.nthreads().values())) if waiting else 1
            while (waiting or suspects) and len(running) < room:
                job = waiting.popleft() if waiting else suspects.popleft()
                # `retries` is for jobs that raise; those of dead workers Dask gives out again by itself.
                running[
                    client.submit(grade_remotely, job, require_isolation, pure=False, retries=TRIES - 1)
                ] = job
            try:
                with client.as_current():
                    done = wait(list(running), timeout=TICK, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                yield None
                continue
            for future in done:
                job, outcome = running.pop(future), _outcome(future)
                if isinstance(outcome, KilledWorker) and job not in tried_alone:
                    tried_alone.add(job)
                    suspects.append(job)
                    continue
                if isinstance(outcome, DeskError):
                    raise outcome
                yield job, outcome
    finally:
        client.cancel(list(running), force=True)


def _outcome(future: Any) -> Graded | Exception:
    if future.cancelled():
        return DeskError("The Dask scheduler went away.")
    return future.exception() or future.result()


_engines: dict[bool, Any] = {}


def grade_remotely(job: Job, require_isolation: bool) -> Graded:
    """Grade one job in a Dask worker. The engine is started once per worker process and kept."""
    from course.grading.engine import IsolationError
    from course.grading.store import course_version

    own = course_version(job.lesson)
    if own != job.version:
        raise DeskError(
            f"A worker has version {own} of the course, this machine {job.version}. Install the same one."
        )
    try:
        return _graded(_engine(require_isolation).grade(_submission(job), job.seed))
    except IsolationError as error:
        raise DeskError(str(error)) from None


def _engine(require_isolation: bool) -> Any:
    from course.grading.engine import Engine

    if require_isolation not in _engines:
        engine = Engine(workers=1, require_isolation=require_isolation)
        engine.__enter__()
        atexit.register(engine.__exit__, None, None, None)
        _engines[require_isolation] = engine
    return _engines[require_isolation]


def _submission(job: Job) -> Any:
    from course.grading.engine import Submission

    return Submission(student=job.student, lesson=job.lesson, cells=job.cells)


def _graded(result: Result) -> Graded:
    """What the engine found, as the store keeps it."""
    exercises = tuple(
        Judged(
            found.id,
            found.status,
            min(1.0, max(0.0, float(found.score))),
            found.message or "",
            found.mistake or "",
            found.case or "",
            found.passed,
            found.cases,
            found.seconds,
        )
        for found in result.exercises
    )
    return Graded(result.seed, result.isolation, result.seconds, exercises, result.note or "")
