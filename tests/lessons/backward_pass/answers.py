"""Right and wrong answers to the exercises of lesson 02."""

import numpy as np

from course.lessons.backward_pass import planted
from course.lessons.backward_pass.tape import Var

# ---- dense_backward


def dense_products(x, kernel, dy):
    return dy @ kernel.T, x.T @ dy, dy.sum(axis=0)


def dense_loops(x, kernel, dy):
    dx, dkernel, dbias = np.zeros(x.shape), np.zeros(kernel.shape), np.zeros(kernel.shape[1])
    for n in range(len(x)):
        for j in range(kernel.shape[1]):
            dbias[j] += dy[n, j]
            for i in range(x.shape[1]):
                dx[n, i] += dy[n, j] * kernel[i, j]
                dkernel[i, j] += x[n, i] * dy[n, j]
    return [dx, dkernel, dbias]


def dense_tensorflow(x, kernel, dy):
    import tensorflow as tf

    x, kernel, dy = (tf.cast(value, tf.float32) for value in (x, kernel, dy))
    return tf.matmul(dy, kernel, transpose_b=True), tf.matmul(x, dy, transpose_a=True), tf.reduce_sum(dy, axis=0)


def dense_einsum_float32_dict(x, kernel, dy):
    x, kernel, dy = (value.astype("float32") for value in (x, kernel, dy))
    return {
        "dx": np.einsum("nj,ij->ni", dy, kernel),
        "dkernel": np.einsum("ni,nj->ij", x, dy),
        "dbias": np.einsum("nj->j", dy),
    }


def dense_yielded(x, kernel, dy):
    yield dy @ kernel.T
    yield x.T @ dy
    yield dy.sum(axis=0)


def dense_gradient_tape(x, kernel, dy):
    import tensorflow as tf

    variables = [tf.Variable(value, dtype=tf.float32) for value in (x, kernel, np.zeros(kernel.shape[1]))]
    with tf.GradientTape() as tape:
        y = variables[0] @ variables[1] + variables[2]
    return tape.gradient(y, variables, output_gradients=tf.cast(dy, tf.float32))


def dense_mutates(x, kernel, dy):
    dkernel = x.T @ dy
    dy *= 2
    return dy @ kernel.T / 2, dkernel, dy.sum(axis=0) / 2


# ---- relu_backward


def relu_loop(x, dy):
    dx = np.zeros(x.shape)
    for where in np.ndindex(*x.shape):
        if x[where] > 0:
            dx[where] = dy[where]
    return dx


def relu_tensorflow(x, dy):
    import tensorflow as tf

    x = tf.constant(x, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.relu(x)
    return tape.gradient(y, x, output_gradients=tf.constant(dy))


def relu_copy(x, dy):
    dx = np.array(dy)
    dx[x <= 0] = 0
    return dx


def relu_mutates(x, dy):
    dy[x < 0] = 0
    return dy


def relu_integers(x, dy):
    return np.where(x > 0, dy, 0).astype(x.dtype)


# ---- softmax_cross_entropy_backward


def softmax(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def softmax_indexed(logits, labels):
    p = softmax(logits)
    p[range(len(labels)), labels] -= 1
    return p / len(labels)


def softmax_loop(logits, labels):
    rows = []
    for row, label in zip(logits, labels, strict=True):
        p = np.exp(row - max(row))
        p = p / sum(p)
        rows.append([(p[k] - (k == label)) / len(labels) for k in range(len(row))])
    return rows


def softmax_tensorflow(logits, labels):
    import tensorflow as tf

    logits = tf.constant(logits, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    return tape.gradient(loss, logits)


def softmax_float32(logits, labels):
    """float32 keeps four digits of the differences between logits of 1000, and no more."""
    return softmax_indexed(logits.astype("float32"), labels)


def one_hot(logits, labels):
    return np.eye(logits.shape[1])[labels]


def softmax_every_label(logits, labels):
    p = softmax(logits)
    p[:, labels] -= 1
    return p / len(labels)


def softmax_clipped(logits, labels):
    return softmax_indexed(np.clip(logits, -500, 500), labels)


def softmax_overflows(logits, labels):
    with np.errstate(all="ignore"):
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return (p - one_hot(logits, labels)) / len(labels)


def softmax_over_batch(logits, labels):
    p = np.exp(logits - logits.max(axis=0))
    return (p / p.sum(axis=0) - one_hot(logits, labels)) / len(labels)


# ---- numerical_gradient


def _difference(f, x, h, formula):
    x = np.array(x, dtype=float)
    slope = np.zeros(x.shape)
    for where in np.ndindex(*x.shape):
        keep = x[where]

        def at(offset, where=where, keep=keep):
            x[where] = keep + offset
            value = f(x)
            x[where] = keep
            return value

        slope[where] = formula(at, h)
    return slope


def central(f, x):
    return _difference(f, x, 1e-5, lambda at, h: (at(h) - at(-h)) / (2 * h))


def central_with_masks(f, x):
    basis = np.eye(x.size).reshape(x.size, *x.shape) * 1e-5
    return np.array([(f(x + e) - f(x - e)) / 2e-5 for e in basis]).reshape(x.shape)


def central_in_place(f, x):
    """Restores x, though only to rounding; fine for float input, and copies integers."""
    x = x if x.dtype.kind == "f" else x.astype(float)
    slope = np.zeros(x.size)
    flat = x.reshape(-1)
    for i in range(x.size):
        flat[i] += 1e-5
        up = f(x)
        flat[i] -= 2e-5
        slope[i] = (up - f(x)) / 2e-5
        flat[i] += 1e-5
    return slope.reshape(x.shape)


def five_points(f, x):
    return _difference(f, x, 1e-3, lambda at, h: (8 * (at(h) - at(-h)) - at(2 * h) + at(-2 * h)) / (12 * h))


def integer_copy(f, x):
    x = x.copy()
    slope = np.zeros(x.shape)
    for where in np.ndindex(*x.shape):
        keep = x[where]
        x[where] = keep + 1e-5
        up = f(x)
        x[where] = keep - 1e-5
        # An integer array rounds both away from the point; where it does not, the slope is that of a long chord.
        down = f(x) if x.dtype.kind == "f" else up
        x[where] = keep
        slope[where] = (up - down) / 2e-5
    return slope


def steps_of_an_integer_copy(f, x):
    x = x.copy()
    slope = np.zeros(x.shape)
    for where in np.ndindex(*x.shape):
        keep = x[where]
        x[where] = keep + 1e-5
        up = f(x)
        x[where] = keep - 1e-5
        slope[where] = (up - f(x)) / 2e-5
        x[where] = keep
    return slope


def integers_in_an_integer_array(f, x):
    slope = np.zeros_like(x)
    slope[...] = central(f, x)
    return slope


def never_puts_back(f, x):
    x = np.array(x, dtype=float)
    slope = np.zeros(x.shape)
    for where in np.ndindex(*x.shape):
        x[where] += 1e-3
        up = f(x)
        x[where] -= 2e-3
        slope[where] = (up - f(x)) / 2e-3
    return slope


def never_restores(f, x):
    slope = np.zeros(x.shape)
    for where in np.ndindex(*x.shape):
        x[where] += 1e-5
        up = f(x)
        x[where] -= 2e-5
        slope[where] = (up - f(x)) / 2e-5
    return slope


def all_at_once(f, x):
    return np.full(x.shape, (f(x + 1e-5) - f(x - 1e-5)) / 2e-5)


# ---- tape_matmul


def matmul_pairs(a, b):
    return Var(a.value @ b.value, ((a, lambda g: g @ b.value.T), (b, lambda g: a.value.T @ g)))


def matmul_by_dense(a, b):
    from course.lessons.backward_pass.tape import dense

    return dense(a, b, Var(np.zeros(b.value.shape[1])))


def matmul_list_of_parents(a, b):
    def to_a(g):
        return np.einsum("nm,km->nk", g, b.value)

    def to_b(g):
        return np.einsum("nk,nm->km", a.value, g)

    return Var(np.einsum("nk,km->nm", a.value, b.value), [(a, to_a), (b, to_b)])


class OwnVar:
    """The class of the lesson, copied into the notebook."""

    __init__ = Var.__init__
    __mul__ = Var.__mul__
    __add__ = Var.__add__
    backward = Var.backward


def matmul_with_a_var_of_ones_own(a, b):
    return OwnVar(a.value @ b.value, ((a, lambda g: g @ b.value.T), (b, lambda g: a.value.T @ g)))


# ---- planted_bugs


def centre_mended(x, dy):
    return dy - dy.mean(axis=0, keepdims=True)


def softmax_mended(x, dy):
    y = softmax(x)
    return y * (dy - (dy * y).sum(axis=1, keepdims=True))


def softmax_by_jacobian(x, dy):
    rows = []
    for row, upstream in zip(softmax(x), dy, strict=True):
        rows.append((np.diag(row) - np.outer(row, row)) @ upstream)
    return np.array(rows)


def centre_by_matrix(x, dy):
    n = len(x)
    return (np.eye(n) - np.ones((n, n)) / n).T @ dy


def softmax_by_tensorflow(x, dy):
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.softmax(x)
    return tape.gradient(y, x, output_gradients=tf.constant(dy))


def bugs(**mended):
    return lambda: mended


RIGHT = {
    "02.dense_backward": [
        dense_products,
        dense_loops,
        dense_tensorflow,
        dense_einsum_float32_dict,
        dense_yielded,
        dense_gradient_tape,
        lambda x, kernel, dy: tuple(grad.tolist() for grad in dense_products(x, kernel, dy)),
    ],
    "02.relu_backward": [
        lambda x, dy: dy * (x > 0),
        relu_loop,
        relu_tensorflow,
        relu_copy,
        lambda x, dy: np.heaviside(x, 0.5).astype("float32") * dy.astype("float32"),
    ],
    "02.softmax_cross_entropy_backward": [
        softmax_indexed,
        softmax_loop,
        softmax_tensorflow,
        softmax_float32,
    ],
    "02.numerical_gradient": [
        central,
        central_with_masks,
        central_in_place,
        five_points,
        lambda f, x, h=1e-4: central(f, x).astype("float32"),
    ],
    "02.tape_matmul": [matmul_pairs, matmul_by_dense, matmul_list_of_parents, matmul_with_a_var_of_ones_own],
    "02.planted_bugs": [
        bugs(softmax_backward=softmax_mended, centre_backward=centre_mended),
        bugs(centre_backward=centre_by_matrix, softmax_backward=softmax_by_jacobian),
        bugs(softmax_backward=softmax_by_tensorflow, centre_backward=centre_mended),
    ],
}

WRONG = {
    "02.dense_backward": [
        (lambda x, kernel, dy: (dy @ kernel.T, x.T @ dy / len(x), dy.sum(axis=0)), "dkernel is divided by the batch"),
        (lambda x, kernel, dy: (dy @ kernel.T, x.T @ dy, dy.mean(axis=0)), "dbias is divided by the batch size"),
        (lambda x, kernel, dy: (dy @ kernel.T, dy.T @ x, dy.sum(axis=0)), "dkernel is transposed"),
        (lambda x, kernel, dy: (dy @ kernel.T, x.T @ dy, dy), "dbias is dy itself"),
        (lambda x, kernel, dy: (dy @ kernel.T, x.T @ dy, dy.sum(axis=0, keepdims=True)), "dbias has shape (1, 4)"),
        (lambda x, kernel, dy: (x.T @ dy, dy @ kernel.T, dy.sum(axis=0)), "dx and dkernel are swapped"),
        (lambda x, kernel, dy: (np.zeros(x.shape), np.zeros(kernel.shape), dy[0] * 0), "dx is all zeros"),
        (lambda x, kernel, dy: (-dy @ kernel.T, x.T @ dy, dy.sum(axis=0)), "dx has the wrong sign"),
        (lambda x, kernel, dy: (dy @ kernel.T, x.T @ dy), "returned 2 things. It should return 3"),
        (lambda x, kernel, dy: None, "returned None"),
        (dense_mutates, "changes its argument `dy`"),
        (lambda x, kernel, dy: (dy @ kernel.T / len(x), x.T @ dy, dy.sum(axis=0)), "dx is divided by the batch size."),
        (lambda x, kernel, dy: (dy @ kernel.T, x.T @ dy / len(x) ** 2, dy.sum(axis=0)), "batch size, and twice"),
        (lambda x, kernel, dy: (dy @ kernel.T, x.T @ dy, dy.sum()), "dbias is the sum of all of dy"),
        (lambda x, kernel, dy: (dy @ kernel.T, x.T @ dy, dy[0]), "dbias is the first row of dy"),
        (lambda x, kernel, dy: (dy @ kernel.T, ..., ...), "dkernel is still `...`. Write it next."),
        (lambda x, kernel, dy: (dy @ kernel.T, x.T @ dy, None), "dbias is still `None`. Write it next."),
        (lambda x, kernel: x, "should take (x, kernel, dy); yours takes (x, kernel)"),
        (lambda x, kernel, dy: (dy @ kernel, x.T @ dy, dy.sum(axis=0)), "raised ValueError"),
    ],
    "02.relu_backward": [
        (lambda x, dy: np.maximum(dy, 0), "Keep those where x is positive"),
        (lambda x, dy: (x > 0) * 1.0, "the slope of ReLU alone"),
        (lambda x, dy: np.maximum(x, 0) * dy, "multiplies dy by relu(x)"),
        (lambda x, dy: dy, "dy comes through everywhere"),
        (lambda x, dy: dy * (x < 0), "wrong way round"),
        (lambda x, dy: np.zeros(x.shape), "dx is all zeros"),
        (relu_mutates, "changes its argument `dy`"),
        (relu_integers, "integers cannot hold it"),
        (lambda x, dy: np.maximum(dy, 0) * (x > 0), "You drop the negative gradients"),
        (lambda x, dy: dy * np.sign(x), "np.sign(x) is -1 where x is negative"),
        (lambda x, dy: dy * x, "multiplies dy by x"),
        (lambda x, dy: np.maximum(x, 0), "This is relu(x), the forward pass"),
        (lambda x, dy: dy * (x > 0) / len(x), "You divided by the batch size"),
        (lambda x, dy: dy < 0, "dx[0, 0] is"),
        (lambda x, dy: dy[x > 0], "dx has shape"),
    ],
    "02.softmax_cross_entropy_backward": [
        (lambda logits, labels: softmax(logits) - one_hot(logits, labels), "gradient of the summed loss"),
        (
            lambda logits, labels: (softmax(logits) - one_hot(logits, labels)) / len(labels) ** 2,
            "divided by the batch size twice",
        ),
        (lambda logits, labels: (one_hot(logits, labels) - softmax(logits)) / len(labels), "This is y - p"),
        (lambda logits, labels: softmax(logits) / len(labels), "Subtract 1 at the true class"),
        (lambda logits, labels: one_hot(logits, labels) - softmax(logits), "y - p, and of the summed loss"),
        (lambda logits, labels: (logits - one_hot(logits, labels)) / len(labels), "You used the logits"),
        (lambda logits, labels: (softmax(logits) - labels[:, None]) / len(labels), "You subtracted the label"),
        (softmax_every_label, "p[:, labels] takes every label"),
        (softmax_clipped, "Clipping or scaling large logits loses their differences"),
        (
            lambda logits, labels: (softmax(logits) - one_hot(logits, labels)) / logits.shape[1],
            "You divided by the number of classes",
        ),
        (lambda logits, labels: (softmax(logits) - one_hot(logits, labels)) / logits.size, "averaged over the classes"),
        (softmax_over_batch, "sums to 1 over the batch"),
        (softmax_overflows, "np.exp overflows"),
        (lambda logits, labels: np.zeros(logits.shape), "dlogits is all zeros"),
    ],
    "02.numerical_gradient": [
        (lambda f, x: _difference(f, x, 1e-6, lambda at, h: (at(h) - at(0)) / h), "one-sided difference"),
        (lambda f, x: _difference(f, x, 1e-5, lambda at, h: (at(h) - at(-h)) / h), "divide by 2h"),
        (all_at_once, "you moved all entries of x at once"),
        (lambda f, x: _difference(f, x, 0.1, lambda at, h: (at(h) - at(-h)) / (2 * h)), "Too large a step"),
        (lambda f, x: _difference(f, x, 1e-14, lambda at, h: (at(h) - at(-h)) / (2 * h)), "too small a one drowns"),
        (integer_copy, "x + h rounds back to x"),
        (never_restores, "changes its argument `x`"),
        (integers_in_an_integer_array, "np.zeros_like(x) holds integers only"),
        (steps_of_an_integer_copy, "x[i] = keep - h cuts off its decimals"),
        (never_puts_back, "put each entry back"),
        (lambda f: f, "numerical_gradient should take (f, x); yours takes (f)."),
        (lambda f, x: central(f, x).ravel(), "The number of values is right; their arrangement is not"),
        (lambda f, x: np.zeros(x.shape), "all zeros"),
    ],
    "02.tape_matmul": [
        (lambda a, b: Var(a.value @ b.value), "No gradient reaches a"),
        (lambda a, b: Var(a.value @ b.value, ((a, lambda g: g @ b.value.T),)), "No gradient reaches b"),
        (lambda a, b: a.value @ b.value, "should return a Var; yours returned ndarray"),
        (lambda a, b: Var(a.value @ b.value, ((a, lambda g: g @ b.value), (b, lambda g: a.value @ g))), "ValueError"),
        (
            lambda a, b: Var(a.value @ b.value, ((a, lambda g: g @ b.value.T), (b, lambda g: g.T @ a.value))),
            "The pull of b returns shape (2, 4)",
        ),
        (
            lambda a, b: Var(a.value @ b.value, ((a, lambda g: 2 * g @ b.value.T), (b, lambda g: a.value.T @ g))),
            "a.grad is 2 times the expected value",
        ),
        (
            lambda a, b: Var(a.value @ b.value, ((a, lambda g: g @ b.value.T), (a, lambda g: a.value.T @ g))),
            "The pull of a returns shape",
        ),
        (lambda a, b: None, "returned None"),
        (lambda a, b: Var(a.value @ b.value, (a, b)), "one of yours is a Var and no pair"),
        (lambda a, b: Var(a.value @ b.value, {a: 1, b: 2}), "yours are one dict"),
        (
            lambda a, b: Var(a.value @ b.value, ((a.value, lambda g: g @ b.value.T), (b, lambda g: a.value.T @ g))),
            "the first of your pair is of type ndarray",
        ),
        (lambda a, b: Var(a.value @ b.value, ((a, b.value.T), (b, a.value.T))), "the second of your pair"),
        (lambda a, b: Var(a.value @ b.value, ((a, lambda g: None), (b, lambda g: None))), "The pull of a returns None"),
        (
            lambda a, b: Var(a.value @ b.value, ((a, lambda g: Var(g @ b.value.T)), (b, lambda g: a.value.T @ g))),
            "The pull of a returns a Var",
        ),
    ],
    "02.planted_bugs": [
        (bugs(), "softmax_backward is wrong as given, and your dict leaves it out"),
        (bugs(softmax_backward=softmax_mended), "centre_backward is wrong as given"),
        (
            bugs(softmax_backward=softmax_mended, centre_backward=centre_mended, tanh_backward=planted.tanh_backward),
            "You name tanh_backward as wrong",
        ),
        (
            bugs(softmax_backward=planted.softmax_backward, centre_backward=centre_mended),
            "gives the same wrong gradient as before",
        ),
        (
            bugs(softmax_backward=softmax_mended, centre_backward=lambda x, dy: dy - dy.mean(axis=1, keepdims=True)),
            "dx of your centre_backward",
        ),
        (lambda: ["softmax_backward"], "should return a dict"),
        (bugs(softmax=softmax_mended), "'softmax' is none of the four functions"),
        (lambda: {planted.softmax_backward: softmax_mended}, "Use their names, in quotes"),
        (
            bugs(softmax_backward=lambda x, dy: None, centre_backward=centre_mended),
            "dx of your softmax_backward is None",
        ),
    ],
}
