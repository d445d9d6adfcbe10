"""Independent sources of expected values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def gradient(f: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """The gradient of the scalar ``f`` at ``x``, by central differences in float64; shape of ``x``.

    Good to about 1e-9 of the size of ``f`` where ``f`` is smooth.
    """
    x = np.array(x, dtype=float)
    slope = np.empty_like(x)
    for where in np.ndindex(*x.shape):
        kept = x[where]
        x[where] = kept + h
        up = f(x)
        x[where] = kept - h
        down = f(x)
        x[where] = kept
        slope[where] = (up - down) / (2 * h)
    return slope


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the softmax over the last axis, without overflow; shape of ``logits``."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
