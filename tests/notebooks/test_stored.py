"""What is stored: every cell was run, solutions pass, and exercises run through unedited."""

import ast
from pathlib import Path

import nbformat
import pytest

from course.build import execute

ROOT = Path(__file__).parents[2]


def stored(*folders):
    """The notebooks of these folders as pytest parameters."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).glob("*.ipynb"))]
    return [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in paths]


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def checks(source):
    """The IDs in the ``check("02.name", ...)`` calls of a cell."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [
        call.args[0].value for call in calls if isinstance(call.func, ast.Name) and call.func.id == "check"
    ]


def words(cell):
    """All that a cell shows, as one plain text."""
    return " ".join(
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs
    )


@pytest.mark.parametrize("path", stored("notebooks", "solutions"))
def test_every_cell_of_an_executed_notebook_was_run_and_none_left_an_error(path):
    cells = code_cells(nbformat.read(path, as_version=4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        allowed = "raises-exception" in cell.metadata.get("tags", ())
        assert allowed or not [output for output in cell.outputs if output.output_type == "error"]


@pytest.mark.parametrize("path", stored("solutions"))
def test_every_solution_passes_its_check(path):
    checked = [cell for cell in code_cells(nbformat.read(path, as_version=4)) if "check(" in cell.source]
    assert checked
    for cell in checked:
        for id in checks(cell.source):
            assert id in words(cell)
            assert "passed" in words(cell).lower()
            assert "not passed" not in words(cell).lower()


@pytest.mark.slow
@pytest.mark.parametrize("path", stored("exercises"))
def test_an_exercise_notebook_runs_through_unedited_and_calls_nothing_attempted(path):
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.outputs or cell.execution_count for cell in code_cells(notebook))
    execute(notebook, path.parent, ROOT, {cell.id: f"{path.name}, cell {cell.id}" for cell in notebook.cells})
    checked = [cell for cell in code_cells(notebook) if "check(" in cell.source]
    assert checked
    for cell in checked:
        assert words(cell).lower().count("not attempted") >= len(checks(cell.source)), cell.source
