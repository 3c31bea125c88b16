"""Makes the runs that are missing: the reference of a problem and its target, then combinations against it."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.schedule import metrics, ours, peers, traces
from benchmarks.schedule.problems import Floats, Problem, fits, problem
from benchmarks.schedule.traces import Key, Trace
from benchmarks.search.simulate import seed_of

REFERENCE = "random"
SEEDS = 11
"""Seeds of the reference, an odd number, so that its median is one of them."""

made = cache(problem)


class Target(NamedTuple):
    """What is to be reached on a problem: the quality, when half of the reference's runs have it, when they end."""

    value: float
    time: float
    horizon: float


class Spending(NamedTuple):
    """What a run may spend: trials of slow searchers, real seconds."""

    cap: int
    timeout: float


def trainings(found: Problem, workers: int, rounds: int) -> int:
    """How many trainings a run of the reference makes: so many for each worker, and at least 100."""
    return min(max(100, rounds * workers), found.every or 10**9)


def reference(found: Problem, workers: Sequence[int], rounds: int, seed: int) -> list[Trace]:
    """Random search without stopping, for each number of workers; all of them train the same configurations."""
    counts = [trainings(found, n, rounds) for n in workers]
    params = found.sample(np.random.default_rng(seed_of(found.name, seed)), max(counts))
    chunks = [found.curves(params[i : i + 1000]) for i in range(0, len(params), 1000)]
    values, seconds = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    return [
        _trace(found.name, values[:count], seconds[:count], n, seed) for n, count in zip(workers, counts, strict=True)
    ]


def _trace(name: str, values: Floats, seconds: Floats, workers: int, seed: int) -> Trace:
    run, end = metrics.fifo(values, seconds, workers)
    told = {"label": REFERENCE, "problem": name, "workers": workers, "seed": seed, "trainings": len(values)}
    return {**told, "run": run, "end": end, "reason": "horizon", "trials": len(values), "reports": values.size}


def target(done: dict[Key, Trace], name: str, workers: int, count: int) -> Target | None:
    """The target of a problem; None where the reference is not complete."""
    keys = [(REFERENCE, name, workers, seed, count) for seed in range(SEEDS)]
    if any(key not in done for key in keys):
        return None
    runs = [done[key]["run"] for key in keys]
    value = metrics.middle(run[-1][1] for run in runs)
    time_ = metrics.middle(metrics.time_to(run, value) for run in runs)
    return Target(value, time_, max(done[key]["end"] for key in keys))


def one(job: Trace, goal: Target, spending: Spending) -> Trace:
    """Makes a run; what a peer fails at is recorded."""
    label, found = job["label"], made(job["problem"])
    given: dict[str, Any] = {"target": goal.value, "horizon": goal.horizon, "timeout": spending.timeout}
    seed = seed_of(job["problem"], job["seed"])
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        if label in peers.PEERS:
            result = peers.run(label, found, job["workers"], seed, **given)
        else:
            result = ours.run(label, found, job["workers"], seed, cap=spending.cap, **given)
    except RuntimeError as error:
        result = {"run": [], "end": 0.0, "reason": "failed", "error": str(error), "trials": 0, "reports": 0}
    cost = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    return {**job, **result, **cost, "target": goal.value}


def references(path: Path, names: Iterable[str], workers: Sequence[int], rounds: int) -> None:
    """Makes the references that are missing."""
    for name in names:
        found = made(name)
        possible = [n for n in workers if fits(found, n)]
        for seed in range(SEEDS):
            done = traces.read(path)
            missing = [n for n in possible if (REFERENCE, name, n, seed, trainings(found, n, rounds)) not in done]
            if missing:
                traces.append(path, reference(found, missing, rounds, seed))


def run(
    path: Path,
    labels: Sequence[str],
    names: Sequence[str],
    workers: Sequence[int],
    *,
    seeds: int,
    rounds: int,
    spending: Spending,
    jobs: int = 1,
    say: Callable[[str], None] = print,
) -> None:
    """Makes all runs that are missing, seed by seed, so that a first table is there soon."""
    references(path, names, workers, rounds)
    done = traces.read(path)
    goals: list[tuple[Trace, Target]] = []
    for seed in range(seeds):
        for name in names:
            for n in workers:
                count = trainings(made(name), n, rounds)
                goal = target(done, name, n, count) if fits(made(name), n) else None
                for label in labels if goal else ():
                    job = {"label": label, "problem": name, "workers": n, "seed": seed, "trainings": count}
                    known = done.get(traces.key(job))
                    if goal and (known is None or known["target"] != goal.value):
                        goals.append((job, goal))
    begun = time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        for i, made_ in enumerate(pool.map(one, *zip(*goals, strict=True), [spending] * len(goals)) if goals else ()):
            traces.append(path, [made_])
            told = f"{made_['label']} {made_['problem']} {made_['workers']} workers seed {made_['seed']}"
            say(f"{i + 1}/{len(goals)} {time.monotonic() - begun:5.0f}s {told}: {made_['reason']} {made_['wall']:.1f}s")
