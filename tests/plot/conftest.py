"""Histories in which everything happens, and what figures show of them."""

import base64
from typing import Any

import numpy as np
import pytest

import lanista as la
from lanista.testing import Story

SPACE = la.Space(
    {
        "lr": la.Float(1e-5, 1e-1, log=True),
        "layers": la.Int(1, 4),
        "opt": la.Choice({"sgd": {"momentum": la.Float(0, 0.99)}, "adam": {}}),
    }
)


def array(values: Any) -> np.ndarray[Any, Any]:
    """The numbers of a trace, however plotly keeps them."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]))
    return np.asarray(values)


def note(figure: Any) -> str:
    return str(figure.layout.title.subtitle.text or "")


def message(figure: Any) -> str:
    """What a figure without data says."""
    assert not figure.data
    return str(figure.layout.annotations[0].text)


def named(figure: Any, name: str) -> Any:
    """The trace of a name."""
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


@pytest.fixture
def busy() -> Story:
    """Forty trials of a metric to be maximised: they complete, stop at rungs, fail, are infeasible, or run still."""
    story = Story(SPACE, metrics={"accuracy": "max"})
    rng = np.random.default_rng(3)
    for number, params in enumerate(SPACE.sample(rng, 40)):
        story.start(params)
        fate = number % 8
        last = {0: 1, 1: 3, 2: 3}.get(fate, 9)
        if fate == 6:
            story.end(number, "failed")
            continue
        if fate == 7:
            story.end(number, "infeasible")
            continue
        for step in range(1, last + 1):
            story.report(number, step, float(step / 10 + rng.random() / 10))
        if fate == 5:
            continue
        story.end(number, "stopped" if last < 9 else "completed")
    return story


@pytest.fixture
def experiment() -> la.Experiment:
    """A finished experiment in memory with a failed trial."""

    def train(trial: la.Trial) -> float:
        if trial.number == 3:
            raise ValueError("it <b>broke</b>")
        return float(trial["lr"] * trial["layers"])

    made = la.Experiment("digits", SPACE, metric="accuracy", mode="max", searcher="random", store="memory", seed=0)
    return made.run(train, trials=12, progress=False)
