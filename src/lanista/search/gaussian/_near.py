"""The trust region around the best trial, and the function in it.

Shapes: d columns.
"""

from functools import cached_property

import numpy as np

from lanista.search._ranking import Floats
from lanista.search.gaussian._data import Data, checkpoint
from lanista.search.gaussian._process import Scales
from lanista.search.gaussian._region import box, region
from lanista.search.gaussian._session import Setting
from lanista.search.gaussian._shape import Shape, fitted
from lanista.search.gaussian._trend import Sample, Trend, modelled

OFTEN = 60
"""Trials of a trend up to which its hyperparameters are found anew for every proposal; of more that would be slow."""


class Near:
    """What is near the best trial.

    Args:
        setting: of the space.
        data: the trials.
        centre: (1, d) the best of them.
        scales: of the process of all trials.
        startup: trials before a model was used.
        first: first length of the trust region's side.

    Attributes:
        centre: as given.
        part: the trust region.
    """

    def __init__(
        self, setting: Setting, data: Data, centre: Floats, scales: Scales, *, startup: int, first: float
    ) -> None:
        self._setting, self._data, self._scales, self._startup, self._first = setting, data, scales, startup, first
        patience, own = max(4, setting.features.count), data.own[: data.settled]
        self.centre = centre
        self.part = box(
            setting.features, scales, centre[0], region(data.progress, patience, startup, own, first=first).length
        )

    @cached_property
    def trend(self) -> Trend:
        """The function, where slopes are followed.

        Of many trials with the hyperparameters of the last checkpoint, where these still will do.
        """
        count = self._data.settled
        if modelled(count, self._setting.features.count) <= OFTEN:
            return self._told()[0]
        earlier = self._data.first(checkpoint(count))
        told = (earlier.X, earlier.Y, earlier.own)
        return self._told(self._setting.memory.kept("trend", told, lambda: self._known(earlier)))[0]

    def _known(self, data: Data) -> Shape:
        """The hyperparameters of a trend of fewer trials, in the units of the cube and of the values."""
        best = data.X[[np.argmin(data.Y[:, 0])]]
        near = Near(self._setting, data, best, self._scales, startup=self._startup, first=self._first)
        trend, unit, value = near._told()
        return trend.shape.in_units(1.0 / unit, 1.0 / value)

    def _told(self, known: Shape | None = None) -> tuple[Trend, float, float]:
        """The trend of the trials, and its units in the cube and of the values."""
        features, (low, high) = self._setting.features, self.part
        X, C = (features.of(points, ~np.isnan(points)) for points in (self._data.X, self.centre))
        sample, unit = Sample.of(X, self._data.Y[:, 0]), 0.5 * float((high - low)[features.columns].max())
        own = known and known.in_units(unit, sample.unit)
        shape = fitted((sample.X - C[0]) / unit, sample.y, own)
        return Trend(C[0], unit, sample.X, sample.y, shape), unit, sample.unit
