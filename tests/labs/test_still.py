"""The still shows what the lab shows."""

from matplotlib.figure import Figure as Canvas

from course.labs import still
from course.labs.figure import Axis, Heat, Line, Plot


def drawn(x, y, *traces):
    axes = Canvas().subplots()
    still._draw_plot(axes, Plot("a plot", x, y, traces, "A line that rises."))
    return axes.get_xlim(), axes.get_ylim()


def test_axes_without_limits_hold_all_that_is_drawn():
    (left, right), (bottom, top) = drawn(Axis("x"), Axis("y", scale="log"), Line([2, 50], [1e-6, 10.0], "a line"))
    assert left <= 2 and right >= 50
    assert bottom <= 1e-6 and top >= 10


def test_a_limit_on_one_side_holds_and_the_other_side_fits():
    _, (bottom, top) = drawn(Axis("x"), Axis("y", 0.0), Line([0, 1], [3, 40], "a line"))
    assert bottom == 0
    assert top >= 40


def test_shades_and_lines_keep_the_limits_that_are_set():
    limits = drawn(Axis("x", -1.0, 2.0), Axis("y", 0.0, 1.0), Heat([[0.0, 1.0]], 0.0, 1.0), Line([-9, 9], [0, 5], ""))
    assert limits == ((-1.0, 2.0), (0.0, 1.0))
