"""Right and wrong answers to the exercises of lesson 05."""

import numpy as np

# ---- he_normal and glorot_uniform


def fans(shape):
    pixels = int(np.prod(shape[:-2]))
    return pixels * shape[-2], pixels * shape[-1]


def he_standard_normal(shape, rng):
    return rng.standard_normal(shape) * (2 / np.prod(shape[:-1])) ** 0.5


def he_loop(shape, rng):
    fan_in = 1
    for size in shape[:-1]:
        fan_in *= size
    flat = [rng.normal() * np.sqrt(2 / fan_in) for _ in range(int(np.prod(shape)))]
    return np.array(flat).reshape(shape)


def he_float32_tensor(shape, rng):
    import tensorflow as tf

    return tf.constant(rng.normal(size=shape) * np.sqrt(2 / fans(shape)[0]), tf.float32)


def he_truncated(shape, rng):
    """As Keras does it: cut at two standard deviations, and widened to keep the variance."""
    values = rng.normal(size=4 * int(np.prod(shape)) + 100)
    values = values[np.abs(values) <= 2][: int(np.prod(shape))].reshape(shape)
    return values / 0.87962566 * np.sqrt(2 / fans(shape)[0])


def scaled(variance):
    return lambda shape, rng: rng.normal(size=shape) * np.sqrt(variance(shape))


def glorot_by_limit(shape, rng):
    limit = (6 / sum(fans(shape))) ** 0.5
    return rng.uniform(-limit, limit, shape)


def glorot_from_random(shape, rng):
    return (2 * rng.random(shape) - 1) * np.sqrt(3) * np.sqrt(2 / sum(fans(shape)))


def glorot_receptive_field(shape, rng):
    if len(shape) == 2:
        n_in, n_out = shape
    else:
        height, width, channels_in, channels_out = shape
        n_in, n_out = height * width * channels_in, height * width * channels_out
    return rng.uniform(-1, 1, size=shape).astype("float32") * np.sqrt(6 / (n_in + n_out))


def within(limit):
    return lambda shape, rng: rng.uniform(-1, 1, size=shape) * limit(shape)


# ---- variance_after


def variance_loop(fan_in, weight_variance, activation):
    h = 1.0
    for layer in range(len(fan_in)):
        if layer > 0 and activation == "relu":
            h = h * 0.5
        h = fan_in[layer] * weight_variance[layer] * h
    return h


def variance_product(fan_in, weight_variance, activation):
    gain = 0.5 if activation == "relu" else 1.0
    return np.prod(np.multiply(fan_in, weight_variance)) * gain ** (len(fan_in) - 1)


def variance_recursive(fan_in, weight_variance, activation):
    last = fan_in[-1] * weight_variance[-1]
    if len(fan_in) == 1:
        return np.float32(last)
    below = variance_recursive(fan_in[:-1], weight_variance[:-1], activation)
    return np.array([last * below * {"relu": 0.5, "linear": 1}[activation]])


def variance_by_logarithms(fan_in, weight_variance, activation):
    total = sum(np.log(n) + np.log(variance) for n, variance in zip(fan_in, weight_variance, strict=True))
    return np.exp(total - (np.log(2) * (len(fan_in) - 1) if activation == "relu" else 0))


def products(fan_in, weight_variance):
    return float(np.prod(np.multiply(fan_in, weight_variance)))


# ---- symmetry_rank


def rank_by_svd(before, after):
    values = np.linalg.svd(after - before, compute_uv=False)
    return int((values > 1e-6 * values.max()).sum())


def rank_by_numpy(before, after):
    return np.linalg.matrix_rank(after - before, rtol=1e-6)


def rank_by_ratio(before, after):
    values = np.linalg.svd(after - before)[1]
    if values[0] == 0:
        return 0.0
    count = 0
    for value in values:
        if value / values[0] > 1e-6:
            count += 1
    return np.array([count])


def rank_by_tensorflow(before, after):
    import tensorflow as tf

    values = tf.linalg.svd(tf.constant(after - before), compute_uv=False)
    return tf.reduce_sum(tf.cast(values > 1e-6 * tf.reduce_max(values), tf.int32))


def rank_by_gram(before, after):
    """Eigenvalues of changeᵀ change are the squares of the singular values."""
    change = after - before
    values = np.linalg.eigvalsh(change.T @ change)
    return int(np.sum(values > 1e-12 * values[-1])) if values[-1] > 0 else 0


def rank_by_lstsq(before, after):
    return np.linalg.lstsq(after - before, np.ones(len(before)), rcond=1e-6)[2]


# ---- lsuv_init


def lsuv_steps(kernels, x):
    new, h = [], np.array(x, dtype=float)
    for kernel in kernels:
        z = h @ kernel
        s = z.std()
        new += [kernel / s]
        h = np.maximum(z / s, 0)
    return new


def lsuv_repeated(kernels, x):
    """As in the paper: scale until the variance is near 1, at most ten times."""
    new = [kernel.copy() for kernel in kernels]
    for layer in range(len(new)):
        for _ in range(10):
            h = x
            for kernel in new[:layer]:
                h = np.maximum(h @ kernel, 0)
            variance = np.var(h @ new[layer])
            if abs(variance - 1) < 1e-6:
                break
            new[layer] = new[layer] / np.sqrt(variance)
    return tuple(new)


def lsuv_tensorflow(kernels, x):
    import tensorflow as tf

    h, new = tf.cast(x, tf.float32), []
    for kernel in kernels:
        kernel = tf.cast(kernel, tf.float32)
        kernel = kernel / tf.math.reduce_std(h @ kernel)
        h = tf.nn.relu(h @ kernel)
        new.append(kernel)
    return new


def lsuv_by_homogeneity(kernels, x):
    """ReLU passes positive factors on, so one pass through the old kernels is enough."""
    new, h, below = [], x, 1.0
    for kernel in kernels:
        z = h @ kernel
        new.append(kernel * below / z.std())
        h, below = np.maximum(z, 0), z.std()
    return new


def lsuv_object_array(kernels, x):
    new = np.empty(len(kernels), dtype=object)
    new[:] = lsuv_steps(kernels, x)
    return new


def lsuv(divide_by, through=lambda z: np.maximum(z, 0), sequential=True):
    def function(kernels, x):
        new, h = [], x
        with np.errstate(all="ignore"):
            for kernel in kernels:
                new.append(kernel / divide_by(h @ kernel))
                h = through(h @ (new[-1] if sequential else kernel))
        return new

    return function


def lsuv_in_place(kernels, x):
    h = x
    for kernel in kernels:
        kernel /= np.std(h @ kernel)
        h = np.maximum(h @ kernel, 0)
    return kernels


RIGHT = {
    "05.he_normal": [he_standard_normal, he_loop, he_float32_tensor, he_truncated],
    "05.glorot_uniform": [glorot_by_limit, glorot_from_random, glorot_receptive_field],
    "05.variance_after": [variance_loop, variance_product, variance_recursive, variance_by_logarithms],
    "05.symmetry_rank": [
        rank_by_svd,
        rank_by_numpy,
        rank_by_ratio,
        rank_by_tensorflow,
        rank_by_gram,
        rank_by_lstsq,
    ],
    "05.lsuv_init": [
        lsuv_steps,
        lsuv_repeated,
        lsuv_tensorflow,
        lsuv_by_homogeneity,
        lsuv_object_array,
        lsuv(lambda z: z.std(ddof=1)),
    ],
}

WRONG = {
    "05.he_normal": [
        (lambda shape, rng: rng.normal(0, 2 / np.prod(shape[:-1]), shape), "wants the standard deviation"),
        (scaled(lambda shape: 1 / np.prod(shape[:-1])), "which is LeCun's"),
        (scaled(lambda shape: 2 / shape[0]), "shape[0], the height, as fan-in"),
        (scaled(lambda shape: 2 / shape[-2]), "the channels alone as fan-in"),
        (scaled(lambda shape: 2 / fans(shape)[1]), "The variance is 2 / fan_out"),
        (scaled(lambda shape: 2 / sum(fans(shape))), "which is Glorot's"),
        (scaled(lambda shape: 1.0), "whatever the fan-in"),
        (
            lambda shape, rng: np.random.normal(0, np.sqrt(2 / fans(shape)[0]), shape),
            "No number was taken from rng",
        ),
        (lambda shape, rng: np.full(shape, np.sqrt(2 / fans(shape)[0])), "Equal weights stay equal for ever"),
        (
            lambda shape, rng: np.broadcast_to(he_standard_normal(shape, rng)[..., :1], shape),
            "copies of each other",
        ),
        (
            lambda shape, rng: rng.uniform(-1, 1, shape) * np.sqrt(6 / fans(shape)[0]),
            "this is a uniform distribution",
        ),
        (
            lambda shape, rng: np.abs(he_standard_normal(shape, rng)),
            "expected 0: as many are negative as positive",
        ),
        (lambda shape, rng: rng.normal(0, np.sqrt(2 / fans(shape)[0])), "weights has shape ()"),
        (lambda shape, rng: None, "weights is None"),
        (scaled(lambda shape: 2 / np.prod(shape)), "You counted all weights as fan-in"),
        (scaled(lambda shape: 4 / np.prod(shape[:-1])), "the 2 is squared as well"),
        (scaled(lambda shape: 4.5 / np.prod(shape[:-1])), "which is 2 / fan_in = 2 / 300"),
    ],
    "05.glorot_uniform": [
        (within(lambda shape: np.sqrt(2 / sum(fans(shape)))), "the limit is √3 times it"),
        (within(lambda shape: 6 / sum(fans(shape))), "Take its square root"),
        (within(lambda shape: np.sqrt(3 / sum(fans(shape)))), "6, not 3"),
        (within(lambda shape: np.sqrt(6) / sum(fans(shape))), "The root goes over the sum of the fans, too"),
        (within(lambda shape: np.sqrt(6 / fans(shape)[0])), "which is He's"),
        (within(lambda shape: np.sqrt(3 / fans(shape)[0])), "which is LeCun's"),
        (within(lambda shape: np.sqrt(6 / (shape[-2] + shape[-1]))), "the channels alone as fans"),
        (within(lambda shape: np.sqrt(6 / (shape[0] + shape[1]))), "pixels, not fans"),
        (
            within(lambda shape: np.sqrt(6 / (np.prod(shape[:-1]) + shape[-1]))),
            "Your fan_out is the channels alone",
        ),
        (within(lambda shape: 1.0), "The limit is 1, whatever the fans"),
        (
            lambda shape, rng: rng.uniform(0, np.sqrt(6 / sum(fans(shape))), shape),
            "All weights have one sign",
        ),
        (scaled(lambda shape: 2 / sum(fans(shape))), "beyond the limit of"),
        (
            lambda shape, rng: rng.choice([-1, 1], shape) * np.sqrt(2 / sum(fans(shape))),
            "copies of each other",
        ),
        (
            lambda shape, rng: np.random.default_rng(0).uniform(-1, 1, shape) * np.sqrt(6 / sum(fans(shape))),
            "No number was taken from rng",
        ),
        (lambda shape, rng: np.zeros(shape), "All weights are 0"),
        (lambda shape, rng: glorot_by_limit(shape[::-1], rng), "weights has shape (200, 300)"),
    ],
    "05.variance_after": [
        (
            lambda fan_in, weight_variance, activation: products(fan_in, weight_variance),
            "This holds without activation",
        ),
        (
            lambda fan_in, weight_variance, activation: (
                products(fan_in, weight_variance) / (2 ** len(fan_in) if activation == "relu" else 1)
            ),
            "You halved once too often",
        ),
        (
            lambda fan_in, weight_variance, activation: (
                products(fan_in, weight_variance)
                * (((1 - 1 / np.pi) / 2) ** (len(fan_in) - 1) if activation == "relu" else 1)
            ),
            "0.34 of z's",
        ),
        (lambda fan_in, weight_variance, activation: float(np.prod(weight_variance)), "left out fan_in"),
        (
            lambda fan_in, weight_variance, activation: (
                products(fan_in, weight_variance) / 2 ** (len(fan_in) - 1)
            ),
            "although the activation is linear",
        ),
        (
            lambda fan_in, weight_variance, activation: np.sqrt(
                variance_loop(fan_in, weight_variance, activation)
            ),
            "This is the standard deviation",
        ),
        (
            lambda fan_in, weight_variance, activation: products(fan_in, np.sqrt(weight_variance)),
            "the roots of the weights' variances",
        ),
        (
            lambda fan_in, weight_variance, activation: fan_in[-1] * weight_variance[-1],
            "what the last layer does alone",
        ),
        (
            lambda fan_in, weight_variance, activation: (
                products(fan_in, weight_variance) / (4 ** (len(fan_in) - 1) if activation == "relu" else 1)
            ),
            "You divide by 4",
        ),
        (lambda fan_in, weight_variance, activation: 0.0, "You predict 0"),
        (
            lambda fan_in, weight_variance, activation: (
                1.03 * variance_loop(fan_in, weight_variance, activation)
            ),
            "In 100000 networks with fan_in",
        ),
        (
            lambda fan_in, weight_variance, activation: variance_loop(
                [n - 1 for n in fan_in], weight_variance, activation
            ),
            "and activation 'linear' it is",
        ),
        (
            lambda fan_in, weight_variance, activation: np.multiply(fan_in, weight_variance),
            "expected a single number",
        ),
        (lambda fan_in, weight_variance: 1.0, "should take (fan_in, weight_variance, activation)"),
    ],
    "05.symmetry_rank": [
        (lambda before, after: np.linalg.matrix_rank(after), "This is the rank of `after`"),
        (lambda before, after: np.linalg.matrix_rank(after - before), "counted rounding"),
        (lambda before, after: np.sum(np.linalg.svd(after - before)[1] > 1e-6), "with a fixed number"),
        (
            lambda before, after: 2 * rank_by_svd(before, after),
            "The largest singular values of the change are",
        ),
        (
            lambda before, after: np.unique((after - before).round(6), axis=1).shape[1],
            "This counts how many units",
        ),
        (lambda before, after: 1, "You say 1; expected 3"),
        (
            lambda before, after: np.linalg.matrix_rank(after - before, rtol=1e-3),
            "You leave out weak directions",
        ),
        (lambda before, after: np.linalg.svd(after - before)[1], "expected a single whole number"),
        (
            lambda before, after: rank_by_svd(before, after) or 1,
            "no change has rank 0",
        ),
        (lambda before, after: None, "the rank is None"),
    ],
    "05.lsuv_init": [
        (lsuv(np.std, sequential=False), "measured it with the old kernels below"),
        (lsuv(np.var), "You divided by the variance"),
        (lsuv(lambda z: np.maximum(z, 0).std()), "measured it after the ReLU"),
        (lsuv(lambda z: np.sqrt(np.mean(z**2))), "You took the mean of z²"),
        (lsuv(lambda z: z.std(axis=0)), "a factor for each unit"),
        (lambda kernels, x: [kernel.copy() for kernel in kernels], "kernel 1 was not scaled"),
        (lsuv(np.std, through=lambda z: z), "In layer 2, z has variance"),
        (lambda kernels, x: [kernel * 0 for kernel in kernels], "kernel 1 is all zeros"),
        (lsuv(lambda z: -np.std(z)), "has changed its sign"),
        (lambda kernels, x: [np.linalg.qr(kernel)[0] for kernel in kernels], "kernel 1 has shape"),
        (lambda kernels, x: [kernel + 1 for kernel in kernels], "not its old self times one number"),
        (lambda kernels, x: lsuv_steps(kernels, x)[:1], "should return a list of 3 kernels"),
        (lsuv_in_place, "changes its argument `kernels`"),
        (lambda kernels, x: None, "returned None"),
    ],
}
