"""An Optuna sampler around a searcher."""

import contextlib
import copy
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from lanista.compat.optuna._form import Form, distribution_of, domain_of
from lanista.compat.optuna._told import MARK, Told, space_of, trials_of
from lanista.errors import SpaceError, UsageError
from lanista.experiment._resolve import as_searcher
from lanista.search import Batch, Grid, Searcher
from lanista.space import Choice, Float, Int, Params, Space, grow

MOST_SPACES = 8
"""Search spaces of which a history is kept."""


class LanistaSampler(BaseSampler):
    """See `to_optuna`, which makes it.

    The relative search space is the whole of the given space, or all parameters of ended trials with the widest of
    their ranges; the searcher proposes values for all of it, and the objective asks for those that it needs. Parameters
    beyond it are drawn at random.
    """

    _study: BaseStorage | None
    _study_id: int
    _latest: Told | None

    def __init__(
        self, searcher: str | Searcher, space: Space | Mapping[str, Any] | None = None, *, seed: int | None = None
    ) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
            raise UsageError(f"to_optuna(seed={seed!r}): it must be a whole number from 0, or None")
        self.searcher = as_searcher(searcher)
        self.space = None if space is None else space if isinstance(space, Space) else Space(space)
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        self._given = None if self.space is None else _askable(self.space)
        self._unused = _copy(self.searcher)
        self._lock = threading.RLock()
        self._forget()

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: vars(self)[name] for name in ("space", "seed", "_given")}
        return {**kept, "searcher": self._unused}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._unused = _copy(self.searcher)
        self._lock = threading.RLock()
        self._forget()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The given space, or what ended trials asked for; without parameters of one value."""
        with self._lock:
            self._enter(study)
            if self._given is None:
                self._discover(trials_of(study))
            found = self._found if self._given is None else self._given
            return {name: each for name, each in sorted(found.items()) if not each.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the searcher proposes; nothing where it is exhausted."""
        if not search_space:
            return {}
        with self._lock:
            self._enter(study)
            told = self._latest = self._told_of(study, search_space)
            history = told.update(trials_of(study), trial.number, self._asked)
            proposals = self.searcher.ask(history, 1, np.random.default_rng((self.seed, trial.number)))
            if not proposals:
                self._exhausted = True
                return {}
            self._asked[trial.number] = proposals[0]
            study._storage.set_trial_system_attr(trial._trial_id, MARK, True)
            return told.outside(proposals[0])

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A random value."""
        rng = np.random.default_rng((self.seed, trial.number, crc32(param_name.encode())))
        domain = domain_of(param_distribution)
        value = Space({param_name: domain}).sample(rng, 1)[0][param_name]
        return param_distribution.to_external_repr(domain.index(value)) if isinstance(domain, Choice) else value

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Stops the study where the searcher has nothing left."""
        with self._lock:
            told = self._latest
            if told is not None and not self._exhausted and isinstance(self.searcher, Grid | Batch):
                history = told.update(trials_of(study), -1, self._asked)
                self._exhausted = not self.searcher.ask(history, 1, np.random.default_rng(0))
            self._asked.pop(trial.number, None)
            if self._exhausted:
                with contextlib.suppress(RuntimeError):  # asked for by `study.ask`, where there is no loop to end
                    study.stop()

    def _enter(self, study: Study) -> None:
        """Begins anew where the study is another one than before."""
        if self._study is not study._storage or self._study_id != study._study_id:
            self._forget()
            self._study, self._study_id = study._storage, study._study_id

    def _forget(self) -> None:
        self._study, self._study_id = None, -1
        self._asked: dict[int, Params] = {}
        self._told: dict[tuple[Any, ...], Told] = {}
        self._latest = None
        self._found: dict[str, BaseDistribution] = {}
        self._seen = 0
        self._unended: list[int] = []
        self._exhausted = False

    def _discover(self, trials: Sequence[FrozenTrial]) -> None:
        """Takes in the parameters of trials that ended since."""
        numbers = [*self._unended, *range(self._seen, len(trials))]
        self._seen = len(trials)
        self._unended = [number for number in numbers if not trials[number].state.is_finished()]
        for number in numbers:
            trial = trials[number]
            if trial.state.is_finished():
                for name, distribution in trial.distributions.items():
                    known = self._found.get(name, distribution)
                    self._found[name] = known if known == distribution else _widest(known, distribution)

    def _told_of(self, study: Study, search_space: dict[str, BaseDistribution]) -> Told:
        """The history of this search space; those looked at last are kept."""
        key = tuple(search_space.items())
        told = self._told.pop(key, None)
        if told is None:
            whole = self._given is not None and search_space.keys() == {
                name for name, each in self._given.items() if not each.single()
            }
            space = self.space if whole and self.space is not None else space_of(search_space)
            distributions = self._given if whole and self._given is not None else search_space
            told = Told(space, distributions, study.directions, self.seed)
        self._told[key] = told
        while len(self._told) > MOST_SPACES:
            del self._told[next(iter(self._told))]
        return told


def _copy(searcher: Searcher) -> Searcher:
    """One that stays without caches and so can be pickled; itself where it has some already that cannot be copied."""
    try:
        return copy.deepcopy(searcher)
    except TypeError:
        return searcher


def _askable(space: Space) -> dict[str, BaseDistribution]:
    """The distributions of a space for `suggest_float`, `suggest_int` and `suggest_categorical`.

    Raises:
        UsageError: it holds what they cannot ask for.
    """
    for parameter in space.parameters:
        domain = parameter.domain
        if not isinstance(domain, Float | Int | Choice):
            raise UsageError(
                f"to_optuna(space=...): {parameter.path!r} is a {type(domain).__name__}, which an Optuna objective "
                "cannot ask for; write it with Float, Int and Choice"
            )
        if isinstance(domain, Float | Int) and domain.log and (domain.step or 0) > isinstance(domain, Int):
            raise UsageError(
                f"to_optuna(space=...): {parameter.path!r} has both log and step, which an Optuna objective cannot "
                "ask for; leave one of them out"
            )
        if parameter.path != parameter.name and sum(p.name == parameter.name for p in space.parameters) > 1:
            raise UsageError(
                f"to_optuna(space=...): the name {parameter.name!r} stands for several parameters, which Optuna cannot "
                "tell apart; rename one of them"
            )
    return Form(space).distributions


def _widest(old: BaseDistribution, new: BaseDistribution) -> BaseDistribution:
    """A range that holds both; of other kinds, or of other options, the new one."""
    if isinstance(new, CategoricalDistribution) or type(old) is not type(new):
        return new
    try:
        domain = grow(Space({"x": domain_of(old)}), "x", domain_of(new)).tree["x"]
    except SpaceError:
        return new
    assert isinstance(domain, Float | Int)
    return distribution_of(domain)
