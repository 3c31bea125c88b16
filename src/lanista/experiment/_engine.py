"""From history to jobs and from facts to decisions: what every way of running shares."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, takewhile
from pathlib import Path

from lanista import schedule
from lanista.errors import SpaceError
from lanista.experiment._limits import Limits
from lanista.experiment._proposals import proposed
from lanista.experiment._restarts import Restarts
from lanista.experiment._retention import Retention
from lanista.experiment._seeds import Generators, mix
from lanista.journal import (
    FIRST_ENDED,
    PAUSED,
    RUNNING,
    WAITING,
    Asked,
    Decided,
    Ended,
    Event,
    History,
    Journal,
    Params,
    Released,
    Reported,
    Started,
    Suggested,
    Yielded,
)
from lanista.schedule import Action, Finish, Resume, Scheduler, Slots, Start
from lanista.schedule._actions import sound
from lanista.search import Child, Searcher
from lanista.space import domain_from_json, grow
from lanista.trial import Decision, Job, _checkpoint

CONTINUE = Decision()
FEW = 8
"""How many slots a scheduler is offered at a time when it may start no further trial: it may have some to resume."""


class Engine:
    """Asks the deciders, journals what they say, and keeps what has not reached its trial yet.

    Everything durable is in the journal; what is kept here (verdicts on their way, queued actions, proposals that
    lost a race) can be lost without harm. `clock` tells the time of events, `files` whether checkpoints are files; who
    runs trials elsewhere than in real processes sets them. `checkpoints` is the folder or URL where they live, None
    for the folder of each trial.
    """

    def __init__(
        self,
        journal: Journal,
        searcher: Searcher,
        scheduler: Scheduler,
        *,
        owner: str,
        directory: Path,
        checkpoints: str | None = None,
    ) -> None:
        self.journal, self.searcher, self.scheduler = journal, searcher, scheduler
        self.checkpoints = checkpoints
        self.owner = owner
        self._trials = str(directory / "trials")
        fidelity = getattr(scheduler, "fidelity", None)
        self._highest: int | None = None if fidelity is None else fidelity.high
        self._generators = Generators()
        self.limits = Limits()
        self.clock: Callable[[], float] = time.time
        self.files = True
        self.exhausted = False
        self.finish: str | None = None
        self.verdicts: dict[int, Decision] = {}
        self.handed_out: set[int] = set()
        self._queue: list[Action] = []
        self._broken: dict[int, str] = {}
        self._proposals: list[Params] = []
        self._proposed_at = -1
        self._retention = Retention()
        self._restarts = Restarts()

    @property
    def history(self) -> History:
        """All that is known."""
        return self.journal.history

    def mine(self, number: int) -> bool:
        """Whether the trial runs here."""
        return self.history.state_of(number) == RUNNING and self.history.owner(number) == self.owner

    # --- starting trials ----------------------------------------------------------------------------------------------

    def start(self, free: int, *, room: Callable[[], float], beside: Sequence[Job] = ()) -> list[Job]:
        """Decides and journals what the free slots run now.

        Args:
            free: how many trials can be started.
            room: how many new trials the limits allow, as the history stands.
            beside: the cohort that they are to enter, which has the resources that it has. The first trial that is to
                get others waits for a slot of its own, and those behind it wait with it.
        """
        with self.journal.lock:
            while True:
                foreign = self.journal.foreign
                events, used = self._plan(free, room, [job.resources for job in beside])
                if self.journal.foreign > foreign:
                    continue  # what was done at once brought in what others wrote: the rest was decided without that
                if not events:
                    self._queue = self._queue[used:]
                    return []
                if self.journal.decide(events):
                    self._queue = self._queue[used:]
                    return [self.job(e.number) for e in events if isinstance(e, Started | Asked)]

    def _plan(
        self, free: int, limit: Callable[[], float], resources: Collection[Mapping[str, float] | None]
    ) -> tuple[list[Event], int]:
        """The events that start up to `free` trials, and how many queued actions they use up.

        `resources`: what they may get; empty: anything.
        """
        h, now = self.history, self.clock()
        if resources and h.released and None not in resources:
            return [], 0
        left = max(0, free - len(h.released))
        queued = self._queue[:left]
        wanted = int(min(left - len(queued), limit() + len(h.live[WAITING]) + FEW))
        actions = [*queued, *(self._decide(Slots(wanted)) if wanted > 0 else [])]
        # At first what is done at once: the history that follows has it.
        starts = [action for action in actions if isinstance(action, (Start, Resume))]
        if len(starts) < len(actions):
            self._apply([action for action in actions if not isinstance(action, (Start, Resume))])
        room = limit()
        waiting = h.live[WAITING]
        again = list(islice(h.released, free)) if waiting else []
        fresh = list(islice((n for n in waiting if n not in h.released), free)) if waiting else []
        # Those that were lost get what every trial gets: what they had may not be there any more.
        events: list[Event] = [self._started(n, now, h.budget(n), h.slice(n), None) for n in again]
        queued = queued[: free - len(again)]
        if resources:
            starts = list(takewhile(lambda start: start.resources in resources, starts))
            queued = queued[: len(starts)]
        resumed: set[int] = set()
        proposals: Iterator[Params] | None = None
        number = len(h)
        for i, action in enumerate(starts):
            if len(events) >= free:
                break
            if isinstance(action, Resume):
                if h.state_of(action.trial) == PAUSED and action.trial not in resumed:
                    resumed.add(action.trial)
                    if self._highest is None:  # a level of a fidelity begins anew
                        self._restarts.goes_on(h, action.trial)
                    events.append(self._started(action.trial, now, action.budget, action.seconds, action.resources))
            elif fresh and _plain(action):
                events.append(self._started(fresh.pop(0), now, action.budget, action.seconds, action.resources))
            elif room > 0:
                if proposals is None and _plain(action):
                    left = min(sum(map(_plain, starts[i:])), free - len(events))
                    proposals = iter(self._propose(int(min(left, room))))
                    now = self.clock()  # what the searcher takes is not the trials' time
                if (asked := self._asked(action, number, now, proposals)) is not None:
                    events.append(asked)
                    number, room = number + 1, room - 1
        return events, len(queued)

    def _started(
        self, number: int, now: float, budget: int | None, seconds: float | None, resources: dict[str, float] | None
    ) -> Started:
        """The next attempt at a trial."""
        return Started(now, number, self.history.attempt(number) + 1, self.owner, budget, seconds, resources)

    def _asked(self, action: Start, number: int, now: float, proposals: Iterator[Params] | None) -> Asked | None:
        """The new trial that a start wants, started at once; None when the searcher is exhausted."""
        params, proposal, origin = action.params, {}, "clone" if action.parent else "scheduler"
        if params is None and action.parent is not None:
            params = self.history.params[action.parent[0]]
        made_from = None
        if params is None:
            origin, params = "searcher", next(proposals, None) if proposals is not None else None
            if params is None:
                return None
            if isinstance(params, Child):
                made_from = params.made_from
                params = dict(params)
        if action.parent is None and self.history.created is not None and self.history.created.define:
            params, proposal = {}, params
        if action.parent is not None:
            self._restarts.copied(self.history, action.parent, number)
        lease = self.owner, action.budget, action.seconds, action.resources
        return Asked(now, number, params, origin, action.parent, proposal, *lease, made_from)

    def _propose(self, count: int) -> list[Params]:
        """Asks the searcher; a race that was lost to mere reports does not repeat the work."""
        h = self.history
        if self._proposed_at != len(h) or len(self._proposals) < count:
            seed = h.created.seed if h.created is not None else 0
            self._proposals = proposed(self.searcher, h, count, self._generators.at(seed, len(h)))
            self._proposed_at = len(h)
            self.exhausted = len(self._proposals) < count
        return self._proposals

    def job(self, number: int) -> Job:
        """All that the code of a trial needs to know."""
        h = self.history
        created = h.created
        assert created is not None
        step, path = self._latest(number) if h.checkpoints else (0, None)
        return Job(
            number,
            h.params[number],
            h.attempt(number),
            seed=mix(created.seed, number) & 0x7FFFFFFF,
            directory=f"{self._trials}/{number}",
            metrics=h.metrics,
            budget=h.budget(number),
            seconds=h.slice(number),
            fidelity=None if self._highest is None else h.budget(number) or self._highest,
            resources=h.resources(number),
            step=step,
            checkpoint=path,
            define=created.define,
            proposal=h.proposals.get(number, {}),
            reported=h.metrics_of(number) if path is not None else {},
            constrained=tuple(h.constraints),
            checkpoints=self.checkpoints,
        )

    def _latest(self, number: int) -> tuple[int, str | None]:
        """The newest checkpoint that a trial can go on from: of files, the newest that is there."""
        lost = None
        for step, path in self.history.checkpoints_of(number):
            if not self.files or _checkpoint.exists(path):
                return step, path
            lost = lost or path
        if lost is not None:
            self._restarts.lost(number, lost)
        return 0, None

    def reach(self) -> None:
        """Sees that checkpoints can be written where they are to live.

        Raises:
            CheckpointError: they cannot.
            UsageError: it is a URL of an unknown kind. MissingExtraError: one whose package is not installed.
        """
        if self.checkpoints is not None:
            _checkpoint.check_place(self.checkpoints)

    def settle(self) -> None:
        """Waits until the checkpoints that nobody needs are deleted."""
        self._retention.finish()

    # --- facts --------------------------------------------------------------------------------------------------------

    def handle(self, events: list[Event]) -> dict[int, Decision]:
        """Journals facts about trials, lets the scheduler act on them, and answers those that are reports."""
        with self.journal.lock:
            reported = {event.number: event.step for event in events if isinstance(event, Reported)}
            facts = [self._amend(event, reported) for event in self._consistent(events)]
            if not facts:
                return {}
            self.journal.append(facts)
            h = self.history
            answers: dict[int, Decision] = {}
            for event in facts:
                match event:
                    case Reported(number=n):
                        if not self.mine(n) or event.attempt != h.attempt(n):
                            answers[n] = Decision("stop", "it has ended, or another controller has taken it over")
                            continue
                        self._apply(self._decide(schedule.Report(n, event.step, event.metrics)), reporter=n)
                        answers[n] = self.verdicts.pop(n, CONTINUE)
                    case Yielded(number=n) if h.state_of(n) == PAUSED:
                        verdict = self.verdicts.pop(n, CONTINUE)
                        step, path = h.latest_checkpoint(n)
                        self._apply(self._decide(schedule.Yielded(n, event.step, step if path else None)))
                        if verdict.kind == "stop":  # decided while the trial was already on its way to pause
                            self._apply([schedule.Stop(n, verdict.reason, verdict.state)])
                    case Ended(number=n) if h.state_of(n) >= FIRST_ENDED:
                        self.verdicts.pop(n, None)
                        self._apply(self._decide(schedule.Ended(n, event.state)))
            if self.files:
                self._retention.sweep(h, facts, self._queue, self.limits.checkpoints)
            return answers

    def _consistent(self, events: list[Event]) -> Iterator[Event]:
        """The events, but for parameters found while running that contradict those found before: their trials fail."""
        space = self.history.space
        for event in events:
            if isinstance(event, Suggested):
                try:
                    space = grow(space, event.name, domain_from_json(event.domain) if event.domain else event.value)
                except SpaceError as error:
                    self._broken[event.number] = str(error)
                    continue
            yield event

    def let_go(self, number: int, time: float, reason: str) -> Released | Yielded:
        """Makes a trial wait whose attempt was lost; one that has spent its budget is paused, as if it had yielded."""
        lost = Released(time, number, self.history.attempt(number), reason)
        return self._settled(lost, int(self.history.steps[number]))

    def _settled(self, event: Released, step: int) -> Released | Yielded:
        """The release of a trial whose last report was at `step`, or its pause: it is not to have its budget twice."""
        budget = self.history.budget(event.number)
        if budget is None or step < budget:
            return event
        return Yielded(event.time, event.number, event.attempt, step)

    def _amend(self, event: Event, reported: Mapping[int, int]) -> Event:
        """A failure that has retries left is no end; a success with parameters that contradict the space is none.

        A copy that gives nothing at all has not failed: its parent had been trained to the end. And a trial that was
        cut when its budget was spent is paused. `reported`: the trials whose reports are not in the history yet, with
        the steps of the last ones.
        """
        if isinstance(event, Released) and event.error is None and event.attempt == self.history.attempt(event.number):
            return self._settled(event, reported.get(event.number, int(self.history.steps[event.number])))
        if not isinstance(event, Ended):
            return event
        parent = self.history.parent(event.number)
        gave = event.metrics or event.number in reported or self.history.metrics_of(event.number)
        if parent is not None and not gave and (event.state == "completed" or event.reason == "metric"):
            why = f"had nothing left to train after step {parent[1]} of trial {parent[0]}, where it began"
            return replace(event, state="stopped", reason=why, error=None)
        if (error := self._broken.pop(event.number, None)) is not None:
            return replace(event, state="failed", metrics={}, reason=error, error=error)
        failed = event.state == "failed" and event.reason != "metric"
        if failed and self.history.retries(event.number) < self.limits.retries:
            why = f"retry: {event.reason}"
            return Released(event.time, event.number, event.attempt, why, event.error or event.reason)
        return event

    def _decide(self, event: schedule.Event) -> list[Action]:
        """What the scheduler says to an event."""
        return sound(self.scheduler, self.history, event)

    def _apply(self, actions: Sequence[Action], reporter: int | None = None) -> None:
        """Carries out a scheduler's actions; what cannot be done at once is kept or journalled for whom it concerns."""
        if not actions:
            return
        h = self.history
        over: dict[int, Event] = {}
        for action in actions:
            match action:
                case Start() | Resume():
                    self._queue.append(action)
                case Finish(reason=reason):
                    self.finish = reason
                case schedule.Stop(trial=n, reason=reason, state=state):
                    if h.state_of(n) in (PAUSED, WAITING):
                        over.setdefault(n, Ended(self.clock(), n, h.attempt(n), state, reason=reason))
                    elif h.state_of(n) == RUNNING:
                        self._tell(n, Decision("stop", reason, state), n == reporter)
                case schedule.Yield(trial=n):
                    if h.state_of(n) == RUNNING:
                        self._tell(n, Decision("yield", "the scheduler pauses it"), n == reporter)
                case schedule.Extend(trial=n, budget=budget):
                    if h.state_of(n) == RUNNING:
                        self._tell(n, Decision(budget=budget), n == reporter)
        if over:
            self.handle(list(over.values()))

    def _tell(self, number: int, decision: Decision, at_once: bool) -> None:
        """Keeps a decision for the trial's reply; one that cannot be told at once is journalled."""
        if at_once or self.mine(number):
            self.verdicts[number] = decision
        if not at_once:
            action = next(name for name, d in _VERDICTS.items() if (d.kind, d.state) == (decision.kind, decision.state))
            self.journal.append([Decided(self.clock(), number, action, decision.reason, decision.budget)])

    def hear(self, event: Decided) -> None:
        """Takes up another controller's decision on a trial that runs here."""
        if event.number is not None and self.mine(event.number):
            self.verdicts[event.number] = replace(_VERDICTS[event.action], reason=event.reason, budget=event.budget)


_VERDICTS = {
    "stop": Decision("stop"),
    "complete": Decision("stop", state="completed"),
    "yield": Decision("yield"),
    "extend": CONTINUE,
}
"""What the actions of `Decided` tell the trial."""


def _plain(action: Action) -> bool:
    """Whether the searcher is to propose for it."""
    return isinstance(action, Start) and action.params is None and action.parent is None
