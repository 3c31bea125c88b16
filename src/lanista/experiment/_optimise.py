"""One-line optimisation, in memory."""

from collections.abc import Callable, Mapping
from typing import Any

from lanista.experiment._experiment import Experiment, Mode
from lanista.journal import MemoryStore, TrialRecord
from lanista.space import Space
from lanista.trial import Trial


def minimize(
    objective: Callable[[Trial], Any], space: Mapping[str, Any] | Space, *, trials: int = 100, **options: Any
) -> TrialRecord:
    """Minimises a function, in memory, and returns the best trial.

    Args:
        objective: a function of a trial; `trial["x"]` or `trial.params` are its arguments.
        space: a dict of domains or a `Space`.
        trials: how many evaluations.
        **options: `constraints`, `searcher`, `scheduler`, `seed`, and what `Experiment.run` takes.

    >>> import lanista as la
    >>> la.minimize(lambda t: t["x"] ** 2, {"x": la.Float(-5, 5)}, trials=40, seed=1).value < 0.5
    True
    """
    return _optimise("min", objective, space, trials, options)


def maximize(
    objective: Callable[[Trial], Any], space: Mapping[str, Any] | Space, *, trials: int = 100, **options: Any
) -> TrialRecord:
    """Maximises a function, in memory, and returns the best trial; see `minimize`."""
    return _optimise("max", objective, space, trials, options)


def _optimise(
    mode: Mode,
    objective: Callable[[Trial], Any],
    space: Mapping[str, Any] | Space,
    trials: int,
    options: dict[str, Any],
) -> TrialRecord:
    makes = {key: options.pop(key) for key in ("constraints", "searcher", "scheduler", "seed") if key in options}
    options.setdefault("progress", False)
    exp = Experiment("optimise", space, "value", mode=mode, store=MemoryStore(), **makes)
    return exp.run(objective, trials=trials, **options).best
