"""Schedulers decide what runs and how long: one file each, each a function from history and event to actions."""

from lanista.schedule._asha import ASHA
from lanista.schedule._base import (
    Action,
    Ended,
    Event,
    Extend,
    Finish,
    Report,
    Resume,
    Scheduler,
    Slots,
    Start,
    Stop,
    Yield,
    Yielded,
)
from lanista.schedule._budget import Budget
from lanista.schedule._combined import Combined
from lanista.schedule._cursor import Cursor
from lanista.schedule._curve_fitting import CurveFitting
from lanista.schedule._dehb import DEHB
from lanista.schedule._fidelity import Fidelity
from lanista.schedule._fifo import FIFO, fill
from lanista.schedule._halving import SuccessiveHalving
from lanista.schedule._hyperband import HyperBand
from lanista.schedule._median import MedianStopping
from lanista.schedule._pasha import PASHA
from lanista.schedule._pb2 import PB2
from lanista.schedule._pbt import PBT
from lanista.schedule._plateau import Plateau
from lanista.schedule._population import Population
from lanista.schedule._resource_changing import ResourceChanging
from lanista.schedule._threshold import Threshold
from lanista.schedule._time_sharing import TimeSharing

__all__ = [
    "Scheduler",
    "Event",
    "Slots",
    "Report",
    "Yielded",
    "Ended",
    "Action",
    "Start",
    "Resume",
    "Extend",
    "Yield",
    "Stop",
    "Finish",
    "Fidelity",
    "FIFO",
    "MedianStopping",
    "CurveFitting",
    "SuccessiveHalving",
    "HyperBand",
    "ASHA",
    "PASHA",
    "DEHB",
    "Population",
    "PBT",
    "PB2",
    "TimeSharing",
    "Plateau",
    "Threshold",
    "Budget",
    "Combined",
    "ResourceChanging",
    "Cursor",
    "fill",
]
