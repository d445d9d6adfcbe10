"""``python -m course test``: the whole suite."""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from pathlib import Path

from course.cli import environment
from course.cli.environment import ROOT, CannotGoOn

EXTRAS = ("grade", "maintain", "test")
BYTES_PER_WORKER = 2_000_000_000  # a notebook's kernel with TensorFlow, and the test process beside it

HELP = """\
usage: python -m course test [arguments for pytest]

Run every test, and compare what every notebook prints with what it printed when it was built.
Arguments go to pytest. With paths, only those run; with -k, only tests that are not notebooks.

  python -m course test                             everything, in parallel
  python -m course test tests/cli                   one folder
  python -m course test notebooks/02_*.ipynb        one notebook
  python -m course test -k softmax -x               by name, stopping at the first failure
  python -m course test -m seeds                    every claim over several seeds (slow)"""


def main(argv: list[str]) -> int:
    """Run pytest in an environment that has what the tests need. Does not return when it starts."""
    if {"-h", "--help"} & set(argv):
        print(HELP)
        return 0
    if not (ROOT / "tests").is_dir():
        raise CannotGoOn("The tests are not in this installation: clone the repository and run them there.")
    environment.enter(EXTRAS)
    command = pytest_command(argv)
    os.chdir(ROOT)
    environment.hand_over(command)


def pytest_command(argv: list[str]) -> list[str]:
    """The command line that runs the tests that ``argv`` asks for."""
    paths = [argument for before, argument in pairwise(["", *argv]) if _is_path(before, argument)]
    arguments = [_absolute(argument) if argument in paths else argument for argument in argv]
    chosen = [] if paths else (["tests"] if _by_name(argv) else ["tests", "notebooks", "solutions"])
    chosen = [folder for folder in chosen if (ROOT / folder).is_dir()]
    return [sys.executable, "-m", "pytest", *_in_parallel(argv, paths), *arguments, *chosen]


def workers() -> int:
    """How many tests to run at once: one per core, as far as memory goes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # Windows
        memory = 4 * BYTES_PER_WORKER
    return max(1, min(cores, memory // BYTES_PER_WORKER, 8))


def _in_parallel(argv: list[str], paths: list[str]) -> list[str]:
    """xdist's arguments, where several files run and nothing in ``argv`` speaks against it."""
    alone = {"-s", "--capture=no", "--pdb", "--trace", "--collect-only", "--co", "no:xdist", "--numprocesses"}
    if alone & set(argv) or any(argument.startswith(("-n", "--numprocesses=")) for argument in argv):
        return []
    if len(paths) == 1 and not Path(paths[0]).is_dir():
        return []
    return ["-n", str(workers()), "--dist", "loadfile"]


def _by_name(argv: list[str]) -> bool:
    return any(argument.startswith(("-k", "-m")) for argument in argv)


def _is_path(before: str, argument: str) -> bool:
    """Whether an argument names a file or folder, and is not the value of the option ``before`` it."""
    value = before in ("-k", "-m", "-n", "-p", "-o", "-r", "-W", "--durations", "--maxfail", "--tb")
    return not value and not argument.startswith("-") and os.path.exists(argument.split("::")[0])


def _absolute(path: str) -> str:
    """A path as seen from the folder of the course, where pytest runs."""
    if Path.cwd() == ROOT:
        return path
    file, colons, test = path.partition("::")
    return os.path.abspath(file) + colons + test
