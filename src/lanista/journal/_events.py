"""The events of an experiment: everything that happens to it, as frozen values that turn to JSON and back.

`time` is wall-clock seconds since the epoch and serves display only; order is the journal's.
`attempt` counts a trial's starts. Facts of an earlier attempt, sent by a controller that was presumed
dead, carry a stale attempt and are ignored by the fold.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, field
from functools import cache
from typing import Any

from lanista._frozen import Frozen, defaults, thawed
from lanista.errors import UsageError
from lanista.journal._unread import Unread

Params = dict[str, Any]
Metrics = Mapping[str, float]


class Created(Frozen):
    """The experiment exists: its space as JSON, its metrics with their directions, its seed.

    `define`: the space starts empty and is discovered by `suggest_*`. `constraints`: bounds by metric, such as
    ["<=", 10.0]. `checkpoints`: the folder or URL where checkpoints are to live; empty: the experiment's own folder.
    """

    time: float
    name: str
    space: dict[str, Any]
    metrics: dict[str, str]
    seed: int
    searcher: str = ""
    scheduler: str = ""
    version: str = ""
    define: bool = False
    constraints: dict[str, list[Any]] = field(default_factory=dict)
    checkpoints: str = ""


class Joined(Frozen):
    """A controller began to run the experiment; `resizable`: the number of its workers can be changed on the way.

    `plan` names what it runs and how, so that others can help: objective, executor, searcher, scheduler and cohort.
    `helps`: it came to help the run of another, by that one's plan, and its limits are its own affair.
    """

    time: float
    owner: str
    host: str
    pid: int
    workers: int = 1
    limits: dict[str, Any] = field(default_factory=dict)
    resizable: bool = True
    plan: dict[str, Any] = field(default_factory=dict)
    helps: bool = False


class Left(Frozen):
    """A controller ended its run and says why."""

    time: float
    owner: str
    reason: str


class Asked(Unread, Frozen):
    """A trial exists and waits, or is started by `owner` at once. `origin`: searcher, enqueued, clone or imported.

    `params` is empty and `proposal` holds values to be taken up by `suggest_*` when the space is discovered by running.
    `parent` is the (trial, step) whose checkpoint a clone starts from, `made_from` the trial whose configuration the
    searcher changed; nothing is copied from that one. With an owner the rest is as in `Started`.
    """

    time: float
    number: int
    params: Params
    origin: str = "searcher"
    parent: tuple[int, int] | None = None
    proposal: Params = field(default_factory=dict)
    owner: str | None = None
    budget: int | None = None
    seconds: float | None = None
    resources: dict[str, float] | None = None
    made_from: int | None = None


class Started(Frozen):
    """A controller leased the trial and runs it.

    `budget` is the step, counted from the first, and `seconds` the time of this attempt, at which it yields;
    `resources` what it was given beyond, or instead of, what every trial gets.
    """

    time: float
    number: int
    attempt: int
    owner: str
    budget: int | None = None
    seconds: float | None = None
    resources: dict[str, float] | None = None


class Suggested(Frozen):
    """Running code settled a parameter by `suggest_*`; `domain` is empty for a constant."""

    time: float
    number: int
    attempt: int
    name: str
    domain: dict[str, Any]
    value: Any


class Reported(Frozen):
    """Metrics after a step (1 is the first). `checkpoint` names the file that holds the state of this very step."""

    time: float
    number: int
    attempt: int
    step: int
    metrics: dict[str, float]
    checkpoint: str | None = None


class Checkpointed(Frozen):
    """A checkpoint was written apart from a report."""

    time: float
    number: int
    attempt: int
    step: int
    path: str


class Yielded(Frozen):
    """The trial spent its budget, or was asked to yield, and is paused at `step`."""

    time: float
    number: int
    attempt: int
    step: int


class Released(Frozen):
    """The trial stopped running without having ended and waits again.

    With `error` the attempt failed and spent one of its retries; without, its controller or worker was lost or
    interrupted.
    """

    time: float
    number: int
    attempt: int
    reason: str
    error: str | None = None


class Ended(Frozen):
    """The trial is over: `state` is completed, stopped, failed, infeasible or cancelled; `metrics` what it returned."""

    time: float
    number: int
    attempt: int
    state: str
    metrics: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    error: str | None = None


class Decided(Frozen):
    """A scheduler's decision on a trial that runs: stop, complete, yield or extend."""

    time: float
    number: int | None
    action: str
    reason: str = ""
    budget: int | None = None


class Commanded(Frozen):
    """A person's word to the controllers: stop, pause, resume, kill, set."""

    time: float
    command: str
    number: int | None = None
    values: dict[str, Any] = field(default_factory=dict)


class Noted(Frozen):
    """A remark on the experiment or a trial: tags, user attributes, log lines."""

    time: float
    number: int | None
    values: dict[str, Any]


class Learned(Frozen):
    """Trials of an earlier experiment, for searchers to learn from: configurations and their objectives."""

    time: float
    source: str
    params: list[Params]
    values: list[list[float]]


def noted(time: float, number: int | None, values: dict[str, Any]) -> Noted:
    """A remark, with values as the journal gives them back.

    Raises:
        UsageError: JSON cannot hold it.
    """
    try:
        return Noted(time, number, json.loads(json.dumps(values)))
    except (TypeError, ValueError) as error:
        raise UsageError(f"note({values!r:.200}): {error}; give numbers, text, lists and dicts") from error


Event = (
    Created
    | Joined
    | Left
    | Asked
    | Started
    | Suggested
    | Reported
    | Checkpointed
    | Yielded
    | Released
    | Ended
    | Decided
    | Commanded
    | Noted
    | Learned
)

FREQUENT = (Reported, Checkpointed, Suggested)
"""What most of a journal consists of."""

KINDS: dict[str, type[Any]] = {cls.__name__.lower(): cls for cls in Event.__args__}
_NAMES = {cls: name for name, cls in KINDS.items()}
_encode = json.JSONEncoder(separators=(",", ":")).encode  # escapes: a lone surrogate in a path has no UTF-8


def _defaults(cls: type[Any]) -> tuple[tuple[str, Any], ...]:
    """The fields that go into the body, each with the default that need not be written."""
    given = defaults(cls)
    out = [(name, given.get(name, MISSING)) for name in cls.__match_args__ if name not in ("time", "number")]
    return tuple(sorted(out, key=lambda item: item[0] == "params"))  # last, so that it can be left unread


_BODY = {cls: _defaults(cls) for cls in _NAMES}
_PARSED_AT_ONCE = 512
"""How many bodies are parsed in one go: several times faster than each alone, and no slower than all in one."""

_PARAMS = '"params":'
"""Where the configuration begins in a body, as params are written last."""

Row = tuple[float, str, int | None, str]
"""(time, kind, trial, body): an event as a store keeps it."""


def to_row(event: Event) -> Row:
    """Turns an event into the columns that a store keeps.

    Raises:
        UsageError: it holds a value that JSON cannot hold.
    """
    cls = type(event)
    body = {name: value for name, default in _BODY[cls] if (value := getattr(event, name)) != default}
    number = getattr(event, "number", None)
    try:
        return event.time, _NAMES[cls], number, _encode(body)
    except (TypeError, ValueError) as error:
        of = "" if number is None else f" of trial {number}"
        raise UsageError(
            f"the event {_NAMES[cls]!r}{of} cannot be journalled: {error}; "
            "give numbers, strings, booleans, None, lists and dicts of them"
        ) from error


def from_rows(rows: Sequence[Row]) -> list[Event]:
    """Turns stored rows back into events."""
    events: list[Any] = []
    kinds = _thawed()
    heads: dict[str, dict[str, Any]] = {}
    for first in range(0, len(rows), _PARSED_AT_ONCE):
        part = rows[first : first + _PARSED_AT_ONCE]
        bodies = iter(json.loads("[" + ",".join([body for _, kind, _, body in part if kind != "asked"]) + "]"))
        for time, kind, number, text in part:
            cls, twin, numbered = kinds[kind]
            if kind == "asked":
                event = _asked(twin, time, number, text, heads)
            else:
                body = next(bodies)
                if numbered:
                    body["number"] = number
                event = twin(time, **body)
            event.__class__ = cls
            events.append(event)
    return events


def _asked(twin: Any, time: float, number: int | None, text: str, heads: dict[str, dict[str, Any]]) -> Any:
    """An `Asked` whose configuration is left unread; what stands before it is the same for most, and parsed once."""
    at = text.index(_PARAMS)
    head = text[:at]
    fields = heads.get(head)
    if fields is None:
        if head.count("{") > 1:  # the word may stand in what is nested there, too
            body = json.loads(text)
            return twin(time, number, **{**body, "parent": _pair(body.get("parent"))})
        fields = json.loads(head.removesuffix(",") + "}")
        fields["parent"] = _pair(fields.get("parent"))
        if len(heads) < _PARSED_AT_ONCE:
            heads[head] = fields
    event = twin(time, number, None, **fields)
    del event.params
    event.text = text[at + len(_PARAMS) : -1]
    return event


def _pair(value: list[int] | None) -> tuple[int, ...] | None:
    return None if value is None else tuple(value)


@cache
def _thawed() -> dict[str, tuple[type[Any], type[Any], bool]]:
    """Of each kind: its class, a twin that is not frozen, and whether it has a number.

    When an experiment is opened hundreds of thousands of events are made, which is quicker as twins that are turned,
    by their class, into the real ones.
    """
    return {kind: (cls, thawed(cls), "number" in cls.__match_args__) for kind, cls in KINDS.items()}
