"""Schedulers of other projects on the same curves: Syne Tune's and Optuna's.

Conditional parameters are always searched; what does not apply is left out before a curve is looked up.
"""

import json
import subprocess
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from benchmarks.schedule import clock
from benchmarks.schedule.clock import Answer
from benchmarks.schedule.problems import Problem
from benchmarks.schedule.syne_server import SCHEDULERS
from benchmarks.search.optimizers.base import active, leaves
from benchmarks.search.problems.base import ROOT
from benchmarks.search.runner import python_of
from lanista.space import Choice, Float, Int, Space

PRUNERS = ("hyperband", "sha")
PEERS = (*(f"syne:{name}" for name in SCHEDULERS), *(f"optuna:{name}" for name in PRUNERS))
DEFAULT = PEERS[: len(SCHEDULERS)]


def flat(space: Space) -> list[dict[str, Any]]:
    """The parameters of a space as plain data; options are told by their place."""
    found: list[dict[str, Any]] = []
    for leaf in leaves(space):
        domain = leaf.domain
        if isinstance(domain, Choice):
            found.append({"name": leaf.name, "kind": "choice", "options": list(range(len(domain.options)))})
        elif isinstance(domain, Float | Int):
            kind = "int" if isinstance(domain, Int) else "float"
            found.append({"name": leaf.name, "kind": kind, "low": domain.low, "high": domain.high, "log": domain.log})
        else:
            raise SystemExit(f"{type(domain).__name__} cannot be told to a peer")
    return found


def params_of(space: Space, given: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that lies in a peer's values."""
    domains = {leaf.name: leaf.domain for leaf in leaves(space)}
    named = {n: d.options[int(given[n])] if isinstance(d := domains[n], Choice) else given[n] for n in domains}
    return active(space, named)


class Syne:
    """A scheduler of Syne Tune, in a process of its own environment."""

    def __init__(self, scheduler: str, space: Space, steps: int, seed: int) -> None:
        self._space = space
        self._process = subprocess.Popen(
            [str(python_of("syne")), "-m", "benchmarks.schedule.syne_server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._ask("begin", scheduler, flat(space), steps, seed)

    def _ask(self, *question: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"Syne Tune ended at {question!r:.200}; run it by hand to see why")
        return json.loads(line)

    def suggest(self) -> tuple[int, Mapping[str, Any] | None] | None:
        """A new trial, or one that goes on."""
        found = self._ask("suggest")
        if found is None:
            return None
        number, given = found
        return number, None if given is None else params_of(self._space, given)

    def report(self, trial: int, step: int, value: float) -> Answer:
        """What becomes of a trial after a step."""
        answer: Answer = self._ask("report", trial, step, value)
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()


class Optuna:
    """A pruner of Optuna with its default sampler."""

    def __init__(self, pruner: str, space: Space, steps: int, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        made = {
            "hyperband": lambda: optuna.pruners.HyperbandPruner(1, steps, 3),
            "sha": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        }[pruner]()
        sampler = optuna.samplers.TPESampler(seed=seed)
        self._state = optuna.trial.TrialState
        self._study = optuna.create_study(sampler=sampler, pruner=made)
        self._space, self._flat, self._steps = space, flat(space), steps
        self._trials: dict[int, Any] = {}

    def suggest(self) -> tuple[int, Mapping[str, Any]]:
        """A new trial: Optuna resumes none."""
        trial = self._study.ask()
        given: dict[str, Any] = {}
        for entry in self._flat:
            name = entry["name"]
            if entry["kind"] == "choice":
                given[name] = trial.suggest_categorical(name, entry["options"])
            else:
                suggest = trial.suggest_int if entry["kind"] == "int" else trial.suggest_float
                given[name] = suggest(name, entry["low"], entry["high"], log=entry["log"])
        self._trials[trial.number] = trial
        return trial.number, params_of(self._space, given)

    def report(self, trial: int, step: int, value: float) -> Answer:
        """Whether the pruner lets a trial go on."""
        held = self._trials[trial]
        held.report(value, step)
        if step >= self._steps:
            self._study.tell(held, value)
        elif not held.should_prune():
            return "go"
        else:
            self._study.tell(held, state=self._state.PRUNED)
        del self._trials[trial]
        return "stop"

    def close(self) -> None:
        """Nothing is to be ended."""


def run(
    label: str, problem: Problem, workers: int, seed: int, *, target: float, horizon: float, timeout: float
) -> dict[str, Any]:
    """A run of `syne:NAME` or `optuna:NAME` until the target, the virtual horizon or the real timeout."""
    project, _, name = label.partition(":")
    made: type[Syne] | type[Optuna] = Syne if project == "syne" else Optuna
    with closing(made(name, problem.space, problem.steps, seed)) as agent:
        return clock.drive(agent, problem, workers, target=target, horizon=horizon, timeout=timeout)
