"""Lanista: train many models, keep the winner.

Hyperparameter optimisation on one durable journal: searchers, schedulers and executors over one `Space`, from Python,
scripts and the command line.
"""

from lanista import errors, journal, schedule, search
from lanista._version import __version__
from lanista.errors import Infeasible, LanistaError, StopTrial
from lanista.execute import Inline, Processes
from lanista.experiment import Experiment, Limits, Status, experiments, maximize, minimize, remove
from lanista.journal import History, TrialRecord, at_least, at_most, open_store
from lanista.schedule import ASHA, FIFO, MedianStopping, Scheduler
from lanista.search import (
    CMAES,
    DE,
    DNGO,
    GP,
    NSGA2,
    NSGA3,
    TPE,
    Anneal,
    Auto,
    Batch,
    Forest,
    Grid,
    Random,
    RegularizedEvolution,
    Searcher,
    Sobol,
    TuRBO,
)
from lanista.space import Choice, Float, Int, Normal, Permutation, Space, Subset
from lanista.trial import Command, Trainable, Trial, finish, get_params, get_trial, report

__all__ = [
    "ASHA",
    "CMAES",
    "DE",
    "DNGO",
    "FIFO",
    "GP",
    "NSGA2",
    "NSGA3",
    "TPE",
    "Anneal",
    "Auto",
    "Batch",
    "Choice",
    "Command",
    "Experiment",
    "Float",
    "Forest",
    "Grid",
    "History",
    "Infeasible",
    "Inline",
    "Int",
    "LanistaError",
    "Limits",
    "MedianStopping",
    "Normal",
    "Permutation",
    "Processes",
    "Random",
    "RegularizedEvolution",
    "Scheduler",
    "Searcher",
    "Sobol",
    "Space",
    "Status",
    "StopTrial",
    "Subset",
    "Trainable",
    "Trial",
    "TrialRecord",
    "TuRBO",
    "__version__",
    "at_least",
    "at_most",
    "errors",
    "experiments",
    "finish",
    "get_params",
    "get_trial",
    "journal",
    "maximize",
    "minimize",
    "open_store",
    "remove",
    "report",
    "schedule",
    "search",
]
