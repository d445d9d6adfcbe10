"""Datasets that fit a laptop and need no network. All arrays are NumPy; labels are integers."""

from __future__ import annotations

import numpy as np

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def xor() -> tuple[np.ndarray, np.ndarray]:
    """The four points of exclusive or: ``x`` (4, 2) of 0 and 1, ``y`` (4,)."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float64")
    return x, np.array([0, 1, 1, 0])


def moons(samples: int = 200, noise: float = 0.15, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two interleaved half circles: ``x`` (samples, 2), ``y`` (samples,) of 0 and 1."""
    from sklearn.datasets import make_moons

    return make_moons(n_samples=samples, noise=noise, random_state=seed)


def digits(seed: int = 0, test_share: float = 0.2) -> Split:
    """Handwritten digits, 8 x 8 pixels: ``x_train, y_train, x_test, y_test``.

    1797 samples from scikit-learn's copy of the UCI digits (Alpaydin & Kaynak 1998). ``x`` is (samples, 64), float32,
    standardized by the training set's mean and standard deviation, the latter floored at 1: a pixel that is constant
    in training would otherwise become huge in the test set. ``y`` is (samples,), 0 to 9. ``seed`` draws the split.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=test_share, random_state=seed, stratify=y)
    mean, std = x_train.mean(axis=0), np.maximum(x_train.std(axis=0), 1.0)
    return (
        ((x_train - mean) / std).astype("float32"),
        y_train,
        ((x_test - mean) / std).astype("float32"),
        y_test,
    )
