"""What a searcher is: a function from the history to configurations."""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from lanista.journal import History, Params


@runtime_checkable
class Searcher(Protocol):
    """Proposes configurations. A class with `ask` is enough.

    The life of a searcher: its constructor stores its arguments and nothing else; `ask` is called whenever trials are
    wanted, with all that is known. It must be a pure function of its arguments: what it caches it must be able to
    rebuild from the history, so that a resumed experiment goes on as if nothing had happened.
    """

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes up to `count` configurations of `history.space`; fewer: it is exhausted.

        One that was made from a trial's may say so by being a `Child`.

        Args:
            history: trials so far; `history.X` (n, d) in the unit cube, `history.Y` (n, m) minimised with NaN where
                unknown, `history.state` (n,). Waiting, running and paused trials are pending. `history.proposed` counts
                earlier proposals.
            count: how many are wanted, at least 1.
            rng: derived from the experiment's seed and the number of trials so far.
        """
        ...


class Child(dict[str, Any]):
    """A configuration that a searcher made by changing a trial's, whose number goes into the journal with it.

    Args:
        params: the configuration.
        made_from: the trial.

    >>> child = Child({"x": 1}, made_from=7)
    >>> child, child.made_from
    ({'x': 1}, 7)
    """

    def __init__(self, params: Params, made_from: int) -> None:
        super().__init__(params)
        self.made_from = made_from
