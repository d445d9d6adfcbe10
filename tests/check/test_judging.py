"""Three outcomes, the learner's own line, and inputs that stay as they were."""

import functools
import sys

import numpy as np
import pytest

from course.check import Exercise, NotPassed, expect, judge, local_call
from course.check.rendering import Display, text

double = Exercise("99.double", "x", hints=("one", "two"))


@double.case("a vector")
def _(call, rng):
    x = rng.normal(size=3)
    expect.array(call(x), 2 * x, "the result")


@double.case("a matrix")
def _(call, rng):
    x = rng.normal(size=(2, 3))
    expect.array(call(x), 2 * x, "the result")


def outcome(function, seed=0):
    return judge(double, local_call(double, function), seed)


def test_passed():
    assert text(outcome(lambda x: x + x)) == "✓ 99.double: passed. All 2 cases hold."


def test_not_attempted():
    def stub(x):
        raise NotImplementedError

    assert text(outcome(stub)) == (
        "○ 99.double: not attempted yet. Write your code in the cell above, run it, then run this check."
    )
    assert outcome(lambda x: ...).status == "not attempted"


def test_not_passed_says_where_what_and_how_much():
    found = outcome(lambda x: 2 * x if x.ndim == 1 else x)
    assert text(found) == (
        "✗ 99.double: not passed on a matrix.\n"
        "  the result is 0.5 times the expected value, everywhere.\n"
        "  1 of 2 cases hold; hint('99.double') helps."
    )
    assert (found.passed, found.cases, found.mistake) == (1, 2, "constant factor")


def test_an_unfinished_part_after_a_passed_one_is_not_passed():
    def half(x):
        if x.ndim == 2:
            raise NotImplementedError
        return 2 * x

    assert outcome(half).message == "This part is not written yet."


def test_an_exception_is_shown_at_the_learners_line():
    def wrong(x):
        y = x * 2
        return y["gradient"]

    line = wrong.__code__.co_firstlineno + 2
    message = outcome(wrong).message
    assert message.startswith("Your function raised IndexError: only integers, slices")
    assert message.endswith(f'at line {line} of your cell: `return y["gradient"]`.')


class Doubler:
    def __call__(self, x):
        return x["gradient"]


def in_disguise():
    """The same mistake in a plain function, a partial, a decorated function, a method and an object."""

    def wrong(x, key="gradient"):
        return x[key]

    @functools.wraps(wrong)
    def decorated(x):
        return wrong(x)

    return wrong, functools.partial(wrong, key="slope"), decorated, Doubler().__call__, Doubler()


@pytest.mark.parametrize("function", in_disguise())
def test_the_learners_line_is_found_under_wrappers(function):
    assert "of your cell: `return" in outcome(function).message


class Noisy(Exception):
    pass


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Noisy at line"),
        ("first\nsecond", "Noisy: first at line"),
        (
            "{{function_node __wrapped__MatMul_device_/job:localhost}} Matrix size-incompatible [Op:MatMul] name: ",
            "Noisy: Matrix size-incompatible at line",
        ),
        (
            'in user code:\n\n    File "/tmp/a.py", line 3, in f  *\n        return x @ y\n\n    Noisy: bad shapes\n',
            "Noisy: bad shapes at line",
        ),
        ("a" * 500, f"Noisy: {'a' * 200} ... at line"),
    ],
)
def test_an_exceptions_text_becomes_one_short_line(text, told):
    def wrong(x):
        raise Noisy(text)

    assert outcome(wrong).message.startswith(f"Your function raised {told} ")


def test_a_function_that_ends_the_program_has_not_passed():
    assert outcome(lambda x: sys.exit("bye")).message.startswith("Your function raised SystemExit: bye")


def test_not_implemented_by_a_library_is_an_error_and_no_stub():
    library = {"__name__": "library"}
    exec("def op(x):\n    raise NotImplementedError('Cannot convert a symbolic tensor.')", library)

    def uses_it(x):
        return library["op"](x)

    def stub(x):
        raise NotImplementedError("write this")

    assert outcome(uses_it).message.startswith("Your function raised NotImplementedError: Cannot convert")
    assert outcome(stub).status == "not attempted"


def test_a_generator_is_read_as_a_list():
    def rows(x):
        for value in x:
            yield 2 * value

    def fails_late(x):
        for _ in x:
            yield 1 / 0

    assert outcome(rows).status == "passed"
    assert "ZeroDivisionError: division by zero at line" in outcome(fails_late).message


listed = Exercise("99.listed", "values", hints=("one", "two"), drive=lambda function, values: function(values))


@listed.case("a list")
def _(call, rng):
    expect.array(call([np.ones(2), np.ones(2)]), np.ones(2), "the result")


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.pop(),
        lambda values: values.append(1),
        lambda values: values.__setitem__(0, None),
        lambda values: values[1].__imul__(2),
    ],
)
def test_lists_are_protected_too(change):
    found = judge(listed, local_call(listed, lambda values: change(values)), 0)
    assert found.message == (
        "Your function changes its argument `values`, the list or what it holds. Make a new list of new values."
    )


def test_the_signature_is_read_before_a_drive_calls():
    found = judge(listed, local_call(listed, lambda: 1), 0)
    assert found.message == "listed should take (values); yours takes ()."


def test_inputs_are_protected():
    def writes(x):
        x *= 2
        return x

    assert outcome(writes).message.startswith("Your function changes its argument `x`. Work on a new array")


def test_restoring_an_input_up_to_rounding_is_no_change():
    def nudges(x):
        x += 1e-5
        x -= 1e-5
        return 2 * x

    assert outcome(nudges).status == "passed"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "check needs your function itself: check('99.double', double). It was given int."),
        (None, "check needs your function itself: check('99.double', double). It was given NoneType."),
    ],
)
def test_something_else_than_a_function(given, message):
    with pytest.raises(NotPassed, match="itself") as error:
        local_call(double, given)
    assert str(error.value) == message


def test_the_wrong_number_of_arguments():
    assert outcome(lambda x, y: x).message == "double should take (x); yours takes (x, y)."


def test_inputs_are_drawn_anew_and_again_from_the_same_seed():
    seen = []
    for seed in (1, 1, 2):
        drawn = []
        judge(double, lambda x, drawn=drawn: drawn.append(x.copy()) or 2 * x, seed)
        seen.append(np.concatenate([x.ravel() for x in drawn]))
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])


def test_nothing_in_the_message_becomes_html():
    html = Display(outcome(lambda x: {"<script>": 1}["<b>"]))._repr_html_()
    assert "<b>" not in html
    assert 'role="status"' in html


def test_an_exercise_needs_hints():
    with pytest.raises(ValueError, match="at least 2"):
        Exercise("99.x", "x", hints=("only one",))
