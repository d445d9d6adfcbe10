"""Checks of lesson 02. Expected gradients come from central differences, never from a formula the learner writes."""

from __future__ import annotations

import numpy as np

from course.check import Exercise, Mistake, NotPassed, expect
from course.check.oracles import gradient, log_softmax

# ---- dense_backward ------------------------------------------------------------------------------------------------

dense_backward = Exercise(
    "02.dense_backward",
    "x, kernel, dy",
    hints=(
        "Write the shapes of x, kernel and dy side by side. Each gradient has the shape of what it belongs to.",
        "dx must be (batch, inputs). Which product of dy (batch, units) and kernel (inputs, units) has that shape?",
        "dx = dy @ kernel.T and dkernel = x.T @ dy. The bias is added to every sample, so dbias collects from all.",
    ),
)


def _judge_dense(call, x, kernel, dy):
    bias = np.zeros(kernel.shape[1])
    want = {
        "dx": gradient(lambda v: (dy * (v @ kernel + bias)).sum(), x),
        "dkernel": gradient(lambda v: (dy * (x @ v + bias)).sum(), kernel),
        "dbias": gradient(lambda v: (dy * (x @ kernel + v)).sum(), bias),
    }
    batch = len(x)
    mean = "{0} is divided by the batch size. dy already carries the loss's 1/batch; a layer only sums over samples."
    twice = "{0} is divided by the batch size, and twice. dy already carries 1/batch; a layer only sums over samples."
    mistakes = {
        name: [
            Mistake("mean over batch", value / batch, mean.format(name)),
            Mistake("mean over batch twice", value / batch**2, twice.format(name)),
        ]
        for name, value in want.items()
    }
    mistakes["dkernel"].append(
        Mistake(
            "transposed kernel gradient",
            want["dkernel"].T,
            "dkernel is transposed: it needs the shape of kernel, (inputs, units). Swap the factors: x.T @ dy.",
        )
    )
    mistakes["dbias"] += [
        Mistake(
            "bias not summed",
            dy,
            "dbias is dy itself, one row per sample. One bias serves all samples: add their shares up.",
        ),
        Mistake("bias summed over units", dy.sum(axis=1), "dbias is summed over the units; sum over the batch."),
        Mistake("bias summed over all", dy.sum(), "dbias is the sum of all of dy. Each unit has a bias: use axis=0."),
        Mistake(
            "bias of one sample", dy[0], "dbias is the first row of dy. Every sample adds its share: sum over axis 0."
        ),
    ]
    if kernel.shape[0] == kernel.shape[1]:
        wrong = dy @ kernel
        mistakes["dx"].append(
            Mistake(
                "kernel not transposed",
                wrong,
                "dx is dy @ kernel. The gradient goes back through the transposed kernel: dy @ kernel.T.",
            )
        )
    shapes = {"dx": "(batch, inputs)", "dkernel": "(inputs, units)", "dbias": "(units,)"}
    expect.arrays(call(x, kernel, dy), want, shapes=shapes, mistakes=mistakes)


@dense_backward.case("a batch of 5 samples")
def _(call, rng):
    _judge_dense(call, rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=(5, 4)))


@dense_backward.case("a layer with as many units as inputs")
def _(call, rng):
    _judge_dense(call, rng.normal(size=(4, 3)), rng.normal(size=(3, 3)), rng.normal(size=(4, 3)))


@dense_backward.case("a batch of 1")
def _(call, rng):
    _judge_dense(call, rng.normal(size=(1, 4)), rng.normal(size=(4, 2)), rng.normal(size=(1, 2)))


@dense_backward.case("one unit")
def _(call, rng):
    _judge_dense(call, rng.normal(size=(6, 2)), rng.normal(size=(2, 1)), rng.normal(size=(6, 1)))


@dense_backward.case("integer inputs")
def _(call, rng):
    _judge_dense(call, rng.integers(-3, 4, size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=(4, 2)))


# ---- relu_backward -------------------------------------------------------------------------------------------------

relu_backward = Exercise(
    "02.relu_backward",
    "x, dy",
    hints=(
        "Where x is positive, ReLU hands its input on. What is the slope there? And where x is negative?",
        "The chain rule multiplies dy by that slope, element by element.",
        "The slope is (x > 0), which NumPy counts as 0 and 1. Multiply dy by it.",
    ),
)


def _judge_relu(call, x, dy):
    want = gradient(lambda v: (dy * np.maximum(v, 0)).sum(), x)
    slope = (x > 0).astype(float)
    mistakes = [
        Mistake("mask by dy", np.maximum(dy, 0), "This keeps the positive gradients. Keep those where x is positive."),
        Mistake("slope only", slope, "This is the slope of ReLU alone. The chain rule multiplies it by dy."),
        Mistake("value, not slope", np.maximum(x, 0) * dy, "This multiplies dy by relu(x). Multiply by its slope."),
        Mistake("input, not slope", x * dy, "This multiplies dy by x. Multiply by ReLU's slope, which is 0 or 1."),
        Mistake("forward pass", np.maximum(x, 0), "This is relu(x), the forward pass. The way back hands on dy."),
        Mistake("sign as slope", np.sign(x) * dy, "np.sign(x) is -1 where x is negative. ReLU's slope is 0 there."),
        Mistake(
            "negative gradients dropped",
            np.maximum(want, 0),
            "You drop the negative gradients, too. Only the sign of x decides what passes.",
        ),
        Mistake("mean over batch", want / len(x), "You divided by the batch size. dy already carries the mean."),
        Mistake("identity", dy, "dy comes through everywhere. Where x is negative, ReLU passes nothing."),
        Mistake("masked the wrong side", dy * (x < 0), "The mask is the wrong way round: x > 0 lets dy through."),
    ]
    expect.array(call(x, dy), want, "dx", shape="the shape of x", mistakes=mistakes)


def _away_from_zero(rng, shape):
    """Numbers of both signs that central differences cannot push across ReLU's kink."""
    x = rng.uniform(0.1, 2.0, size=shape) * rng.choice([-1.0, 1.0], size=shape)
    x.flat[0] = -abs(x.flat[0])
    x.flat[-1] = abs(x.flat[-1])
    return x


@relu_backward.case("a batch")
def _(call, rng):
    _judge_relu(call, _away_from_zero(rng, (5, 4)), _away_from_zero(rng, (5, 4)))


@relu_backward.case("a single row")
def _(call, rng):
    _judge_relu(call, _away_from_zero(rng, (1, 6)), _away_from_zero(rng, (1, 6)))


@relu_backward.case("a batch of images, 4 dimensions")
def _(call, rng):
    _judge_relu(call, _away_from_zero(rng, (2, 3, 3, 2)), _away_from_zero(rng, (2, 3, 3, 2)))


@relu_backward.case("integer inputs")
def _(call, rng):
    x = rng.integers(1, 5, size=(3, 4)) * np.array([-1, 1, -1, 1])
    _judge_relu(call, x, rng.normal(size=(3, 4)))


# ---- softmax_cross_entropy_backward --------------------------------------------------------------------------------

softmax_cross_entropy_backward = Exercise(
    "02.softmax_cross_entropy_backward",
    "logits, labels",
    hints=(
        "For one sample the gradient is p - y: the probabilities, minus 1 at the true class.",
        "labels are class numbers. p[np.arange(batch), labels] picks the true class of each row.",
        "The loss is the mean over the batch, so divide by the batch size once. Shift the logits by their row's "
        "maximum before np.exp, or large ones overflow.",
    ),
)


def _judge_softmax(call, logits, labels, rtol=None):
    rows = np.arange(len(labels))
    want = gradient(lambda v: -log_softmax(v)[rows, labels].mean(), logits)
    p = np.exp(log_softmax(logits))
    one_hot = np.eye(logits.shape[1])[labels]
    batch = len(labels)
    mistakes = [
        Mistake("sum over batch", p - one_hot, "This is the gradient of the summed loss. The mean divides by batch."),
        Mistake(
            "mean over batch twice", (p - one_hot) / batch**2, "You divided by the batch size twice. Once is the mean."
        ),
        Mistake("sign", (one_hot - p) / batch, "This is y - p. The gradient of the loss is p - y."),
        Mistake("sign and sum", one_hot - p, "This is y - p, and of the summed loss. Return (p - y) / batch."),
        Mistake("divided by classes", (p - one_hot) / logits.size, "You averaged over the classes too."),
        Mistake(
            "classes for batch",
            (p - one_hot) / logits.shape[1],
            "You divided by the number of classes. The loss is the mean over the batch.",
        ),
        Mistake(
            "every label",
            (p - (one_hot.sum(axis=0) > 0)) / batch,
            "p[:, labels] takes every label for every sample. One for each row is p[np.arange(batch), labels].",
        ),
        Mistake(
            "label as number",
            (p - labels[:, None]) / batch,
            "You subtracted the label. It is the number of a class: subtract 1 at that class.",
        ),
        Mistake(
            "logits for p",
            (logits - one_hot) / batch,
            "You used the logits in place of the probabilities. Take the softmax first.",
        ),
        Mistake("probabilities only", p / batch, "Subtract 1 at the true class: the gradient is p - y."),
        Mistake("probabilities only", p, "These are the probabilities. Subtract 1 at the true class: p - y."),
    ]
    with np.errstate(over="ignore", invalid="ignore"):
        q = np.exp(logits) / np.exp(logits).sum(axis=0, keepdims=True)
    mistakes.append(
        Mistake("softmax over the batch", (q - one_hot) / batch, "Your softmax sums to 1 over the batch, axis 0.")
    )
    try:
        expect.array(call(logits, labels), want, "dlogits", shape="(batch, classes)", mistakes=mistakes, rtol=rtol)
    except NotPassed as error:
        if error.mistake == "not finite":
            raise NotPassed(
                f"{error} With logits up to {logits.max():.0f}, np.exp overflows: subtract each row's maximum first.",
                "overflow",
            ) from None
        if error.mistake == "value" and np.abs(logits).max() > 500:
            text = f"{error} Clipping or scaling large logits loses their differences: subtract each row's maximum."
            raise NotPassed(text, "clipped") from None
        raise


@softmax_cross_entropy_backward.case("a batch of 6 samples")
def _(call, rng):
    _judge_softmax(call, rng.normal(size=(6, 4)), np.array([0, 1, 2, 3, 1, 1]))


@softmax_cross_entropy_backward.case("as many samples as classes")
def _(call, rng):
    _judge_softmax(call, rng.normal(size=(3, 3)), rng.integers(0, 3, size=3))


@softmax_cross_entropy_backward.case("a batch of 1")
def _(call, rng):
    _judge_softmax(call, rng.normal(size=(1, 5)), rng.integers(0, 5, size=1))


@softmax_cross_entropy_backward.case("two classes")
def _(call, rng):
    _judge_softmax(call, rng.normal(size=(4, 2)), np.array([0, 1, 1, 0]))


@softmax_cross_entropy_backward.case("logits of 1000")
def _(call, rng):
    logits = rng.normal(size=(4, 3)) + np.array([[1000.0], [-1000.0], [800.0], [0.0]])
    _judge_softmax(call, logits, np.array([0, 1, 2, 0]), rtol=1e-4)  # float32 near 1000 keeps no more


# ---- numerical_gradient --------------------------------------------------------------------------------------------

_FUNCTIONS = {
    "sum of squares": lambda x: float((x**2).sum()),
    "sum of cubes": lambda x: float((x**3).sum()),
    "sum of sines": lambda x: float(np.sin(x).sum()),
    "product of neighbours": lambda x: float((np.ravel(x)[1:] * np.ravel(x)[:-1]).sum()),
    "sum of |x|": lambda x: float(np.abs(x).sum()),
}


def _with_function(function, name, x):
    """Give the learner's function the scalar function itself: only its name travels."""
    return function(_FUNCTIONS[name], x)


numerical_gradient = Exercise(
    "02.numerical_gradient",
    "f, x",
    hints=(
        "Move one entry of x by a small h, and keep the others where they are. What does f do?",
        "Central: (f(x with entry + h) - f(x with entry - h)) / (2 h). np.ndindex(*x.shape) walks through all entries.",
        "Start with x = np.array(x, dtype=float), a float copy. In the loop: keep = x[i]; x[i] = keep + h; up = f(x); "
        "x[i] = keep - h; down = f(x); x[i] = keep; slope[i] = (up - down) / (2 * h). h = 1e-5 serves well.",
    ),
    drive=_with_function,
)


def _judge_numerical(call, name, x, mistakes=()):
    want = gradient(_FUNCTIONS[name], x)
    got = call(name, x)
    mistakes = [
        *mistakes,
        Mistake("divided by h", 2 * want, "Twice the gradient: up and down are 2h apart, so divide by 2h."),
        Mistake(
            "all entries at once",
            np.full(x.shape, want.sum()),
            "Every entry is the sum of the gradient: you moved all entries of x at once. Move one at a time.",
        ),
    ]
    try:
        expect.array(got, want, "gradient", shape="the shape of x", mistakes=mistakes, rtol=1e-5)
    except NotPassed as error:
        near = error.mistake == "value" and np.abs(np.asarray(got) - want).max() < 0.3 * np.abs(want).max()
        if near:
            advice = "Too large a step h blurs, too small a one drowns in rounding: try 1e-5, and put each entry back."
            raise NotPassed(f"{error} {advice}", "step or entry not put back") from None
        raise


@numerical_gradient.case("the sum of cubes of a matrix")
def _(call, rng):
    _judge_numerical(call, "sum of cubes", rng.uniform(0.5, 2.0, size=(3, 4)))


@numerical_gradient.case("a function in which the entries interact")
def _(call, rng):
    _judge_numerical(call, "product of neighbours", rng.normal(size=5))


@numerical_gradient.case("an array with 3 dimensions")
def _(call, rng):
    _judge_numerical(call, "sum of sines", rng.normal(size=(2, 2, 3)))


@numerical_gradient.case("a single entry")
def _(call, rng):
    _judge_numerical(call, "sum of squares", rng.uniform(1.0, 3.0, size=(1,)))


@numerical_gradient.case("integer inputs")
def _(call, rng):
    x = rng.integers(1, 5, size=(2, 3))
    message = (
        "All zeros: x is an integer array here, so x + h rounds back to x, and np.zeros_like(x) "
        "holds integers only. Make a float copy first."
    )
    try:
        _judge_numerical(call, "sum of sines", x, [Mistake("integer input", np.zeros(x.shape), message)])
    except NotPassed as error:
        if error.mistake == "value":
            text = f"{error} x is an integer array here, and x[i] = keep - h cuts off its decimals: make a float copy."
            raise NotPassed(text, "integer input") from None
        raise


@numerical_gradient.case("|x| at 0, where a central difference gives 0")
def _(call, rng):
    got = expect.numbers(call("sum of |x|", np.zeros(2)), "gradient")
    one_sided = got.shape == (2,) and np.allclose(np.abs(got), 1)
    expect.true(
        not one_sided,
        "This is a one-sided difference, f(x + h) - f(x). Step to both sides: its error falls from h to h squared.",
        "one-sided difference",
    )
    expect.true(got.shape == (2,) and np.abs(got).max() < 1e-6, f"Expected zeros of shape (2,); yours is {got}.")


# ---- tape_matmul ---------------------------------------------------------------------------------------------------


def _on_the_tape(function, expression, a, b, dy):
    """Make Vars, let the learner's function multiply them inside ``expression``, and give back value and gradients."""
    from course.lessons.backward_pass.tape import Var, mean

    left = Var(a)
    right = left if expression == "a @ a" else Var(b)
    product = function(left, right)
    if product is None or product is Ellipsis:
        return product
    # Not isinstance: who copies the class from the lesson into the notebook has a Var, too.
    if not (hasattr(product, "value") and hasattr(product, "parents")):
        raise NotPassed(f"tape_matmul should return a Var; yours returned {type(product).__name__}.", "not a Var")
    for parent, pull in _pairs(product.parents):
        _judge_pull("a" if parent is left else "b", parent.value, pull(dy))
    total = mean(product * Var(dy))
    if expression == "a @ b + a @ b":
        total = total + mean(function(left, right) * Var(dy))
    total.backward()
    return [product.value, left.grad, right.grad]


def _pairs(parents):
    """The pairs (parent, pull) of a Var, or word of what stands in their place."""
    wanted = "A Var's parents are pairs of a Var and a function, as in ((a, to_a), (b, to_b))"
    if not isinstance(parents, (tuple, list)):
        raise NotPassed(f"{wanted}; yours are one {type(parents).__name__}.", "parents")
    for pair in parents:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise NotPassed(f"{wanted}; one of yours is a {type(pair).__name__} and no pair.", "parents")
        if not hasattr(pair[0], "value"):
            raise NotPassed(f"{wanted}; the first of your pair is of type {type(pair[0]).__name__}.", "parents")
        if not callable(pair[1]):
            raise NotPassed(f"{wanted}; the second of your pair is of type {type(pair[1]).__name__}.", "parents")
    return parents


def _judge_pull(name, value, share):
    if share is None or hasattr(share, "parents"):
        kind = "None" if share is None else "a Var"
        raise NotPassed(f"The pull of {name} returns {kind}. It should return an array, {name}'s gradient.", "pull")
    if np.shape(share) != value.shape:
        text = f"The pull of {name} returns shape {np.shape(share)}; {name}'s gradient has {name}'s own shape, "
        raise NotPassed(f"{text}{value.shape}.", "shape of a pull")


tape_matmul = Exercise(
    "02.tape_matmul",
    "a, b",
    hints=(
        "Look at `dense` in the tape: it does this, with a bias. What does a Var need besides its value?",
        "One pair (parent, pull) for a and one for b. pull gets the gradient of the product, (n, m), "
        "and returns one of its parent's shape.",
        "Var(a.value @ b.value, ((a, lambda g: g @ b.value.T), (b, lambda g: ...))). For b, which product of a.value "
        "and g has the shape of b?",
    ),
    drive=_on_the_tape,
)


def _judge_matmul(call, expression, a, b, dy):
    times = 2 if expression == "a @ b + a @ b" else 1
    if expression == "a @ a":
        da = db = gradient(lambda v: (dy * (v @ v)).mean(), a)
    else:
        da = times * gradient(lambda v: (dy * (v @ b)).mean(), a)
        db = times * gradient(lambda v: (dy * (a @ v)).mean(), b)
    got = call(expression, a, b, dy)
    if isinstance(got, (list, tuple)) and len(got) == 3:
        for name, grad in (("a", got[1]), ("b", got[2])):
            expect.true(
                expect.numbers(grad, f"{name}.grad").any(),
                f"No gradient reaches {name}: is ({name}, pull) among the parents of the Var you return?",
                "parent missing",
            )
    untransposed = "{0}.grad used {1} without transposing it."
    mistakes = {}
    if a.shape == b.shape == dy.shape and expression == "a @ b":
        g = dy / dy.size
        mistakes = {
            "a.grad": [Mistake("not transposed", g @ b, untransposed.format("a", "b"))],
            "b.grad": [
                Mistake("not transposed", a @ g, untransposed.format("b", "a")),
                Mistake("factors swapped", g @ a.T, "b.grad has its factors the wrong way round: a.T @ g."),
            ],
        }
    value = a @ (a if expression == "a @ a" else b)
    expect.arrays(got, {"a @ b": value, "a.grad": da, "b.grad": db}, mistakes=mistakes)


@tape_matmul.case("two matrices")
def _(call, rng):
    _judge_matmul(call, "a @ b", rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=(3, 2)))


@tape_matmul.case("square matrices")
def _(call, rng):
    _judge_matmul(call, "a @ b", *rng.normal(size=(3, 3, 3)))


@tape_matmul.case("a matrix with one row")
def _(call, rng):
    _judge_matmul(call, "a @ b", rng.normal(size=(1, 3)), rng.normal(size=(3, 3)), rng.normal(size=(1, 3)))


@tape_matmul.case("the same matrix on both sides")
def _(call, rng):
    _judge_matmul(call, "a @ a", *rng.normal(size=(3, 3, 3)))


@tape_matmul.case("a product that is used twice")
def _(call, rng):
    _judge_matmul(call, "a @ b + a @ b", rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(2, 4)))


# ---- planted_bugs --------------------------------------------------------------------------------------------------

_FORWARD = {
    "tanh_backward": np.tanh,
    "softmax_backward": lambda x: np.exp(log_softmax(x)),
    "mean_square_backward": lambda x: (x**2).mean(axis=1),
    "centre_backward": lambda x: x - x.mean(axis=0),
}


def _named_functions(function, name, x, dy):
    """Call the learner's mended function of that name; ``None`` when the learner calls the given one right."""
    mended = function()
    if mended is None or mended is Ellipsis:
        return mended
    if not isinstance(mended, dict) or not all(callable(value) for value in mended.values()):
        raise NotPassed(
            "planted_bugs should return a dict from the names of the wrong functions to your mended functions.", "type"
        )
    if any(callable(key) for key in mended):
        raise NotPassed("The keys of your dict are functions. Use their names, in quotes: 'tanh_backward'.", "type")
    unknown = sorted(str(key) for key in mended if key not in _FORWARD)
    if unknown:
        raise NotPassed(f"{unknown[0]!r} is none of the four functions: {', '.join(_FORWARD)}.", "unknown name")
    return {"named": name in mended, "dx": mended[name](x, dy) if name in mended else 0.0}


planted_bugs = Exercise(
    "02.planted_bugs",
    "",
    hints=(
        "Do not read the functions first: measure. For random x and dy, compare each with "
        "numerical_gradient(lambda v: (dy * forward(v)).sum(), x).",
        "Two of the four are wrong. In both, one output depends on more than one input.",
        "softmax: every probability depends on every logit of its row, so dx = y * (dy - (dy * y).sum(row)). "
        "centre: the mean moves with each x, so a share of dy comes back through it.",
    ),
    drive=_named_functions,
)


def _judge_planted(call, rng, name):
    x = rng.normal(size=(4, 3))
    dy = rng.normal(size=_FORWARD[name](x).shape)
    want = gradient(lambda v: (dy * _FORWARD[name](v)).sum(), x)
    got = call(name, x, dy)
    if got is None:
        raise NotPassed("planted_bugs returned None. It should return a dict; is the `return` line missing?", "none")
    if got is Ellipsis:
        expect.numbers(got, name)
    from course.lessons.backward_pass import planted

    given_is_right = np.allclose(getattr(planted, name)(x, dy), want, atol=1e-6)
    if given_is_right:
        expect.true(
            not got["named"],
            f"You name {name} as wrong, but as given it passes a gradient check: leave it out.",
            "right function named wrong",
        )
        return
    expect.true(
        got["named"],
        f"{name} is wrong as given, and your dict leaves it out. What does your gradient check say of it?",
        "bug not found",
    )
    mistakes = [
        Mistake(
            "not mended", getattr(planted, name)(x, dy), f"{name} in your dict gives the same wrong gradient as before."
        )
    ]
    expect.array(got["dx"], want, f"dx of your {name}", shape="the shape of x", mistakes=mistakes)


@planted_bugs.case("softmax_backward")
def _(call, rng):
    _judge_planted(call, rng, "softmax_backward")


@planted_bugs.case("centre_backward")
def _(call, rng):
    _judge_planted(call, rng, "centre_backward")


@planted_bugs.case("tanh_backward")
def _(call, rng):
    _judge_planted(call, rng, "tanh_backward")


@planted_bugs.case("mean_square_backward")
def _(call, rng):
    _judge_planted(call, rng, "mean_square_backward")
