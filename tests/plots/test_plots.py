"""Figures: alt text demanded, a PNG of modest size shown, meaning not by colour alone."""

import base64

import numpy as np
import pytest
from matplotlib.figure import Figure

from course import plots

ALT = "A line that rises steadily from zero to one."


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda data, **kwargs: bundles.append((data, kwargs)))
    return bundles


@pytest.mark.parametrize("alt", ["", "A plot"])
def test_alt_text_is_demanded(alt, shown):
    with pytest.raises(ValueError, match="needs alt text"), plots.figure(alt=alt):
        pass
    assert not shown


def test_a_figure_is_a_small_png_with_its_words(shown):
    with plots.figure(alt=ALT + " <b>") as axes:
        plots.line(axes, [0, 1], [0, 1], "rise")
    (bundle, options), (words, _) = shown
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert len(base64.b64encode(bundle["image/png"])) < 60_000
    assert options["metadata"]["image/png"]["alt"] == ALT + " <b>"
    assert "from zero to one. &lt;b&gt;" in words.data


def test_an_error_while_drawing_is_the_authors_error(shown):
    with pytest.raises(KeyError), plots.figure(alt=ALT):
        raise KeyError("x")
    assert not shown


def test_lines_differ_in_more_than_colour():
    axes = Figure().subplots()
    for _ in range(7):
        plots.line(axes, [0, 1], [0, 1])
    looks = [(line.get_linestyle(), line.get_marker()) for line in axes.get_lines()]
    assert len({line.get_color() for line in axes.get_lines()}) == 7
    assert len(set(looks)) == 7


def test_a_band_spans_its_runs():
    axes = Figure().subplots()
    runs = np.array([[1.0, 2.0], [3.0, 6.0], [2.0, 3.0]])
    plots.band(axes, [0, 1], runs, "three seeds")
    assert axes.get_lines()[0].get_ydata().tolist() == [2.0, 3.0]
    low, high = axes.collections[0].get_paths()[0].get_extents().intervaly
    assert (low, high) == (1.0, 6.0)


def test_decision_regions_follow_the_probability():
    axes = Figure().subplots()
    x, y = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1])
    asked = []

    def probability(points):
        asked.append(points.shape)
        return 1 / (1 + np.exp(-(points.sum(axis=1) - 1)))

    plots.decision_regions(axes, probability, x, y)
    assert asked == [(121 * 121, 2)]
    assert [text.get_text() for text in axes.legend().get_texts()] == ["class 0", "class 1"]


def test_numbers_writes_each_value():
    axes = Figure().subplots()
    plots.numbers(axes, np.array([[0.25, 1.0]]), rows=["a"], columns=["x", "y"], form="{:.2f}")
    assert [text.get_text() for text in axes.texts] == ["0.25", "1.00"]
