"""What the probe costs: the time of `fit` with it, as a ratio to plain `fit` in the same run.

    python benchmarks/probe_cost.py [rounds]

In every round the plain and the probed models take turns, one epoch each, and every round starts with another
one. The ratio is the median over the rounds of (probed epoch / plain epoch of the round); the first epochs, in
which TensorFlow traces, don't count. A ratio under 1 is no mistake: the train function of the probe is leaner
than that of Keras 3.13 to 3.15, which boxes what each step returns and takes 30 µs or so to open the box.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import keras
import numpy as np

from course import nets
from course.probe import Probe

BATCH, STEPS, WARM_UP = 32, 100, 2
SIZES: dict[str, tuple[tuple[int, ...], Callable[[], keras.Model]]] = {
    "MLP 5×64": ((64,), lambda: nets.mlp(5, 64)),
    "MLP 5×256": ((64,), lambda: nets.mlp(5, 256)),
    "MLP 30×64": ((64,), lambda: nets.mlp(30, 64)),
    "CNN 8×8": ((8, 8, 1), lambda: nets.cnn((8, 8, 1))),
    "CNN 28×28": ((28, 28, 1), lambda: nets.cnn((28, 28, 1))),
}


def epoch(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Return the seconds that one epoch of `fit` takes."""
    start = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, verbose=0, shuffle=False)
    return time.perf_counter() - start


def compare(shape: tuple[int, ...], build: Callable[[], keras.Model], rounds: int) -> dict[str, list[float]]:
    """Return the ratio of each round to the plain epoch beside it, by how often the probe measures."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH * STEPS, *shape)).astype("float32")
    y = rng.integers(0, 10, len(x))
    models = {}
    with contextlib.ExitStack() as stack:
        for name, every in {"plain": None, "plain again": None, "every 10": 10, "every 1": 1}.items():
            models[name] = build()
            models[name].compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
            if every is not None:
                stack.enter_context(Probe(models[name], every=every))
        times: dict[str, list[float]] = {name: [] for name in models}
        names = list(models)
        for number in range(WARM_UP + rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                times[name].append(epoch(models[name], x, y))
    plain = times.pop("plain")[WARM_UP:]
    print(f"{1000 * statistics.median(plain) / STEPS:8.2f} ms", end="")
    return {
        name: [one / base for one, base in zip(taken[WARM_UP:], plain, strict=True)]
        for name, taken in times.items()
    }


def main() -> None:
    """Print a line for each size."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    print("Ratios to plain fit, median of pairs.")
    print(f"{'model':12}{'a step':>11}{'plain again':>14}{'every 10':>14}{'every 1':>14}")
    for name, (shape, build) in SIZES.items():
        print(f"{name:12}", end="")
        for ratios in compare(shape, build, rounds).values():
            print(f"{statistics.median(ratios):14.3f}", end="")
        print(flush=True)


if __name__ == "__main__":
    main()
