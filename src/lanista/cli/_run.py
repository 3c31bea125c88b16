"""`lanista run`: runs what a config file says, Lanista's own or NNI's."""

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from lanista.cli._base import Args, MakeCommand
from lanista.errors import UsageError
from lanista.experiment import Experiment
from lanista.experiment._arguments import seconds
from lanista.experiment._config import load_config
from lanista.experiment._places import as_place
from lanista.experiment._progress import Progress
from lanista.experiment._yaml import read_yaml
from lanista.journal import CODES

CHANGES = ("name", "trials", "executor", "workers", "time_limit", "seed", "store", "checkpoints")
"""Fields of the config file that the command line can change."""


def add(command: MakeCommand) -> None:
    """Adds the command."""
    run = command("run", "run the experiment of a config file; the same command again resumes it")
    run.add_argument("config", metavar="CONFIG", help="a YAML file: Lanista's own, or NNI's config.yml")
    run.add_argument("--name", help="the experiment's name")
    run.add_argument("--trials", metavar="N", type=int, help="how many trials in all")
    run.add_argument("--executor", metavar="NAME", help="where trials run: inline, processes or ray")
    run.add_argument("--workers", metavar="N", type=int, help="how many at once")
    run.add_argument("--time-limit", metavar="TIME", type=as_time, help="seconds, or such as 30m")
    run.add_argument("--checkpoints", metavar="PLACE", help="a folder or a URL that trials save to")
    run.add_argument("--seed", metavar="N", type=int, help="makes the run repeatable")
    run.add_argument("--quiet", "-q", action="store_true", help="print nothing while it runs")
    run.set_defaults(run=_run)


def as_time(text: str) -> float:
    """A length of time as an option gives it."""
    try:
        return seconds(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _run(args: Args) -> int:
    path = Path(args.config)
    changes = {name: value for name in CHANGES if (value := getattr(args, name)) is not None}
    if args.checkpoints is not None:
        changes["checkpoints"] = as_place(args.checkpoints)
    again = (
        "lanista " + shlex.join(sys.argv[1:]) if sys.argv[1:2] == ["run"] else f"lanista run {shlex.quote(str(path))}"
    )
    experiment, objective, run = _load(path, changes)
    if args.store:  # as the store says it: without a password
        again = (
            again.replace(shlex.quote(args.store), shlex.quote(experiment.store.url)) if "@" in args.store else again
        )
    return carry_out(experiment, objective, run, resume=again, quiet=args.quiet)


def _load(path: Path, changes: dict[str, Any]) -> tuple[Experiment, Any, dict[str, Any]]:
    """The experiment, what a trial runs, and the arguments of the run."""
    from lanista.compat import is_nni_config, read_nni_config

    if not is_nni_config(read_yaml(path).value):
        config = load_config(path, changes)
        return config.open(), config.objective, config.run
    kept = {name: changes.pop(name) for name in ("store", "checkpoints") if name in changes}
    executor = changes.pop("executor", None)
    nni = replace(read_nni_config(path), **changes)
    for note in nni.notes:
        print(f"{path}: {note}", file=sys.stderr)
    where = {"executor": nni.executor} if executor is None else {"executor": executor, "workers": nni.workers}
    return nni.open(**kept), nni.command, {**where, "limits": nni.limits}


def carry_out(experiment: Experiment, objective: Any, run: dict[str, Any], *, resume: str, quiet: bool = False) -> int:
    """Runs the experiment with its view on standard output, and turns how it went into an exit code."""
    progress = Progress(False if quiet else None, url=experiment.store.url, resume=resume, stream=sys.stdout)
    experiment.run(objective, progress=progress, **run)
    if experiment.reason == "interrupted":
        return 130
    return 1 if all_failed(experiment) else 0


def all_failed(experiment: Experiment) -> bool:
    """Whether trials failed and none came to a value."""
    history = experiment.history
    return history.best is None and history.counts[CODES["failed"]] > 0
