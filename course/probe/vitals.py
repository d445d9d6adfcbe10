"""The results of a probe, as plain arrays and tidy tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course.probe.plan import SITE_ROWS, UNIT_ROWS, WEIGHT_ROWS, Plan
from course.probe.record import NonFinite, Record, UnitTrack

if TYPE_CHECKING:
    import pandas as pd

_BY_LAYER = ("mean", "signal", "zeros", "saturation", "cosine", "error", "signal_norm", "error_norm")
_BY_WEIGHT = ("gradient_norm", "gradient_rms", "weight_norm", "update_ratio")


class Vitals:
    """The vital signs of one run. `course.probe` says what each one means.

    Arrays by layer are (samples, layers), in the order of `layers`; arrays by weight are (samples, weights),
    in the order of `weights`. A sample is one measured step; `steps` tells which. NaN stands where a sign
    has no meaning: the saturation of a ReLU, the error of a layer with nothing to train at or below it.

    What is kept is bounded. At most 256 samples, and 32 for histograms, are held in full: when the store is
    full every second one goes, so that the rest stays evenly spread over the run. The moving means of the
    units and their silence take in every sample, also those not held; the first NaN or Inf, every step.
    """

    def __init__(self, record: Record) -> None:
        self._record = record

    def __repr__(self) -> str:
        plan = self._record.plan
        if plan is None:
            return "<Vitals: no step measured yet>"
        counts = len(self.steps), len(plan.sites), len(plan.weights)
        return "<Vitals: {} samples of {} layers and {} weights>".format(*counts)

    # What was measured, and when.

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers, in the order of their calls. A shared layer's second call is `name#2`."""
        return tuple(site.name for site in self._plan.sites)

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of the trainable weights, as `layer/weight`."""
        return tuple(weight.name for weight in self._plan.weights)

    @property
    def kernels(self) -> list[int]:
        """The numbers, in `weights`, of each layer's kernel, as in `gradient_norm[:, kernels]`."""
        return [number for number, weight in enumerate(self._plan.weights) if weight.kernel]

    @property
    def hidden(self) -> list[int]:
        """The numbers, in `layers`, of the layers with a kernel, without the last one (the output)."""
        owners = {weight.layer for weight in self._plan.weights if weight.kernel}
        return [number for number, site in enumerate(self._plan.sites) if site.layer in owners][:-1]

    @property
    def steps(self) -> np.ndarray:
        """The steps measured, from 0, (samples,)."""
        return np.array([sample.step for sample in self._samples])

    @property
    def loss(self) -> np.ndarray:
        """The loss of each measured batch, (samples,)."""
        return np.array([sample.loss for sample in self._samples])

    # Signs by layer, (samples, layers).

    @property
    def mean(self) -> np.ndarray:
        """The mean of the layer's output."""
        return self._over_units("mean")

    @property
    def signal(self) -> np.ndarray:
        """The standard deviation of the layer's output h, over samples, positions and units together."""
        spread = [units.var(axis=1) for units in self._by_site("mean")]
        return np.sqrt(np.maximum(self._over_units("variance") + np.stack(spread, axis=1), 0))

    @property
    def zeros(self) -> np.ndarray:
        """The share of outputs that are exactly zero."""
        return 1 - self._over_units("nonzero")

    @property
    def saturation(self) -> np.ndarray:
        """The share of outputs of a tanh or sigmoid where its slope is under 5 % of the steepest."""
        bounded = [site.limits is not None for site in self._plan.sites]
        return np.where(bounded, self._over_units("saturated"), np.nan)

    @property
    def cosine(self) -> np.ndarray:
        """The mean cosine between the layer's outputs for two samples, all-zero ones left out."""
        total, count = self._site_row("resultant"), self._site_row("directed")
        pairs = count * (count - 1)
        return np.divide(total - count, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)

    @property
    def error(self) -> np.ndarray:
        """The standard deviation of δ, the gradient of the batch's loss for the layer's output."""
        return np.sqrt(np.maximum(self._over_units("squared_error") - self._over_units("error") ** 2, 0))

    @property
    def signal_norm(self) -> np.ndarray:
        """The Euclidean norm of the layer's output over the whole batch."""
        return np.sqrt((self.signal**2 + self.mean**2) * self._elements())

    @property
    def error_norm(self) -> np.ndarray:
        """The Euclidean norm of δ over the whole batch."""
        return np.sqrt(self._over_units("squared_error") * self._elements())

    @property
    def signal_factor(self) -> np.ndarray:
        """By how much `signal` is multiplied from one hidden layer to the next, going up, (samples,)."""
        return _factor(self.signal[:, self.hidden])

    @property
    def error_factor(self) -> np.ndarray:
        """By how much `error` is multiplied from a hidden layer to the one below, going down, (samples,)."""
        return _factor(self.error[:, self.hidden][:, ::-1])

    # Signs by weight, (samples, weights).

    @property
    def gradient_norm(self) -> np.ndarray:
        """The Euclidean norm of the loss's gradient, before any clipping."""
        return np.sqrt(2 * self._weight_row("gradient"))

    @property
    def gradient_rms(self) -> np.ndarray:
        """The root of the mean squared gradient: the norm for a weight of one element."""
        return self.gradient_norm / np.sqrt([weight.size for weight in self._plan.weights])

    @property
    def weight_norm(self) -> np.ndarray:
        """The Euclidean norm of the weight before the step."""
        return np.sqrt(2 * self._weight_row("weight"))

    @property
    def update_ratio(self) -> np.ndarray:
        """‖change of the weight in the step‖ / ‖weight before it‖; NaN for a weight that is all zeros."""
        before = self.weight_norm
        change = np.sqrt(2 * self._weight_row("change"))
        return np.divide(change, before, out=np.full_like(before, np.nan), where=before > 0)

    # Signs by unit: a dictionary with one array for each layer.

    @property
    def unit_mean(self) -> dict[str, np.ndarray]:
        """The mean output of each unit, (samples, units)."""
        return dict(zip(self.layers, self._by_site("mean"), strict=True))

    @property
    def unit_zeros(self) -> dict[str, np.ndarray]:
        """The share of each unit's outputs that are exactly zero, (samples, units)."""
        return {name: 1 - part for name, part in zip(self.layers, self._by_site("nonzero"), strict=True)}

    @property
    def unit_error(self) -> dict[str, np.ndarray]:
        """The mean of |δ| that reaches each unit, (samples, units)."""
        return dict(zip(self.layers, self._by_site("absolute_error"), strict=True))

    @property
    def unit_moving_error(self) -> dict[str, np.ndarray]:
        """The moving mean of |δ|, over about the last 20 measured steps, (units,)."""
        return self._units(self._track.error)

    @property
    def unit_consistency(self) -> dict[str, np.ndarray]:
        """|moving mean of δ| / moving mean of |δ|, (units,): 1 for an error that always has one sign."""
        return self._units(self._track.consistency)

    @property
    def unit_silent_samples(self) -> dict[str, np.ndarray]:
        """For how many measured batches, up to the last, a unit has been zero for every sample, (units,)."""
        return self._units(self._track.silent_samples)

    @property
    def unit_silent_since(self) -> dict[str, np.ndarray]:
        """The step from which on a unit was silent, (units,): -1 if it is not, 0 if it was so from birth."""
        return self._units(self._track.silent_since)

    def dead(self, samples: int = 10) -> dict[str, np.ndarray]:
        """Return the numbers of the units silent in each of the last `samples` measured batches."""
        return {name: np.flatnonzero(silent >= samples) for name, silent in self.unit_silent_samples.items()}

    # The rest.

    @property
    def first_nonfinite(self) -> NonFinite | None:
        """Where NaN or Inf came up first, in any step, measured or not; None if nowhere."""
        self._record.flush()
        return self._record.first_nonfinite

    def histogram(
        self, layer: str, of: str = "signal", bins: int = 40
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Count the values of a layer's output ("signal") or of its δ ("error") over time.

        The values are a spread-out part of each batch, at most 32 batches of the run.

        Returns:
            The steps (snapshots,), the edges of the bins (bins + 1,), shared by all snapshots, and the
            counts (snapshots, bins). NaN and Inf are not counted.

        Raises:
            KeyError: there is no such layer.
            ValueError: `of` is neither "signal" nor "error".
        """
        if layer not in self.layers:
            raise KeyError(f"There is no layer {layer!r}. The layers are: {', '.join(self.layers)}.")
        if of not in ("signal", "error"):
            raise ValueError(f'of is {of!r}. It must be "signal" or "error".')
        part, columns = self._place(self.layers.index(layer))
        snapshots = self._record.snapshots.entries
        row = ("signal", "error").index(of)
        values = [snapshot.values[part][row, :, columns].ravel() for snapshot in snapshots]
        values = [part[np.isfinite(part)] for part in values]
        edges = np.histogram_bin_edges(np.concatenate(values), bins)
        counts = np.stack([np.histogram(part, edges)[0] for part in values])
        return np.array([snapshot.step for snapshot in snapshots]), edges, counts

    def table(self) -> pd.DataFrame:
        """Return one row for each measured step and layer; the columns are the signs by layer."""
        return self._tidy("layer", self.layers, _BY_LAYER)

    def weight_table(self) -> pd.DataFrame:
        """Return one row for each measured step and weight; the columns are the signs by weight."""
        return self._tidy("weight", self.weights, _BY_WEIGHT)

    def unit_table(self) -> pd.DataFrame:
        """Return one row for each unit, as it stands after the last step."""
        import pandas as pd

        signs = ("moving_error", "consistency", "silent_samples", "silent_since")
        by_unit = {sign: getattr(self, f"unit_{sign}") for sign in signs}
        parts = [
            {"layer": name, "unit": np.arange(len(units))} | {sign: by_unit[sign][name] for sign in signs}
            for name, units in by_unit["moving_error"].items()
        ]
        return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)

    def _tidy(self, kind: str, names: tuple[str, ...], signs: tuple[str, ...]) -> pd.DataFrame:
        import pandas as pd

        steps = self.steps
        columns = {"step": np.repeat(steps, len(names)), kind: np.tile(names, len(steps))}
        return pd.DataFrame(columns | {sign: getattr(self, sign).ravel() for sign in signs})

    @property
    def _plan(self) -> Plan:
        self._record.flush()
        if self._record.plan is None or not self._record.rows.entries:
            raise RuntimeError("No step has been measured yet: run fit inside the with-block, then look.")
        return self._record.plan

    @property
    def _samples(self) -> list:
        self._record.flush()
        return self._record.rows.entries

    @property
    def _track(self) -> UnitTrack:
        self._record.flush()
        return self._record.units

    def _place(self, number: int) -> tuple[int, slice]:
        """Return in which group a site lies, and where in it its units are."""
        part, group = next((part, group) for part, group in enumerate(self._plan.groups) if number in group)
        start = sum(self._plan.sites[other].units for other in group[: group.index(number)])
        return part, slice(start, start + self._plan.sites[number].units)

    def _over_units(self, row: str) -> np.ndarray:
        """Return the mean over each site's units, (samples, layers)."""
        means = np.stack([units.mean(axis=1) for units in self._by_site(row)], axis=1)
        return means if "error" not in row else np.where(self._has_error(), means, np.nan)

    def _has_error(self) -> np.ndarray:
        return np.array([site.has_error for site in self._plan.sites])

    def _elements(self) -> np.ndarray:
        """Return how many numbers each site's output had, (samples, layers)."""
        return self._site_row("positions") * [site.units for site in self._plan.sites]

    def _site_row(self, row: str) -> np.ndarray:
        order = np.concatenate(self._plan.groups)
        found = np.empty((len(self._samples), len(order)))
        found[:, order] = [sample.sites[SITE_ROWS.index(row)] for sample in self._samples]
        return found

    def _weight_row(self, row: str) -> np.ndarray:
        rows = [sample.weights[WEIGHT_ROWS.index(row)] for sample in self._samples]
        return np.array(rows, dtype=float).reshape(len(rows), len(self._plan.weights))

    def _by_site(self, row: str) -> list[np.ndarray]:
        """Return an array (samples, units) for each site, in the order of the sites."""
        rows = np.array([sample.units[UNIT_ROWS.index(row)] for sample in self._samples], dtype=float)
        return self._split(rows)

    def _units(self, values: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(self.layers, self._split(values), strict=True))

    def _split(self, values: np.ndarray) -> list[np.ndarray]:
        """Split (..., all units), which lie in the order of the groups, into an array for each site."""
        sites = self._plan.sites
        order = np.concatenate(self._plan.groups)
        ends = np.cumsum([sites[number].units for number in order])
        parts = dict(zip(order, np.split(values, ends[:-1], axis=-1), strict=True))
        return [parts[number] for number in range(len(sites))]


def _factor(values: np.ndarray) -> np.ndarray:
    """Fit log values (samples, layers) by a line over the layers; return e to its slope, (samples,)."""
    factors = np.full(len(values), np.nan)
    for number, row in enumerate(values):
        usable = np.flatnonzero(np.isfinite(row) & (row > 0))
        if len(usable) >= 2:
            factors[number] = np.exp(np.polyfit(usable, np.log(row[usable]), 1)[0])
    return factors
