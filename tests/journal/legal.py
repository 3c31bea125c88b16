"""Legal sequences of events, drawn by hypothesis."""

import math
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from lanista.journal import (
    CANCELLED,
    COMPLETED,
    STATES,
    Asked,
    Checkpointed,
    Commanded,
    Created,
    Decided,
    Ended,
    Event,
    History,
    Joined,
    Learned,
    Left,
    Noted,
    Released,
    Reported,
    Started,
    Suggested,
    Yielded,
)
from lanista.space import Choice, Float, Int, Space

SPACE = Space({"lr": Float(1e-4, 1.0, log=True), "optimizer": Choice({"sgd": {"momentum": Float(0, 0.9)}, "adam": {}})})
FOUND = {"width": Int(1, 64), "depth": Int(1, 8)}

times = st.sampled_from([0.0, 1.5, 2.25, 1e9])
numbers = st.sampled_from([0.0, -0.0, 1.0, -2.5, 1e-300, 0.1, math.nan, math.inf, -math.inf])
texts = st.sampled_from(["", "plain", "ünïcödé 模型", "a 'quoted' \"name\"", "\x00", "\ud800", "%s ? {}"])
values = st.sampled_from([{}, {"a": 1}, {"a": None, "b": [1, 2.5, {"c": "模型"}]}, {"": math.inf}])
metrics = st.fixed_dictionaries({}, optional={"loss": numbers, "accuracy": numbers, "other": numbers})
params = st.sampled_from([{"lr": 0.1, "optimizer": "adam"}, {"lr": 1e-4, "optimizer": "sgd", "momentum": 0.5}])
METRICS = {"loss": "min", "accuracy": "max"}
created = st.sampled_from(
    [
        Created(0.5, "legal", SPACE.to_json(), METRICS, 1),
        Created(0.5, "legal", SPACE.to_json(), METRICS, 1, constraints={"other": ["<=", 0.5], "loss": [">=", -1.0]}),
        Created(0.5, "legal", Space({}).to_json(), METRICS, 1, define=True),
    ]
)
FACTS = [Reported, Reported, Reported, Checkpointed, Yielded, Released, Decided, Ended, Suggested]
Draw = Callable[[st.SearchStrategy[Any]], Any]


def following(draw: Draw, history: History) -> Event:
    """Draws an event that may follow; of a trial's earlier attempt too, as a controller presumed dead sends it."""
    time = draw(times)
    kinds = [_asked, _noted, _commanded, _owners]
    n = len(history)
    trial = draw(st.integers(0, n - 1)) if n else 0
    if n:
        kinds += [_fact] * 6 + [_started] * 3
    return draw(st.sampled_from(kinds))(draw, history, time, trial)


def _asked(draw: Draw, history: History, time: float, trial: int) -> Event:
    n = len(history)
    parent = (trial, draw(st.integers(0, 3))) if n and draw(st.booleans()) else None
    origin = draw(st.sampled_from(["searcher", "enqueued", "clone", "imported"]))
    assert history.created is not None
    return Asked(time, n, {} if history.created.define else draw(params), origin, parent, draw(values))


def _started(draw: Draw, history: History, time: float, trial: int) -> Event:
    startable = [*history.waiting, *history.paused_trials]
    if not startable:
        return _noted(draw, history, time, trial)
    trial = draw(st.sampled_from(startable))
    budget = draw(st.none() | st.integers(1, 9))
    return Started(time, trial, history.attempt(trial) + 1, draw(st.sampled_from("ab")), budget)


def _fact(draw: Draw, history: History, time: float, trial: int) -> Event:
    if (running := history.running) and draw(st.integers(0, 3)):
        trial = draw(st.sampled_from(running))
    attempt = max(0, history.attempt(trial) - (draw(st.integers(0, 3)) == 0))
    step = draw(st.integers(1, 9))
    kind = draw(
        st.sampled_from([Reported, Reported, Reported, Checkpointed, Yielded, Released, Decided, Ended, Suggested])
    )
    if kind is Reported:
        return Reported(time, trial, attempt, step, draw(metrics), draw(st.none() | texts))
    if kind is Checkpointed:
        return Checkpointed(time, trial, attempt, step, draw(texts))
    if kind is Yielded:
        return Yielded(time, trial, attempt, step)
    if kind is Released:
        return Released(time, trial, attempt, draw(texts), draw(st.none() | texts))
    if kind is Decided:
        return Decided(time, trial, draw(st.sampled_from(["stop", "yield", "extend"])), draw(texts), step)
    assert history.created is not None
    if kind is Suggested and history.created.define:
        name = draw(st.sampled_from(sorted(FOUND)))
        return Suggested(time, trial, attempt, name, FOUND[name].to_json(), 1 + step % 8)
    state = draw(st.sampled_from(STATES[COMPLETED : CANCELLED + 1]))
    return Ended(time, trial, attempt, state, draw(metrics), draw(texts), draw(st.none() | texts))


def _noted(draw: Draw, history: History, time: float, trial: int) -> Event:
    if draw(st.integers(0, 9)) == 0:
        return Learned(time, draw(texts), [draw(params)], [[draw(numbers), draw(numbers)]])
    return Noted(time, trial if len(history) and draw(st.booleans()) else None, draw(values))


def _commanded(draw: Draw, history: History, time: float, trial: int) -> Event:
    return Commanded(time, draw(st.sampled_from(["stop", "pause", "resume", "set"])), None, draw(values))


def _owners(draw: Draw, history: History, time: float, trial: int) -> Event:
    owner = draw(st.sampled_from("ab"))
    return draw(
        st.sampled_from(
            [
                Joined(time, owner, "host", 7, 2, {"trials": 9}, helps=draw(st.booleans())),
                Left(time, owner, "done"),
                Decided(time, None, "finish", "done"),
            ]
        )
    )
