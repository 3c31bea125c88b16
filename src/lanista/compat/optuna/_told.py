"""The history of an Optuna study, told on as its trials come and end."""

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from lanista.compat.optuna._form import domain_of
from lanista.journal import Asked, Created, Ended, Event, History, Reported, Started
from lanista.space import Choice, Params, Space

MARK = "lanista:proposed"
"""The attribute of a trial that a searcher proposed."""
_STATES = {TrialState.COMPLETE: "completed", TrialState.PRUNED: "stopped", TrialState.FAIL: "failed"}


class Told:
    """What the trials of a study say of the parameters of one search space.

    Trials get numbers of their own here, in the order in which their configurations become known: trials of other
    processes that run and have asked for nothing yet come later than those they began before.

    Args:
        space: of the searcher; where a trial lacks parameters, they do not apply.
        distributions: by name.
        directions: of the study.
        seed: of the searcher.
    """

    def __init__(
        self,
        space: Space,
        distributions: dict[str, BaseDistribution],
        directions: Sequence[StudyDirection],
        seed: int,
    ) -> None:
        self.space, self._distributions, self._seed = space, distributions, seed
        self._choices = {p.name: p.domain for p in space.parameters if isinstance(p.domain, Choice)}
        self._metrics = {
            f"objective {i}": "max" if direction == StudyDirection.MAXIMIZE else "min"
            for i, direction in enumerate(directions)
        }
        self._bounds: dict[str, list[Any]] = {}
        self._seen, self._outdated = 0, False
        self._begin()

    def update(self, trials: Sequence[FrozenTrial], current: int, asked: dict[int, Params]) -> History:
        """The history with all trials but the current one; `asked` is what was proposed here, by number."""
        numbers = [*self._open, *range(self._seen, len(trials))]
        self._seen = len(trials)
        for number in numbers:
            self._take(trials[number], current, asked)
            if self._outdated:
                self._begin()
                return self.update(trials, current, asked)
        return self.history

    def outside(self, params: Params) -> dict[str, Any]:
        """A searcher's configuration in the study's values."""
        found = {}
        for name, distribution in self._distributions.items():
            if name in params:
                value = params[name]
                if name in self._choices:
                    value = distribution.to_external_repr(self._choices[name].index(value))
                found[name] = value
        return found

    def _begin(self) -> None:
        """An empty history."""
        self.history = History(self.space)
        self._seen, self._outdated = 0, False
        self._open: dict[int, None] = {}
        self._rows: dict[int, tuple[int, Params]] = {}
        created = Created(
            0.0, "study", self.space.to_json(), self._metrics, self._seed, define=True, constraints=self._bounds
        )
        self.history.extend([created])

    def _take(self, trial: FrozenTrial, current: int, asked: dict[int, Params]) -> None:
        """Tells what is new of one trial."""
        number = trial.number
        params = self._inside(trial.params, trial.distributions)
        if trial.state in _STATES:
            self._open.pop(number, None)
            row, known = self._rows.pop(number, (None, {}))
            if row is not None and known != params:  # it asked for something else in the end: count it anew
                self.history.extend([Ended(0.0, row, 1, "cancelled")])
                row = None
                self._start(params, "imported")
            elif row is None:
                self._start(params, _origin(trial))
            self._end(trial, len(self.history) - 1 if row is None else row)
            return
        self._open[number] = None
        if number == current or number in self._rows or trial.state != TrialState.RUNNING:
            return
        params = params or asked.get(number, {})
        if params:
            self._rows[number] = len(self.history), params
            self._start(params, "searcher" if number in asked else _origin(trial))

    def _inside(self, params: dict[str, Any], distributions: dict[str, BaseDistribution]) -> Params:
        """A trial's parameters, as far as they belong to the space, in the space's values."""
        found: Params = {}
        for name, value in params.items():
            own = self._distributions.get(name)
            if own is None or type(own) is not type(distributions[name]):
                continue
            found[name] = (
                self._choices[name].options[int(own.to_internal_repr(value))] if name in self._choices else value
            )
        return found

    def _start(self, params: Params, origin: str) -> None:
        number = len(self.history)
        proposal = params if origin == "searcher" else {}
        asked = Asked(0.0, number, params, origin, proposal=proposal)
        self.history.extend([asked, Started(0.0, number, 1, "optuna")])

    def _end(self, trial: FrozenTrial, row: int) -> None:
        events: list[Event] = []
        name = next(iter(self._metrics))
        if len(self._metrics) == 1:
            events += [
                Reported(0.0, row, 1, step + 1, {name: float(value)})
                for step, value in sorted(trial.intermediate_values.items())
            ]
        metrics: dict[str, float] = {}
        if trial.state == TrialState.COMPLETE:
            metrics.update(zip(self._metrics, trial.values or (), strict=False))
        excess = _constraints(trial)
        if excess.keys() - self._bounds.keys():
            self._bounds.update({key: ["<=", 0.0] for key in excess})
            self._outdated = True
        metrics.update(excess)
        events.append(Ended(0.0, row, 1, _STATES[trial.state], metrics))
        self.history.extend(events)


def space_of(distributions: dict[str, BaseDistribution]) -> Space:
    """The space of independent parameters."""
    return Space({name: domain_of(each) for name, each in distributions.items()})


def trials_of(study: Study) -> list[FrozenTrial]:
    """All trials, by number; of other brackets, too, where a pruner shows only some."""
    return study._storage.get_all_trials(study._study_id, deepcopy=False)


def _origin(trial: FrozenTrial) -> str:
    return "searcher" if MARK in trial.system_attrs else "enqueued"


def _constraints(trial: FrozenTrial) -> dict[str, float]:
    """By how much the trial breaks each constraint."""
    found: Any = getattr(trial, "constraints", None)
    if found is None:  # Optuna before 5
        given = trial.system_attrs.get("constraints") or ()
        found = {str(i): value for i, value in enumerate(given)}
    return {f"constraint {key}": float(value) for key, value in found.items()}
