"""The last event of a trial, from what its code returned or raised."""

import time
from typing import Any

from lanista.errors import Infeasible, MetricError, StopTrial
from lanista.journal import Ended, Event, Yielded
from lanista.trial._protocol import Job
from lanista.trial._trial import PauseTrial, Trial
from lanista.trial._values import as_metrics, check_metrics


def conclusion(trial: Trial, job: Job, result: Any) -> Event:
    """The last event of a trial whose code returned, or raised, `result`; what it still has to say is said before."""
    trial.flush()
    return _last(trial, job, _concluded(trial, result))


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
