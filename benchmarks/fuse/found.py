"""What was measured of some models."""

from dataclasses import dataclass, field
from statistics import median

from benchmarks.fuse.timing import Seconds, ratio


@dataclass
class Found:
    """What was measured of a case at a number of models.

    Attributes:
        name: of the case.
        count: how many models.
        seconds: of an epoch of all models, a list a way; a way that cannot do it is missing.
        failed: why it cannot.
        chosen: the way that was chosen.
        setup: the seconds that capture, stacking, check and choice took.
    """

    name: str
    count: int
    seconds: Seconds = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    chosen: str = ""
    setup: float = 0.0

    def ratio(self, way: str) -> float:
        """How many times as fast as the plain loop: the median over the rounds; NaN where it was not measured."""
        return ratio(self.seconds, "loop", way)

    def each(self, way: str) -> float:
        """Milliseconds of an epoch of one model."""
        return 1000 * median(self.seconds[way]) / self.count
