"""Checks of lesson 01. Expected values come from sums in float64, term by term, and from properties.

Each exercise has a table of its misconceptions: what to tell whoever has it. The values that they give depend
on the inputs and are computed beside the case that is judged.
"""

from __future__ import annotations

import math

import numpy as np

from course.check import Exercise, Mistake, NotPassed, expect
from course.check.oracles import log_softmax


def _mistakes(messages, want, values):
    """The misconceptions of ``values``, pairs of label and value, that these inputs tell from ``want``."""
    return [
        Mistake(label, value, messages[label])
        for label, value in values
        if np.isfinite(value).all() and not (np.shape(value) == np.shape(want) and np.allclose(value, want))
    ]


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _relu(z):
    return np.maximum(z, 0)


def _dense(x, kernel, bias):
    return np.einsum("ni,ij->nj", np.asarray(x, dtype=float), kernel) + bias


# ---- dense_forward ----------------------------------------------------------------------------------------

dense_forward = Exercise(
    "01.dense_forward",
    "x, kernel, bias",
    hints=(
        "For one sample and one unit: multiply each input by its weight, add up, add the unit's bias.",
        "(batch, inputs) @ (inputs, units) gives (batch, units): all the weighted sums at once.",
        "y is the product x @ kernel, plus the bias. NumPy adds a (units,) array to each row by itself.",
    ),
)

_NO_ACTIVATION = "The weighted sums are right, but you applied {0}. This layer has no activation."
_DENSE = {
    "no bias": "The weighted sums are right, but the bias is missing: add it to each row.",
    "bias subtracted": "You subtract the bias. Add it.",
    "bias multiplied": "You multiply by the bias. Add it.",
    "bias summed": "Every unit gets the sum of all biases. Each unit has a bias of its own.",
    "bias twice": "The bias is in there twice. Add it once.",
    "bias per input": "You add the bias along with each input. Add it once, to the finished sum.",
    "relu": _NO_ACTIVATION.format("ReLU"),
    "sigmoid": _NO_ACTIVATION.format("a sigmoid"),
    "tanh": _NO_ACTIVATION.format("tanh"),
    "mean over inputs": "You average over the inputs. Add the products up.",
    "first sample only": "This is the first sample alone. Every row of x needs its row of y.",
    "transposed result": "y is transposed: it needs one row for each sample and one column for each unit.",
    "summed over units": "You added up the units. Each unit keeps its own number.",
    "kernel transposed": "You used the transposed kernel. Its columns are the units: x @ kernel, without .T.",
    "bias before product": "You added the bias to x, before the product. It belongs to the units: add "
    "it after.",
    "element by element": "`*` multiplies number by number. A matrix product is `@`.",
    "bias along the batch": "The bias runs down the batch: sample 0 gets bias 0. It belongs to the units.",
    "truncated": "The decimals are cut off. x holds integers here, and your result took over its dtype: "
    "use floats.",
}


def _judge_dense(call, x, kernel, bias):
    want = _dense(x, kernel, bias)
    sums = want - bias
    values = [
        ("no bias", sums),
        ("bias subtracted", sums - bias),
        ("bias multiplied", sums * bias),
        ("bias summed", sums + bias.sum()),
        ("bias twice", want + bias),
        ("bias per input", sums + len(kernel) * bias),
        ("relu", _relu(want)),
        ("sigmoid", _sigmoid(want)),
        ("tanh", np.tanh(want)),
        ("mean over inputs", sums / len(kernel) + bias),
        ("first sample only", want[0]),
        ("transposed result", want.T),
        ("summed over units", want.sum(axis=1)),
    ]
    if len(x) == len(kernel) == len(bias):
        values += [
            ("kernel transposed", _dense(x, kernel.T, bias)),
            ("bias before product", _dense(x + bias, kernel, 0)),
            ("element by element", x * kernel + bias),
            ("bias along the batch", sums + bias[:, None]),
        ]
    if np.asarray(x).dtype.kind == "i":
        values += [("truncated", np.trunc(want)), ("truncated", _sums_of_integers(x, kernel, bias))]
    expect.array(
        call(x, kernel, bias), want, "y", shape="(batch, units)", mistakes=_mistakes(_DENSE, want, values)
    )


def _sums_of_integers(x, kernel, bias):
    """What loops give that add up in an integer array, which cuts off after every step."""
    y = np.zeros((len(x), len(bias)), dtype=int)
    for n, j in np.ndindex(*y.shape):
        y[n, j] = bias[j]
        for i in range(len(kernel)):
            y[n, j] += x[n, i] * kernel[i, j]
    return y


@dense_forward.case("as many samples as inputs and units")
def _(call, rng):
    _judge_dense(call, rng.normal(size=(3, 3)), rng.normal(size=(3, 3)), rng.normal(size=3))


@dense_forward.case("a batch of 5 samples")
def _(call, rng):
    _judge_dense(call, rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4))


@dense_forward.case("a batch of 1")
def _(call, rng):
    _judge_dense(call, rng.normal(size=(1, 4)), rng.normal(size=(4, 2)), rng.normal(size=2))


@dense_forward.case("one unit")
def _(call, rng):
    _judge_dense(call, rng.normal(size=(6, 2)), rng.normal(size=(2, 1)), rng.normal(size=1))


@dense_forward.case("integer inputs")
def _(call, rng):
    _judge_dense(call, rng.integers(-3, 4, size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2))


# ---- softmax ----------------------------------------------------------------------------------------------

softmax = Exercise(
    "01.softmax",
    "logits",
    hints=(
        "np.exp of each logit, divided by the sum of its own row. keepdims=True keeps the row sums a column.",
        "np.exp(1000) is infinite. Softmax depends on differences only: what may you take off a row first?",
        "Take off logits.max(axis=1, keepdims=True), then np.exp, then divide by .sum(axis=1, "
        "keepdims=True).",
    ),
)

_SOFTMAX = {
    "over the batch": "The columns sum to 1. Classes are along axis 1: each row has to.",
    "over everything": "All rows together sum to 1. Divide each row by its own sum.",
    "not divided": "These are exponentials, not yet probabilities. Divide each row by its sum.",
    "log softmax": "This is the logarithm of the softmax. Here the probabilities are wanted.",
    "sigmoid": "This is a sigmoid of each logit. In softmax the classes of a row share a sum of 1.",
    "no exponential": "You divide the logits by their sum. Take np.exp first: it makes every number "
    "positive.",
    "absolute values": "You divide absolute values by their sum. Take np.exp, which keeps the order of "
    "the logits.",
    "sign": "The largest logit gets the smallest probability: a sign is turned in np.exp.",
    "base 2": "This is softmax to base 2. Use np.exp.",
    "argmax": "This marks the largest logit with 1. That is argmax; softmax gives every class its share.",
    "column maximum": "You take off each column's maximum, so the classes of a row lose different amounts. "
    "Take the row's: axis=1.",
    "keepdims of sum": "The row sums divide the columns here. Keep them a column: .sum(axis=1, "
    "keepdims=True).",
    "keepdims of max": "The row maxima are taken off the columns. Keep them a column: .max(axis=1, "
    "keepdims=True).",
    "truncated": "The decimals are cut off. The logits are integers here, and your result took over "
    "their dtype.",
}


def _judge_softmax(call, logits):
    want = np.exp(log_softmax(logits.astype(float)))
    with np.errstate(all="ignore"):
        mistakes = _mistakes(_SOFTMAX, want, _softmax_values(logits))
    got = call(logits)
    try:
        expect.array(got, want, "p", shape="(batch, classes)", mistakes=mistakes)
    except NotPassed as error:
        if error.mistake in ("value", "constant factor"):
            _rows_sum_to_one(expect.numbers(got, "p"), "Probabilities do: divide the row by its own sum.")
        raise


def _softmax_values(logits):
    e = np.exp(logits)
    sums = e.sum(axis=1, keepdims=True)
    column_shift = np.exp(logits - logits.max(axis=0, keepdims=True))
    row_shift = np.exp(logits - logits.max(axis=1, keepdims=True))
    values = [
        ("over the batch", e / e.sum(axis=0)),
        ("over everything", e / e.sum()),
        ("not divided", e),
        ("not divided", row_shift),
        ("not divided", np.exp(logits - logits.max())),
        ("log softmax", np.log(e / sums)),
        ("sigmoid", _sigmoid(logits)),
        ("no exponential", logits / logits.sum(axis=1, keepdims=True)),
        ("absolute values", np.abs(logits) / np.abs(logits).sum(axis=1, keepdims=True)),
        ("sign", 1 / e / (1 / e).sum(axis=1, keepdims=True)),
        ("base 2", 2.0**logits / (2.0**logits).sum(axis=1, keepdims=True)),
        ("argmax", np.eye(logits.shape[1])[logits.argmax(axis=1)]),
        ("column maximum", column_shift / column_shift.sum(axis=1, keepdims=True)),
    ]
    if len(logits) == logits.shape[1]:
        shifted = np.exp(logits - logits.max(axis=1))
        values += [
            ("keepdims of sum", e / e.sum(axis=1)),
            ("keepdims of sum", row_shift / row_shift.sum(axis=1)),
            ("keepdims of max", shifted / shifted.sum(axis=1, keepdims=True)),
            ("keepdims of max", shifted / shifted.sum(axis=1)),
        ]
    if logits.dtype.kind == "i":
        whole = np.trunc(e)
        values += [("truncated", np.trunc(e / sums)), ("truncated", whole / whole.sum(axis=1, keepdims=True))]
    return values


def _rows_sum_to_one(p, otherwise):
    """Each row of ``p`` sums to 1; ``otherwise`` is what to add about the row that is farthest from it."""
    with np.errstate(over="ignore"):
        sums = p.astype(float).sum(axis=1)
    row = int(np.abs(sums - 1).argmax())
    expect.true(
        abs(sums[row] - 1) < 1e-3, f"Row {row} of p sums to {sums[row]:.4g}, not to 1. {otherwise}", "row sum"
    )


@softmax.case("as many samples as classes")
def _(call, rng):
    _judge_softmax(call, rng.normal(size=(3, 3)))


@softmax.case("a batch of 5 samples")
def _(call, rng):
    _judge_softmax(call, rng.normal(size=(5, 4)))


@softmax.case("a batch of 1")
def _(call, rng):
    _judge_softmax(call, rng.normal(size=(1, 6)))


@softmax.case("a single class")
def _(call, rng):
    _judge_softmax(call, rng.normal(size=(4, 1)))


@softmax.case("integer logits")
def _(call, rng):
    _judge_softmax(call, rng.integers(-3, 4, size=(4, 3)))


def _judge_large(call, logits, overflow):
    """Judge by logits whose exponentials overflow. ``overflow`` is for whoever gets NaN or infinity."""
    want = np.exp(log_softmax(logits))
    got = expect.numbers(call(logits), "p")
    if got.shape == want.shape:
        what = "NaN" if np.isnan(got).any() else "infinity"
        expect.true(np.isfinite(got).all(), f"p holds {what}. {overflow}", "overflow")
        _rows_sum_to_one(got, "NaN or 0 / 0 was papered over: take each row's maximum off before np.exp.")
        text = (
            "All classes of a row get the same, or nearly: clipping or dividing the logits loses their "
            "differences. "
            "Take each row's maximum off, which keeps them."
        )
        expect.true(not np.allclose(got, got[:, :1], atol=0.01), text, "clipped")
    expect.array(got, want, "p", shape="(batch, classes)", rtol=1e-4)


@softmax.case("logits of 1000")
def _(call, rng):
    text = "np.exp(1000) is infinite, and infinite / infinite is NaN. Take each row's maximum off first."
    _judge_large(call, 1000 + rng.normal(size=(3, 4)), text)


@softmax.case("logits of -1000")
def _(call, rng):
    text = "np.exp(-1000) is 0, and 0 / 0 is NaN. Take each row's maximum off first: the largest is then 0."
    _judge_large(call, -1000 + rng.normal(size=(3, 4)), text)


@softmax.case("a row of 1000 beside a row of -1000")
def _(call, rng):
    text = (
        "One number was taken off the whole batch, so the rows far below it came to 0 / 0. "
        "Each row needs its own maximum: .max(axis=1, keepdims=True)."
    )
    _judge_large(call, np.array([[1000.0], [-1000.0], [0.0]]) + rng.normal(size=(3, 4)), text)


@softmax.case("a row that holds 1000 and -1000")
def _(call, rng):
    text = "np.exp overflows in a row from -1000 to 1000. Take off its maximum, not its mean or minimum."
    _judge_large(call, np.array([[0.0, 1000.0, -1000.0], [500.0, 500.5, -800.0]]), text)


# ---- cross_entropy_from_logits ----------------------------------------------------------------------------

cross_entropy_from_logits = Exercise(
    "01.cross_entropy_from_logits",
    "logits, labels",
    hints=(
        "For one sample: the logarithm of its row's summed exponentials, minus the logit of its true class.",
        "Take each row's maximum off first. log_p[np.arange(batch), labels] picks the true class of "
        "each row.",
        "log_p is shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), never the log of a "
        "probability. "
        "The loss is minus the mean of its true-class entries.",
    ),
)

_CROSS_ENTROPY = {
    "per sample": "This is one loss for each sample. Return their mean, a single number.",
    "sum over batch": "This is the sum over the batch. Return the mean.",
    "mean over classes": "You averaged over the classes too. Divide by the batch size alone.",
    "sign": "The loss is negative: the minus of -log(p) is missing.",
    "base 2": "This is the logarithm to base 2. Use the natural one, np.log.",
    "base 10": "This is the logarithm to base 10. Use the natural one, np.log.",
    "no normalizer": "This is minus the logit of the true class. Add the logarithm of the row's summed "
    "exponentials.",
    "probability": "This is the mean probability of the true class. Take -log of each.",
    "1 - p": "This is the mean of 1 - p. The loss is the mean of -log(p).",
    "log of mean": "You averaged the probabilities and took the logarithm of that. Take the logarithm first.",
    "predicted class": "You took the class with the largest logit. The loss asks for the true one, labels.",
    "every label": "log_p[:, labels] takes every label for every sample. One for each row is "
    "log_p[np.arange(batch), labels].",
    "every class": "You added up the log-probabilities of all classes. Only the true one of each row counts.",
    "label as weight": "You multiplied by the label. It is the number of a class: it says which entry "
    "to pick.",
    "binary": "This is binary cross-entropy of every class. With softmax only the true class counts.",
    "over the batch": "Your softmax sums to 1 over the batch, axis 0. Classes are along axis 1.",
    "squared error": "This is a squared error of the probabilities. Cross-entropy is -log(p) of the "
    "true class.",
    "exponential": "This is the exponential of the loss. Leave out the last np.exp.",
    "softmax twice": "Softmax was applied twice: to the logits, and to its own result.",
}


def _losses(logits, labels):
    """The loss of each sample, term by term."""
    losses = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        top = max(row)
        losses.append(top - row[label] + math.log(math.fsum(math.exp(z - top) for z in row)))
    return np.array(losses)


def _judge_cross_entropy(call, logits, labels):
    losses = _losses(logits, labels)
    want = losses.mean()
    with np.errstate(all="ignore"):
        mistakes = _mistakes(_CROSS_ENTROPY, want, _cross_entropy_values(logits, labels, losses))
    got = call(logits, labels)
    try:
        expect.number(got, want, "loss", mistakes=mistakes)
    except NotPassed as error:
        if error.mistake == "not finite" and "NaN" in str(error):
            text = f"{error} A negative logit has no logarithm: logits are scores. Take the softmax first."
            raise NotPassed(text, "log of logits") from None
        if error.mistake == "value" and np.allclose(np.asarray(got, dtype=float), want, rtol=1e-3):
            text = f"{error} A small number added to p, or a clipped p, shifts the loss. Compute log_p from the logits."
            raise NotPassed(text, "clipped") from None
        raise


def _cross_entropy_values(logits, labels, losses):
    rows = np.arange(len(labels))
    log_p = log_softmax(logits.astype(float))
    p = np.exp(log_p)
    one_hot = np.eye(logits.shape[1])[labels]
    want = losses.mean()
    over_batch = np.log(np.exp(logits).sum(axis=0, keepdims=True)) - logits
    binary = -(one_hot * log_p + (1 - one_hot) * np.log(1 - p))
    squares = (p - one_hot) ** 2
    return [
        ("per sample", losses),
        ("per sample", losses[:, None]),
        ("sum over batch", losses.sum()),
        ("mean over classes", want / logits.shape[1]),
        ("sign", -want),
        ("sign", -losses.sum()),
        ("sign", -losses),
        ("base 2", want / np.log(2)),
        ("base 10", want / np.log(10)),
        ("no normalizer", -logits[rows, labels].mean()),
        ("probability", p[rows, labels].mean()),
        ("probability", -p[rows, labels].mean()),
        ("1 - p", 1 - p[rows, labels].mean()),
        ("log of mean", -np.log(p[rows, labels].mean())),
        ("predicted class", -log_p.max(axis=1).mean()),
        ("every label", -log_p[:, labels].mean()),
        ("every class", -log_p.sum(axis=1).mean()),
        ("every class", -log_p.mean()),
        ("label as weight", -(labels[:, None] * log_p).sum(axis=1).mean()),
        ("label as weight", (labels * losses).mean()),
        ("binary", binary.sum(axis=1).mean()),
        ("binary", binary.mean()),
        ("over the batch", over_batch[rows, labels].mean()),
        ("squared error", squares.mean()),
        ("squared error", squares.sum(axis=1).mean()),
        ("exponential", np.exp(want)),
        ("softmax twice", -log_softmax(p)[rows, labels].mean()),
    ]


@cross_entropy_from_logits.case("a batch of 6 samples")
def _(call, rng):
    _judge_cross_entropy(call, rng.normal(size=(6, 4)), np.array([0, 1, 2, 3, 1, 1]))


@cross_entropy_from_logits.case("as many samples as classes")
def _(call, rng):
    _judge_cross_entropy(call, rng.normal(size=(3, 3)), np.array([2, 0, 0]))


@cross_entropy_from_logits.case("a batch of 1")
def _(call, rng):
    _judge_cross_entropy(call, rng.normal(size=(1, 5)), rng.integers(0, 5, size=1))


@cross_entropy_from_logits.case("two classes")
def _(call, rng):
    _judge_cross_entropy(call, rng.normal(size=(5, 2)), np.array([0, 1, 1, 0, 1]))


@cross_entropy_from_logits.case("integer logits")
def _(call, rng):
    _judge_cross_entropy(call, rng.integers(-3, 4, size=(4, 3)), np.array([2, 1, 0, 1]))


def _judge_far(call, logits, labels, overflow):
    """Judge by logits whose exponentials overflow. ``overflow`` is for whoever gets NaN or infinity."""
    want = _losses(logits, labels).mean()
    got = expect.numbers(call(logits, labels), "loss")
    if got.shape == ():
        expect.true(np.isfinite(got), f"loss is {got}; expected {want:.4g}. {overflow}", "overflow")
        text = (
            f"loss is {float(got):.4g}; expected {want:.4g}. A probability that is clipped, or has a "
            "small number "
            "added, hides how wrong the answer is. Compute log_p from the logits, without forming p."
        )
        expect.true(want < 100 or not 0 <= got < 0.9 * want, text, "clipped")
    expect.number(got, want, "loss", rtol=1e-4)


@cross_entropy_from_logits.case("logits of 1000")
def _(call, rng):
    text = "np.exp(1000) is infinite. Take each row's maximum off the logits first."
    _judge_far(call, 1000 + rng.normal(size=(4, 3)), np.array([0, 1, 2, 0]), text)


@cross_entropy_from_logits.case("logits of -1000")
def _(call, rng):
    text = "np.exp(-1000) is 0, and 0 has no logarithm. Take each row's maximum off the logits first."
    _judge_far(call, -1000 + rng.normal(size=(4, 3)), np.array([0, 1, 2, 0]), text)


@cross_entropy_from_logits.case("a row of 1000 beside a row of -1000")
def _(call, rng):
    text = "One number was taken off the whole batch. Each row needs its own: .max(axis=1, keepdims=True)."
    _judge_far(call, np.array([[1000.0], [-1000.0]]) + rng.normal(size=(2, 3)), np.array([0, 2]), text)


@cross_entropy_from_logits.case("a true class that is 1000 behind")
def _(call, rng):
    text = (
        "The probability of the true class rounds to 0, and 0 has no logarithm. Do not form p: "
        "log_p is shifted minus the log of the summed exponentials."
    )
    _judge_far(call, np.array([[0.0, 1000.0, 3.0], [1000.0, -1000.0, 0.0]]), np.array([0, 2]), text)


# ---- mlp_forward ------------------------------------------------------------------------------------------

mlp_forward = Exercise(
    "01.mlp_forward",
    "x, layers",
    hints=(
        "The output of one layer is the input of the next: a loop that keeps one array and replaces it.",
        "All layers do x @ kernel + bias. ReLU, np.maximum(..., 0), follows each of them except the last.",
        "Loop `for kernel, bias in layers[:-1]:` with ReLU, then take `kernel, bias = layers[-1]` "
        "without it.",
    ),
)

_MLP = {
    "relu at the end": "You applied ReLU after the last layer, too. Logits may be negative.",
    "sigmoid at the end": "You applied a sigmoid at the end. Return the logits as they are.",
    "softmax at the end": "You applied softmax at the end. Return the logits: the loss takes care of it.",
    "no activation": "Without ReLU between them, all layers are one. Add it after each layer but the last.",
    "tanh": "The hidden layers use tanh. This network has ReLU.",
    "sigmoid": "The hidden layers use a sigmoid. This network has ReLU.",
    "no bias": "The biases are missing: x @ kernel + bias in every layer.",
    "bias after relu": "You apply ReLU to x @ kernel and add the bias afterwards. Add the bias first.",
    "relu of the input": "You applied ReLU to the input x. It follows a layer, never the input.",
    "negative part": "You keep the negative numbers. ReLU keeps the positive ones: np.maximum.",
    "absolute value": "You take the absolute value. ReLU sends negative numbers to 0.",
    "backwards": "You went through the layers from last to first. The first of the list comes first.",
    "last hidden output": "This is what enters the last layer. Put it through that layer as well.",
    "first and last": "You used the first layer and the last one. Those between them are missing.",
    "two layers": "This is the result after two layers. Go through the whole list, however long it is.",
    "first layer only": "This is the first layer alone. Put its output through the next ones.",
    "x into the last layer": "The last layer got x itself, not the output of the layer before it.",
}


def _mlp(x, layers, hidden=_relu, last=lambda z: z):
    for kernel, bias in layers[:-1]:
        x = hidden(_dense(x, kernel, bias))
    return last(_dense(x, *layers[-1]))


def _judge_mlp(call, x, layers):
    want = _mlp(x, layers)
    got = call(x, layers)
    if isinstance(got, (list, tuple)) and 1 < len(got) == len(layers):
        text = "You return the outputs of all layers. Return those of the last one, the logits."
        expect.true(getattr(got[-1], "shape", ()) != want.shape, text, "all layers")
    without_bias = [(kernel, 0) for kernel, _ in layers]
    values = [
        ("relu at the end", _mlp(x, layers, last=_relu)),
        ("sigmoid at the end", _mlp(x, layers, last=_sigmoid)),
        ("softmax at the end", _mlp(x, layers, last=lambda z: np.exp(log_softmax(z)))),
        ("no activation", _mlp(x, layers, hidden=lambda z: z)),
        ("tanh", _mlp(x, layers, hidden=np.tanh)),
        ("sigmoid", _mlp(x, layers, hidden=_sigmoid)),
        ("no bias", _mlp(x, without_bias)),
        ("relu of the input", _mlp(_relu(x), layers)),
        ("negative part", _mlp(x, layers, hidden=lambda z: np.minimum(z, 0))),
        ("absolute value", _mlp(x, layers, hidden=np.abs)),
    ]
    if len(layers) > 1:
        values += [
            ("bias after relu", _bias_after_relu(x, layers)),
            ("last hidden output", _relu(_mlp(x, layers[:-1]))),
            ("two layers", _mlp(x, layers[:2])),
            ("two layers", _relu(_mlp(x, layers[:2]))),
            ("first layer only", _mlp(x, layers[:1])),
            ("first layer only", _relu(_mlp(x, layers[:1]))),
        ]
        if all(kernel.shape[0] == kernel.shape[1] for kernel, _ in layers):
            values += [
                ("backwards", _mlp(x, layers[::-1])),
                ("first and last", _mlp(x, [layers[0], layers[-1]])),
                ("x into the last layer", _mlp(x, layers[-1:])),
            ]
    mistakes = _mistakes(_MLP, want, values)
    expect.array(got, want, "logits", shape="(batch, units of the last layer)", mistakes=mistakes)


def _bias_after_relu(x, layers):
    for kernel, bias in layers[:-1]:
        x = _relu(_dense(x, kernel, 0)) + bias
    return _dense(x, *layers[-1])


def _layers(rng, *sizes):
    return [(rng.normal(size=pair), rng.normal(size=pair[1])) for pair in zip(sizes, sizes[1:], strict=False)]


@mlp_forward.case("two layers")
def _(call, rng):
    _judge_mlp(call, rng.normal(size=(6, 3)), _layers(rng, 3, 5, 2))


@mlp_forward.case("three layers of the same width")
def _(call, rng):
    _judge_mlp(call, rng.normal(size=(8, 4)), _layers(rng, 4, 4, 4, 4))


@mlp_forward.case("four layers")
def _(call, rng):
    _judge_mlp(call, rng.normal(size=(8, 3)), _layers(rng, 3, 6, 5, 4, 2))


@mlp_forward.case("a single layer")
def _(call, rng):
    _judge_mlp(call, rng.normal(size=(5, 3)), _layers(rng, 3, 4))


@mlp_forward.case("a batch of 1 and one unit at the end")
def _(call, rng):
    _judge_mlp(call, rng.normal(size=(1, 3)), _layers(rng, 3, 8, 1))


@mlp_forward.case("integer inputs")
def _(call, rng):
    _judge_mlp(call, rng.integers(-3, 4, size=(6, 3)), _layers(rng, 3, 5, 2))


# ---- count_parameters -------------------------------------------------------------------------------------

count_parameters = Exercise(
    "01.count_parameters",
    "sizes",
    hints=(
        "A layer with 3 inputs and 4 units has 3 * 4 weights, and a bias for each unit.",
        "The units of one layer are the inputs of the next: zip(sizes, sizes[1:]) gives the pairs.",
        "Add up (inputs + 1) * units over the pairs.",
    ),
)

_COUNT = {
    "no biases": "These are the weights alone. Each unit of each layer has a bias, too.",
    "bias per input": "You counted one bias for each input. There is one for each unit.",
    "bias for the input": "You counted biases for the network's inputs as well. They are data, not units.",
    "bias per layer": "You counted one bias for each layer. There is one for each unit.",
    "one bias": "You counted a single bias. There is one for each unit of each layer.",
    "no last layer": "The last layer is missing: it has parameters like any other.",
    "no first layer": "The first layer is missing: the inputs, the first of the sizes, have weights too.",
    "no last biases": "The biases of the last layer are missing.",
    "first layer only": "This is the first layer alone. Add up all of them.",
    "biases only": "These are the biases alone. Each layer has inputs * units weights as well.",
    "product": "You multiplied all sizes. Layers add up; only inputs and units multiply.",
    "sum of sizes": "This is the sum of the sizes. A layer has inputs * units weights, and units biases.",
    "number of arrays": "This is the number of arrays, two a layer. Count the numbers in them.",
    "bytes": "This is 4 times the number: the bytes in float32. Count the parameters.",
}


def _judge_count(call, sizes):
    kernels = [np.empty(pair) for pair in zip(sizes, sizes[1:], strict=False)]
    layers = [kernel.size + len(kernel[0]) for kernel in kernels]
    weights, want = sum(kernel.size for kernel in kernels), sum(layers)
    values = [
        ("no biases", weights),
        ("bias per input", weights + sum(sizes[:-1])),
        ("bias for the input", weights + sum(sizes)),
        ("bias per layer", weights + len(kernels)),
        ("one bias", weights + 1),
        ("no last layer", want - layers[-1]),
        ("no first layer", want - layers[0]),
        ("no last biases", want - sizes[-1]),
        ("first layer only", layers[0]),
        ("biases only", sum(sizes[1:])),
        ("product", math.prod(sizes)),
        ("sum of sizes", sum(sizes)),
        ("number of arrays", 2 * len(kernels)),
        ("bytes", 4 * want),
    ]
    mistakes = [Mistake(label, value, _COUNT[label]) for label, value in values if value != want]
    got = call(sizes)
    try:
        expect.number(got, want, "the number of parameters", mistakes=mistakes, rtol=1e-12)
    except NotPassed as error:
        if error.mistake == "value":  # a count is exact: show all its digits
            text = f"For the sizes {sizes} your function counts {got}; expected {want}."
            raise NotPassed(text, "value") from None
        raise


@count_parameters.case("[64, 32, 16, 10]")
def _(call, rng):
    _judge_count(call, [64, 32, 16, 10])


@count_parameters.case("four layers")
def _(call, rng):
    _judge_count(call, [int(size) for size in rng.integers(5, 50, size=5)])


@count_parameters.case("a single layer")
def _(call, rng):
    _judge_count(call, [int(size) for size in rng.integers(5, 50, size=2)])


@count_parameters.case("one input and one unit")
def _(call, rng):
    _judge_count(call, [1, 1])


@count_parameters.case("millions of parameters")
def _(call, rng):
    _judge_count(call, [784, 1024, 1025, 10])
