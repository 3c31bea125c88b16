"""The history of an experiment: all that deciders, people and pages read.

Shapes: n trials, d columns of the space, m objectives, r reports.
"""

import math
from collections.abc import Iterator
from operator import attrgetter
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lanista._words import counted
from lanista.errors import UsageError
from lanista.journal._bound import Bound
from lanista.journal._columns import Column
from lanista.journal._fold import Fold
from lanista.journal._record import TrialRecord, own
from lanista.journal._reports import Floats, Ints
from lanista.journal._states import FIRST_ENDED, PAUSED, RUNNING, STATES, WAITING

Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]


class History(Fold):
    """The state of an experiment, folded from its events in their order.

    Objectives are minimised here whatever their direction: `Y` holds sign * value, NaN where there is no finite value.
    Arrays are read-only views, never copies. `finished` lists trials in the order in which they ended. `space`, given
    by code, keeps conditions that JSON cannot hold. `begun` is the last run that began by itself, for others to help.
    `total_cost` is what all trials have cost; the seconds of those that run, where they count, up to their last report.
    """

    # --- what deciders read -------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._meta)

    @property
    def X(self) -> Floats:
        """(n, d) points in the unit cube, NaN where a parameter is inactive."""
        return cast(Floats, self._encoded()[0].view())

    def points(self, rows: NDArray[np.intp]) -> Floats:
        """(k, d) the points of some trials: quick where few of many are wanted."""
        return self._points.some(self.space, self.params, rows, partial=self._partial)

    @property
    def active(self) -> Bools:
        """(n, d) which columns apply to which trial."""
        return cast(Bools, self._encoded()[1].view())

    @property
    def Y(self) -> Floats:
        """(n, m) objectives, minimised; for trials without a final value the last reported; NaN where there is none."""
        return cast(Floats, self._Y.view()[: len(self)])

    @property
    def constraints(self) -> dict[str, Bound]:
        """The metrics that have a bound."""
        return dict(self._bounds)

    @property
    def C(self) -> Floats:
        """(n, c) by how much each trial breaks each constraint: at most 0 where it holds, NaN where unknown."""
        return cast(Floats, self._C.view()[: len(self)])

    @property
    def state(self) -> Codes:
        """(n,) codes of the states, see `STATES`."""
        return cast(Codes, self._state.view()[: len(self)])

    @property
    def steps(self) -> Ints:
        """(n,) the last step reported, 0 where none was."""
        return cast(Ints, self._steps.view()[: len(self)])

    @property
    def log(self) -> tuple[Ints, Ints, Floats]:
        """All reports in order: trial (r,), step (r,), objectives (r, m) minimised. Only ever appended to."""
        return self._reports.log

    def log_since(self, row: int) -> list[tuple[int, int, float]]:
        """The reports from `row` of the log on, as (trial, step, first objective): quick where there are few."""
        return self._reports.since(row)

    @property
    def waiting(self) -> list[int]:
        """Numbers of the trials that wait, the oldest first; `released` are those that ran before."""
        return list(self.live[WAITING])

    @property
    def running(self) -> list[int]:
        """Numbers of the trials that run."""
        return list(self.live[RUNNING])

    @property
    def paused_trials(self) -> list[int]:
        """Numbers of the trials that are paused."""
        return list(self.live[PAUSED])

    @property
    def ended(self) -> int:
        """How many trials are over."""
        return sum(self.counts[FIRST_ENDED:])

    def curve(self, number: int) -> tuple[Ints, Floats]:
        """The reports of one trial: steps (k,) ascending, objectives (k, m) minimised; of a repeated step the last."""
        return self._reports.curve(number)

    def reports(self, number: int) -> list[tuple[int, dict[str, float]]]:
        """The reports of one trial with all their metrics, in the user's own sign, by step."""
        return self._reports.of(number)

    @property
    def best(self) -> int | None:
        """The best completed trial by the first metric; while none completed, the best stopped, else paused one.

        Only trials that keep all constraints count.
        """
        if self._best is not None:
            return self._best
        valued = [n for n in self.live[PAUSED] if not math.isnan(self.first(n)) and self.feasible(n)]
        return min(valued, key=self.first, default=None)

    # --- what people read ---------------------------------------------------------------------------------------------

    def trial(self, number: int) -> TrialRecord:
        """The record of one trial."""
        if not 0 <= number < len(self):
            many = counted(len(self), "trial")
            raise UsageError(f"there is no trial {number}; the experiment has {many}, numbered from 0")
        m = self._meta[number]
        metrics = m.metrics
        minimised = self._Y[number].tolist()
        exact = tuple(metrics.get(name, sign * y) for (name, sign), y in zip(self._directions, minimised, strict=True))
        return TrialRecord(
            number=number,
            state=STATES[m.state],
            params=own(self.params[number]),
            values=exact,
            metrics=dict(metrics),
            feasible=self.feasible(number),
            steps=int(self._steps[number]),
            attempts=m.attempt,
            retries=m.retries,
            origin=m.origin,
            parent=m.parent,
            owner=m.owner,
            reason=m.reason,
            error=m.error,
            asked=m.asked,
            started=m.started,
            ended=m.ended,
            seconds=m.seconds,
        )

    def each(self, field: str) -> list[Any]:
        """One field of all trials by number: asked, attempt, ended, made_from, origin, owner, parent, reason, ..."""
        return list(map(attrgetter(field), self._meta))

    def metrics_of(self, number: int) -> dict[str, float]:
        """The latest value of each of the trial's metrics, in the user's own sign."""
        return self._meta[number].metrics

    def state_of(self, number: int) -> int:
        """The code of a trial's state."""
        return self._meta[number].state

    def first(self, number: int) -> float:
        """The trial's first objective, minimised."""
        return self._meta[number].first

    def feasible(self, number: int) -> bool:
        """Whether the trial's metrics keep all constraints; one that is not known does not."""
        return self._feasible(number)

    def attempt(self, number: int) -> int:
        """How often the trial was started."""
        return self._meta[number].attempt

    def retries(self, number: int) -> int:
        """How many of the trial's attempts failed."""
        return self._meta[number].retries

    def owner(self, number: int) -> str | None:
        """The controller that holds, or last held, the trial."""
        return self._meta[number].owner

    def origin(self, number: int) -> str:
        """Who wanted the trial: "searcher", or a person."""
        return self._meta[number].origin

    def parent(self, number: int) -> tuple[int, int] | None:
        """The (trial, step) that the trial was cloned from."""
        return self._meta[number].parent

    def made_from(self, number: int) -> int | None:
        """The trial whose configuration the searcher changed into this one's, where it did and said so."""
        return self._meta[number].made_from

    def since(self, number: int) -> float:
        """When the trial's latest attempt started."""
        return self._meta[number].since

    def heard(self, number: int) -> float:
        """When the trial's latest attempt started, reported or saved last, by the clock of the machine that runs it."""
        return self._meta[number].heard

    def budget(self, number: int) -> int | None:
        """The step until which the trial may run, None without one."""
        return self._meta[number].budget

    def slice(self, number: int) -> float | None:
        """The seconds that the trial's attempt may run, None without such a limit."""
        return self._meta[number].slice

    def resources(self, number: int) -> dict[str, float] | None:
        """What the trial's attempt was given, None where it gets what every trial gets."""
        return self._meta[number].resources

    def latest_checkpoint(self, number: int) -> tuple[int, str | None]:
        """The step and file that the trial goes on from, its own or its parent's; (0, None) without."""
        return next(self.checkpoints_of(number), (0, None))

    def checkpoints_of(self, number: int) -> Iterator[tuple[int, str]]:
        """The steps and files that the trial may go on from: its own from the newest on, then its parent's."""
        own = self.checkpoints.get(number, {})
        yield from sorted(own.items(), reverse=True)
        if (parent := self.parent(number)) is not None:
            saved = self.checkpoints.get(parent[0], {})
            yield from sorted(((step, path) for step, path in saved.items() if step <= parent[1]), reverse=True)

    # --- equality -----------------------------------------------------------------------------------------------------

    def _encoded(self) -> tuple[Column, Column]:
        return self._points.upto(self.space, self.params, partial=self._partial)

    @property
    def _partial(self) -> bool:
        """Whether a trial may lack parameters."""
        return self.created is not None and self.created.define

    def __eq__(self, other: object) -> bool:
        """Equal to the last detail: what the same events folded give, live or replayed."""
        return isinstance(other, History) and self._snapshot() == other._snapshot()

    __hash__ = None  # type: ignore[assignment]

    def _snapshot(self) -> tuple[object, ...]:
        arrays = [a.tobytes() for a in (self.X, self.active, self.Y, self.C, self.state, self.steps, *self.log)]
        records = [repr(self.trial(i)) for i in range(len(self))]
        rest = (
            self.seq,
            self.created,
            self.live,
            self.counts,
            self.owners,
            self.begun,
            self.notes,
            self.paused,
            self.proposed,
            self.total_cost,
            self.finished,
            self.replaced,
        )
        return (*rest, self.proposals, self.checkpoints, self._best, arrays, records, repr(self._reports.metrics))
