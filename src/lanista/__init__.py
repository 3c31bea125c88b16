"""Lanista: train many models, keep the winner.

Hyperparameter optimisation on one durable journal: searchers, schedulers and executors over one `Space`, from Python,
scripts and the command line. `la.fuse` and `la.nas` need the extra `torch`, and are imported when first asked for.
"""

from typing import TYPE_CHECKING, Any

from lanista import errors, journal, schedule, search
from lanista._version import __version__
from lanista.errors import Infeasible, LanistaError, StopTrial
from lanista.execute import Curve, Inline, Processes, Ray, Table, share
from lanista.experiment import Experiment, Limits, Status, experiments, maximize, minimize, remove, simulate
from lanista.integrations import TensorBoard
from lanista.joint import FreezeThaw
from lanista.journal import History, TrialRecord, at_least, at_most, open_store
from lanista.schedule import (
    ASHA,
    DEHB,
    FIFO,
    PASHA,
    PB2,
    PBT,
    Budget,
    Combined,
    CurveFitting,
    Fidelity,
    HyperBand,
    MedianStopping,
    Plateau,
    ResourceChanging,
    Scheduler,
    SuccessiveHalving,
    Threshold,
    TimeSharing,
)
from lanista.search import (
    BOHB,
    CMAES,
    DE,
    DNGO,
    GP,
    NSGA2,
    NSGA3,
    PNAS,
    PPO,
    TPE,
    Anneal,
    Auto,
    Bananas,
    Batch,
    Forest,
    Grid,
    LocalSearch,
    Random,
    RegularizedEvolution,
    Reinforce,
    Searcher,
    Sobol,
    TuRBO,
)
from lanista.space import Choice, Float, Int, Normal, Permutation, Space, Subset
from lanista.trial import Command, Trainable, Trial, finish, get_params, get_trial, report
from lanista.web import connect

__all__ = [
    "ASHA",
    "BOHB",
    "CMAES",
    "DE",
    "DEHB",
    "DNGO",
    "FIFO",
    "GP",
    "NSGA2",
    "NSGA3",
    "PASHA",
    "PB2",
    "PBT",
    "PNAS",
    "PPO",
    "TPE",
    "Anneal",
    "Auto",
    "Bananas",
    "Batch",
    "Budget",
    "Choice",
    "Combined",
    "Command",
    "Curve",
    "CurveFitting",
    "Experiment",
    "Fidelity",
    "Float",
    "Forest",
    "FreezeThaw",
    "Grid",
    "History",
    "HyperBand",
    "Infeasible",
    "Inline",
    "Int",
    "LanistaError",
    "Limits",
    "LocalSearch",
    "MedianStopping",
    "Normal",
    "Permutation",
    "Plateau",
    "Processes",
    "Random",
    "Ray",
    "RegularizedEvolution",
    "Reinforce",
    "ResourceChanging",
    "Scheduler",
    "Searcher",
    "Sobol",
    "Space",
    "Status",
    "StopTrial",
    "Subset",
    "SuccessiveHalving",
    "Table",
    "TensorBoard",
    "Threshold",
    "TimeSharing",
    "Trainable",
    "Trial",
    "TrialRecord",
    "TuRBO",
    "__version__",
    "at_least",
    "at_most",
    "connect",
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
    "share",
    "simulate",
]

if TYPE_CHECKING:
    from lanista import fuse as fuse
    from lanista import nas as nas
else:

    def __getattr__(name: str) -> Any:
        """Imports the packages that need torch."""
        if name not in ("fuse", "nas"):
            raise AttributeError(f"module 'lanista' has no attribute {name!r}")
        import importlib

        try:
            return importlib.import_module(f"lanista.{name}")
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "torch":
                raise
            raise errors.MissingExtraError.of("torch", "torch") from error
