"""A scheduler of Syne Tune in its own interpreter: a question a line comes in, an answer a line goes out.

It imports neither Lanista nor the problems; `peers.Syne` starts it.
"""

import json
import logging
import os
import random
import sys
from datetime import datetime
from typing import Any

SCHEDULERS = ("ASHA", "BOHB", "DEHB", "PASHA")


def space_of(given: list[dict[str, Any]]) -> dict[str, Any]:
    """Syne Tune's space from a flat list of parameters."""
    from syne_tune import config_space as cs

    found: dict[str, Any] = {}
    for entry in given:
        if entry["kind"] == "choice":
            found[entry["name"]] = cs.choice(entry["options"])
        else:
            made = {
                ("float", False): cs.uniform,
                ("float", True): cs.loguniform,
                ("int", False): cs.randint,
                ("int", True): cs.lograndint,
            }[entry["kind"], entry["log"]]
            found[entry["name"]] = made(entry["low"], entry["high"])
    return found


class Served:
    """A scheduler, and the trials that it began."""

    def __init__(self, scheduler: str, space: list[dict[str, Any]], steps: int, seed: int) -> None:
        from syne_tune.optimizer import baselines

        arguments = {
            ("max_resource_level" if scheduler == "DEHB" else "max_t"): steps,
            "mode": "min",
            "random_seed": seed,
            "search_options": {"debug_log": False},
        }
        self.scheduler = getattr(baselines, scheduler)(space_of(space), "loss", resource_attr="step", **arguments)
        self.steps = steps
        self.trials: dict[int, Any] = {}

    def suggest(self) -> Any:
        """[number, params] of a new trial, [number, None] of one that goes on, or None."""
        from syne_tune.backend.trial_status import Trial

        number = len(self.trials)
        found = self.scheduler.suggest(number)
        if found is None:
            return None
        if not found.spawn_new_trial_id:
            return [found.checkpoint_trial_id, None]
        self.trials[number] = Trial(number, found.config, datetime.now())
        self.scheduler.on_trial_add(self.trials[number])
        return [number, found.config]

    def report(self, number: int, step: int, value: float) -> str:
        """What becomes of a trial after a step."""
        trial, result = self.trials[number], {"loss": value, "step": step}
        decision = self.scheduler.on_trial_result(trial, result)
        if decision == "CONTINUE" and step < self.steps:
            return "go"
        if step >= self.steps:
            self.scheduler.on_trial_complete(trial, result)
        else:
            self.scheduler.on_trial_remove(trial)
        return "pause" if decision == "PAUSE" else "stop"


def main() -> None:
    """Serves until the input ends; whatever Syne Tune prints goes to the error stream."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    served = None
    for line in sys.stdin:
        kind, *rest = json.loads(line)
        if kind == "begin":
            random.seed(rest[-1])
            served, answer = Served(*rest), None
        else:
            assert served is not None
            answer = served.suggest() if kind == "suggest" else served.report(*rest)
        out.write(json.dumps(answer, default=lambda value: value.item()) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
