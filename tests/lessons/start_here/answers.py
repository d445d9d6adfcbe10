"""Right and wrong answers to the exercise of lesson 00."""

import functools
import operator

import numpy as np


def times_two(x):
    return 2 * x


def added_to_itself(x):
    return x + x


def tensorflow_float32(x):
    import tensorflow as tf

    return tf.add(tf.cast(x, tf.float32), tf.cast(x, tf.float32))


def numpy_loop(x):
    return np.array([value + value for value in np.ravel(x)]).reshape(np.shape(x))


def printed(x):
    print(2 * x)


def written_into(x):
    x *= 2
    return x


class Doubler:
    def __call__(self, x, factor=2.0):
        return np.multiply(x, factor)


def keras_variable(x):
    import keras

    return keras.Variable(2 * np.asarray(x, dtype="float32"))


def by_value(x):
    return (2 * value for value in x) if np.ndim(x) else 2 * x


RIGHT = {
    "00.double": [
        times_two,
        added_to_itself,
        tensorflow_float32,
        numpy_loop,
        Doubler(),
        keras_variable,
        by_value,
        functools.partial(operator.mul, 2),
        np.vectorize(lambda x: 2.0 * x),
        lambda x: x / 0.5,
        lambda x: np.array(2 * x),
        lambda *args: sum([args[0], args[0]]),
    ]
}

WRONG = {
    "00.double": [
        (lambda x: x + 2, "This adds 2 to 5. That is twice x only where x is 2."),
        (lambda x: x**2, "This multiplies 5 by itself"),
        (lambda x: x, "This gives 2 back unchanged"),
        (lambda x: x / 2, "This halves 2."),
        (lambda x: np.trunc(2.0 * x), "You cut them off"),
        (lambda x: np.round(2 * x + 0.01), "You round them"),
        (printed, "double(2) gives nothing back. `return` hands a result back; `print` only shows it."),
        (written_into, "changes its argument `x`"),
        (lambda x: -2 * x, "wrong sign"),
        (lambda x: "10", "should be an array of real numbers; yours is text."),
        (lambda x: (2 * x,), "double(2) has shape (1,); expected a single number."),
        (lambda x: 2 * np.sum(x), "double(x) is a single number; expected an array of shape (5,)."),
        (lambda x: 2**x, "double(5) is 32; expected 10"),
        (lambda x: 4, "double(5) is 4; expected 10"),
        (lambda: 10, "double should take (x); yours takes ()."),
        (lambda x: y, "NameError: name 'y' is not defined"),  # noqa: F821
    ]
}
