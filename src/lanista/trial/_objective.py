"""From what a user gives to `run` (a function, a class, a command; for one trial or a cohort) to what executors run."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lanista.errors import Infeasible, MetricError, ObjectiveError, StopTrial, UsageError
from lanista.journal import Ended, Event, Yielded
from lanista.space import Groups
from lanista.trial._protocol import Job, Link
from lanista.trial._trainable import Trainable, run_trainable
from lanista.trial._trial import PauseTrial, Trial
from lanista.trial._values import as_metrics, check_metrics


class Objective:
    """Calls user code for the trials of a cohort and turns whatever happens into each trial's last event."""

    def __init__(self, call: Callable[..., Any], *, cohort: bool, groups: Groups | None = None) -> None:
        self._call = call
        self._groups = groups
        self.cohort = cohort

    def run(self, jobs: Sequence[Job], link: Link, resources: Mapping[str, Any] | None = None) -> None:
        """Runs one cohort from start to end. KeyboardInterrupt and SystemExit pass."""
        given: dict[str, Any] = {"resources": dict(resources or {}), "raises": not self.cohort, "groups": self._groups}
        trials = [Trial(job, link, **given) for job in jobs]
        outcome: Any
        try:
            outcome = self._call(trials if self.cohort else trials[0])
        except Exception as error:
            outcome = error
        results = self._split(outcome, len(trials))
        for trial, job, result in zip(trials, jobs, results, strict=True):
            trial.flush()
            link.send(_last(trial, job, _concluded(trial, result)))

    def _split(self, outcome: Any, count: int) -> list[Any]:
        """One result a trial."""
        if isinstance(outcome, Exception) or not self.cohort:
            return [outcome] * count
        if outcome is None:
            return [None] * count
        if isinstance(outcome, Sequence) and not isinstance(outcome, str) and len(outcome) == count:
            return list(outcome)
        error = ObjectiveError(
            f"a cohort's function returns None or a list of {count} results, one a trial; it returned {outcome!r}"
        )
        return [error] * count


def as_objective(given: Any, *, cohort: bool = False, groups: Groups | None = None) -> Objective:
    """Makes an objective of a function of a trial, a `Trainable` class or a `Command`.

    With `cohort`, of a function of a list of trials. Its trials build what the `groups` of the space make.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(given, Objective):
        return given
    if isinstance(given, type) and issubclass(given, Trainable):
        if cohort:
            raise UsageError(
                f"{given.__name__} is a Trainable, which runs one trial; cohort= needs a function of a list of trials"
            )
        for name, low in (("max_steps", 1), ("save_every", 0)):
            value = getattr(given, name)
            if not isinstance(value, int) or value < low:
                raise UsageError(f"{given.__name__}.{name} is {value!r}; it must be a whole number from {low}")
        return Objective(_TrainableCall(given), cohort=False, groups=groups)
    if isinstance(given, type) or not callable(given):
        raise UsageError(f"the objective {given!r} is no function of a trial, no Trainable class and no Command")
    _check_signature(given, cohort)
    return Objective(given, cohort=cohort, groups=groups)


def _check_signature(call: Callable[..., Any], cohort: bool) -> None:
    """Raises UsageError for a function that cannot be called with a trial alone."""
    import inspect

    try:
        signature = inspect.signature(call)
    except (TypeError, ValueError):  # some of those written in C do not tell
        return
    try:
        signature.bind(None)
    except TypeError as error:
        name = getattr(call, "__name__", type(call).__name__)
        wanted = "a list of trials: def objective(trials)" if cohort else "a trial: def objective(trial)"
        raise UsageError(
            f"the objective {name}{signature} cannot be called with one argument ({error}); it is a function of "
            f"{wanted}, where trial['lr'] is the value of a parameter"
        ) from None


class _TrainableCall:
    def __init__(self, cls: type[Trainable]) -> None:
        self._cls = cls

    def __call__(self, trial: Trial) -> Any:
        return run_trainable(self._cls, trial)


def _concluded(trial: Trial, result: Any) -> Any:
    try:
        return result if isinstance(result, Exception) else trial.conclude(result)
    except Exception as error:
        return error


def _last(trial: Trial, job: Job, result: Any) -> Event:
    """The last event of a trial whose code returned, or raised, `result`."""
    now = time.time()
    if isinstance(result, PauseTrial) or (not isinstance(result, Exception) and trial.decision.kind == "yield"):
        return Yielded(now, job.number, job.attempt, trial.step)
    if (
        isinstance(result, StopTrial)
        or _is_pruned(result)
        or (not isinstance(result, Exception) and trial.decision.kind == "stop")
    ):
        reason = trial.decision.reason or str(result)
        return Ended(now, job.number, job.attempt, trial.decision.state, reason=reason)
    if isinstance(result, Infeasible):
        return Ended(now, job.number, job.attempt, "infeasible", reason=str(result) or "infeasible")
    try:
        if isinstance(result, Exception):
            raise result
        metrics = as_metrics(result, job.metrics)
        check_metrics({**trial.metrics, **metrics}, (*job.metrics, *job.constrained))
    except Exception as error:
        reason = "metric" if isinstance(error, MetricError) else f"{type(error).__name__}: {error}".partition("\n")[0]
        text = str(error) if isinstance(error, MetricError) else _traceback(error)
        return Ended(now, job.number, job.attempt, "failed", reason=reason, error=text)
    return Ended(now, job.number, job.attempt, "completed", metrics)


def _is_pruned(result: Any) -> bool:
    """Whether an Optuna objective raised its TrialPruned; Optuna itself need not be there."""
    return any(cls.__name__ == "TrialPruned" for cls in type(result).__mro__)


def _traceback(error: Exception) -> str:
    """The traceback without the frames of the engine."""
    import traceback

    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_globals.get("__name__", "").startswith("lanista.trial"):
        tb = tb.tb_next
    return "".join(traceback.format_exception(type(error), error, tb))
