"""A controller of a few lines, which tests run executors by."""

import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lanista.journal import Ended, Event, Params, Released, Reported, Yielded
from lanista.trial import Decision, Executor, Job, as_objective

PATIENCE_S = 60.0
LAST = (Ended, Yielded, Released)

Answer = Callable[[Reported], Decision | None]


class Desk:
    """A controller of a few lines: it submits what is given to it, answers reports, and keeps all facts.

    Args:
        executor: what is tried.
        objective: what it runs.
        answer: the decision on a report; by default all go on. None: the reply comes later, by `executor.reply`.
        cohort: how many trials the objective takes at most; 0: it takes a single trial, and no cohort.
        directory: where the trials' folders are to be.

    Attributes:
        facts: all that came.
        further: jobs for cohorts that run and ask for more, in their order.
    """

    def __init__(
        self,
        executor: Executor,
        objective: Any,
        *,
        answer: Answer | None = None,
        cohort: int = 0,
        directory: Path | None = None,
    ) -> None:
        self.executor = executor
        self.facts: list[Any] = []
        self.further: deque[Job] = deque()
        self.home = directory or Path(tempfile.mkdtemp(prefix="lanista-"))
        self._temporary = directory is None
        self._answer = answer or (lambda report: Decision())
        self._waiting: set[int] = set()
        executor.open(as_objective(objective, cohort=cohort), self.handle)
        if (offer := getattr(executor, "offer", None)) is not None:
            offer(self.more)

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *error: object) -> None:
        self.executor.close()
        if self._temporary:
            shutil.rmtree(self.home, ignore_errors=True)

    def job(self, number: int, params: Params | None = None, *, attempt: int = 1, budget: int | None = None) -> Job:
        """A job as the real controller makes it."""
        directory = str(self.home / "trials" / str(number))
        return Job(number, params or {}, attempt, number, directory, ("loss",), budget=budget)

    def submit(self, *jobs: Job) -> None:
        """Submits a cohort."""
        assert self.executor.free() > 0, "a submission without a free slot"
        self._waiting.update(job.number for job in jobs)
        self.executor.submit(jobs)

    def handle(self, facts: list[Event]) -> None:
        """Takes facts, and answers those that are reports."""
        assert facts, "handle() was called without facts"
        for fact in facts:
            number = fact.number  # type: ignore[union-attr]
            assert number in self._waiting, f"a fact on trial {number}, which has had its last one: {fact}"
            self.facts.append(fact)
            if isinstance(fact, LAST):
                self._waiting.discard(number)
            elif isinstance(fact, Reported) and (decision := self._answer(fact)) is not None:
                self.executor.reply(number, decision)

    def more(self, room: int, cohort: Sequence[Job]) -> list[Job]:
        """Gives a cohort that runs what there is for it."""
        assert self.executor.free() < self.executor.slots, "a cohort asks for more that has given its slot up"
        jobs = [self.further.popleft() for _ in range(min(room, len(self.further)))]
        self._waiting.update(job.number for job in jobs)
        return jobs

    def until(self, condition: Callable[[], bool]) -> None:
        """Polls until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"nothing more came; so far: {self.facts}"
            self.executor.poll(0.05)

    def run(self, *params: Params) -> list[Any]:
        """Runs trials 0, 1, … with these parameters, each by itself; their last facts."""
        todo: Iterator[Job] = iter([self.job(i, p) for i, p in enumerate(params)])
        job = next(todo, None)
        while job is not None:
            self.until(lambda: self.executor.free() > 0)
            self.submit(job)
            job = next(todo, None)
        self.finish()
        return [self.last(i) for i in range(len(params))]

    def finish(self) -> None:
        """Polls until each trial has had its last fact."""
        self.until(lambda: not self._waiting)

    def last(self, number: int) -> Any:
        """The last fact of a trial."""
        (fact,) = [f for f in self.facts if isinstance(f, LAST) and f.number == number]
        return fact

    def of(self, number: int, kind: type[Any]) -> list[Any]:
        """The facts of a kind on a trial."""
        return [fact for fact in self.facts if isinstance(fact, kind) and fact.number == number]
