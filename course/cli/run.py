"""``python -m course run``: execute lessons without a browser and write a report."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import NamedTuple

from course import syllabus
from course.cli import environment
from course.cli.environment import ROOT, CannotGoOn
from course.syllabus import Lesson

REPORTS = ROOT / "build" / "reports"
CELL_TIMEOUT = 600  # seconds


class Result(NamedTuple):
    """How one lesson went: ``problem`` is empty when every cell ran."""

    lesson: Lesson
    cells: int
    seconds: float
    problem: str


def main(argv: list[str]) -> int:
    """Run the lessons; 0 when every cell of every lesson ran, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m course run",
        description=(
            "Execute lessons without a browser and write what they show to build/reports/, a page per "
            "lesson and a summary. The notebooks and your progress stay as they are."
        ),
    )
    parser.add_argument("lessons", nargs="+", metavar="LESSON", help="a number or a name, or `all`")
    chosen = choose(parser.parse_args(argv).lessons)
    environment.enter()
    return execute_and_report(chosen, REPORTS)


def choose(texts: list[str]) -> list[Lesson]:
    """The lessons with these numbers or names, each once; ``all`` stands for every one."""
    try:
        named = [syllabus.lessons() if text == "all" else (syllabus.find(text),) for text in texts]
    except syllabus.UnknownLesson as error:
        raise CannotGoOn(str(error)) from None
    chosen = list({lesson.number: lesson for lessons in named for lesson in lessons}.values())
    for lesson in chosen:
        if not _notebook(lesson).exists():
            raise CannotGoOn(f"{_notebook(lesson)} is not there: `python -m course build` writes it.")
    return chosen


def execute_and_report(lessons: list[Lesson], folder: Path) -> int:
    """Run the lessons one after the other, writing ``folder/<lesson>.html`` and ``folder/index.html``."""
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for lesson in lessons:
        results.append(_run(lesson, folder))
        _write(folder / "index.html", summary_page(results))
    width = max(len(result.lesson.slug) for result in results)
    for result in results:
        print(f"{result.lesson.slug:{width}}  {result.problem or 'every cell ran'}  ({result.seconds:.0f} s)")
    print(f"Report: {folder / 'index.html'}")
    return 1 if any(result.problem for result in results) else 0


def summary_page(results: list[Result]) -> str:
    """The page that lists the lessons that ran, how each went, and where its report lies."""
    rows = "\n".join(
        f'<tr><td><a href="{result.lesson.slug}.html">{result.lesson.number} '
        f"{escape(result.lesson.title)}</a></td>"
        f"<td>{escape(result.problem) or 'every cell ran'}</td>"
        f"<td>{result.cells}</td><td>{result.seconds:.0f} s</td></tr>"
        for result in results
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<title>Gradient Clinic: report</title>\n'
        "<style>body{font:1rem/1.5 sans-serif;margin:2rem;max-width:60rem}td,th{padding:.3rem 1rem .3rem 0;"
        "text-align:left;vertical-align:top}</style>\n</head>\n<body>\n<h1>Gradient Clinic: report</h1>\n"
        "<table>\n<tr><th>Lesson</th><th>Result</th><th>Cells</th><th>Time</th></tr>\n"
        f"{rows}\n</table>\n</body>\n</html>\n"
    )


def _run(lesson: Lesson, folder: Path) -> Result:
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    from course.build.execute import this_python

    notebook = nbformat.read(_notebook(lesson), as_version=4)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, _bar(lesson, cells) as advance:
        client = NotebookClient(
            notebook,
            km=AsyncKernelManager(kernel_spec_manager=this_python()),
            timeout=CELL_TIMEOUT,
            resources={"metadata": {"path": str(ROOT / "notebooks")}},
            on_cell_executed=lambda **_: advance(),
        )
        database = f"sqlite:///{Path(scratch, 'progress.db').as_posix()}"  # a run is nobody's progress
        problem = _execute(client, {**environment.child_environment(), "COURSE_DB": database})
    _write(folder / f"{lesson.slug}.html", _page(notebook, lesson))
    return Result(lesson, cells, time.monotonic() - started, problem)


def _execute(client, variables: dict[str, str]) -> str:
    """Run the notebook of ``client``; returns what went wrong, empty when nothing did."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    try:
        client.execute(cleanup_kc=True, env=variables)
    except CellExecutionError as error:
        return f"cell {client.code_cells_executed} raised {error.ename}: {error.evalue.splitlines()[0][:200]}"
    except CellTimeoutError:
        return f"cell {client.code_cells_executed + 1} took more than {CELL_TIMEOUT} seconds"
    except DeadKernelError:
        return f"the kernel died in cell {client.code_cells_executed + 1}"
    return ""


def _page(notebook, lesson: Lesson) -> str:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter()
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": lesson.slug}})
    return page


@contextmanager
def _bar(lesson: Lesson, cells: int) -> Iterator[Callable[[], None]]:
    """A progress bar on the terminal; gives the function that moves it on by one cell."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(lesson.slug, total=cells)
        yield lambda: progress.advance(task)


def _notebook(lesson: Lesson) -> Path:
    return ROOT / "notebooks" / f"{lesson.slug}.ipynb"


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
