"""A search by ASHA from its start to its end: python -m benchmarks.fuse search."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, nan
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.nn import functional as F

import lanista as la
from benchmarks.fuse.page import made
from benchmarks.fuse.tasks import TASKS, Task, space
from benchmarks.results import table, write_section
from benchmarks.schedule.figures import lines
from lanista.journal import Event, Reported

FIGURES = Path(__file__).resolve().parent / "figures"
EPOCHS = 27

PAGE = """\
{trials} configurations (learning rate, momentum, weight decay, label smoothing) by random search under
`la.ASHA({epochs}, min_steps=1)`, {seeds} seeds; {task}. Everything is in the time: capture, choice, training,
validation, reports, the journal in memory. All train in one thread a process.

- fused: `la.fuse.Trainer`, `cohort={cohort}`. "alone": the same trainer without `cohort`, so one trial after the other.
- torch: an ordinary objective in torch; and the same in two worker processes.

Quality is the best validation accuracy so far. Seconds to the same quality are those until the best that all four reach
with a seed. Medians over the seeds; "over torch" is how many times as soon as the ordinary objective in one process.

{rows}

![Best accuracy over time](fuse/figures/search-{name}.svg)

{made}
"""


@dataclass(frozen=True)
class Searched:
    """A search that was run.

    Attributes:
        points: seconds since its start, and the best accuracy from then on, whenever it rose.
        seconds: of all of it.
        epochs: how many were trained in all.
    """

    points: tuple[tuple[float, float], ...]
    seconds: float
    epochs: int

    @property
    def best(self) -> float:
        return self.points[-1][1] if self.points else nan

    def reached(self, accuracy: float) -> float:
        """After how many seconds."""
        return next((at for at, best in self.points if best >= accuracy), inf)

    def at(self, seconds: float) -> float:
        """The best after so many seconds; NaN before the first report."""
        return max((best for at, best in self.points if at <= seconds), default=nan)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    command = commands.add_parser("search", help="a search by ASHA, fused against unfused")
    command.add_argument("--quick", action="store_true", help="24 configurations, two seeds")
    command.add_argument("--write", action="store_true", help="write the section of RESULTS.md, and the figure")
    command.add_argument("--data", choices=tuple(TASKS), default="digits", help="what is searched (default digits)")
    command.add_argument("--trials", type=int, default=256)
    command.add_argument("--cohort", type=int, default=32)
    command.add_argument("--seeds", type=int, default=3)
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Searches, prints and writes."""
    torch.set_num_threads(1)
    if given.quick:
        given.trials, given.cohort, given.seeds = min(given.trials, 24), min(given.cohort, 8), min(given.seeds, 2)
    found: dict[str, list[Searched]] = {way: [] for way in ways(given.data, given.cohort)}
    TASKS[given.data].data()
    for seed in range(given.seeds):
        for way, start in ways(given.data, given.cohort).items():
            one = searched(start, seed, given.trials)
            found[way].append(one)
            told = f"{way}, seed {seed}: {one.seconds:.1f} s, {one.epochs} epochs, best {one.best:.4f}"
            print(told, file=sys.stderr, flush=True)
    text = page(given, found)
    print(text)
    if given.write:
        FIGURES.mkdir(exist_ok=True)
        (FIGURES / f"search-{given.data}.svg").write_text(figure(TASKS[given.data], found), encoding="utf-8")
        write_section(f"fuse: search, {given.data}", text)
    return 0


Start = Callable[..., Any]
"""Runs an experiment: start(experiment, trials=..., ...)."""


def ways(data: str, cohort: int) -> dict[str, Start]:
    """How the same search is run."""
    own = partial(objective, data=data)
    return {
        "fused": lambda exp, **kept: exp.run(trainer(TASKS[data]), cohort=cohort, **kept),
        "alone": lambda exp, **kept: exp.run(trainer(TASKS[data]), **kept),
        "torch": lambda exp, **kept: exp.run(own, **kept),
        "torch, 2 processes": lambda exp, **kept: exp.run(own, workers=2, **kept),
    }


def searched(start: Start, seed: int, trials: int) -> Searched:
    """Runs a search."""
    exp = la.Experiment(
        "search",
        space(),
        metric="accuracy",
        mode="max",
        searcher="random",
        scheduler=la.ASHA(EPOCHS, min_steps=1),
        store="memory",
        seed=seed,
    )
    heard: list[tuple[float, float]] = []

    def hear(_: la.Experiment, event: Event) -> None:
        if isinstance(event, Reported):
            heard.append((time.perf_counter() - began, event.metrics["accuracy"]))

    began = time.perf_counter()
    start(exp, trials=trials, progress=False, callbacks=[hear])
    seconds = time.perf_counter() - began
    rises: list[tuple[float, float]] = []
    for at, accuracy in heard:
        if not rises or accuracy > rises[-1][1]:
            rises.append((at, accuracy))
    return Searched(tuple(rises), seconds, len(heard))


def trainer(task: Task) -> la.fuse.Trainer:
    """The objective that says what to train."""
    return la.fuse.Trainer(
        lambda params: task.model(),
        task.data(),
        loss="cross_entropy",
        optimizer="sgd",
        epochs=EPOCHS,
        batch=task.batch,
        metrics=["accuracy"],
        how=la.fuse.How(checkpoints=0),
    )


def objective(trial: la.Trial, data: str) -> None:
    """The same by hand."""
    torch.set_num_threads(1)
    task = TASKS[data]
    (x, y), (x_valid, y_valid) = task.data()
    torch.manual_seed(trial.seed)
    model = task.model()
    keys = ("lr", "momentum", "weight_decay")
    optimizer = torch.optim.SGD(model.parameters(), **{key: trial[key] for key in keys})
    for _ in range(EPOCHS):
        model.train()
        for rows in torch.randperm(len(x)).split(task.batch):
            optimizer.zero_grad()
            F.cross_entropy(model(x[rows]), y[rows], label_smoothing=trial["label_smoothing"]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            outputs = torch.cat([model(part) for part in x_valid.split(500)])
        trial.report(accuracy=float((outputs.argmax(1) == y_valid).double().mean()))


def page(given: argparse.Namespace, found: dict[str, list[Searched]]) -> str:
    """The section."""
    seeds = range(len(found["torch"]))
    goals = [min(searches[seed].best for searches in found.values()) for seed in seeds]
    rows = []
    for way, searches in found.items():
        soon = [one.reached(goal) for one, goal in zip(searches, goals, strict=True)]
        theirs = [one.reached(goal) for one, goal in zip(found["torch"], goals, strict=True)]
        whole = [other.seconds / one.seconds for one, other in zip(searches, found["torch"], strict=True)]
        rows.append(
            [
                way,
                f"{median(one.seconds for one in searches):.1f}",
                f"{median(whole):.2f}",
                f"{median(soon):.1f}",
                f"{median(b / a for a, b in zip(soon, theirs, strict=True)):.2f}",
                f"{median(one.epochs for one in searches):,.0f}",
                f"{median(one.best for one in searches):.4f}",
            ]
        )
    head = ["", "seconds", "over torch", "to the same quality", "over torch", "epochs trained", "best accuracy"]
    task = TASKS[given.data]
    return PAGE.format(
        trials=given.trials,
        epochs=EPOCHS,
        seeds=given.seeds,
        task=f"{task.name}, batch {task.batch}",
        cohort=given.cohort,
        rows=table(head, rows),
        name=given.data,
        made=made(),
    )


def figure(task: Task, found: dict[str, list[Searched]]) -> str:
    """The best accuracy over time, of each way the median over the seeds."""
    longest = max(one.seconds for searches in found.values() for one in searches)
    grid = [longest * i / 400 for i in range(401)]
    series = {way: [(at, middle([one.at(at) for one in searches])) for at in grid] for way, searches in found.items()}
    return lines(f"Search for {task.name}", series, across="seconds", upwards="best validation accuracy")


def middle(values: Sequence[float]) -> float:
    """The median; NaN where one of them is not known."""
    return nan if any(value != value for value in values) else median(values)
