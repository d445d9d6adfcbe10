"""nbval, with the settings of the root's conftest.py, sees what matters and nothing else. Real runs."""

import copy
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from course.build import execute

ROOT = Path(__file__).parents[2]

CELLS = {
    "lines": ('print("first")\nprint("third is", 3)', []),
    "numbers": ('print("loss 0.12345, 8 layers")\n[0.5, 2]', ["nbval-tol=1e-3"]),
    "figure": (
        "import base64\nfrom IPython.display import Image, display\n"
        'dot = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"\n'
        '    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")\n'
        'display(Image(dot, alt="a dot"))',
        [],
    ),
    "warning": ('import warnings\nwarnings.warn("old")\nprint("done")', []),
    "address": ("object()", []),
    "quiz": (
        "import ipywidgets\n\n\nclass Quiz(ipywidgets.VBox):\n    def _repr_mimebundle_(self, **kwargs):\n"
        "        data = super()._repr_mimebundle_(**kwargs)\n"
        '        return {**data, "text/plain": "Quiz 02", "text/html": "<p>Which one?</p>"}\n\n\nQuiz()',
        [],
    ),
}


def changed(key, old, new):
    """Replace a text in the stored outputs of a cell."""

    def change(cells):
        for output in cells[key].outputs:
            if output.output_type == "stream":
                output.text = output.text.replace(old, new)
            else:
                output.data = {kind: value.replace(old, new) for kind, value in output.data.items()}

    return change


def without(key, index):
    """Take one stored output away, as if the code now gave one more."""
    return lambda cells: cells[key].outputs.pop(index)


def one_more(key):
    """Store the last output twice, as if the code now gave one less."""
    return lambda cells: cells[key].outputs.append(copy.deepcopy(cells[key].outputs[-1]))


def never_run(cells):
    cells["lines"].execution_count = None
    cells["lines"].outputs = []


CASES = {  # what differs between the stored notebook and a run of its code: the cell that must fail, or None
    "nothing": (lambda cells: None, None),
    "a_changed_number": (changed("lines", "is 3", "is 4"), "lines"),
    "a_missing_line": (changed("lines", "first\n", "first\nsecond\n"), "lines"),
    "a_line_too_many": (changed("lines", "first\n", ""), "lines"),
    "a_missing_figure": (one_more("figure"), "figure"),
    "a_new_figure": (without("figure", 0), "figure"),
    "other_pixels": (changed("figure", "iVBOR", "iVBOS"), None),
    "a_new_warning": (without("warning", 0), "warning"),
    "a_float_within_tolerance": (changed("numbers", "0.12345", "0.12340"), None),
    "a_float_out_of_tolerance": (changed("numbers", "0.12345", "0.12300"), "numbers"),
    "a_value_within_tolerance": (changed("numbers", "0.5", "0.5001"), None),
    "a_value_out_of_tolerance": (changed("numbers", "0.5", "0.51"), "numbers"),
    "an_integer_beside_tolerated_floats": (changed("numbers", "8 layers", "9 layers"), "numbers"),
    "a_word_beside_tolerated_floats": (changed("numbers", "loss", "cost"), "numbers"),
    "a_changed_question": (changed("quiz", "Which one", "Which two"), "quiz"),
    "a_cell_that_was_never_run": (never_run, "lines"),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The lines of one nbval run over a notebook for each case."""
    folder = tmp_path_factory.mktemp("nbval")
    shutil.copy(ROOT / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\n")
    stored = v4.new_notebook(metadata={"language_info": {"name": "python"}})
    for code, tags in CELLS.values():
        stored.cells.append(v4.new_code_cell(code, metadata={"tags": tags}))
    execute(stored, folder, ROOT, {cell.id: "test" for cell in stored.cells})
    for name, (change, _) in CASES.items():
        notebook = copy.deepcopy(stored)
        change(dict(zip(CELLS, notebook.cells, strict=True)))
        nbformat.write(notebook, folder / f"{name}.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=60"]
    run = subprocess.run(
        [*command, "-rA", "-p", "no:cacheprovider", "--color=no"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return re.findall(r"^(PASSED|FAILED|ERROR) (\w+)\.ipynb::Cell (\d+)", run.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", CASES)
def test_of_the_differences_between_stored_and_new_outputs_nbval_sees(report, name):
    keys = list(CELLS)
    outcomes = {keys[int(cell)]: outcome for outcome, notebook, cell in report if notebook == name}
    culprit = CASES[name][1]
    assert outcomes == {key: "FAILED" if key == culprit else "PASSED" for key in CELLS}
