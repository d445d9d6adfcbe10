"""What a learner does with mouse and keyboard, in JupyterLab in a real browser.

One file: `python -m course test` gives a file to one worker, and one browser at a time is enough.
Each test has notebooks, a kernel and a database of its own. Screenshots are kept under artifacts/browser.
"""

import re

import pytest
from playwright.sync_api import Locator, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

START, BACKWARD = "notebooks/00_start_here.ipynb", "notebooks/02_backward_pass.ipynb"
EXERCISES = "exercises/02_backward_pass.ipynb"


def question(cell: Locator, name: str) -> Locator:
    """The question ``q1``, ``q2``, ... of the quiz in a cell."""
    return cell.locator(".gc-question").filter(has=cell.page.locator("legend", has_text=f"{name}:"))


def feedback(form: Locator) -> Locator:
    return form.get_by_role("status")


def drawing(cell: Locator) -> str:
    """The picture of a lab, as the browser has it."""
    return cell.locator(".gc-lab svg").first.evaluate("svg => svg.outerHTML")


def expect_redrawn(cell: Locator, before: str) -> None:
    cell.page.wait_for_function(
        "before => [...document.querySelectorAll('.gc-lab svg')].every(svg => svg.outerHTML !== before)",
        arg=before,
    )


@pytest.mark.parametrize(
    "number, path, seen", [("00", START, ("check(", "neuron.view")), ("02", BACKWARD, ("graph.view",))]
)
def test_a_lesson_runs_from_top_to_bottom(lab, number, path, seen):
    lab.open(path)
    lab.run_all()
    assert lab.outputs("error") == []
    assert not [out for out in lab.outputs("stream") if out["name"] == "stderr"]
    for text in (*seen, "quiz("):
        cell = lab.cell(text)
        expect(cell.locator(".jp-OutputArea-output").first).to_be_visible()
        lab.shoot(f"{number}-ran-{text.strip('(').replace('.', '-')}")
    expect(cell.locator(".gc-quiz")).to_be_visible()


def test_a_learner_sees_no_menus_of_nbgrader_or_jupytext(lab):
    lab.open(START)
    menus = lab.page.get_by_role("menubar").first.get_by_role("menuitem").all_inner_texts()
    assert menus == ["File", "Edit", "View", "Run", "Kernel", "Tabs", "Settings", "Help"]
    assert lab.page.evaluate("() => window.jupyterapp.listPlugins().filter(p => /nbgrader|jupytext/.test(p))") == []


def test_without_a_run_the_page_shows_what_was_stored(lab):
    lab.open(START)
    still = lab.cell("neuron.view").locator("img")
    expect(still).to_be_visible()
    assert still.evaluate("async image => { await image.decode(); return image.naturalWidth; }") > 300
    lab.shoot("00-still")
    expect(lab.cell("quiz(")).to_contain_text("What does Shift and Enter do in a cell of code?")


def test_a_quiz_is_answered_by_mouse(lab):
    lab.open(BACKWARD)
    lab.run("setup(")
    cell = lab.run("quiz(")
    form = question(cell, "q1")
    answer = form.get_by_role("button", name="Answer")

    form.get_by_text("the larger of the two").click()
    answer.click()
    expect(feedback(form)).to_contain_text("The smaller path moves the loss as well. Nothing is dropped.")
    expect(feedback(form)).to_have_attribute("data-status", "wrong")
    lab.shoot("02-quiz-wrong")
    assert lab.attempts("02.q1") == 1 and "02.q1" not in lab.passed()

    form.get_by_text("the sum of the two paths' slopes").click()
    answer.click()
    expect(feedback(form)).to_have_attribute("data-status", "right")
    expect(cell.locator(".gc-score")).to_have_text("1 of 8 questions right.")
    lab.shoot("02-quiz-right")
    assert lab.attempts("02.q1") == 2 and "02.q1" in lab.passed()


def test_a_quiz_is_answered_by_keyboard(lab):
    """One question of each kind. JupyterLab is in command mode, where keys are commands of its own."""
    lab.open(START)
    lab.run("setup(")
    cell = lab.run("quiz(")
    keys = lab.page.keyboard
    cells = lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")

    single = question(cell, "q1")
    lab.tab_to(single.get_by_role("radio").first)
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    expect(single.get_by_role("radio").nth(2)).to_be_checked()
    keys.press("Enter")
    expect(feedback(single)).to_contain_text("Restart Kernel and Run All Cells")
    keys.press("ArrowUp")
    keys.press("Enter")
    expect(feedback(single)).to_have_attribute("data-status", "right")

    multiple = question(cell, "q2")
    for words in ("tries your function on several inputs", "run it as often as you like"):
        lab.tab_to(multiple.get_by_role("checkbox", name=words))
        keys.press("Space")
    lab.tab_to(multiple.get_by_role("button", name="Answer"))
    keys.press("Space")
    expect(feedback(multiple)).to_have_attribute("data-status", "right")

    numeric = question(cell, "q3")
    lab.tab_to(numeric.get_by_role("textbox"))
    samples, pixels = map(
        int, re.search(r"holds (\d+) pictures of (\d+) pixels", numeric.inner_text()).groups()
    )
    keys.type(f"{samples * pixels}")
    keys.press("Enter")
    expect(feedback(numeric)).to_have_attribute("data-status", "right")

    ordering = question(cell, "q4")
    for item in reversed(("say what you expect", "run the experiment", "do the exercises and their checks")):
        row = ordering.get_by_role("listitem").filter(has_text=item)
        lab.tab_to(row.get_by_role("button", name="Move up"))
        for _ in range(2):
            keys.press("Enter")
        expect(ordering.get_by_role("listitem").first).to_contain_text(item)
    lab.tab_to(ordering.get_by_role("button", name="Answer"))
    keys.press("Enter")
    expect(feedback(ordering)).to_have_attribute("data-status", "right")

    expect(cell.locator(".gc-score")).to_have_text("4 of 4 questions right.")
    lab.shoot("00-quiz-by-keyboard")
    assert lab.passed() == {"00.q1", "00.q2", "00.q3", "00.q4"}
    assert lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length") == cells


def test_a_prediction_is_committed_once(lab):
    lab.open(BACKWARD)
    lab.run("setup(")
    cell = lab.run("predict(")
    form = cell.locator(".gc-question")
    lab.tab_to(form.get_by_role("radio").first)
    lab.page.keyboard.press("Space")
    form.get_by_role("button", name="Commit").click()
    expect(feedback(form)).to_have_attribute("data-status", "noted")
    expect(form.get_by_role("button", name="Commit")).to_be_disabled()
    for choice in form.get_by_role("radio").all():
        expect(choice).to_be_disabled()
    lab.shoot("02-prediction")
    assert lab.attempts("02.nudge") == 1


def test_a_check_fails_then_passes_and_the_progress_outlives_the_kernel(lab):
    lab.open(EXERCISES)
    lab.run("setup(")
    lab.run("def relu_backward")
    verdict = lab.run('check("02.relu_backward"').get_by_role("status")
    expect(verdict).to_contain_text("02.relu_backward: not attempted yet")
    assert lab.attempts("02.relu_backward") == 0

    lab.replace("def relu_backward", "def relu_backward(x, dy):\n    return dy")
    verdict = lab.run('check("02.relu_backward"').get_by_role("status")
    expect(verdict).to_contain_text("not passed on a batch")
    expect(verdict).to_contain_text("dy comes through everywhere. Where x is negative, ReLU passes nothing.")
    lab.shoot("02-check-not-passed")
    assert lab.attempts("02.relu_backward") == 1 and lab.passed() == set()

    lab.replace("def relu_backward", "def relu_backward(x, dy):\n    return dy * (x > 0)")
    verdict = lab.run('check("02.relu_backward"').get_by_role("status")
    expect(verdict).to_contain_text("02.relu_backward: passed. All 4 cases hold.")
    lab.shoot("02-check-passed")
    assert lab.passed() == {"02.relu_backward"}

    lab.restart_kernel()
    cell = lab.replace('check("02.relu_backward"', "from course.notebook import progress\nprogress()")
    stop = cell.get_by_role("listitem").filter(has_text="02 Backward pass")
    expect(stop).to_contain_text("begun")
    expect(stop).to_contain_text("exercises 1/6")
    lab.shoot("02-progress-after-restart")


def test_a_slider_moves_by_keyboard(lab):
    lab.open(START)
    cell = lab.run("neuron.view")
    slider = cell.get_by_role("slider", name="w₁")
    expect(slider).to_have_value("1")
    message, picture = cell.locator(".gc-message"), drawing(cell)
    expect(message).to_have_text("2 of 4 points are on the wrong side. Loss 0.795.")
    lab.tab_to(slider)
    for _ in range(20):
        lab.page.keyboard.press("ArrowLeft")
    expect(slider).to_have_value("-1")
    expect(message).to_have_text("2 of 4 points are on the wrong side. Loss 0.739.")
    expect_redrawn(cell, picture)
    active = "() => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.source"
    assert "neuron.view" in lab.page.evaluate(active)
    lab.shoot("00-neuron-moved")


def test_the_graph_steps_backward(lab):
    lab.open(BACKWARD)
    cell = lab.run("graph.view")
    slider, message = cell.get_by_role("slider", name="w"), cell.locator(".gc-message")
    expect(message).to_contain_text("Forward: each node computes its value")
    picture = drawing(cell)
    lab.tab_to(slider)
    lab.page.keyboard.press("Home")
    expect(slider).to_have_value("-3")
    expect_redrawn(cell, picture)

    step = cell.get_by_role("button", name="Next")
    step.click()
    expect(message).to_contain_text("The backward pass starts at the end")
    lab.tab_to(step)
    lab.page.keyboard.press("Enter")
    expect(message).to_contain_text("L = e² hands its gradient back")
    expect(cell.locator(".gc-edge.gc-active")).to_have_count(1)
    for _ in range(4):
        lab.page.keyboard.press("Enter")
    expect(cell.locator(".gc-steps output")).to_have_text("backward step 6 of 6")
    expect(cell.locator(".gc-gradient", has_text="…")).to_have_count(0)
    lab.shoot("02-graph-done")


@pytest.mark.parametrize(
    "lab", [{"viewport": {"width": 1200, "height": 830}, "device_scale_factor": 2}], indirect=True
)
def test_the_picture_of_the_readme_can_be_taken(lab):
    """Lesson 02 without side bars. Copy readme.png to docs/screenshot.png when the course looks different."""
    from PIL import Image

    lab.open(BACKWARD)
    lab.command("application:toggle-left-area")
    for side in ("left", "right"):
        lab.command("application:toggle-side-tabbar", side=side)
    lab.command("statusbar:toggle")
    lab.replace("setup(", "from course.notebook import check")
    cell = lab.run("graph.view")
    for _ in range(4):
        cell.get_by_role("button", name="Next").click()
    expect(cell.locator(".gc-message")).to_contain_text("p = σ(z) hands its gradient back")

    lab.cell("graph.view")
    for source in ("def relu_backward(x, dy):\n    return dy", 'check("02.relu_backward", relu_backward)'):
        lab.command("notebook:insert-cell-below")
        lab.page.keyboard.press("Enter")
        lab.page.keyboard.insert_text(source)
        lab.command("notebook:run-cell")
    verdict = lab.page.get_by_role("status").filter(has_text="02.relu_backward")
    expect(verdict).to_contain_text("not passed on a batch")
    verdict.evaluate("element => element.closest('.jp-Cell').scrollIntoView({block: 'end'})")
    expect(verdict).to_be_in_viewport(ratio=1)
    picture = lab.shoot("readme")
    with Image.open(picture) as full:
        full.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)
    assert picture.stat().st_size < 250_000
