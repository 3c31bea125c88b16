"""Neural architecture search: model spaces, mutations of models, and what helps to judge models."""

from lanista.nas import proxies
from lanista.nas._cell import Cell, CellModule
from lanista.nas._choices import InputChoice, LayerChoice, Repeat, ValueChoice
from lanista.nas._graph import Graph
from lanista.nas._identity import Identity, Mutation
from lanista.nas._latency import Agreement, LatencyTable
from lanista.nas._layers import Layer, Layers
from lanista.nas._mode import scope
from lanista.nas._model_space import ModelSpace
from lanista.nas._morph import add_branch, deepen, grow_kernel, inherit, widen
from lanista.nas._mutator import MutatedSpace, Mutator, picks, random_picks
from lanista.nas._mutators import NormAfterConv, PoolToInception, ReplaceOperator
from lanista.nas._nodes import Node
from lanista.nas._picture import draw
from lanista.nas._profile import Profile, profile
from lanista.nas._record import explore, record
from lanista.nas._select import Select

__all__ = [
    "Agreement",
    "Cell",
    "CellModule",
    "Graph",
    "Identity",
    "InputChoice",
    "LatencyTable",
    "Layer",
    "LayerChoice",
    "Layers",
    "ModelSpace",
    "MutatedSpace",
    "Mutation",
    "Mutator",
    "Node",
    "NormAfterConv",
    "PoolToInception",
    "Profile",
    "Repeat",
    "ReplaceOperator",
    "Select",
    "ValueChoice",
    "draw",
    "add_branch",
    "deepen",
    "explore",
    "grow_kernel",
    "inherit",
    "picks",
    "profile",
    "proxies",
    "random_picks",
    "record",
    "scope",
    "widen",
]
