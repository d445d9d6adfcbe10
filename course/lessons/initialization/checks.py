"""Checks of lesson 05. Random weights are judged by their statistics, predictions by simulation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from course.check import Exercise, Mistake, NotPassed, expect

# ---- he_normal and glorot_uniform ------------------------------------------------------------------------

STANDARD_ERRORS = 6.0
KERNELS = {
    "a dense kernel, 300 inputs, 200 units": (300, 200),
    "a convolution's kernel, 3×3, 32 channels to 48": (3, 3, 32, 48),
    "a kernel with more units than inputs": (60, 700),
    "a single unit": (5000, 1),
}


def _draw(function, shape, seed):
    """Weights drawn from a generator made here, and whether the learner took any numbers from it."""
    rng = np.random.default_rng(seed)
    start = rng.bit_generator.state
    weights = function(tuple(shape), rng)
    return [weights, int(rng.bit_generator.state != start)]


def _fans(shape):
    pixels = int(np.prod(shape[:-2]))
    return pixels * shape[-2], pixels * shape[-1]


def _weights(call, name, shape, seed):
    """The learner's weights, of the right shape, finite, and drawn one by one from the given generator."""
    got = call(list(shape), seed)
    if not isinstance(got, (list, tuple)) or len(got) != 2:
        raise NotPassed(f"{name} should return one array.", "type")
    weights, drew = got
    value = expect.numbers(weights, "weights").astype(float)
    expect.true(
        value.shape == tuple(shape),
        f"weights has shape {value.shape}; expected {tuple(shape)}, the shape that was asked for.",
        "shape",
    )
    expect.true(np.isfinite(value).all(), "Some weights are NaN or infinite.", "not finite")
    expect.true(
        value.size == 1 or np.ptp(value) > 0,
        f"All weights are {value.flat[0]:.4g}. Equal weights stay equal for ever: draw them at random.",
        "all equal",
    )
    expect.true(
        drew,
        "No number was taken from rng. Draw from it, not from np.random or from a generator of your own: "
        "whoever passes an rng wants to repeat the draw.",
        "rng not used",
    )
    expect.true(
        np.unique(value).size > 0.9 * value.size,
        "Many weights are copies of each other. Each one needs a draw of its own: give `size=shape`.",
        "repeated",
    )
    return value


def _judge_variance(value, want, kurtosis, formula, mistakes):
    """The sample variance of ``value`` lies within six standard errors of ``want``.

    ``mistakes`` are pairs of a variance and a message: the nearest one that fits supplies the words.
    """
    error = STANDARD_ERRORS * np.sqrt((kurtosis - 1) / value.size)
    measured = float(np.mean(value**2))
    if abs(measured / want - 1) <= error:
        return
    for variance, message in mistakes:
        apart = abs(variance / want - 1) > 2 * error
        if apart and abs(measured / variance - 1) <= error:
            raise NotPassed(message, "variance")
    raise NotPassed(
        f"The variance of your {value.size} weights is {measured:.4g}; expected {want:.4g}, which is "
        f"{formula}.",
        "variance",
    )


def _judge_centre(value, variance):
    error = STANDARD_ERRORS * np.sqrt(variance / value.size)
    expect.true(
        abs(value.mean()) <= error,
        f"The mean of your weights is {value.mean():.3g}; expected 0: as many are negative as positive.",
        "mean",
    )


def _judge_repeat(call, rng):
    one, other = (int(number) for number in rng.choice(2**31, size=2, replace=False))
    first, again, different = (_weights(call, "It", (8, 6), seed) for seed in (one, one, other))
    expect.true(
        np.array_equal(first, again),
        "Two generators in the same state gave different weights: some numbers come from elsewhere.",
        "not repeatable",
    )
    expect.true(
        not np.array_equal(first, different),
        "Two different generators gave the same weights: the numbers come from elsewhere.",
        "rng not used",
    )


def _try_kernels(exercise, judge):
    """Give an initializer's check its cases: ``judge(call, rng, shape)`` for each kernel, and a repetition."""
    for kernel, shape in KERNELS.items():
        exercise.case(kernel)(lambda call, rng, shape=shape: judge(call, rng, shape))
    exercise.case("the same generator state gives the same weights, another one others")(_judge_repeat)


he_normal = Exercise(
    "05.he_normal",
    "shape, rng",
    hints=(
        "One unit adds up fan_in products. For a dense kernel fan_in is the number of inputs. For a "
        "3×3 convolution on "
        "16 channels, how many?",
        "fan_in is the product of all of the shape but its last number. The variance is 2 / fan_in; "
        "rng.normal wants the standard deviation.",
        "fan_in = np.prod(shape[:-1]), then rng.normal(0.0, np.sqrt(2 / fan_in), size=shape).",
    ),
    drive=_draw,
)


def _judge_he(call, rng, shape):
    value = _weights(call, "he_normal", shape, int(rng.integers(2**31)))
    fan_in, fan_out = _fans(shape)
    want = 2 / fan_in
    _judge_centre(value, max(want, value.var()))
    mistakes = [
        (
            2 / (fan_in * shape[-1]),
            "You counted all weights as fan-in. It is the number of products that *one* unit adds up: leave "
            "the last number of shape out.",
        ),
        (
            4 / fan_in,
            "The variance is 4 / fan_in: with 2 / √fan_in as the standard deviation, the 2 is squared as well. "
            "Take √(2 / fan_in).",
        ),
        (
            want**2,
            "The variance of your weights is (2 / fan_in)²: rng.normal wants the standard deviation, "
            "√(2 / fan_in).",
        ),
        (
            1 / fan_in,
            "The variance is 1 / fan_in, which is LeCun's. ReLU drops half of the signal: He takes 2 "
            "/ fan_in.",
        ),
        (2 / fan_out, "The variance is 2 / fan_out. Going up, a unit adds fan_in products: 2 / fan_in."),
        (
            2 / (fan_in + fan_out),
            "The variance is 2 / (fan_in + fan_out), which is Glorot's. He takes 2 / fan_in.",
        ),
        (1.0, "The variance is 1, whatever the fan-in: multiply by √(2 / fan_in)."),
    ]
    if len(shape) == 4:
        pixel = "A unit of a {0}×{1} convolution adds up {0} · {1} · {2} products: all but the last of shape."
        pixel = pixel.format(*shape)
        mistakes[:0] = [
            (2 / shape[2], f"You took the channels alone as fan-in. {pixel}"),
            (2 / shape[0], f"You took shape[0], the height, as fan-in. {pixel}"),
            (2 / (shape[0] * shape[1]), f"You left the channels out of the fan-in. {pixel}"),
        ]
    _judge_variance(value, want, 3.0, f"2 / fan_in = 2 / {fan_in}", mistakes)
    if value.size > 1000:
        expect.true(
            np.mean(np.abs(value) > np.sqrt(3 * want)) > 0.02,
            "The variance is right, but no weight is larger than √3 standard deviations: this is a uniform "
            "distribution. Here a normal one is asked for.",
            "uniform",
        )


_try_kernels(he_normal, _judge_he)


glorot_uniform = Exercise(
    "05.glorot_uniform",
    "shape, rng",
    hints=(
        "A number that is uniform between -limit and limit has variance limit² / 3. Set that to 2 / "
        "(fan_in + fan_out).",
        "limit = √(6 / (fan_in + fan_out)). For a convolution both fans count the pixels of the kernel.",
        "pixels = np.prod(shape[:-2]) is 1 for a dense kernel. fan_in = pixels * shape[-2], fan_out "
        "= pixels * shape[-1], "
        "then rng.uniform(-limit, limit, size=shape).",
    ),
    drive=_draw,
)


def _judge_glorot(call, rng, shape):
    value = _weights(call, "glorot_uniform", shape, int(rng.integers(2**31)))
    fan_in, fan_out = _fans(shape)
    want = 2 / (fan_in + fan_out)
    expect.true(
        value.size < 100 or value.min() < 0 < value.max(),
        "All weights have one sign. The distribution goes from -limit to limit.",
        "one sign",
    )
    _judge_centre(value, max(want, value.var()))
    limit = np.sqrt(3 * want)
    mistakes = [
        (
            want / 3,
            "Your limit is √(2 / (fan_in + fan_out)). That is the standard deviation wanted; the "
            "limit is √3 times it.",
        ),
        (
            want / (fan_in + fan_out),
            "Your limit is √6 / (fan_in + fan_out). The root goes over the sum of the fans, too.",
        ),
        (limit**4 / 3, "Your limit is 6 / (fan_in + fan_out). Take its square root."),
        (
            want / 2,
            "Your limit is √(3 / (fan_in + fan_out)). The variance of limit² / 3 must be 2 over the "
            "sum: 6, not 3.",
        ),
        (
            2 / fan_in,
            "The variance is 2 / fan_in, which is He's. Glorot takes both fans: 2 / (fan_in + fan_out).",
        ),
        (
            1 / fan_in,
            "The variance is 1 / fan_in, which is LeCun's. Glorot takes both fans: 2 / (fan_in + fan_out).",
        ),
        (1 / fan_out, "The variance is 1 / fan_out. Glorot takes both fans: 2 / (fan_in + fan_out)."),
        (1 / 3, "The limit is 1, whatever the fans: it should be √(6 / (fan_in + fan_out))."),
    ]
    if len(shape) == 4:
        height, width, channels_in, channels_out = shape
        mistakes[:0] = [
            (
                2 / (channels_in + channels_out),
                "You took the channels alone as fans. Both count the pixels of the kernel too.",
            ),
            (
                2 / (fan_in + channels_out),
                "Your fan_out is the channels alone. It counts the pixels of the kernel, as fan_in does.",
            ),
            (
                2 / (height + width),
                "You took shape[0] and shape[1] as fans. For a convolution these are pixels, not fans.",
            ),
        ]
    _judge_variance(value, want, 1.8, f"2 / (fan_in + fan_out) = 2 / ({fan_in} + {fan_out})", mistakes)
    largest = np.abs(value).max()
    expect.true(
        largest <= limit * (1 + 1e-6),
        f"The variance is right, but the largest weight is {largest:.4g}, beyond the limit of {limit:.4g}. "
        "Draw from a uniform distribution.",
        "beyond the limit",
    )
    expect.true(
        value.size < 1000
        or abs(np.mean(np.abs(value) < limit / 2) - 0.5) < STANDARD_ERRORS * 0.5 / np.sqrt(value.size),
        "The variance is right, but the weights are not spread evenly between -limit and limit.",
        "not uniform",
    )


_try_kernels(glorot_uniform, _judge_glorot)


# ---- variance_after --------------------------------------------------------------------------------------

NETWORKS = 100_000

variance_after = Exercise(
    "05.variance_after",
    "fan_in, weight_variance, activation",
    hints=(
        "One layer: z adds up fan_in products, so its variance is fan_in times the weights' variance "
        "times the mean of h². "
        "What is the mean of h² for the first layer? And for the next?",
        "Without activation the next layer's mean of h² is the variance of z. ReLU sets half of the z to 0, "
        "and z is as often negative as positive: half of its mean square is left.",
        "Start with mean_square = 1. In a loop: z = n * variance * mean_square; then mean_square = z "
        "/ 2 for ReLU, "
        "z for linear. Return the last z, before its activation.",
    ),
)


def _measured_variance(fan_in, weight_variance, activation, rng):
    """Mean and standard error of z² in the last layer, over many small networks with normal weights.

    Given h, the units' z = h @ kernel are independent and normal with variance weight_variance · |h|². So z is
    drawn, not the kernel: the same networks for a small part of the work, and an error of under half a percent.
    """
    h = rng.standard_normal((NETWORKS, fan_in[0]), dtype="float32")
    for variance, units in zip(weight_variance, [*fan_in[1:], 16], strict=True):
        length = np.sqrt(np.sum(h**2, axis=1, keepdims=True))
        z = np.float32(np.sqrt(variance)) * length * rng.standard_normal((NETWORKS, units), dtype="float32")
        h = np.maximum(z, 0) if activation == "relu" else z
    squares = (z**2).mean(axis=1, dtype=float)
    return float(squares.mean()), float(squares.std() / np.sqrt(NETWORKS))


def _product(fan_in, weight_variance):
    return float(np.prod(np.array(fan_in, dtype=float) * np.array(weight_variance)))


def _judge_variance_after(call, rng, fan_in, weight_variance, activation):
    got = expect.numbers(call(fan_in, weight_variance, activation), "the variance")
    expect.true(got.size == 1, f"The variance has shape {got.shape}; expected a single number.", "shape")
    got = float(got.reshape(()))
    measured, error = _measured_variance(fan_in, weight_variance, activation, rng)
    tolerance = STANDARD_ERRORS * error
    if abs(got - measured) <= tolerance:
        return
    expect.true(
        abs(got**2 - measured) > tolerance, "This is the standard deviation. Square it.", "standard deviation"
    )
    full, layers = _product(fan_in, weight_variance), len(fan_in)
    roots = float(np.prod(np.array(fan_in, dtype=float) * np.sqrt(weight_variance)))
    # Variance of relu(z), not its mean square: (1 - 1/π) / 2 of z's variance.
    spread = (1 - 1 / np.pi) / 2
    mistakes = [
        Mistake(
            "standard deviations of weights",
            roots,
            "You took the roots of the weights' variances. Variances multiply.",
        ),
        Mistake(
            "fan-in left out",
            float(np.prod(weight_variance)),
            "You left out fan_in: a unit adds up fan_in products.",
        ),
        Mistake(
            "sum over layers",
            float(np.dot(fan_in, weight_variance)),
            "You added the layers up. Each one multiplies the variance of the one before.",
        ),
        Mistake(
            "last layer only",
            fan_in[-1] * weight_variance[-1],
            "This is what the last layer does alone. The layers before it multiply as well.",
        ),
    ]
    if activation == "relu":
        mistakes += [
            Mistake(
                "relu ignored",
                full,
                "This holds without activation. ReLU leaves only half of the mean square.",
            ),
            Mistake(
                "halved in each layer",
                full / 2**layers,
                "You halved once too often: z of the last layer is measured before its activation, "
                "and the first layer's input has passed no ReLU.",
            ),
            Mistake(
                "variance, not mean square",
                full * spread ** (layers - 1),
                "You multiply by the variance of relu(z), 0.34 of z's. But its mean is not 0, and "
                "what the next layer "
                "feels is the mean of h²: one half.",
            ),
            Mistake(
                "quarter",
                full / 4 ** (layers - 1),
                "You divide by 4 for each ReLU. It sets half of the values to 0, which halves the "
                "mean square.",
            ),
        ]
    else:
        mistakes.append(
            Mistake(
                "halved",
                full / 2 ** (layers - 1),
                "You halved although the activation is linear: nothing is lost.",
            )
        )
    for mistake in mistakes:
        if (
            abs(got - mistake.value) <= 1e-3 * abs(mistake.value)
            and abs(mistake.value - measured) > tolerance
        ):
            raise NotPassed(mistake.message, mistake.label)
    raise NotPassed(
        f"You predict {got:.4g}. In {NETWORKS} networks with fan_in {fan_in}, weight variances "
        f"{[float(f'{v:.3g}') for v in weight_variance]} and activation {activation!r} it is "
        f"{measured:.4g} ± {error:.1g}.",
        "value",
    )


def _stack(rng, widths):
    """Layers whose variance is neither level nor alike."""
    return [float(rng.uniform(0.6, 2.6)) / n for n in widths]


@variance_after.case("one layer")
def _(call, rng):
    fan_in = [int(rng.integers(20, 40))]
    _judge_variance_after(call, rng, fan_in, [float(rng.uniform(1.5, 3)) / fan_in[0]], "linear")


@variance_after.case("three linear layers")
def _(call, rng):
    fan_in = [int(n) for n in rng.integers(20, 40, size=3)]
    _judge_variance_after(call, rng, fan_in, _stack(rng, fan_in), "linear")


@variance_after.case("three layers with ReLU")
def _(call, rng):
    fan_in = [int(n) for n in rng.integers(20, 40, size=3)]
    _judge_variance_after(call, rng, fan_in, _stack(rng, fan_in), "relu")


@variance_after.case("one layer, ReLU after it")
def _(call, rng):
    fan_in = [int(rng.integers(20, 40))]
    _judge_variance_after(call, rng, fan_in, [2 / fan_in[0]], "relu")


@variance_after.case("He's variance in four ReLU layers: level")
def _(call, rng):
    fan_in = [30, 40, 25, 20]
    _judge_variance_after(call, rng, fan_in, [2 / n for n in fan_in], "relu")


# ---- symmetry_rank ---------------------------------------------------------------------------------------

symmetry_rank = Exercise(
    "05.symmetry_rank",
    "before, after",
    hints=(
        "The question is what training *did*: look at after - before, not at the kernel itself.",
        "The singular values tell how far the matrix reaches in each direction. "
        "Count those above one millionth of the largest.",
        "values = np.linalg.svd(after - before, compute_uv=False), largest first. "
        "np.sum(values > 1e-6 * values[0]), and 0 when values[0] is 0.",
    ),
)


def _matrix(rng, rank, inputs, units):
    """A matrix (inputs, units) of exactly this rank, all of whose singular values are of one size."""
    left, _ = np.linalg.qr(rng.normal(size=(inputs, max(rank, 1))))
    right, _ = np.linalg.qr(rng.normal(size=(units, max(rank, 1))))
    return (left * rng.uniform(1, 3, size=max(rank, 1))) @ right.T * (rank > 0)


def _judge_rank(call, before, after, want, *likely):
    """The learner's rank is ``want``; ``likely`` names the misconceptions that this case is made for."""
    got = expect.numbers(call(before, after), "the rank")
    expect.true(got.size == 1, f"The rank has shape {got.shape}; expected a single whole number.", "shape")
    got = float(got.reshape(()))
    if got == want:
        return
    change = after - before
    if not change.any():
        raise NotPassed(f"You say {got:g}, but after equals before: no change has rank 0.", "no change")
    strengths = np.linalg.svd(change, compute_uv=False)
    mistakes = {
        "after": (
            np.linalg.matrix_rank(after),
            "This is the rank of `after`. Ask what training changed: after - before.",
        ),
        "before": (
            np.linalg.matrix_rank(before),
            "This is the rank of `before`. Ask what training changed: after - before.",
        ),
        "units": (
            np.unique(change.round(6), axis=1).shape[1],
            "This counts how many units changed differently. Different units may still share a few "
            "directions: "
            "count singular values.",
        ),
        "rounding": (
            np.linalg.matrix_rank(change),
            "You counted rounding as directions: all but a few singular values are under a millionth "
            "of the largest.",
        ),
        "fixed threshold": (
            int(np.sum(strengths > 1e-6)),
            "You compare the singular values with a fixed number. A small change counts as well: "
            "compare them with the largest one.",
        ),
        "weak directions": (
            int(np.sum(strengths > 1e-3 * strengths[0])),
            "You leave out weak directions: whatever is above one millionth of the largest singular value "
            "counts.",
        ),
        "rows": (change.shape[0], "This is the number of inputs, not the rank of the change."),
    }
    for label in (*likely, *mistakes):
        value, message = mistakes[label]
        if got == value:
            raise NotPassed(message, label)
    largest = ", ".join(f"{value:.1g}" for value in strengths[:4])
    raise NotPassed(
        f"You say {got:g}; expected {want}. The largest singular values of the change are {largest}.", "value"
    )


@symmetry_rank.case("a change of three directions")
def _(call, rng):
    before = _matrix(rng, 4, 9, 8)
    _judge_rank(call, before, before + _matrix(rng, 3, 9, 8), 3, "after", "before", "units")


@symmetry_rank.case("a layer trained from equal weights")
def _(call, rng):
    before, after = _trained_from_equal_weights(rng)
    _judge_rank(call, before, after, 1, "rounding")


@symmetry_rank.case("no change")
def _(call, rng):
    before = rng.normal(size=(5, 4))
    _judge_rank(call, before, before.copy(), 0)


@symmetry_rank.case("five different units that share two directions")
def _(call, rng):
    before = rng.normal(size=(9, 5))
    _judge_rank(call, before, before + rng.normal(size=(9, 2)) @ rng.normal(size=(2, 5)), 2, "units")


@symmetry_rank.case("a change of two directions, ten million times smaller than the weights")
def _(call, rng):
    before = rng.normal(size=(6, 7))
    _judge_rank(call, before, before + 1e-7 * _matrix(rng, 2, 6, 7), 2, "fixed threshold", "rounding")


@symmetry_rank.case("two directions and rounding noise")
def _(call, rng):
    before = np.full((7, 10), 0.01)
    noise = 1e-9 * rng.normal(size=(7, 10))
    _judge_rank(call, before, before + _matrix(rng, 2, 7, 10) + noise, 2, "rounding")


@symmetry_rank.case("three directions, one of them a ten-thousandth as strong as the first")
def _(call, rng):
    before = rng.normal(size=(8, 6))
    left, _ = np.linalg.qr(rng.normal(size=(8, 3)))
    right, _ = np.linalg.qr(rng.normal(size=(6, 3)))
    _judge_rank(call, before, before + left * [1, 1e-2, 1e-4] @ right.T, 3, "weak directions")


@symmetry_rank.case("a single unit")
def _(call, rng):
    before = rng.normal(size=(4, 1))
    _judge_rank(call, before, before + rng.normal(size=(4, 1)), 1, "rows")


def _trained_from_equal_weights(rng, steps=20, lr=0.5):
    """The first kernel of a small tanh network before and after training from equal weights."""
    x, y = rng.normal(size=(30, 5)), rng.normal(size=(30, 2))
    kernel, out = np.full((5, 4), 0.3), np.full((4, 2), 0.2)
    before = kernel.copy()
    for _ in range(steps):
        h = np.tanh(x @ kernel)
        d = (h @ out - y) / len(x)
        d_kernel = x.T @ ((d @ out.T) * (1 - h**2))
        kernel, out = kernel - lr * d_kernel, out - lr * h.T @ d
    return before, kernel


# ---- lsuv_init -------------------------------------------------------------------------------------------

lsuv_init = Exercise(
    "05.lsuv_init",
    "kernels, x",
    hints=(
        "One layer first: by which number must you divide the kernel, such that the standard "
        "deviation of h @ kernel is 1?",
        "The next layer sees what the *new* kernel makes: compute z again after scaling, then "
        "np.maximum(z, 0).",
        "h = x. For each kernel: kernel = kernel / np.std(h @ kernel), append it, then h = "
        "np.maximum(h @ kernel, 0).",
    ),
)


def _through(kernels, x):
    """z of each layer."""
    sums, h = [], x
    for kernel in kernels:
        sums.append(h @ kernel)
        h = np.maximum(sums[-1], 0)
    return sums


def _judge_lsuv(call, kernels, x):
    got = call(kernels, x)
    if got is None:
        raise NotPassed("lsuv_init returned None. Is the `return` line missing?", "none")
    if got is Ellipsis:
        expect.numbers(got, "kernels")
    if isinstance(got, np.ndarray) and got.dtype == object:
        got = list(got)
    if not isinstance(got, (list, tuple)):
        got = [got] if len(kernels) == 1 else got
    expect.true(
        isinstance(got, (list, tuple)) and len(got) == len(kernels),
        f"lsuv_init should return a list of {len(kernels)} kernels, one for each layer.",
        "count",
    )
    new = []
    for number, (kernel, old) in enumerate(zip(got, kernels, strict=True), 1):
        value = expect.numbers(kernel, f"kernel {number}").astype(float)
        expect.true(
            value.shape == old.shape,
            f"kernel {number} has shape {value.shape}; expected {old.shape}, the shape of the old one.",
            "shape",
        )
        expect.true(
            np.isfinite(value).all(), f"kernel {number} has values that are NaN or infinite.", "not finite"
        )
        new.append(value)
    _one_number_each(new, kernels)
    at_first = _through(kernels, x)
    for number, z in enumerate(_through(new, x), 1):
        if min(abs(z.var() - 1), abs(z.var(ddof=1) - 1)) <= 1e-3:  # over n, or over n - 1
            continue
        factor = float((new[number - 1] * kernels[number - 1]).sum() / (kernels[number - 1] ** 2).sum())
        h = x if number == 1 else np.maximum(_through(new, x)[number - 2], 0)
        raise _about_variance(number, z, h @ kernels[number - 1], at_first[number - 1], factor)


def _one_number_each(new, kernels):
    """Each new kernel is its old one times one positive number."""
    for number, (kernel, old) in enumerate(zip(new, kernels, strict=True), 1):
        factor = float((kernel * old).sum() / (old**2).sum())
        same = np.abs(kernel - factor * old).max() <= 1e-4 * np.abs(kernel).max(initial=1e-300)
        if same and factor > 0:
            continue
        if not kernel.any():
            raise NotPassed(f"kernel {number} is all zeros.", "all zeros")
        if same:
            raise NotPassed(f"kernel {number} has changed its sign. Multiply by a positive number.", "sign")
        ratios = kernel / old
        if np.ptp(ratios, axis=0).max() <= 1e-4 * np.abs(ratios).max():
            raise NotPassed(
                f"kernel {number} has a factor for each unit. Use one number for the layer: "
                "the standard deviation over the batch and all units together.",
                "factor per unit",
            )
        raise NotPassed(f"kernel {number} is not its old self times one number.", "direction")


def _about_variance(number, z, before, at_first, factor):
    """What to say of a layer whose z has the wrong variance. ``before``: z by the old kernel."""

    def is_about(value):
        return abs(factor * value - 1) <= 1e-3

    active = np.maximum(before, 0)
    text = f"In layer {number}, z has variance {z.var():.3g} on the batch; expected 1."
    if is_about(1):
        return NotPassed(f"kernel {number} was not scaled. {text}", "not scaled")
    if number > 1 and (is_about(at_first.std()) or is_about(at_first.var())):
        return NotPassed(
            f"{text} You measured it with the old kernels below. Scale layer by layer: measure what arrives "
            "through the new ones.",
            "not sequential",
        )
    if is_about(before.var()):
        return NotPassed(
            f"{text} You divided by the variance. z is proportional to the kernel, so divide by the "
            "standard deviation.",
            "divided by variance",
        )
    if is_about(active.std()):
        return NotPassed(f"{text} You measured it after the ReLU. Measure z itself.", "after ReLU")
    if is_about(np.sqrt(np.mean(before**2))):
        return NotPassed(
            f"{text} You took the mean of z². The variance is about the mean of z, which is not 0 here.",
            "mean square",
        )
    return NotPassed(text, "variance")


def _layers(rng, sizes, scales):
    return [scale * rng.normal(size=shape) for shape, scale in zip(pairwise(sizes), scales, strict=True)]


@lsuv_init.case("three layers, weights far too large and far too small")
def _(call, rng):
    _judge_lsuv(call, _layers(rng, (6, 12, 10, 8), (3.0, 0.01, 0.7)), rng.normal(size=(40, 6)))


@lsuv_init.case("inputs whose mean is not 0")
def _(call, rng):
    _judge_lsuv(call, _layers(rng, (5, 9, 7), (0.4, 2.0)), 2 + rng.normal(size=(30, 5)))


@lsuv_init.case("a single layer")
def _(call, rng):
    _judge_lsuv(call, _layers(rng, (4, 7), (0.1,)), rng.normal(size=(20, 4)))


@lsuv_init.case("a batch of 1")
def _(call, rng):
    _judge_lsuv(call, _layers(rng, (6, 20, 15), (0.5, 0.2)), rng.normal(size=(1, 6)))


@lsuv_init.case("integer inputs")
def _(call, rng):
    _judge_lsuv(call, _layers(rng, (5, 16, 6), (0.2, 0.3)), rng.integers(-4, 5, size=(25, 5)))
