"""Lessons executed without a browser, by real kernels."""

import nbformat
import pytest
from nbformat import v4

from course import syllabus
from course.cli import run
from course.cli.environment import CannotGoOn

FIRST, SECOND = syllabus.lessons()[:2]


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    """A course folder with two small lessons: one that runs and one that fails in its second cell."""
    monkeypatch.setattr(run, "ROOT", tmp_path)
    cells = {
        FIRST.slug: [
            "import os; print('hello from', os.path.basename(os.getcwd()))",
            "print(os.environ['COURSE_DB'])",
        ],
        SECOND.slug: ["print('so far so good')", "1 / 0", "print('never')"],
    }
    for slug, sources in cells.items():
        path = tmp_path / "notebooks" / f"{slug}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources]), path)
    return tmp_path


def test_a_run_reports_each_lesson_and_leaves_the_notebooks_alone(notebooks, capsys):
    before = {path: path.read_bytes() for path in notebooks.glob("notebooks/*")}
    reports = notebooks / "reports"
    assert run.execute_and_report([FIRST, SECOND], reports) == 1
    assert {path: path.read_bytes() for path in notebooks.glob("notebooks/*")} == before

    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{FIRST.slug}") and "every cell ran" in said[0]
    assert (
        said[1].startswith(f"{SECOND.slug}")
        and "cell 2 raised ZeroDivisionError: division by zero" in said[1]
    )
    assert said[2] == f"Report: {reports / 'index.html'}"

    page = (reports / f"{FIRST.slug}.html").read_text(encoding="utf-8")
    assert "hello from notebooks" in page
    assert "sqlite:///" in page, "a run must not count as the learner's progress"
    failed = (reports / f"{SECOND.slug}.html").read_text(encoding="utf-8")
    assert "so far so good" in failed and "ZeroDivisionError" in failed
    summary = (reports / "index.html").read_text(encoding="utf-8")
    assert f'href="{FIRST.slug}.html"' in summary and "cell 2 raised ZeroDivisionError" in summary


def test_a_run_without_a_failure_succeeds(notebooks):
    assert run.execute_and_report([FIRST], notebooks / "reports") == 0


def test_lessons_are_chosen_by_number_and_name_each_once(notebooks):
    assert run.choose([SECOND.number, FIRST.name, SECOND.slug]) == [SECOND, FIRST]


def test_a_notebook_that_is_not_built_is_named(notebooks):
    run._notebook(SECOND).unlink()
    with pytest.raises(
        CannotGoOn, match=f"{SECOND.slug}.ipynb is not there: `python -m course build` writes it"
    ):
        run.choose(["all"])
