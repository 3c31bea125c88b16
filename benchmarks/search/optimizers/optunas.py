"""Optuna's samplers; conditional parameters are suggested as they come up, which is how Optuna has them."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna

from benchmarks.search.optimizers.base import Agent, Setting, leaves
from lanista.space import Choice, Domain, Float, Int

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")


class Optuna(Agent):
    """A study in memory.

    From version 5 on, TPE is multivariate and has its liar by default; `tpe-mv` adds the groups, `tpe-single` is the
    former default.
    """

    def __init__(self, setting: Setting, sampler: str, **arguments: Any) -> None:
        self._setting = setting
        samplers = optuna.samplers
        seed = setting.seed
        made: dict[str, Any] = {
            "tpe": lambda: samplers.TPESampler(seed=seed, **arguments),
            "tpe-mv": lambda: samplers.TPESampler(seed=seed, multivariate=True, group=True, **arguments),
            "tpe-single": lambda: samplers.TPESampler(seed=seed, multivariate=False, **arguments),
            "gp": lambda: samplers.GPSampler(seed=seed, **arguments),
            "cma": lambda: samplers.CmaEsSampler(seed=seed, **arguments),
            "nsga2": lambda: samplers.NSGAIISampler(seed=seed, **arguments),
            "random": lambda: samplers.RandomSampler(seed=seed, **arguments),
        }
        self._study = optuna.create_study(directions=["minimize"] * setting.objectives, sampler=made[sampler]())

    def ask(self) -> tuple[optuna.Trial, dict[str, Any]]:
        trial = self._study.ask()
        params: dict[str, Any] = {}
        self._suggest(trial, self._setting.space.tree, params)
        return trial, params

    def _suggest(self, trial: optuna.Trial, tree: Mapping[str, Any], params: dict[str, Any]) -> None:
        for name, node in tree.items():
            if not isinstance(node, Domain):
                params[name] = node
            elif isinstance(node, Float):
                params[name] = trial.suggest_float(name, node.low, node.high, log=node.log)
            elif isinstance(node, Int):
                params[name] = trial.suggest_int(name, node.low, node.high, log=node.log)
            elif isinstance(node, Choice):
                params[name] = trial.suggest_categorical(name, node.options)
                self._suggest(trial, dict(node.below(node.index(params[name]))), params)

    def preload(self, evaluated: Sequence[tuple[dict[str, Any], tuple[float, ...]]]) -> None:
        found: dict[str, Any] = {leaf.name: _distribution(leaf.domain) for leaf in leaves(self._setting.space)}
        made = [
            optuna.trial.create_trial(
                params=params, distributions={name: found[name] for name in params}, values=list(values)
            )
            for params, values in evaluated
        ]
        self._study.add_trials(made)

    def tell(self, token: optuna.Trial, values: tuple[float, ...] | None) -> None:
        if values is None:
            self._study.tell(token, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(token, list(values))


def _distribution(domain: Any) -> optuna.distributions.BaseDistribution:
    if isinstance(domain, Choice):
        return optuna.distributions.CategoricalDistribution(domain.options)
    if isinstance(domain, Int):
        return optuna.distributions.IntDistribution(domain.low, domain.high, log=domain.log)
    return optuna.distributions.FloatDistribution(domain.low, domain.high, log=domain.log)
