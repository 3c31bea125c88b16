"""Ordinary torch code: one model after the other, in one process or several, and vmap as its documentation has it."""

import copy
import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn import functional as F

from benchmarks.fuse.job import MOMENTUM, Job

Epoch = Callable[[], list[float]]
"""Trains all models for an epoch; the mean loss of each."""
Order = Callable[[int], Tensor]
"""The order of so many examples, for the next epoch of a model."""


def shuffled(count: int) -> Tensor:
    return torch.randperm(count)


def train(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, *, batch: int, order: Order
) -> float:
    """An epoch of one model; its mean loss."""
    model.train()
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for rows in order(len(x)).to(x.device).split(batch):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(rows)
    return float(total) / len(x)


@contextmanager
def loop(job: Job, *, fused: bool | None = None, order: Order = shuffled) -> Iterator[Epoch]:
    """One model after the other."""
    epoch, _ = looping(job, fused=fused, order=order)
    yield epoch


def looping(job: Job, *, fused: bool | None = None, order: Order = shuffled) -> tuple[Epoch, list[nn.Module]]:
    """An epoch of one model after the other, and these models."""
    models = [job.model(k) for k in job.numbers]
    optimizers = [
        torch.optim.SGD(model.parameters(), lr=job.rate(k), momentum=MOMENTUM, fused=fused)
        for k, model in zip(job.numbers, models, strict=True)
    ]
    x, y = job.data()

    def epoch() -> list[float]:
        return [
            train(model, optimizer, x, y, batch=job.case.batch, order=order)
            for model, optimizer in zip(models, optimizers, strict=True)
        ]

    return epoch, models


@contextmanager
def processes(job: Job, many: int) -> Iterator[Epoch]:
    """Several processes, each with a thread and its part of the models; they wait, warm, between epochs."""
    context = multiprocessing.get_context("spawn")
    bounds = [job.first + job.count * i // many for i in range(many + 1)]
    ends, workers = [], []
    for low, high in itertools.pairwise(bounds):
        here, there = context.Pipe()
        part = Job(job.name, high - low, low, job.device)
        workers.append(context.Process(target=_serve, args=(part, there), daemon=True))
        workers[-1].start()
        there.close()
        ends.append(here)

    def epoch() -> list[float]:
        for end in ends:
            end.send(True)
        return [loss for end in ends for loss in end.recv()]

    try:
        yield epoch
    finally:
        for end in ends:
            end.send(False)
        for worker in workers:
            worker.join()


def _serve(job: Job, end: Connection) -> None:
    torch.set_num_threads(1)
    epoch, _ = looping(job)
    while end.recv():
        end.send(epoch())


@contextmanager
def vmapped(job: Job) -> Iterator[Epoch]:
    """`torch.func.vmap` over the stacked weights of all models, with SGD written for them."""
    models = [job.model(k) for k in job.numbers]
    weights, buffers = stack_module_state(models)
    base = copy.deepcopy(models[0]).to("meta").train()
    moments = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    rates = torch.tensor([job.rate(k) for k in job.numbers], device=job.device)
    x, y = job.data()

    def loss_of(weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, object]:
        return F.cross_entropy(functional_call(base, (weights, buffers), (x,)), y), buffers

    step = vmap(grad_and_value(loss_of, has_aux=True), in_dims=(0, 0, None, None), randomness="different")

    def epoch() -> list[float]:
        total = torch.zeros(job.count, dtype=torch.float64, device=x.device)
        for rows in torch.randperm(len(x)).to(x.device).split(job.case.batch):
            grads, (loss, changed) = step(weights, buffers, x[rows], y[rows])
            buffers.update(changed)
            with torch.no_grad():
                for name, weight in weights.items():
                    moments[name].mul_(MOMENTUM).add_(grads[name])
                    weight.sub_(rates.view(-1, *[1] * (weight.dim() - 1)) * moments[name])
            total += loss.detach() * len(rows)
        return (total / len(x)).tolist()

    yield epoch
