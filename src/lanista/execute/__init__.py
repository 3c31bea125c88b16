"""Executors: where trials run. `Inline` runs them in this thread, `Processes` in worker processes."""

from lanista.execute._inline import Inline
from lanista.execute._processes import Processes

__all__ = ["Inline", "Processes"]
