"""The arithmetic of the vital signs: from the tensors of one step to a few small ones.

It runs inside the training step, where the number of TensorFlow operations is most of what it costs.
Sites whose outputs are (batch, units) are therefore laid side by side and measured as one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from course.probe.plan import Site

# An activation is saturated where its slope is under 5 % of the steepest. For tanh, the slope is 1 - h².
_FLAT = 0.95**0.5


class Measured(NamedTuple):
    """What was measured of a group of sites with `u` units in all.

    The statistics of the units (u,) and of the sites (sites,), one tensor for each of UNIT_ROWS and SITE_ROWS;
    all values of the signal and of the error, each (positions, u); how many positions to show.
    """

    units: list[tf.Tensor]
    sites: list[tf.Tensor]
    signal: tf.Tensor
    error: tf.Tensor
    shown: int

    def some_values(self, scale: float | tf.Tensor = 1.0) -> tf.Tensor:
        """Return values at evenly spread positions, (2, shown, u): of the signal, and of the error / scale."""
        take = tf.range(self.shown) * tf.shape(self.signal)[0] // self.shown
        return tf.stack([tf.gather(self.signal, take), tf.gather(self.error, take) / scale])


def measure(
    sites: list[Site], signals: list[tf.Tensor], errors: list[tf.Tensor | None], dtype: tf.DType
) -> Measured:
    """Measure a group of sites."""
    h, samples = _lay_out(signals, sites, dtype)
    mean = tf.reduce_mean(h, 0)
    variance = _variance(h, mean, sites)
    # A comparison and a cast take twice as long.
    nonzero = tf.reduce_mean(tf.sign(tf.abs(h)), 0)
    saturated = _saturated(h, sites)
    if sites[0].has_error:
        d, _ = _lay_out(errors, sites, dtype)
        backward = [tf.reduce_mean(part, 0) for part in (d, tf.abs(d), tf.square(d))]
    else:
        d = tf.zeros_like(h)
        backward = [tf.zeros_like(mean)] * 3
    resultant, directed = _directions(samples, sites)
    positions = tf.fill((len(sites),), tf.cast(tf.shape(h)[0], dtype))
    units = [mean, variance, nonzero, saturated, *backward]
    return Measured(units, [positions, resultant, directed], h, d, sites[0].value_rows)


def _lay_out(tensors: list[tf.Tensor], sites: list[Site], dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the tensors as (positions, units) and as (batch, features)."""
    site = sites[0]
    if len(tensors) > 1:
        wide = tf.concat([tf.cast(tensor, dtype) for tensor in tensors], 1)
        return wide, wide
    tensor = tf.cast(tensors[0], dtype)
    if site.rank == 2:
        return tensor, tensor
    samples = tf.reshape(tensor, (tf.shape(tensor)[0], -1))
    if site.axis == 1:
        tensor = tf.transpose(tensor, [0, *range(2, site.rank), 1])
    return tf.reshape(tensor, (-1, site.units)), samples


def _variance(h: tf.Tensor, mean: tf.Tensor, sites: list[Site]) -> tf.Tensor:
    """Return the variance of each unit, (units,)."""
    if len(sites) > 1:
        return tf.reduce_mean(tf.math.squared_difference(h, mean), 0)
    # Around the middle of the layer first: to subtract a number is three times as fast as to subtract a row.
    # Squares around 0 would lose the digits of a spread that is small beside the mean.
    middle = tf.reduce_mean(mean)
    return tf.reduce_mean(tf.square(h - middle), 0) - tf.square(mean - middle)


def _directions(samples: tf.Tensor, sites: list[Site]) -> tuple[tf.Tensor, tf.Tensor]:
    """Return, for each site, the squared length of the sum of the samples' directions, and their number.

    A sample that is all zeros has no direction. The mean cosine of all pairs follows from the two
    without computing a pair: |Σ u_i|² = n + Σ_{i≠j} cos(i, j).
    """
    dtype = samples.dtype
    if tf.config.list_physical_devices("GPU"):
        # A GPU rounds the factors of a product to TF32, but not in float64.
        samples = tf.cast(samples, tf.float64)
    squares = tf.square(samples)
    if len(sites) == 1:
        squares = tf.reduce_sum(squares, 1, keepdims=True)
    else:
        # A product with `owner` adds up what belongs to one site.
        owner = np.repeat(np.eye(len(sites), dtype=samples.dtype.as_numpy_dtype), _widths(sites), axis=0)
        squares = tf.matmul(squares, owner)
    # The root of the very least number overflows when it is inverted.
    least = 10 * np.finfo(samples.dtype.as_numpy_dtype).tiny
    total = tf.square(tf.matmul(tf.math.rsqrt(tf.maximum(squares, least)), samples, transpose_a=True))
    resultant = tf.reduce_sum(total if len(sites) == 1 else total * owner.T, 1)
    directed = tf.reduce_sum(tf.sign(squares), 0)
    return tf.cast(resultant, dtype), tf.cast(directed, dtype)


def _widths(sites: list[Site]) -> list[int]:
    return [site.units for site in sites]


def _saturated(h: tf.Tensor, sites: list[Site]) -> tf.Tensor:
    """Return each unit's share of outputs so near an end that the slope is under 5 % of the steepest."""
    if not any(site.limits for site in sites):
        return tf.zeros_like(h[0])
    # Without limits there is no end to be near.
    middle = np.repeat([sum(site.limits) / 2 if site.limits else 0.0 for site in sites], _widths(sites))
    reaches = [(site.limits[1] - site.limits[0]) / 2 if site.limits else np.inf for site in sites]
    reach = np.repeat(reaches, _widths(sites))
    away = tf.abs(h - tf.constant(middle, h.dtype))
    return tf.reduce_mean(tf.cast(away > tf.constant(_FLAT * reach, h.dtype), h.dtype), 0)


def weight_norms(
    gradients: list[tf.Tensor | None], before: list[tf.Tensor], after: list[tf.Tensor] | None, dtype: tf.DType
) -> tf.Tensor:
    """Return half the squared norms (3 · weights,): of the gradients, of the weights before, of their changes.

    Without weights `after`, the changes are NaN.
    """

    def half_square(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.l2_loss(tf.cast(x, dtype))

    nothing, unknown = tf.zeros((), dtype), tf.constant(float("nan"), dtype)
    if after is None:
        changes = [unknown] * len(before)
    else:
        changes = [half_square(new - old) for old, new in zip(before, after, strict=True)]
    norms = [nothing if slope is None else half_square(tf.convert_to_tensor(slope)) for slope in gradients]
    return tf.stack([*norms, *map(half_square, before), *changes])
