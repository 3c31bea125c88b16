"""What stands in for training in a simulation: what a trial would have reported, and how long it would have taken."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from lanista._frozen import Frozen
from lanista.errors import MetricError, UsageError
from lanista.journal import Params
from lanista.trial import Job, as_metrics, as_number

Outcome = tuple[dict[str, float], float]
"""(metrics, seconds): what is reported after a step, and how long the step takes."""

ENDLESS = 1_000_000
"""A trial of so many steps is taken to have no end."""


class Curve(Frozen):
    """A whole learning curve: the metrics after each step, and the seconds that each step takes.

    Args:
        metrics: for each metric its values at steps 1, 2, …: a list or an array, or one number where there is one step.
        seconds: of each step, by itself and not summed up; one number where all steps take as long.

    Raises:
        UsageError: there is no step, lengths differ, or a time is negative or not finite.

    >>> Curve({"loss": [0.9, 0.5, 0.4]}, seconds=2.0)
    Curve(metrics={'loss': (0.9, 0.5, 0.4)}, seconds=(2.0, 2.0, 2.0))
    """

    metrics: Mapping[str, Sequence[float]]
    seconds: Sequence[float]

    def __post_init__(self) -> None:
        try:
            metrics = {str(name): np.asarray(v, dtype=float).reshape(-1) for name, v in self.metrics.items()}
            seconds = np.asarray(self.seconds, dtype=float)
        except (AttributeError, TypeError, ValueError) as error:
            raise UsageError(
                f"Curve({self.metrics!r:.100}, {self.seconds!r:.100}): {error}; give metrics as a dict of lists of "
                "numbers and seconds as a list of numbers"
            ) from error
        steps = {len(values) for values in metrics.values()}
        if len(steps) != 1 or 0 in steps:
            told = {name: len(values) for name, values in metrics.items()}
            raise UsageError(f"Curve(metrics=…): each metric needs one value a step, as many as the others, not {told}")
        (count,) = steps
        if seconds.ndim == 0:
            seconds = np.full(count, seconds)
        if seconds.shape != (count,):
            raise UsageError(f"Curve(seconds=…): {seconds.size} times for {count} steps; give one a step")
        if not (np.isfinite(seconds) & (seconds >= 0)).all():
            raise UsageError(f"Curve(seconds={self.seconds!r:.100}): times must be finite and at least 0")
        object.__setattr__(self, "metrics", {name: tuple(values.tolist()) for name, values in metrics.items()})
        object.__setattr__(self, "seconds", tuple(seconds.tolist()))

    def __len__(self) -> int:
        return len(self.seconds)


class Benchmark(Protocol):
    """Gives the learning curve of a configuration: a table, or a surrogate model.

    An attribute `resumes` that is true says that a trial under a `Fidelity` goes on at the next level from where it
    was; without it each level begins at the first step again.
    """

    def run(self, params: Params, seed: int) -> Curve:
        """The curve of `params`; `seed` is the trial's own, for noise."""
        ...


Cost = Callable[[Params, int], tuple[Any, float] | None]
"""cost(params, step) -> (metrics, seconds): what step 1, 2, … gives and takes; None once the trial is over."""


class Trace(Protocol):
    """A trial as a simulation runs it."""

    def at(self, step: int) -> Outcome | None:
        """What a step gives and takes; None: the trial was over before it."""
        ...

    def level(self, level: int, done: int) -> Outcome:
        """What a level of a fidelity gives, and takes in all for a trial that has reached level `done` before."""
        ...


Tracer = Callable[[Job], Trace]


def as_tracer(given: Any) -> Tracer:
    """Makes traces of whatever a user gives as a benchmark.

    Raises:
        UsageError: it is neither a function of (params, step) nor an object with `run(params, seed)`.
    """
    if isinstance(given, type):
        raise UsageError(f"the benchmark {given.__name__} is a class; give an object of it, {given.__name__}(...)")
    if callable(getattr(given, "run", None)):
        return lambda job: _Recorded(given, job)
    if callable(given):
        return lambda job: _Called(given, job)
    raise UsageError(
        f"the benchmark {given!r:.100} is no function cost(params, step) that returns (metrics, seconds), and has no "
        "method run(params, seed) that returns a Curve"
    )


class _Recorded:
    """A trial with a curve."""

    def __init__(self, benchmark: Benchmark, job: Job) -> None:
        curve = benchmark.run(dict(job.params), job.seed)
        if not isinstance(curve, Curve):
            raise UsageError(
                f"{type(benchmark).__name__}.run returned {curve!r:.100}; return la.Curve(metrics, seconds)"
            )
        _check(curve.metrics, job)
        self._seconds = curve.seconds
        self._names, self._values = list(curve.metrics), list(zip(*curve.metrics.values(), strict=True))
        self._resumes = bool(getattr(benchmark, "resumes", False))

    def at(self, step: int) -> Outcome | None:
        if step > len(self._seconds):
            return None
        return dict(zip(self._names, self._values[step - 1], strict=True)), self._seconds[step - 1]

    def level(self, level: int, done: int) -> Outcome:
        if level > len(self._seconds):
            raise UsageError(
                f"the benchmark has a curve of {len(self._seconds)} steps, too short for the level {level} of the "
                "scheduler's fidelity"
            )
        first = done if self._resumes else 0
        return dict(zip(self._names, self._values[level - 1], strict=True)), sum(self._seconds[first:level])


class _Called:
    """A trial of which a function tells step by step; with a fidelity it tells of a whole level at once."""

    def __init__(self, cost: Cost, job: Job) -> None:
        self._cost, self._job, self._checked = cost, job, False

    def at(self, step: int) -> Outcome | None:
        if step > ENDLESS:
            raise UsageError(
                f"trial {self._job.number} has run for {ENDLESS:,} steps; the cost function must return None after the "
                "last one, or the scheduler must have max_steps"
            )
        told = self._cost(dict(self._job.params), step)
        if told is not None:
            return self._outcome(told, step)
        if step == 1:
            raise UsageError(
                f"the cost function returned None for the first step of trial {self._job.number}; return "
                "(metrics, seconds) for each step that a trial has, and None after the last one; for what cannot be "
                "trained, raise lanista.Infeasible"
            )
        return None

    def level(self, level: int, done: int) -> Outcome:
        told = self._cost(dict(self._job.params), level)
        if told is None:
            raise UsageError(f"the cost function returned None for the level {level} of the scheduler's fidelity")
        return self._outcome(told, level)

    def _outcome(self, told: Any, step: int) -> Outcome:
        if not isinstance(told, tuple) or len(told) != 2:
            raise UsageError(
                f"the cost function returned {told!r:.100} for step {step} of trial {self._job.number}; return "
                "(metrics, seconds), or None when the trial is over"
            )
        metrics, seconds = as_metrics(told[0], self._job.metrics), as_number("seconds", told[1])
        if not 0 <= seconds < float("inf"):
            raise UsageError(
                f"the cost function returned {seconds!r} seconds for step {step} of trial {self._job.number}; "
                "times must be finite and at least 0"
            )
        if not self._checked:
            _check(metrics, self._job)
            self._checked = True
        return metrics, seconds


def _check(metrics: Mapping[str, Any], job: Job) -> None:
    """Raises MetricError unless the benchmark gives what the experiment is judged by."""
    for name in (*job.metrics, *job.constrained):
        if name not in metrics:
            raise MetricError(
                f"the benchmark gives {', '.join(map(repr, metrics)) or 'no metric'}, and not the experiment's "
                f"{name!r}; use one name in both places"
            )
