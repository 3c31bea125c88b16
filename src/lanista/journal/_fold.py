"""The fold of the journal: one state, moved on by each event in its order."""

import math
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from lanista.errors import SpaceError
from lanista.journal import _events as ev
from lanista.journal._bound import Bound
from lanista.journal._columns import Column
from lanista.journal._entry import Entry
from lanista.journal._points import Points
from lanista.journal._reports import Floats, Reports
from lanista.journal._source import Source
from lanista.journal._states import CODES, COMPLETED, FIRST_ENDED, PAUSED, RUNNING, STATES, WAITING
from lanista.journal._unread import Configurations
from lanista.space import Space, domain_from_json, grow


class Fold:
    """What events leave behind; `History`, which is made of it, is how everybody else reads that."""

    def __init__(self, space: Space | None = None) -> None:
        self.seq = 0
        self.created: ev.Created | None = None
        self.space = space if space is not None else Space({})
        self._space_given = space is not None
        self.metrics: tuple[str, ...] = ()
        self.signs: Floats = np.empty(0)
        self.live: tuple[dict[int, None], dict[int, None], dict[int, None]] = ({}, {}, {})
        self.released: dict[int, None] = {}
        self.counts = [0] * len(STATES)
        self.owners: dict[str, ev.Joined] = {}
        self.begun: ev.Joined | None = None
        self.notes: dict[int | None, dict[str, Any]] = {}
        self.paused = False
        self.proposed = 0
        self.imported = 0
        self.total_cost = 0.0
        self._timed = False
        self.enqueued: list[int] = []
        self.finished: list[int] = []
        self.params = Configurations()
        self.proposals: dict[int, ev.Params] = {}
        self.checkpoints: dict[int, dict[int, str]] = {}
        self.replaced: dict[int, list[str]] = {}
        self._meta: list[Entry] = []
        self._room = 0
        self._state = Column(np.int8)
        self._steps = Column(np.int64)
        self.sources: list[Source] = []
        self._bounds: tuple[tuple[str, Bound], ...] = ()
        self._Y = Column(np.float64, (0,))
        self._C = Column(np.float64, (0,), fill=math.nan)
        self._points = Points()
        self._reports = Reports(0)
        self._best: int | None = None
        self._best_rank = (FIRST_ENDED, math.inf)
        self._directions: tuple[tuple[str, float], ...] = ()

    def extend(self, events: Iterable[ev.Event]) -> None:
        """Folds events in their order; each advances `seq` by one."""
        fold = self._FOLD
        for event in events:
            fold[type(event)](self, event)
            self.seq += 1

    def still(self) -> Self:
        """The state as it is now, which no later event changes: to be looked at while others fold.

        What does not change any more, as a trial that is over, is shared.
        """
        other = copy(self)
        for name in ("released", "owners", "proposals", "counts", "enqueued", "finished", "sources", "params"):
            setattr(other, name, copy(getattr(self, name)))
        for name in ("_state", "_steps", "_Y", "_C"):
            setattr(other, name, getattr(self, name).still())
        waiting, running, paused = self.live
        other.live = dict(waiting), dict(running), dict(paused)
        open_ = [*waiting, *running, *paused]
        other._meta = list(self._meta)
        for number in open_:
            other._meta[number] = copy(self._meta[number])
        other.notes = {number: dict(values) for number, values in self.notes.items()}
        other.checkpoints = {number: dict(saved) for number, saved in self.checkpoints.items()}
        other.replaced = {number: list(paths) for number, paths in self.replaced.items()}
        other._points, other._reports = Points(), self._reports.still(open_)
        return other

    def _created(self, e: ev.Created) -> None:
        self.created = e
        self.metrics = tuple(e.metrics)
        self.signs = np.array([-1.0 if direction == "max" else 1.0 for direction in e.metrics.values()])
        if not self._space_given:
            self.space = Space.from_json(e.space)
        self._directions = tuple(zip(self.metrics, self.signs.tolist(), strict=True))
        self._bounds = tuple((name, Bound(*bound)) for name, bound in e.constraints.items())
        self._C = Column(np.float64, (len(self._bounds),), fill=math.nan)
        m = len(self.metrics)
        self._Y = Column(np.float64, (m,), fill=math.nan)
        self._make_room()
        self._reports = Reports(m)

    def _joined(self, e: ev.Joined) -> None:
        self.owners[e.owner] = e
        if not e.helps:
            self.begun = e

    def _left(self, e: ev.Left) -> None:
        self.owners.pop(e.owner, None)

    def _asked(self, e: ev.Asked) -> None:
        self.params.append(e)
        if e.proposal:
            self.proposals[e.number] = e.proposal
        self.proposed += e.origin == "searcher"
        self.imported += e.origin == "imported"
        if e.origin == "enqueued":
            self.enqueued.append(e.number)
        self._meta.append(Entry(e.time, e.origin, e.parent, e.made_from))
        if len(self._meta) > self._room:
            self._make_room()
        self.counts[WAITING] += 1
        self.live[WAITING][e.number] = None
        if e.owner is not None:
            self._lease(e, 1)

    def _started(self, e: ev.Started) -> None:
        if e.attempt > self._meta[e.number].attempt:
            self._lease(e, e.attempt)

    def _lease(self, e: ev.Asked | ev.Started, attempt: int) -> None:
        m = self._meta[e.number]
        m.attempt, m.owner, m.budget, m.slice, m.resources = attempt, e.owner, e.budget, e.seconds, e.resources
        m.reason = ""  # why an earlier attempt came to nothing
        m.since = m.heard = e.time
        m.started = e.time if m.started is None else m.started
        self._move(e.number, RUNNING)

    def _suggested(self, e: ev.Suggested) -> None:
        if self._stale(e):
            return
        try:
            space = grow(self.space, e.name, domain_from_json(e.domain) if e.domain else e.value)
        except SpaceError:  # two processes found it at once, otherwise: the first one holds
            return
        if space is not self.space:
            self.space = space
            self._points.forget()
        self.params[e.number] = {**self.params[e.number], e.name: e.value}
        self._points.touch(e.number)

    def _reported(self, e: ev.Reported) -> None:
        if self._stale(e):
            return
        m = self._meta[e.number]
        objectives = self._objectives(e.metrics)
        self._reports.append(e, objectives)
        m.metrics = {**m.metrics, **e.metrics}
        self._charge(m, m.seconds + max(0.0, e.time - m.since))
        m.heard = e.time
        self._steps[e.number] = e.step
        self._measure(e.number, m)
        if e.checkpoint is not None:
            self._saved(e.number, e.step, e.checkpoint)

    def _charge(self, m: Entry, seconds: float) -> None:
        """Takes what a trial has cost by now into the total; an objective of the name `cost` is not what is meant.

        Whether trials tell what they cost, in whatever unit, may show at their end only. So the seconds of one that has
        not ended count once another has completed without a word of its cost. What is spent stays spent, also where an
        attempt is lost and the next one begins to count anew.
        """
        told = None if "cost" in self.metrics else m.metrics.get("cost")
        known = told is not None and math.isfinite(told)
        if not known and m.attempt and m.state == COMPLETED and not self._timed:
            self._timed = True
            for other in self._meta:
                self._charge(other, other.seconds)
        if known or self._timed or m.state >= FIRST_ENDED:
            cost = told if told is not None and known else seconds
            self.total_cost += max(0.0, cost - m.cost)
            m.cost = max(cost, m.cost)

    def _checkpointed(self, e: ev.Checkpointed) -> None:
        if not self._stale(e):
            self._meta[e.number].heard = e.time
            self._saved(e.number, e.step, e.path)

    def _yielded(self, e: ev.Yielded) -> None:
        if not self._stale(e):
            self._move(e.number, PAUSED, e.time)

    def _released(self, e: ev.Released) -> None:
        if self._stale(e):
            return
        m = self._meta[e.number]
        m.reason = e.reason
        if e.error is not None:
            m.retries += 1
            m.error = e.error
        self._move(e.number, WAITING, e.time)
        self.released[e.number] = None

    def _ended(self, e: ev.Ended) -> None:
        m = self._meta[e.number]
        if m.state >= FIRST_ENDED or e.attempt != m.attempt:
            return
        m.reason, m.ended = e.reason, e.time
        m.error = e.error if e.error is not None else m.error
        if e.metrics:
            m.metrics = {**m.metrics, **e.metrics}
            self._measure(e.number, m)
        self._move(e.number, CODES[e.state], e.time)
        self.finished.append(e.number)
        if e.state in ("failed", "infeasible", "cancelled"):
            self._set_objectives(e.number, [math.nan] * len(self.metrics))
        elif e.state in ("completed", "stopped"):
            self._update_best(e.number)

    def _decided(self, e: ev.Decided) -> None:
        if e.action == "extend" and e.number is not None:
            self._meta[e.number].budget = e.budget

    def _commanded(self, e: ev.Commanded) -> None:
        if e.command in ("pause", "resume") and e.number is None:
            self.paused = e.command == "pause"
        elif e.command == "set":
            for name, joined in self.owners.items():
                self.owners[name] = replace(joined, limits={**joined.limits, **e.values})
            if self.begun is not None:
                self.begun = replace(self.begun, limits={**self.begun.limits, **e.values})

    def _noted(self, e: ev.Noted) -> None:
        self.notes.setdefault(e.number, {}).update(e.values)

    def _learned(self, e: ev.Learned) -> None:
        self.sources.append(Source(e.source, e.params, np.reshape(e.values, (-1, len(self.signs))) * self.signs))

    _FOLD: ClassVar[dict[type[Any], Callable[..., None]]] = {
        ev.Created: _created,
        ev.Joined: _joined,
        ev.Left: _left,
        ev.Asked: _asked,
        ev.Started: _started,
        ev.Suggested: _suggested,
        ev.Reported: _reported,
        ev.Checkpointed: _checkpointed,
        ev.Yielded: _yielded,
        ev.Released: _released,
        ev.Ended: _ended,
        ev.Decided: _decided,
        ev.Commanded: _commanded,
        ev.Noted: _noted,
        ev.Learned: _learned,
    }

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _make_room(self) -> None:
        """Grows the arrays ahead of the trials, whose number says how many of their rows are shown."""
        self._room = max(16, 2 * len(self._meta))
        for column in (self._state, self._steps, self._Y, self._C):
            column.grow(self._room)

    def _stale(self, e: ev.Suggested | ev.Reported | ev.Checkpointed | ev.Yielded | ev.Released) -> bool:
        m = self._meta[e.number]
        return e.attempt != m.attempt or m.state != RUNNING

    def _saved(self, number: int, step: int, path: str) -> None:
        """Takes up a checkpoint; what was saved of that step before lies there for nothing."""
        saved = self.checkpoints.setdefault(number, {})
        if saved.get(step, path) != path:
            self.replaced.setdefault(number, []).append(saved[step])
        saved[step] = path

    def _move(self, number: int, to: int, time: float | None = None) -> None:
        """Moves a trial to another state; leaving `running` at `time` adds to its seconds, and so to its cost."""
        m = self._meta[number]
        source = m.state
        if source == RUNNING and time is not None:
            m.seconds += max(0.0, time - m.since)
        self.counts[source] -= 1
        self.counts[to] += 1
        if source < FIRST_ENDED:
            self.live[source].pop(number, None)
            if self.released:
                self.released.pop(number, None)
        if to < FIRST_ENDED:
            self.live[to][number] = None
        self._state[number] = m.state = to
        if time is not None:
            self._charge(m, m.seconds)

    def _objectives(self, metrics: ev.Metrics) -> list[float]:
        """The objectives minimised; what is missing or not finite is NaN, so that it can never be chosen."""
        out = []
        for name, sign in self._directions:
            value = metrics.get(name, math.nan)
            out.append(sign * value if math.isfinite(value) else math.nan)
        return out

    def _set_objectives(self, number: int, values: list[float]) -> None:
        self._Y[number] = values
        self._meta[number].first = values[0]

    def _measure(self, number: int, m: Entry) -> None:
        """Takes up a trial's objectives and constraints from its latest metrics."""
        self._set_objectives(number, self._objectives(m.metrics))
        for column, (name, bound) in enumerate(self._bounds):
            self._C[number, column] = bound.excess(m.metrics.get(name, math.nan))

    def _feasible(self, number: int) -> bool:
        return not self._bounds or bool((self._C.view()[number] <= 0).all())

    def _update_best(self, number: int) -> None:
        m = self._meta[number]
        if not self._feasible(number):
            return
        rank = (m.state, m.first)
        if not math.isnan(m.first) and (self._best is None or rank < self._best_rank):
            self._best, self._best_rank = number, rank
