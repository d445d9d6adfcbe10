"""Checks of lesson 04: gradients by central differences, slopes by simulation, the rest by properties."""

from __future__ import annotations

import numpy as np

from course.check import Exercise, Mistake, NotPassed, expect
from course.check.oracles import gradient

# ---- layer_gradient_norms ------------------------------------------------------------------------------------------

layer_gradient_norms = Exercise(
    "04.layer_gradient_norms",
    "x, kernels, dy",
    hints=(
        "Go forward first, and keep the output of every layer. Then go back from the last kernel to the first.",
        "At each layer: dz = dy * (1 - output**2); the kernel's gradient is (input of the layer).T @ dz.",
        "Before the next layer down, dy becomes dz @ kernel.T. Collect np.linalg.norm of each gradient, then reverse.",
    ),
)


def _stack(x, kernels):
    for kernel in kernels:
        x = np.tanh(x @ kernel)
    return x


def _judge_norms(call, x, kernels, dy):
    grads = []
    for index in range(len(kernels)):

        def loss(kernel, index=index):
            return (dy * _stack(x, [*kernels[:index], kernel, *kernels[index + 1 :]])).sum()

        grads.append(gradient(loss, kernels[index]))
    want = np.array([np.linalg.norm(g) for g in grads])
    mistakes = [
        Mistake("reversed", want[::-1], "The norms are in the order of the way back. Return the first layer first."),
        Mistake("squared norm", want**2, "These are the squares of the norms: take the root."),
        Mistake(
            "spectral norm",
            [np.linalg.norm(g, 2) for g in grads],
            "np.linalg.norm(g, 2) of a matrix is its largest stretch. Leave out the 2: square, add and take the root.",
        ),
        Mistake(
            "sum of sizes", [np.abs(g).sum() for g in grads], "You added absolute values. Add squares, take the root."
        ),
        Mistake(
            "largest entry", [np.abs(g).max() for g in grads], "This is each gradient's largest entry, not its norm."
        ),
        Mistake(
            "rms",
            [np.sqrt(np.mean(g**2)) for g in grads],
            "This is the root *mean* square. The norm adds, then takes the root.",
        ),
        Mistake("mean over batch", want / len(x), "You divided by the batch size. dy carries the loss's mean already."),
        Mistake(
            "slope forgotten",
            _norms(x, kernels, dy, lambda dy, output: (dy, dy)),
            "The slope of tanh, 1 - output**2, is missing.",
        ),
        Mistake(
            "slope not handed down",
            _norms(x, kernels, dy, lambda dy, output: (dy * (1 - output**2), dy)),
            "The slope is in the kernel's gradient, but not in what goes down: dy becomes dz @ kernel.T.",
        ),
        Mistake(
            "tanh of the output",
            _norms(x, kernels, dy, lambda dy, output: 2 * (dy * (1 - np.tanh(output) ** 2),)),
            "You took tanh of the output once more. The output is tanh(z) already: the slope is 1 - output**2.",
        ),
    ]
    if all(kernel.shape[0] == kernel.shape[1] for kernel in kernels):
        mistakes.append(
            Mistake(
                "not transposed",
                _norms(x, kernels, dy, lambda dy, output: 2 * (dy * (1 - output**2),), lambda kernel: kernel),
                "What goes down went through the kernel the wrong way round: dy becomes dz @ kernel.T.",
            )
        )
    expect.array(call(x, kernels, dy), want, "norms", shape="one for each kernel", mistakes=mistakes)


def _norms(x, kernels, dy, through, turn=np.transpose):
    """A way back in which ``through(dy, output)`` gives what the kernel gets and what goes down by ``turn(kernel)``."""
    layers = [x]
    for kernel in kernels:
        layers.append(np.tanh(layers[-1] @ kernel))
    norms = []
    for kernel, before, output in zip(kernels[::-1], layers[-2::-1], layers[:0:-1], strict=True):
        for_kernel, down = through(dy, output)
        norms.append(np.linalg.norm(before.T @ for_kernel))
        dy = down @ turn(kernel)
    return norms[::-1]


def _problem(rng, batch, units, depth):
    kernels = [rng.normal(size=(units, units)) * 1.5 / np.sqrt(units) for _ in range(depth)]
    return rng.normal(size=(batch, units)), kernels, rng.normal(size=(batch, units))


@layer_gradient_norms.case("4 layers")
def _(call, rng):
    _judge_norms(call, *_problem(rng, batch=5, units=3, depth=4))


@layer_gradient_norms.case("a batch of 1")
def _(call, rng):
    _judge_norms(call, *_problem(rng, batch=1, units=4, depth=3))


@layer_gradient_norms.case("layers of different widths")
def _(call, rng):
    kernels = [rng.normal(size=shape) for shape in ((3, 5), (5, 2))]
    _judge_norms(call, rng.normal(size=(4, 3)), kernels, rng.normal(size=(4, 2)))


@layer_gradient_norms.case("integer inputs")
def _(call, rng):
    _, kernels, dy = _problem(rng, batch=3, units=3, depth=2)
    _judge_norms(call, rng.integers(-2, 3, size=(3, 3)), kernels, dy)


# ---- predicted_slope -----------------------------------------------------------------------------------------------

predicted_slope = Exercise(
    "04.predicted_slope",
    "kernel_std, units, slopes",
    hints=(
        "One unit's error is a sum over the units above: each term is an error times a weight of spread kernel_std.",
        "Variances add: the variance grows by units * kernel_std**2, and the slopes multiply it by their mean square.",
        "The factor of the spread is kernel_std * np.sqrt(units) * np.sqrt(np.mean(slopes**2)). Take its log10.",
    ),
)

# The simulation of 40 000 errors is good to about 0.005; what it must tell apart differs by 0.05 and more.
_TOLERANCE = 0.03


def _simulated(kernel_std, units, slopes, rng):
    """Send random errors back through random layers, and compare their spread before and after."""
    trials = 40_000 // units
    error = rng.normal(size=(trials, units))
    kernels = rng.normal(size=(trials, units, units)) * kernel_std
    below = np.einsum("tj,tij->ti", error, kernels) * rng.choice(np.ravel(slopes), size=(trials, units))
    return 0.5 * np.log10(np.mean(below**2) / np.mean(error**2))


def _judge_slope(call, rng, kernel_std, units, slopes):
    want = _simulated(kernel_std, units, slopes, rng)
    got = float(expect.numbers(expect.array(call(kernel_std, units, slopes), want, "the slope", rtol=np.inf), "slope"))
    rms, mean = np.sqrt(np.mean(np.square(slopes))), np.mean(slopes)
    factor = kernel_std * np.sqrt(units) * rms
    for wrong, label, message in (
        (factor, "factor, not its logarithm", "This is the factor itself. Its slope on a log10 axis is its log10."),
        (np.log(factor), "natural logarithm", "This is the natural logarithm; the axis is log10."),
        (2 * np.log10(factor), "variance", "Twice too steep: this is the slope of the variance. Take the root first."),
        (np.log10(kernel_std * rms), "width forgotten", "The width is missing: errors of all `units` units add up."),
        (
            np.log10(kernel_std * units * rms),
            "units, not root",
            "The spread grows with the *root* of units, not with units.",
        ),
        (-np.log10(factor), "sign", "The sign is the other way round: a factor below 1 gives a negative slope."),
        (
            np.log10(kernel_std * np.sqrt(units) * rms**2),
            "mean square, no root",
            "You used the mean square of the slopes. That is a variance: take its root, too.",
        ),
        (
            np.log10(kernel_std * np.sqrt(units)),
            "slopes forgotten",
            "The slopes are missing: the error is multiplied by them, too.",
        ),
        (
            np.log10(kernel_std / np.sqrt(units) * rms),
            "divided by the root of units",
            "You divided by the root of units. Errors of more units add up: multiply.",
        ),
        (
            np.log10(kernel_std * np.sqrt(units) * np.std(slopes)),
            "standard deviation",
            "You used the slopes' standard deviation, which takes their mean off. Take the root of the mean square.",
        ),
        (
            np.log10(kernel_std * np.sqrt(units) * abs(mean) + 1e-12),
            "mean slope",
            "You used the mean slope. Variances add, so take the root of the mean *square*.",
        ),
    ):
        if abs(got - wrong) < 1e-6 and abs(wrong - want) > _TOLERANCE:
            raise NotPassed(message, label)
    expect.true(
        abs(got - want) < _TOLERANCE,
        f"Your slope is {got:.3g} per layer; sending random errors through random layers gives {want:.3g}.",
        "value",
    )


@predicted_slope.case("sigmoid slopes")
def _(call, rng):
    z = rng.normal(size=(20, 30)) * 3
    _judge_slope(call, rng, 0.5, 8, 1 / (2 + np.exp(z) + np.exp(-z)))


@predicted_slope.case("ReLU, half of the slopes 0")
def _(call, rng):
    _judge_slope(call, rng, rng.uniform(0.1, 0.3), 16, rng.permutation(np.repeat([0.0, 1.0], 50)))


@predicted_slope.case("a growing error")
def _(call, rng):
    _judge_slope(call, rng, 1.0, 20, rng.uniform(0, 1, size=200))


@predicted_slope.case("slopes of both signs")
def _(call, rng):
    _judge_slope(call, rng, 0.4, 3, np.concatenate([rng.uniform(0.5, 1, 100), rng.uniform(-1, -0.5, 90)]))


# ---- clip_by_global_norm -------------------------------------------------------------------------------------------

clip_by_global_norm = Exercise(
    "04.clip_by_global_norm",
    "gradients, threshold",
    hints=(
        "All gradients together are one long vector. How long is it?",
        "Its length is the root of the sum of all squares, over all arrays. Under the threshold, change nothing.",
        "factor = min(1, threshold / norm), taken with care when norm is 0; then [g * factor for g in gradients].",
    ),
)


def _length(gradients):
    return np.linalg.norm(np.concatenate([np.ravel(g) for g in gradients]))


def _judge_clip(call, gradients, threshold):
    got = call(gradients, threshold)
    if got is None or got is Ellipsis:
        expect.numbers(got, "the list of gradients")
    if not isinstance(got, (list, tuple)) or len(got) != len(gradients):
        raise NotPassed(f"Return a list of {len(gradients)} arrays, one for each gradient.", "count")
    values = [expect.numbers(g, f"gradient {i}") for i, g in enumerate(got)]
    for i, (value, g) in enumerate(zip(values, gradients, strict=True)):
        expect.true(value.shape == np.shape(g), f"Gradient {i} has shape {value.shape}; it was {np.shape(g)}.", "shape")
        expect.true(
            np.isfinite(value).all(), f"Gradient {i} is not finite. Is there a division by a norm of 0?", "not finite"
        )
    norm, after = _length(gradients), _length(values)
    each = [np.linalg.norm(g) for g in gradients]
    unchanged = norm <= threshold
    for label, wrong, message in (
        (
            "each by its own norm",
            [g * min(1, threshold / n) if n else g for g, n in zip(gradients, each, strict=True)],
            "Each gradient was clipped by its own norm. That turns the whole: use one norm of all together.",
        ),
        (
            "by value",
            [np.clip(g, -threshold, threshold) for g in gradients],
            "This clips by value. It cuts off single entries and turns the gradient; scale all by one factor.",
        ),
        (
            "sum of norms",
            [g * min(1, threshold / sum(each)) if sum(each) else g for g in gradients],
            "You added the norms of the arrays. Squares add, norms do not: root of the sum of all squares.",
        ),
        (
            "no root",
            [g * min(1, threshold / norm**2) if norm else g for g in gradients],
            "You compared the threshold with the *square* of the norm. Take the root of the sum of squares.",
        ),
        (
            "to norm 1",
            gradients if unchanged else [g / norm for g in gradients],
            "You scaled the gradients to norm 1. Scale them to the threshold, and only when they are over it.",
        ),
    ):
        same = all(np.allclose(v, w, rtol=1e-4) for v, w in zip(values, wrong, strict=True))
        right = all(
            np.allclose(w, g * (1 if unchanged else threshold / norm)) for w, g in zip(wrong, gradients, strict=True)
        )
        if same and not right:
            raise NotPassed(message, label)
    if unchanged:
        expect.true(
            all(np.allclose(v, g, rtol=1e-5) for v, g in zip(values, gradients, strict=True)),
            f"Together they have norm {norm:.3g}, under the threshold {threshold:.3g}: they should stay as they are.",
            "changed below the threshold",
        )
        return
    expect.true(
        abs(after - threshold) <= 1e-4 * threshold,
        f"Together the clipped gradients have norm {after:.4g}; it should be the threshold, {threshold:.4g}.",
        "norm",
    )
    expect.true(
        all(np.allclose(v, g * threshold / norm, rtol=1e-4, atol=1e-7) for v, g in zip(values, gradients, strict=True)),
        "The norm is right, but the direction is not: multiply every gradient by the same factor.",
        "direction",
    )


@clip_by_global_norm.case("three gradients over the threshold")
def _(call, rng):
    gradients = [rng.normal(size=shape) * size for shape, size in (((3, 4), 5.0), ((4,), 0.1), ((4, 2), 1.0))]
    _judge_clip(call, gradients, 2.0)


@clip_by_global_norm.case("each under the threshold, together over it")
def _(call, rng):
    gradients = [g / np.linalg.norm(g) for g in rng.normal(size=(4, 6))]
    _judge_clip(call, gradients, 1.5)


@clip_by_global_norm.case("gradients under the threshold")
def _(call, rng):
    _judge_clip(call, [rng.normal(size=(2, 3)) * 0.01, rng.normal(size=3) * 0.01], 1.0)


@clip_by_global_norm.case("gradients of zero")
def _(call, rng):
    _judge_clip(call, [np.zeros((2, 2)), np.zeros(2)], 1.0)


@clip_by_global_norm.case("a single gradient, with integers")
def _(call, rng):
    _judge_clip(call, [rng.integers(1, 9, size=(2, 2))], 1.0)


# ---- first_bad_layer -----------------------------------------------------------------------------------------------

first_bad_layer = Exercise(
    "04.first_bad_layer",
    "outputs",
    hints=(
        "np.isfinite is False for NaN and for both infinities.",
        "One bad entry makes a layer bad: not np.isfinite(values).all().",
        "for index, values in enumerate(outputs): return the index of the first bad one; after the loop, return None.",
    ),
)


def _shown(got):
    """``got`` itself where it is short, else its kind."""
    if isinstance(got, np.generic):
        got = got.item()
    plain = got is None or isinstance(got, (bool, int, float, str))
    return repr(got) if plain and len(repr(got)) < 40 else f"of type {type(got).__name__}"


def _judge_bad(call, outputs, want, why):
    got = call(outputs)
    if got is Ellipsis:
        expect.numbers(got, "the index")
    if want is None:
        expect.true(got is None, f"All outputs are finite, so the answer is None; yours is {_shown(got)}.", "none bad")
        return
    if got is None:
        raise NotPassed(f"Your function returned None, but layer {want} is bad: {why}.", "missed")
    try:
        value = expect.numbers(got, "the index")
    except NotPassed:
        value = np.zeros(2)  # no number at all
    expect.true(
        value.shape == () and value.dtype.kind in "iu",
        f"Return one whole number, the index of the layer; yours is {_shown(got)}.",
        "type",
    )
    expect.true(
        int(value) == want, f"Your answer is {int(value)}; the first bad layer is {want}: {why}.", "wrong layer"
    )


def _healthy(rng, layers=6):
    return [rng.normal(size=(4, 5)) for _ in range(layers)]


@first_bad_layer.case("one NaN among many numbers")
def _(call, rng):
    outputs = _healthy(rng)
    outputs[2][3, 1] = np.nan
    _judge_bad(call, outputs, 2, "it holds one NaN; layers count from 0")


@first_bad_layer.case("an infinity that becomes NaN later")
def _(call, rng):
    outputs = _healthy(rng)
    outputs[1][0, 4] = np.inf
    outputs[2][:] = np.nan
    outputs[4][:] = np.nan
    _judge_bad(call, outputs, 1, "it holds an infinity, before the first NaN")


@first_bad_layer.case("minus infinity")
def _(call, rng):
    outputs = _healthy(rng)
    outputs[3][2, 2] = -np.inf
    _judge_bad(call, outputs, 3, "it holds minus infinity")


@first_bad_layer.case("the very first layer")
def _(call, rng):
    outputs = _healthy(rng)
    for values in outputs:
        values[0, 0] = np.nan
    _judge_bad(call, outputs, 0, "it holds a NaN")


@first_bad_layer.case("all finite")
def _(call, rng):
    _judge_bad(call, [values * 1e30 for values in _healthy(rng)], None, "")


# ---- signal_similarity ---------------------------------------------------------------------------------------------

signal_similarity = Exercise(
    "04.signal_similarity",
    "h",
    hints=(
        "Divide each row by its norm. The product of two rows is then their cosine.",
        "directions @ directions.T holds all cosines; on its diagonal each sample meets itself.",
        "Leave the diagonal out: (cosines.sum() - batch) / (batch * (batch - 1)).",
    ),
)


def _judge_similarity(call, h):
    pairs = [(i, j) for i in range(len(h)) for j in range(i)]
    cosines = [h[i] @ h[j] / np.sqrt((h[i] @ h[i]) * (h[j] @ h[j])) for i, j in pairs]
    want = np.mean(cosines)
    batch = len(h)
    centred = h - h.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.mean([centred[i] @ centred[j] / lengths[i] / lengths[j] for i, j in pairs])
    columns = h / np.linalg.norm(h, axis=0)
    by_unit = columns.T @ columns
    units = h.shape[1]
    mistakes = [
        Mistake(
            "diagonal counted",
            (2 * sum(cosines) + batch) / batch**2,
            "Each sample was compared with itself too: that adds ones. Leave the diagonal out.",
        ),
        Mistake(
            "no norms", np.mean([h[i] @ h[j] for i, j in pairs]), "Dot products, not cosines: divide by both norms."
        ),
        Mistake(
            "correlation",
            correlation,
            "You subtracted each sample's mean first: that is a correlation. A cosine does not.",
        ),
        Mistake(
            "units compared",
            (by_unit.sum() - units) / (units * (units - 1)),
            "You compared the units (columns). Compare the samples (rows).",
        ),
        Mistake("half counted", want / 2, "Half of it: count each pair once, and divide by the number of pairs."),
        Mistake("sum", sum(cosines), "This is the sum over the pairs. Divide by the number of pairs."),
        Mistake(
            "too many pairs",
            2 * sum(cosines) / batch**2,
            "The diagonal is out of the sum, but still counted: there are batch * (batch - 1) pairs.",
        ),
        Mistake(
            "one off the diagonal",
            (2 * sum(cosines) + batch - 1) / (batch * (batch - 1)),
            "You took 1 off the sum. The diagonal holds as many ones as there are samples: take off batch.",
        ),
        Mistake("sizes", np.mean(np.abs(cosines)), "A cosine may be negative. Do not take its absolute value."),
        Mistake("distance", 1 - want, "This is 1 minus the similarity, a distance."),
    ]
    expect.number(call(h), want, "the similarity", mistakes=[m for m in mistakes if np.isfinite(m.value)])


@signal_similarity.case("random signals that lean one way")
def _(call, rng):
    _judge_similarity(call, rng.normal(size=(6, 4)) * rng.uniform(0.5, 3, size=(6, 1)) + 0.7)


@signal_similarity.case("two samples")
def _(call, rng):
    _judge_similarity(call, rng.normal(size=(2, 5)) + 0.5)


@signal_similarity.case("signals that have collapsed")
def _(call, rng):
    _judge_similarity(call, rng.uniform(1, 9, size=(5, 1)) * rng.normal(size=(1, 8)))


@signal_similarity.case("opposite signals")
def _(call, rng):
    direction = rng.normal(size=6)
    _judge_similarity(call, np.stack([direction, -2 * direction, direction * 3]))


@signal_similarity.case("integer signals")
def _(call, rng):
    _judge_similarity(call, rng.integers(1, 9, size=(4, 3)))
