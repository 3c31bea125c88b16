"""Commands that steer an experiment, also while it runs in another process: stop, pause, resume, kill, enqueue, set."""

import json
from typing import Any

from lanista.cli._base import Args, MakeCommand, add_name, opened, pairs
from lanista.errors import ExperimentError, UsageError
from lanista.experiment import Experiment
from lanista.experiment._arguments import TIMES, seconds


def add(command: MakeCommand) -> None:
    """Adds the commands."""
    stop = command("stop", "end the runs of an experiment once its running trials have ended")
    add_name(stop)
    stop.add_argument(
        "--now", action="store_true", help="do not wait: running trials are released, and go on at the next run"
    )
    stop.set_defaults(run=_stop)

    pause = command("pause", "start no further trials until resume")
    add_name(pause)
    pause.set_defaults(run=_pause)

    resume = command("resume", "undo pause")
    add_name(resume)
    resume.set_defaults(run=_resume)

    kill = command("kill", "end one trial now, as cancelled")
    add_name(kill)
    kill.add_argument("trial", metavar="TRIAL", type=int, help="the trial's number")
    kill.set_defaults(run=_kill)

    enqueue = command("enqueue", "add configurations to run before any that the searcher proposes")
    add_name(enqueue)
    enqueue.add_argument("values", metavar="NAME=VALUE", nargs="*", help="the configuration")
    enqueue.add_argument("--json", metavar="JSON", help="a configuration as a JSON object, or a list of them")
    enqueue.add_argument("--again", action="store_true", help="also if the same one was enqueued before")
    enqueue.set_defaults(run=_enqueue)

    set_ = command(
        "set", "change limits and workers of the runs that go on, such as trials=200 workers=4 time_limit=1h"
    )
    add_name(set_)
    set_.add_argument("values", metavar="NAME=VALUE", nargs="+", help="a limit, or workers; none lifts a limit")
    set_.set_defaults(run=_set)


def _runners(experiment: Experiment) -> str:
    """Who runs the experiment, in words; "" for nobody."""
    alive = [owner for owner in experiment.status.owners if owner.alive]
    return ", ".join(f"pid {owner.pid} on {owner.host.partition('/')[0]}" for owner in alive)


def _stop(args: Args) -> None:
    experiment = opened(args)
    runners = _runners(experiment)
    if not runners:
        print(f"nobody runs {args.name!r}; there is nothing to stop")
        return
    experiment.stop(now=args.now)
    print(f"told {runners} to stop {'now' if args.now else 'once running trials have ended'}")


def _pause(args: Args) -> None:
    opened(args).pause()
    print(f"{args.name!r} starts no further trials; go on with: lanista resume {args.name}")


def _resume(args: Args) -> None:
    experiment = opened(args)
    paused = experiment.history.paused
    experiment.resume()
    print(f"{args.name!r} starts trials again" if paused else f"{args.name!r} was not paused")


def _kill(args: Args) -> None:
    opened(args).kill(args.trial)
    print(f"trial {args.trial} of {args.name!r} is told to end")


def _enqueue(args: Args) -> None:
    if bool(args.values) == (args.json is not None):
        raise UsageError("give the configuration either as NAME=VALUE words or as --json '{...}'")
    many = _configurations(args.json) if args.json is not None else [pairs(args.values)]
    opened(args).enqueue(many, again=args.again)
    print(f"enqueued {len(many)} configuration{'s' if len(many) != 1 else ''}")


def _configurations(text: str) -> list[dict[str, Any]]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--json is no JSON: {error}") from None
    many = given if isinstance(given, list) else [given]
    for one in many:
        if not isinstance(one, dict):
            raise UsageError(
                f'--json: {one!r} is no configuration; write an object such as {{"lr": 0.01}}, or a list of objects'
            )
    return many


def _set(args: Args) -> None:
    values = {name: _limit(name, value) for name, value in pairs(args.values).items()}
    experiment = opened(args)
    runners = _runners(experiment)
    if not runners:
        raise ExperimentError(f"nobody runs {args.name!r} now; limits belong to a run, give them to the next one")
    experiment.set(**values)
    print(f"told {runners}: " + " ".join(f"{name}={value}" for name, value in values.items()))


def _limit(name: str, value: Any) -> Any:
    if isinstance(value, str) and value.lower() in ("none", "null"):
        return None
    return seconds(value) if name in TIMES and isinstance(value, str) else value
