"""Any Optuna sampler as a searcher."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from lanista._described import Described
from lanista.errors import MissingExtraError, UsageError
from lanista.journal import History, Params

if TYPE_CHECKING:
    from lanista.compat.optuna._mirror import Mirror


class FromOptuna(Described):
    """Proposes what an Optuna sampler proposes.

    The sampler sees a study that says what the history says: completed trials, stopped ones as pruned with their
    reports, failed and infeasible ones and those without a finite value as failed, all others as running; objectives
    minimised; bounds on metrics as constraints; metrics as user attributes. Conditional parameters are asked for only
    where they apply. Configurations that `where` forbids are told to the sampler as failed, and it is asked again, up
    to 20 times; then a random one is taken.

    Proposals depend on the history and on nothing else: before each, the sampler's generators are seeded from the
    experiment's seed and the number of the trial, so that seeds given to the sampler make no difference. Most samplers
    (TPE, GP, random, brute force) read all they need from the trials. Those that note something with each trial
    (CMA-ES, NSGA-II and III, QMC, grid) are taken through the trials again when an experiment is opened, which costs
    one proposal a trial. What a sampler keeps in itself and not in the study is lost between proposals, the GP's last
    kernel parameters for instance, unless `replay` is true. `QMCSampler(scramble=True)` needs a seed of its own.

    Args:
        sampler: an Optuna sampler; it is copied, and itself not used.
        replay: whether the sampler is taken through all trials. None: where it is seen to note something.

    Raises:
        MissingExtraError: Optuna is not installed.
        UsageError: `sampler` is no sampler, or cannot be copied; or it raises an exception when it is asked.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> import optuna
    >>> from lanista.space import Float, Space
    >>> searcher = FromOptuna(optuna.samplers.RandomSampler())
    >>> searcher.ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0...}]
    """

    _mirror: "Mirror | None" = None

    def __init__(self, sampler: Any, *, replay: bool | None = None) -> None:
        try:
            from optuna.samplers import BaseSampler
        except ImportError as error:
            raise MissingExtraError.of("optuna", "optuna") from error
        if not isinstance(sampler, BaseSampler):
            raise UsageError(
                f"FromOptuna({sampler!r}): give an object made of a sampler's class, such as TPESampler(), "
                "from optuna.samplers"
            )
        try:
            copy.deepcopy(sampler)
        except Exception as error:
            raise UsageError(
                f"FromOptuna({type(sampler).__name__}()): the sampler cannot be copied, {type(error).__name__}: "
                f"{error}; give one that copy.deepcopy takes"
            ) from error
        self.sampler, self.replay = sampler, replay

    def __getstate__(self) -> dict[str, Any]:
        return {"sampler": self.sampler, "replay": self.replay}

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes one after the other, each knowing those before it; `rng` is not used."""
        known = self._mirror
        replay = known.replay if known is not None and known.history is history else bool(self.replay)
        found, noted = self._mirror_of(history, replay).propose(count)
        if noted and self.replay is None and not replay:
            found, _ = self._mirror_of(history, True).propose(count)
        return found

    def _mirror_of(self, history: History, replay: bool) -> "Mirror":
        """The study of this history, up to date."""
        from lanista.compat.optuna._mirror import Mirror

        known = self._mirror
        if known is not None and known.history is history and known.replay == replay and known.sync():
            return known
        self._mirror = None  # stays so if the sampler raises an exception
        fresh = Mirror(history, self.sampler, replay=replay)
        fresh.sync()
        self._mirror = fresh
        return fresh
