"""Right and wrong answers to the exercises of lesson 01."""

import numpy as np

# ---- dense_forward


def dense_product(x, kernel, bias):
    return x @ kernel + bias


def dense_loops(x, kernel, bias):
    y = [[bias[j] for j in range(len(bias))] for _ in x]
    for n in range(len(x)):
        for j in range(len(bias)):
            for i in range(len(kernel)):
                y[n][j] += x[n][i] * kernel[i][j]
    return y


def dense_tensorflow(x, kernel, bias):
    import tensorflow as tf

    x, kernel, bias = (tf.cast(value, tf.float32) for value in (x, kernel, bias))
    return tf.nn.bias_add(tf.matmul(x, kernel), bias)


def dense_keras(x, kernel, bias):
    import keras

    layer = keras.layers.Dense(len(bias))
    layer.build(x.shape)
    layer.set_weights([kernel, bias])
    return layer(x.astype("float32"))


def dense_with_a_column_of_ones(x, kernel, bias):
    x = np.hstack([x, np.ones((len(x), 1))]).astype("float32")
    return x.dot(np.vstack([kernel, bias]).astype("float32"))


def dense_in_an_integer_array(x, kernel, bias):
    y = np.zeros((len(x), len(bias)), dtype=x.dtype)
    for n, j in np.ndindex(*y.shape):
        y[n, j] = bias[j]
        for i in range(len(kernel)):
            y[n, j] += x[n, i] * kernel[i, j]
    return y


def dense_bias_inside_the_loop(x, kernel, bias):
    y = np.zeros((len(x), len(bias)))
    for i in range(len(kernel)):
        y += x[:, [i]] * kernel[i] + bias
    return y


def dense_one_sample_forgotten(x, kernel, bias):
    y = np.zeros((len(x), len(bias)))
    for n in range(len(x) - 1):
        y[n] = x[n] @ kernel + bias
    return y


# ---- softmax


def softmax_products(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def softmax_loops(logits):
    import math

    rows = []
    for row in logits:
        top = max(row)
        e = [math.exp(z - top) for z in row]
        rows.append([value / sum(e) for value in e])
    return rows


def softmax_tensorflow(logits):
    import tensorflow as tf

    return tf.nn.softmax(tf.cast(logits, tf.float32))


def softmax_by_differences(logits):
    """1 / sum of exp(z_k - z_j): overflows to infinity where the probability is 0, and 1 / infinity is 0."""
    with np.errstate(over="ignore"):
        return 1 / np.exp(logits[:, None, :] - logits[:, :, None]).sum(axis=2)


def softmax_logaddexp_float32(logits):
    logits = logits.astype("float32")
    return np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))


def softmax_transposed_and_back(logits):
    e = np.exp(logits.T - logits.max(axis=1))
    return (e / e.sum(axis=0)).T


def softmax_row(row):
    e = np.exp(row - row.max())
    return e / e.sum()


def softmax_keras_ops(logits):
    import keras

    return keras.ops.softmax(keras.ops.cast(logits, "float32"), axis=-1)


def softmax_longdouble(logits):
    """Right where long doubles are longer than doubles, and where they are not the shift still is."""
    wide = logits.astype("longdouble") - logits.max(axis=1, keepdims=True)
    return np.exp(wide) / np.exp(wide).sum(axis=1, keepdims=True)


def softmax_as_written(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def softmax_shifted_by(shift):
    def softmax(logits):
        p = np.exp(logits - shift(logits))
        return p / p.sum(axis=1, keepdims=True)

    return softmax


def softmax_clipped(logits):
    return softmax_as_written(np.clip(logits, -500, 500))


def softmax_with_a_small_number(logits):
    p = np.exp(logits)
    return p / (p.sum(axis=1, keepdims=True) + 1e-8)


def softmax_nan_to_num(logits):
    return np.nan_to_num(softmax_as_written(logits))


def softmax_scaled_down(logits):
    largest = np.abs(logits).max()
    return softmax_products(logits / largest if largest > 500 else logits)


def softmax_in_place(logits):
    logits -= logits.max(axis=1, keepdims=True)
    return softmax_products(logits)


def softmax_in_an_integer_array(logits):
    p = np.zeros_like(logits)
    for n, row in enumerate(logits):
        e = np.exp(row - row.max())
        p[n] = e / e.sum()
    return p


def softmax_without_keepdims(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1)


def softmax_max_without_keepdims(logits):
    p = np.exp(logits - logits.max(axis=1))
    return p / p.sum(axis=1, keepdims=True)


# ---- cross_entropy_from_logits


def log_p_of(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def entropy_shifted(logits, labels):
    return -log_p_of(logits)[np.arange(len(labels)), labels].mean()


def entropy_loops(logits, labels):
    import math

    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        top = max(row)
        total += math.log(sum(math.exp(z - top) for z in row)) + top - row[label]
    return total / len(labels)


def entropy_tensorflow(logits, labels):
    import tensorflow as tf

    logits = tf.cast(logits, tf.float32)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def entropy_keras(logits, labels):
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits.astype("float64"))


def entropy_one_hot_float32(logits, labels):
    logits = logits.astype("float32")
    one_hot = np.eye(logits.shape[1], dtype="float32")[labels]
    return (np.logaddexp.reduce(logits, axis=1) - (one_hot * logits).sum(axis=1)).mean()


def entropy_tf_function(logits, labels):
    import tensorflow as tf

    @tf.function
    def mean_loss(logits, labels):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))
        return tf.reduce_mean(losses)

    return tf.Variable(mean_loss(logits, labels))


def softmax_of(logits):
    return np.exp(log_p_of(logits))


def entropy_as_written(logits, labels):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(labels)), labels]).mean()


def entropy_of_a_stable_softmax(logits, labels):
    return -np.log(softmax_of(logits)[np.arange(len(labels)), labels]).mean()


def entropy_clipped(logits, labels):
    return -np.log(np.clip(softmax_of(logits)[np.arange(len(labels)), labels], 1e-7, 1)).mean()


def entropy_one_maximum(logits, labels):
    shifted = logits - logits.max()
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()


def entropy_over_the_batch(logits, labels):
    log_p = logits - np.log(np.exp(logits).sum(axis=0))
    return -log_p[np.arange(len(labels)), labels].mean()


# ---- mlp_forward


def relu(x):
    return np.maximum(x, 0)


def mlp_slices(x, layers):
    for kernel, bias in layers[:-1]:
        x = relu(x @ kernel + bias)
    return x @ layers[-1][0] + layers[-1][1]


def mlp_recursive_loops(x, layers):
    (kernel, bias), rest = layers[0], layers[1:]
    y = np.array(dense_loops(x, kernel, bias))
    if not rest:
        return y
    for where in np.ndindex(*y.shape):
        if y[where] < 0:
            y[where] = 0
    return mlp_recursive_loops(y, rest)


def mlp_tensorflow(x, layers):
    import tensorflow as tf

    x = tf.cast(x, tf.float32)
    for number, (kernel, bias) in enumerate(layers):
        if number:
            x = tf.nn.relu(x)
        x = x @ tf.cast(kernel, tf.float32) + tf.cast(bias, tf.float32)
    return x


def mlp_float32_mask(x, layers):
    x = x.astype("float32")
    for number, (kernel, bias) in enumerate(layers, 1):
        x = np.einsum("ni,ij->nj", x, kernel.astype("float32")) + bias.astype("float32")
        if number < len(layers):
            x = x * (x > 0)
    return x


def mlp_with(activation, last=lambda z: z):
    def mlp_forward(x, layers):
        for kernel, bias in layers[:-1]:
            x = activation(x @ kernel + bias)
        return last(x @ layers[-1][0] + layers[-1][1])

    return mlp_forward


def mlp_exactly_two(x, layers):
    (kernel_1, bias_1), (kernel_2, bias_2) = layers
    return relu(x @ kernel_1 + bias_1) @ kernel_2 + bias_2


def mlp_first_two(x, layers):
    (kernel_1, bias_1), (kernel_2, bias_2) = layers[:2]
    return relu(x @ kernel_1 + bias_1) @ kernel_2 + bias_2


def mlp_first_and_last(x, layers):
    (kernel_1, bias_1), (kernel_2, bias_2) = layers[0], layers[-1]
    return relu(x @ kernel_1 + bias_1) @ kernel_2 + bias_2


def mlp_x_never_replaced(x, layers):
    for kernel, bias in layers:
        y = x @ kernel + bias
    return y


def mlp_bias_after_relu(x, layers):
    for kernel, bias in layers[:-1]:
        x = relu(x @ kernel) + bias
    return x @ layers[-1][0] + layers[-1][1]


def mlp_without_bias(x, layers):
    for kernel, _ in layers[:-1]:
        x = relu(x @ kernel)
    return x @ layers[-1][0]


def mlp_all_outputs(x, layers):
    outputs = []
    for kernel, bias in layers:
        x = x @ kernel + bias
        outputs.append(x)
        x = relu(x)
    return outputs


def mlp_returns_too_early(x, layers):
    for kernel, bias in layers:
        x = relu(x @ kernel + bias)
        return x


def mlp_without_the_last(x, layers):
    for kernel, bias in layers[:-1]:
        x = relu(x @ kernel + bias)
    return x


def mlp_relu_of_the_input(x, layers):
    for kernel, bias in layers:
        x = relu(x) @ kernel + bias
    return x


def mlp_in_place(x, layers):
    x[x < 0] = 0
    return mlp_slices(x, layers)


def mlp_pops_the_last(x, layers):
    kernel, bias = layers.pop()
    return mlp_without_the_last(x, [*layers, None]) @ kernel + bias


def mlp_backwards_where_it_fits(x, layers):
    return mlp_slices(x, layers[::-1] if all(k.shape[0] == k.shape[1] for k, _ in layers) else layers)


# ---- count_parameters


def count_pairs(sizes):
    return sum((inputs + 1) * units for inputs, units in zip(sizes, sizes[1:], strict=False))


def count_by_loop(sizes):
    total = 0
    for i in range(1, len(sizes)):
        total += sizes[i - 1] * sizes[i]
        total += sizes[i]
    return total


def count_keras(sizes):
    import keras

    layers = [keras.layers.Dense(units) for units in sizes[1:]]
    return keras.Sequential([keras.layers.Input([sizes[0]]), *layers]).count_params()


def count_numpy(sizes):
    sizes = np.array(sizes, dtype="int64")
    return sizes[:-1] @ sizes[1:] + sizes[1:].sum()


def count_tensorflow(sizes):
    import tensorflow as tf

    sizes = tf.constant(sizes, dtype=tf.float64)
    return tf.tensordot(sizes[:-1] + 1, sizes[1:], axes=1)


def weights_of(sizes):
    return sum(a * b for a, b in zip(sizes, sizes[1:], strict=False))


RIGHT = {
    "01.dense_forward": [
        dense_product,
        dense_loops,
        dense_tensorflow,
        dense_keras,
        dense_with_a_column_of_ones,
        lambda x, kernel, bias: np.einsum("ni,ij->nj", x, kernel) + bias,
        lambda x, kernel, bias: (kernel.T @ x.T).T + bias[None, :],
        lambda x, kernel, bias, activation=None: [row @ kernel + bias for row in x],
        lambda *args: (row @ args[1] + args[2] for row in args[0]),
        lambda x, kernel, bias: (x @ kernel + bias).astype("longdouble"),
    ],
    "01.softmax": [
        softmax_products,
        softmax_loops,
        softmax_tensorflow,
        softmax_by_differences,
        softmax_logaddexp_float32,
        softmax_transposed_and_back,
        softmax_keras_ops,
        softmax_longdouble,
        lambda logits: map(softmax_row, logits),
    ],
    "01.cross_entropy_from_logits": [
        entropy_shifted,
        entropy_loops,
        entropy_tensorflow,
        entropy_keras,
        entropy_one_hot_float32,
        entropy_tf_function,
        lambda logits, labels: np.array(entropy_shifted(logits, labels)),
    ],
    "01.mlp_forward": [
        mlp_slices,
        mlp_recursive_loops,
        mlp_tensorflow,
        mlp_float32_mask,
        lambda x, layers: mlp_slices(x, layers).tolist(),
        lambda x, layers, activation=np.abs: tuple(map(tuple, mlp_slices(x, layers))),
    ],
    "01.count_parameters": [count_pairs, count_by_loop, count_keras, count_numpy, count_tensorflow],
}

WRONG = {
    "01.dense_forward": [
        (lambda x, kernel, bias: x @ kernel, "the bias is missing"),
        (lambda x, kernel, bias: x @ kernel - bias, "You subtract the bias"),
        (lambda x, kernel, bias: x @ kernel * bias, "You multiply by the bias"),
        (lambda x, kernel, bias: x @ kernel + bias.sum(), "Every unit gets the sum of all biases"),
        (lambda x, kernel, bias: x @ kernel.T + bias, "the transposed kernel"),
        (lambda x, kernel, bias: (x + bias) @ kernel, "before the product"),
        (lambda x, kernel, bias: x * kernel + bias, "A matrix product is `@`"),
        (lambda x, kernel, bias: x @ kernel + bias[:, None], "The bias runs down the batch"),
        (lambda x, kernel, bias: relu(x @ kernel + bias), "you applied ReLU"),
        (lambda x, kernel, bias: np.tanh(x @ kernel + bias), "you applied tanh"),
        (lambda x, kernel, bias: 1 / (1 + np.exp(-x @ kernel - bias)), "you applied a sigmoid"),
        (lambda x, kernel, bias: (x @ kernel + bias).T, "y is transposed"),
        (lambda x, kernel, bias: x[0] @ kernel + bias, "the first sample alone"),
        (lambda x, kernel, bias: (x @ kernel + bias).sum(axis=1), "You added up the units"),
        (lambda x, kernel, bias: x @ kernel / len(kernel) + bias, "You average over the inputs"),
        (dense_bias_inside_the_loop, "along with each input"),
        (dense_in_an_integer_array, "The decimals are cut off"),
        (dense_one_sample_forgotten, "y[2, 0] is 0; expected"),
        (lambda x, kernel, bias: print(x @ kernel + bias), "Is the `return` line missing?"),
        (lambda x, kernel, bias: x > 0, "y["),
        (lambda x, kernel, bias: [None for _ in x], "what your list holds does not make one"),
        (lambda x, kernel, bias: bias @ kernel @ x + 1 / 0, "ZeroDivisionError"),
        (lambda x, kernel: x @ kernel, "should take (x, kernel, bias); yours takes (x, kernel)."),
    ],
    "01.softmax": [
        (softmax_as_written, "np.exp(1000) is infinite"),
        (lambda z: np.exp(z) / np.exp(z).sum(axis=0), "The columns sum to 1"),
        (lambda z: np.exp(z) / np.exp(z).sum(), "All rows together sum to 1"),
        (lambda z: np.exp(z), "These are exponentials"),
        (lambda z: z / z.sum(axis=1, keepdims=True), "Take np.exp first"),
        (lambda z: 1 / (1 + np.exp(-z)), "This is a sigmoid of each logit"),
        (log_p_of, "the logarithm of the softmax"),
        (lambda z: softmax_products(-z), "The largest logit gets the smallest probability"),
        (lambda z: np.eye(z.shape[1])[z.argmax(axis=1)], "That is argmax"),
        (softmax_without_keepdims, ".sum(axis=1, keepdims=True)"),
        (softmax_max_without_keepdims, "The row maxima are taken off the columns"),
        (softmax_shifted_by(lambda z: z.max(axis=0)), "You take off each column's maximum"),
        (softmax_shifted_by(lambda z: z.max()), "One number was taken off the whole batch"),
        (softmax_shifted_by(lambda z: z.mean(axis=1, keepdims=True)), "not its mean or minimum"),
        (softmax_clipped, "All classes of a row get the same, or nearly"),
        (softmax_scaled_down, "dividing the logits loses their differences"),
        (softmax_nan_to_num, "was papered over"),
        (lambda z: softmax_products(z) * 0.9, "sums to 0.9, not to 1. Probabilities do"),
        (softmax_in_place, "changes its argument `logits`"),
        (lambda z: softmax_products(z).astype(int), "all zeros"),
        (lambda z: softmax_products(z).T, "is the transpose of what is expected"),
        (lambda z: softmax_products(z)[0], "p has shape (3,); expected (3, 3), (batch, classes)"),
        (softmax_in_an_integer_array, "The logits are integers here"),
    ],
    "01.cross_entropy_from_logits": [
        (entropy_as_written, "np.exp(1000) is infinite"),
        (entropy_of_a_stable_softmax, "The probability of the true class rounds to 0"),
        (entropy_clipped, "A probability that is clipped"),
        (
            lambda z, y: -np.log(softmax_of(z)[np.arange(len(y)), y] + 1e-300).mean(),
            "loss is 690.8; expected 1000. A probability that is clipped",
        ),
        (
            lambda z, y: -np.log(softmax_of(z)[np.arange(len(y)), y] + 1e-5).mean(),
            "A small number added to p, or a clipped p, shifts the loss",
        ),
        (lambda z, y: [entropy_shifted(z, y)], "loss has shape (1,); expected a single number"),
        (lambda z, y: (entropy_shifted(z, y), z), "what your tuple holds does not make one"),
        (lambda z, y: np.inf, "loss is infinite; expected"),
        (entropy_one_maximum, "One number was taken off the whole batch"),
        (entropy_over_the_batch, "sums to 1 over the batch, axis 0"),
        (lambda z, y: -log_p_of(z)[np.arange(len(y)), y].sum(), "This is the sum over the batch"),
        (lambda z, y: -log_p_of(z)[np.arange(len(y)), y], "This is one loss for each sample"),
        (lambda z, y: log_p_of(z)[np.arange(len(y)), y].mean(), "The loss is negative"),
        (lambda z, y: entropy_shifted(z, y) / z.shape[1], "You averaged over the classes too"),
        (lambda z, y: entropy_shifted(z, y) / np.log(2), "the logarithm to base 2"),
        (lambda z, y: -z[np.arange(len(y)), y].mean(), "Add the logarithm of the row's summed exponentials"),
        (lambda z, y: softmax_of(z)[np.arange(len(y)), y].mean(), "the mean probability of the true class"),
        (lambda z, y: 1 - softmax_of(z)[np.arange(len(y)), y].mean(), "This is the mean of 1 - p"),
        (lambda z, y: -log_p_of(z)[:, y].mean(), "takes every label for every sample"),
        (lambda z, y: -log_p_of(z).mean(), "the log-probabilities of all classes"),
        (lambda z, y: -log_p_of(z).max(axis=1).mean(), "the class with the largest logit"),
        (lambda z, y: -(y[:, None] * log_p_of(z)).sum(axis=1).mean(), "You multiplied by the label"),
        (lambda z, y: entropy_shifted(softmax_of(z), y), "Softmax was applied twice"),
        (lambda z, y: -np.log(softmax_of(z)[np.arange(len(y)), y].mean()), "Take the logarithm first"),
        (lambda z, y: -np.log(z)[np.arange(len(y)), y].mean(), "A negative logit has no logarithm"),
        (lambda z, y: ((softmax_of(z) - np.eye(z.shape[1])[y]) ** 2).mean(), "This is a squared error"),
    ],
    "01.mlp_forward": [
        (mlp_with(relu, last=relu), "You applied ReLU after the last layer"),
        (mlp_with(lambda z: z), "Without ReLU between them"),
        (mlp_with(relu, last=softmax_of), "You applied softmax at the end"),
        (mlp_with(np.tanh), "The hidden layers use tanh"),
        (mlp_with(lambda z: 1 / (1 + np.exp(-z))), "The hidden layers use a sigmoid"),
        (mlp_with(np.abs), "You take the absolute value"),
        (mlp_with(lambda z: np.minimum(z, 0)), "You keep the negative numbers"),
        (mlp_without_bias, "The biases are missing"),
        (mlp_bias_after_relu, "Add the bias first"),
        (mlp_relu_of_the_input, "You applied ReLU to the input x"),
        (mlp_without_the_last, "This is what enters the last layer"),
        (mlp_all_outputs, "You return the outputs of all layers"),
        (mlp_exactly_two, "ValueError: too many values to unpack"),
        (mlp_first_two, "This is the result after two layers"),
        (mlp_first_and_last, "Those between them are missing"),
        (mlp_x_never_replaced, "matmul"),
        (mlp_backwards_where_it_fits, "You went through the layers from last to first"),
        (mlp_in_place, "changes its argument `x`"),
        (lambda x, layers: None, "logits is None"),
        (lambda x, layers: layers, "what your list holds does not make one"),
        (mlp_pops_the_last, "changes its argument `layers`, the list or what it holds"),
    ],
    "01.count_parameters": [
        (weights_of, "These are the weights alone"),
        (lambda s: weights_of(s) + sum(s[:-1]), "You counted one bias for each input"),
        (lambda s: weights_of(s) + sum(s), "biases for the network's inputs"),
        (lambda s: weights_of(s) + len(s) - 1, "one bias for each layer"),
        (lambda s: weights_of(s) + 1, "a single bias"),
        (lambda s: count_pairs(s[:-1]), "The last layer is missing"),
        (lambda s: count_pairs(s[1:]), "The first layer is missing"),
        (lambda s: count_pairs(s[:2]), "This is the first layer alone"),
        (lambda s: weights_of(s) + sum(s[1:-1]), "The biases of the last layer are missing"),
        (lambda s: np.prod(s), "You multiplied all sizes"),
        (lambda s: sum(s), "This is the sum of the sizes"),
        (lambda s: sum(s[1:]), "These are the biases alone"),
        (lambda s: 4 * count_pairs(s), "the bytes in float32"),
        (lambda s: count_pairs(s) + 7, "your function counts 2785; expected 2778"),
        (lambda s: [a * b + b for a, b in zip(s, s[1:], strict=False)], "has shape (3,); expected a single"),
    ],
}
