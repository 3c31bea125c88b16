"""Which values an axis shows: all, save a few that are so bad that the rest would be a flat line."""

import numpy as np

from lanista._frozen import Frozen
from lanista.plot._frame import Frame
from lanista.plot._style import Part, axis
from lanista.plot._thin import Floats

FAR = 10.0
"""How many times the span of nine tenths of the values a bad one lies away from them to be left beyond the axis."""


class Reach(Frozen):
    """The least and the greatest value to show, and how many trials are beyond: they are seen by zooming out."""

    low: float
    high: float
    beyond: int

    @property
    def floor(self) -> float:
        """Where the marks of trials without a value stand: a little below the others."""
        return self.low - 0.07 * self._width

    @property
    def note(self) -> str:
        """What to say of the trials beyond."""
        if not self.beyond:
            return ""
        values = "a bad value is" if self.beyond == 1 else f"{self.beyond:,} bad values are"
        return f"{values} beyond the axis: double-click to see all"

    def axis(self, title: str) -> Part:
        """The axis of the values."""
        ends = [self.low - 0.12 * self._width, self.high + 0.06 * self._width]
        return axis(title, range=ends) if self.beyond else axis(title)

    def heights(self, values: Floats) -> Floats:
        """(k,) the values, and the floor for what has none."""
        return np.where(np.isnan(values), self.floor, values)

    @property
    def _width(self) -> float:
        return (self.high - self.low) or abs(self.low) or 1.0


def reach_of(frame: Frame) -> Reach:
    """The values to show; only bad ones are ever left out, and of a metric that is no objective none.

    >>> from lanista.space import Space
    >>> from lanista.testing import Story
    >>> story = Story(Space({}))
    >>> for value in (1.0, 1.5, 2.0, 1.2, 1.8, 1.1, 1.9, 1.4, 1.6, 1.3) * 3 + (1e9,):
    ...     story.end(story.start({}), "completed", value)
    >>> reach_of(Frame(story.history)).beyond
    1
    """
    values = frame.values[frame.known]
    if not len(values):
        return Reach(0.0, 0.0, 0)
    low, high = float(values.min()), float(values.max())
    start, stop = np.quantile(values, (0.05, 0.95)).tolist()
    span = stop - start
    if frame.direction == "min" and span > 0 and high - stop > FAR * span:
        high = stop + span / 2
    if frame.direction == "max" and span > 0 and start - low > FAR * span:
        low = start - span / 2
    return Reach(low, high, int(((values < low) | (values > high)).sum()))


def count_axis(title: str, most: int) -> Part:
    """An axis of whole numbers from 0 or 1 to `most`, without fractions where they are few."""
    plain = {"exponentformat": "none", "separatethousands": True}
    return axis(title, dtick=1, **plain) if most <= 10 else axis(title, **plain)
