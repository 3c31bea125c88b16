"""Any searcher as an Optuna sampler."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lanista.errors import MissingExtraError
from lanista.search import Searcher
from lanista.space import Space

if TYPE_CHECKING:
    from lanista.compat.optuna._sampler import LanistaSampler


def to_optuna(
    searcher: str | Searcher, space: Space | Mapping[str, Any] | None = None, *, seed: int | None = None
) -> "LanistaSampler":
    """Makes an Optuna sampler of a searcher, for `optuna.create_study(sampler=...)`.

    Args:
        searcher: an object, or a name such as "tpe".
        space: what the objective will ask for; conditions and constraints count. None: every parameter that ended
            trials asked for, so that the first trial, and parameters met for the first time, are drawn at random.
        seed: of the proposals, which depend on it, on the number of the trial and on the study; None: a fresh one.

    Returns:
        A sampler for studies of one or several objectives, with or without constraints, in threads and in processes.
        Pruned trials are stopped ones with their reports; failed ones are failed. Where the searcher has nothing left
        to propose, as `Grid` and `Batch` in the end, the study is stopped.

    Raises:
        MissingExtraError: Optuna is not installed.
        UsageError: the searcher is none, or the space holds what Optuna cannot ask for.

    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(sampler=to_optuna("tpe", seed=0))
    >>> study.optimize(lambda trial: trial.suggest_float("x", -5, 5) ** 2, n_trials=40)
    >>> study.best_value < 0.1
    True
    """
    try:
        from lanista.compat.optuna._sampler import LanistaSampler
    except ImportError as error:
        raise MissingExtraError.of("optuna", "optuna") from error
    return LanistaSampler(searcher, space, seed=seed)
