"""Searchers: functions from the history of an experiment to the configurations to try next."""

from lanista.search._base import Searcher, describe
from lanista.search._batch import Batch
from lanista.search._evolution import RegularizedEvolution
from lanista.search._grid import Grid
from lanista.search._random import Random
from lanista.search._sobol import Sobol
from lanista.search._tpe import TPE

__all__ = ["TPE", "Batch", "Grid", "Random", "RegularizedEvolution", "Searcher", "Sobol", "describe"]
