"""Executors: where trials run: `Inline` here, `Processes` on this machine, `Ray` on many, `Simulated` nowhere."""

from lanista.execute._benchmark import Benchmark, Cost, Curve
from lanista.execute._inline import Inline
from lanista.execute._processes import Processes
from lanista.execute._ray import Ray
from lanista.execute._share import Shared, share
from lanista.execute._simulate import Simulated
from lanista.execute._table import Table

__all__ = ["Benchmark", "Cost", "Curve", "Inline", "Processes", "Ray", "Shared", "Simulated", "Table", "share"]
