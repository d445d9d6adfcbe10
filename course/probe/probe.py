"""The probe itself: takes part in `fit` for the time of a with-block."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from course.probe import look, sites, statistics
from course.probe.plan import Plan
from course.probe.record import Record
from course.probe.sites import CannotProbe
from course.probe.vitals import Vitals

_KEY, _VALUES = "course.probe", "course.probe.values"


class Probe:
    """Takes the vital signs of a Keras model while it trains.

    ::

        with Probe(model, every=10) as vitals:
            model.fit(x, y)
        vitals.table()

    Within the block, `fit` and `train_on_batch` run the very same training step, and every `every`-th step
    also measures. The training is the same to the last bit. At the end of the block, also after an exception,
    the model is as it was found.

    Args:
        model: a Keras 3 model on the TensorFlow backend: Sequential, functional, or subclassed with its
            layers as attributes. It may be compiled before or inside the block.
        every: measure steps 0, every, 2 · every, ...

    Raises:
        CannotProbe: the model, or the way it is trained, can't be probed. The text says what and why.
            What shows only while training is raised by `fit`.
    """

    def __init__(self, model: keras.Model, every: int = 10) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(f"every is {every!r}. It must be a whole number of steps, 1 or more.")
        self._model = model
        self._every = every

    def __enter__(self) -> Vitals:
        _check_model(self._model)
        self._record = Record()
        self._step = 0
        self._found: Any = None
        self._chooser: Callable[[Any], Any] | None = None
        vars(self._model)["make_train_function"] = self._make_train_function
        return Vitals(self._record)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        model = self._model
        del vars(model)["make_train_function"]
        if self._chooser is not None and model.train_function is self._chooser:
            model.train_function = self._found
        self._chooser = None
        self._record.flush()
        if kind is None and not self._step:
            raise CannotProbe(
                "No training step was seen. The probe watches model.fit and model.train_on_batch; "
                "in a training loop of your own, look at single batches with examine()."
            )

    def _make_train_function(self, force: bool = False) -> None:
        """Stand in for `model.make_train_function`: three train functions, and a choice for every step."""
        model = self._model
        ours = self._chooser is not None and model.train_function is self._chooser
        if ours and not force:
            return
        if model.steps_per_execution != 1:
            raise CannotProbe(
                f"The model was compiled with steps_per_execution={model.steps_per_execution}; "
                "these steps run inside TensorFlow, where the probe can't choose among them: "
                "compile it with steps_per_execution=1."
            )
        if model.jit_compile:
            raise CannotProbe(
                "The model was compiled with jit_compile=True; XLA computes in another order when somebody "
                "looks on, so the training would not be the same: compile it with jit_compile=False."
            )
        if not ours:
            self._found = model.train_function
        # TensorFlow traces each when it is first called: the last one only in a run of many samples.
        watching, showing = self._function(), self._function(measured=True, shown=True)
        sampling = self._function(measured=True)

        def choose(iterator: Iterator[Any]) -> dict[str, Any]:
            if self._step % self._every:
                logs = watching(iterator)
            else:
                logs = (showing if self._record.snapshots.due else sampling)(iterator)
                self._record.add(self._step, logs.pop(_KEY), logs.pop(_VALUES, ()))
            self._step += 1
            return logs

        self._chooser = choose
        model.train_function = choose

    def _function(self, measured: bool = False, shown: bool = False) -> Callable[[Any], Any]:
        """Make a train function around the probe's training step, as Keras does for one step at a time."""
        model = self._model

        def on_batch(data: Any) -> dict[str, Any]:
            data = keras.tree.map_structure(_none_if_optional, data)
            return model.distribute_strategy.run(self._train_step, args=(data, measured, shown))

        def on_next(iterator: Iterator[Any]) -> dict[str, Any]:
            return on_batch(next(iterator))

        if not model.run_eagerly:
            on_batch = tf.function(on_batch, autograph=False, reduce_retracing=True)
            on_next = tf.function(on_next, autograph=False, reduce_retracing=True)

        def function(iterator: Iterator[Any]) -> dict[str, Any]:
            compiled = isinstance(iterator, (tf.data.Iterator, tf.distribute.DistributedIterator))
            return on_next(iterator) if compiled else on_batch(next(iterator))

        return function

    def _train_step(self, data: Any, measured: bool, shown: bool) -> dict[str, Any]:
        """Do what `keras.Model.train_step` does, operation for operation, and look on.

        If `measured`, the logs also hold a sample; if `shown`, with some values for histograms.
        """
        model = self._model
        optimizer = model.optimizer
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            with sites.recording(sites.leaves(model)) as calls:
                y_pred = look.forward(model, x)
            training = {"training": True} if look.takes_training(model.compute_loss) else {}
            loss = model.compute_loss(x, y, y_pred, sample_weight, **training)
            _loss_tracker(model).update_state(loss, sample_weight=tf.shape(_first(x))[0])
            scaled = loss if optimizer is None else optimizer.scale_loss(loss)
        calls = look.visible(calls, loss)
        weights = model.trainable_weights
        gradients, errors = look.gradients_of(tape, scaled, weights, calls)
        values = [weight.value for weight in weights]
        # To measure the update, the weights are read in any case. Otherwise they are read only if need be.
        before = [tf.convert_to_tensor(value) for value in values] if measured else values
        suspects = look.suspects_of(model, before, (x, y), calls, loss, errors, gradients)
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            # It skips the steps whose scaled gradients overflow. That is its way of working and no fault.
            suspects = [(suspect, tensor) for suspect, tensor in suspects if not suspect.backward]
        plan = self._settle(look.make_plan(model, calls, errors, [suspect for suspect, _ in suspects]))
        look.watch(suspects, loss, gradients, self._accuse)
        if not weights:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
        if measured:
            scale = 1.0 if scaled is loss else optimizer.scale_loss(tf.ones(()))
            signs = look.measure(plan, calls, errors, tf.float32)
        if weights:
            optimizer.apply_gradients(zip(gradients, weights, strict=True))
        logs = model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)
        if measured:
            after = [tf.convert_to_tensor(value) for value in values]
            norms = statistics.weight_norms(gradients, before, after, tf.float32)
            logs = {**logs, _KEY: look.pack(loss, scale, signs, norms)}
        if shown:
            logs[_VALUES] = tuple(group.some_values(scale) for group in signs)
        return logs

    def _accuse(self, *arrays: np.ndarray) -> None:
        """Take in the values of all suspects, in the midst of a step in which something is not finite."""
        self._record.accuse(self._step, arrays)

    def _settle(self, plan: Plan) -> Plan:
        """Keep the plan of the first trace. Later ones must agree, or the samples could not be compared."""
        if self._record.plan is None:
            self._record.plan = plan
        elif self._record.plan != plan:
            raise CannotProbe(
                "The model calls other layers, or in another order, than in the first step, "
                "so its steps can't be compared. Probe each way of calling it in a block of its own."
            )
        return plan


def _check_model(model: keras.Model) -> None:
    """Raise CannotProbe, with one sentence that says why, for a model that can't be probed."""
    if keras.backend.backend() != "tensorflow":
        raise CannotProbe(
            f"Keras runs on the {keras.backend.backend()} backend and the probe needs TensorFlow: "
            "set the environment variable KERAS_BACKEND=tensorflow before importing keras."
        )
    if not isinstance(model, keras.Model):
        raise CannotProbe(f"Probe was given a {type(model).__name__} and needs a keras.Model.")
    name = f"The model {model.name!r}"
    if "make_train_function" in vars(model):
        raise CannotProbe(f"{name} is being probed already: one Probe at a time.")
    for part in ("train_step", "make_train_function", "metrics"):
        if getattr(type(model), part) is not getattr(keras.Model, part) or part in vars(model):
            raise CannotProbe(
                f"{name} has a {part} of its own, which the probe would have to replace: "
                "probe a model that trains by keras.Model's, or look at single batches with examine()."
            )
    if model.distribute_strategy.num_replicas_in_sync > 1:
        raise CannotProbe(f"{name} is trained on several replicas and the probe sees only one: use one.")
    if not sites.leaves(model) and model.built:
        raise CannotProbe(
            f"{name} lists no layers in model.layers, so there is nothing to watch: make them its attributes."
        )


def _loss_tracker(model: keras.Model) -> keras.metrics.Metric:
    """Return the metric that Keras keeps of the loss; it is the first of a compiled model."""
    return model.metrics[0]


def _none_if_optional(part: Any) -> Any:
    """Return None for what a dataset has in place of None."""
    return None if isinstance(part, tf.experimental.Optional) else part


def _first(structure: Any) -> Any:
    return next(part for part in keras.tree.flatten(structure) if part is not None)
