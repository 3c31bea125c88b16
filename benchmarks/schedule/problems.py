"""Learning curves to schedule over: surrogates and tables of what was measured.

A problem gives whole curves, values to minimise and seconds of each step, so that a surrogate is asked once for all
epochs of a configuration.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.problems import tables
from benchmarks.search.problems.yahpo import SCENARIOS, Surrogate, check, short, space, spec
from lanista import Curve
from lanista.space import Choice, Space

Floats = NDArray[np.float64]
Params = Mapping[str, Any]
Lookup = Callable[[Sequence[Params]], tuple[Floats, Floats]]
"""Configurations (n) to values (n, steps) to minimise, NaN where training failed, and seconds (n, steps)."""

CACHED = 20_000


@dataclass(frozen=True)
class Problem:
    """A space with learning curves.

    Attributes:
        name: family and instance, as in `lcbench/3945`.
        space: what is searched.
        steps: how many steps each curve has.
        load: makes the lookup; it is called once.
        every: all configurations, of a table that is small enough to be exhausted; else None.
    """

    name: str
    space: Space
    steps: int
    load: Callable[[], Lookup]
    every: int | None = None

    @cached_property
    def _lookup(self) -> Lookup:
        return self.load()

    @cached_property
    def _known(self) -> OrderedDict[Any, tuple[Floats, Floats]]:
        return OrderedDict()

    def curves(self, params: Sequence[Params]) -> tuple[Floats, Floats]:
        """Values (n, steps) and seconds (n, steps) of configurations."""
        return self._lookup(params)

    def curve(self, params: Params) -> tuple[Floats, Floats]:
        """Values and seconds (steps,) of one configuration, which is remembered."""
        key = tuple(sorted(params.items()))
        if key not in self._known:
            values, seconds = self._lookup([params])
            self._known[key] = values[0], seconds[0]
            if len(self._known) > CACHED:
                self._known.popitem(last=False)
        return self._known[key]

    def run(self, params: Params, seed: int) -> Curve:
        """The curve as `la.simulate` asks for it."""
        values, seconds = self.curve(params)
        return Curve({"loss": values.tolist()}, seconds.tolist())

    def sample(self, rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
        """Random configurations; a table that is small is drawn from without replacement, until it is exhausted."""
        found = self.space.sample(rng, count if self.every is None else 40 * self.every)
        if self.every is None:
            return found
        return list({tuple(params.items()): params for params in found}.values())[:count]


def surrogate(name: str, instance: str) -> Problem:
    """YAHPO's surrogate of a training, epoch by epoch; its times, which are totals, are made to rise."""
    scenario = SCENARIOS[name]
    check(scenario.file, instance)

    def load() -> Lookup:
        model = Epochs(scenario.file, instance)
        return lambda params: model.curves(params, scenario.target, scenario.seconds)

    last = next(e["upper"] for e in spec(scenario.file)["space"] if e["name"] == "epoch")
    return Problem(f"{name}/{instance}", space(scenario.file), last, load)


class Epochs(Surrogate):
    """A surrogate that tells of all epochs of several configurations at once."""

    def curves(self, params: Sequence[Params], target: str, seconds: str) -> tuple[Floats, Floats]:
        """Values (n, epochs) to minimise, and the seconds of each epoch."""
        found = [self._rows(params[i : i + 50]) for i in range(0, len(params), 50)]
        epochs = self._fixed["epoch"]
        out = np.concatenate(found).reshape(len(params), epochs, len(self._targets)).astype(float)
        values = out[..., self._targets.index(target)] * self.signs((target,))[0]
        total = np.maximum.accumulate(np.maximum(out[..., self._targets.index(seconds)], 1e-3), axis=1)
        return values, np.maximum(np.diff(total, axis=1, prepend=0.0), 1e-3)

    def _rows(self, params: Sequence[Params]) -> NDArray[np.float32]:
        code, epochs = self.spec["encoding"], self._fixed["epoch"]
        cat, cont = [], []
        for given in ({**p, self.spec["instance_param"]: self._fixed[self.spec["instance_param"]]} for p in params):
            cat.append([code[n][str(given.get(short(n), given.get(n, "#na#")))] for n in self.spec["x_cat"]])
            cont.append([float(given.get(short(n), given.get(n, 0.0))) for n in self.spec["x_cont"]])
        x_cat = np.repeat(np.array(cat, dtype=np.int32), epochs, axis=0)
        x_cont = np.repeat(np.array(cont, dtype=np.float32), epochs, axis=0)
        x_cont[:, self.spec["x_cont"].index("epoch")] = np.tile(np.arange(1, epochs + 1), len(params))
        out: NDArray[np.float32] = self._session.run(None, {"x_cat": x_cat, "x_cont": x_cont})[0]
        return out


def nb201(name: str, instance: str) -> Problem:
    """NAS-Bench-201's cells after 12 and after 200 epochs, as two steps; an epoch takes as long for all of them."""
    first, last = (tables.nb201(name, f"{instance}_test_{epochs}ep") for epochs in (12, 200))

    def lookup(params: Sequence[Params]) -> tuple[Floats, Floats]:
        values = np.array([[p.function(given).values[0] for p in (first, last)] for given in params])
        return values, np.tile([12.0, 188.0], (len(params), 1))

    return Problem(f"{name}/{instance}", first.space, 2, lambda: lookup)


def curves(name: str, instance: str) -> Problem:
    """Validation accuracy of 19 networks over 200 epochs on CIFAR-10 or CIFAR-100, with their seconds."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in tables.rows("hpo/cifar_model_curves"):
        if row["dataset"] == instance:
            found.setdefault(row["model"], []).append((-float(row["val_acc"]), float(row["elapsed_s"])))
    if not found:
        raise SystemExit(f"{name}/{instance} is not known; instances are cifar10 and cifar100")
    table = {model: np.array(points) for model, points in found.items()}

    def lookup(params: Sequence[Params]) -> tuple[Floats, Floats]:
        points = np.array([table[given["model"]] for given in params])
        return points[..., 0], np.diff(points[..., 1], axis=1, prepend=0.0)

    steps = min(map(len, table.values()))
    return Problem(f"{name}/{instance}", Space({"model": Choice(sorted(table))}), steps, lambda: lookup, len(table))


FAMILIES: dict[str, Callable[[str, str], Problem]] = {
    "lcbench": surrogate,
    "nb301": surrogate,
    "nb201": nb201,
    "curves": curves,
}
QUICK = ("lcbench/3945", "nb301/CIFAR10", "nb201/cifar100")
FULL = (
    *("lcbench/126029", "lcbench/167190", "lcbench/168330", "lcbench/189873", "lcbench/189906"),
    *("nb301/CIFAR10", "nb201/cifar10", "nb201/cifar100", "curves/cifar10", "curves/cifar100"),
)
SUITES = {"quick": QUICK, "full": FULL}


def problem(name: str) -> Problem:
    """The problem of a name such as `lcbench/3945`.

    Raises:
        SystemExit: no such family, with those there are.
    """
    family, _, instance = name.partition("/")
    if family not in FAMILIES:
        raise SystemExit(f"problem {name!r} is not known; families are: {', '.join(FAMILIES)}")
    return FAMILIES[family](family, instance)


def fits(found: Problem, workers: int) -> bool:
    """Whether there is enough to do: random search shall keep each worker busy for ten trainings."""
    return (math.inf if found.every is None else found.every) >= 10 * workers
