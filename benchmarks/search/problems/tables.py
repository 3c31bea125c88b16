"""Tables of everything that was measured, as spaces of ordered and unordered choices.

Ordered values are whole numbers that count the table's own values; what is not in a table fails. Regret is told
between the best and the worst entry of the table.
"""

import ast
import csv
import gzip
import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.search.problems.base import Evaluation, Function, Problem, data
from lanista.space import Choice, Float, Int, Space

Row = dict[str, str]
Table = Mapping[tuple[Any, ...], Evaluation]
FAILED = Evaluation((math.nan,))


@cache
def rows(name: str) -> list[Row]:
    """The rows of a compressed table."""
    with gzip.open(data() / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(given: Iterable[Row], name: str, place: str) -> Iterable[Row]:
    """The rows, after a look whether they have the column.

    Raises:
        SystemExit: they do not; the message lists those there are.
    """
    found = list(given)
    if name not in found[0]:
        raise SystemExit(f"{place} is not known; the last part is one of: {', '.join(found[0])}")
    return found


def tabled(name: str, space: Space, key: Callable[[Mapping[str, Any]], tuple[Any, ...]], table: Table) -> Problem:
    """A problem that looks its values up."""
    values = [entry.values[0] for entry in table.values() if not math.isnan(entry.values[0])]
    function: Function = lambda params: table.get(key(params), FAILED)  # noqa: E731
    return Problem(name, "tables", space, lambda: function, (min(values),), (max(values),))


def gpu(name: str, device: str) -> Problem:
    """Milliseconds of a convolution kernel over its tuning parameters; six in ten configurations fail."""
    spec = json.loads((data() / "hpo/gpu_kernel_convolution_space.json").read_text(encoding="utf-8"))
    given = {p["Name"]: ast.literal_eval(p["Values"]) for p in spec["TuningParameters"]}
    given = {parameter: values for parameter, values in given.items() if len(values) > 1}
    space = Space({p: Choice([0, 1]) if v == [0, 1] else Int(0, len(v) - 1) for p, v in given.items()})

    def entry(row: Row) -> Evaluation:
        seconds = float(row["cost_ms"] or 1000) / 1000
        return Evaluation((math.nan if row["failure"] else float(row["time_ms"]),), seconds)

    path = f"hpo/gpu_kernel_convolution_{device}"
    if not Path(data(), f"{path}.csv.gz").exists():
        raise SystemExit(f"{name} is not known; devices are A100 and W6600")
    table = {tuple(v.index(int(row[p])) for p, v in given.items()): entry(row) for row in rows(path)}
    return tabled(name, space, lambda params: tuple(params[p] for p in given), table)


def svm(name: str, dataset: str) -> Problem:
    """Accuracy of a support vector machine over its kernel, cost, width and degree.

    The columns' names of the kernels do not fit their parameters; here the one with widths is called rbf.
    """
    given = list(column(rows("hpo/svm_grid_25datasets"), dataset, name))
    parts = [(("rbf", "poly", "linear")[[float(row[k]) for k in list(row)[:3]].index(1.0)], row) for row in given]
    columns = {"C": "p4", "degree": "p6", "gamma": "p5"}
    parameters = {"linear": ["C"], "poly": ["C", "degree"], "rbf": ["C", "gamma"]}
    axes = {
        kernel: {p: sorted({float(row[columns[p]]) for at, row in parts if at == kernel}) for p in names}
        for kernel, names in parameters.items()
    }
    space = Space({"kernel": Choice({k: {p: Int(0, len(v) - 1) for p, v in ps.items()} for k, ps in axes.items()})})
    table = {
        (kernel, *(values.index(float(row[columns[p]])) for p, values in axes[kernel].items())): Evaluation(
            (-float(row[dataset]),)
        )
        for kernel, row in parts
    }
    return tabled(name, space, lambda params: tuple(params.values()), table)


def oboe(name: str, dataset: str) -> Problem:
    """Error of 219 models of 12 algorithms, each with its own parameters."""
    errors, seconds = (
        {row[""]: row for row in rows(f"hpo/oboe_{which}_matrix_a")}.get(dataset) for which in ("error", "runtime")
    )
    if errors is None or seconds is None:
        raise SystemExit(f"{name} is not known; data sets are the OpenML numbers in hpo/oboe_error_matrix_a.csv.gz")
    models = {title: ast.literal_eval(title) for title in errors if title}
    grids: dict[str, dict[str, list[Any]]] = {}
    for model in models.values():
        grid = grids.setdefault(model["algorithm"], {})
        for parameter, value in model["hyperparameters"].items():
            if value not in (values := grid.setdefault(parameter, [])):
                values.append(value)
    for grid in grids.values():
        for values in grid.values():
            if numbers(values):
                values.sort()
    # The names carry the algorithm, since some peers hold a name to one domain.
    below = {a: {f"{a}.{p}": domain(v) for p, v in grid.items()} for a, grid in grids.items()}
    space = Space({"algorithm": Choice(below)})
    table = {}
    for title, model in models.items():
        algorithm, chosen = model["algorithm"], model["hyperparameters"]
        places = (v.index(chosen[p]) if numbers(v) else str(chosen[p]) for p, v in grids[algorithm].items())
        table[algorithm, *places] = Evaluation((float(errors[title]),), float(seconds[title]))
    return tabled(name, space, lambda params: tuple(params.values()), table)


def numbers(values: list[Any]) -> bool:
    return len(values) > 1 and all(isinstance(value, int | float) for value in values)


def domain(values: list[Any]) -> Any:
    """Ordered values by their place, others as they are, a single one as a constant."""
    if numbers(values):
        return Int(0, len(values) - 1)
    return Choice([str(value) for value in values]) if len(values) > 1 else str(values[0])


def tabrepo(name: str, dataset: str) -> Problem:
    """Error of LightGBM; a configuration has the value of the nearest of 100 random ones that were trained."""
    import numpy as np

    found = [row for row in rows("hpo/tabrepo_lightgbm") if row["dataset"] == dataset and row["learning_rate"]]
    if not found:
        raise SystemExit(f"{name} is not known; data sets are those in hpo/tabrepo_lightgbm.csv.gz")
    space = Space(
        {
            "extra_trees": Choice([False, True]),
            "learning_rate": Float(5e-3, 0.2, log=True),
            "num_leaves": Int(16, 255),
            "feature_fraction": Float(0.4, 1.0),
            "min_data_in_leaf": Int(2, 60),
        }
    )
    trained = [
        {
            "extra_trees": row["extra_trees"] == "True",
            "learning_rate": float(row["learning_rate"]),
            "num_leaves": int(float(row["num_leaves"])),
            "feature_fraction": float(row["feature_fraction"]),
            "min_data_in_leaf": int(float(row["min_data_in_leaf"])),
        }
        for row in found
    ]
    X = space.encode(trained)[0]
    entries = [Evaluation((float(row["metric_error"]),), float(row["time_train_s"])) for row in found]

    def nearest(params: Mapping[str, Any]) -> Evaluation:
        return entries[int(np.argmin(((X - space.encode([params])[0]) ** 2).sum(axis=1)))]

    values = [entry.values[0] for entry in entries]
    return Problem(name, "tables", space, lambda: nearest, (min(values),), (max(values),))


OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def nb201(name: str, target: str) -> Problem:
    """Accuracy of NAS-Bench-201's 15,625 cells: an operation on each of six edges."""
    given = column(rows("nas/nasbench201_cifar"), target, name)
    space = Space({f"edge{i}": Choice(list(OPERATIONS)) for i in range(6)})
    table = {
        tuple(edge.partition("~")[0] for node in row["arch"].split("+") for edge in node.strip("|").split("|")): (
            Evaluation((-float(row[target]),))
        )
        for row in given
    }
    return tabled(name, space, lambda params: tuple(params.values()), table)


def macro(name: str, target: str) -> Problem:
    """Accuracy of NAS-Bench-Macro's 6,561 networks: one of three blocks in each of eight layers."""
    given = column(rows("nas/nasbench_macro_cifar10"), target, name)
    space = Space({f"layer{i}": Choice(["identity", "mb3_k3", "mb6_k5"]) for i in range(8)})
    codes = {"identity": "0", "mb3_k3": "1", "mb6_k5": "2"}
    table = {(row["arch"],): Evaluation((-float(row[target]),)) for row in given}
    return tabled(name, space, lambda params: ("".join(codes[v] for v in params.values()),), table)


OPERATORS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")


def graph(name: str, dataset: str) -> Problem:
    """Accuracy of NAS-Bench-Graph's 26,206 graph networks: how four operators are linked, and which they are.

    Of networks that are equal the table has one; the others fail.
    """
    given = [row for row in rows("nas/nasbench_graph") if row["dataset"] == dataset]
    if not given:
        raise SystemExit(f"{name} is not known; data sets are those in nas/nasbench_graph.csv.gz, such as cora")
    parts = ("link", "op1", "op2", "op3", "op4")
    links = sorted({row["link"] for row in given})
    space = Space({"link": Choice(links), **{part: Choice(list(OPERATORS)) for part in parts[1:]}})
    table = {tuple(row[part] for part in parts): Evaluation((-100.0 * float(row["valid"]),)) for row in given}
    return tabled(name, space, lambda params: tuple(params.values()), table)


TABLES: dict[str, Callable[[str, str], Problem]] = {
    "graph": graph,
    "gpu": gpu,
    "svm": svm,
    "oboe": oboe,
    "tabrepo": tabrepo,
    "nb201": nb201,
    "macro": macro,
}


def make(family: str, instance: str) -> Problem:
    """A table's problem: of a device, a data set or a column."""
    return TABLES[family](f"{family}/{instance}", instance)
