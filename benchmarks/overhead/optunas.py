"""Optuna's cases: the same work by its random sampler. Runs in the peers' environment."""

import time
from statistics import median, quantiles

import optuna
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from benchmarks.measure import Result, measured, serve, since_start

NAMES = [f"x{i}" for i in range(10)]
UNPRUNED = 5
"""The median pruner asks for so many trials before it compares: their reports are not counted."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def study(store: str, folder: str) -> optuna.Study:
    storage: BaseStorage
    if store == "memory":
        storage = InMemoryStorage()
    elif store == "sqlite":
        storage = RDBStorage(f"sqlite:///{folder}/optuna.db")
    else:
        storage = JournalStorage(JournalFileBackend(f"{folder}/optuna.log"))
    return optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))


def optimize(folder: str, store: str, trials: int) -> Result:
    made = study(store, folder)

    def objective(trial: optuna.Trial) -> float:
        params = {name: trial.suggest_float(name, 0.0, 1.0) for name in NAMES}
        return params["x0"]

    result: Result = {"trials": trials}
    with measured(result):
        made.optimize(objective, n_trials=trials)
    assert len(made.get_trials(deepcopy=False)) == trials
    return result


def ask_and_tell(folder: str, store: str, trials: int) -> Result:
    made = study(store, folder)
    distributions = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in NAMES}
    result: Result = {"trials": trials}
    with measured(result):
        for _ in range(trials):
            trial = made.ask(distributions)
            made.tell(trial, trial.params["x0"])
    assert len(made.get_trials(deepcopy=False)) == trials
    return result


def reports(folder: str, store: str, trials: int, steps: int) -> Result:
    """A report and the pruner's word on it; each trial is better than those before, so that none is pruned."""
    made = study(store, folder)
    made.pruner = optuna.pruners.MedianPruner()
    medians, high = [], []

    def objective(trial: optuna.Trial) -> float:
        taken = []
        for step in range(steps):
            begin = time.perf_counter()
            trial.report(float(-trial.number), step)
            pruned = trial.should_prune()
            taken.append(time.perf_counter() - begin)
            assert not pruned
        if trial.number >= UNPRUNED:
            medians.append(median(taken))
            high.append(quantiles(taken, n=20)[-1])
        return float(-trial.number)

    result: Result = {"trials": trials}
    with measured(result):
        made.optimize(objective, n_trials=trials)
    return result | {"median": median(medians), "p95": median(high), "cpu_report": result["cpu"] / (trials * steps)}


def first_trial(folder: str, store: str) -> Result:
    """Seconds from the start of the interpreter to the first line of the objective."""
    begun = []

    def objective(trial: optuna.Trial) -> float:
        begun.append(since_start())
        return 0.0

    study(store, folder).optimize(objective, n_trials=1)
    return {"first": begun[0]}


if __name__ == "__main__":
    serve({"optimize": optimize, "ask_and_tell": ask_and_tell, "reports": reports, "first_trial": first_trial})
