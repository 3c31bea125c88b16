"""Scores of one seed each: how much of what a search gains is lost, and what new runs of the finalists bring back.

NAS-Bench-Macro has three trainings of each architecture: the search sees the first, finalists get the second, and the
third judges.
"""

import numpy as np

import lanista as la
from benchmarks.results import table
from benchmarks.search.problems.tables import rows

TRIALS, TOP, SEEDS = 200, 5, 50
TEXT = """\
### Noisy scores

The search sees the first training of each architecture, in {trials} trials; `exp.reevaluate(train, top={top}, times=1)`
runs the finalists again, which gives the second. Regret is in the third, below the best mean of the table, so that
nobody is judged by what he was chosen for; the best by the mean, which the third is a part of, is what could be had.
Mean of {seeds} seeds."""
Scores = tuple[float, ...]
CODES = {"identity": "0", "mb3_k3": "1", "mb6_k5": "2"}
SPACE = {f"layer{i}": la.Choice(list(CODES)) for i in range(8)}


def section() -> str:
    """A table: regret in the third training of what is chosen by one score, and by the finalists' new ones."""
    known = {row["arch"]: tuple(float(row[f"acc{i}"]) for i in (1, 2, 3)) for row in rows("nas/nasbench_macro_cifar10")}
    best = max(float(np.mean(scores)) for scores in known.values())
    told = []
    for searcher in ("random", "evolution", "local"):
        found = np.array([_run(known, searcher, seed) for seed in range(SEEDS)])
        told.append([searcher, *(f"{best - each:.3f}" for each in found.mean(axis=0).tolist())])
    head = ["NAS-Bench-Macro", "best of all by the mean", "best by one score", "by a new run", "by both"]
    return TEXT.format(trials=TRIALS, top=TOP, seeds=SEEDS) + "\n\n" + table(head, told)


def _run(known: dict[str, Scores], searcher: str, seed: int) -> tuple[float, float, float, float]:
    """The third score of the best by the mean of all, by the first score, by the new one and by both."""
    name = f"noise {searcher} {seed}"
    exp = la.Experiment(name, SPACE, "accuracy", mode="max", searcher=searcher, store="memory", seed=seed)
    exp.run(lambda trial: known[_code(trial.params)][0], trials=TRIALS, progress=False)
    finalists = exp.reevaluate(lambda trial: known[_code(trial.params)][1], top=TOP, times=1, progress=False)
    by_mean = max((_code(record.params) for record in exp.trials), key=lambda code: sum(known[code]))
    by_both = max(finalists, key=lambda each: each.first + each.mean)
    chosen = by_mean, _code(exp.best.params), _code(finalists[0].params), _code(by_both.params)
    one, score, new, both = (known[code][2] for code in chosen)
    return one, score, new, both


def _code(params: la.journal.Params) -> str:
    return "".join(CODES[params[f"layer{i}"]] for i in range(8))
