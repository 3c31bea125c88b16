"""Figures as Plotly's JSON: those of `lanista.plot`, drawn once for each state of the journal."""

import inspect
from typing import Any

from lanista.errors import UsageError
from lanista.plot import FIGURES, Plots
from lanista.web._errors import Refused
from lanista.web._shelf import Book, Shelf


def figure(book: Book, name: str, **options: Any) -> bytes:
    """A figure of an experiment; an option that it does not take is left out, as it is for all figures of a page.

    Raises:
        Refused: there is no such figure.
        UsageError: a wrong metric or parameter. MissingExtraError: it needs a package that is not there.
    """
    if name not in FIGURES or name == "compare":
        there = ", ".join(one for one in FIGURES if one != "compare")
        raise Refused(404, UsageError.code, f"there is no figure {name!r}; there are {there}")
    taken = inspect.signature(getattr(Plots(book.journal), name)).parameters
    given = {key: value for key, value in options.items() if value is not None and key in taken}
    key = (name, *((k, tuple(v) if isinstance(v, list) else v) for k, v in sorted(given.items())))
    return book.keep(key, lambda journal: getattr(Plots(journal), name)(**given).to_json().encode())  # type: ignore[no-any-return]


def compare(shelf: Shelf, names: list[str], **options: Any) -> bytes:
    """The best so far of several experiments.

    Raises:
        Refused: one of them is not there.
    """
    from lanista.plot import compare as draw

    given = {key: value for key, value in options.items() if value is not None}
    histories = {name: shelf.get(name).standing().history for name in names}
    return draw(histories, given.pop("metric", None), **given).to_json().encode()  # type: ignore[no-any-return]


def importance(book: Book, metric: str | None) -> dict[str, float]:
    """How much each parameter matters.

    Raises:
        UsageError: there are too few trials to tell, or there is no such metric.
    """
    from lanista.search import importance as shares

    return book.keep(("shares", metric), lambda journal: shares(journal.history, metric=metric))  # type: ignore[no-any-return]
