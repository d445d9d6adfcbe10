"""What a learner is told, word for word, and what is accepted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.check import Mistake, NotAttempted, NotPassed, expect

WANT = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, -6.0]])


def told(got, want=WANT, name="dx", **options):
    with pytest.raises(NotPassed) as error:
        expect.array(got, want, name, **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("got", "message"),
    [
        (None, "dx is None. Is the `return` line missing?"),
        (WANT[0], "dx has shape (3,); expected (2, 3)."),
        (WANT.T, "dx has shape (3, 2); expected (2, 3). It has the shape of the transpose."),
        (WANT.ravel(), "dx has shape (6,); expected (2, 3). The number of values is right; their arrangement is not."),
        (-WANT, "dx has the wrong sign: every value is minus the expected one."),
        (WANT * 0, "dx is all zeros."),
        (WANT * 0.5, "dx is 0.5 times the expected value, everywhere."),
        (np.where(WANT == 5, np.nan, WANT), "dx[1, 1] is NaN; expected 5."),
        (np.where(WANT == 5, np.inf, WANT), "dx[1, 1] is infinite; expected 5."),
        (WANT + (WANT == 5), "dx[1, 1] is 6; expected 5. 1 of 6 values differ."),
        ("dense", "dx should be an array of real numbers; yours is text."),
        ([[1.0], [2.0, 3.0]], "dx should be an array of real numbers; what your list holds does not make one."),
        (np.array(["a"]), "dx should be an array of real numbers; yours is of dtype <U1."),
        (1.0, "dx is a single number; expected an array of shape (2, 3)."),
        (WANT == 1, "dx[0, 1] is 0; expected 2. 5 of 6 values differ."),
        (WANT * 0 - 1e308, "dx[0, 0] is -1e+308; expected 1. 6 of 6 values differ."),
        (WANT + (WANT == 5) * 1e-4, "dx[1, 1] is 5.0001; expected 5. 1 of 6 values differ."),
        (WANT * 1j, "dx should be an array of real numbers; yours is of dtype complex128."),
        ({"dx": WANT}, "dx should be an array of real numbers; yours is dict."),
    ],
)
def test_the_first_thing_that_is_wrong_is_named(got, message):
    assert told(got) == message


def test_integers_that_cannot_hold_the_result_are_named():
    message = told(np.array([0, 1]), np.array([0.5, 1.0]))
    assert message == (
        "dx[0] is 0; expected 0.5. 1 of 2 values differ. Your result has dtype int64: integers cannot hold it."
    )


def test_a_square_transpose_is_recognised():
    want = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert told(want.T, want) == "dx is the transpose of what is expected."


def test_a_known_mistake_comes_before_the_shape():
    mistakes = [Mistake("not summed", np.ones((4, 3)), "Sum over the batch.")]
    with pytest.raises(NotPassed) as error:
        expect.array(np.ones((4, 3)), np.ones(3), "dbias", mistakes=mistakes)
    assert (str(error.value), error.value.mistake) == ("Sum over the batch.", "not summed")


def test_a_mistake_that_happens_to_be_right_is_no_mistake():
    expect.array(WANT, WANT, "dx", mistakes=[Mistake("same", WANT, "never said")])


@pytest.mark.parametrize("got", [..., (..., ...)])
def test_dots_are_no_attempt(got):
    with pytest.raises(NotAttempted):
        expect.arrays(got, {"dx": np.ones(2), "dy": np.ones(2)})


@pytest.mark.parametrize(
    ("got", "message"),
    [
        (None, "Your function returned None. It should return (dx, dy). Is the `return` line missing?"),
        (np.ones(2), "Your function returned one ndarray. It should return 2: (dx, dy)."),
        ((np.array([0.0, 1.0]), ...), "dy is still `...`. Write it next."),
        ((np.array([0.5, 2.0]), ...), "dx[0] is 0.5; expected 0. 2 of 2 values differ."),
        ((None, np.array([2.0, 3.0])), "dx is still `None`. Write it next."),
        ((1, 2, 3), "Your function returned 3 things. It should return 2: (dx, dy)."),
        (([2.0, 3.0], [0.0, 1.0]), "dx and dy are swapped. Return (dx, dy)."),
    ],
)
def test_the_number_and_order_of_results(got, message):
    with pytest.raises(NotPassed) as error:
        expect.arrays(got, {"dx": np.array([0.0, 1.0]), "dy": np.array([2.0, 3.0])})
    assert str(error.value) == message


class AlwaysEqual(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, dtype=bool)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.zeros(self.shape)


def test_an_array_that_claims_to_equal_everything_is_seen_through():
    assert told((WANT + 1).view(AlwaysEqual)).startswith("dx[0, 0] is 2; expected 1.")


@given(
    values=st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=8),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_any_precision_of_the_right_value_passes(values, dtype):
    want = np.array(values)
    expect.array(want.astype(dtype), want, "dx")
    expect.array(want.astype(dtype).tolist(), want.astype(dtype), "dx")


@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8),
    where=st.integers(0, 7),
    error=st.floats(0.01, 10.0),
    sign=st.sampled_from([-1, 1]),
)
def test_no_wrong_value_passes(values, where, error, sign):
    want = np.array(values)
    got = want.copy()
    got[where % len(got)] += sign * error * max(1.0, np.abs(want).max())
    with pytest.raises(NotPassed):
        expect.array(got, want, "dx")


def test_all_zero_gradients_never_pass():
    with pytest.raises(NotPassed):
        expect.array(np.zeros(3), np.array([0.0, 1e-3, 0.0]), "dx")
