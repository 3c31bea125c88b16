"""The experiment: the public object, its controller, limits, configuration files and terminal view."""

from lanista.experiment._catalog import experiments, missing, remove
from lanista.experiment._config import Config, load_config
from lanista.experiment._experiment import Experiment
from lanista.experiment._finalists import Finalist
from lanista.experiment._limits import Limits
from lanista.experiment._optimise import maximize, minimize
from lanista.experiment._progress import Progress
from lanista.experiment._resolve import EXECUTORS, SCHEDULERS, SEARCHERS, named
from lanista.experiment._simulate import simulate
from lanista.experiment._status import Owner, Status
from lanista.experiment._trials import Trials, as_row

__all__ = [
    "EXECUTORS",
    "SCHEDULERS",
    "SEARCHERS",
    "Config",
    "Experiment",
    "Finalist",
    "Limits",
    "Owner",
    "Progress",
    "Status",
    "Trials",
    "as_row",
    "experiments",
    "load_config",
    "maximize",
    "minimize",
    "missing",
    "named",
    "remove",
    "simulate",
]
