"""A trial as its code sees it: the handle, the kinds of objectives, and what an executor must do."""

from lanista.trial._checkpoint import restore
from lanista.trial._cohort import Cohort
from lanista.trial._command import Command
from lanista.trial._objective import Objective, as_objective
from lanista.trial._protocol import CohortLink, Decision, Executor, Handle, Job, Link, More, Runnable
from lanista.trial._script import finish, get_params, get_trial, in_trial, is_reporter, report
from lanista.trial._trainable import Trainable
from lanista.trial._trial import PauseTrial, Trial
from lanista.trial._values import as_metrics, as_number, check_metrics

__all__ = [
    "restore",
    "Cohort",
    "CohortLink",
    "Command",
    "Decision",
    "Executor",
    "Handle",
    "Job",
    "Link",
    "More",
    "Objective",
    "PauseTrial",
    "Runnable",
    "Trainable",
    "Trial",
    "as_metrics",
    "as_number",
    "as_objective",
    "check_metrics",
    "finish",
    "get_params",
    "get_trial",
    "in_trial",
    "is_reporter",
    "report",
]
