"""Lanista's searchers on a history in memory: no store, no controller."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.search.optimizers.base import Agent, Setting
from lanista.experiment._resolve import SEARCHERS, named
from lanista.journal import Asked, Created, Ended, History, Joined, Started


class Ours(Agent):
    """A searcher by its name or as `module:Class`, with its arguments."""

    def __init__(self, setting: Setting, searcher: str, arguments: dict[str, Any] | None = None) -> None:
        module, colon, cls = searcher.partition(":")
        table = {searcher.lower(): getattr(import_module(module), cls)} if colon else SEARCHERS
        self._searcher = named("searcher", searcher, table, arguments)
        self._seed = setting.seed
        self._history = History(setting.space)
        metrics = {f"y{i}": "min" for i in range(setting.objectives)}
        limits = {"trials": setting.budget}
        self._history.extend(
            [
                Created(0.0, "bench", setting.space.to_json(), metrics, setting.seed),
                Joined(0.0, "bench", "", 0, workers=setting.parallel, limits=limits),
            ]
        )

    def ask(self) -> tuple[int, dict[str, Any]] | None:
        number = len(self._history)
        found = self._searcher.ask(self._history, 1, np.random.default_rng((self._seed, number)))
        if not found:
            return None
        self._history.extend([Asked(0.0, number, found[0]), Started(0.0, number, 1, "bench")])
        return number, found[0]

    def preload(self, evaluated: Sequence[tuple[dict[str, Any], tuple[float, ...]]]) -> None:
        for params, values in evaluated:
            number = len(self._history)
            self._history.extend([Asked(0.0, number, params), Started(0.0, number, 1, "bench")])
            self.tell(number, values)

    def tell(self, token: int, values: tuple[float, ...] | None) -> None:
        state = "failed" if values is None else "completed"
        metrics = {f"y{i}": value for i, value in enumerate(values or ())}
        self._history.extend([Ended(0.0, token, 1, state, metrics)])
