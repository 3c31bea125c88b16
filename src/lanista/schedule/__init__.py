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
from lanista.schedule._cursor import Cursor
from lanista.schedule._fidelity import Fidelity
from lanista.schedule._fifo import FIFO, fill
from lanista.schedule._median import MedianStopping

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
    "ASHA",
    "Cursor",
    "fill",
]
