"""Zero-cost proxies: how well they rank architectures that were trained, and whether ours agree with published scores.

The published scores are those of NAS-Bench-Suite-Zero (Krishnakumar et al. 2022) for NAS-Bench-201 and -301.
"""

import argparse
import csv
import gzip
import importlib.util
import sys
import time
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.results import machine, table, versions, write_section
from benchmarks.search.problems.base import data

TABLES = {"nasbench201": "NAS-Bench-201", "nasbench301": "NAS-Bench-301"}
PUBLISHED = [
    "synflow",
    "snip",
    "grasp",
    "grad_norm",
    "jacov",
    "nwot",
    "epe_nas",
    "fisher",
    "l2_norm",
    "plain",
    "params",
    "flops",
]
OURS = {"jacob_cov": "jacov", "naswot": "nwot", "zen": None}
"""Proxies of ours by the published name, where it is another."""

Row = dict[str, Any]

PREAMBLE = """\
Spearman's rank correlation of scores published in NAS-Bench-Suite-Zero with the accuracy after training. Made by
`{command}`.

{published}

No proxy ranks well everywhere. The plain count of parameters is not far behind the best of them.

Ours, of {count} of the architectures of NAS-Bench-201 built by ourselves (16 channels, {cells} of the 5 cells of a
stage), on {batch} images of CIFAR-10: rank correlation with the published score of the same name, which had other
weights and images, and with the accuracy on CIFAR-10. Seconds are the median for one model with one thread, on a
machine with {machine} that had other work too; {versions}. The norm of the gradient, snip and grasp depend on the
depth: with one cell a stage they agree with the published scores far less, and grasp turns round.

{ours}
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    command = commands.add_parser("proxies", help="how well zero-cost proxies rank what others trained")
    command.add_argument("--models", type=int, default=50, help="how many to score ourselves (default 50; 0: none)")
    command.add_argument("--cells", type=int, default=5, help="cells a stage of these (default 5, as the published)")
    command.add_argument("--batch", type=int, default=16, help="images (default 16)")
    command.add_argument("--write", action="store_true", help="write the section of benchmarks/RESULTS.md")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Prints the tables."""
    tables = {name: list(read(name)) for name in TABLES}
    published = published_table(tables)
    print(published)
    if given.models:
        scored = ours(tables["nasbench201"], given.models, given.cells, given.batch)
        print(scored)
        if given.write:
            text = PREAMBLE.format(
                command=" ".join(["python -m benchmarks.nas", *sys.argv[1:]]),
                published=published,
                ours=scored,
                count=given.models,
                batch=given.batch,
                cells=given.cells,
                machine=machine(),
                versions=versions("torch"),
            )
            write_section("nas: zero-cost proxies", text)
    return 0


def read(name: str) -> Iterator[Row]:
    """The rows of one table of scores."""
    with gzip.open(data() / "nas" / f"zc_{name}.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield {key: value if key in ("task", "arch") else float(value or "nan") for key, value in row.items()}


def correlation(a: list[float], b: list[float]) -> float:
    """Spearman's rank correlation; scores that are not finite are the lowest."""
    from scipy.stats import spearmanr

    low = [value if np.isfinite(value) else -np.inf for value in a]
    return float(spearmanr(low, b).statistic)


def published_table(tables: dict[str, list[Row]]) -> str:
    """A row a proxy, a column a task."""
    tasks = [(name, task) for name, rows in tables.items() for task in dict.fromkeys(row["task"] for row in rows)]
    lines = []
    for proxy in PUBLISHED:
        line = [proxy]
        for name, task in tasks:
            rows = [row for row in tables[name] if row["task"] == task]
            line.append(f"{correlation([row[proxy] for row in rows], [row['val_accuracy'] for row in rows]):.2f}")
        lines.append(line)
    return table(["proxy", *(f"{TABLES[name]}, {task}" for name, task in tasks)], lines)


def ours(rows: list[Row], count: int, cells: int, size: int) -> str:
    """Scores architectures by ourselves; a row a proxy."""
    import torch

    from benchmarks.nas.nb201 import network
    from lanista.nas import proxies

    torch.set_num_threads(1)
    rows = [row for row in rows if row["task"] == "cifar10"]
    chosen = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:count]]
    batch = images(size)
    scores: dict[str, list[float]] = {name: [] for name in proxies.NAMES}
    seconds: dict[str, list[float]] = {name: [] for name in proxies.NAMES}
    for number, row in enumerate(chosen):
        torch.manual_seed(number)
        model = network(literal_eval(row["arch"]), cells=cells)
        for name in proxies.NAMES:
            start = time.perf_counter()
            scores[name].append(proxies.score(model, batch, [name])[name])
            seconds[name].append(time.perf_counter() - start)
        print(f"{number + 1} of {count}", flush=True)
    accuracies = [row["val_accuracy"] for row in chosen]
    lines = []
    for name, found in scores.items():
        twin = OURS.get(name, name)
        same = "–" if twin is None else f"{correlation(found, [row[twin] for row in chosen]):.2f}"
        lines.append([name, same, f"{correlation(found, accuracies):.2f}", f"{np.median(seconds[name]):.2f}"])
    return table(["proxy", "with the published", "with the accuracy", "seconds"], lines)


def images(count: int) -> tuple[Any, Any]:
    """Some images of CIFAR-10, standardised, and their labels."""
    import torch

    folder = data() / "images"
    spec = importlib.util.spec_from_file_location("load_images", folder / "load.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pixels, labels = module.load_imgs(str(folder / "cifar10_train20k.imgs"), count)
    numbers = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return (numbers - numbers.mean((0, 2, 3), keepdim=True)) / numbers.std((0, 2, 3), keepdim=True), torch.from_numpy(
        labels
    ).long()
