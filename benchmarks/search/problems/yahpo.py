"""YAHPO's surrogates, at their highest fidelity.

Pfisterer et al., YAHPO Gym (2022). Of the scenarios as they were released, regret is told on YAHPO's own scale, the
least and greatest value of the target; of the two that are refits, on a sampled one.
"""

import csv
import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from benchmarks.search.problems.base import Evaluation, Function, Params, Problem, data
from lanista.space import Choice, Float, Int, Space


class Scenario(NamedTuple):
    """The file, the target, the target that is the seconds of an evaluation, and whether YAHPO's scale fits."""

    file: str
    target: str
    seconds: str
    scaled: bool


SCENARIOS = {
    "lcbench": Scenario("lcbench", "val_accuracy", "time", True),
    "rbv2_xgboost": Scenario("rbv2_xgboost", "acc", "timetrain", True),
    "rbv2_rpart": Scenario("rbv2_rpart", "acc", "timetrain", True),
    "iaml_glmnet": Scenario("iaml_glmnet", "auc", "timetrain", True),
    "iaml_super": Scenario("iaml_super_pre", "auc", "timetrain", False),
    "nb301": Scenario("nb301", "val_accuracy", "runtime", False),
}


@cache
def spec(file: str) -> dict[str, Any]:
    """The description of a surrogate."""
    found: dict[str, Any] = json.loads((data() / "surrogates" / f"{file}.json").read_text(encoding="utf-8"))
    return found


@cache
def space(file: str) -> Space:
    """The space without instance and fidelity; a parameter hangs below the deepest choice that it depends on."""
    given = spec(file)
    left_out = {given["instance_param"], *given["fidelity"]}
    entries = {entry["name"]: entry for entry in given["space"] if entry["name"] not in left_out}

    def parent(entry: Mapping[str, Any]) -> str | None:
        above = entry.get("when", {})
        return max(above, key=lambda name: len(entries[name].get("when", {})), default=None)

    def domain(entry: Mapping[str, Any]) -> Any:
        if entry["type"] == "cat":
            name = entry["name"]
            below = [child for child in entries.values() if parent(child) == name]
            return Choice(
                {
                    option: {short(c["name"]): domain(c) for c in below if option in c["when"][name]}
                    for option in entry["choices"]
                }
            )
        made = Int if entry["type"] == "int" else Float
        return made(entry["lower"], entry["upper"], log=entry["log"])

    return Space({short(e["name"]): domain(e) for e in entries.values() if parent(e) is None})


def short(name: str) -> str:
    """The name without nb301's long prefix."""
    return name.rpartition("_COLON_")[2]


class Surrogate:
    """A surrogate on one instance: configurations to all targets by name."""

    def __init__(self, file: str, instance: str) -> None:
        import onnxruntime

        self.spec = spec(file)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path = str(data() / "surrogates" / self.spec["model"])
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._targets = [target["name"] for target in self.spec["targets"]]
        top = {entry["name"]: entry["upper"] for entry in self.spec["space"] if entry["name"] in self.spec["fidelity"]}
        self._fixed = {**top, self.spec["instance_param"]: instance}

    def __call__(self, params: Mapping[str, Any]) -> dict[str, float]:
        """All targets, in their own sign."""
        given = {**params, **self._fixed}
        code = self.spec["encoding"]
        cat = [code[n][str(given.get(short(n), given.get(n, "#na#")))] for n in self.spec["x_cat"]]
        cont = [float(given.get(short(n), given.get(n, 0.0))) for n in self.spec["x_cont"]]
        feed = {"x_cat": np.array([cat], dtype=np.int32), "x_cont": np.array([cont], dtype=np.float32)}
        return dict(zip(self._targets, self._session.run(None, feed)[0][0].tolist(), strict=True))

    def signs(self, targets: tuple[str, ...]) -> list[float]:
        """By what to multiply each target to minimise it."""
        return [1.0 if t["minimize"] else -1.0 for name in targets for t in self.spec["targets"] if t["name"] == name]


def function(file: str, instance: str, targets: tuple[str, ...], seconds: str, logs: frozenset[str]) -> Function:
    """The targets to minimise, those among `logs` as their logarithms."""
    surrogate = Surrogate(file, instance)
    signs = surrogate.signs(targets)

    def evaluate(params: Params) -> Evaluation:
        found = surrogate(params)
        values = (math.log(max(found[t], 1e-3)) if t in logs else found[t] for t in targets)
        return Evaluation(tuple(s * v for s, v in zip(signs, values, strict=True)), max(found[seconds], 1e-3))

    return evaluate


@cache
def statistics() -> dict[tuple[str, str, str], dict[str, float]]:
    """(scenario, instance, target) to its least and greatest value."""
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    with (data() / "surrogates" / "yahpo_v1_instance_target_statistics.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = row["scenario"], row["instance"], row["metric"]
            found.setdefault(key, {})[row["statistic"]] = float(row["value"])
    return found


def make(family: str, instance: str) -> Problem:
    """One target of a scenario on an instance."""
    file, target, seconds, scaled = SCENARIOS[family]
    check(file, instance)
    best = worst = None
    if scaled:
        known = statistics()[family, instance, target]
        minimised = next(t["minimize"] for t in spec(file)["targets"] if t["name"] == target)
        best, worst = ((known["min"],), (known["max"],)) if minimised else ((-known["max"],), (-known["min"],))
    return Problem(
        f"{family}/{instance}",
        "yahpo",
        space(file),
        lambda: function(file, instance, (target,), seconds, frozenset()),
        best,
        worst,
    )


def check(file: str, instance: str) -> None:
    """Raises SystemExit for an instance that is not there; nb301 has one only, without a name in its file."""
    instances = spec(file)["instances"] or ["CIFAR10"]
    if instance not in instances:
        raise SystemExit(f"{file} has no instance {instance!r}; it has {', '.join(instances)}")
