"""Commands that watch: top and logs."""

import codecs
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lanista.cli._base import Args, MakeCommand, add_json, add_name, opened, print_json
from lanista.errors import ExperimentError
from lanista.experiment import Experiment, Limits
from lanista.experiment._progress import REDRAW_S, is_terminal
from lanista.experiment._render import render
from lanista.experiment._view import Feed, View, view_of
from lanista.journal import Commanded, Event, Joined, Journal

RECENT = 200
"""Events of the past that the first picture looks at."""
POLL_S = 0.25


def add(command: MakeCommand) -> None:
    """Adds the commands."""
    top = command("top", "watch an experiment live, until its runs end")
    add_name(top)
    top.add_argument("--once", action="store_true", help="print one picture and end")
    add_json(top)
    top.set_defaults(run=_top)

    logs = command("logs", "print what a trial printed")
    add_name(logs)
    logs.add_argument("trial", metavar="TRIAL", type=int, help="the trial's number")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the trial ends")
    logs.set_defaults(run=_logs)


class Watcher:
    """Follows the journal of an experiment that others run, and gives views of it."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        store = experiment.store
        info = store.find(experiment.name)
        assert info is not None
        self._feed = Feed()
        self._journal = Journal(store, info)
        joined = list(self._journal.history.owners.values())
        self._limits = dict(joined[-1].limits) if joined else {}
        self._listen(store.read(info.id, max(0, self._journal.history.seq - RECENT), self._journal.history.seq), False)
        self._journal.listener = self._listen

    @property
    def alive(self) -> bool:
        """Whether a living process runs the experiment."""
        return any(owner.alive for owner in self._experiment.status.owners)

    def view(self) -> View:
        """The view now."""
        self._journal.sync()
        history = self._journal.history
        started = min((joined.time for joined in history.owners.values()), default=None)
        return view_of(history, Limits().updated(self._limits), time.time(), started=started, feed=self._feed)

    def _listen(self, events: Sequence[Event], own: bool) -> None:
        self._feed.see(events)
        for event in events:
            if isinstance(event, Joined):
                self._limits = dict(event.limits)
            elif isinstance(event, Commanded) and event.command == "set":
                self._limits.update(event.values)


def _top(args: Args) -> None:
    watcher = Watcher(opened(args))
    if args.json:
        view = watcher.view()
        best = None if view.best is None else view.best.as_dict()
        print_json({**asdict(view), "best": best})
        return
    from rich.console import Console

    if args.once or not is_terminal(sys.stdout):
        Console(highlight=False).print(render(watcher.view()))
        return
    from rich.live import Live

    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            alive = watcher.alive
            live.update(render(watcher.view()), refresh=True)
            if not alive:
                break
            time.sleep(REDRAW_S)
    print("no process runs it")


def _logs(args: Args) -> None:
    experiment = opened(args)
    record = experiment.history.trial(args.trial)
    path = experiment.log_path(args.trial)
    if not path.exists() and (record.ended is not None or not args.follow):
        raise ExperimentError(
            f"trial {args.trial} of {args.name!r} ({record.state}) has no log at {path}; "
            "workers and commands write one as soon as they print, a trial that runs in your own process prints there"
        )
    tail = Tail(path)
    if not args.follow:
        tail.copy()
        return
    while True:
        ended = experiment.history.trial(args.trial).ended is not None
        tail.copy()
        if ended:
            return
        time.sleep(POLL_S)


class Tail:
    """Copies what a growing file gained to standard output."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def copy(self) -> None:
        """Copies what is new; a file that is not there yet, or has begun anew, is no trouble."""
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:
                    self._offset = 0
                file.seek(self._offset)
                data = file.read()
                self._offset = file.tell()
        except FileNotFoundError:
            return
        sys.stdout.write(self._decode(data))
        sys.stdout.flush()
