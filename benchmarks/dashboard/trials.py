"""The trials that both dashboards show: 12 floats, 5 whole numbers and 3 choices, and a loss that falls slowly.

Used by Lanista's interpreter and by the peer's, so it imports neither.
"""

import numpy as np

FLOATS = [f"x{i}" for i in range(8)]
LOGS = [f"rate{i}" for i in range(4)]
INTS = [f"size{i}" for i in range(5)]
CHOICES = {
    "optimizer": ["sgd", "adam", "lion"],
    "schedule": ["constant", "cosine", "step", "linear"],
    "norm": ["layer", "batch", "none"],
}
LOG_LOW, LOG_HIGH = 1e-5, 1e-1
INT_LOW, INT_HIGH = 1, 512
PARAMETERS = [*FLOATS, *LOGS, *INTS, *CHOICES]
BEGUN = 1_790_000_000.0
"""When the first trial was asked for, in seconds since the epoch; each takes a second."""


class Trials:
    """So many trials: `params` as dicts in the order of `PARAMETERS`, and `values`, the same at each call."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(0)
        floats = rng.random((count, len(FLOATS)))
        logs = np.exp(rng.uniform(np.log(LOG_LOW), np.log(LOG_HIGH), (count, len(LOGS))))
        ints = rng.integers(INT_LOW, INT_HIGH, (count, len(INTS)), endpoint=True)
        chosen = [rng.integers(len(options), size=count) for options in CHOICES.values()]
        self.values: list[float] = (floats.sum(axis=1) - np.log10(logs[:, 0]) + rng.normal(0, 0.5, count)).tolist()
        self.indices = [codes.tolist() for codes in chosen]
        words = [
            [options[code] for code in codes] for options, codes in zip(CHOICES.values(), self.indices, strict=True)
        ]
        columns = [*floats.T.tolist(), *logs.T.tolist(), *ints.T.tolist(), *words]
        self.params = [dict(zip(PARAMETERS, row, strict=True)) for row in zip(*columns, strict=True)]

    def filtered(self, least: float) -> tuple[str, int]:
        """A filter expression over three parameters, and how many trials it keeps."""
        kept = sum(p["rate0"] < 0.01 and p["optimizer"] == "adam" and p["x0"] > least for p in self.params)
        return f"rate0 < 0.01 and optimizer == 'adam' and x0 > {least}", kept
