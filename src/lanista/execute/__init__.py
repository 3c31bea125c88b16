"""Executors: where trials run: `Inline` in this thread, `Processes` in worker processes, `Simulated` nowhere."""

from lanista.execute._benchmark import Benchmark, Cost, Curve
from lanista.execute._inline import Inline
from lanista.execute._processes import Processes
from lanista.execute._simulate import Simulated
from lanista.execute._table import Table

__all__ = ["Benchmark", "Cost", "Curve", "Inline", "Processes", "Simulated", "Table"]
