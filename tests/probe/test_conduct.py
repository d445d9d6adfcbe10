"""How the probe behaves: what it finds, what it refuses, and what it leaves behind."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

from course.probe import CannotProbe, Probe, examine
from tests.probe.models import LOGITS, Subclassed, X, Y, convolutional, dense

L = keras.layers


def _fitted():
    model = dense("sigmoid", activation="softmax")
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    return model


def _attributes(model):
    return [set(vars(part)) for part in (model, *model.layers)]


def test_the_model_is_left_as_it_was_found(tmp_path):
    model = _fitted()
    function, attributes = model.train_function, _attributes(model)
    with Probe(model, every=2):
        model.fit(X, Y, verbose=0)
        model.save(tmp_path / "inside.keras")
    assert model.train_function is function
    assert _attributes(model) == attributes
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(copy(X), model(X), 1e-6)
    assert set(model.fit(X, Y, verbose=0).history) == {"loss"}


def test_the_model_is_left_as_it_was_found_after_an_exception():
    model = _fitted()
    function, attributes = model.train_function, _attributes(model)

    def stop(batch, logs=None):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Probe(model, every=1) as vitals:
        model.fit(X, Y, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=stop)])
    assert model.train_function is function
    assert _attributes(model) == attributes
    assert vitals.steps.tolist() == [0]

    with pytest.raises(ValueError), Probe(model, every=1):
        model.fit(X[:, :3], Y, verbose=0)
    assert model.train_function is function
    assert _attributes(model) == attributes


def test_a_model_compiled_inside_the_block_trains_with_its_new_optimizer_afterwards():
    model = _fitted()
    old = model.train_function
    with Probe(model, every=1) as vitals:
        model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        model.fit(X, Y, verbose=0)
    assert model.train_function is not old
    assert vitals.update_ratio[:, vitals.kernels].max() == 0


def test_saving_and_the_results_survive_the_block():
    model = dense()
    model.compile("sgd", LOGITS)
    with Probe(model, every=2) as vitals:
        assert repr(vitals) == "<Vitals: no step measured yet>"
        with pytest.raises(RuntimeError, match="No step has been measured yet"):
            vitals.table()
        model.fit(X, Y, batch_size=9, epochs=3, verbose=0)
        assert vitals.steps.tolist() == [0, 2, 4, 6, 8]
    table = vitals.table()
    assert list(table.columns[:4]) == ["step", "layer", "mean", "signal"]
    assert len(table) == 5 * 3
    np.testing.assert_array_equal(table["error"].to_numpy().reshape(5, 3), vitals.error)
    weights = vitals.weight_table()
    assert weights["weight"].tolist()[:2] == ["one/kernel", "one/bias"]
    assert len(weights) == 5 * 6
    steps, edges, counts = vitals.histogram("one", bins=10)
    assert (steps.tolist(), edges.shape, counts.shape) == ([0, 2, 4, 6, 8], (11,), (5, 10))
    assert set(counts.sum(1)) == {8 * 7}
    with pytest.raises(KeyError, match="The layers are: one, two"):
        vitals.histogram("four")
    assert repr(pickle.loads(pickle.dumps(vitals))) == "<Vitals: 5 samples of 3 layers and 6 weights>"


class _Fails(keras.Layer):
    """Gives Inf from its third call on; with `late`, its output stays finite and its gradient does not."""

    def __init__(self, late=False, **options):
        super().__init__(**options)
        self.late = late
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.count.assign_add(1.0)
        ill = self.count.value >= 3
        if self.late:
            return tf.sqrt(tf.square(x) * tf.where(ill, 0.0, 1.0))
        return x + tf.where(ill, np.float32(np.inf), 0.0)


def _with(layer):
    layers = [L.Dense(4, "tanh", name="below"), layer, L.Dense(4, name="above"), L.Dense(3, name="top")]
    model = keras.Sequential([keras.Input((6,)), *layers])
    model.compile("sgd", LOGITS)
    return model


@pytest.mark.parametrize("every", [1, 2, 50])
def test_the_first_inf_is_found_in_any_step(every):
    model = _with(_Fails(name="fails"))
    with Probe(model, every=every) as vitals:
        model.fit(X, Y, batch_size=4, verbose=0)
    assert vitals.first_nonfinite == (2, "fails", "output")
    assert str(vitals.first_nonfinite) == "NaN or Inf came up first in step 2, in the output of layer fails."


@pytest.mark.parametrize("every", [1, 50])
def test_a_bad_gradient_is_found_where_it_arises(every):
    model = _with(_Fails(late=True, name="fails"))
    with Probe(model, every=every) as vitals:
        model.fit(X, Y, batch_size=4, verbose=0)
    assert vitals.first_nonfinite == (2, "below", "error")


def test_bad_data_and_bad_weights_are_named():
    bad = X.copy()
    bad[3] = np.nan
    assert examine(dense(), bad, Y, LOGITS).first_nonfinite == (0, "batch", "input")
    model = dense()
    model.compile("sgd", LOGITS)
    with Probe(model, every=5) as vitals:
        model.fit(X, Y, batch_size=9, verbose=0)
        model.layers[1].set_weights([part * np.nan for part in model.layers[1].get_weights()])
        model.fit(X, Y, batch_size=9, verbose=0)
    assert vitals.first_nonfinite == (2, "two", "kernel")
    assert examine(dense(), X, Y, LOGITS).first_nonfinite is None


class _OwnStep(keras.Model):
    def train_step(self, data):
        return {}


class Hidden(keras.Model):
    def call(self, x):
        return x


def _refused(model, **compiled):
    model.compile("sgd", "mse", **compiled)
    with pytest.raises(CannotProbe) as refusal, Probe(model, every=1):
        model.fit(X, X, verbose=0)
    assert not {"make_train_function", "train_step"} & set(vars(model))
    return str(refusal.value)


def test_what_cannot_be_probed_is_refused_in_one_sentence():
    x = keras.Input((6,))
    assert "has a train_step of its own" in _refused(_OwnStep(x, L.Dense(6)(x)))
    linear = keras.Sequential([keras.Input((6,)), L.Dense(6)])
    assert "steps_per_execution=4" in _refused(linear, steps_per_execution=4)
    assert "jit_compile=False" in _refused(linear, jit_compile=True)
    with pytest.raises(CannotProbe, match="needs a keras.Model"), Probe(L.Dense(2)):
        pass
    with pytest.raises(ValueError, match="every is 0"):
        Probe(dense(), every=0)


def test_a_layer_in_a_loop_is_refused_by_name():
    class Loop(keras.Model):
        def __init__(self):
            super().__init__()
            self.inside = L.Dense(6, name="inside")
            self.inside.build((None, 6))

        def call(self, x):
            return tf.while_loop(lambda n, x: n < 2, lambda n, x: (n + 1, self.inside(x)), (0, x))[1]

    assert "The layer 'inside' runs inside a TensorFlow loop" in _refused(Loop())


def test_a_model_without_listed_layers_is_refused():
    assert "nothing to watch" in _refused(Hidden())


def test_two_probes_on_one_model_are_refused():
    model = dense()
    with pytest.raises(CannotProbe, match="being probed already"), Probe(model), Probe(model):
        pass
    assert "make_train_function" not in vars(model)


def test_a_training_loop_of_ones_own_is_refused_at_the_end():
    with pytest.raises(CannotProbe, match="No training step was seen"), Probe(dense()):
        pass


def test_examine_leaves_averages_and_seeds_alone():
    model = keras.Sequential([convolutional(), L.Dropout(0.5, seed=1)])
    model(np.zeros((1, 6, 6, 2), "float32"))
    before = [variable.numpy() for variable in model.variables]
    examine(model, np.ones((4, 6, 6, 2), "float32"), np.zeros(4), LOGITS)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert not model.compiled


def test_examine_builds_a_model_that_is_not():
    vitals = examine(Subclassed(), X, Y, LOGITS)
    assert vitals.layers == ("first", "step_a", "step_b", "out")
    assert vitals.loss[0] > 0
