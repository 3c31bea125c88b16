"""Trials on a virtual clock: nothing is trained, and an hour passes at once."""

import time
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count
from math import inf

import numpy as np

from lanista.errors import ExecutorError, Infeasible, UsageError
from lanista.execute._benchmark import Benchmark, Cost, Outcome, Trace, as_tracer
from lanista.execute._resources import refuse_resources
from lanista.journal import Ended, Event, Released, Reported, Yielded
from lanista.trial import Decision, Handle, Job, Runnable

KEPT = "<simulated>"
"""The checkpoint of each report of a simulated trial: there is no file, the step is all that it needs to go on."""


class Simulated:
    """Runs trials of a benchmark on a heap of virtual time, on as many workers as you like.

    Each worker runs one cohort at a time. A trial reports each step when its virtual seconds are over, can go on from
    each of its steps (and a clone from each of its parent's), and completes when its curve is over. Under a `Fidelity`
    it reports once, at the level it was called for. All that happens at one virtual instant is handed over together.

    Args:
        benchmark: a function cost(params, step) -> (metrics, seconds) that returns None once the trial is over, or an
            object with run(params, seed) -> `Curve`, such as a `Table`. What it raises ends the run, but for
            `Infeasible`, which ends the trial as that.
        workers: how many cohorts run at once.
        stragglers: how uneven workers are: all seconds of one attempt at a trial are multiplied by 1 + abs(z), z drawn
            from a normal distribution of this standard deviation; 0 for none. So do Li et al., 2020, appendix A.1.
        failures: how often workers die, in deaths an hour of virtual work; 0 for never. The step that was under way is
            lost; the trial goes on from its last report on the next free worker, and the worker is back at once.
        seed: of stragglers and failures, which depend on it, on the trial and on the attempt alone.
        start: the virtual clock's first moment, in seconds since the epoch; by default the time of making this.

    Raises:
        UsageError: an argument is out of range, or the benchmark is none.

    >>> import lanista as la
    >>> exp = la.Experiment("virtual", {"x": la.Float(0, 1)}, metric="loss", searcher="random", store="memory")
    >>> ten_steps = lambda params, step: (params["x"] / step, 60.0) if step <= 10 else None
    >>> workers = Simulated(ten_steps, workers=100, start=0)
    >>> exp.run(print, executor=workers, trials=200, progress=False).trials[199].ended
    1200.0
    """

    files = False
    """The checkpoints of its trials are no files."""

    def __init__(
        self,
        benchmark: Benchmark | Cost,
        workers: int,
        *,
        stragglers: float = 0.0,
        failures: float = 0.0,
        seed: int = 0,
        start: float | None = None,
    ) -> None:
        if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
            raise UsageError(f"workers={workers!r} must be a whole number from 1")
        for name, value, unit in (("stragglers", stragglers, "standard deviation"), ("failures", failures, "an hour")):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
                raise UsageError(f"{name}={value!r} must be a number from 0 ({unit})")
        self.benchmark, self.workers, self.stragglers, self.failures = benchmark, workers, stragglers, failures
        self.seed, self.start = seed, time.time() if start is None else float(start)
        self._trace = as_tracer(benchmark)
        self._handle: Handle | None = None
        self._elapsed = 0.0
        self._reset()

    def _reset(self) -> None:
        self._heap: list[tuple[float, int, _Run, Outcome | None]] = []
        self._order = count()
        self._runs: dict[int, _Run] = {}
        self._traces: dict[int, Trace] = {}
        self._facts: list[Event] = []
        self._busy = self._leaving = 0

    def __repr__(self) -> str:
        return f"Simulated({self.benchmark!r}, workers={self.workers})"

    def open(self, objective: Runnable, handle: Handle) -> None:
        """Prepares to run trials; the benchmark stands in for the objective, which is not called.

        Raises:
            ExecutorError: another run has not closed it.
        """
        if self._handle is not None:
            raise ExecutorError("this Simulated(...) already runs an experiment; make another one for this run")
        self._handle = handle

    @property
    def slots(self) -> int:
        """How many workers there are."""
        return self.workers

    def free(self) -> int:
        """How many workers have nothing to do."""
        return max(0, self.workers - self._busy)

    def resize(self, workers: int) -> None:
        """Changes the number of workers; those too many end with their trials."""
        self.workers = workers

    def submit(self, jobs: Sequence[Job]) -> None:
        """Starts a cohort on a free worker, at this virtual moment.

        Raises:
            UsageError: no worker is free.
        """
        if not self.free():
            raise UsageError(f"all {self.workers} simulated workers are busy; submit when free() says so")
        refuse_resources(self, jobs)
        self._busy += 1
        cohort = {job.number for job in jobs}
        for job in jobs:
            self._runs[job.number] = run = _Run(job, cohort, self._elapsed)
            self._draw(run)
            self._next(run)

    def poll(self, timeout: float) -> None:
        """Lets virtual time pass until a worker is free, at most for `timeout` real seconds; idle, it sleeps."""
        deadline = time.monotonic() + timeout
        while self._facts or self._advance():
            while self._facts:
                facts, self._facts = self._facts, []
                self._busy, self._leaving = self._busy - self._leaving, 0
                if self._handle is not None:
                    self._handle(facts)
            if self._busy < self.workers or time.monotonic() >= deadline:
                return
        time.sleep(timeout)

    def reply(self, number: int, decision: Decision) -> None:
        """Answers a report: the trial goes on to its next step, pauses or ends, at this virtual moment."""
        run = self._runs.get(number)
        if run is None or not run.asks:
            return
        run.asks = False
        if decision.budget is not None:
            run.budget = decision.budget
        now, attempt = self.now(), run.job.attempt
        if decision.kind == "stop":
            self._last(run, Ended(now, number, attempt, decision.state, reason=decision.reason))
        elif decision.kind == "yield" or run.spent(self._elapsed):
            self._last(run, Yielded(now, number, attempt, run.step))
        else:
            self._next(run)

    def cancel(self, number: int, *, reason: str, end: bool) -> None:
        """Ends a running trial at this virtual moment."""
        if (run := self._runs.get(number)) is not None:
            now, attempt = self.now(), run.job.attempt
            ended = Ended(now, number, attempt, "cancelled", reason=reason)
            self._last(run, ended if end else Released(now, number, attempt, reason))

    def now(self) -> float:
        """The virtual time, in seconds since the epoch."""
        return self.start + self._elapsed

    def close(self) -> None:
        """Forgets what runs; the clock stays where it is."""
        self._handle = None
        self._reset()

    # --- one trial ----------------------------------------------------------------------------------------------------

    def _draw(self, run: "_Run") -> None:
        """Draws what becomes of this attempt: how slow its worker is, and when it dies."""
        if self.stragglers or self.failures:
            rng = np.random.default_rng([self.seed, run.job.number, run.job.attempt])
            run.slowness = 1.0 + abs(rng.normal()) * self.stragglers
            run.dies = self._elapsed + rng.exponential() * 3600.0 / self.failures if self.failures else inf

    def _next(self, run: "_Run") -> None:
        """Looks ahead to the trial's next report, its end or its worker's death."""
        job = run.job
        trace = self._traces.get(job.number)
        try:
            if trace is None:
                trace = self._traces[job.number] = self._trace(job)
            outcome = run.ahead(trace)
        except Infeasible as error:
            reason = str(error) or "infeasible"
            self._last(run, Ended(self.now(), job.number, job.attempt, "infeasible", reason=reason))
            return
        if outcome is None:
            self._last(run, Ended(self.now(), job.number, job.attempt, "completed"))
            return
        at = self._elapsed + outcome[1] * run.slowness
        entry = (at, next(self._order), run, outcome) if at <= run.dies else (run.dies, next(self._order), run, None)
        heappush(self._heap, entry)

    def _advance(self) -> bool:
        """Turns the clock to the next thing that happens and gathers all of that instant; False: nothing is to come."""
        heap, runs = self._heap, self._runs
        while heap and runs.get(heap[0][2].job.number) is not heap[0][2]:  # cancelled meanwhile
            heappop(heap)
        if not heap:
            return False
        self._elapsed = instant = heap[0][0]
        now = self.now()
        while heap and heap[0][0] == instant:
            _, _, run, outcome = heappop(heap)
            job = run.job
            if runs.get(job.number) is not run:
                continue
            if outcome is None:
                self._last(run, Released(now, job.number, job.attempt, "its worker died"))
                continue
            run.asks = True
            self._facts.append(Reported(now, job.number, job.attempt, run.advance(), outcome[0], KEPT))
        return True

    def _last(self, run: "_Run", fact: Ended | Yielded | Released) -> None:
        """Gives a trial its last fact; its worker is free once that of the last of its cohort is handed over."""
        number = run.job.number
        self._facts.append(fact)
        del self._runs[number]
        if isinstance(fact, Ended):
            self._traces.pop(number, None)
        run.cohort.discard(number)
        self._leaving += not run.cohort


class _Run:
    """One attempt at a trial on a virtual worker; times are virtual seconds since the clock's start."""

    __slots__ = ("asks", "began", "budget", "cohort", "dies", "job", "level", "slowness", "step")

    def __init__(self, job: Job, cohort: set[int], began: float) -> None:
        self.job, self.cohort, self.began = job, cohort, began
        self.step, self.budget = job.step, job.budget
        self.level = job.fidelity
        self.asks, self.slowness, self.dies = False, 1.0, inf

    def ahead(self, trace: Trace) -> Outcome | None:
        """What it reports next, and what that takes; None: it is over."""
        return trace.at(self.step + 1) if self.level is None else trace.level(self.level, self.step)

    def advance(self) -> int:
        """Moves on to the step that is reported now."""
        self.step = self.step + 1 if self.level is None else self.level
        return self.step

    def spent(self, now: float) -> bool:
        """Whether its budget of steps or seconds is used up; a level is a budget of its own."""
        if self.level is not None or (self.budget is not None and self.step >= self.budget):
            return True
        return self.job.seconds is not None and now - self.began >= self.job.seconds
