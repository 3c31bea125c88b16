"""The figures of one experiment: what `exp.plot` is."""

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol

from lanista.journal import History, Journal
from lanista.plot import (
    _architecture,
    _contour,
    _curves,
    _fronts,
    _importance,
    _lineage,
    _parallel,
    _progress,
    _slice,
    _spread,
    _timeline,
)
from lanista.plot._frame import Over
from lanista.plot._style import Theme

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

P = ParamSpec("P")
EVENTS_A_RUN = 40
"""How many events are read for each run that a timeline shows; more reports between them cost earlier runs only."""


class Named(Protocol):
    """What can be compared: an experiment."""

    name: str

    @property
    def history(self) -> History:
        """Its trials."""
        ...


class _Of(Generic[P]):
    """A figure of any history as a method: it draws the history of the experiment."""

    def __init__(self, draw: Callable[Concatenate[History, P], "Figure"]) -> None:
        self._draw = draw

    def __get__(self, plots: "Plots | None", owner: type) -> Callable[P, "Figure"]:
        if plots is None:
            return self._draw  # type: ignore[return-value]  # what `help` and the documentation look at
        bound: Any = update_wrapper(partial(self._draw, plots._journal.history), self._draw)
        del bound.__wrapped__  # so that its signature is that of what remains to be given
        return bound  # type: ignore[no-any-return]


class Plots:
    """The figures of an experiment, `exp.plot`; each takes the arguments of the function of its name.

    >>> import lanista as la
    >>> exp = la.Experiment("drawn", {"x": la.Float(0, 1)}, metric="loss", store="memory")
    >>> exp.add({"x": 0.5}, 0.25).plot.history().data[-1].y.tolist()
    [0.25, 0.25]
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    history = _Of(_progress.history)
    trials = _Of(_progress.trials)
    curves = _Of(_curves.curves)
    rungs = _Of(_curves.rungs)
    parallel = _Of(_parallel.parallel)
    slice = _Of(_slice.slice)
    contour = _Of(_contour.contour)
    importance = _Of(_importance.importance)
    edf = _Of(_spread.edf)
    pareto = _Of(_fronts.pareto)
    hypervolume = _Of(_fronts.hypervolume)
    lineage = _Of(_lineage.lineage)
    architecture = _Of(_architecture.architecture)

    def timeline(self, *, last: int = 1_000, theme: Theme = "light") -> "Figure":
        """Which worker ran which trial; see `lanista.plot.timeline`."""
        store, experiment = self._journal.store, self._journal.info.id
        upto = self._journal.history.seq
        after = max(0, upto - EVENTS_A_RUN * last) if isinstance(last, int) else 0
        events = store.read(experiment, after, upto)
        return _timeline.timeline(self._journal.history, events, last=last, theme=theme)

    def compare(
        self, *others: Named, metric: str | None = None, over: Over = "trials", theme: Theme = "light"
    ) -> "Figure":
        """The best so far of this experiment and of others; see `lanista.plot.compare`."""
        mine = self._journal.info.name
        histories = {mine: self._journal.history}
        for other in others:
            label = other.name if other.name not in histories else f"{other.name} ({len(histories) + 1})"
            histories[label] = other.history
        return _spread.compare(histories, metric, over=over, theme=theme)

    def __repr__(self) -> str:
        return f"<figures of {self._journal.info.name!r}: {', '.join(FIGURES)}>"


FIGURES = tuple(name for name in vars(Plots) if not name.startswith("_"))
"""The names of all figures."""
