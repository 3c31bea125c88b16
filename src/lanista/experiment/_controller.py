"""The loop that runs an experiment on an executor."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from lanista._words import counted
from lanista.errors import MetricError, ObjectiveError
from lanista.experiment._awaiting import WATCH_S, Awaiting
from lanista.experiment._engine import Engine
from lanista.experiment._interrupt import Interrupt
from lanista.experiment._lease import Watch, this_host
from lanista.experiment._limits import Helper, Limits, Meter
from lanista.experiment._metric import mistake
from lanista.experiment._progress import Progress
from lanista.journal import (
    PAUSED,
    WAITING,
    Commanded,
    Decided,
    Ended,
    Event,
    Joined,
    Journal,
    Left,
    Released,
    Started,
    Yielded,
)
from lanista.trial import Decision, Executor, Job, Objective

SYNC_S = 0.2
"""How often the journal is looked at for what others wrote."""

Callback = Callable[[Event], None]


class Controller:
    """Runs trials until a limit, a person or the searcher ends it.

    One turn: look at the journal for others' words, fill the free slots, take facts from the executor, journal them,
    answer.
    """

    def __init__(
        self, engine: Engine, executor: Executor, limits: Limits, *, watch: Watch, progress: Progress, cohort: int = 1
    ) -> None:
        self.engine, self.executor, self.limits = engine, executor, limits
        self._watch, self._progress, self._cohort = watch, progress, cohort
        self.callbacks: Sequence[Callback] = ()
        self.helper: Helper | None = None
        self._begun = engine.history.begun
        self._meter = Meter(engine.history)
        self._interrupt = Interrupt()
        self._reason: str | None = None
        self._wind_down: Decision | None = None
        self._error: MetricError | None = None
        self._heard: deque[Event] = deque()
        self._jobs: set[int] = set()
        self._starts = 0
        self._taken: set[int] = set()
        self._lived: set[str] = set()
        self._looked = 0.0
        self._wound_down: set[int] = set()
        self._awaiting = Awaiting(engine, executor, watch=watch, progress=progress)
        self._next_sync = self._next_watch = 0.0
        self._deadline = math.inf
        self._closed = False

    @property
    def journal(self) -> Journal:
        """The experiment's journal."""
        return self.engine.journal

    def run(self, objective: Objective, joined: Joined) -> str:
        """Runs until the end and returns its reason.

        Raises:
            MetricError: the first trials show that the metric is not what the objective gives.
            ObjectiveError: too many trials failed in a row, and none completed.
            KeyboardInterrupt: a person interrupted twice; all is journalled.
        """
        if self.limits.time is not None:
            self._deadline = self.executor.now() + self.limits.time
        self.executor.open(objective, self._handle)
        if (offer := getattr(self.executor, "offer", None)) is not None:
            offer(self._more)
        self.engine.clock = self._progress.now = self.executor.now
        self.engine.files = getattr(self.executor, "files", True)
        self.journal.listener = self._listen
        reason = "failed"
        try:
            with self._interrupt:
                resizable = hasattr(self.executor, "resize")
                joined = replace(joined, workers=self.executor.slots, resizable=resizable)
                self.journal.append([*self._orphans(), joined])
                reason = self._loop()
        except KeyboardInterrupt:
            reason = "interrupted"
            raise
        finally:
            self._leave(reason)
        if self._error is not None:
            raise self._error
        if self._meter.failing(self.limits) and self.journal.history.best is None:
            last = self.journal.history.trial(self.journal.history.finished[-1])
            told = f"trial {last.number} failed with {last.reason}; its traceback is exp.trials[{last.number}].error"
            raise ObjectiveError(f"{reason}, and none completed; {told}")
        return reason

    # --- the loop -----------------------------------------------------------------------------------------------------

    def _loop(self) -> str:
        while True:
            with self._interrupt.held:
                self._attend()
                busy = self._fill()
            if not busy and (reason := self._end()) is not None:
                return reason
            self._awaiting.look(idle=not busy)
            self._progress.update(self.journal.history, self.limits)
            self.executor.poll(SYNC_S)

    def _attend(self) -> None:
        """Takes in others' words, limits and the clock: between turns and, for trials in this thread, at reports."""
        self._look()
        self._judge()
        self._hear()

    def _look(self) -> None:
        """Reads what others wrote, and takes over from those who died."""
        now = time.monotonic()
        if now >= self._next_sync:
            self._next_sync = now + SYNC_S
            self.journal.sync()
        if now >= self._next_watch:
            self._next_watch = now + WATCH_S
            self.take_over()

    def _orphans(self) -> list[Event]:
        """Lets go of trials that an earlier run of this very controller could not release, for want of the store."""
        h = self.journal.history
        lost = [n for n in h.running if self.engine.mine(n) and n not in self.engine.handed_out]
        return [self.engine.let_go(n, h.heard(n), "its run failed") for n in lost]

    def take_over(self) -> None:
        """Lets go of the trials of controllers that no longer live, and says that these are gone."""
        h = self.journal.history
        me = self.engine.owner
        foreign = [n for n in h.running if h.owner(n) != me]
        if not foreign and all(owner == me for owner in h.owners):
            return
        now = self.executor.now()
        with self.journal.lock:
            living = {me, *self._watch.living()}
            while True:  # again at once when others wrote first: in a busy journal they always do
                dead = [owner for owner in h.owners if owner not in living]
                lost = [n for n in h.running if h.owner(n) not in living]
                gone: list[Event] = [self.engine.let_go(n, self._end_of(n), "its controller died") for n in lost]
                gone += [Left(now, owner, "died") for owner in dead]
                if not gone or self.journal.decide(gone):
                    break
                living |= self._watch.living()  # somebody may have joined meanwhile
            for owner in dead:
                self._watch.forget(owner)
            self._lived, self._looked = living, now

    def _end_of(self, number: int) -> float:
        """When a lost attempt ended: with its last report, or at the last look if its controller lived then.

        Nobody knows how long a controller has been dead that died before this run. And one on another machine, whose
        clock may be another, counts as living for a while after its death.
        """
        history = self.journal.history
        owner, heard = history.owner(number) or "", history.heard(number)
        joined = history.owners.get(owner)
        here = joined is not None and joined.host == this_host()
        return max(heard, self._looked) if here and owner in self._lived else heard

    def _judge(self) -> None:
        """Holds the limits against the history."""
        if self._reason is not None:
            if self._wind_down is None and self.executor.now() >= self._deadline:
                self._wind_down = Decision("yield", self._out_of_time)
            return
        reason = self._meter.reached(self.limits, self.journal.history)
        if reason is not None:
            kind = None if self._meter.failing(self.limits) else Decision("stop", reason)
            self._stop(reason, kind)
        elif self.executor.now() >= self._deadline:
            self._stop(self._out_of_time, Decision("yield", self._out_of_time))
        elif self.engine.finish is not None:
            self._stop(self.engine.finish, None)
        elif self._interrupt.count:
            self._stop("interrupted", None)
        elif self._quota() <= 0:
            self._stop(f"took {counted(self._starts, 'trial')}, as many as it was to take", None)

    @property
    def _out_of_time(self) -> str:
        return f"time limit of {self.limits.time:g} s reached"

    def _stop(self, reason: str, decision: Decision | None) -> None:
        """Starts nothing more; running trials end at their next report by `decision`, or run to their end."""
        self._reason, self._wind_down = reason, decision

    def _fill(self) -> bool:
        """Starts what the free slots can take; whether anything runs here."""
        while (free := self.executor.free()) and (jobs := self._begin(free * self._cohort)):
            for i in range(0, len(jobs), self._cohort):
                self.executor.submit(jobs[i : i + self._cohort])
        return self.executor.free() < self.executor.slots

    def _begin(self, count: int, beside: Sequence[Job] = ()) -> list[Job]:
        """Up to so many jobs that are to run now; none while others must end first, or nothing more is to begin."""
        if self._reason is not None or self.journal.history.paused or self._taken:
            return []
        jobs = self.engine.start(int(min(count, self._quota())), room=self._room, beside=beside)
        self._starts += len(jobs)
        self._jobs.update(job.number for job in jobs)
        return jobs

    def _more(self, room: int, cohort: Sequence[Job]) -> list[Job]:
        """Up to so many further jobs for a cohort that runs, from which others may just have gone."""
        with self._interrupt.held:
            self._attend()
            return self._begin(room, cohort)

    def _quota(self) -> float:
        """How many further trials it is to take."""
        count = None if self.helper is None else self.helper.count
        return math.inf if count is None else count - self._starts

    def _room(self) -> float:
        """How many new trials the limit leaves; those imported do not count."""
        h = self.journal.history
        return math.inf if self.limits.trials is None else max(0, self.limits.trials - (len(h) - h.imported))

    def _end(self) -> str | None:
        """The reason to end, when nothing runs here; None while others' trials may still need us."""
        h = self.journal.history
        if self._reason is not None:
            return self._reason
        if h.waiting or any(h.owner(n) != self.engine.owner for n in h.running):
            return None
        if self.engine.finish is not None:
            return self.engine.finish
        if self._room() == 0 and not (h.paused and h.paused_trials):
            done = "its only trial is" if self.limits.trials == 1 else f"all {self.limits.trials:,} trials are"
            paused = len(h.paused_trials)
            return f"{done} done" + (f"; {paused:,} {'is' if paused == 1 else 'are'} paused" if paused else "")
        if h.paused:
            return None
        if self.engine.exhausted:
            return "the searcher has no further configurations"
        return "the scheduler has nothing more to run"

    # --- what comes in ------------------------------------------------------------------------------------------------

    def _handle(self, events: list[Event]) -> None:
        """Facts from the executor."""
        with self._interrupt.held:
            answers = self.engine.handle([self._amend(event) for event in events])
            self._attend()
            for number, decision in answers.items():
                self.executor.reply(number, self._overruled(number, decision))
        h = self.journal.history
        for found in filter(None, (mistake(h, event, answers, self.engine.scheduler) for event in events)):
            self._error = found
            self._stop("the metric is wrong", None)
        self._progress.update(h, self.limits)

    def _amend(self, event: Event) -> Event:
        """A trial that yields because the run ends is not paused for the scheduler: it goes on at the next run.

        The engine pauses it nevertheless where its budget is spent.
        """
        if isinstance(event, (Ended, Yielded, Released)):
            self._jobs.discard(event.number)
            self._taken.discard(event.number)
        if isinstance(event, Yielded) and event.number in self._wound_down and self._wind_down is not None:
            return Released(event.time, event.number, event.attempt, self._wind_down.reason)
        return event

    def _overruled(self, number: int, decision: Decision) -> Decision:
        """The decision on a report, unless a limit says otherwise."""
        limit = self.limits.trial_time
        if decision.kind != "continue":
            return decision
        if self._wind_down is not None:
            self._wound_down.add(number)
            return self._wind_down
        if limit is not None and self.executor.now() - self.journal.history.since(number) > limit:
            return Decision("stop", f"time limit of {limit:g} s for a trial")
        return decision

    def _listen(self, events: Sequence[Event], own: bool) -> None:
        """Hears what was folded: callbacks, and the words of others."""
        self._heard.extend(events)
        if own:
            return
        for event in events:
            if isinstance(event, Decided):
                self.engine.hear(event)

    def _hear(self) -> None:
        """Acts on commands and takeovers, and runs callbacks, outside of any fold."""
        for _ in range(len(self._heard)):  # other threads may add to it
            event = self._heard.popleft()
            if self._closed:  # nothing runs here that a word could reach
                pass
            elif isinstance(event, Commanded):
                self._obey(event)
            elif isinstance(event, (Started, Yielded, Released, Ended)) and self._lost(event.number):
                self._taken.add(event.number)
                self.executor.cancel(event.number, reason="taken over by another controller", end=False)
            elif self.helper is not None and isinstance(event, Joined | Left):
                self._follow(event, self.helper)
            self._progress.event(event, self.journal.history)
            for callback in self.callbacks:
                callback(event)

    def _lost(self, number: int) -> bool:
        """Whether a trial runs here that the journal no longer gives to us."""
        return number in self._jobs and not self.engine.mine(number)

    def _obey(self, command: Commanded) -> None:
        """Carries out a person's word."""
        if command.command == "stop":
            self._stop("stopped by command", None)
            if command.values.get("now"):
                self._release_all("stopped by command")
        elif command.command == "kill" and command.number is not None:
            self._kill(command.number)
        elif command.command == "set":
            self._limit(self.limits.updated(command.values), anew="time" in command.values)
            if "workers" in command.values:
                self._resize(int(command.values["workers"]))

    def _follow(self, event: Joined | Left, helper: Helper) -> None:
        """A helper takes up the limits of the next run that begins, and has no more time than the one it helps."""
        begun = self._begun
        if isinstance(event, Joined) and not event.helps:
            self._begun = event
            self._limit(helper.limits(self.journal.history), anew=True)
            if begun is not None and (other := helper.differ(begun, event)):
                told = f"a run with another {other} began; this worker goes on with what it has, until started again"
                self._progress.remark(told, self.journal.history)
        elif helper.time is not None or self.limits.time is None or self._reason is not None:
            pass  # its time is its own, or there is no limit on it, or it is leaving
        elif isinstance(event, Left) and (event.owner, event.reason) == (begun and begun.owner, self._out_of_time):
            self._stop(event.reason, Decision("yield", event.reason))

    def _limit(self, limits: Limits, *, anew: bool) -> None:
        """Takes up other limits, also for trials that run; time counts anew where so told, unless it is a helper's."""
        if self.helper is not None and self.helper.time is not None:
            limits = replace(limits, time=self.helper.time)
        elif anew:
            self._deadline = self.executor.now() + (limits.time or math.inf)
        if limits.trial_time != self.limits.trial_time and (limit := getattr(self.executor, "limit", None)) is not None:
            limit(limits.trial_time)
        self.limits = self.engine.limits = limits

    def _resize(self, workers: int) -> None:
        if (resize := getattr(self.executor, "resize", None)) is not None:
            resize(workers)
        elif workers != self.executor.slots:
            told = f"workers={workers} changes nothing here: {self.executor!r} keeps to {self.executor.slots} at a time"
            self._progress.remark(f"{told}; run it again with executor='processes'", self.journal.history)

    def _kill(self, number: int) -> None:
        h = self.journal.history
        if number >= len(h):
            return
        if number in self._jobs:
            self.executor.cancel(number, reason="killed by command", end=True)
        elif h.state_of(number) in (WAITING, PAUSED) or self.engine.mine(number):
            why = "killed by command"
            self.engine.handle([Ended(self.executor.now(), number, h.attempt(number), "cancelled", reason=why)])

    # --- the end ------------------------------------------------------------------------------------------------------

    def _release_all(self, reason: str) -> None:
        for number in sorted(self._jobs):
            self.executor.cancel(number, reason=reason, end=False)

    def _leave(self, reason: str) -> None:
        """Lets go of workers and says so in the journal; what still runs here is released first."""
        h = self.journal.history
        self.executor.close()
        self._closed = True
        self._hear()
        now = self.executor.now()
        left: list[Event] = [
            self.engine.let_go(n, now, f"its controller left: {reason}")
            for n in sorted(self._jobs)
            if self.engine.mine(n)
        ]
        try:
            self.journal.append([*left, Left(now, self.engine.owner, reason)])
            self._hear()
        finally:
            self.journal.listener = None
            self.engine.clock, self.engine.files = time.time, True
            self.engine.settle()  # last, since a network can take its time
        self._progress.finish(h, reason)
