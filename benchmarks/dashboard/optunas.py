"""The peer's side: the trials in Optuna's SQLite storage. Run with the peer's interpreter.

The rows are written as Optuna writes them, in a few transactions: by its own calls 100,000 trials would take an hour.
"""

import json
import sqlite3
import sys
from datetime import datetime

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution, distribution_to_json

from benchmarks.dashboard.trials import (
    BEGUN,
    CHOICES,
    FLOATS,
    INT_HIGH,
    INT_LOW,
    INTS,
    LOG_HIGH,
    LOG_LOW,
    LOGS,
    PARAMETERS,
    Trials,
)

NAME = "many"
DISTRIBUTIONS = {
    **{name: FloatDistribution(0, 1) for name in FLOATS},
    **{name: FloatDistribution(LOG_LOW, LOG_HIGH, log=True) for name in LOGS},
    **{name: IntDistribution(INT_LOW, INT_HIGH) for name in INTS},
    **{name: CategoricalDistribution(options) for name, options in CHOICES.items()},
}


def fill(path: str, trials: Trials) -> None:
    """Makes the study by Optuna, writes its trials, and has Optuna read some of them back."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.create_study(storage=f"sqlite:///{path}", study_name=NAME)
    texts = {name: distribution_to_json(distribution) for name, distribution in DISTRIBUTIONS.items()}
    codes = {name: dict(zip(options, range(len(options)), strict=True)) for name, options in CHOICES.items()}
    with sqlite3.connect(path) as db:
        rows = ((n + 1, n, 1, "COMPLETE", _at(n), _at(n + 1)) for n in range(len(trials.params)))
        db.executemany(
            "INSERT INTO trials (trial_id, number, study_id, state, datetime_start, datetime_complete)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
        values = ((n, 0, value, "FINITE") for n, value in enumerate(trials.values, 1))
        db.executemany("INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, ?, ?, ?)", values)
        params = (
            (n, name, codes[name][row[name]] if name in codes else row[name], texts[name])
            for n, row in enumerate(trials.params, 1)
            for name in PARAMETERS
        )
        db.executemany(
            "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?)",
            params,
        )
    db.close()
    check(path, trials)


def check(path: str, trials: Trials) -> None:
    """Optuna reads what was written as the same trials: the first and the last."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    for number in (0, len(trials.params) - 1):
        read = storage.get_trial(number + 1)
        assert (read.number, read.params, read.value) == (number, trials.params[number], trials.values[number]), read


def _at(second: int) -> str:
    return datetime.fromtimestamp(BEGUN + second).isoformat(sep=" ", timespec="microseconds")


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    fill(given["path"], Trials(given["trials"]))
