"""`lanista work`: adds a worker process to an experiment that another process began, on this machine or another."""

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from lanista.cli._base import Args, MakeCommand, add_name, opened
from lanista.cli._run import all_failed, as_time
from lanista.compat import is_nni_config, read_nni_config
from lanista.experiment._config import import_objective, load_config
from lanista.experiment._limits import Helper
from lanista.experiment._progress import Progress
from lanista.experiment._render import store_option
from lanista.experiment._work import work
from lanista.experiment._yaml import read_yaml


def add(command: MakeCommand) -> None:
    """Adds the command."""
    worker = command("work", "take trials of an experiment that was begun elsewhere, until it is finished")
    add_name(worker)
    worker.add_argument(
        "--objective",
        metavar="WHAT",
        help="what a trial runs: module:function, file.py:function or a config file; by default what the run recorded",
    )
    worker.add_argument("--workers", metavar="N", type=int, help="how many trials at once; 1 by default")
    worker.add_argument("--executor", metavar="NAME", help="where trials run: inline, processes or ray")
    worker.add_argument(
        "--time-limit", metavar="TIME", type=as_time, help="leave after so long: seconds, or such as 30m"
    )
    worker.add_argument("--count", metavar="N", type=int, help="leave after so many trials")
    worker.add_argument("--quiet", "-q", action="store_true", help="print nothing while it runs")
    worker.set_defaults(run=_work)


def _work(args: Args) -> int:
    helper = Helper(args.count, args.time_limit)
    experiment = opened(args)
    given = None if args.objective is None else _objective(args.objective)
    same = f"lanista work {shlex.quote(args.name)}{store_option(experiment.store.url)}"
    again = f"if it has reached its limits, run it again where it began, with higher ones; then: {same}"
    progress = Progress(False if args.quiet else None, url=experiment.store.url, resume=again, stream=sys.stdout)
    with _terminable():
        work(experiment, given, workers=args.workers, executor=args.executor, helper=helper, progress=progress)
    if experiment.reason == "interrupted":
        return 130
    return 1 if all_failed(experiment) else 0


def _objective(text: str) -> Any:
    """What is named: by a config file its command or objective, else a function."""
    path = Path(text)
    if path.suffix not in (".yml", ".yaml"):
        return import_objective(text, Path.cwd())
    if is_nni_config(read_yaml(path).value):
        return read_nni_config(path).command
    return load_config(path).objective


@contextmanager
def _terminable() -> Iterator[None]:
    """Has SIGTERM, by which clusters take a machine back, give the running trials back at once."""

    def leave(number: int, frame: FrameType | None) -> None:
        interrupt = signal.getsignal(signal.SIGINT)
        if callable(interrupt):
            interrupt(number, frame)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
