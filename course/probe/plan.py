"""What the probe found in a model: its sites, its weights, and where their numbers lie in a sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

# What is measured of every unit, over the samples of a batch and the positions of an image or sequence.
UNIT_ROWS = ("mean", "variance", "nonzero", "saturated", "error", "absolute_error", "squared_error")
# What is measured of every site. The mean cosine follows from `resultant` and `directed`.
SITE_ROWS = ("positions", "resultant", "directed")
# What is measured of every weight: half of a squared norm each.
WEIGHT_ROWS = ("gradient", "weight", "change")
# Of each site, about this many values are kept for histograms.
_VALUES = 512
# Sites measured as one, at most.
_SIDE_BY_SIDE = 16


class Site(NamedTuple):
    """One call of one layer in a forward pass.

    `axis` is where its units lie; `limits` is the range of a saturating activation;
    `has_error` is false where no gradient of the loss arrives.
    """

    name: str
    layer: str
    units: int
    rank: int
    axis: int
    limits: tuple[float, float] | None
    has_error: bool

    @property
    def value_rows(self) -> int:
        """Of how many positions the values are kept for histograms."""
        return 8 if self.rank == 2 else max(8, _VALUES // self.units)


class Weight(NamedTuple):
    """One trainable weight. `kernel` is true for the first one of a layer that has two axes or more."""

    name: str
    layer: str
    shape: tuple[int, ...]
    kernel: bool

    @property
    def size(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)


class Suspect(NamedTuple):
    """One tensor that may be the first to hold NaN or Inf.

    `lag` is 1 if the step before made it; `backward` is true for errors and gradients.
    """

    layer: str
    tensor: str
    lag: int = 0
    backward: bool = False


@dataclass(frozen=True)
class Plan:
    """The sites in the order of their calls, the weights in the model's order, and what is measured together.

    `one_batch` says that all sites surely have the same number of samples.
    """

    sites: tuple[Site, ...]
    weights: tuple[Weight, ...]
    suspects: tuple[Suspect, ...]
    one_batch: bool

    @cached_property
    def groups(self) -> list[list[int]]:
        """The sites, by number, split into groups that can be laid side by side."""
        groups: list[list[int]] = []
        for number, site in enumerate(self.sites):
            alike = self.one_batch and site.rank == 2
            for group in groups:
                first = self.sites[group[0]]
                same = first.rank == 2 and first.has_error == site.has_error
                if alike and same and len(group) < _SIDE_BY_SIDE:
                    group.append(number)
                    break
            else:
                groups.append([number])
        return groups

    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the parts of a sample: the units of each group, the sites of each, the weights."""
        units = [sum(self.sites[number].units for number in group) for group in self.groups]
        return [
            *((len(UNIT_ROWS), number) for number in units),
            *((len(SITE_ROWS), len(group)) for group in self.groups),
            (len(WEIGHT_ROWS), len(self.weights)),
        ]
