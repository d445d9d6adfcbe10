"""Checks of lesson 03. Steps are judged by central differences in NumPy, random batches by their properties.

Models are built beside the learner's code from plain weights. What these should become is computed here,
without Keras.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np

from course.check import Exercise, Mistake, NotPassed, expect
from course.check.oracles import gradient, log_softmax


def _cross_entropy(logits, labels):
    return -log_softmax(logits)[np.arange(len(labels)), labels].mean()


def _distinct(values, want, messages):
    """Mistakes out of pairs (label, value), without those that give the wanted value on these inputs."""
    return [
        Mistake(label, value, messages[label])
        for label, value in values
        if not (np.shape(value) == np.shape(want) and np.allclose(value, want, rtol=1e-3, atol=1e-6))
    ]


# ---- minibatches ------------------------------------------------------------------------------------------


def _epochs(function, x, y, batch_size, seed, epochs):
    """The batches of several epochs, drawn with one generator, as lists of arrays."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(epochs):
        made = function(x, y, batch_size, rng)
        if made is None or made is Ellipsis:
            return made
        if not hasattr(made, "__iter__"):
            text = (
                "minibatches should return a list of pairs, or be a generator; yours returned"
                f" {type(made).__name__}."
            )
            raise NotPassed(text, "type")
        _not_one_pair(made)
        batches = []
        for batch in made:
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                what = (
                    f"{len(batch)} things"
                    if isinstance(batch, (tuple, list))
                    else f"one {type(batch).__name__}"
                )
                raise NotPassed(
                    f"A batch should be a pair (x_batch, y_batch); yours is {what}.", "not a pair"
                )
            batches.append([np.array(batch[0]), np.array(batch[1])])
            if len(batches) > 2 * len(x) + 2:
                raise NotPassed(
                    "Your batches do not end. One epoch is over when every sample came once.", "endless"
                )
        found.append(batches)
    return found


def _not_one_pair(made):
    """A return inside the loop gives the first batch alone; two lists give all batches, but not in pairs."""
    if not isinstance(made, tuple) or len(made) != 2:
        return
    if all(hasattr(part, "shape") for part in made):
        text = (
            "minibatches returned one batch. Give all batches of the epoch: `yield` each one, or collect"
            " them in a list."
        )
        raise NotPassed(text, "one batch")
    if all(isinstance(part, list) and len(part) != 2 for part in made):
        text = "minibatches returned two lists. Return one list of pairs (x_batch, y_batch)."
        raise NotPassed(text, "two lists")


minibatches = Exercise(
    "03.minibatches",
    "x, y, batch_size, rng",
    hints=(
        "rng.permutation(len(x)) is a random order of the row numbers. Shuffle those, not the arrays.",
        (
            "range(0, len(x), batch_size) gives the place where each batch begins. A slice may reach past the"
            " end: it then holds what is left."
        ),
        "rows = order[first:first + batch_size], and one batch is x[rows], y[rows]: the same rows of both.",
    ),
    drive=_epochs,
)


def _numbered(rng, samples, shape=(2,)):
    """Samples that carry their own number: in every entry of x, and in y as well."""
    ids = np.arange(samples)
    x = np.broadcast_to(ids.reshape(-1, *[1] * len(shape)), (samples, *shape)) + rng.uniform(0, 0.4)
    return x, ids * 10 + 3


def _sizes(samples, batch_size):
    return [min(batch_size, samples - first) for first in range(0, samples, batch_size)]


def _ids(batches, x, y):
    """The numbers that x_batch and y_batch carry, batch by batch, after their shapes were found right."""
    parts = [(expect.numbers(a, "x_batch"), expect.numbers(b, "y_batch")) for a, b in batches]
    for x_batch, y_batch in parts:
        swapped = x_batch.shape[1:] == y.shape[1:] and y_batch.shape[1:] == x.shape[1:]
        text = "x_batch and y_batch are swapped. A batch is the pair (x_batch, y_batch)."
        expect.true(not (swapped and x_batch.ndim and y_batch.ndim), text, "swapped")
        text = "A batch has lost the axis of the samples. It keeps it even for one sample: x[3:4], not x[3]."
        expect.true(x_batch.shape != x.shape[1:], text, "no axis")
        shape_is_right = x_batch.shape[1:] == x.shape[1:] and y_batch.shape[1:] == y.shape[1:]
        text = (
            f"A batch has shapes {x_batch.shape} and {y_batch.shape}; expected (batch,"
            f" {', '.join(map(str, x.shape[1:]))}) and (batch,). Which axis holds the samples?"
        )
        expect.true(x_batch.ndim and y_batch.ndim and shape_is_right, text, "shape")
        text = f"A batch has {len(x_batch)} rows of x and {len(y_batch)} of y. Take the same rows of both."
        expect.true(len(x_batch) == len(y_batch), text, "different lengths")
    first_entry = (slice(None), *[0] * (x.ndim - 1))
    ids = [np.rint(a[first_entry] - x.flat[0]).astype(int) for a, _ in parts]
    labels = [np.rint((b - 3) / 10).astype(int) for _, b in parts]
    return ids, labels


def _judge_batches(call, rng, samples, batch_size, shape=(2,)):
    x, y = _numbered(rng, samples, shape)
    seed = int(rng.integers(2**31))
    epochs = call(x, y, batch_size, seed, 2)
    if epochs is None:
        raise NotPassed("minibatches returned None. It should return the batches, or yield them.", "none")
    if epochs is Ellipsis:
        expect.numbers(epochs, "minibatches")
    batches = epochs[0]
    ids, labels = _ids(batches, x, y)
    _judge_sizes([len(part) for part in ids], samples, batch_size)
    flat = np.concatenate(ids)
    counts = np.bincount(np.clip(flat, 0, samples - 1), minlength=samples)
    if (counts != 1).any():
        twice, never = int(counts.argmax()), int(counts.argmin())
        text = (
            f"Sample {twice} comes {counts.max()} times in one epoch, sample {never} {counts.min()} times. "
            "Each comes once: cut one permutation into pieces; do not draw anew for each batch."
        )
        raise NotPassed(text, "with replacement")
    pairs_hold = all(np.array_equal(a, b) for a, b in zip(ids, labels, strict=True))
    text = "x and y no longer belong together: sample {0} has the y of sample {1}. Shuffle both by one order."
    if not pairs_hold:
        a, b = np.concatenate(ids), np.concatenate(labels)
        first = int(np.argmax(a != b))
        raise NotPassed(text.format(a[first], b[first]), "pairs broken")
    if samples >= 12 and batch_size < samples:
        _judge_order(call, ids, samples, batch_size, (x, y, seed), epochs)


def _judge_sizes(sizes, samples, batch_size):
    want = _sizes(samples, batch_size)
    if sizes == want:
        return
    if 0 in sizes:
        text = "One of your batches is empty. Stop when no sample is left."
        raise NotPassed(text, "empty batch")
    if sizes == want[:-1] or (sizes == [batch_size] * (samples // batch_size) and sum(sizes) < samples):
        left = samples - sum(sizes)
        text = f"The last, smaller batch is missing: {left} of {samples} samples never come. Keep it."
        raise NotPassed(text, "last batch dropped")
    shown = ", ".join(map(str, sizes[:6])) + (", ..." if len(sizes) > 6 else "")
    text = f"{samples} samples in batches of {batch_size}: expected sizes {want}; yours are {shown}."
    if sizes and sizes[-1] == batch_size and sum(sizes) > samples:
        text += " The last batch holds only what is left; it is not filled up."
    raise NotPassed(text, "sizes")


def _judge_order(call, ids, samples, batch_size, given, epochs):
    x, y, seed = given
    order = np.concatenate(ids)
    text = "The samples come in the order in which they were given. Shuffle them: rng.permutation(len(x))."
    expect.true(not np.array_equal(order, np.arange(samples)), text, "not shuffled")
    blocks = all(part.max() - part.min() == len(part) - 1 for part in ids)
    runs = np.mean(np.abs(np.diff(order)) == 1) > 0.5
    text = (
        "Neighbours stay together: the batches hold samples that stood side by side. Shuffle the samples"
        " first, and cut afterwards."
    )
    expect.true(not runs and (batch_size == 1 or not blocks), text, "only batches shuffled")
    second = np.concatenate(_ids(epochs[1], x, y)[0])
    text = (
        "Two epochs have the same order. Draw a new one each time, from the rng that is given; make none of"
        " your own."
    )
    expect.true(not np.array_equal(order, second), text, "same order every epoch")
    again = np.concatenate(_ids(call(x, y, batch_size, seed, 2)[0], x, y)[0])
    text = (
        "The same rng twice gave two different orders. Draw from the rng that is given, not from np.random."
    )
    expect.true(np.array_equal(order, again), text, "other generator")


@minibatches.case("20 samples in batches of 6")
def _(call, rng):
    _judge_batches(call, rng, 20, 6)


@minibatches.case("24 samples in batches of 6, none left over")
def _(call, rng):
    _judge_batches(call, rng, 24, 6)


@minibatches.case("batches of 1")
def _(call, rng):
    _judge_batches(call, rng, 13, 1)


@minibatches.case("a batch larger than the data")
def _(call, rng):
    _judge_batches(call, rng, 5, 8)


@minibatches.case("images, 4 dimensions")
def _(call, rng):
    _judge_batches(call, rng, 15, 4, shape=(3, 3, 2))


# ---- sgd_step ---------------------------------------------------------------------------------------------

sgd_step = Exercise(
    "03.sgd_step",
    "weights, gradients, lr",
    hints=(
        "The gradient points uphill. Each weight goes the other way, by lr times its own gradient.",
        "For a list: zip(weights, gradients) pairs them. For a dict: the name pairs them.",
        (
            "[w - lr * g for w, g in zip(weights, gradients)] for a list; for a dict the same, over its"
            " names. `w -= ...` would write into the caller's array."
        ),
    ),
)

_SGD = {
    "uphill": "{0} went uphill: subtract lr times the gradient.",
    "no rate": "{0} moved by the whole gradient. Multiply it by lr.",
    "not moved": "{0} did not move.",
    "gradient only": "{0} is lr times the gradient, not the weight after the step.",
    "sign of the gradient": "{0} moved by lr times the gradient's sign. Its size counts, too.",
    "divided by lr": "{0} moved by the gradient over lr. Multiply by lr.",
    "decay": "{0} was multiplied by 1 - lr as well. Subtract lr times the gradient, nothing else.",
    "truncated": "The decimals of {0} are cut off: the weights are integers here. Let the result be floats.",
}


def _judge_sgd(call, weights, gradients, lr):
    named = isinstance(weights, dict)
    got = call(weights, gradients, lr)
    if got is None:
        raise NotPassed("sgd_step returned None. It should return the new weights.", "none")
    if got is Ellipsis:
        expect.numbers(got, "the new weights")
    names = list(weights) if named else range(len(weights))
    kind = "dict" if named else "list"
    if isinstance(got, dict) != named or not isinstance(got, (dict, list, tuple)):
        text = (
            f"The weights came as a {kind}; return a {kind} of the new ones. Yours returned"
            f" {type(got).__name__}."
        )
        raise NotPassed(text, "kind")
    if named and set(got) != set(weights):
        raise NotPassed(f"Your dict has the names {sorted(got)}; expected {sorted(weights)}.", "names")
    if len(got) != len(weights):
        raise NotPassed(f"You returned {len(got)} arrays for {len(weights)} weights.", "count")
    partner = dict(zip(weights, gradients.values(), strict=True)) if named else None
    for name in names:
        w, g = np.asarray(weights[name], dtype=float), np.asarray(gradients[name], dtype=float)
        shown = f"weights[{name!r}]"
        values = [
            ("uphill", w + lr * g),
            ("no rate", w - g),
            ("not moved", w),
            ("gradient only", lr * g),
            ("gradient only", -lr * g),
            ("sign of the gradient", w - lr * np.sign(g)),
            ("divided by lr", w - g / lr),
            ("decay", (1 - lr) * w - lr * g),
        ]
        if np.asarray(weights[name]).dtype.kind == "i":
            values.append(("truncated", np.trunc(w - lr * g)))
        messages = {label: text.format(shown) for label, text in _SGD.items()}
        want = w - lr * g
        if named and partner[name] is not gradients[name]:
            values.append(("paired by place", w - lr * partner[name]))
            messages["paired by place"] = (
                f"{shown} moved by the gradient of another weight. Two dicts need not have one order: pair by"
                " name."
            )
        expect.array(
            got[name],
            want,
            shown,
            shape="the shape of the weight",
            mistakes=_distinct(values, want, messages),
        )


@sgd_step.case("a list of a kernel and a bias")
def _(call, rng):
    shapes = ((3, 2), (2,))
    _judge_sgd(call, [rng.normal(size=s) for s in shapes], [rng.normal(size=s) for s in shapes], 0.1)


@sgd_step.case("a dict, its gradients in another order")
def _(call, rng):
    weights = {"kernel_1": rng.normal(size=(2, 2)), "kernel_2": rng.normal(size=(2, 2))}
    gradients = {"kernel_2": rng.normal(size=(2, 2)), "kernel_1": rng.normal(size=(2, 2))}
    _judge_sgd(call, weights, gradients, 0.5)


@sgd_step.case("a single weight")
def _(call, rng):
    _judge_sgd(call, [rng.normal(size=1)], [rng.normal(size=1)], 0.01)


@sgd_step.case("six weights of different shapes")
def _(call, rng):
    shapes = ((4, 3), (3,), (3, 3), (3,), (3, 2), (2,))
    _judge_sgd(call, [rng.normal(size=s) for s in shapes], [rng.normal(size=s) for s in shapes], 2.0)


@sgd_step.case("integer weights")
def _(call, rng):
    _judge_sgd(call, [rng.integers(-4, 5, size=(2, 3))], [rng.uniform(0.2, 0.9, size=(2, 3))], 0.3)


# ---- gradient_noise ---------------------------------------------------------------------------------------


def _with_generator(function, per_sample, batch_size, draws, seed):
    return function(per_sample, batch_size, draws, np.random.default_rng(seed))


gradient_noise = Exercise(
    "03.gradient_noise",
    "per_sample, batch_size, draws, rng",
    hints=(
        (
            "For one batch: its gradient is the mean of its rows. Its distance from the whole gradient is a"
            " length."
        ),
        (
            "rng.choice(len(per_sample), batch_size, replace=False) draws the rows of one batch. The squared"
            " distance is the sum of the squared differences over all weights."
        ),
        (
            "Collect ((per_sample[rows].mean(axis=0) - whole) ** 2).sum() for each draw. The result is the"
            " square root of their mean."
        ),
    ),
    drive=_with_generator,
)

_NOISE = {
    "squared": "This is the mean squared distance. Take its square root.",
    "mean distance": "This is the mean of the distances. Square them first, take the mean, then the root.",
    "per weight": "You averaged over the weights, too. The squared distance is the sum over all weights.",
    "not centred": "This is the length of the batch's gradient. Take off the whole gradient first.",
    "summed batch": "The gradient of a batch is the mean of its rows; yours is their sum.",
    "spread of lengths": (
        "This is how much the length of the gradient varies. Noise also turns it: take the length of "
        "the difference."
    ),
    "with replacement": "Your batches may hold a sample twice. Draw without replacement: replace=False.",
    "one sample": "This is the noise of single samples. A batch's mean over batch_size rows is less noisy.",
    "summed draws": "You added the squared distances of all draws. Take their mean.",
    "summed spreads": (
        "You took the root for each weight and added. Add the squares of all weights first, then take the root."
    ),
    "averaged gradient": (
        "You averaged the gradient over its weights. The mean is over the rows alone: per_sample[rows].mean(axis=0)."
    ),
    "divided by batch size": "Noise does not fall in proportion to the batch size, but to its square root.",
    "differences cancel": (
        "This is the length of the mean difference: the noise of many draws cancels in it. Take the "
        "squared length of each first."
    ),
}


def _noise_values(per_sample, batch_size, draws, rng):
    """What each misconception gives, by drawing batches like the learner."""
    whole, weights = per_sample.mean(axis=0), per_sample.shape[1]
    rows = np.argsort(rng.random((draws, len(per_sample))), axis=1)[:, :batch_size]
    repeated = rng.integers(len(per_sample), size=(draws, batch_size))
    gradients = per_sample[rows].mean(axis=1)
    squares = ((gradients - whole) ** 2).sum(axis=1)
    lengths = np.linalg.norm(gradients, axis=1)
    single = ((per_sample - whole) ** 2).sum(axis=1).mean()
    rms = np.sqrt(squares.mean())
    return [
        ("squared", squares.mean()),
        ("mean distance", np.sqrt(squares).mean()),
        ("per weight", rms / np.sqrt(weights)),
        ("not centred", np.sqrt((lengths**2).mean())),
        ("not centred", lengths.mean()),
        ("summed batch", np.sqrt(((batch_size * gradients - whole) ** 2).sum(axis=1).mean())),
        ("spread of lengths", lengths.std()),
        ("with replacement", np.sqrt(((per_sample[repeated].mean(axis=1) - whole) ** 2).sum(axis=1).mean())),
        ("one sample", np.sqrt(single)),
        ("summed draws", np.sqrt(squares.sum())),
        ("summed spreads", gradients.std(axis=0).sum()),
        ("averaged gradient", np.sqrt(((gradients.mean(axis=1) - whole.mean()) ** 2).mean())),
        ("divided by batch size", np.sqrt(single) / batch_size),
    ]


def _noise_labels(value, want, *drawn):
    """The misconceptions that give this value on these data, the nearest first, and clearly not the right one."""
    apart = abs(np.log(want / value))
    near = sorted((abs(np.log(value / wrong)), label) for label, wrong in _noise_values(*drawn) if wrong > 0)
    return [label for distance, label in near if distance < 0.05 and apart > 2 * distance]


def _ask_noise(call, rng, samples, weights, batch_size, draws, along, scale):
    """The learner's noise, the right one, and the data. The whole gradient lies along one of the weights."""
    # Most noise lies across the whole gradient: so the misconceptions differ.
    centre, spread = 4.0 * (np.arange(weights) == along % weights), np.linspace(1.0, 3.0, weights)
    per_sample = scale * (centre + rng.normal(size=(samples, weights)) * spread)
    variance = ((per_sample - per_sample.mean(axis=0)) ** 2).sum(axis=1).mean()
    # The mean of a batch drawn without replacement: a theorem of sampling, Cochran 1977, theorem 2.2.
    want = np.sqrt(variance / batch_size * (samples - batch_size) / max(samples - 1, 1))
    got = expect.numbers(call(per_sample, batch_size, draws, int(rng.integers(2**31))), "the noise")
    expect.true(
        got.shape == (),
        f"The noise has shape {got.shape}; expected a single number, all weights together.",
        "shape",
    )
    value = float(got)
    expect.true(np.isfinite(value), f"The noise is {value}.", "not finite")
    return value, want, per_sample


def _judge_noise(call, rng, samples, weights, batch_size, draws=5000):
    sizes = samples, weights, batch_size, draws
    value, want, per_sample = _ask_noise(call, rng, *sizes, along=0, scale=1.0)
    if batch_size == samples:
        text = f"A batch of all samples has the whole gradient, so its noise is 0; yours is {value:.3g}. "
        expect.true(abs(value) < 1e-6, text + "Draw without replacement: replace=False.", "with replacement")
        return
    if abs(value - want) <= 0.05 * want:
        return
    text = f"The noise is {value:.3g}; expected {want:.3g}"
    expect.true(value >= 0, f"{text}. A root of squares is not negative.", "negative")
    text_zero = f"{text}. A batch of {batch_size} out of {samples} does not have the whole gradient."
    expect.true(value > 0, text_zero, "zero")
    labels = _noise_labels(value, want, per_sample, batch_size, draws, rng)
    # A wrong value can lie near that of a misconception by chance: it has to on other data as well.
    again, want_again, others = _ask_noise(call, rng, *sizes, along=-1, scale=3.0)
    labels_again = _noise_labels(max(again, 1e-12), want_again, others, batch_size, draws, rng)
    for label in labels:
        if label in labels_again:
            raise NotPassed(_NOISE[label], label)
    if value < 0.1 * want:
        raise NotPassed(_NOISE["differences cancel"], "differences cancel")
    text += f", to within 5 %, from {draws} draws. Is each draw a new batch? Then look at the order:"
    raise NotPassed(f"{text} square, sum over the weights, mean over the draws, root.", "value")


@gradient_noise.case("batches of 4 from 60 samples, 3 weights")
def _(call, rng):
    _judge_noise(call, rng, 60, 3, 4)


@gradient_noise.case("half of the samples in a batch")
def _(call, rng):
    _judge_noise(call, rng, 30, 2, 15)


@gradient_noise.case("batches of 1")
def _(call, rng):
    _judge_noise(call, rng, 60, 2, 1)


@gradient_noise.case("all samples in one batch")
def _(call, rng):
    _judge_noise(call, rng, 12, 4, 12, draws=20)


@gradient_noise.case("a single weight")
def _(call, rng):
    _judge_noise(call, rng, 40, 1, 5)


# ---- train_step -------------------------------------------------------------------------------------------


def _keras_steps(function, weights, batches, lr):
    """Let the learner's function train a tanh network with these weights; give losses and weights back."""
    import keras

    kernels = weights[::2]
    layers = [keras.layers.Dense(kernel.shape[1], activation="tanh") for kernel in kernels[:-1]]
    output = keras.layers.Dense(kernels[-1].shape[1])
    model = keras.Sequential([keras.Input([len(kernels[0])]), *layers, output])
    model.set_weights(weights)
    losses = []
    for x, labels in batches:
        try:
            loss = function(model, x, labels, lr)
        except TypeError as error:
            if "operand" not in str(error) or "NoneType" not in str(error):
                raise
            text = (
                f"Your function calculates with None: {error}. A gradient is None when the tape has not seen"
                " how the loss comes from the weights: call the model and the loss inside the `with`."
            )
            raise NotPassed(text, "gradient is None") from error
        if loss is None or loss is Ellipsis:
            losses = loss
            break
        if not hasattr(loss, "shape") and not isinstance(loss, (int, float)):
            text = (
                f"train_step should return the loss, a single number; yours returned {type(loss).__name__}."
            )
            raise NotPassed(text, "not a number")
        losses.append(np.array(loss))
    return {"losses": losses, "weights": model.get_weights()}


train_step = Exercise(
    "03.train_step",
    "model, x, labels, lr",
    hints=(
        (
            "Three parts: the loss under a `with tf.GradientTape() as tape:`, then its gradients, then the"
            " update."
        ),
        (
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True) gives the mean loss of (labels,"
            " logits). tape.gradient(loss, model.trainable_variables) gives one gradient for each variable."
        ),
        (
            "Update in place: for w, g in zip(model.trainable_variables, gradients): w.assign_sub(lr * g)."
            " Then return loss."
        ),
    ),
    drive=_keras_steps,
)


def _tanh_network(weights, x):
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = np.tanh(x @ kernel + bias)
    return x @ weights[-2] + weights[-1]


def _gradients(weights, loss):
    """The gradient of ``loss(weights)`` for each array, by central differences."""
    found = []
    for place in range(len(weights)):

        def moved(value, place=place):
            return loss([value if i == place else w for i, w in enumerate(weights)])

        found.append(gradient(moved, weights[place], h=1e-5))
    return found


def _after(weights, batches, lr, loss=_cross_entropy, network=_tanh_network):
    """Losses before each step, and the weights after the last one."""
    weights, losses = [np.asarray(w, dtype=float) for w in weights], []
    for x, labels in batches:
        x = np.asarray(x, dtype=float)

        def batch_loss(values, x=x, labels=labels):
            return loss(network(values, x), labels)

        losses.append(batch_loss(weights))
        weights = [w - lr * g for w, g in zip(weights, _gradients(weights, batch_loss), strict=True)]
    return losses, weights


_STEP = {
    "not moved": (
        "The model's weights did not change. Update them in place, w.assign_sub(lr * g): `w = w - lr * g`"
        " only makes a new name."
    ),
    "uphill": "The weights went uphill: subtract lr times the gradient.",
    "summed loss": (
        "This is the step of the summed loss: longer by the batch size. Take the mean over the batch."
    ),
    "no rate": "The weights moved by the whole gradient. Multiply it by lr.",
    "softmax twice": (
        "Softmax is in there twice: once before the loss, and from_logits=True applies it again."
    ),
    "kernels only": "Only the kernels moved. model.trainable_variables holds the biases, too.",
    "last layer only": "Only the last layer moved. Ask the tape for all of model.trainable_variables.",
    "adam": (
        "Every weight moved by lr, whatever its gradient: that is Adam's first step. Use plain gradient"
        " descent."
    ),
    "two steps": "The weights moved twice. One call is one step.",
    "logits as probabilities": "The logits were taken for probabilities. Say from_logits=True.",
    "step only": "The weights became the step itself. Subtract it: w.assign_sub(lr * g).",
}


def _keras_probabilities_loss(logits, labels):
    """What Keras makes of logits that it takes for probabilities: it clips, and divides rows by their sum."""
    return _cross_entropy(np.log(np.clip(logits, 1e-7, 1 - 1e-7)), labels)


def _step_values(weights, x, labels, lr):
    """The weights that each misconception gives after one step."""

    def batch_loss(values, loss=_cross_entropy):
        return loss(_tanh_network(values, x.astype(float)), labels)

    def softmax_twice(logits, labels):
        return _cross_entropy(np.exp(log_softmax(logits)), labels)

    start = [w.astype(float) for w in weights]
    gradients = _gradients(start, batch_loss)
    twice = _gradients(start, lambda values: batch_loss(values, softmax_twice))
    taken = _gradients(start, lambda values: batch_loss(values, _keras_probabilities_loss))
    pairs = list(zip(start, gradients, strict=True))
    return {
        "not moved": start,
        "uphill": [w + lr * g for w, g in pairs],
        "summed loss": [w - lr * len(x) * g for w, g in pairs],
        "no rate": [w - g for w, g in pairs],
        "softmax twice": [w - lr * g for w, g in zip(start, twice, strict=True)],
        "logits as probabilities": [w - lr * g for w, g in zip(start, taken, strict=True)],
        "kernels only": [w - lr * g * (w.ndim == 2) for w, g in pairs],
        "last layer only": [w - lr * g * (i >= len(pairs) - 2) for i, (w, g) in enumerate(pairs)],
        "step only": [-lr * g for g in gradients],
        "two steps": _after(weights, [(x, labels)] * 2, lr)[1],
    }


def _same_weights(got, want, tolerance=2e-4):
    return all(
        a.shape == b.shape and np.abs(a - b).max() <= tolerance * (1 + np.abs(b).max())
        for a, b in zip(got, want, strict=True)
    )


def _weight_name(number):
    return f"{'kernel' if number % 2 == 0 else 'bias'}_{number // 2 + 1}"


def _judge_steps(call, weights, batches, lr):
    got = call(weights, batches, lr)
    losses, want = _after(weights, batches, lr)
    if got["losses"] is Ellipsis:
        expect.numbers(got["losses"], "loss")
    after = [expect.numbers(w, "a weight") for w in got["weights"]]
    if not _same_weights(after, want):
        if len(batches) == 1:
            for label, wrong in _step_values(weights, *batches[0], lr).items():
                if _same_weights(after, wrong, 1e-4):
                    raise NotPassed(_STEP[label], label)
            lengths = np.concatenate(
                [np.abs(a - w).ravel() / lr for a, w in zip(after, weights, strict=True)]
            )
            expect.true(np.mean(np.abs(lengths - 1) < 0.01) < 0.8, _STEP["adam"], "adam")
            if got["losses"] is not None:  # a wrong loss is why its gradients are wrong
                _judge_losses(got["losses"], losses, batches, want)
        for number, (w, expected) in enumerate(zip(after, want, strict=True)):
            expect.array(w, expected, f"after the step, {_weight_name(number)}", rtol=5e-4)
    if got["losses"] is None:
        raise NotPassed("The weights are right; train_step returned None. Return the loss.", "none")
    _judge_losses(got["losses"], losses, batches, want)


def _judge_losses(got, losses, batches, after):
    for number, loss in enumerate(got):
        x, labels = batches[number]
        mistakes = []
        if len(batches) == 1:
            late = _cross_entropy(_tanh_network(after, x), labels)
            mistakes = [
                Mistake(
                    "loss after the step",
                    late,
                    "This is the loss after the update. Return the one before it.",
                ),
                Mistake(
                    "summed loss",
                    losses[0] * len(x),
                    "This is the summed loss. Return the mean over the batch.",
                ),
            ]
        expect.number(loss, losses[number], "the loss", mistakes=mistakes, rtol=5e-4)


def _layer_weights(rng, sizes):
    weights = []
    for inputs, units in zip(sizes[:-1], sizes[1:], strict=True):
        weights += [rng.normal(size=(inputs, units)), 0.3 * rng.normal(size=units)]
    return [w.astype("float32") for w in weights]


def _batch(rng, samples, inputs, classes):
    return rng.normal(size=(samples, inputs)).astype("float32"), rng.integers(0, classes, size=samples)


@train_step.case("one step on a batch of 6")
def _(call, rng):
    _judge_steps(call, _layer_weights(rng, (3, 4, 3)), [_batch(rng, 6, 3, 3)], 0.3)


@train_step.case("a batch of 1")
def _(call, rng):
    _judge_steps(call, _layer_weights(rng, (2, 3, 4)), [_batch(rng, 1, 2, 4)], 0.5)


@train_step.case("two hidden layers")
def _(call, rng):
    _judge_steps(call, _layer_weights(rng, (3, 4, 2, 2)), [_batch(rng, 5, 3, 2)], 0.2)


@train_step.case("three steps in a row")
def _(call, rng):
    _judge_steps(call, _layer_weights(rng, (3, 3, 3)), [_batch(rng, 4, 3, 3) for _ in range(3)], 0.1)


# ---- repair_loop_a ----------------------------------------------------------------------------------------

repair_loop_a = Exercise(
    "03.repair_loop_a",
    "x, labels, orders, batch_size, lr, kernel, bias",
    hints=(
        (
            "Walk through one batch with pencil and paper: which rows of x, which labels? What is in dkernel"
            " before?"
        ),
        (
            "x_epoch is in the epoch's order. Are the labels? dkernel is made before the loop: when is it"
            " empty again? And how many samples has the last batch?"
        ),
        "labels_epoch = labels[order]; dkernel = ... in place of dkernel += ...; divide by len(x_batch).",
    ),
)

_LOOP_A = {
    "labels": "The labels are still in their old order while x is shuffled: reorder both.",
    "accumulated": (
        "The gradient of earlier batches is still in dkernel and dbias. Each step uses its own batch alone."
    ),
    "last batch": (
        "The last, smaller batch is divided by batch_size. The mean divides by its own number of samples."
    ),
    "labels reordered twice": (
        "From the second epoch on, the labels are reordered once more. Start from the labels as they were given:"
        " each order refers to those."
    ),
    "emptied each epoch": (
        "dkernel and dbias are emptied once an epoch. Earlier batches of the epoch are still in there: empty them"
        " for each batch."
    ),
    "last batch dropped": "The last, smaller batch is left out. Keep it; divide by its own number of samples.",
    "divided by all": "The gradient of a batch is divided by the number of all samples. Divide by that of the batch.",
    "summed batch": "The gradient of a batch is a sum. The mean divides by its number of samples.",
}
_PLACES_A = (
    ("", "labels", "labels reordered twice"),
    ("", "accumulated", "emptied each epoch"),
    ("", "last batch", "last batch dropped", "divided by all", "summed batch"),
)


def _loop_a(x, labels, orders, batch_size, lr, kernel, bias, bugs=()):
    """What the loop gives with some of its bugs left in; by central differences."""
    kernel, bias = np.array(kernel, dtype=float), np.array(bias, dtype=float)
    empty = [np.zeros(kernel.shape), np.zeros(bias.shape)]
    sums, reordered = empty, labels
    divisors = {"last batch": batch_size, "divided by all": len(x), "summed batch": 1}
    divisor = next((size for bug, size in divisors.items() if bug in bugs), None)
    for order in orders:
        reordered = reordered[order] if "labels reordered twice" in bugs else labels[order]
        if "emptied each epoch" in bugs:
            sums = empty
        for first in range(0, len(x), batch_size):
            last = first + batch_size
            rows = order[first:last]
            if "last batch dropped" in bugs and len(rows) < batch_size:
                continue
            batch = x[rows].astype(float)
            right = (labels if "labels" in bugs else reordered)[first:last]
            share = len(rows) / (divisor or len(rows))
            steps = [
                share * gradient(lambda v, a=batch, b=right, c=bias: _cross_entropy(a @ v + c, b), kernel),
                share * gradient(lambda v, a=batch, b=right, c=kernel: _cross_entropy(a @ c + v, b), bias),
            ]
            keeps = "accumulated" in bugs or "emptied each epoch" in bugs
            sums = [s + g if keeps else g for s, g in zip(sums, steps, strict=True)]
            kernel, bias = kernel - lr * sums[0], bias - lr * sums[1]
    return {"kernel": kernel, "bias": bias}


def _judge_loop_a(call, samples, inputs, classes, batch_size, epochs, rng):
    x = rng.normal(size=(samples, inputs))
    labels = np.arange(samples) % classes
    orders = np.array([rng.permutation(samples) for _ in range(epochs)])
    arguments = (
        x,
        labels,
        orders,
        batch_size,
        0.5,
        rng.normal(size=(inputs, classes)),
        rng.normal(size=classes),
    )
    want = _loop_a(*arguments)
    got = call(*arguments)
    shapes = {"kernel": "(inputs, classes)", "bias": "(classes,)"}
    try:
        expect.arrays(got, want, shapes=shapes)
        return
    except NotPassed:
        pass  # what follows finds out why
    mistakes = {"kernel": [], "bias": []}
    chosen = sorted(product(*_PLACES_A), key=lambda bugs: sum(map(bool, bugs)))
    for bugs in ([bug for bug in bugs if bug] for bugs in chosen[1:]):
        wrong = _loop_a(*arguments, bugs=bugs)
        if np.allclose(wrong["kernel"], want["kernel"], rtol=1e-4):
            continue
        text = _LOOP_A[bugs[0]] + (f" ({len(bugs)} of the three bugs are left.)" if len(bugs) > 1 else "")
        for name in want:
            mistakes[name].append(Mistake(bugs[0], wrong[name], text))
    messages = {
        "uphill": "The weights go uphill: subtract lr times the gradient.",
        "first epoch": "These are the weights after the first epoch. Go through all of `orders`.",
        "not moved": "The weights came back as they were.",
    }
    others = {
        "uphill": _loop_a(*arguments[:4], -0.5, *arguments[5:]),
        "not moved": {"kernel": arguments[5], "bias": arguments[6]},
    }
    if epochs > 1:
        others["first epoch"] = _loop_a(x, labels, orders[:1], *arguments[3:])
    for label, wrong in others.items():
        mistakes["kernel"].append(Mistake(label, wrong["kernel"], messages[label]))
    expect.arrays(got, want, shapes=shapes, mistakes=mistakes)


@repair_loop_a.case("7 samples in batches of 3, 2 epochs")
def _(call, rng):
    _judge_loop_a(call, 7, 3, 3, 3, 2, rng)


@repair_loop_a.case("batches that come out even")
def _(call, rng):
    _judge_loop_a(call, 8, 2, 4, 4, 2, rng)


@repair_loop_a.case("one epoch, one batch smaller than batch_size")
def _(call, rng):
    _judge_loop_a(call, 5, 2, 2, 8, 1, rng)


@repair_loop_a.case("batches of 1")
def _(call, rng):
    _judge_loop_a(call, 4, 3, 2, 1, 2, rng)


# ---- repair_loop_b ----------------------------------------------------------------------------------------

MOMENTUM, EPSILON = 0.8, 1e-3


def _normalized_model(function, weights, x, labels, x_val, labels_val, batch_size, epochs, lr):
    """Let the learner's loop train a small model with BatchNormalization; give losses and weights back."""
    import keras

    kernel, gamma, _, _, _, output, _ = weights
    model = keras.Sequential([
        keras.Input([len(kernel)]),
        keras.layers.Dense(len(gamma), use_bias=False),
        keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON),
        keras.layers.Activation("tanh"),
        keras.layers.Dense(output.shape[1]),
    ])  # fmt: skip
    model.set_weights(weights)
    validation = function(model, x, labels, x_val, labels_val, batch_size, epochs, lr)
    if isinstance(validation, (list, tuple)):
        validation = [
            np.array(value) if value is not None and value is not Ellipsis else value for value in validation
        ]
    return {"validation": validation, "weights": model.get_weights()}


repair_loop_b = Exercise(
    "03.repair_loop_b",
    "model, x, labels, x_val, labels_val, batch_size, epochs, lr",
    hints=(
        (
            "Follow the logits from the model to the loss: how often does a softmax act on them? Then look at"
            " each call of the model: is it training, or is it being used?"
        ),
        "from_logits=True applies the softmax itself. A call that is differentiated for an update trains.",
        (
            "In the tape: cross_entropy(labels[batch], model(x[batch], training=True)). For the validation"
            " loss: model(x_val, training=False)."
        ),
    ),
    drive=_normalized_model,
)

_LOOP_B = {
    "softmax twice": (
        "Softmax acts twice: the model's logits go through tf.nn.softmax, and from_logits=True applies it "
        "again. Give the loss the logits."
    ),
    "training off": (
        "The training call does not train: without training=True, BatchNormalization neither uses the batch's"
        " own mean and spread nor collects its averages."
    ),
    "validation trains": (
        "The validation data are run with training=True: the loss depends on the rest of the "
        "validation batch, and its averages leak into the model. Use training=False."
    ),
    "logits as probabilities": (
        "The validation loss takes the logits for probabilities: it lacks from_logits=True, and no softmax comes"
        " before it."
    ),
    "validation softmax": "The validation loss has a softmax too many: from_logits=True applies it already.",
    "last batch dropped": "The last, smaller batch is left out of the training.",
    "uphill": "The weights go uphill: subtract lr times the gradient.",
}
_THREE_B = ("softmax twice", "training off", "validation trains")
_NEW_B = ("logits as probabilities", "validation softmax", "last batch dropped", "uphill")


def _loop_b(weights, x, labels, x_val, labels_val, batch_size, epochs, lr, bugs=()):
    """Validation losses and weights with some of the bugs left in; by central differences."""
    kernel, gamma, beta, mean, variance, output, bias = (np.asarray(w, dtype=float) for w in weights)
    trainable, state = [kernel, gamma, beta, output, bias], [mean, variance]

    def logits_of(values, inputs, training):
        kernel, gamma, beta, output, bias = values
        scores = inputs @ kernel
        centre, spread = (scores.mean(axis=0), scores.var(axis=0)) if training else state
        hidden = np.tanh((scores - centre) / np.sqrt(spread + EPSILON) * gamma + beta)
        return hidden @ output + bias

    def collect(inputs):
        scores = inputs @ trainable[0]
        now = scores.mean(axis=0), scores.var(axis=0)
        state[:] = [MOMENTUM * old + (1 - MOMENTUM) * new for old, new in zip(state, now, strict=True)]

    def batch_loss(values, inputs, right, training):
        logits = logits_of(values, inputs, training)
        return _cross_entropy(np.exp(log_softmax(logits)) if "softmax twice" in bugs else logits, right)

    training, losses = "training off" not in bugs, []
    x, x_val = x.astype(float), x_val.astype(float)
    for _ in range(epochs):
        for first in range(0, len(x), batch_size):
            batch, right = x[first : first + batch_size], labels[first : first + batch_size]
            if "last batch dropped" in bugs and len(batch) < batch_size:
                continue
            steps = _gradients(trainable, lambda values, a=batch, b=right: batch_loss(values, a, b, training))
            if training:
                collect(batch)
            rate = -lr if "uphill" in bugs else lr
            trainable = [w - rate * g for w, g in zip(trainable, steps, strict=True)]
        logits = logits_of(trainable, x_val, "validation trains" in bugs)
        if "validation softmax" in bugs:
            logits = np.exp(log_softmax(logits))
        taken = _keras_probabilities_loss if "logits as probabilities" in bugs else _cross_entropy
        losses.append(taken(logits, labels_val))
        if "validation trains" in bugs:
            collect(x_val)
    kernel, gamma, beta, output, bias = trainable
    return np.array(losses), [kernel, gamma, beta, *state, output, bias]


_NAMES_B = (
    "the first kernel",
    "gamma",
    "beta",
    "the moving mean",
    "the moving variance",
    "the last kernel",
    "the last bias",
)


def _judge_loop_b(call, rng, samples, batch_size, epochs):
    inputs, units, classes = 3, 3, 3
    weights = [
        rng.normal(size=(inputs, units)),
        rng.uniform(0.8, 1.5, size=units),
        0.3 * rng.normal(size=units),
        rng.normal(size=units),
        rng.uniform(0.5, 3.0, size=units),
        rng.normal(size=(units, classes)),
        0.3 * rng.normal(size=classes),
    ]
    weights = [w.astype("float32") for w in weights]
    x, labels = _batch(rng, samples, inputs, classes)
    x_val, labels_val = _batch(rng, 5, inputs, classes)
    arguments = (weights, x + 1, labels, x_val + 1, labels_val, batch_size, epochs, 0.3)
    got = call(*arguments)
    validation = got["validation"]
    if validation is None:
        raise NotPassed("repair_loop_b returned None. Return the list of validation losses.", "none")
    validation = expect.numbers(validation, "the list of validation losses")
    after = [expect.numbers(w, "a weight") for w in got["weights"]]
    losses, want = _loop_b(*arguments)
    close = validation.shape == losses.shape and np.allclose(validation, losses, rtol=2e-3, atol=1e-4)
    if close and _same_weights(after, want, 1e-3):
        return
    text = (
        f"Your function returned {validation.shape} validation losses; expected {epochs}, one for each epoch."
    )
    expect.true(validation.shape == losses.shape, text, "count")
    for new in ((), *((bug,) for bug in _NEW_B)):
        for old in (bugs for count in range(4) for bugs in combinations(_THREE_B, count)):
            wrong, wrong_weights = _loop_b(*arguments, bugs=new + old)
            same_losses = np.allclose(validation, wrong, rtol=2e-3, atol=1e-4)
            if (new or old) and same_losses and _same_weights(after, wrong_weights, 1e-3):
                left = f" ({len(old)} of the three bugs are left.)" if len(old) > 1 else ""
                if new and len(old) == 1:
                    left = " (One of the three bugs is left as well.)"
                raise NotPassed(_LOOP_B[(new + old)[0]] + left, (new + old)[0])
    trainable = [number for number, name in enumerate(_NAMES_B) if "moving" not in name]
    if all(np.allclose(after[number], weights[number], atol=1e-6) for number in trainable):
        raise NotPassed(
            "The model's weights did not change. Update them in place: w.assign_sub(lr * g).", "not moved"
        )
    for name, w, expected in zip(_NAMES_B, after, want, strict=True):
        expect.array(w, expected, f"after training, {name}", rtol=5e-3)
    expect.array(validation, losses, "validation", rtol=5e-3)


@repair_loop_b.case("6 samples in batches of 4, 2 epochs")
def _(call, rng):
    _judge_loop_b(call, rng, 6, 4, 2)


@repair_loop_b.case("one epoch")
def _(call, rng):
    _judge_loop_b(call, rng, 6, 3, 1)
