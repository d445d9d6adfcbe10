"""Marks are what the code deserves, whatever happens around it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from course.grading import processes
from course.grading.engine import Engine, IsolationError, Limits, Submission
from tests.grading.engine import lesson

IMPORTS = "import numpy as np\nfrom course.notebook import setup, check, hint\nseed = setup('02')"
DOUBLE = "def double(x):\n    return 2 * x"
MEAN = "def mean(x):\n    return np.mean(x)"
APPLY = "def apply(f, x):\n    return f(x)"
STUB = "def double(x):\n    raise NotImplementedError"


@pytest.fixture
def marks(engine):
    def grade(*cells, seed=1):
        result = engine.grade(Submission("ada", "97", cells), seed)
        found = {exercise.id.split(".")[1]: exercise for exercise in result.exercises}
        found["note"] = result.note
        return found

    return grade


def statuses(found):
    return [found[name].status for name in ("double", "mean", "apply")]


def test_right_answers_get_full_marks(marks):
    found = marks(IMPORTS, DOUBLE, "check('97.double', double)", MEAN, APPLY)
    assert statuses(found) == ["passed"] * 3
    assert [found[name].score for name in ("double", "mean", "apply")] == [1.0] * 3
    assert found["note"] == ""


def test_stubs_are_not_attempted(marks):
    found = marks(IMPORTS, STUB, "def mean(x):\n    ...", "def apply(f, x):\n    return ...")
    # A body of `...` returns None: that is an answer, and it says so.
    assert statuses(found) == ["not attempted", "not passed", "not attempted"]
    assert all(found[name].score == 0 for name in ("double", "mean", "apply"))


def test_a_missing_function_is_named(marks):
    found = marks(IMPORTS, MEAN)
    assert found["double"].status == "not attempted"
    assert found["double"].message == "The notebook defines no function `double`."
    assert found["mean"].status == "passed"


def test_marks_are_given_case_by_case_and_the_misconception_is_named(marks):
    found = marks(IMPORTS, "def double(x):\n    return abs(2 * x) if len(x) == 1 else 2 * x", MEAN)
    assert found["double"].score == 0.5
    assert found["double"].case == "a negative number"
    squared = marks(IMPORTS, "def double(x):\n    return x ** 2")["double"]
    assert squared.mistake == "squared" and squared.message == "You squared x. Double it."


def test_an_error_is_told_with_the_learner_s_own_line(marks):
    found = marks(IMPORTS, "def double(x):\n    y = x * 2\n    return y / zero")
    assert found["double"].message == (
        "Your function raised NameError: name 'zero' is not defined at line 3 of your cell: "
        "`return y / zero`."
    )


def test_an_argument_that_is_changed_is_noticed(marks):
    found = marks(IMPORTS, "def double(x):\n    x *= 2\n    return x")
    assert found["double"].mistake == "mutated input"


def test_a_name_that_is_no_function_is_told(marks):
    found = marks(IMPORTS, "double = 5")
    assert found["double"].message == "`double` is an int in your notebook; it should be a function."


QUIET = (
    "from course import plots\nfrom course.labs import backprop\nimport course.quiz.view\nplots.lines([1])"
)
NOISE = "print('x' * 10**6)\nimport os, sys\nprint('!', file=sys.stderr)\nos.write(2, b'noise')"
SURROUNDINGS = {
    "a stub below": (DOUBLE, STUB),
    "a stub above": (STUB, DOUBLE),
    "imports below": (DOUBLE, IMPORTS),
    "imports deleted": (DOUBLE,),
    "an error above, in the cell": ("print(undefined)\n" + DOUBLE,),
    "an error below, in the cell": (DOUBLE + "\nraise ValueError",),
    "an error in a cell above": ("1 / 0", DOUBLE),
    "a cell above what it needs": ("double = make()", "def make():\n    return lambda x: 2 * x"),
    "another name, above": ("double = helper", "def helper(x):\n    return 2 * x"),
    "noise": (NOISE, DOUBLE),
    "line magics": ("%matplotlib inline\n%load_ext autoreload\n" + DOUBLE,),
    "shell commands": ("!pip install everything\nfiles = !ls\n" + DOUBLE,),
    "a timed cell": ("%%time\n" + DOUBLE,),
    "a timed line": ("%time x = 1", DOUBLE),
    "a question": ("double?", DOUBLE),
    "a shell cell": ("%%bash\nexit 1", DOUBLE),
    "input": ("name = input('Your name?')", DOUBLE),
    "what IPython offers": ("display(1)\nget_ipython().run_line_magic('who')\nexit()\nquit()", DOUBLE),
    "figures, labs, quizzes": (QUIET, DOUBLE),
    "a notebook function that does not exist": (
        "from course.notebook import anything\nanything('x')",
        DOUBLE,
    ),
    "a main guard": ("if __name__ == '__main__':\n    def double(x):\n        return x + x",),
    "a partial function": ("import functools\ndouble = functools.partial(lambda a, x: a * x, 2)",),
    "a class": ("class double:\n    def __new__(cls, x):\n        return 2 * x",),
    "a cell that does not parse": ("def broken(:\n", DOUBLE),
    "empty cells": ("", "# only a comment", DOUBLE),
    "a null character": ("\x00", DOUBLE),
    "a cell that ends the process": ("import os\nos._exit(0)", DOUBLE),
    "a crash below, in the cell": ("import ctypes\n" + DOUBLE + "\nctypes.string_at(0)",),
    "an endless cell": ("while True: pass", DOUBLE),
    "an endless loop below, in the cell": (DOUBLE + "\nwhile True: pass",),
}


@pytest.mark.parametrize("cells", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_what_surrounds_a_right_answer_costs_nothing(marks, cells):
    found = marks(*cells, MEAN)
    assert (found["double"].status, found["mean"].status) == ("passed", "passed"), (
        found["double"],
        found["note"],
    )


def test_a_cell_that_does_not_parse_is_named(marks):
    found = marks(IMPORTS, "def double(x):\n    return 2 * x)", MEAN)
    assert found["double"].status == "not passed"
    assert (
        found["double"].message
        == "Cell 2, which should define `double`, fails: SyntaxError at line 2: unmatched ')'."
    )
    assert found["mean"].status == "passed"


def test_a_crash_keeps_the_marks_of_the_others_and_names_the_culprit(marks):
    crash = "import ctypes\ndef double(x):\n    return ctypes.string_at(0)"
    found = marks(IMPORTS, crash, MEAN, APPLY)
    assert statuses(found) == ["crashed", "passed", "passed"]
    assert found["double"].message == "Your function crashed Python itself (segmentation fault)."


def test_a_crash_in_a_later_case_keeps_the_marks_of_the_earlier_ones(marks):
    found = marks("import os\ndef double(x):\n    return 2 * x if len(x) > 1 else os._exit(3)")
    assert (found["double"].status, found["double"].score) == ("crashed", 0.5)
    assert found["double"].message == "Your function ended the whole process (exit code 3)."


def test_an_endless_loop_keeps_the_marks_of_the_others_and_names_the_culprit(marks):
    found = marks(IMPORTS, "def double(x):\n    while True: pass", MEAN, APPLY)
    assert statuses(found) == ["timed out", "passed", "passed"]
    assert found["double"].message == "Your function did not end within 2 seconds. Is there an endless loop?"


def test_a_cell_that_never_ends_is_named(marks):
    found = marks(IMPORTS, DOUBLE, "while True: pass", MEAN)
    assert found["note"] == (
        "Cell 3: It did not end within 2 seconds. Is there an endless loop? Only its definitions were kept."
    )


def test_too_much_memory_is_named(marks):
    found = marks("def double(x):\n    return np.ones(1 << 34)", MEAN)
    assert found["double"].status == "memory"
    assert found["mean"].status == "passed"


def test_a_notebook_of_crashing_cells_is_graded_in_bounded_time(engine):
    crash = "import os\nos._exit(0)"
    result = engine.grade(Submission("ada", "97", (*[crash] * 40, DOUBLE, *[crash] * 10)), 1)
    assert result.exercises[0].status == "passed"
    assert result.seconds < 20


def test_a_million_blank_lines_take_no_time(engine):
    result = engine.grade(Submission("ada", "97", ("\n" * 1_000_000 + "x = 1", " " * 1_000_000, MEAN)), 1)
    assert result.exercises[1].status == "passed"
    assert result.seconds < 10


def test_a_notebook_with_too_many_cells_says_so(marks):
    found = marks(*["x = 1"] * 1001)
    assert found["double"].status == "not attempted"
    assert "over 1000 code cells" in found["double"].message


def test_an_answer_that_no_check_expects_is_a_failure_not_an_error(marks):
    found = marks("def double(x):\n    return {'a': [None, ..., (1,)]}", "def mean(x):\n    return object()")
    assert (
        found["double"].status == found["mean"].status == "not passed"
        or found["double"].status == "not attempted"
    )


def test_the_same_seed_gives_the_same_result(engine):
    submission = Submission("ada", "97", ("def double(x):\n    return x + 1", MEAN))
    first, second = engine.grade(submission, 9), engine.grade(submission, 9)
    strip = [(e.id, e.status, e.message, e.score) for e in first.exercises]
    assert strip == [(e.id, e.status, e.message, e.score) for e in second.exercises]
    assert engine.grade(submission, 10).exercises[0].message != first.exercises[0].message


def test_a_result_says_what_was_graded_and_what_isolated_it(engine):
    submission = Submission("ada", "97", (DOUBLE,))
    result = engine.grade(submission, 3)
    assert (result.student, result.lesson, result.seed) == ("ada", "97", 3)
    assert result.content_hash == submission.content_hash == Submission("bob", "97", (DOUBLE,)).content_hash
    assert result.content_hash != Submission("ada", "97", (DOUBLE + " ",)).content_hash
    assert "seccomp" in result.isolation and "NOT ISOLATED" not in result.isolation


def test_grading_from_several_threads_keeps_submissions_apart(engine):
    right, wrong = (IMPORTS, DOUBLE, MEAN, APPLY), (IMPORTS, "def double(x):\n    return x", MEAN)
    with ThreadPoolExecutor(4) as pool:
        results = list(
            pool.map(lambda n: engine.grade(Submission(str(n), "97", (right, wrong)[n % 2]), n), range(24))
        )
    assert [result.student for result in results] == [str(n) for n in range(24)]
    assert [result.exercises[0].score for result in results] == [1.0, 0.0] * 12


def test_a_killed_zygote_is_replaced(engine):
    submission = Submission("ada", "97", (DOUBLE,))
    engine.grade(submission, 1)
    process = psutil.Process(engine._sources["numpy"].process.pid)
    os.kill(process.children()[0].pid, signal.SIGKILL)
    assert engine.grade(submission, 1).exercises[0].status == "passed"


def test_a_machine_without_walls_is_refused_or_warned_of():
    refused = pytest.raises(IsolationError, match="Isolation is required")
    with Engine(exercises=lesson.exercises, isolate=False, require_isolation=True) as engine, refused:
        engine.grade(Submission("ada", "97", (DOUBLE,)), 1)
    with Engine(exercises=lesson.exercises, isolate=False) as engine:
        with pytest.warns(RuntimeWarning, match="too little isolation"):
            result = engine.grade(Submission("ada", "97", (DOUBLE, MEAN)), 1)
        assert "NOT ISOLATED" in result.isolation
        assert result.exercises[0].status == "passed"


def test_without_namespaces_the_other_walls_suffice():
    with Engine(
        exercises=lesson.exercises, namespaces=False, require_isolation=True, limits=Limits()
    ) as engine:
        result = engine.grade(Submission("ada", "97", (DOUBLE, MEAN)), 1)
    assert "namespaces" not in result.isolation and "Landlock" in result.isolation
    assert result.exercises[0].status == "passed"


def test_where_fork_is_unsafe_each_submission_gets_a_fresh_process(monkeypatch):
    monkeypatch.setattr(processes, "CAN_FORK", False)
    with Engine(exercises=lesson.exercises, limits=Limits(exercise_seconds=1)) as engine:
        with pytest.warns(RuntimeWarning, match="too little isolation"):
            result = engine.grade(
                Submission("ada", "97", ("import os", "def double(x):\n    os._exit(3)", MEAN)), 1
            )
        assert [exercise.status for exercise in result.exercises] == ["crashed", "passed", "not attempted"]
        assert "exit code 3" in result.exercises[0].message


@pytest.mark.parametrize("options", ["", "namespaces=False", "isolate=False"])
def test_nothing_runs_on_when_the_grader_is_killed(options):
    code = f"""
import warnings
warnings.simplefilter("ignore")
from course.grading.engine import Engine, Submission
from tests.grading.engine import lesson
engine = Engine(exercises=lesson.exercises, {options})
print(engine.warm_up(tensorflow=False), flush=True)
engine.grade(Submission("ada", "97", ("while True: pass",)), 1)
"""
    grader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert "rlimits" in grader.stdout.readline()
    wait_until(lambda: len(psutil.Process(grader.pid).children(recursive=True)) == 3)
    family = psutil.Process(grader.pid).children(recursive=True)
    grader.kill()
    grader.wait()
    grader.stdout.close()
    wait_until(lambda: not any(alive(member) for member in family))


def test_closing_the_engine_ends_what_is_being_graded():
    engine = Engine(exercises=lesson.exercises)
    engine.warm_up(tensorflow=False)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(engine.grade, Submission("ada", "97", ("while True: pass",)), 1)
        process = psutil.Process(engine._sources["numpy"].process.pid)
        wait_until(lambda: len(process.children(recursive=True)) == 2)
        engine.close()
        with pytest.raises(RuntimeError, match="closed"):
            running.result(timeout=5)


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
