"""The figures of the vital signs: drawn from a real probe, alt text demanded, values where they belong."""

import numpy as np
import pytest

from course import nets
from course.plots import vitals as pictures
from course.probe import Probe, examine

ALT = "The sign falls from the last layer to the first."
FIGURES = {
    "gradient flow": lambda vitals, alt: pictures.gradient_flow(vitals, alt=alt),
    "signal and error": lambda vitals, alt: pictures.signal_and_error(vitals, alt=alt),
    "histograms": lambda vitals, alt: pictures.histograms(vitals, "dense_1", alt=alt, of="error"),
    "unit map": lambda vitals, alt: pictures.unit_map(vitals, "dense_2", alt=alt),
    "update ratios": lambda vitals, alt: pictures.update_ratios(vitals, alt=alt),
}


@pytest.fixture(scope="module")
def run():
    import keras

    keras.utils.set_random_seed(0)
    model = nets.mlp(3, 8, inputs=6, outputs=3)
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 6)).astype("float32"), rng.integers(0, 3, 64)
    with Probe(model, every=2) as vitals:
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return {"training": vitals, "one batch": examine(model, x, y, loss)}


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda data, **kwargs: bundles.append(data))
    return bundles


@pytest.mark.parametrize("name", FIGURES)
def test_a_run_is_drawn_small(name, run, shown):
    FIGURES[name](run["training"], ALT)
    assert shown[0]["image/png"].startswith(b"\x89PNG")
    assert len(shown[0]["image/png"]) < 80_000


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "update ratios"])
def test_a_single_batch_can_be_drawn(name, run, shown):
    FIGURES[name](run["one batch"], ALT)
    assert shown


@pytest.mark.parametrize("name", FIGURES)
def test_alt_text_is_demanded(name, run, shown):
    with pytest.raises(ValueError, match="needs alt text"):
        FIGURES[name](run["training"], "a plot")
    assert not shown


def test_shades_lie_around_their_steps():
    assert pictures._edges(np.array([0, 2, 4])).tolist() == [-1, 1, 3, 5]
    assert pictures._edges(np.array([7])).tolist() == [6.5, 7.5]
