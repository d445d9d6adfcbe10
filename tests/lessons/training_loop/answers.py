"""Right and wrong answers to the exercises of lesson 03."""

import numpy as np

from course.lessons.training_loop import loop_a

# ---- minibatches


def batches_generator(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    for first in range(0, len(x), batch_size):
        rows = order[first : first + batch_size]
        yield x[rows], y[rows]


def batches_split(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    cuts = np.arange(batch_size, len(x), batch_size)
    return list(zip(np.split(x[order], cuts), np.split(y[order], cuts), strict=True))


def batches_while(x, y, batch_size, rng):
    left, made = list(range(len(x))), []
    rng.shuffle(left)
    while left:
        rows, left = left[:batch_size], left[batch_size:]
        made.append([np.array([x[n] for n in rows]), np.array([y[n] for n in rows])])
    return made


def batches_tensorflow(x, y, batch_size, rng):
    import tensorflow as tf

    order = rng.permutation(len(x))
    return tf.data.Dataset.from_tensor_slices((x[order], y[order])).batch(batch_size)


def batches_one_at_a_time(x, y, batch_size, rng):
    """Draws without replacement, sample by sample."""
    x_batch, y_batch = [], []
    for n in rng.choice(len(x), len(x), replace=False):
        x_batch.append(x[n])
        y_batch.append(y[n])
        if len(x_batch) == batch_size:
            yield np.stack(x_batch), np.stack(y_batch)
            x_batch, y_batch = [], []
    if x_batch:
        yield np.stack(x_batch), np.stack(y_batch)


def cut(x, y, batch_size, order_x, order_y=None, first=0, stop=None):
    order_y = order_x if order_y is None else order_y
    stop = len(x) if stop is None else stop
    starts = range(first, stop, batch_size)
    return [(x[order_x[i : i + batch_size]], y[order_y[i : i + batch_size]]) for i in starts]


def batches_with_replacement(x, y, batch_size, rng):
    made = []
    for first in range(0, len(x), batch_size):
        rows = rng.integers(len(x), size=min(batch_size, len(x) - first))
        made.append((x[rows], y[rows]))
    return made


def batches_shuffle_blocks(x, y, batch_size, rng):
    made = cut(x, y, batch_size, np.arange(len(x)))
    whole, rest = (made[:-1], made[-1:]) if len(made[-1][0]) < batch_size else (made, [])
    return [whole[i] for i in rng.permutation(len(whole))] + rest


def batches_endless(x, y, batch_size, rng):
    while True:
        yield from batches_generator(x, y, batch_size, rng)


def batches_in_place(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    x[:], y[:] = x[order], y[order]
    return cut(x, y, batch_size, np.arange(len(x)))


def batches_filled_up(x, y, batch_size, rng):
    order = np.resize(rng.permutation(len(x)), -(-len(x) // batch_size) * batch_size)
    return cut(x, y, batch_size, order, stop=len(order))


def batches_of_shuffled_pairs(x, y, batch_size, rng):
    """Shuffles a list of pairs; batches are tuples of rows."""
    pairs = list(zip(x, y, strict=True))
    rng.shuffle(pairs)
    for first in range(0, len(pairs), batch_size):
        yield tuple(zip(*pairs[first : first + batch_size], strict=True))


def batches_same_state(x, y, batch_size, rng):
    """Shuffles x and y one after the other, from the same state of the generator."""
    state = rng.bit_generator.state
    x = rng.permutation(x)
    rng.bit_generator.state = state
    y = rng.permutation(y)
    cuts = range(batch_size, len(x), batch_size)
    return zip(np.array_split(x, cuts), np.array_split(y, cuts), strict=True)


def batches_return_in_loop(x, y, batch_size, rng):
    order = rng.permutation(len(x))
    for first in range(0, len(x), batch_size):
        rows = order[first : first + batch_size]
        return x[rows], y[rows]


def batches_rolled(x, y, batch_size, rng):
    return cut(x, y, batch_size, np.roll(np.arange(len(x)), rng.integers(1, len(x))))


def batches_single_rows(x, y, batch_size, rng):
    return [(x[n], y[n]) for n in rng.permutation(len(x))]


# ---- sgd_step


def sgd_comprehension(weights, gradients, lr):
    if isinstance(weights, dict):
        return {name: w - lr * gradients[name] for name, w in weights.items()}
    return [w - lr * g for w, g in zip(weights, gradients, strict=True)]


def sgd_copies(weights, gradients, lr):
    names = weights if isinstance(weights, dict) else range(len(weights))
    new = {}
    for name in names:
        new[name] = np.array(weights[name], dtype=float)
        new[name] -= lr * gradients[name]
    return new if isinstance(weights, dict) else tuple(new.values())


def sgd_tree(weights, gradients, lr):
    import tensorflow as tf

    return tf.nest.map_structure(
        lambda w, g: tf.cast(w, tf.float32) - lr * tf.cast(g, tf.float32), weights, gradients
    )


def sgd_loops(weights, gradients, lr):
    def moved(w, g):
        return np.array([a - lr * b for a, b in zip(np.ravel(w), np.ravel(g), strict=True)]).reshape(
            np.shape(w)
        )

    if isinstance(weights, dict):
        return dict(sorted((name, moved(weights[name], gradients[name])) for name in weights))
    return list(map(moved, weights, gradients))


def by_weight(rule):
    def step(weights, gradients, lr):
        if isinstance(weights, dict):
            return {name: rule(weights[name], gradients[name], lr) for name in weights}
        return [rule(w, g, lr) for w, g in zip(weights, gradients, strict=True)]

    return step


def sgd_by_place(weights, gradients, lr):
    if isinstance(weights, dict):
        pairs = zip(weights, weights.values(), gradients.values(), strict=True)
        return {name: w - lr * g for name, w, g in pairs}
    return [w - lr * g for w, g in zip(weights, gradients, strict=True)]


def sgd_list_for_a_dict(weights, gradients, lr):
    if isinstance(weights, dict):
        return [weights[name] - lr * gradients[name] for name in weights]
    return [w - lr * g for w, g in zip(weights, gradients, strict=True)]


def sgd_in_place(weights, gradients, lr):
    for name in weights if isinstance(weights, dict) else range(len(weights)):
        weights[name] -= (lr * gradients[name]).astype(weights[name].dtype)
    return weights


def sgd_integers(w, g, lr):
    return (w - lr * g).astype(w.dtype)


# ---- gradient_noise


def noise_choice(per_sample, batch_size, draws, rng):
    whole = per_sample.mean(axis=0)
    squares = []
    for _ in range(draws):
        rows = rng.choice(len(per_sample), batch_size, replace=False)
        squares.append(np.linalg.norm(per_sample[rows].mean(axis=0) - whole) ** 2)
    return np.sqrt(np.mean(squares))


def noise_at_once(per_sample, batch_size, draws, rng):
    rows = rng.random((draws, len(per_sample))).argsort(axis=1)[:, :batch_size]
    gaps = per_sample[rows].mean(axis=1) - per_sample.mean(axis=0)
    return np.sqrt((gaps**2).sum(axis=1).mean())


def noise_permutation_tensor(per_sample, batch_size, draws, rng):
    import tensorflow as tf

    per_sample = tf.constant(per_sample)
    orders = np.array([rng.permutation(len(per_sample))[:batch_size] for _ in range(draws)])
    gaps = tf.reduce_mean(tf.gather(per_sample, orders), axis=1) - tf.reduce_mean(per_sample, axis=0)
    return tf.sqrt(tf.reduce_mean(tf.reduce_sum(gaps**2, axis=1)))


def noise_by_formula(per_sample, batch_size, draws, rng):
    n = len(per_sample)
    return np.sqrt(per_sample.var(axis=0).sum() / batch_size * (n - batch_size) / (n - 1))


def noise_sample_by_sample(per_sample, batch_size, draws, rng):
    centred, total = per_sample - per_sample.mean(axis=0), 0.0
    for _ in range(draws):
        mean = sum(centred[n] / batch_size for n in rng.permutation(len(centred))[:batch_size])
        total += mean @ mean
    return (total / draws) ** 0.5


def noise_float32_variances(per_sample, batch_size, draws, rng):
    per_sample = per_sample.astype("float32")
    gradients = np.stack(
        [rng.choice(per_sample, batch_size, replace=False).mean(axis=0) for _ in range(draws)]
    )
    return np.sqrt(gradients.var(axis=0).sum())


def noise_of_one_batch(per_sample, batch_size, draws, rng):
    rows = rng.choice(len(per_sample), batch_size, replace=False)
    return np.linalg.norm(per_sample[rows].mean(axis=0) - per_sample.mean(axis=0))


def noise_of(statistic, replace=False, reduce=np.mean):
    """An answer that draws batches and boils their gradients and the whole one down to a number."""

    def noise(per_sample, batch_size, draws, rng):
        rows = [rng.choice(len(per_sample), batch_size, replace=replace) for _ in range(draws)]
        return statistic(reduce(per_sample[np.array(rows)], axis=1), per_sample.mean(axis=0))

    return noise


def root_mean_square(gradients, whole):
    return np.sqrt(((gradients - whole) ** 2).sum(axis=1).mean())


# ---- train_step


def step_assign_sub(model, x, labels, lr):
    import keras
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, model(x, training=True))
    for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
        w.assign_sub(lr * g)
    return loss


def step_optimizer(model, x, labels, lr):
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.SGD(lr)
    with tf.GradientTape() as tape:
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(x))
        loss = tf.reduce_mean(each)
    optimizer.apply_gradients(
        zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
    )
    return float(loss)


def step_train_on_batch(model, x, labels, lr):
    import keras

    model.compile(keras.optimizers.SGD(lr), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model.train_on_batch(x, labels)


def step_function(model, x, labels, lr):
    import tensorflow as tf

    @tf.function
    def step(x, labels):
        with tf.GradientTape() as tape:
            p = tf.nn.softmax(model(x, training=True))
            one_hot = tf.one_hot(labels, p.shape[1])
            loss = -tf.reduce_mean(tf.reduce_sum(one_hot * tf.math.log(p), axis=1))
        for w, g in zip(model.trainable_weights, tape.gradient(loss, model.trainable_weights), strict=True):
            w.assign(w - lr * g)
        return loss

    return step(x, labels)


def step_by_hand(model, x, labels, lr):
    """The backward pass in NumPy, and set_weights."""
    weights = model.get_weights()
    values = [np.asarray(x, dtype=float)]
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        values.append(np.tanh(values[-1] @ kernel + bias))
    logits = values[-1] @ weights[-2] + weights[-1]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    error = p / len(x)
    moved = []
    for layer in reversed(range(len(values))):
        kernel, bias = weights[2 * layer], weights[2 * layer + 1]
        moved = [kernel - lr * values[layer].T @ error, bias - lr * error.sum(axis=0), *moved]
        error = (error @ kernel.T) * (1 - values[layer] ** 2)
    model.set_weights(moved)
    return loss


def step_persistent_tape(model, x, labels, lr):
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        log_p = tf.nn.log_softmax(model(x))
        loss = -tf.reduce_mean(tf.gather(log_p, labels, axis=1, batch_dims=1))
    slopes = [tape.gradient(loss, w) for w in model.trainable_variables]
    model.set_weights([w - lr * g for w, g in zip(model.get_weights(), slopes, strict=True)])
    return loss.numpy()


def step_outside_the_tape(model, x, labels, lr):
    import keras
    import tensorflow as tf

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, model(x, training=True))
    with tf.GradientTape() as tape:
        pass
    for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
        w.assign_sub(lr * g)
    return loss


def step_like(loss_of=None, update=None, variables=None, give=None):
    """A training step with one part replaced."""

    def step(model, x, labels, lr):
        import keras
        import tensorflow as tf

        right = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        chosen = variables(model) if variables else model.trainable_variables
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = loss_of(tf, keras, labels, logits) if loss_of else right(labels, logits)
        for w, g in zip(chosen, tape.gradient(loss, chosen), strict=True):
            (update or (lambda w, g, lr: w.assign_sub(lr * g)))(w, g, lr)
        return give(right, model, x, labels, loss) if give else loss

    return step


def rebind(w, g, lr):
    w = w - lr * g


def step_adam(model, x, labels, lr):
    import keras

    model.compile(keras.optimizers.Adam(lr), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model.train_on_batch(x, labels)


def step_twice(model, x, labels, lr):
    step_assign_sub(model, x, labels, lr)
    return step_assign_sub(model, x, labels, lr)


# ---- repair_loop_a


def loop_a_like(bugs=(), lr_sign=1, epochs=None, keep=False):
    """The loop of the exercise with some of its bugs left in, written another way."""

    def loop(x, labels, orders, batch_size, lr, kernel, bias):
        given = kernel, bias
        one_hot = np.eye(kernel.shape[1])
        d, reordered = [0.0, 0.0], labels
        for order in orders[:epochs]:
            reordered = reordered[order] if "labels reordered twice" in bugs else labels[order]
            right = labels if "labels" in bugs else reordered
            d = [0.0, 0.0] if "emptied each epoch" in bugs else d
            stop = len(x) // batch_size * batch_size if "last batch dropped" in bugs else len(x)
            for first in range(0, stop, batch_size):
                a, b = x[order][first : first + batch_size], right[first : first + batch_size]
                logits = a @ kernel + bias
                p = np.exp(logits - logits.max(axis=1, keepdims=True))
                error = p / p.sum(axis=1, keepdims=True) - one_hot[b]
                sizes = {"last batch": batch_size, "divided by all": len(x), "summed batch": 1}
                size = next((sizes[bug] for bug in bugs if bug in sizes), len(a))
                now = [a.T @ error / size, error.sum(axis=0) / size]
                keeps = "accumulated" in bugs or "emptied each epoch" in bugs
                d = [old + new for old, new in zip(d, now, strict=True)] if keeps else now
                kernel, bias = kernel - lr_sign * lr * d[0], bias - lr_sign * lr * d[1]
        return given if keep else (kernel, bias)

    return loop


def loop_a_mended(x, labels, orders, batch_size, lr, kernel, bias):
    for order in orders:
        x_epoch, labels_epoch = x[order], labels[order]
        for first in range(0, len(x), batch_size):
            x_batch = x_epoch[first : first + batch_size]
            labels_batch = labels_epoch[first : first + batch_size]
            dkernel, dbias = np.zeros(kernel.shape), np.zeros(bias.shape)
            logits = x_batch @ kernel + bias
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            error = p / p.sum(axis=1, keepdims=True)
            error[np.arange(len(error)), labels_batch] -= 1
            dkernel += x_batch.T @ error / len(error)
            dbias += error.sum(axis=0) / len(error)
            kernel = kernel - lr * dkernel
            bias = bias - lr * dbias
    return kernel, bias


def loop_a_one_matrix(x, labels, orders, batch_size, lr, kernel, bias):
    """The bias as one more row of the kernel."""
    both, x = np.vstack([kernel, bias]), np.hstack([x, np.ones((len(x), 1))])
    for order in orders:
        for rows in (order[first : first + batch_size] for first in range(0, len(order), batch_size)):
            p = np.exp(x[rows] @ both)
            p /= p.sum(axis=1, keepdims=True)
            p[np.arange(len(rows)), labels[rows]] -= 1
            both = both - lr * x[rows].T @ p / len(rows)
    return both[:-1], both[-1]


def loop_a_sample_by_sample(x, labels, orders, batch_size, lr, kernel, bias):
    kernel, bias = kernel.astype("float32"), bias.astype("float32")
    for order in orders:
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            dkernel, dbias = np.zeros_like(kernel), np.zeros_like(bias)
            for n in rows:
                error = loop_a.p_minus_y((x[n] @ kernel + bias)[None], labels[[n]])[0]
                dkernel += np.outer(x[n], error) / len(rows)
                dbias += error / len(rows)
            kernel, bias = kernel - np.float32(lr) * dkernel, bias - np.float32(lr) * dbias
    return [kernel, bias]


def loop_a_tensorflow(x, labels, orders, batch_size, lr, kernel, bias):
    import tensorflow as tf

    kernel, bias = tf.Variable(kernel), tf.Variable(bias)
    for order in orders:
        for rows in np.split(order, np.arange(batch_size, len(order), batch_size)):
            with tf.GradientTape() as tape:
                each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels[rows], x[rows] @ kernel + bias)
                loss = tf.reduce_mean(each)
            for w, g in zip((kernel, bias), tape.gradient(loss, (kernel, bias)), strict=True):
                w.assign_sub(lr * g)
    return kernel, bias


# ---- repair_loop_b


def loop_b_like(bugs=(), give=lambda validation: validation, update=1, softmax=None, logits=True):
    """The loop with bugs. `softmax`: before which losses; `logits`: what the loss takes its input for."""
    softmax = softmax or (["training"] if "softmax twice" in bugs else [])

    def loop(model, x, labels, x_val, labels_val, batch_size, epochs, lr):
        import keras
        import tensorflow as tf

        loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
        validation = []
        for _ in range(epochs):
            stop = len(x) // batch_size * batch_size if "last batch dropped" in bugs else len(x)
            for first in range(0, stop, batch_size):
                rows = slice(first, first + batch_size)
                with tf.GradientTape() as tape:
                    scores = model(x[rows], training="training off" not in bugs)
                    loss = loss_of(labels[rows], tf.nn.softmax(scores) if "training" in softmax else scores)
                gradients = tape.gradient(loss, model.trainable_variables)
                for w, g in zip(model.trainable_variables, gradients, strict=True):
                    w.assign_sub(lr * g * update)
            scores = model(x_val, training="validation trains" in bugs)
            scores = tf.nn.softmax(scores) if "validation" in softmax else scores
            validation.append(float(loss_of(labels_val, scores)))
        return give(validation)

    return loop


def loop_b_probabilities(model, x, labels, x_val, labels_val, batch_size, epochs, lr):
    """Keeps the softmax, and tells the loss so."""
    import keras
    import tensorflow as tf

    loss_of = keras.losses.SparseCategoricalCrossentropy()
    validation = []
    for _ in range(epochs):
        for first in range(0, len(x), batch_size):
            rows = slice(first, first + batch_size)
            with tf.GradientTape() as tape:
                loss = loss_of(labels[rows], tf.nn.softmax(model(x[rows], training=True)))
            for w, g in zip(
                model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
            ):
                w.assign(w - lr * g)
        validation.append(loss_of(labels_val, tf.nn.softmax(model(x_val))))
    return validation


def loop_b_fit(model, x, labels, x_val, labels_val, batch_size, epochs, lr):
    import keras

    model.compile(keras.optimizers.SGD(lr), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(
        x, labels, batch_size, epochs, verbose=0, shuffle=False, validation_data=(x_val, labels_val)
    )
    return history.history["val_loss"]


def loop_b_test_on_batch(model, x, labels, x_val, labels_val, batch_size, epochs, lr):
    import keras

    model.compile(keras.optimizers.SGD(lr), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    validation = np.zeros(epochs)
    for epoch in range(epochs):
        for first in range(0, len(x), batch_size):
            model.train_on_batch(x[first : first + batch_size], labels[first : first + batch_size])
        validation[epoch] = model.test_on_batch(x_val, labels_val)
    return validation


def loop_b_dataset(model, x, labels, x_val, labels_val, batch_size, epochs, lr):
    import keras
    import tensorflow as tf

    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)

    @tf.function
    def step(x, labels):
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(x, training=True))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    validation = []
    for _ in range(epochs):
        for batch in tf.data.Dataset.from_tensor_slices((x, labels)).batch(batch_size):
            step(*batch)
        validation.append(loss_of(labels_val, model.predict(x_val, verbose=0)))
    return tf.stack(validation)


def loop_b_as_given(*arguments):
    from course.lessons.training_loop.loop_b import loop_b

    return loop_b(*arguments)


RIGHT = {
    "03.minibatches": [
        batches_generator,
        batches_split,
        batches_while,
        batches_tensorflow,
        batches_one_at_a_time,
        batches_of_shuffled_pairs,
        batches_same_state,
    ],
    "03.sgd_step": [sgd_comprehension, sgd_copies, sgd_tree, sgd_loops],
    "03.gradient_noise": [
        noise_choice,
        noise_at_once,
        noise_permutation_tensor,
        noise_by_formula,
        noise_sample_by_sample,
        noise_float32_variances,
    ],
    "03.train_step": [
        step_assign_sub,
        step_optimizer,
        step_train_on_batch,
        step_function,
        step_by_hand,
        step_persistent_tape,
    ],
    "03.repair_loop_a": [
        loop_a_mended,
        loop_a_like(),
        loop_a_tensorflow,
        loop_a_one_matrix,
        loop_a_sample_by_sample,
    ],
    "03.repair_loop_b": [
        loop_b_like(),
        loop_b_probabilities,
        loop_b_fit,
        loop_b_test_on_batch,
        loop_b_dataset,
    ],
}

WRONG = {
    "03.minibatches": [
        (
            lambda x, y, b, rng: cut(x, y, b, rng.permutation(len(x)), stop=len(x) // b * b),
            "The last, smaller batch is missing",
        ),
        (lambda x, y, b, rng: cut(x, y, b, np.arange(len(x))), "in the order in which they were given"),
        (
            lambda x, y, b, rng: cut(x, y, b, rng.permutation(len(x)), rng.permutation(len(x))),
            "x and y no longer belong together",
        ),
        (batches_with_replacement, "times in one epoch"),
        (batches_shuffle_blocks, "Neighbours stay together"),
        (batches_endless, "do not end"),
        (batches_in_place, "changes its argument `x`"),
        (
            lambda x, y, b, rng: cut(x, y, b, np.random.default_rng(0).permutation(len(x))),
            "Two epochs have the same",
        ),
        (lambda x, y, b, rng: cut(x, y, b, np.random.permutation(len(x))), "The same rng twice gave two"),
        (batches_filled_up, "holds only what is left"),
        (lambda x, y, b, rng: [x[rng.permutation(len(x))[:b]]] * 4, "should be a pair"),
        (
            lambda x, y, b, rng: cut(x, y, b, rng.permutation(len(x)), stop=len(x) + b),
            "One of your batches is empty",
        ),
        (lambda x, y, b, rng: None, "returned None"),
        (batches_return_in_loop, "returned one batch"),
        (batches_rolled, "Neighbours stay together: the batches hold"),
        (lambda x, y, b, rng: [pair[::-1] for pair in batches_split(x, y, b, rng)], "are swapped"),
        (lambda x, y, b, rng: tuple(map(list, zip(*batches_split(x, y, b, rng)))), "returned two lists"),  # noqa: B905
        (batches_single_rows, "lost the axis of the samples"),
        (
            lambda x, y, b, rng: [pair for pair in batches_split(x, y, b, rng) if len(pair[0]) == b][:-1],
            "expected sizes [6, 6, 6, 2]; yours are 6, 6.",
        ),
        (
            lambda x, y, b, rng: cut(x, y, b + 1, rng.permutation(len(x))),
            "expected sizes [6, 6, 6, 2]; yours are 7",
        ),
    ],
    "03.sgd_step": [
        (by_weight(lambda w, g, lr: w + lr * g), "went uphill"),
        (by_weight(lambda w, g, lr: w - g), "moved by the whole gradient"),
        (by_weight(lambda w, g, lr: w), "did not move"),
        (by_weight(lambda w, g, lr: lr * g), "not the weight after the step"),
        (by_weight(lambda w, g, lr: w - lr * np.sign(g)), "the gradient's sign"),
        (by_weight(lambda w, g, lr: (1 - lr) * w - lr * g), "multiplied by 1 - lr"),
        (by_weight(sgd_integers), "The decimals of weights[0] are cut off"),
        (sgd_by_place, "pair by name"),
        (sgd_list_for_a_dict, "return a dict of the new ones"),
        (sgd_in_place, "changes its argument `weights`"),
        (
            lambda weights, gradients, lr: [w - lr * g for w, g in zip(weights[:1], gradients, strict=False)],
            "1 arrays for 2",
        ),
        (lambda weights, gradients, lr: None, "returned None"),
    ],
    "03.gradient_noise": [
        (noise_of(lambda g, whole: ((g - whole) ** 2).sum(axis=1).mean()), "Take its square root"),
        (noise_of(lambda g, whole: np.linalg.norm(g - whole, axis=1).mean()), "mean of the distances"),
        (noise_of(lambda g, whole: np.sqrt(((g - whole) ** 2).mean())), "averaged over the weights, too"),
        (noise_of(lambda g, whole: np.sqrt((g**2).sum(axis=1).mean())), "Take off the whole gradient first"),
        (noise_of(root_mean_square, reduce=np.sum), "yours is their sum"),
        (noise_of(root_mean_square, replace=True), "may hold a sample twice"),
        (noise_of(lambda g, whole: np.linalg.norm(g.mean(axis=0) - whole)), "cancels in it"),
        (noise_of(lambda g, whole: np.linalg.norm(g, axis=1).std()), "how much the length"),
        (noise_of(lambda g, whole: np.sqrt(((g - whole) ** 2).sum())), "Take their mean."),
        (
            lambda per_sample, batch_size, draws, rng: noise_by_formula(per_sample, 1, 1, rng),
            "of single samples",
        ),
        (noise_of(lambda g, whole: g.std(axis=0)), "expected a single number"),
        (lambda per_sample, batch_size, draws, rng: 0.0, "A batch of 4 out of 60 does not have"),
        (lambda *arguments: -noise_choice(*arguments), "is not negative"),
        (noise_of(lambda g, whole: g.std(axis=0).sum()), "root for each weight and added"),
        (noise_of(lambda g, whole: np.sqrt(((g.mean(axis=1) - whole.mean()) ** 2).mean())), "rows alone"),
        (
            lambda per_sample, batch_size, draws, rng: noise_by_formula(per_sample, 1, 1, rng) / batch_size,
            "but to its square root",
        ),
        (noise_of_one_batch, "Is each draw a new batch?"),
        (lambda per_sample, batch_size, draws, rng: None, "the noise is None"),
    ],
    "03.train_step": [
        (step_like(update=rebind), "only makes a new name"),
        (step_like(update=lambda w, g, lr: w.assign_add(lr * g)), "went uphill"),
        (step_like(update=lambda w, g, lr: w.assign_sub(g)), "moved by the whole gradient"),
        (
            step_like(
                loss_of=lambda tf, keras, labels, logits: tf.reduce_sum(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
                )
            ),
            "step of the summed loss",
        ),
        (
            step_like(
                loss_of=lambda tf, keras, labels, logits: keras.losses.SparseCategoricalCrossentropy(
                    from_logits=True
                )(labels, tf.nn.softmax(logits))
            ),
            "Softmax is in there twice",
        ),
        (
            step_like(
                loss_of=lambda tf, keras, labels, logits: keras.losses.SparseCategoricalCrossentropy()(
                    labels, logits
                )
            ),
            "Say from_logits=True",
        ),
        (
            step_like(variables=lambda model: [layer.kernel for layer in model.layers]),
            "Only the kernels moved",
        ),
        (
            step_like(variables=lambda model: model.layers[-1].trainable_variables),
            "Only the last layer moved",
        ),
        (step_outside_the_tape, "Your function calculates with None"),
        (
            step_like(give=lambda right, model, x, labels, loss: (loss, model.trainable_variables)),
            "a single number; yours returned tuple",
        ),
        (step_like(update=lambda w, g, lr: w.assign(-lr * g)), "became the step itself"),
        (
            step_like(
                loss_of=lambda tf, keras, labels, logits: tf.reduce_mean(
                    (tf.nn.softmax(logits) - tf.one_hot(labels, logits.shape[1])) ** 2
                )
            ),
            "the loss is 0.",
        ),
        (step_adam, "Adam's first step"),
        (step_twice, "The weights moved twice"),
        (
            step_like(give=lambda right, model, x, labels, loss: right(labels, model(x))),
            "This is the loss after the update",
        ),
        (
            step_like(give=lambda right, model, x, labels, loss: None),
            "train_step returned None. Return the loss",
        ),
    ],
    "03.repair_loop_a": [
        (
            loop_a.loop_a,
            "The labels are still in their old order while x is shuffled: reorder both. (3 of the three",
        ),
        (loop_a_like(["labels"]), "while x is shuffled: reorder both."),
        (loop_a_like(["accumulated"]), "uses its own batch alone."),
        (loop_a_like(["last batch"]), "divides by its own number of samples."),
        (loop_a_like(["accumulated", "last batch"]), "alone. (2 of the three bugs are left.)"),
        (loop_a_like(["labels reordered twice"]), "reordered once more"),
        (loop_a_like(["emptied each epoch"]), "emptied once an epoch"),
        (loop_a_like(["last batch dropped"]), "batch is left out. Keep it"),
        (loop_a_like(["divided by all"]), "number of all samples"),
        (loop_a_like(["summed batch"]), "The gradient of a batch is a sum"),
        (
            loop_a_like(["emptied each epoch", "last batch"]),
            "empty them for each batch. (2 of the three bugs are left.)",
        ),
        (loop_a_like(epochs=1), "Go through all of `orders`"),
        (loop_a_like(lr_sign=-1), "go uphill"),
        (loop_a_like(keep=True), "came back as they were"),
        (lambda x, labels, orders, batch_size, lr, kernel, bias: None, "returned None"),
    ],
    "03.repair_loop_b": [
        (loop_b_as_given, "applies it again. Give the loss the logits. (3 of the three"),
        (loop_b_like(["softmax twice"]), "Softmax acts twice"),
        (loop_b_like(["training off"]), "The training call does not train"),
        (loop_b_like(["validation trains"]), "The validation data are run with training=True"),
        (loop_b_like(["training off", "validation trains"]), "averages. (2 of the three bugs are left.)"),
        (loop_b_like(softmax=["training"], logits=False), "takes the logits for probabilities"),
        (
            loop_b_like(["validation trains"], softmax=["training"], logits=False),
            "before it. (One of the three bugs is left as well.)",
        ),
        (loop_b_like(softmax=["validation"]), "has a softmax too many"),
        (loop_b_like(["last batch dropped"]), "left out of the training"),
        (loop_b_like(update=-1), "go uphill"),
        (loop_b_like(update=0), "weights did not change"),
        (loop_b_like(give=lambda validation: None), "returned None"),
        (loop_b_like(give=lambda validation: validation[:-1]), "expected 2, one for each epoch"),
    ],
}
