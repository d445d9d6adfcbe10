"""Right and wrong answers to the exercises of lesson 04."""

import numpy as np

# ---- layer_gradient_norms


def norms_backward(x, kernels, dy):
    layers = [x]
    for kernel in kernels:
        layers.append(np.tanh(layers[-1] @ kernel))
    norms = []
    for index in reversed(range(len(kernels))):
        dz = dy * (1 - layers[index + 1] ** 2)
        norms.insert(0, np.linalg.norm(layers[index].T @ dz))
        dy = dz @ kernels[index].T
    return norms


def norms_recursive(x, kernels, dy):
    def back(h, remaining):
        if not remaining:
            return dy, []
        out = np.tanh(h @ remaining[0])
        d, norms = back(out, remaining[1:])
        dz = d * (1 - out * out)
        return dz @ remaining[0].T, [float(np.sqrt(((h.T @ dz) ** 2).sum())), *norms]

    return np.array(back(x, list(kernels))[1])


def norms_tensorflow(x, kernels, dy):
    import tensorflow as tf

    variables = [tf.Variable(kernel, dtype=tf.float32) for kernel in kernels]
    with tf.GradientTape() as tape:
        h = tf.cast(x, tf.float32)
        for variable in variables:
            h = tf.tanh(h @ variable)
        total = tf.reduce_sum(h * tf.cast(dy, tf.float32))
    return tf.stack([tf.norm(g) for g in tape.gradient(total, variables)])


def norms_without_slope(x, kernels, dy):
    layers = [x]
    for kernel in kernels:
        layers.append(np.tanh(layers[-1] @ kernel))
    norms = []
    for kernel, before in zip(kernels[::-1], layers[-2::-1], strict=True):
        norms.append(np.linalg.norm(before.T @ dy))
        dy = dy @ kernel.T
    return norms[::-1]


def norms_with(size):
    """The right gradients, each measured by ``size``."""

    def norms(x, kernels, dy):
        layers = [x]
        for kernel in kernels:
            layers.append(np.tanh(layers[-1] @ kernel))
        found = []
        for kernel, before, after in zip(kernels[::-1], layers[-2::-1], layers[:0:-1], strict=True):
            dz = dy * (1 - after**2)
            found.append(size(before.T @ dz))
            dy = dz @ kernel.T
        return found[::-1]

    return norms


def norms_slope_not_handed_down(x, kernels, dy):
    layers = [x]
    for kernel in kernels:
        layers.append(np.tanh(layers[-1] @ kernel))
    norms = []
    for kernel, before, after in zip(kernels[::-1], layers[-2::-1], layers[:0:-1], strict=True):
        norms.append(np.linalg.norm(before.T @ (dy * (1 - after**2))))
        dy = dy @ kernel.T
    return norms[::-1]


def norms_tanh_of_output(x, kernels, dy):
    layers = [x]
    for kernel in kernels:
        layers.append(np.tanh(layers[-1] @ kernel))
    norms = []
    for kernel, before, after in zip(kernels[::-1], layers[-2::-1], layers[:0:-1], strict=True):
        dz = dy * (1 - np.tanh(after) ** 2)
        norms.append(np.linalg.norm(before.T @ dz))
        dy = dz @ kernel.T
    return norms[::-1]


def norms_not_transposed(x, kernels, dy):
    layers = [x]
    for kernel in kernels:
        layers.append(np.tanh(layers[-1] @ kernel))
    norms = []
    for kernel, before, after in zip(kernels[::-1], layers[-2::-1], layers[:0:-1], strict=True):
        dz = dy * (1 - after**2)
        norms.append(np.linalg.norm(before.T @ dz))
        dy = dz @ kernel
    return norms[::-1]


def norms_eats_dy(x, kernels, dy):
    layers = [x]
    for kernel in kernels:
        layers.append(np.tanh(layers[-1] @ kernel))
    norms = []
    for kernel, before, after in zip(kernels[::-1], layers[-2::-1], layers[:0:-1], strict=True):
        dy *= 1 - after**2
        norms.append(np.linalg.norm(before.T @ dy))
        dy = dy @ kernel.T
    return norms[::-1]


def norms_numeric(x, kernels, dy):
    def loss(stack):
        h = x
        for kernel in stack:
            h = np.tanh(h @ kernel)
        return (h * dy).sum()

    norms = []
    for number, kernel in enumerate(kernels):
        squares = 0.0
        for place in np.ndindex(kernel.shape):
            values = []
            for nudge in (1e-5, -1e-5):
                nudged = kernel.copy()
                nudged[place] += nudge
                values.append(loss([*kernels[:number], nudged, *kernels[number + 1 :]]))
            squares += ((values[0] - values[1]) / 2e-5) ** 2
        norms.append(squares**0.5)
    return tuple(norms)


# ---- predicted_slope


def slope_of_logs(kernel_std, units, slopes):
    mean_square = np.var(slopes) + np.mean(slopes) ** 2
    return np.float32(np.log10(kernel_std) + (np.log10(units) + np.log10(mean_square)) / 2)


def slope_formula(kernel_std, units, slopes):
    return np.log10(kernel_std * np.sqrt(units * np.mean(slopes**2)))


def slope_by_variance(kernel_std, units, slopes):
    return 0.5 * np.log10(units * kernel_std**2 * np.square(slopes).mean())


def slope_tensorflow(kernel_std, units, slopes):
    import tensorflow as tf

    mean_square = tf.reduce_mean(tf.cast(slopes, tf.float32) ** 2)
    return tf.math.log(tf.cast(units * kernel_std**2, tf.float32) * mean_square) / (2 * np.log(10).astype("float32"))


def slope_by_simulation(kernel_std, units, slopes):
    rng = np.random.default_rng(1)
    d = rng.normal(size=(4000, units))
    kernels = rng.normal(size=(4000, units, units)) * kernel_std
    after = np.einsum("tj,tij->ti", d, kernels) * rng.choice(np.ravel(slopes), size=(4000, units))
    return np.log10(after.std() / d.std())


# ---- clip_by_global_norm


def clip_flat(gradients, threshold):
    norm = np.linalg.norm(np.concatenate([g.ravel() for g in gradients]))
    return [g * (threshold / max(norm, threshold)) for g in gradients]


def clip_tensorflow(gradients, threshold):
    import tensorflow as tf

    clipped, _ = tf.clip_by_global_norm([tf.cast(g, tf.float32) for g in gradients], threshold)
    return clipped


def clip_loop_float32(gradients, threshold):
    total = 0.0
    for g in gradients:
        for value in np.ravel(g):
            total += float(value) ** 2
    norm = total**0.5
    if norm <= threshold:
        return tuple(gradients)
    return tuple((g / norm * threshold).astype("float32") for g in gradients)


def clip_in_place(gradients, threshold):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    for g in gradients:
        if norm > threshold:
            g[...] = g * threshold / norm
    return gradients


def clip_always(gradients, threshold):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * threshold / max(norm, 1e-12) for g in gradients]


def clip_divides_by_zero(gradients, threshold):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    with np.errstate(invalid="ignore", divide="ignore"):
        return [g * np.minimum(1, threshold / np.float64(norm)) if norm else g / np.float64(norm) for g in gradients]


def clip_norm_of_norms(gradients, threshold):
    norm = np.linalg.norm([np.linalg.norm(g) for g in gradients])
    return [np.float32(g) * np.float32(min(1.0, threshold / (norm + 1e-12))) for g in gradients]


def clip_nothing_below(gradients, threshold):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    if norm > threshold:
        return [g * threshold / norm for g in gradients]


def clip_to_one(gradients, threshold):
    norm = max(np.sqrt(sum((g**2).sum() for g in gradients)), 1e-12)
    return [g / norm for g in gradients]


# ---- first_bad_layer


def bad_zero_times(outputs):
    with np.errstate(invalid="ignore"):
        return next((i for i in range(len(outputs)) if (0 * outputs[i] != 0).any()), None)


def bad_argmax(outputs):
    return np.argmax([not np.isfinite(h).all() for h in outputs])


def bad_equals_nan(outputs):
    return next((i for i, h in enumerate(outputs) if (h == np.nan).any() or np.isinf(h).any()), None)


def bad_zero_is_false(outputs):
    index = bad_next(outputs)
    return index if index else None


def bad_loop(outputs):
    for index, values in enumerate(outputs):
        for value in np.ravel(values):
            if value != value or value in (np.inf, -np.inf):
                return index
    return None


def bad_next(outputs):
    return next((i for i, h in enumerate(outputs) if not np.all(np.isfinite(h))), None)


def bad_tensorflow(outputs):
    import tensorflow as tf

    flags = tf.stack([tf.reduce_any(~tf.math.is_finite(h)) for h in outputs])
    return int(tf.argmax(tf.cast(flags, tf.int32))) if bool(tf.reduce_any(flags)) else None


def bad_numpy_integer(outputs):
    bad = np.array([not np.isfinite(h.sum()) if np.abs(h).max() < 1e20 else not np.isfinite(h).all() for h in outputs])
    return np.argmax(bad) if bad.any() else None


def bad_only_nan(outputs):
    return next((i for i, h in enumerate(outputs) if np.isnan(h).any()), None)


def bad_last(outputs):
    found = [i for i, h in enumerate(outputs) if not np.isfinite(h).all()]
    return found[-1] if found else None


def bad_from_one(outputs):
    found = bad_next(outputs)
    return None if found is None else found + 1


def bad_minus_one(outputs):
    found = bad_next(outputs)
    return -1 if found is None else found


def bad_all(outputs):
    return next((i for i, h in enumerate(outputs) if not np.isfinite(h).any()), None)


# ---- signal_similarity


def cosine_matrix(h):
    d = h / np.linalg.norm(h, axis=1, keepdims=True)
    c = d @ d.T
    return c[~np.eye(len(h), dtype=bool)].mean()


def cosine_loop(h):
    total, pairs = 0.0, 0
    for i in range(len(h)):
        for j in range(i + 1, len(h)):
            total += np.dot(h[i], h[j]) / (np.linalg.norm(h[i]) * np.linalg.norm(h[j]))
            pairs += 1
    return total / pairs


def cosine_resultant(h):
    import tensorflow as tf

    d = tf.math.l2_normalize(tf.cast(h, tf.float64), axis=1)
    n = h.shape[0]
    return (tf.reduce_sum(tf.reduce_sum(d, axis=0) ** 2) - n) / (n * (n - 1))


def cosine_sklearn_float32(h):
    from sklearn.metrics.pairwise import cosine_similarity

    return cosine_similarity(h.astype("float32"))[np.triu_indices(len(h), 1)].mean()


def cosines(h):
    d = h / np.linalg.norm(h, axis=1, keepdims=True)
    return d @ d.T


def cosine_with_diagonal(h):
    d = h / np.linalg.norm(h, axis=1, keepdims=True)
    return (d @ d.T).mean()


def cosine_triangle_over_all(h):
    d = h / np.linalg.norm(h, axis=1, keepdims=True)
    return np.triu(d @ d.T, k=1).sum() / (len(h) * (len(h) - 1))


RIGHT = {
    "04.layer_gradient_norms": [
        norms_backward,
        norms_recursive,
        norms_tensorflow,
        norms_numeric,
        lambda x, kernels, dy: reversed(norms_backward(x, kernels, dy)[::-1]),
        lambda x, kernels, dy: (np.array(norm) for norm in norms_backward(x, kernels, dy)),
    ],
    "04.predicted_slope": [slope_formula, slope_by_variance, slope_tensorflow, slope_by_simulation, slope_of_logs],
    "04.clip_by_global_norm": [
        clip_flat,
        clip_tensorflow,
        clip_loop_float32,
        clip_norm_of_norms,
        lambda gradients, threshold: (g.tolist() for g in clip_flat(gradients, threshold)),
    ],
    "04.first_bad_layer": [bad_loop, bad_next, bad_tensorflow, bad_numpy_integer, bad_zero_times],
    "04.signal_similarity": [cosine_matrix, cosine_loop, cosine_resultant, cosine_sklearn_float32],
}

WRONG = {
    "04.layer_gradient_norms": [
        (lambda x, kernels, dy: norms_backward(x, kernels, dy)[::-1], "in the order of the way back"),
        (lambda x, kernels, dy: np.square(norms_backward(x, kernels, dy)), "squares of the norms"),
        (lambda x, kernels, dy: np.array(norms_backward(x, kernels, dy)) / len(x), "divided by the batch size"),
        (norms_without_slope, "The slope of tanh"),
        (norms_slope_not_handed_down, "but not in what goes down"),
        (norms_tanh_of_output, "tanh of the output once more"),
        (norms_not_transposed, "the wrong way round"),
        (norms_eats_dy, "changes its argument `dy`"),
        (norms_with(lambda g: np.linalg.norm(g, 2)), "its largest stretch"),
        (norms_with(lambda g: np.abs(g).sum()), "You added absolute values"),
        (lambda x, kernels, dy: np.zeros(len(kernels)), "all zeros"),
        (lambda x, kernels, dy: norms_backward(x, kernels, dy)[:-1], "has shape (3,)"),
        (lambda x, kernels, dy: norms_backward(x, kernels, dy)[0], "one for each kernel"),
    ],
    "04.predicted_slope": [
        (lambda s, n, f: s * np.sqrt(n * np.mean(f**2)), "This is the factor itself"),
        (lambda s, n, f: np.log(s * np.sqrt(n * np.mean(f**2))), "natural logarithm"),
        (lambda s, n, f: np.log10(s**2 * n * np.mean(f**2)), "the slope of the variance"),
        (lambda s, n, f: np.log10(s * np.sqrt(np.mean(f**2))), "The width is missing"),
        (lambda s, n, f: np.log10(s * n * np.sqrt(np.mean(f**2))), "*root* of units"),
        (lambda s, n, f: np.log10(s * np.sqrt(n) * abs(np.mean(f)) + 1e-12), "the mean slope"),
        (lambda s, n, f: -np.log10(s * np.sqrt(n * np.mean(f**2))), "The sign is the other way round"),
        (lambda s, n, f: np.log10(s * np.sqrt(n) * np.mean(f**2)), "That is a variance: take its root"),
        (lambda s, n, f: np.log10(s * np.sqrt(n) * np.std(f)), "You used the slopes' standard deviation"),
        (lambda s, n, f: np.log10(s * np.sqrt((n + 1) * np.mean(f**2))), "per layer; sending random errors"),
        (lambda s, n, f: np.log10(s * np.sqrt(n)), "The slopes are missing"),
        (lambda s, n, f: np.log10(s / np.sqrt(n) * np.sqrt(np.mean(f**2))), "You divided by the root of units"),
        (lambda s, n, f: np.log10(s * np.sqrt(n * np.sum(f**2))), "random layers gives"),
        (lambda s, n, f: 0.0, "sending random errors through random layers gives"),
        (lambda s, n, f: np.log10(s * np.sqrt(n * f**2) + 1e-9), "the slope has shape"),
    ],
    "04.clip_by_global_norm": [
        (lambda g, t: [a * min(1, t / np.linalg.norm(a)) if a.any() else a for a in g], "clipped by its own norm"),
        (lambda g, t: [np.clip(a, -t, t) for a in g], "clips by value"),
        (
            lambda g, t: [a * min(1, t / max(sum(np.linalg.norm(b) for b in g), 1e-12)) for a in g],
            "You added the norms of the arrays",
        ),
        (
            lambda g, t: [a * min(1, t / max(sum((b**2).sum() for b in g), 1e-12)) for a in g],
            "the *square* of the norm",
        ),
        (clip_to_one, "You scaled the gradients to norm 1"),
        (clip_nothing_below, "the list of gradients is None"),
        (clip_always, "they should stay as they are"),
        (clip_divides_by_zero, "division by a norm of 0"),
        (lambda g, t: list(g), "it should be the threshold"),
        (lambda g, t: [np.zeros_like(a, dtype=float) for a in g], "have norm 0; it should be"),
        (lambda g, t: clip_flat(g, t)[0], "Return a list of 3 arrays"),
        (clip_in_place, "changes its argument `gradients`, the list or what it holds"),
        (lambda g, t: [np.ravel(a) for a in clip_flat(g, t)], "Gradient 0 has shape (12,)"),
    ],
    "04.first_bad_layer": [
        (bad_only_nan, "it holds an infinity, before the first NaN"),
        (bad_last, "the first bad layer is 1"),
        (bad_from_one, "Your answer is 3; the first bad layer is 2: it holds one NaN; layers count from 0"),
        (bad_argmax, "so the answer is None; yours is 0."),
        (bad_equals_nan, "but layer 2 is bad: it holds one NaN; layers count from 0"),
        (bad_zero_is_false, "but layer 0 is bad: it holds a NaN"),
        (bad_minus_one, "so the answer is None; yours is -1"),
        (bad_all, "but layer 2 is bad: it holds one NaN"),
        (lambda outputs: [i for i, h in enumerate(outputs) if not np.isfinite(h).all()], "Return one whole number"),
        (lambda outputs: None, "Your function returned None, but layer 2 is bad"),
        (lambda outputs: str(bad_next(outputs)), "Return one whole number, the index of the layer; yours is '2'"),
        (lambda outputs: outputs[2], "the index of the layer; yours is of type ndarray"),
        (lambda outputs: 0, "Your answer is 0; the first bad layer is 2"),
    ],
    "04.signal_similarity": [
        (cosine_with_diagonal, "compared with itself too"),
        (lambda h: (h @ h.T)[~np.eye(len(h), dtype=bool)].mean(), "Dot products, not cosines"),
        (lambda h: cosine_matrix(h - h.mean(axis=1, keepdims=True)), "that is a correlation"),
        (lambda h: cosine_matrix(h.T), "You compared the units"),
        (cosine_triangle_over_all, "Half of it"),
        (lambda h: np.triu(cosines(h), 1).sum(), "the sum over the pairs"),
        (lambda h: (cosines(h) - np.eye(len(h))).mean(), "The diagonal is out of the sum, but still counted"),
        (lambda h: (cosines(h).sum() - 1) / (len(h) * (len(h) - 1)), "You took 1 off the sum"),
        (lambda h: np.abs(cosines(h))[~np.eye(len(h), dtype=bool)].mean(), "A cosine may be negative"),
        (lambda h: 1 - cosine_matrix(h), "1 minus the similarity"),
        (lambda h: 0.0, "the similarity is 0; expected"),
        (lambda h: h / np.linalg.norm(h, axis=1, keepdims=True), "the similarity has shape"),
    ],
}
