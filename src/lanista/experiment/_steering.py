"""Words to whoever runs an experiment, from the command line and the dashboard alike; each says what it did."""

import time
from collections.abc import Mapping
from typing import Any

from lanista.errors import ExperimentError, UsageError
from lanista.experiment._arguments import TIMES, seconds
from lanista.experiment._experiment import Experiment
from lanista.journal import Params, noted


def runners(experiment: Experiment) -> str:
    """Who runs the experiment, in words; "" for nobody."""
    alive = [owner for owner in experiment.status.owners if owner.alive]
    return ", ".join(f"pid {owner.pid} on {owner.host.partition('/')[0]}" for owner in alive)


def stop(experiment: Experiment, *, now: bool = False) -> str:
    """Ends the runs, at once or once their running trials have ended."""
    told = runners(experiment)
    if not told:
        return f"nobody runs {experiment.name!r}; there is nothing to stop"
    experiment.stop(now=now)
    return f"told {told} to stop {'now' if now else 'once running trials have ended'}"


def pause(experiment: Experiment) -> str:
    """Has no further trials started."""
    experiment.pause()
    return f"{experiment.name!r} starts no further trials; go on with: lanista resume {experiment.name}"


def resume(experiment: Experiment) -> str:
    """Undoes `pause`."""
    paused = experiment.history.paused
    experiment.resume()
    return f"{experiment.name!r} starts trials again" if paused else f"{experiment.name!r} was not paused"


def kill(experiment: Experiment, number: int) -> str:
    """Ends one trial."""
    experiment.kill(number)
    return f"trial {number} of {experiment.name!r} is told to end"


def retry(experiment: Experiment, number: int) -> tuple[str, int]:
    """Enqueues the configuration of a trial that is over again, and says as which trial.

    Raises:
        ExperimentError: the trial is not over.
    """
    record = experiment.history.trial(number)
    if record.ended is None:
        raise ExperimentError(f"trial {number} is {record.state}; a trial is run again once it has ended")
    again = enqueue(experiment, [record.params], again=True)[0]
    return f"trial {number} runs again as trial {again}", again


def enqueue(experiment: Experiment, many: list[Params], *, again: bool = False) -> list[int]:
    """Adds configurations to run next, and returns the numbers of the trials that are new."""
    return experiment._enqueue(many, again=again)


def set_limits(experiment: Experiment, values: Mapping[str, Any]) -> str:
    """Changes limits and workers of the runs that go on.

    Raises:
        UsageError: there is none, or one is wrong.
        ExperimentError: nobody runs it.
    """
    given = {name: limit(name, value) for name, value in values.items()}
    if not given:
        raise UsageError("no limit is given; name one to change, such as trials")
    told = runners(experiment)
    if not told:
        raise ExperimentError(f"nobody runs {experiment.name!r} now; limits belong to a run, give them to the next one")
    experiment.set(**given)
    return f"told {told}: " + " ".join(f"{name}={value}" for name, value in given.items())


def limit(name: str, value: Any) -> Any:
    """The value of a limit from words: lengths of time such as 1h, and none for no limit."""
    if isinstance(value, str) and value.lower() in ("none", "null"):
        return None
    return seconds(value) if name in TIMES and isinstance(value, str) else value


def note(experiment: Experiment, number: int | None, values: dict[str, Any]) -> str:
    """Writes remarks beside the experiment or one of its trials.

    Raises:
        UsageError: there is no such trial, or nothing to write.
    """
    if not values:
        raise UsageError("there is nothing to write: give note, tags or both")
    if number is not None:
        experiment.history.trial(number)
    experiment._journal.append([noted(time.time(), number, values)])
    return f"wrote {' and '.join(values)}"
