"""An experiment on a virtual clock."""

import time
from typing import Any

from lanista.errors import UsageError
from lanista.execute import Benchmark, Cost, Simulated
from lanista.experiment._experiment import Experiment
from lanista.trial import Trial


def simulate(
    experiment: Experiment,
    benchmark: Benchmark | Cost,
    workers: int = 1000,
    *,
    stragglers: float = 0.0,
    failures: float = 0.0,
    **options: Any,
) -> Experiment:
    """Runs an experiment with its own searcher, scheduler and journal, but on virtual workers and a virtual clock.

    What comes out is an experiment like any other. The times of its events are virtual: they begin now, or where the
    experiment's last event was, and all limits of seconds (`time_limit`, `Limits.trial_time`) are virtual seconds. The
    same seed, deciders and benchmark give the same trials. The same call with higher limits goes on.

    Args:
        experiment: what is run; it must have a space.
        benchmark: what trials would report and how long they would take. A function cost(params, step) ->
            (metrics, seconds), with None once the trial is over; or an object with run(params, seed) -> `Curve`, such
            as a `Table`.
        workers: how many trials run at once.
        stragglers: standard deviation of how much slower than told an attempt at a trial is; see `Simulated`.
        failures: how many deaths a worker has in an hour of virtual work; see `Simulated`.
        **options: what `Experiment.run` takes: `trials`, `time_limit`, `limits`, `callbacks`, `progress` (False by
            default).

    Raises:
        UsageError: the benchmark, or an argument, is wrong; or a table does not have a configuration.
        MetricError: the benchmark does not give the experiment's metrics.

    >>> import lanista as la
    >>> exp = la.Experiment("what-if", {"x": la.Float(0, 1)}, metric="loss", searcher="random", scheduler=la.ASHA(81),
    ...                     store="memory")
    >>> cost = lambda params, step: (params["x"] + 1 / step, 60.0)
    >>> la.simulate(exp, cost, workers=100, trials=500).best.steps
    81
    """
    if not isinstance(experiment, Experiment):
        raise UsageError(
            f"simulate({experiment!r:.100}, ...): give an experiment, such as la.Experiment('what-if', space)"
        )
    if "executor" in options:
        raise UsageError("simulate(executor=...): it brings its own executor; leave executor out")
    created = experiment._created
    if created.define:
        raise UsageError(
            f"experiment {experiment.name!r} has no space, and a simulation runs no code that could discover one; "
            "give the experiment a space"
        )
    executor = Simulated(
        benchmark,
        workers,
        stragglers=stragglers,
        failures=failures,
        seed=created.seed,
        start=max(time.time(), _latest(experiment)),
    )
    options.setdefault("progress", False)
    return experiment.run(_unused, executor=executor, **options)


def _latest(experiment: Experiment) -> float:
    """The time of the experiment's last event."""
    store, info = experiment.store, experiment._info
    last = store.last(info.id)
    return store.read(info.id, last - 1, last)[0].time


def _unused(trial: Trial) -> None:
    """Stands where `run` wants an objective; a simulation calls none."""
