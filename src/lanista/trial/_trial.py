"""The handle that user code holds."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lanista._words import counted
from lanista.errors import ObjectiveError, ParameterError, StopTrial, UsageError
from lanista.journal import Checkpointed, Params, Reported, Suggested, noted, own
from lanista.space import Choice, Domain, Float, Groups, Int, Space
from lanista.trial import _checkpoint
from lanista.trial._protocol import Decision, Job, Link
from lanista.trial._values import as_metrics, as_number


class PauseTrial(StopTrial):
    """Raised by `trial.report` when the trial is to pause; its code is called again, from the checkpoint, to go on."""


class Trial:
    """One run of an objective: its parameters, and the line back to the experiment.

    Attributes:
        number: the trial's number in the experiment, from 0.
        params: the configuration, only parameters that apply. `trial["lr"]` is short for `trial.params["lr"]`.
        seed: an integer derived from the experiment's seed and the trial's number, the same at each attempt.
        attempt: 1 at the first start.
        step: the last step reported, or the checkpoint's before the first report of this attempt.
        resources: what the executor assigned, for instance {"cpus": 2, "gpus": [0]}.
        fidelity: how much to use (rows, say) at this call, where the scheduler has a `Fidelity`; None: all there is.
        metrics: the latest value of each metric reported, also by earlier attempts.

    >>> import lanista as la
    >>> def objective(trial):
    ...     for _ in range(3):
    ...         trial.report(loss=trial["x"] ** 2)
    >>> exp = la.Experiment("doc", {"x": la.Float(-1, 1)}, metric="loss", store="memory")
    >>> exp.run(objective, trials=2, progress=False).trials[0].steps
    3
    """

    def __init__(
        self,
        job: Job,
        link: Link,
        *,
        resources: dict[str, Any] | None = None,
        raises: bool = True,
        groups: Groups | None = None,
    ) -> None:
        self.number = job.number
        self.params: Params = own(job.params)
        self.seed = job.seed
        self.attempt = job.attempt
        self.step = job.step
        self.resources = resources or {}
        self.fidelity = job.fidelity
        self.metrics: dict[str, float] = dict(job.reported)
        self.decision = Decision()
        self._job, self._link, self._raises = job, link, raises
        self._budget = job.budget
        self._deadline: float | None = None
        self._reported = False
        self._from_zero = False
        self._save_first: bool | None = None
        self._pending: tuple[int, str] | None = None
        self._local: Path | None = None
        self._groups, self._built = groups or Groups(), dict[str, Any]()

    def __repr__(self) -> str:
        return f"Trial(number={self.number}, params={self.params})"

    def __getitem__(self, name: str) -> Any:
        """The value of a parameter, or what a group of parameters makes, which is built once.

        Raises:
            ParameterError: the trial has none of that name; a KeyError as well.
        """
        if name in self.params:
            return self.params[name]
        if name not in self._groups:
            raise ParameterError(self._stranger(name))
        if name not in self._built:
            self._built[name] = self._groups.build(name, self.params)
        return self._built[name]

    def _stranger(self, name: str) -> str:
        """What is wrong with the name of a parameter that this trial does not have."""
        from difflib import get_close_matches

        what = f"trial[{name!r}]: the trial has no such parameter"
        if any(key.startswith(f"{name}.") for key in self.params):
            return (
                f"{what}; it is a group of parameters, and what they make is known to the process that gave the space: "
                "give space= to the Experiment again"
            )
        if close := get_close_matches(str(name), self.params, 1):
            return f"{what}; did you mean {close[0]!r}?"
        there = f"there are {', '.join(self.params)}" if self.params else "there are none"
        if self._job.define:
            return f"{what} yet; {there}; ask for it by trial.suggest_float({name!r}, low, high) or its kin"
        return f"{what}; {there}; for one that applies only under a condition write trial.params.get({name!r})"

    @property
    def directory(self) -> Path:
        """A folder of this trial's own, made when first asked for; it outlives the trial."""
        path = Path(self._job.directory)
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def wanted(self) -> tuple[str, ...]:
        """The metrics that it must give: the objectives, and those with a bound."""
        return (*self._job.metrics, *self._job.constrained)

    @property
    def stopped(self) -> bool:
        """Whether the trial is to run no further: for cohorts, whose reports do not raise."""
        return self.decision.kind != "continue"

    # --- metrics ------------------------------------------------------------------------------------------------------

    def report(self, value: float | None = None, step: int | None = None, **metrics: float) -> None:
        """Reports metrics after a step.

        Args:
            value: the first objective, when it is not given by name.
            step: which step it was; by default the one after the last. Steps count from 1; those of libraries that
                count from 0 serve as well. With a fidelity it is the level, whatever is given.
            **metrics: metrics by name.

        Raises:
            StopTrial: the scheduler or a person ends the trial here, or it pauses; let it pass.
            MetricError: a value is no number.
        """
        named = {name: as_number(name, v) for name, v in metrics.items()}
        if value is not None:
            named[self._job.metrics[0]] = as_number(self._job.metrics[0], value)
        if not named:
            raise UsageError("trial.report() was given no metric; write for instance trial.report(accuracy=0.9)")
        if self.fidelity is not None:
            step = self.fidelity
        elif not self._reported:  # a first report that names the count of steps done so far: its caller counts from 0
            self._from_zero = step is not None and int(step) == self.step
        self.step = self.step + 1 if step is None else int(step)
        self._reported = True
        self.metrics.update(named)
        checkpoint = self._take_pending()
        event = Reported(time.time(), self.number, self.attempt, self.step, named, checkpoint)
        self.decision = self._settle(self._link.report(event))
        if self._raises and self.stopped:
            raise (PauseTrial if self.decision.kind == "yield" else StopTrial)(self.decision.reason)

    def should_prune(self) -> bool:
        """Whether the trial is to end; `report` has raised StopTrial by then, except in cohorts."""
        return self.stopped

    def note(self, **values: Any) -> None:
        """Writes remarks (JSON values) beside the trial, shown with it."""
        self._link.send(noted(time.time(), self.number, values))

    def set_user_attr(self, key: str, value: Any) -> None:
        """The same as `note`, with Optuna's signature."""
        self.note(**{key: value})

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def save(self, *objects: Any, step: int | None = None) -> str:
        """Saves the state of objects, so that the trial can be paused, cloned and retried.

        It belongs to the report that follows it, as in `trial.save(model); trial.report(...)`; a trial that first
        reports and then saves is understood too. Objects with `state_dict` (torch) are saved by it, others are
        pickled.

        Args:
            *objects: what `load` is to be given again, in the same order.
            step: the step whose end this is, where neither order holds.

        Returns:
            The path or URL of the checkpoint.

        Raises:
            CheckpointError: checkpoints live at a URL that cannot be written.
        """
        return self.save_file(lambda path: _checkpoint.dump(path, objects), step=step)

    def save_file(self, writer: Callable[[Path], None], *, step: int | None = None) -> str:
        """As `save`, by a function that writes a file (or folder) at the path it is given."""
        if self._save_first is None:
            self._save_first = not self._reported
        done = self.step + self._from_zero
        next_step = done + self._save_first if self.fidelity is None else self.fidelity
        at = next_step if step is None else step
        name = f"checkpoint-{at}-{self.attempt}"
        place = self._job.checkpoints
        path = f"{self._job.directory}/{name}" if place is None else f"{place}/trial-{self.number}-{name}"
        path = _checkpoint.write(path, writer)
        if at > done:
            self._pending = (at, path)
        else:
            self._link.send(Checkpointed(time.time(), self.number, self.attempt, at, path))
        return path

    def load(self, *objects: Any) -> int:
        """Restores what `save` saved, if the trial goes on from a checkpoint.

        Returns:
            How many steps are done already: 0 for a new trial, so that `range(trial.load(model), epochs)` are those
                left.

        Raises:
            CheckpointError: it lives at a URL that cannot be read.
        """
        path = self.checkpoint
        if path is None:
            self.step = 0
            return 0
        _checkpoint.restore(path, objects)
        self._begin_slice()
        return self.step

    @property
    def checkpoint(self) -> Path | None:
        """The file to go on from, None for a fresh start; one that lives at a URL is brought here when first asked for.

        Raises:
            CheckpointError: it cannot be brought.
        """
        if self._local is None and self._job.checkpoint:
            name = self._job.checkpoint
            folder = _checkpoint.scratch(self) if _checkpoint.is_remote(name) else Path()
            self._local = _checkpoint.fetch(name, folder)
        return self._local

    # --- parameters found while running -------------------------------------------------------------------------------

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A float parameter, with Optuna's signature: the space is discovered by running."""
        return float(self._suggest(name, lambda: Float(low, high, log=log, step=step), low, low == high))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """An integer parameter, with Optuna's signature."""
        return int(self._suggest(name, lambda: Int(low, high, log=log, step=step), low, low == high))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """A choice, with Optuna's signature."""
        return self._suggest(name, lambda: Choice(list(choices)), None, False)

    def _suggest(self, name: str, domain: Callable[[], Domain], constant: Any, fixed: bool) -> Any:
        """The value of a parameter: settled before, proposed by the searcher, or drawn from the trial's own seed."""
        if name in self.params:
            return self.params[name]
        if not self._job.define:
            raise ObjectiveError(
                f"trial.suggest_*({name!r}): the experiment has a space that does not name {name!r}; "
                "add it there, or give no space at all"
            )
        found = None if fixed else domain()
        value = constant
        if found is not None:
            value = self._job.proposal.get(name)
            if name not in self._job.proposal or not found.contains(value):
                rng = np.random.default_rng([self.seed, *name.encode()])
                value = Space({name: found}).sample(rng, 1)[0][name]
        self.params[name] = value
        shape = found.to_json() if found is not None else {}
        self._link.send(Suggested(time.time(), self.number, self.attempt, name, shape, value))
        return value

    # --- for the runner -----------------------------------------------------------------------------------------------

    def conclude(self, outcome: Any) -> Any:
        """What its code returned; at a level of a fidelity that is a report, unless it has reported there already."""
        if self.fidelity is None or self._reported or outcome is None:
            return outcome
        metrics: dict[str, Any] = as_metrics(outcome, self._job.metrics)
        self.report(**metrics)
        return None if self.stopped else outcome

    def flush(self) -> None:
        """Sends a checkpoint that was saved but never followed by its report."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._link.send(Checkpointed(time.time(), self.number, self.attempt, *pending))

    def _take_pending(self) -> str | None:
        """The checkpoint that goes with the report being made; one of an earlier step is sent by itself."""
        if self._pending is not None and self._pending[0] == self.step and not self._from_zero:
            path = self._pending[1]
            self._pending = None
            return path
        self.flush()
        return None

    def _settle(self, decision: Decision) -> Decision:
        """Yields when the budget, as extended by the decision, is spent."""
        if decision.budget is not None:
            self._budget = decision.budget
        if decision.kind != "continue":
            return decision
        if self._budget is not None and self.step >= self._budget:
            return Decision("yield", f"budget of {counted(self._budget, 'step')} spent")
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return Decision("yield", f"budget of {self._job.seconds:g} s spent")
        self._begin_slice()
        return decision

    def _begin_slice(self) -> None:
        """Starts the clock of a budget in seconds, which is not to count what the start of an attempt takes."""
        if self._job.seconds is not None and self._deadline is None:
            self._deadline = time.monotonic() + self._job.seconds
