"""The paths of gradient descent against their closed form."""


import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.labs import steps

rates = st.floats(0.05, 2.2).map(lambda value: round(value, 2))
conditions = st.floats(0, 2).map(lambda power: 10**power)
places = st.floats(-2.8, 2.8).map(lambda value: round(value, 1))


@given(rates, conditions, places, places)
def test_the_path_is_the_power_of_a_diagonal_matrix(lr, condition, along, across):
    found = steps.compute(lr, condition, along, across)
    hessian = np.diag([1 / condition, 1.0])
    for step in (0, 1, 7, steps.STEPS):
        wanted = np.linalg.matrix_power(np.eye(2) - lr * hessian, step) @ [along, across]
        np.testing.assert_allclose(found["path"][step], wanted, rtol=1e-9, atol=1e-300)
        assert found["loss"][step] == pytest.approx(wanted @ hessian @ wanted / 2, rel=1e-9, abs=1e-300)


@given(conditions, places, places.filter(bool))
def test_the_line_between_closing_in_and_flying_off_is_at_two(condition, along, across):
    inside, outside = (steps.compute(lr, condition, along, across)["path"][:, 1] for lr in (1.9, 2.1))
    assert abs(inside[-1]) < abs(inside[0]) and abs(outside[-1]) > abs(outside[0])
    assert inside[1] * inside[0] < 0, "above half of 2/λ a step changes sides"


@given(conditions)
def test_the_contours_are_places_of_equal_loss(condition):
    contours = steps.compute(0.5, condition, 1.0, 1.0)["contours"]
    curves = np.split(contours, np.flatnonzero(np.isnan(contours[:, 0])) + 1)[:-1]
    assert len(curves) == len(steps.LEVELS)
    for curve, level in zip(curves, steps.LEVELS, strict=True):
        x, y = curve[:-1].T
        np.testing.assert_allclose((x**2 / condition + y**2) / 2, level, rtol=1e-9)


@pytest.mark.parametrize(
    ("lr", "words"),
    [(0.5, "closes in without crossing"), (1.0, "closes in without crossing"), (1.5, "zigzags"),
     (2.0, "to and fro for ever"), (2.1, "longer than the last")],
)  # fmt: skip
def test_the_message_says_what_the_path_does(lr, words):
    figure = steps.show(lr, 10.0, -2.5, 1.0)
    assert words in figure.message and words in figure.plots[0].alt


def test_the_message_tells_the_factors():
    message = steps.show(1.5, 10.0, -2.5, 1.0).message
    assert "multiplies w₁ by 0.85 and w₂ by −0.5." in message
    assert steps.show(0.5, 1.0, 0.0, 0.0).message.endswith("w₂ by 0.5."), "no change of a loss that is 0"


def test_a_still_is_a_png():
    assert steps.view().still().startswith(b"\x89PNG")
