"""Figures: Plotly pictures of a history, the same in notebooks, on the command line and in the dashboard."""

from lanista.plot._architecture import architecture
from lanista.plot._bound import FIGURES, Plots
from lanista.plot._contour import contour
from lanista.plot._curves import Rung, curves, rung_steps, rung_table, rungs
from lanista.plot._fronts import hypervolume, pareto
from lanista.plot._importance import importance
from lanista.plot._lineage import lineage
from lanista.plot._parallel import parallel
from lanista.plot._progress import history, trials
from lanista.plot._runs import Run, Runs, read_runs
from lanista.plot._slice import slice
from lanista.plot._spread import compare, edf
from lanista.plot._style import Look, Part, Theme, figure, look, safe
from lanista.plot._thin import outline, spread
from lanista.plot._timeline import timeline
from lanista.plot._write import FORMATS, write

__all__ = [
    "FIGURES",
    "FORMATS",
    "Look",
    "Part",
    "Plots",
    "Rung",
    "Run",
    "Runs",
    "Theme",
    "architecture",
    "compare",
    "contour",
    "curves",
    "edf",
    "figure",
    "history",
    "hypervolume",
    "importance",
    "lineage",
    "look",
    "outline",
    "parallel",
    "pareto",
    "read_runs",
    "rung_steps",
    "rung_table",
    "rungs",
    "safe",
    "slice",
    "spread",
    "timeline",
    "trials",
    "write",
]
