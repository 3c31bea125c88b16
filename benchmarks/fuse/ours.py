"""Lanista's ways of training, without the experiment around them.

They are reached by the package's private names, so that a step can be timed by itself; the benchmark of a search goes
by the public ones.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.fuse.job import MOMENTUM, Job
from benchmarks.fuse.plain import Epoch
from lanista.fuse._data import Data
from lanista.fuse._kinds import Kinds
from lanista.fuse._losses import as_loss
from lanista.fuse._member import Member
from lanista.fuse._optimizers import optimizer
from lanista.fuse._plan import Plan
from lanista.fuse._schedules import as_schedule
from lanista.fuse._team import Team
from lanista.fuse._together import Together
from lanista.fuse._workshop import Workshop

SGD = optimizer("sgd")


def member(model: nn.Module, rate: float) -> Member:
    """A model in training."""
    hyper = {**SGD.defaults, "lr": rate, "momentum": MOMENTUM}
    return Member(model, hyper)


def members(job: Job) -> list[Member]:
    """Those of a job."""
    return [member(job.model(k), job.rate(k)) for k in job.numbers]


def joined(job: Job, members: Sequence[Member]) -> list[Team]:
    """Members of a job in their teams, each with the way that was found the fastest."""
    return teamed(members, *job.data(), batch=job.case.batch, device=job.device)


def teamed(members: Sequence[Member], x: Tensor, y: Tensor, *, batch: int, device: str = "cpu") -> list[Team]:
    """Models in their teams; the first batch judges, where anything is to be judged."""
    valid = Data((x[:batch],), (y[:batch],))
    plan = Plan(
        Data((x,), (y,)), valid, batch=batch, loss=as_loss("cross_entropy"), schedule=as_schedule(None), epochs=1
    )
    workshop = Workshop(Kinds(plan, SGD, device=torch.device(device), memory=None, fuse=True))
    workshop.join(members)
    return workshop.teams


def epoch(teams: Sequence[Team]) -> list[float]:
    """Trains the models of teams for an epoch; the mean loss of each."""
    losses: list[float] = []
    for team in teams:
        losses += team.way.train(team.stack, team.kind.plan).tolist()
        for member in team.members:
            member.epoch += 1
    return losses


@contextmanager
def stacked(job: Job) -> Iterator[Epoch]:
    """All models by one graph, whether that is the fastest or not."""
    yield partial(epoch, stacking(joined(job, members(job))))


@contextmanager
def compiled(job: Job) -> Iterator[Epoch]:
    """The same graph, as torch compiles it."""
    yield partial(epoch, stacking(joined(job, members(job)), compiled=True))


def stacking(teams: list[Team], *, compiled: bool = False) -> list[Team]:
    """Teams, made to train all of their models by one graph.

    Raises:
        RuntimeError: they cannot.
    """
    for team in teams:
        if team.alone:
            raise RuntimeError(team.reason)
        team.way = Together(team.kind.graphs, compiled=compiled)
    return teams


class Chosen:
    """Models as the trainer puts them together; what it chose, and the seconds that this took."""

    way = ""
    setup = 0.0

    @contextmanager
    def __call__(self, job: Job) -> Iterator[Epoch]:
        found = members(job)
        began = time.perf_counter()
        teams = joined(job, found)
        job.settle()
        self.setup = time.perf_counter() - began
        self.way = ", ".join(sorted({team.way.name for team in teams}))
        yield partial(epoch, teams)
