"""Building and checking a whole lesson: real kernels, a repository in a temporary folder."""

import json
import re
import subprocess
import sys

import nbformat
import pytest

from course import build as package
from course.build import build, check, derive, main
from course.build.execute import CellFailed, execute

FILES = ["notebooks/77_small.ipynb", "exercises/77_small.ipynb", "solutions/77_small.ipynb"]


def check_of(lesson, root):
    return check([lesson], [lesson], root)


def bytes_of(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def read(root, name):
    return nbformat.read(root / name, as_version=4)


def edit(root, name, change):
    """Change a derived notebook as a hand would: by its JSON."""
    notebook = json.loads((root / name).read_text())
    change(notebook)
    (root / name).write_text(json.dumps(notebook))


def change_output(notebook):
    next(cell for cell in notebook["cells"] if cell.get("outputs"))["outputs"][0]["text"] = ["other\n"]


def test_a_lesson_gives_three_notebooks_with_outputs_where_they_belong(small, built):
    assert set(FILES) | {"README.md", "notebooks/CLAIMS.md"} == set(bytes_of(built))
    lesson, exercise, solution = (read(built, name) for name in FILES)
    assert lesson.cells[2].outputs[0].text == "hello\n"
    assert solution.cells[-1].outputs[0].text == "77.double True\n"
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in exercise.cells)
    assert "2 * float(x)" in solution.cells[-2].source
    assert "2 * float(x)" not in (built / FILES[1]).read_text()
    assert check_of(small, built) == []


def test_what_did_not_change_keeps_every_byte_and_runs_no_kernel(small, built, monkeypatch):
    before = bytes_of(built)
    monkeypatch.setattr(package, "execute", lambda *args: pytest.fail("a kernel was started"))
    assert build([small], [small], built) == []
    assert bytes_of(built) == before


def test_rebuilding_gives_the_same_bytes_each_time(small, built):
    before = bytes_of(built)
    for _ in range(2):
        assert build([small], [small], built, force=True) == []
        assert bytes_of(built) == before


def test_only_what_a_source_changed_is_built_anew(small, built):
    before = bytes_of(built)
    small.edit("exercises.md", "Double a number.", "Double any number.")
    assert check_of(small, built) == [
        "exercises/77_small.ipynb is stale. `python -m course build` mends it.",
        "solutions/77_small.ipynb is stale. `python -m course build` mends it.",
    ]
    assert build([small], [small], built) == []
    after = bytes_of(built)
    assert {name for name in after if after[name] != before[name]} == {FILES[1], FILES[2]}
    assert check_of(small, built) == []


@pytest.mark.parametrize(
    "name, stale",
    [("checks.py", FILES[2:]), ("quiz.yaml", [FILES[0], FILES[2]]), ("tape.py", [FILES[0], FILES[2]])],
)
def test_what_outputs_depend_on_makes_them_stale(small, built, name, stale):
    small.write(name, "# new")
    assert [problem.split(" ")[0] for problem in check_of(small, built)] == stale


def test_a_text_cell_keeps_its_id_when_another_cell_changes(small, built):
    ids = [cell.id for cell in read(built, FILES[0]).cells]
    small.edit("lesson.md", "hello", "goodbye")
    after = [cell.id for cell in derive(small)["notebooks"].notebook.cells]
    assert [old == new for old, new in zip(ids, after, strict=True)] == [True, True, False, True]


def test_an_exercise_and_its_solution_share_their_ids_and_equal_cells_have_their_own(small):
    cell = '```{code-cell} ipython3\ncheck("77.double", double)\n```\n'
    small.write("exercises.md", (small.folder / "exercises.md").read_text() + cell)
    derived = derive(small)
    ids = [cell.id for cell in derived["exercises"].notebook.cells]
    assert ids == [cell.id for cell in derived["solutions"].notebook.cells]
    assert len(set(ids)) == len(ids)


EDITS = {
    "an output": change_output,
    "a source": lambda notebook: notebook["cells"][0].update(source=["# Mine"]),
    "a tag": lambda notebook: notebook["cells"][1]["metadata"].update(tags=[]),
    "an id": lambda notebook: notebook["cells"][0].update(id="mine"),
    "a cell more": lambda notebook: notebook["cells"].append(dict(notebook["cells"][0], id="mine")),
    "metadata of the notebook": lambda notebook: notebook["metadata"].update(mine=1),
    "the stored hash": lambda notebook: notebook["metadata"]["gradient_clinic"].update(content_sha256="0"),
    "no hashes": lambda notebook: notebook["metadata"].pop("gradient_clinic"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_notebook_changed_by_hand_fails_the_check_with_its_name_and_is_not_overwritten(small, built, name):
    edit(built, FILES[0], EDITS[name])
    before = bytes_of(built)
    small.edit("lesson.md", "Some text.", "Other text.")
    remedy = "`python -m course build --force 77` overwrites the change."
    message = f"{FILES[0]} was changed since it was built. {remedy}"
    assert check_of(small, built) == [message]
    assert build([small], [small], built) == [message]
    assert bytes_of(built)[FILES[0]] == before[FILES[0]]


def test_force_overwrites_a_notebook_changed_by_hand(small, built):
    before = bytes_of(built)
    edit(built, FILES[0], change_output)
    assert build([small], [small], built, force=True) == []
    assert bytes_of(built) == before


def test_a_notebook_that_is_no_json_is_taken_for_a_hand_s_work(small, built):
    (built / FILES[0]).write_text("<<<<<<< HEAD")
    assert "was changed since it was built" in check_of(small, built)[0]


def test_the_layout_of_the_json_does_not_matter(small, built):
    edit(built, FILES[0], lambda notebook: None)
    assert check_of(small, built) == []


def test_a_missing_notebook_and_an_orphan_fail_the_check(small, built):
    (built / FILES[0]).rename(built / "notebooks" / "78_gone.ipynb")
    problems = check_of(small, built)
    assert problems[0] == f"{FILES[0]} is missing. `python -m course build` mends it."
    assert problems[1] == "notebooks/78_gone.ipynb belongs to no lesson of course/syllabus.toml; remove it."


@pytest.mark.parametrize("name", ["README.md", "notebooks/CLAIMS.md"])
def test_a_generated_text_that_was_edited_fails_the_check_and_is_mended_by_a_build(small, built, name):
    before = bytes_of(built)
    text = (built / name).read_text()
    (built / name).write_text(text.replace("| --- |", "| --- | --- |", 1))
    assert check_of(small, built) == [f"{name} is stale. `python -m course build` mends it."]
    assert build([small], [small], built) == []
    assert bytes_of(built) == before


def test_a_readme_without_a_place_for_the_table_is_refused(small, built):
    (built / "README.md").write_text("# House\n")
    assert "README.md needs one table" in check_of(small, built)[0]


def test_a_source_that_stops_one_lesson_leaves_its_notebooks_as_they_are(small, built):
    before = bytes_of(built)
    small.edit("exercises.md", "# solution", "# soluton")
    assert "exercises.md:20: '# soluton' looks like a marker" in build([small], [small], built)[0]
    assert "looks like a marker" in check_of(small, built)[0]
    assert bytes_of(built) == before


def test_a_cell_that_raises_is_named_by_its_source_and_nothing_is_written(plain, house):
    plain.edit("lesson.md", 'print("hello")', "1 / 0")
    problem = build([plain], [plain], house)[0]
    assert re.search(r"lesson.md:10: This cell raised ZeroDivisionError: division by zero", problem)
    assert problem.endswith("notebooks/77_small.ipynb was not written.")
    assert not (house / FILES[0]).exists()


def test_a_cell_may_raise_where_the_error_is_the_lesson(plain, house):
    plain.edit("lesson.md", 'print("hello")', ":tags: [raises-exception]\n\n1 / 0")
    assert build([plain], [plain], house) == []
    assert read(house, FILES[0]).cells[2].outputs[0].ename == "ZeroDivisionError"


def test_a_notebook_over_the_limit_is_refused_with_its_size(plain, house):
    plain.edit("lesson.md", 'print("hello")', 'print("x" * 1_100_000)')
    problem = build([plain], [plain], house)[0]
    assert problem.startswith("notebooks/77_small.ipynb has 1.10 MB; the limit is 1 MB.")
    assert not (house / FILES[0]).exists()


def test_a_build_keeps_progress_elsewhere_and_starts_from_a_known_environment(plain, house, monkeypatch):
    monkeypatch.setenv("COURSE_DB", "sqlite:///mine.sqlite")
    monkeypatch.setenv("COURSE_SEED", "7")
    code = 'import course, os\nprint("mine" in os.environ["COURSE_DB"], os.environ.get("COURSE_SEED"))'
    plain.edit("lesson.md", 'print("hello")', code)
    assert build([plain], [plain], house) == []
    assert read(house, FILES[0]).cells[2].outputs[0].text == "False 0\n"


def test_a_kernel_is_this_python_and_may_be_given_variables(plain, house):
    plain.edit(
        "lesson.md",
        'print("hello")',
        'import os, sys\nprint(sys.executable, os.environ["COURSE_SEED"], os.getcwd())',
    )
    made = derive(plain)["notebooks"]
    with pytest.raises(CellFailed, match="prints a path of the machine"):
        execute(made.notebook, house, package.ROOT, made.places, {"COURSE_SEED": "3"})
    assert made.notebook.cells[2].outputs[0].text == f"{sys.executable} 3 {house}\n"


def test_a_cell_that_takes_too_long_is_named(plain, house):
    plain.edit("lesson.md", 'print("hello")', "import time\ntime.sleep(60)")
    made = derive(plain)["notebooks"]
    with pytest.raises(CellFailed, match=r"lesson.md:10: This cell took more than 1 seconds"):
        execute(made.notebook, house, package.ROOT, made.places, timeout=1)


def test_a_kernel_that_dies_is_named(plain, house):
    plain.edit("lesson.md", 'print("hello")', "import os\nos._exit(3)")
    made = derive(plain)["notebooks"]
    with pytest.raises(CellFailed, match=r"lesson.md:10: This cell ended the kernel"):
        execute(made.notebook, house, package.ROOT, made.places)


def test_widgets_keep_what_can_be_read_without_a_kernel_and_two_runs_are_the_same(plain, house):
    code = """import ipywidgets


class View(ipywidgets.VBox):
    def _repr_mimebundle_(self, **kwargs):
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": "A view", "text/html": "<p>A view</p>"}


print(object())
View()"""
    plain.edit("lesson.md", 'print("hello")', code)
    assert build([plain], [plain], house) == []
    before = bytes_of(house)
    notebook = read(house, FILES[0])
    assert notebook.cells[2].outputs[1].data == {"text/plain": "A view", "text/html": "<p>A view</p>"}
    assert "widgets" not in notebook.metadata and "version" not in notebook.metadata.language_info
    assert build([plain], [plain], house, force=True) == []
    assert bytes_of(house) == before


def test_the_colab_cell_comes_before_any_other_code_and_the_link_stands_under_the_title(built):
    for name in FILES:
        cells = read(built, name).cells
        first = next(cell for cell in cells if cell.cell_type == "code")
        assert first.metadata == {"tags": ["colab"], "jupyter": {"source_hidden": True}}
        assert "%pip install --quiet --no-deps git+https://" in first.source
        assert first.outputs == []
        title, _, link = cells[0].source.splitlines()[:3]
        assert title.startswith("# Small") and link.startswith(
            "[Open in Colab](https://colab.research.google.com/"
        )
        assert link.endswith(f"/{name})")


def test_cells_for_the_instructor_are_folded(plain, house):
    code = '+++\n\n```{code-cell} ipython3\n:tags: [instructor]\n\nprint("told")\n```\n'
    plain.write("lesson.md", (plain.folder / "lesson.md").read_text() + code)
    text, cell = derive(plain)["notebooks"].notebook.cells[-2:]
    assert text.source == "<details>\n<summary>For the instructor</summary>\n\nFor *them* only.\n\n</details>"
    assert cell.metadata["jupyter"] == {"source_hidden": True, "outputs_hidden": True}


def test_an_unknown_lesson_is_a_usage_error_that_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["backward_pas"])
    assert caught.value.code == 2
    assert "02_backward_pass" in capsys.readouterr().err


def test_the_check_is_quick_and_starts_neither_a_kernel_nor_tensorflow():
    code = (
        "import sys\nfrom course.build import main\nmain(['--check'])\n"
        "print([name for name in ('tensorflow', 'nbclient') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=package.ROOT, timeout=60
    )
    assert run.stdout.strip().splitlines()[-1] == "[]", run.stderr
