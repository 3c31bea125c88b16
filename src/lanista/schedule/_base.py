"""What a scheduler is: a function from the history and an event to actions."""

from typing import Literal, Protocol, runtime_checkable

from lanista._described import Described as Described  # the base of ours
from lanista._frozen import Frozen
from lanista.journal import History, Params


class Slots(Frozen):
    """`free` workers have nothing to do."""

    free: int


class Report(Frozen):
    """A running trial reported; it is in the history already. `metrics` are in the user's own sign."""

    trial: int
    step: int
    metrics: dict[str, float]


class Yielded(Frozen):
    """A trial spent its budget and is paused at `step`; `checkpoint` is the step of its latest one, or None."""

    trial: int
    step: int
    checkpoint: int | None


class Ended(Frozen):
    """A trial is over; `outcome` is its final state."""

    trial: int
    outcome: str


Event = Slots | Report | Yielded | Ended


class Start(Frozen):
    """Start a new trial, until step `budget`, or until it has run for `seconds`.

    `params` None: the searcher proposes them. `parent`: it goes on from the checkpoint of that (trial, step).
    `resources` as in `Resume`.
    """

    budget: int | None = None
    parent: tuple[int, int] | None = None
    params: Params | None = None
    resources: dict[str, float] | None = None
    seconds: float | None = None


class Resume(Frozen):
    """Let a paused trial go on from its checkpoint, until step `budget`, or until it has run for `seconds` more.

    `resources`, say {"cpus": 2}, is what it gets for that time; None: what every trial gets.
    """

    trial: int
    budget: int | None = None
    resources: dict[str, float] | None = None
    seconds: float | None = None


class Extend(Frozen):
    """Let a running trial go on until step `budget`."""

    trial: int
    budget: int | None = None


class Yield(Frozen):
    """Ask a running trial to pause at its next report."""

    trial: int


class Stop(Frozen):
    """End a running or paused trial for a reason.

    It ends as `stopped` or, when it has had all the steps there are, as `completed`.
    """

    trial: int
    reason: str
    state: Literal["stopped", "completed"] = "stopped"


class Finish(Frozen):
    """End the experiment once what runs has ended."""

    reason: str


Action = Start | Resume | Extend | Yield | Stop | Finish


@runtime_checkable
class Scheduler(Protocol):
    """Decides what runs and how long. A class with `on` is enough.

    The life of a scheduler: its constructor stores its arguments; `on` is called with each event, after the history has
    folded it, and returns what to do. On `Slots` it may return starts and resumes in order of preference, of which
    `free` are taken: one that is refused, as a start beyond the limit of trials, makes room for the next. Returning
    none leaves the workers idle until the next event.
    It must be a pure function of history and event; what it caches it must be able to rebuild from the history.
    One that ends trials and leaves all else to others has an attribute `rule` that is True; see `Combined`.
    One that reads a metric by its name has an attribute `metric`: the run ends with an error if no trial reports it.
    Events of trials that other processes run are seen in the history only (`history.log`).
    """

    def on(self, history: History, event: Event) -> list[Action]:
        """Answers an event with actions over any trials."""
        ...
