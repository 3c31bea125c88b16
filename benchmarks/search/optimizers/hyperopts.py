"""hyperopt's TPE with its defaults, driven through its trials object."""

from collections.abc import Mapping
from typing import Any

import hyperopt
from hyperopt import hp

from benchmarks.search.optimizers.base import Agent, Setting
from lanista.space import Choice, Domain, Float, Int


class Hyperopt(Agent):
    """One objective; `algorithm` is `tpe`, `anneal` or `rand`."""

    def __init__(self, setting: Setting, algorithm: str = "tpe") -> None:
        self._setting = setting
        self._suggest = getattr(hyperopt, algorithm).suggest
        self._space = _tree(setting.space.tree, "")
        self._domain = hyperopt.base.Domain(lambda _: 0.0, self._space)
        self._trials = hyperopt.Trials()

    def ask(self) -> tuple[dict[str, Any], dict[str, Any]]:
        ids = self._trials.new_trial_ids(1)
        self._trials.refresh()
        docs = self._suggest(ids, self._domain, self._trials, self._setting.seed + ids[0])
        self._trials.insert_trial_docs(docs)
        self._trials.refresh()
        doc = next(d for d in self._trials._dynamic_trials if d["tid"] == ids[0])
        doc["state"] = hyperopt.JOB_STATE_RUNNING
        chosen = {name: value[0] for name, value in doc["misc"]["vals"].items() if value}
        params: dict[str, Any] = {}
        _read(self._setting.space.tree, "", chosen, params)
        return doc, params

    def tell(self, token: dict[str, Any], values: tuple[float, ...] | None) -> None:
        token["state"] = hyperopt.JOB_STATE_DONE
        token["result"] = (
            {"status": hyperopt.STATUS_FAIL} if values is None else {"status": hyperopt.STATUS_OK, "loss": values[0]}
        )
        self._trials.refresh()


def _tree(tree: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {name: _node(node, f"{place}{name}") for name, node in tree.items()}


def _node(node: Any, label: str) -> Any:
    """A domain as hyperopt writes it; below a choice, labels carry the option, since they must be unique."""
    import math

    if not isinstance(node, Domain):
        return node
    if isinstance(node, Choice):
        return hp.choice(label, [_tree(dict(node.below(i)), f"{label}={i}/") for i in range(len(node.options))])
    assert isinstance(node, Float | Int)
    if isinstance(node, Float):
        return (
            hp.loguniform(label, math.log(node.low), math.log(node.high))
            if node.log
            else hp.uniform(label, node.low, node.high)
        )
    if node.log:
        return hp.qloguniform(label, math.log(node.low), math.log(node.high), 1)
    return hp.uniformint(label, node.low, node.high)


def _read(tree: Mapping[str, Any], place: str, chosen: Mapping[str, Any], params: dict[str, Any]) -> None:
    for name, node in tree.items():
        label = f"{place}{name}"
        if not isinstance(node, Domain):
            params[name] = node
        elif isinstance(node, Choice):
            index = int(chosen[label])
            params[name] = node.options[index]
            _read(dict(node.below(index)), f"{label}={index}/", chosen, params)
        elif isinstance(node, Int):
            params[name] = min(max(round(chosen[label]), node.low), node.high)
        else:
            params[name] = float(chosen[label])
