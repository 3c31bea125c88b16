"""Commands that steer an experiment, also while it runs in another process: stop, pause, resume, kill, enqueue, set."""

import json
from typing import Any

from lanista.cli._base import Args, MakeCommand, add_name, opened, pairs
from lanista.errors import UsageError
from lanista.experiment import _steering


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


def _stop(args: Args) -> None:
    print(_steering.stop(opened(args), now=args.now))


def _pause(args: Args) -> None:
    print(_steering.pause(opened(args)))


def _resume(args: Args) -> None:
    print(_steering.resume(opened(args)))


def _kill(args: Args) -> None:
    print(_steering.kill(opened(args), args.trial))


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
    print(_steering.set_limits(opened(args), pairs(args.values)))
