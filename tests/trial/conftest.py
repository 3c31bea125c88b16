"""Runs objectives without an experiment: a link that records, and decides as a test says."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lanista.journal import Ended, Event, Reported
from lanista.trial import Decision, Job, as_objective

Decide = Callable[[Reported], Decision]


class Recorder:
    """A link that keeps what is sent."""

    def __init__(self, decide: Decide | None = None) -> None:
        self.events: list[Event] = []
        self._decide = decide

    def send(self, event: Event) -> None:
        self.events.append(event)

    def report(self, event: Reported) -> Decision:
        self.events.append(event)
        return self._decide(event) if self._decide else Decision()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def end(self) -> Ended:
        """The trial's last event, which must be an Ended."""
        last = self.events[-1]
        assert isinstance(last, Ended)
        return last


Runner = Callable[..., Recorder]


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """Runs one trial of an objective: `run(objective, params, decide=..., **fields of the job)`."""

    def run_one(
        objective: Any, params: dict[str, Any] | None = None, *, decide: Decide | None = None, **job: Any
    ) -> Recorder:
        link = Recorder(decide)
        settings: dict[str, Any] = {"number": 7, "attempt": 1, "seed": 11, "metrics": ("accuracy",)}
        settings |= {"directory": str(tmp_path / "exp" / "trials" / "7"), "params": params or {}, **job}
        as_objective(objective).run([Job(**settings)], link, {"cpus": 1})
        return link

    return run_one


@pytest.fixture
def run_cohort(tmp_path: Path) -> Runner:
    """Runs a cohort of an objective: `run_cohort(objective, [params, ...])`."""

    def run_all(objective: Any, params: Sequence[dict[str, Any]], *, decide: Decide | None = None) -> Recorder:
        link = Recorder(decide)
        jobs = [
            Job(number=i, params=each, attempt=1, seed=i, directory=str(tmp_path / str(i)), metrics=("accuracy",))
            for i, each in enumerate(params)
        ]
        as_objective(objective, cohort=True).run(jobs, link)
        return link

    return run_all


def stop_at(step: int) -> Decide:
    """Stops a trial at a step."""
    return lambda event: Decision("stop", "enough") if event.step >= step else Decision()


@pytest.fixture(name="stop_at")
def stop_at_fixture() -> Callable[[int], Decide]:
    return stop_at
