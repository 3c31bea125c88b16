"""What torch compiles of a stacked graph, held against the graph before it is trusted."""

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.fx import GraphModule

from lanista.fuse._close import alike
from lanista.fuse._memory import is_exhausted

_log = logging.getLogger("lanista.fuse")


class Compiled:
    """Runs what torch compiles of a graph; the graph itself, where that fails or gives something else.

    Args:
        graph: of all models.
        changed: which of its inputs it changes in place, by number.
        dtype: what it computes in.

    Attributes:
        refused: why the graph itself is run; "" where it is not, and before the first call.
    """

    def __init__(self, graph: GraphModule, changed: Sequence[int], dtype: torch.dtype) -> None:
        self.refused = ""
        self._graph, self._changed, self._dtype = graph, changed, dtype
        self._run: Callable[..., list[Tensor]] | None = None

    def __call__(self, *given: Tensor) -> list[Tensor]:
        """A step; the first one compiles, and gives what the graph itself does.

        Raises:
            RuntimeError: there is no memory left.
        """
        return self._first(given) if self._run is None else self._run(*given)

    def _first(self, given: Sequence[Tensor]) -> list[Tensor]:
        # the first mode records CUDA graphs
        mode = "reduce-overhead" if given[0].device.type == "cuda" else "default"
        made = torch.compile(self._graph, dynamic=False, mode=mode)
        own = [part.clone() if i in self._changed else part for i, part in enumerate(given)]
        found: list[Tensor] | None = None
        try:
            found = [*made(*own), *(own[i] for i in self._changed)]
        except Exception as error:
            if is_exhausted(error):
                raise
            what = str(error).strip().partition("\n")[0]
            self.refused = f"{type(error).__name__}: {what:.200}"
        wanted: list[Tensor] = self._graph.forward(*given)
        if found is not None and not alike(found, [*wanted, *(given[i] for i in self._changed)], self._dtype):
            self.refused = "it gives another loss, other gradients or other buffers"
        if self.refused:
            _log.info("not compiled: %s", self.refused)
        self._run = self._graph.forward if self.refused else made
        return wanted
