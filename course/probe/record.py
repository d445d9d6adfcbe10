"""What is kept of a run, within bounds that do not grow with its length."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from course.probe.plan import UNIT_ROWS, Plan

# Samples that the moving means of the units look back on.
MEMORY = 20
# Samples kept in full, and samples of which values are kept for histograms: never more than this.
ROWS = 256
SNAPSHOTS = 32
# Samples taken in at a time: many small arrays cost less together.
_PENDING = 64


class NonFinite(NamedTuple):
    """Where NaN or Inf came up first: in which step, in which layer, in which of its tensors."""

    step: int
    layer: str
    tensor: str

    def __str__(self) -> str:
        when = "before the first step seen" if self.step < 0 else f"in step {self.step}"
        what = {"batch": f"the {self.tensor} of the batch", "loss": "the loss"}.get(
            self.layer, f"the {self.tensor} of layer {self.layer}"
        )
        return f"NaN or Inf came up first {when}, in {what}."


class Sample(NamedTuple):
    """The numbers of one step, units and sites in the order of the plan's groups."""

    step: int
    loss: float
    units: np.ndarray  # (len(UNIT_ROWS), all units)
    sites: np.ndarray  # (len(SITE_ROWS), sites)
    weights: np.ndarray  # (len(WEIGHT_ROWS), weights)

    @classmethod
    def of(cls, step: int, loss: float, *arrays: np.ndarray) -> Sample:
        """Make a sample of copies, so that it does not hold the larger arrays it is cut from."""
        return cls(step, float(loss), *(array.copy() for array in arrays))


class Snapshot(NamedTuple):
    """Some of the values of one step, for histograms: (2, positions, units) for each group, signal and error."""

    step: int
    values: list[np.ndarray]

    @classmethod
    def of(cls, step: int, values: Sequence[Any]) -> Snapshot:
        """Make a snapshot of tensors."""
        return cls(step, [np.asarray(part) for part in values])


class Decimated:
    """A list of bounded length that spans a run of any length.

    When it is full, every second entry goes, and from then on only every second one is taken.
    What it holds is always evenly spread from the start to now.
    """

    def __init__(self, capacity: int) -> None:
        self.entries: list[Any] = []
        self._capacity = capacity
        self._stride = 1
        self._offered = 0

    @property
    def due(self) -> bool:
        """Say whether the next entry offered will be taken."""
        return self._offered % self._stride == 0

    def offer(self, make: Callable[..., Any], *arguments: Any) -> None:
        """Keep what `make(*arguments)` gives, if its turn has come."""
        if self.due:
            self.entries.append(make(*arguments))
        self._offered += 1
        if len(self.entries) == self._capacity:
            self.entries = self.entries[::2]
            self._stride *= 2


class UnitTrack:
    """Moving means and silence of all units, over every sample."""

    def __init__(self, units: int) -> None:
        self._seen = np.zeros(units)
        self._error = np.zeros(units)
        self._absolute = np.zeros(units)
        self.silent_samples = np.zeros(units, int)
        self.silent_since = np.full(units, -1)

    def see(self, steps: np.ndarray, rows: np.ndarray) -> None:
        """Take in samples: steps (n,), rows (n, UNIT_ROWS, units). NaN and Inf leave the means alone."""
        nonzero, error, absolute = (rows[:, UNIT_ROWS.index(row)] for row in ("nonzero", "error", "absolute_error"))
        count = len(steps)
        keep = 1 - 1 / MEMORY
        fresh = ((1 - keep) * keep ** np.arange(count - 1, -1, -1)).astype(rows.dtype)
        finite = np.isfinite(absolute)
        self._seen = keep**count * self._seen + fresh @ finite
        if not finite.all():
            error, absolute = np.where(finite, error, 0), np.where(finite, absolute, 0)
        self._error = keep**count * self._error + fresh @ error
        self._absolute = keep**count * self._absolute + fresh @ absolute
        self._see_silence(steps, nonzero == 0)

    def _see_silence(self, steps: np.ndarray, silent: np.ndarray) -> None:
        count = len(steps)
        trailing = np.where(silent.all(0), count, np.argmin(silent[::-1], axis=0))
        start = steps[np.minimum(count - trailing, count - 1)]
        goes_on = (trailing == count) & (self.silent_samples > 0)
        self.silent_since = np.where(trailing == 0, -1, np.where(goes_on, self.silent_since, start))
        self.silent_samples = np.where(trailing == count, self.silent_samples + count, trailing)

    @property
    def error(self) -> np.ndarray:
        """The moving mean of |δ|, (units,); NaN for a unit that no finite error reached."""
        return _ratio(self._absolute, self._seen)

    @property
    def consistency(self) -> np.ndarray:
        """|moving mean of δ| / moving mean of |δ|, (units,): 1 when the error always has one sign."""
        return _ratio(np.abs(self._error), self._absolute)


class Record:
    """Takes in the samples of one run, and what was not finite."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.rows = Decimated(ROWS)
        self.snapshots = Decimated(SNAPSHOTS)
        self.units: UnitTrack | None = None
        self.first_nonfinite: NonFinite | None = None
        self._pending: list[tuple[int, Any]] = []

    def add(self, step: int, vector: Any, values: Sequence[Any]) -> None:
        """Take in the sample of one step: as one vector, and with its values if `snapshots` is due.

        The values are (2, positions, units) for each group: of the signal, and of the error.
        """
        self.snapshots.offer(Snapshot.of, step, values)
        self._pending.append((step, vector))
        if len(self._pending) == _PENDING:
            self.flush()

    def flush(self) -> None:
        """Work off what was taken in."""
        pending, self._pending = self._pending, []
        if pending:
            steps, vectors = zip(*pending, strict=True)
            self._take_in(np.array(steps), [np.asarray(vector) for vector in vectors])

    def accuse(self, step: int, arrays: Sequence[np.ndarray]) -> None:
        """Take in the values of all suspects, (their number), of a step; the first that is bad counts."""
        bad = next((number for number, array in enumerate(arrays) if not np.isfinite(array).all()), None)
        if bad is not None and self.first_nonfinite is None:
            suspect = self.plan.suspects[bad]
            self.first_nonfinite = NonFinite(step - suspect.lag, suspect.layer, suspect.tensor)

    def _take_in(self, steps: np.ndarray, vectors: list[np.ndarray]) -> None:
        """Take samples apart, and the loss scale out of what came backwards."""
        shapes = self.plan.shapes()
        numbers = np.stack(vectors)
        losses, scale = numbers[:, 0], numbers[:, 1, None, None]
        ends = 2 + np.cumsum([0, *(math.prod(shape) for shape in shapes)])
        *parts, weights = (
            numbers[:, start:end].reshape(len(steps), *shape)
            for start, end, shape in zip(ends[:-1], ends[1:], shapes, strict=True)
        )
        half = len(parts) // 2
        units, sites = _beside(parts[:half]), _beside(parts[half:])
        if (scale != 1).any():
            backward = UNIT_ROWS.index("error")
            units[:, backward : backward + 2] /= scale
            units[:, backward + 2] /= scale[:, 0] ** 2
            weights[:, 0] /= scale[:, 0] ** 2
        if self.units is None:
            self.units = UnitTrack(units.shape[2])
        self.units.see(steps, units)
        for n, step in enumerate(steps.tolist()):
            self.rows.offer(Sample.of, step, losses[n], units[n], sites[n], weights[n])


def _beside(parts: list[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    nothing = np.full(denominator.shape, np.nan)
    return np.divide(numerator, denominator, out=nothing, where=denominator > 0)
