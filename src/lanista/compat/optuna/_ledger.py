"""An Optuna study in memory that is written from outside and rolled back."""

import copy
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState, create_trial

from lanista.errors import UsageError

NAME, ID = "lanista", 0
_SHARED = "relative_params"
"""Part of the keys under which samplers share what a trial has not asked for yet; here it has asked for all at once."""


class Ledger(BaseStorage):
    """The storage of one study, whose trials are a list.

    `noted` tells whether a sampler wrote down anything that later proposals may read.
    """

    def __init__(self, objectives: int) -> None:
        self.trials: list[FrozenTrial] = []
        self.noted = False
        self._attrs: dict[str, Any] = {}
        self._directions = [StudyDirection.MINIMIZE] * objectives

    def study(self, sampler: BaseSampler) -> "MirroredStudy":
        """The study, as a sampler sees it."""
        return MirroredStudy(NAME, self, sampler, NopPruner())

    @contextmanager
    def tentative(self) -> Iterator[None]:
        """Forgets at its end whatever was added since its beginning."""
        count, attrs, noted = len(self.trials), dict(self._attrs), self.noted
        try:
            yield
        finally:
            del self.trials[count:]
            self._attrs, self.noted = attrs, noted

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Refuses: there is the one study."""
        raise UsageError(
            "a sampler within FromOptuna cannot create studies; give a sampler that works on its own study"
        )

    def delete_study(self, study_id: int) -> None:
        """Refuses: there is the one study."""
        raise UsageError("a sampler within FromOptuna cannot delete its study; give a sampler that leaves it alone")

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Keeps an attribute of the study."""
        self._write(self._attrs, f"user:{key}", value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Keeps what a sampler notes on the study."""
        self._write(self._attrs, f"system:{key}", value)

    def get_study_id_from_name(self, study_name: str) -> int:
        """The one study's."""
        return ID

    def get_study_name_from_id(self, study_id: int) -> str:
        """The one study's."""
        return NAME

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """All objectives are minimised."""
        return self._directions

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Attributes of the study."""
        return {key[5:]: value for key, value in self._attrs.items() if key.startswith("user:")}

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """What samplers noted on the study."""
        return {key[7:]: value for key, value in self._attrs.items() if key.startswith("system:")}

    def get_all_studies(self) -> list[FrozenStudy]:
        """The one study."""
        attrs = self.get_study_user_attrs(ID), self.get_study_system_attrs(ID)
        return [FrozenStudy(NAME, None, *attrs, ID, directions=self._directions)]

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Adds a trial that runs, or a copy of one; its id is its number."""
        trial = create_trial(state=TrialState.RUNNING) if template_trial is None else copy.deepcopy(template_trial)
        trial.number = trial._trial_id = len(self.trials)
        self.trials.append(trial)
        return trial.number

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Keeps a parameter of a trial."""
        trial = self.trials[trial_id]
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Ends a trial."""
        trial = self.trials[trial_id]
        trial.values, trial.state = values, state
        if state.is_finished():
            trial.datetime_complete = trial.datetime_start
        return True

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Keeps a report."""
        self.trials[trial_id].intermediate_values[step] = intermediate_value

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Keeps an attribute of a trial."""
        self.trials[trial_id].user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Keeps what a sampler notes on a trial."""
        self._write(self.trials[trial_id].system_attrs, key, value)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """The trial itself."""
        return self.trials[trial_id]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials in those states."""
        found = self.trials[:] if states is None else [trial for trial in self.trials if trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def _write(self, attrs: dict[str, Any], key: str, value: Any) -> None:
        attrs[key] = value
        self.noted = self.noted or _SHARED not in key


class MirroredStudy(Study):
    """A study that samplers may stop at any time; they do so when they have nothing left to propose."""

    stopped = False

    def stop(self) -> None:
        """Remembers it."""
        self.stopped = True
