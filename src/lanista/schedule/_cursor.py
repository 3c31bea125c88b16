"""How a scheduler reads each report once, whichever history it is shown."""

from collections.abc import Iterator
from math import inf, isnan

from lanista.journal import History

Row = tuple[int, int, float]
"""(trial, step, value): value is the first objective, minimised; inf where it is missing, NaN or infinite."""


class Cursor:
    """A place in a history's log of reports, for caches that grow with the log.

    >>> from lanista.journal import Asked, Created, Reported, Started
    >>> history = History()
    >>> history.extend([Created(0.0, "cursor", {"parameters": {}}, {"loss": "min"}, 0)])
    >>> history.extend([Asked(0.0, 0, {}), Started(0.0, 0, 1, "me")])
    >>> history.extend([Reported(0.0, 0, 1, 1, {"loss": 0.5}), Reported(0.0, 0, 1, 2, {"loss": float("nan")})])
    >>> cursor = Cursor()
    >>> cursor.restart(history), list(cursor.rows())
    (True, [(0, 1, 0.5), (0, 2, inf)])
    >>> cursor.restart(history), list(cursor.rows())
    (False, [])
    """

    def __init__(self) -> None:
        self._history: History | None = None
        self._row = 0

    def restart(self, history: History) -> bool:
        """Turns to `history`; True when it is another one than before, so that what was cached must be dropped."""
        if history is self._history:
            return False
        self._history, self._row = history, 0
        return True

    def rows(self) -> Iterator[Row]:
        """The reports since the last call, in order."""
        assert self._history is not None
        rows = self._history.log_since(self._row)
        self._row += len(rows)
        return ((trial, step, inf if isnan(value) else value) for trial, step, value in rows)
