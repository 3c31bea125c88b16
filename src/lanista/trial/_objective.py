"""From what a user gives to `run` (a function, a class, a command; for one trial or a cohort) to what executors run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lanista.errors import ObjectiveError, UsageError
from lanista.space import Groups
from lanista.trial._cohort import Cohort
from lanista.trial._protocol import Job, Link
from lanista.trial._trainable import Trainable, run_trainable
from lanista.trial._trial import Trial


class Objective:
    """Calls user code for the trials of a cohort and turns whatever happens into each trial's last event.

    Attributes:
        cohort: how many trials one call takes at most; 0: it takes a single trial, and no cohort.
    """

    def __init__(self, call: Callable[..., Any], *, cohort: int, groups: Groups | None = None) -> None:
        self._call = call
        self._groups = groups
        self.cohort = int(cohort)

    def run(self, jobs: Sequence[Job], link: Link, resources: Mapping[str, Any] | None = None) -> None:
        """Runs one cohort from start to end. KeyboardInterrupt and SystemExit pass."""
        given: dict[str, Any] = {"resources": dict(resources or {}), "raises": not self.cohort, "groups": self._groups}
        trials = Cohort(jobs, link, lambda job: Trial(job, link, **given), capacity=self.cohort)
        outcome: Any
        try:
            outcome = self._call(trials if self.cohort else trials[0])
        except Exception as error:
            outcome = error
        trials.conclude(self._split(outcome, len(trials)))

    def _split(self, outcome: Any, count: int) -> list[Any]:
        """One result a trial."""
        if isinstance(outcome, Exception) or not self.cohort:
            return [outcome] * count
        if outcome is None:
            return [None] * count
        if isinstance(outcome, Sequence) and not isinstance(outcome, str) and len(outcome) == count:
            return list(outcome)
        error = ObjectiveError(
            f"a cohort's function returns None or a list of {count} results, one a trial; it returned {outcome!r}"
        )
        return [error] * count


def as_objective(given: Any, *, cohort: int = 0, groups: Groups | None = None) -> Objective:
    """Makes an objective of a function of a trial, a `Trainable` class or a `Command`.

    With `cohort`, of a function of a `Cohort` of at most so many trials. Its trials build what the `groups` of the
    space make.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(given, Objective):
        return given
    if isinstance(given, type) and issubclass(given, Trainable):
        if cohort:
            raise UsageError(
                f"{given.__name__} is a Trainable, which runs one trial; cohort= needs a function of a list of trials"
            )
        for name, low in (("max_steps", 1), ("save_every", 0)):
            value = getattr(given, name)
            if not isinstance(value, int) or value < low:
                raise UsageError(f"{given.__name__}.{name} is {value!r}; it must be a whole number from {low}")
        return Objective(_TrainableCall(given), cohort=0, groups=groups)
    if isinstance(given, type) or not callable(given):
        raise UsageError(f"the objective {given!r} is no function of a trial, no Trainable class and no Command")
    _check_signature(given, bool(cohort))
    return Objective(given, cohort=cohort, groups=groups)


def _check_signature(call: Callable[..., Any], cohort: bool) -> None:
    """Raises UsageError for a function that cannot be called with a trial alone."""
    import inspect

    try:
        signature = inspect.signature(call)
    except (TypeError, ValueError):  # some of those written in C do not tell
        return
    try:
        signature.bind(None)
    except TypeError as error:
        name = getattr(call, "__name__", type(call).__name__)
        wanted = "a list of trials: def objective(trials)" if cohort else "a trial: def objective(trial)"
        raise UsageError(
            f"the objective {name}{signature} cannot be called with one argument ({error}); it is a function of "
            f"{wanted}, where trial['lr'] is the value of a parameter"
        ) from None


class _TrainableCall:
    def __init__(self, cls: type[Trainable]) -> None:
        self._cls = cls

    def __call__(self, trial: Trial) -> Any:
        return run_trainable(self._cls, trial)
