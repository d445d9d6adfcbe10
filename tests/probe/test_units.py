"""The neurons that are sick: silent ones, and ones that keep receiving large errors."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.probe import Probe
from course.probe.plan import UNIT_ROWS
from course.probe.record import MEMORY, ROWS, Decimated, UnitTrack
from tests.probe.models import LOGITS, X, Y, dense


def test_a_unit_dead_at_birth_and_one_killed_on_the_way():
    model = dense()
    kernel, bias = model.layers[0].get_weights()
    bias[2] = -100.0
    model.layers[0].set_weights([kernel, bias])
    model.compile(keras.optimizers.SGD(1e-3), LOGITS)

    def kill(epoch, logs=None):
        if epoch == 4:
            bias[4] = -100.0
            model.layers[0].set_weights([kernel, bias])

    with Probe(model, every=1) as vitals:
        callbacks = [keras.callbacks.LambdaCallback(on_epoch_begin=kill)]
        model.fit(X, Y, batch_size=9, epochs=10, verbose=0, callbacks=callbacks)
    since = vitals.unit_silent_since["one"]
    assert (since[2], since[4]) == (0, 12)
    assert set(vitals.dead(samples=15)["one"]) == {2, 4}
    assert set(vitals.dead(samples=19)["one"]) == {2}
    assert vitals.unit_silent_samples["one"][2] == 30
    assert vitals.unit_zeros["one"][:, 2].min() == 1
    table = vitals.unit_table()
    assert len(table) == 7 + 5 + 3
    assert table.query("layer == 'one' and unit == 4")["silent_since"].item() == 12


def test_an_error_of_one_sign_is_consistent():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2, name="out")])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    targets = np.stack([np.full(27, 100.0), np.tile([100.0, -100.0, 0.0], 9)], axis=1)
    with Probe(model, every=1) as vitals:
        model.fit(X, targets, batch_size=3, epochs=2, verbose=0, shuffle=False)
    always, mixed = vitals.unit_consistency["out"]
    assert always == pytest.approx(1)
    assert mixed < 0.1
    assert vitals.unit_moving_error["out"] == pytest.approx([100 / 3, 200 / 9], rel=0.1)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.lists(st.integers(1, 9), min_size=1))
def test_silence_does_not_depend_on_how_samples_are_batched(silent, sizes):
    track, start, number = UnitTrack(1), 0, 0
    while start < len(silent):
        end = min(len(silent), start + sizes[number % len(sizes)])
        rows = np.ones((end - start, len(UNIT_ROWS), 1))
        rows[:, UNIT_ROWS.index("nonzero"), 0] = ~np.array(silent[start:end])
        track.see(np.arange(start, end) * 10, rows)
        start, number = end, number + 1
    streak = next((n for n, quiet in enumerate(reversed(silent)) if not quiet), len(silent))
    assert track.silent_samples[0] == streak
    assert track.silent_since[0] == (10 * (len(silent) - streak) if streak else -1)


@given(st.lists(st.floats(-5, 5) | st.just(float("nan")), min_size=1, max_size=50), st.integers(1, 12))
def test_moving_means_are_weighted_means_of_the_finite_errors(errors, size):
    track = UnitTrack(1)
    for start in range(0, len(errors), size):
        part = np.array(errors[start : start + size])
        rows = np.zeros((len(part), len(UNIT_ROWS), 1))
        rows[:, UNIT_ROWS.index("error"), 0] = part
        rows[:, UNIT_ROWS.index("absolute_error"), 0] = np.abs(part)
        track.see(np.arange(len(part)), rows)
    values = np.array(errors)
    weights = (1 - 1 / MEMORY) ** np.arange(len(values))[::-1] * np.isfinite(values)
    if not weights.any():
        assert np.isnan(track.error[0])
    else:
        expected = np.average(np.nan_to_num(np.abs(values)), weights=weights)
        np.testing.assert_allclose(track.error[0], expected, 1e-9, 1e-12)


@given(st.integers(1, 3000), st.sampled_from([2, 8, 32, ROWS]))
def test_what_is_kept_is_bounded_and_evenly_spread(length, capacity):
    kept = Decimated(capacity)
    for number in range(length):
        kept.offer(int, number)
    assert len(kept.entries) < capacity
    assert kept.entries[0] == 0
    assert len(set(np.diff(kept.entries))) <= 1
    assert len(kept.entries) >= min(length, capacity // 2)
