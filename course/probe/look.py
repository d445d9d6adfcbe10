"""From one forward and backward pass to its plan and its sample, shared by Probe and examine."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from course.probe import sites, statistics
from course.probe.plan import Plan, Site, Suspect, Weight
from course.probe.sites import Call, CannotProbe
from course.probe.statistics import Measured

Gradients = list[Any]


def forward(model: keras.Model, x: Any) -> Any:
    """Call the model as Keras calls it for training."""
    return model(x, training=True) if takes_training(model.call) else model(x)


def takes_training(function: Callable[..., Any]) -> bool:
    """Say whether `function` has an argument named training."""
    return "training" in inspect.signature(function).parameters


def gradients_of(
    tape: tf.GradientTape, loss: tf.Tensor, weights: list[tf.Tensor], calls: list[Call]
) -> tuple[Gradients, list[tf.Tensor | None]]:
    """Return the gradient of the loss for each weight, and for each call's output: its error.

    One backward pass gives both. Where the loss reads the logits, the error is that of the logits.
    """
    logits = [call.logits for call in calls if call.logits is not None]
    found = tape.gradient(loss, [*weights, *(call.output for call in calls), *logits])
    count = len(weights)
    errors = found[count : count + len(calls)]
    of_logits = iter(found[count + len(calls) :])
    for number, call in enumerate(calls):
        before = next(of_logits) if call.logits is not None else None
        if errors[number] is None:
            errors[number] = before
    return found[:count], errors


def visible(calls: list[Call], loss: tf.Tensor) -> list[Call]:
    """Return the calls that the training step itself made; Keras may make others while it builds a layer.

    Raises CannotProbe if there are none, or none of some layer.
    """
    if not calls:
        raise CannotProbe(
            "None of the layers in model.layers was called in the training step, so there is nothing to "
            "watch: make the layers attributes of the model and call them in its call()."
        )
    graph = getattr(loss, "graph", None)
    kept = [call for call in calls if getattr(call.output, "graph", None) is graph]
    seen = {id(call.layer) for call in kept}
    hidden = next((call.layer.name for call in calls if id(call.layer) not in seen), None)
    if hidden is not None:
        raise CannotProbe(
            f"The layer {hidden!r} runs inside a TensorFlow loop, condition or function, "
            "so its output can't be seen from the training step: "
            "call it outside, or wrap the whole loop in a layer."
        )
    return kept


def make_plan(model: keras.Model, calls: list[Call], errors: list[Any], suspects: list[Suspect]) -> Plan:
    """Describe what one training step of `model` holds."""
    names = _distinct([call.layer.name for call in calls])
    found = tuple(
        Site(
            name=name,
            layer=call.layer.name,
            units=_units(call),
            rank=call.output.shape.rank,
            axis=sites.unit_axis(call.layer),
            limits=sites.saturation_range(call.layer),
            has_error=error is not None,
        )
        for name, call, error in zip(names, calls, errors, strict=True)
    )
    return Plan(found, weights_of(model), tuple(suspects), sites.keeps_batch(model))


def weights_of(model: keras.Model) -> tuple[Weight, ...]:
    """Describe the trainable weights of `model`, in its order."""
    owners = {id(weight): layer.name for layer in sites.leaves(model) for weight in layer.trainable_weights}
    layers = [owners.get(id(weight), model.name) for weight in model.trainable_weights]
    names = _distinct([f"{layer}/{weight.name}" for layer, weight in zip(layers, model.trainable_weights, strict=True)])
    described, seen = [], set()
    for name, layer, weight in zip(names, layers, model.trainable_weights, strict=True):
        kernel = len(weight.shape) >= 2 and layer not in seen
        if kernel:
            seen.add(layer)
        described.append(Weight(name, layer, tuple(weight.shape), kernel))
    return tuple(described)


def suspects_of(
    model: keras.Model,
    values: list[Any],
    batch: tuple[Any, Any],
    calls: list[Call],
    loss: tf.Tensor,
    errors: list[tf.Tensor | None],
    gradients: Gradients,
) -> list[tuple[Suspect, Any]]:
    """List the tensors of a step in the order of their making, so that the first bad one is the cause.

    The weights, given as tensors or as variables, come first: if one is bad before the forward pass, the
    update of the step before made it so.
    """
    weights = weights_of(model)
    names = _distinct([call.layer.name for call in calls])
    own = [weight.name.removeprefix(f"{weight.layer}/") for weight in weights]
    made = [
        (Suspect(weight.layer, name, lag=1), value)
        for weight, name, value in zip(weights, own, values, strict=True)
    ]
    for part, structure in zip(("input", "target"), batch, strict=True):
        made += [(Suspect("batch", part), tensor) for tensor in keras.tree.flatten(structure)]
    made += [(Suspect(name, "output"), call) for name, call in zip(names, calls, strict=True)]
    made += [(Suspect("loss", "value"), loss)]
    made += [
        (Suspect(name, "error", backward=True), error)
        for name, error in zip(reversed(names), reversed(errors), strict=True)
    ]
    made += [
        (Suspect(weight.layer, f"gradient of {name}", backward=True), gradient)
        for weight, name, gradient in reversed(list(zip(weights, own, gradients, strict=True)))
    ]
    return [(suspect, _values(tensor)) for suspect, tensor in made if _is_float(tensor)]


def watch(
    suspects: list[tuple[Suspect, Any]], loss: tf.Tensor, gradients: Gradients, report: Callable[..., None]
) -> None:
    """Call `report` with the values of all suspects, as NumPy arrays, if NaN or Inf came up in this step.

    It is called only if the loss, or a gradient at the bottom of the model, is not finite: what goes wrong
    further up ends in one of the two. Weights are read before they are updated.
    """
    bottom = next((_values(gradient) for gradient in gradients[1::-1] if gradient is not None), tf.zeros(()))
    fine = tf.math.is_finite(tf.cast(loss, tf.float32) + tf.reduce_sum(tf.cast(bottom, tf.float32)))
    # In every step that is fine, each tensor that the branch reads would cost time. In one box they cost as one.
    boxed = [_is_boxed(part) for _, part in suspects]
    box = tf.experimental.Optional.from_value(
        tuple(tensor_of(part) for (_, part), inside in zip(suspects, boxed, strict=True) if inside)
    )

    def look_closer() -> bool:
        unboxed = iter(box.get_value())
        values = [
            next(unboxed) if inside else part.shown() if isinstance(part, Call) else tf.convert_to_tensor(part)
            for (_, part), inside in zip(suspects, boxed, strict=True)
        ]
        tf.numpy_function(report, values, [])
        return False

    tf.cond(fine, lambda: True, look_closer)


def tensor_of(part: Any) -> Any:
    """Return the tensor of a suspect; of a call, its output as it came."""
    return part.output if isinstance(part, Call) else part


def _is_boxed(part: Any) -> bool:
    """Say whether to box a suspect: not a variable, nor an output that must be computed again to be seen."""
    return not part.is_fused() if isinstance(part, Call) else not isinstance(part, tf.Variable)


def measure(plan: Plan, calls: list[Call], errors: list[tf.Tensor | None], dtype: tf.DType) -> list[Measured]:
    """Measure all sites, group by group."""
    return [
        statistics.measure(
            [plan.sites[number] for number in group],
            [calls[number].shown() for number in group],
            [errors[number] for number in group],
            dtype,
        )
        for group in plan.groups
    ]


def pack(loss: tf.Tensor, scale: Any, measured: list[Measured], weights: tf.Tensor) -> tf.Tensor:
    """Join all numbers of a sample into one vector: every tensor that leaves a step costs time.

    The loss and its scale come first, then the parts as `Plan.shapes` has them.
    """
    scalars = tf.stack([tf.cast(number, weights.dtype) for number in (loss, scale)])
    by_unit = [row for group in measured for row in group.units]
    by_site = [row for group in measured for row in group.sites]
    return tf.concat([scalars, *by_unit, *by_site, weights], 0)


def _is_float(tensor: Any) -> bool:
    if isinstance(tensor, Call):
        return True
    return isinstance(tensor, (tf.Tensor, tf.Variable, tf.IndexedSlices)) and tensor.dtype.is_floating


def _values(tensor: Any) -> Any:
    """Return the numbers in a tensor, of a sparse gradient those of the rows it has."""
    return tensor.values if isinstance(tensor, tf.IndexedSlices) else tensor


def _units(call: Call) -> int:
    shape = call.output.shape
    units = shape[sites.unit_axis(call.layer)] if shape.rank > 1 else 1
    if units is None:
        raise CannotProbe(
            f"The layer {call.layer.name!r} gives an output of shape {tuple(shape)}, without a fixed "
            "number of units, so these can't be followed: give the layer a known number of units."
        )
    return units


def _distinct(names: list[str]) -> list[str]:
    """Number the repeated names: a, b, a#2."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return distinct
