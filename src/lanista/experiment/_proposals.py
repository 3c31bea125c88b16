"""What searchers say, held against the space before anything is journalled."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lanista.errors import ExperimentError, LanistaError, SpaceError
from lanista.journal import Ended, Event, History, Params
from lanista.schedule import Combined, ResourceChanging, Scheduler
from lanista.search import Child, Searcher

_MEND = "ask(history, count, rng) has to return a list of at most `count` configurations"


def proposed(searcher: Searcher, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
    """What the searcher proposes. Our own propose what is valid; what others propose is checked, and put in order.

    Raises:
        ExperimentError: a searcher that is not ours raises an exception, or returns what is no list of configurations
            of the space, or too many.
    """
    if _ours(searcher):
        return searcher.ask(history, count, rng)
    name, first = type(searcher).__name__, len(history)
    with _blamed(f"the searcher {name} was asked for trial {first}", _MEND):
        found: Any = searcher.ask(history, count, rng)
    if not isinstance(found, list | tuple) or not all(isinstance(params, dict) for params in found):
        raise ExperimentError(f"the searcher {name} returned {_short(found)} for trial {first}; {_MEND}, each a dict")
    if len(found) > count:
        raise ExperimentError(f"the searcher {name} returned {len(found)} configurations, asked for {count}; {_MEND}")
    if history.created is not None and history.created.define:
        return list(found)  # what a space yet to be discovered does not take is drawn anew
    checked = []
    for number, params in enumerate(found, first):
        try:
            own = history.space.check(params)
            checked.append(Child(own, params.made_from) if isinstance(params, Child) else own)
        except SpaceError as error:
            raise ExperimentError(
                f"the searcher {name} proposed {_short(params)} for trial {number}: {error}; "
                "what ask returns has to be of history.space, as what history.space.decode(points) makes is"
            ) from error
    return checked


def speaker(searcher: Searcher, scheduler: Scheduler) -> Searcher | Scheduler:
    """Who proposes, and so may explain itself: the searcher, unless the scheduler does it in its place."""
    match scheduler:
        case Combined(main=inner) | ResourceChanging(scheduler=inner):
            return speaker(searcher, inner)
    return scheduler if type(scheduler).__module__.startswith("lanista.joint.") else searcher


def explained(history: History, searcher: Any) -> str:
    """What the searcher says of itself, in one line; "" where it says nothing, or has no space to speak of yet.

    Raises:
        ExperimentError: a searcher that is not ours raises an exception.
    """
    explain = getattr(searcher, "explain", None)
    if not callable(explain) or not history.space.width:
        return ""
    if _ours(searcher):
        return str(explain(history))
    what = f"the searcher {type(searcher).__name__} was asked to explain itself"
    with _blamed(what, "explain(history) has to return a line of text, or leave the method out"):
        return str(explain(history))


def once_known(explain: Callable[[], bool]) -> Callable[[Event], None]:
    """Explains once when a trial ends, by when a space that trials discover is known; later if it had nothing to say.

    >>> hear = once_known(lambda: not print("auto: GP()"))
    >>> hear(Ended(0.0, 0, 1, "completed")), hear(Ended(0.0, 1, 1, "completed"))
    auto: GP()
    (None, None)
    """
    left = [explain]

    def hear(event: Event) -> None:
        if left and isinstance(event, Ended) and left[0]():
            left.clear()

    return hear


def _ours(searcher: Any) -> bool:
    return type(searcher).__module__.startswith(("lanista.search.", "lanista.joint."))


@contextmanager
def _blamed(what: str, mend: str) -> Iterator[None]:
    """Says of an exception whose it is; those of ours say so themselves."""
    try:
        yield
    except LanistaError:
        raise
    except Exception as error:
        raise ExperimentError(f"{what} and raised {type(error).__name__}: {error}; {mend}") from error


def _short(value: Any, most: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."
