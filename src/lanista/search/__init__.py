"""Searchers: functions from the history of an experiment to the configurations to try next."""

from lanista._described import describe
from lanista.search._anneal import Anneal
from lanista.search._auto import Auto
from lanista.search._bananas import Bananas
from lanista.search._base import Child, Searcher
from lanista.search._batch import Batch
from lanista.search._bohb import BOHB
from lanista.search._cmaes import CMAES
from lanista.search._de import DE
from lanista.search._dngo import DNGO
from lanista.search._evolution import RegularizedEvolution
from lanista.search._forest import Forest
from lanista.search._gp import GP
from lanista.search._grid import Grid
from lanista.search._importance import importance
from lanista.search._left import FEWEST, improvement_left
from lanista.search._local import LocalSearch
from lanista.search._nsga2 import NSGA2
from lanista.search._nsga3 import NSGA3
from lanista.search._pareto import hypervolume, non_dominated
from lanista.search._pnas import PNAS
from lanista.search._ppo import PPO
from lanista.search._random import Random
from lanista.search._reinforce import Reinforce
from lanista.search._sobol import Sobol
from lanista.search._tpe import TPE
from lanista.search._turbo import TuRBO

__all__ = [
    "BOHB",
    "CMAES",
    "DE",
    "DNGO",
    "FEWEST",
    "GP",
    "NSGA2",
    "NSGA3",
    "PNAS",
    "PPO",
    "TPE",
    "Anneal",
    "Auto",
    "Bananas",
    "Batch",
    "Child",
    "Forest",
    "Grid",
    "LocalSearch",
    "Random",
    "RegularizedEvolution",
    "Reinforce",
    "Searcher",
    "Sobol",
    "TuRBO",
    "describe",
    "hypervolume",
    "importance",
    "improvement_left",
    "non_dominated",
]
