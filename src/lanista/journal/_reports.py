"""All reports of an experiment, in order and by trial."""

import math
from collections.abc import Iterable
from copy import copy
from typing import cast

import numpy as np
from numpy.typing import NDArray

from lanista.journal._columns import Column
from lanista.journal._events import Reported

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Reports:
    """r reports of m objectives, minimised; a step that a restarted trial repeats counts the last time."""

    def __init__(self, m: int) -> None:
        self._trial, self._step = Column(np.int64), Column(np.int64)
        self._Y = Column(np.float64, (m,), fill=math.nan)
        self._rows: dict[int, dict[int, int]] = {}
        self.metrics: list[dict[str, float]] = []

    def append(self, event: Reported, objectives: list[float]) -> None:
        """Takes a report."""
        self._rows.setdefault(event.number, {})[event.step] = self._trial.size
        self._trial.append(event.number)
        self._step.append(event.step)
        self._Y.append(objectives)
        self.metrics.append(event.metrics)

    def still(self, open_: Iterable[int]) -> "Reports":
        """The reports that there are now; `open_`: the trials that may report again."""
        other = copy(self)
        other._trial, other._step, other._Y = copy(self._trial), copy(self._step), copy(self._Y)  # only appended to
        other._rows = dict(self._rows)
        other._rows.update((number, dict(self._rows[number])) for number in open_ if number in self._rows)
        other.metrics = list(self.metrics)
        return other

    @property
    def log(self) -> tuple[Ints, Ints, Floats]:
        """Trial (r,), step (r,) and objectives (r, m)."""
        return cast(Ints, self._trial.view()), cast(Ints, self._step.view()), cast(Floats, self._Y.view())

    def since(self, row: int) -> list[tuple[int, int, float]]:
        """Trial, step and first objective of the reports from `row` on."""
        if row == self._trial.size:
            return []
        firsts = [Y[0] for Y in self._Y.since(row)]
        return list(zip(self._trial.since(row), self._step.since(row), firsts, strict=True))

    def curve(self, number: int) -> tuple[Ints, Floats]:
        """One trial's steps (k,), ascending, and objectives (k, m)."""
        ordered = sorted(self._rows.get(number, {}).items())
        steps = np.array([step for step, _ in ordered], dtype=np.int64)
        return steps, self.log[2][[row for _, row in ordered]]

    def of(self, number: int) -> list[tuple[int, dict[str, float]]]:
        """One trial's reports with all their metrics, by step."""
        return [(step, self.metrics[row]) for step, row in sorted(self._rows.get(number, {}).items())]
