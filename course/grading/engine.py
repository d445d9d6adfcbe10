"""Grades one submission after another: asks a solver, judges its answers, never runs learner's code itself.

::

    with Engine() as engine:
        result = engine.grade(Submission("ada", "02", cells), seed=7)

An engine may be used from several threads at once. It holds one zygote for lessons with NumPy alone and one
that has imported TensorFlow; each starts when first needed.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import signal
import threading
import time
import types
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from course.check import Exercise, NotAttempted, NotPassed, judge
from course.check.definition import Case
from course.grading.isolation import Tier
from course.grading.processes import Gone, Solver, Source, SourceGone, open_source

CRASHED, TIMED_OUT, MEMORY = "crashed", "timed out", "memory"
TEXT_LIMIT = 600
MAX_CELLS = 1000
MAX_VERSIONS = 3
MAX_SOURCE = 4 << 20


class IsolationError(RuntimeError):
    """This machine cannot keep learner's code away from files, network and other processes."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Seconds are wall time, sizes are bytes.

    ``cell_seconds`` for one cell, ``exercise_seconds`` for all cases of one exercise, ``submission_seconds``
    for everything; ``memory`` above what the imported libraries take; ``scratch`` of files.
    """

    cell_seconds: float = 30.0
    exercise_seconds: float = 20.0
    submission_seconds: float = 300.0
    memory: int = 2 << 30
    scratch: int = 64 << 20
    threads: int = 256


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one lesson: the sources of the code cells, in order."""

    student: str
    lesson: str
    cells: tuple[str, ...]

    @property
    def content_hash(self) -> str:
        """Equal for equal cells of the same lesson, whoever handed them in; 64 hexadecimal digits."""
        text = json.dumps([self.lesson, list(self.cells)])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class ExerciseResult:
    """What one exercise got. ``score`` is ``passed / cases``, ``seconds`` the time its cases took.

    ``status`` is ``"passed"``, ``"not passed"``, ``"not attempted"``, ``"crashed"``, ``"timed out"`` or
    ``"memory"``.
    """

    id: str
    status: str
    message: str = ""
    mistake: str | None = None
    case: str | None = None
    passed: int = 0
    cases: int = 0
    score: float = 0.0
    seconds: float = 0.0


@dataclass
class Result:
    """What a submission got. ``note`` says what happened to cells that failed, in the learner's terms."""

    student: str
    lesson: str
    content_hash: str
    seed: int
    isolation: str
    exercises: list[ExerciseResult] = field(default_factory=list)
    seconds: float = 0.0
    note: str = ""


class Engine:
    """Grades submissions in solvers behind walls.

    Parameters
    ----------
    workers : int
        How many solvers may run at once.
    limits : Limits
        What a submission may use.
    require_isolation : bool
        Refuse to grade, with IsolationError, where files, network and other processes are not out of reach.
    exercises : callable, optional
        ``exercises("02")`` gives the exercises of a lesson by ID; by default those of the course.
    isolate, namespaces : bool
        False does without any wall, or without namespaces, as on a machine that lacks them.
    """

    def __init__(
        self,
        workers: int = 1,
        limits: Limits | None = None,
        require_isolation: bool = False,
        exercises: Callable[[str], Mapping[str, Exercise]] | None = None,
        isolate: bool = True,
        namespaces: bool = True,
    ):
        self.limits = limits or Limits()
        self.require_isolation = require_isolation
        self._exercises = exercises or _exercises_of_course
        self._options = {"isolate": isolate, "namespaces": namespaces}
        self._free = threading.BoundedSemaphore(workers)
        self._sources: dict[str, Source] = {}
        self._lock = threading.Lock()
        self._warned = False
        self._closed = False

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes of this engine. A ``grade`` that runs in another thread raises RuntimeError."""
        with self._lock:
            self._closed = True
            for source in self._sources.values():
                source.close()
            self._sources.clear()

    def grade(self, submission: Submission, seed: int) -> Result:
        """Judge every exercise of the submission's lesson on inputs drawn from ``seed``.

        Raises
        ------
        IsolationError
            When ``require_isolation`` is set and the machine offers too little.
        """
        exercises = self._exercises(submission.lesson)
        began = time.monotonic()
        with self._free, _Sitting(self, submission, exercises) as sitting:
            marks = [sitting.judge(exercise, seed) for exercise in exercises.values()]
            return Result(
                submission.student,
                submission.lesson,
                submission.content_hash,
                seed,
                str(sitting.tier),
                marks,
                time.monotonic() - began,
                " ".join(sitting.notes)[: 4 * TEXT_LIMIT],
            )

    def warm_up(self, tensorflow: bool = True) -> str:
        """Start the processes that grading needs, and say what isolates them: the text that results carry."""
        solver = self._solver("tensorflow" if tensorflow else "numpy", [])
        solver.close()
        return str(solver.tier)

    def _solver(self, kind: str, wanted: list[str]) -> Solver:
        for _ in range(3):
            with self._lock:
                if self._closed:
                    raise RuntimeError("The engine is closed; nothing more can be graded with it.")
                source = self._sources.get(kind)
                if source is None:
                    source = self._sources[kind] = open_source(
                        kind, {**self._options, "bounds": self._bounds()}
                    )
            try:
                solver = source.solver(wanted)
            except SourceGone:
                with self._lock:
                    source.close()
                    if self._sources.get(kind) is source:
                        del self._sources[kind]
                continue
            self._accept(solver)
            return solver
        raise RuntimeError(
            "The grader's own process ended three times while it started. Is there memory left?"
        )

    def _accept(self, solver: Solver) -> None:
        if solver.tier.sufficient:
            return
        if self.require_isolation:
            solver.close()
            raise IsolationError(
                f"Isolation is required, and this machine gives: {solver.tier}. Nothing was graded."
            )
        if not self._warned:
            self._warned = True
            warnings.warn(f"Grading with too little isolation ({solver.tier}).", RuntimeWarning, stacklevel=4)

    def _bounds(self) -> dict[str, int]:
        limits = self.limits
        return {
            "memory": limits.memory,
            "cpu_seconds": int(limits.submission_seconds) + 1,
            "scratch": limits.scratch,
            "threads": limits.threads,
        }


def _exercises_of_course(lesson: str) -> Mapping[str, Exercise]:
    from course.notebook import exercises

    return exercises(lesson)


# ------------------------------------------------------------------------------------ one submission, sitting


@dataclass(frozen=True)
class _Ending:
    """How a solver ended, where: a status and a sentence about it that starts with "It"."""

    status: str
    sentence: str


class _Sitting:
    """One submission being graded. When a solver ends early, a new one runs the cells without the culprit."""

    def __init__(self, engine: Engine, submission: Submission, exercises: Mapping[str, Exercise]):
        self.engine, self.submission = engine, submission
        self.limits = engine.limits
        self.names = [exercise.name for exercise in exercises.values()]
        self.tier: Tier | str = "none needed"
        self.notes: list[str] = []
        self.deadline = float("inf")  # until the first solver is there: starting the zygote is nobody's time
        self.solver: Solver | None = None
        # Per cell: how it fails. A failed cell is run again with its definitions alone, then not at all.
        self.culprits: dict[int, list[_Ending]] = {}
        self.errors: dict[int, str] = {}
        text = "\n".join(submission.cells)
        self.refused = ""
        if len(submission.cells) > MAX_CELLS or len(text) > MAX_SOURCE:
            self.refused = f"The notebook has over {MAX_CELLS} code cells or {MAX_SOURCE >> 20} MB of code."
            self.notes.append(self.refused)
        # A drive may use Keras where the learner's own cells do not name it.
        needed = re.search(r"\b(tensorflow|keras)\b", text) or any(
            _uses_tensorflow(exercise.drive) for exercise in exercises.values()
        )
        self.kind = "tensorflow" if needed else "numpy"

    def __enter__(self) -> _Sitting:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def judge(self, exercise: Exercise, seed: int) -> ExerciseResult:
        """The marks of one exercise."""
        answer = None if self.refused else self._prepare(exercise)
        versions = min(_count(answer.get("versions")), MAX_VERSIONS) if answer else 0
        result = self._without_function(exercise)
        # A copied stub below the learner's own definition must not undo it: then the definition before
        # counts.
        for version in range(versions):
            if version and self._prepare(exercise) is None:
                break
            result = self._judge_version(exercise, version, seed)
            if result.status != "not attempted":
                break
        return result

    def _judge_version(self, exercise: Exercise, version: int, seed: int) -> ExerciseResult:
        began = time.monotonic()
        asking = _Asking(self, exercise, version, min(self.deadline, began + self.limits.exercise_seconds))
        outcome = judge(asking.guarded(), asking.call, seed)
        status = outcome.status
        if asking.ending and status != "passed":
            status = asking.ending.status
        elif outcome.mistake == "raised MemoryError":
            status = MEMORY
        return ExerciseResult(
            exercise.id,
            status,
            _clean(outcome.message),
            outcome.mistake,
            outcome.case,
            outcome.passed,
            len(exercise.cases),
            outcome.passed / max(len(exercise.cases), 1),
            time.monotonic() - began,
        )

    def _prepare(self, exercise: Exercise) -> dict | None:
        """Have a solver that ran the cells and knows the exercise; None when the time is over."""
        for _ in range(2 * len(self.submission.cells) + 2):
            if time.monotonic() > self.deadline:
                self._note("The time for the whole notebook was over before every exercise was judged.")
                return None
            if self.solver is None and not self._run_cells():
                continue
            message = {
                "do": "exercise",
                "id": exercise.id,
                "name": exercise.name,
                "arguments": exercise.arguments,
            }
            try:
                return self.solver.ask(message, exercise.drive, min(self.deadline, time.monotonic() + 30))
            except Gone:
                self._end()
        return None

    def _run_cells(self) -> bool:
        """Start a solver and run the cells in it. False when one of them, now a culprit, ended the solver."""
        self.solver = self.engine._solver(self.kind, self.names)
        self.tier = self.solver.tier
        self.deadline = min(self.deadline, time.monotonic() + self.limits.submission_seconds)
        self.errors.clear()
        late: list[int] = []
        for number, source in enumerate(self.submission.cells, 1):
            if not self._run_cell(number, source):
                return False
            if self.errors.get(number, "").startswith("NameError"):
                late.append(number)
        # Cells may have been moved above what they need: once all others ran, they get a second chance.
        return all(self._run_cell(number, self.submission.cells[number - 1]) for number in late)

    def _run_cell(self, number: int, source: str) -> bool:
        failures = self.culprits.get(number, [])
        if not source.strip() or len(failures) > 1:
            return True
        # After three cells that end the process, no cell gets more than its definitions.
        sparing = bool(failures) or len(self.culprits) > 3
        message = {"do": "cell", "cell": number, "source": source, "definitions_only": sparing}
        try:
            answer = self.solver.ask(
                message, None, min(self.deadline, time.monotonic() + self.limits.cell_seconds)
            )
        except Gone as gone:
            ending = self._end(gone, self.limits.cell_seconds)
            self.culprits.setdefault(number, []).append(ending)
            if not failures:
                self._note(f"Cell {number}: {ending.sentence} Only its definitions were kept.")
            return False
        error = answer.get("error")
        self.errors.pop(number, None)
        if error:
            self.errors[number] = _clean(error)
        return True

    def _without_function(self, exercise: Exercise) -> ExerciseResult:
        """The marks of an exercise whose function is not there: is the cell that defines it to blame?"""
        result = ExerciseResult(exercise.id, "not attempted", cases=len(exercise.cases))
        result.message = self.refused or f"The notebook defines no function `{exercise.name}`."
        # No \s here: it also matches line ends, and a million blank lines would take a trillion steps.
        name = exercise.name
        defines = re.compile(rf"^[ \t]*(?:async[ \t]+)?(?:def[ \t]+{name}\b|{name}[ \t]*=)", re.MULTILINE)
        for number, source in enumerate(self.submission.cells, 1):
            if not defines.search(source):
                continue
            if number in self.culprits:
                ending = self.culprits[number][-1]
                result.status, result.message = (
                    ending.status,
                    f"Cell {number}, which defines it: {ending.sentence}",
                )
            elif number in self.errors:
                result.status = "not passed"
                result.message = (
                    f"Cell {number}, which should define `{exercise.name}`, fails: {self.errors[number]}."
                )
            elif time.monotonic() > self.deadline:
                result.status, result.message = (
                    TIMED_OUT,
                    "The time for the whole notebook was over before this exercise.",
                )
        return result

    def _note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < 10:
            self.notes.append(text)

    def _end(self, gone: Gone | None = None, seconds: float = 0.0) -> _Ending:
        """Close the solver; say how it ended, when it had ``seconds`` for what it did."""
        solver, self.solver = self.solver, None
        code = solver.close() if solver else 0
        return _ending(gone, seconds, code)


class _Asking:
    """One exercise of one submission: a ``call`` for its cases."""

    def __init__(self, sitting: _Sitting, exercise: Exercise, version: int, deadline: float):
        self.sitting, self.exercise, self.version, self.deadline = sitting, exercise, version, deadline
        self.ending: _Ending | None = None

    def call(self, *arguments: Any) -> Any:
        if self.ending:
            # One crash or endless loop is enough: further cases of this exercise are not tried.
            raise NotPassed(self.ending.sentence, self.ending.status)
        message = {"do": "call", "name": self.exercise.name, "version": self.version}
        try:
            answer = self.sitting.solver.ask(message, arguments, self.deadline)
        except Gone as gone:
            self.ending = self.sitting._end(gone, self.sitting.limits.exercise_seconds)
            text = self.ending.sentence.replace("It ", "Your function ", 1)
            raise NotPassed(text, self.ending.status) from None
        found = answer.get("found")
        if found == "value":
            return answer["value"]
        if found == "not attempted":
            raise NotAttempted
        mistake = answer.get("mistake")
        raise NotPassed(
            _clean(answer.get("message")) or "Your function failed.",
            _clean(mistake)[:60] if mistake else None,
        )

    def guarded(self) -> Exercise:
        """The exercise, its cases proof against answers that no author thought of."""
        exercise = copy.copy(self.exercise)
        exercise.cases = [Case(case.title, _guarded(case.run)) for case in self.exercise.cases]
        return exercise


def _guarded(run: Callable[..., None]) -> Callable[..., None]:
    def guarded(call: Callable[..., Any], rng: Any) -> None:
        try:
            run(call, rng)
        except (NotPassed, NotAttempted):
            raise
        except Exception as error:
            text = f"The check could not make sense of what your function returned ({type(error).__name__})."
            raise NotPassed(text, "unreadable result") from error

    return guarded


def _uses_tensorflow(function: Any) -> bool:
    """A drive, or a function that it calls, names TensorFlow or Keras."""
    todo, seen = [function], set()
    while todo:
        found = todo.pop()
        if id(found) in seen or not hasattr(found, "__code__"):
            continue
        seen.add(id(found))
        names = _names_in(found.__code__)
        used = [found.__globals__[name] for name in names if name in found.__globals__]
        names.update(thing.__name__.split(".")[0] for thing in used if isinstance(thing, types.ModuleType))
        if names & {"tensorflow", "keras"}:
            return True
        todo += used
    return False


def _names_in(code: types.CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*map(_names_in, inner))


def _clean(text: Any) -> str:
    """Text from the solver: bounded, one line, without control characters."""
    text = text if isinstance(text, str) else ""
    return "".join(c if c.isprintable() else " " for c in text[:TEXT_LIMIT]).strip()


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _ending(gone: Gone | None, seconds: float, code: int) -> _Ending:
    if gone is not None and gone.timed_out:
        return _Ending(TIMED_OUT, f"It did not end within {seconds:.0f} seconds. Is there an endless loop?")
    if gone is not None and gone.broken:
        return _Ending(CRASHED, f"It disturbed the grader's messages ({gone.broken}), and was stopped.")
    if code == -9:
        return _Ending(
            CRASHED, "It was stopped: it cut its connection, or used up its processor time or the memory."
        )
    if code < 0:
        name = {-signal.SIGSEGV: "segmentation fault", -signal.SIGABRT: "abort"}.get(
            code, _signal_name(-code)
        )
        return _Ending(CRASHED, f"It crashed Python itself ({name}).")
    return _Ending(CRASHED, f"It ended the whole process (exit code {code}).")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
