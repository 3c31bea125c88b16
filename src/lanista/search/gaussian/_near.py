"""The trust region around the best trial, and the function in it.

Shapes: d columns, f numbers that are searched.
"""

from functools import cached_property

import numpy as np

from lanista.search._ranking import Floats
from lanista.search.gaussian._data import Data, checkpoint
from lanista.search.gaussian._process import Scales
from lanista.search.gaussian._region import FIRST, box, region
from lanista.search.gaussian._session import Setting
from lanista.search.gaussian._shape import Shape
from lanista.search.gaussian._trend import Trend, modelled

SMOOTH_FIRST = 0.56
"""First length of the trust region's side, where a slope can be followed, times the root of the number of columns that
are searched, of four at least."""
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
        follows: whether slopes are followed.

    Attributes:
        centre: as given.
        part: the trust region.
    """

    def __init__(
        self, setting: Setting, data: Data, centre: Floats, scales: Scales, *, startup: int, follows: bool
    ) -> None:
        self._setting, self._data, self._scales, self._startup = setting, data, scales, startup
        patience = max(4, setting.features.count)
        first = SMOOTH_FIRST / patience**0.5 if follows else FIRST
        length = region(data.progress, patience, startup, data.own[: data.settled], first=first).length
        self.centre = centre
        self.part = box(setting.features, scales, centre[0], length)

    @cached_property
    def trend(self) -> Trend:
        """The function, where slopes are followed.

        Of many trials with the hyperparameters that were the best ones at the last checkpoint.
        """
        ended = self._data.settled
        if modelled(ended, self._setting.features.count) <= OFTEN:
            return self._told()
        first = self._data.first(checkpoint(ended))
        best = first.X[[np.argmin(first.Y[:, 0])]]
        earlier = Near(self._setting, first, best, self._scales, startup=self._startup, follows=True)
        shape = self._setting.memory.kept("trend", (first.X, first.Y), lambda: earlier._told().shape)
        return self._told(shape.in_units(self._unit / earlier._unit))

    def _told(self, shape: Shape | None = None) -> Trend:
        """The trend of the trials."""
        X, C = (self._setting.features.of(points, ~np.isnan(points)) for points in (self._data.X, self.centre))
        return Trend.of_best(C[0], self._unit, X, self._data.Y[:, 0], shape)

    @property
    def _unit(self) -> float:
        """Half the region's longest side."""
        low, high = self.part
        return 0.5 * float((high - low)[self._setting.features.columns].max())
