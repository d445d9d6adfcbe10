"""Reading text notebooks and their markers. Whatever is doubtful stops the build, with its file and line."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.build import derive
from course.build.source import SourceError, read, split

REGION = "    # solution\n    twice = 2 * float(x)\n    return twice\n    # end solution\n"


def forms(small, code):
    """The exercise and the solution that the code of the lesson's function gives."""
    text = (small.folder / "exercises.md").read_text()
    small.write("exercises.md", text.replace(REGION, code))
    derived = derive(small)
    return [
        next(cell.source for cell in derived[kind].notebook.cells if cell.source.startswith("def double"))
        for kind in ("exercises", "solutions")
    ]


def stops(small, code, name="exercises.md"):
    """The line and the sentence of the error that the code of the function gives."""
    with pytest.raises(SourceError) as caught:
        forms(small, code)
    found = re.fullmatch(rf".*sources/{name}:(\d+): (.*)", str(caught.value), re.DOTALL)
    assert found, str(caught.value)
    line = int(found[1])
    return (small.folder / name).read_text().splitlines()[line - 1].strip(), found[2]


def test_without_stub_lines_the_exercise_raises_at_the_indentation_of_the_solution(small):
    exercise, solution = forms(small, REGION)
    assert exercise == 'def double(x):\n    """Twice x."""\n    raise NotImplementedError'
    assert solution == 'def double(x):\n    """Twice x."""\n    twice = 2 * float(x)\n    return twice'


def test_stub_lines_stand_in_the_exercise_with_their_own_indentation(small):
    code = """\
    # solution
    # stub: total = 0
    # stub: for _ in range(2):
    # stub:     total += ...
    # stub: return ...
    total = 0
    for _ in range(2):
        total += float(x)
    return total
    # end solution
"""
    exercise, solution = forms(small, code)
    assert exercise.splitlines()[2:] == [
        "    total = 0",
        "    for _ in range(2):",
        "        total += ...",
        "    return ...",
    ]
    assert "stub" not in solution and "# " not in solution
    assert solution.endswith("        total += float(x)\n    return total")


def test_two_regions_in_one_function_and_code_between_them_that_both_keep(small):
    code = """\
    # solution
    # stub: twice = ...
    twice = 2 * float(x)
    # end solution
    label = "kept"
    # solution
    return float(twice) + len(label) * 0
    # end solution
"""
    exercise, solution = forms(small, code)
    assert exercise.splitlines()[2:] == [
        "    twice = ...",
        '    label = "kept"',
        "    raise NotImplementedError",
    ]
    assert "solution" not in solution


def test_a_region_outside_any_function_becomes_an_ellipsis_so_that_the_notebook_runs_through(small):
    cells = "```{code-cell} ipython3\n# solution\nanswer = double(21) + double(0)\n# end solution\n```\n"
    small.write("exercises.md", (small.folder / "exercises.md").read_text() + cells)
    derived = derive(small)
    assert derived["exercises"].notebook.cells[-1].source == "..."
    assert derived["solutions"].notebook.cells[-1].source == "answer = double(21) + double(0)"


def test_a_line_of_magic_parses(small):
    cells = "```{code-cell} ipython3\n%matplotlib inline\nif True:\n    %pwd\n```\n"
    small.write("exercises.md", (small.folder / "exercises.md").read_text() + cells)
    assert derive(small)["exercises"].notebook.cells[-1].source == "%matplotlib inline\nif True:\n    %pwd"


NEAR_MISSES = """
# Solution
#solution
# solutions
# soluton
# soultion
# solution:
# begin solution
### solution
# the solution
# SOLUTION
# solution begins here and goes on
# end solutoin
# End solution
# endsolution
# end of solution
# end  solution
# stub
# stub twice = ...
# Stub: twice = ...
# stb: twice = ...
#stub: twice = ...
# stubb: twice = ...
# sutb
"""


@pytest.mark.parametrize("comment", NEAR_MISSES.strip().splitlines())
@pytest.mark.parametrize("where", ["first", "last"])
def test_a_comment_that_looks_like_a_marker_but_is_none_stops_the_build(small, comment, where):
    lines = REGION.splitlines(keepends=True)
    lines.insert(1 if where == "first" else 3, f"    {comment}\n")
    line, sentence = stops(small, "".join(lines))
    assert line == comment
    assert "looks like a marker" in sentence


@pytest.mark.parametrize(
    "comment",
    [
        "# twice the input",
        "# sub-expressions first",
        "# step 1: double",
        "# such a short function",
        "# start at the end",
    ],
)
def test_an_ordinary_comment_is_no_marker(small, comment):
    forms(small, REGION.replace("    return", f"    {comment}\n    return"))


@given(st.text(alphabet="solutinedb #", min_size=1, max_size=14))
def test_no_comment_within_two_edits_of_a_marker_is_taken_for_text(tmp_path_factory, noise):
    from course.build.source import Cell, _distance, _marker

    word = noise.strip()
    cell = Cell("code", f"# {word}", {}, tmp_path_factory.getbasetemp() / "x.md", 1)
    if min(_distance(word, marker) for marker in ("solution", "end solution", "stub")) <= 2 and word.strip(
        "# "
    ):
        with contextlib.suppress(SourceError):
            assert _marker(cell, 0, f"# {word}") in ("open", "close")


def with_stub(line):
    """The region with one stub line."""
    return REGION.replace("solution\n", f"solution\n    # stub: {line}\n", 1)


STOPS = {  # the code of the function, the line that is named, a part of the sentence
    "a region inside a region": (
        REGION.replace("    return", "    # solution\n    return"),
        "# solution",
        "begins inside",
    ),
    "a region that is not closed": (REGION.replace("    # end solution\n", ""), "# solution", "not closed"),
    "an end without a beginning": (
        REGION.replace("    # solution\n", ""),
        "# end solution",
        "closes nothing",
    ),
    "a stub line outside": ("    # stub: return ...\n" + REGION, "# stub: return ...", "outside"),
    "an empty stub line": (with_stub("").replace("stub: ", "stub:"), "# stub:", "empty"),
    "an empty region": ("    # solution\n\n    # end solution\n    return 0\n", "# solution", "no code"),
    "an unknown name in a stub": (with_stub("two = ..."), "# stub: two = ...", "does not contain"),
    "a line that the solution lacks": (with_stub("x = x + 1"), "# stub: x = x + 1", "does not contain"),
    "a stub that does not parse": (
        REGION.replace("# solution\n", "# solution\n    # stub: twice = max(...\n", 1).replace(
            "2 *", "max(2) *"
        ),
        "def double(x):",
        "does not parse",
    ),
    "a stub that leaves a loop without a body": (
        "    # solution\n    # stub: for _ in x:\n    for _ in x:\n        y = x + 1\n    # end solution\n",
        "def double(x):",
        "does not parse",
    ),
    "a solution that does not parse": (
        REGION.replace("float(x)", "float(x"),
        "def double(x):",
        "The solution does not parse",
    ),
    "a marker behind code": (
        REGION.replace("return twice", "return twice  # end solution"),
        "return twice  # end solution",
        "line of its own",
    ),
    "a misspelt marker behind code": (
        REGION.replace("return twice", "return twice  # soluton"),
        "return twice  # soluton",
        "line of its own",
    ),
    "a function without a region": ("    return 2 * float(x)\n", "def double(x):", "no solution region"),
}


@pytest.mark.parametrize("name", STOPS)
def test_stops(small, name):
    code, line, sentence = STOPS[name]
    found = stops(small, code)
    assert found[0] == line
    assert sentence in found[1]


LEAKS = {
    "in a test cell": "```{code-cell} ipython3\nx = 3\ntwice = 2 * float(x)\n```",
    "with other spaces": "```{code-cell} ipython3\nx = 3\ntwice=2*float( x )  # so\n```",
    "in the text": "It ends with `twice = 2 * float(x)`, of course.",
    "in a comment": "```{code-cell} ipython3\n# twice = 2 * float(x)\n```",
    "in an instructor's note": '+++ {"tags": ["instructor"]}\n\nSay `twice = 2 * float(x)`.',
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_line_of_the_solution_that_the_exercise_shows_stops_the_build(small, leak):
    small.write("exercises.md", (small.folder / "exercises.md").read_text() + "\n" + LEAKS[leak] + "\n")
    line, sentence = stops(small, REGION)
    assert line == "twice = 2 * float(x)"
    assert "can be read in the exercise" in sentence


def test_a_long_value_of_the_solution_that_another_line_shows_stops_the_build(small):
    value = "float(x) + float(x) * 1 + 0"
    cell = f"```{{code-cell}} ipython3\nx = 3\nprint({value})\n```\n"
    small.write("exercises.md", (small.folder / "exercises.md").read_text() + cell)
    assert stops(small, REGION.replace("2 * float(x)", value))[0] == f"twice = {value}"


def test_a_solution_line_that_is_left_above_its_region_stops_the_build(small):
    assert stops(small, "    twice = 2 * float(x)\n" + REGION)[0] == "twice = 2 * float(x)"


@pytest.mark.parametrize(
    "harmless",
    [
        "return twice",
        "import numpy as np",
        "for _ in range(3):\n    pass",
        "twice = x",
        "twice = float(x)",
        "pass",
    ],
)
def test_a_line_that_tells_nothing_may_stand_in_both(small, harmless):
    body = harmless.replace("\n", "\n    ")
    code = REGION.replace("    return twice", f"    {body}\n    return twice")
    cell = harmless if "return" not in harmless else f"def f(twice):\n    {harmless}"
    small.write(
        "exercises.md",
        (small.folder / "exercises.md").read_text() + f"```{{code-cell}} ipython3\n{cell}\n```\n",
    )
    forms(small, code)


def test_an_exercise_of_the_syllabus_needs_its_function_and_its_check(small):
    small.edit("exercises.md", 'check("77.double", double)', "double")
    with pytest.raises(SourceError, match=r'exercises.md:18: No code cell calls check\("77.double", ...\)'):
        derive(small)
    small.edit("exercises.md", "def double", "def duble")
    with pytest.raises(SourceError, match="No code cell defines double"):
        derive(small)


def test_a_check_of_an_exercise_that_is_not_in_the_syllabus_stops_the_build(small):
    small.edit(
        "exercises.md", 'check("77.double", double)', 'check("77.double", double)\ncheck("77.treble", double)'
    )
    with pytest.raises(SourceError, match="77.treble.*is no exercise"):
        derive(small)


def test_a_missing_source_is_named(small):
    (small.folder / "exercises.md").unlink()
    with pytest.raises(SourceError, match="exercises.md:1: This file is missing"):
        derive(small)


@pytest.mark.parametrize("marker", ["# solution", "# end solution", "# stub: x", "# soluton"])
def test_a_marker_in_a_lesson_stops_the_build(small, marker):
    small.edit("lesson.md", 'print("hello")', f'print("hello")\n{marker}')
    with pytest.raises(SourceError, match=r"lesson.md:11: "):
        derive(small)


def test_a_marker_in_text_stops_the_build(small):
    small.edit("exercises.md", "Double a number.", "# solution")
    with pytest.raises(SourceError, match="exercises.md:7: '# solution' is a marker for code cells"):
        derive(small)


@pytest.mark.parametrize("tag", ["instuctor", "nbval-tol", "nbval-tol=small", "nbval-skip"])
def test_an_unknown_tag_stops_the_build(small, tag):
    small.edit("lesson.md", 'print("hello")', f':tags: [{tag}]\n\nprint("hello")')
    with pytest.raises(SourceError, match=f"Unknown tag '{tag}'"):
        derive(small)


def test_an_unknown_option_of_a_cell_stops_the_build(small):
    small.edit("lesson.md", 'print("hello")', ':tag: [instructor]\n\nprint("hello")')
    with pytest.raises(SourceError, match="Unknown cell option 'tag'"):
        derive(small)


def test_a_cell_may_load_its_code_from_a_file_of_the_lesson(small):
    small.write("given.py", "given = 1\n")
    cell = "```{code-cell} ipython3\n:load: given.py\n```\n"
    small.write("exercises.md", (small.folder / "exercises.md").read_text() + cell)
    assert [made.notebook.cells[-1].source for made in derive(small).values()][1:] == [
        "given = 1",
        "given = 1",
    ]
    small.edit("exercises.md", "given.py", "taken.py")
    with pytest.raises(SourceError, match=r"exercises.md:30: This cell loads taken.py, which is not"):
        derive(small)


def test_a_solution_line_in_a_loaded_file_stops_the_build(small):
    small.write("given.py", "twice = 2 * float(3)\nx = 1\ntwice = 2 * float(x)\n")
    cell = "```{code-cell} ipython3\n:load: given.py\n```\n"
    small.write("exercises.md", (small.folder / "exercises.md").read_text() + cell)
    assert "can be read in the exercise" in stops(small, REGION)[1]


def test_a_lesson_begins_with_its_title(small):
    small.edit("lesson.md", "# Small lesson", "Small lesson")
    with pytest.raises(SourceError, match="lesson.md:5: The first cell must be text"):
        derive(small)


def test_cells_know_the_line_on_which_their_text_begins(small):
    lines = (small.folder / "exercises.md").read_text().splitlines()
    for cell in read(small.folder / "exercises.md"):
        assert lines[cell.line - 1] == cell.text.splitlines()[0]


def test_a_cell_without_markers_is_the_same_in_both_forms(small):
    cell = read(small.folder / "lesson.md")[1]
    assert split(cell).exercise == split(cell).solution == 'print("hello")'
