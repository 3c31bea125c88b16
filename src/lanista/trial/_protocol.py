"""What passes between a controller, an executor and the code of a trial."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, Protocol, runtime_checkable

from lanista._frozen import Frozen
from lanista.journal import Event, Params, Reported


class Job(Frozen):
    """One attempt at a trial, with all that its code may need to know.

    `step` and `checkpoint` tell where to go on from; `budget` the step, and `seconds` the time, at which it yields by
    itself; `fidelity` the level to run at where the scheduler has a `Fidelity`, which is also the step to report;
    `resources` what it gets where that is not what every trial gets; `metrics` the names of the objectives, the first
    one first, `constrained` those of the metrics with a bound; `define` that parameters are discovered by `suggest_*`,
    from `proposal` where it has them; `reported` what earlier attempts reported on the way to the checkpoint;
    `checkpoints` the folder or URL that checkpoints are saved to, where that is not `directory`.
    """

    number: int
    params: Params
    attempt: int
    seed: int
    directory: str
    metrics: tuple[str, ...]
    budget: int | None = None
    step: int = 0
    checkpoint: str | None = None
    define: bool = False
    proposal: Params = field(default_factory=dict)
    reported: Mapping[str, float] = field(default_factory=dict)
    constrained: tuple[str, ...] = ()
    seconds: float | None = None
    fidelity: int | None = None
    resources: Mapping[str, float] | None = None
    checkpoints: str | None = None


class Decision(Frozen):
    """The answer to a report."""

    kind: Literal["continue", "stop", "yield"] = "continue"
    reason: str = ""
    state: Literal["stopped", "completed"] = "stopped"
    budget: int | None = None


class Link(Protocol):
    """A trial's line to its controller."""

    def send(self, event: Event) -> None:
        """Sends a fact that needs no answer."""
        ...

    def report(self, event: Reported) -> Decision:
        """Sends a report and waits for the decision on it."""
        ...


@runtime_checkable
class CohortLink(Link, Protocol):
    """The line of a cohort that can take in further trials while it runs."""

    def swap(self, ends: Sequence[Event], room: int) -> list[Job]:
        """Sends the last facts of trials that leave the cohort, and takes in at most `room` others.

        The slot stays taken meanwhile. A cohort that has no trial any more gets none.
        """
        ...


Handle = Callable[[list[Event]], None]
"""Takes facts about trials: Reported, Checkpointed, Suggested, Noted, Yielded, Released, Ended."""

More = Callable[[int, Sequence[Job]], list[Job]]
"""Gives at most so many further jobs to a cohort that runs; these are the jobs that it began with."""


class Runnable(Protocol):
    """What an executor runs: see `Objective`."""

    def run(self, jobs: Sequence[Job], link: Link, resources: Mapping[str, Any] | None = None) -> None:
        """Runs a cohort from start to end; each of its trials has sent its last event when this returns."""
        ...


class Executor(Protocol):
    """Runs trials somewhere. The controller knows time and workers only through it.

    The life of an executor: `open` once; then `submit`, `poll`, `reply` and `cancel` in any order; `close` once.
    Facts reach the controller through `handle`, in order for each trial, and each submitted job's last fact is Ended,
    Yielded or Released, exactly once, however it dies. Each Reported is answered by `reply`, once, most often within
    `handle`. A slot is free once the last fact of its cohort was handed over.

    What an executor need not have, and is used where it is there: an attribute `files = False`, which says that the
    checkpoints of its trials are no files; `resize(workers)` and `limit(trial_time)`, which change those on the way;
    `offer(more)`, called once after `open` with a `More`. An executor that has `offer` gives trials a
    `CohortLink`, whose `swap` first hands the last facts to `handle`, then calls `more` and counts what it gives as
    submitted. It calls `more` outside of `handle`, and never for a cohort that all had left before.
    """

    def open(self, objective: Runnable, handle: Handle) -> None:
        """Prepares to run trials of `objective`.

        Raises:
            ExecutorError: workers cannot be started, or the resources do not exist.
        """
        ...

    @property
    def slots(self) -> int:
        """How many cohorts can run at once."""
        ...

    def free(self) -> int:
        """How many cohorts could be submitted now."""
        ...

    def submit(self, jobs: Sequence[Job]) -> None:
        """Runs a cohort in one slot."""
        ...

    def poll(self, timeout: float) -> None:
        """Hands facts to `handle` as they come, at the latest after `timeout` seconds returns without any."""
        ...

    def reply(self, number: int, decision: Decision) -> None:
        """Answers a trial's report."""
        ...

    def cancel(self, number: int, *, reason: str, end: bool) -> None:
        """Ends a running trial now, by killing where possible: as cancelled (`end`), or released to run again."""
        ...

    def now(self) -> float:
        """Seconds since the epoch, of the clock that trials live by."""
        ...

    def close(self) -> None:
        """Lets go of all workers, killing what runs."""
        ...
