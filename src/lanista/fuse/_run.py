"""The training of a cohort: epoch after epoch, with trials that leave and others that enter."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from lanista.errors import StopTrial, UsageError
from lanista.fuse._checkpoints import Checkpoints
from lanista.fuse._losses import Metric, numbers
from lanista.fuse._member import Member, State
from lanista.fuse._team import Outcome, Team
from lanista.fuse._workshop import Workshop
from lanista.trial import Cohort, Trial

Ends = dict[Trial, Exception | None]
"""Trials that end, with what went wrong, if so."""

Make = Callable[[Trial, State | None], Member]


class Run:
    """Trains trials to their ends.

    Args:
        workshop: trains their models.
        make: makes the model of a trial that goes on from a state, if there is one.
        checkpoints: where trials go on from.
        metrics: what is told of outputs, beside the losses.
        epochs: how long each is trained.
    """

    def __init__(
        self, workshop: Workshop, make: Make, checkpoints: Checkpoints, *, metrics: dict[str, Metric], epochs: int
    ) -> None:
        self._workshop, self._make, self._checkpoints = workshop, make, checkpoints
        self._metrics, self._epochs = metrics, epochs
        self._trials: dict[Member, Trial] = {}
        self._noted: dict[Member, tuple[Team, str]] = {}

    def cohort(self, cohort: Cohort) -> None:
        """Trains a cohort, and those that enter it."""
        self._checkpoints.room = 2 * cohort.capacity
        ended = self._enter(cohort)
        while len(cohort):
            ended |= self._epoch()
            ended = self._enter(cohort.swap(ended))

    def one(self, trial: Trial) -> None:
        """Trains a trial by itself."""
        ended = self._enter([trial])
        while self._trials:
            ended |= self._epoch()
        if (error := ended[trial]) is not None:
            raise error

    def _enter(self, trials: Iterable[Trial]) -> Ends:
        """Takes trials in; those whose models cannot be made end, and those that are done already."""
        ended: Ends = {}
        new: dict[Member, Trial] = {}
        for trial in trials:
            try:
                member = self._make(trial, self._checkpoints.begin(trial))
                if member.epoch < self._goal(trial):
                    new[member] = trial
                else:
                    ended[trial] = None
            except Exception as error:
                ended[trial] = error
        self._trials |= new
        self._workshop.join(new)
        return ended

    def _goal(self, trial: Trial) -> int:
        """The epoch that it is trained to."""
        if trial.fidelity is None:
            return self._epochs
        if trial.fidelity > self._epochs:
            raise UsageError(
                f"the scheduler's fidelity asks for {trial.fidelity} epochs, and the Trainer has "
                f"epochs={self._epochs}; give both the same"
            )
        return trial.fidelity

    def _epoch(self) -> Ends:
        """Trains all for an epoch; the trials that end with it."""
        ended: Ends = {}
        for member, outcome in self._workshop.epoch(outputs=bool(self._metrics)).items():
            trial = self._trials[member]
            self._note(member, trial)
            try:
                if isinstance(outcome, Exception):
                    raise outcome
                if self._report(member, trial, outcome):
                    ended[trial] = None
            except Exception as error:
                ended[trial] = error
        gone = [member for member, trial in self._trials.items() if trial in ended]
        self._workshop.leave(gone)
        for member in gone:
            del self._trials[member], self._noted[member]
        return ended

    def _note(self, member: Member, trial: Trial) -> None:
        """Notes how a trial is trained, when that is not what it was."""
        team = self._workshop.team(member)
        if self._noted.get(member) != (team, team.way.name):
            self._noted[member] = team, team.way.name
            trial.note(training=team.told)

    def _report(self, member: Member, trial: Trial, outcome: Outcome) -> bool:
        """Reports for a trial, and saves it; whether it ends."""
        complete = member.epoch >= self._goal(trial)
        if trial.fidelity is None or complete:
            found = {"train_loss": outcome.train_loss, "loss": outcome.loss}
            if outcome.outputs is not None:
                found |= numbers(self._metrics, outcome.outputs, self._workshop.team(member).kind.plan.valid.targets)
            with suppress(StopTrial):  # it is raised outside a cohort; what it says is in the decision
                trial.report(step=member.epoch, **found)
        ends = complete or trial.stopped
        if self._is_saved(trial, ends):
            self._checkpoints.save(trial, self._workshop.team(member).stack.read(member))
        return ends

    def _is_saved(self, trial: Trial, ends: bool) -> bool:
        """Whether a trial is saved after a report: one that goes on later, is of use when complete, or may be copied.

        Copies are made from where a scheduler prolongs a trial.
        """
        decision = trial.decision
        if decision.kind == "stop" and decision.state == "stopped":
            return False
        return ends or decision.budget is not None or self._checkpoints.is_due(trial)
