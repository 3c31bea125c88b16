"""The public object."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from lanista.errors import UsageError
from lanista.experiment._asking import Desk
from lanista.experiment._catalog import missing
from lanista.experiment._checks import (
    as_bounds,
    as_directions,
    as_space,
    check_end,
    check_name,
    check_params,
    check_same,
    first_event,
    named,
)
from lanista.experiment._commands import Commands
from lanista.experiment._controller import Controller
from lanista.experiment._engine import Engine
from lanista.experiment._finalists import Finalist, reevaluate
from lanista.experiment._lease import Heart, Watch, new_owner
from lanista.experiment._limits import Helper, Limits, as_limits
from lanista.experiment._places import as_place, folder_in
from lanista.experiment._progress import Progress
from lanista.experiment._proposals import explained, once_known, speaker
from lanista.experiment._reference import plan_of
from lanista.experiment._resolve import as_executor, as_scheduler, as_searcher
from lanista.experiment._seeding import check_related, enqueued, fitting, imported, learned
from lanista.experiment._unfinished import unfinished
from lanista.journal import (
    STATES,
    Asked,
    Beat,
    Bound,
    Event,
    ExperimentInfo,
    History,
    Joined,
    Journal,
    MemoryStore,
    Params,
    Store,
    TrialRecord,
    open_store,
)
from lanista.schedule import Scheduler
from lanista.search import Searcher, describe
from lanista.space import Space
from lanista.trial import Command, Executor, Trial, as_metrics, as_objective, check_metrics

Mode = Literal["min", "max"]


class Experiment(Commands):
    """A search for the best configuration: a name, a space, a metric, and a journal of all that happened.

    Making one with a name that the store has opens it: everything journalled is there again, and `run` goes on where
    it ended.

    Args:
        name: names it in the store.
        space: a dict of domains or a `Space`. None: what the store has, or for a new experiment a space that the
            objective discovers by calling `trial.suggest_float` and its kin.
        metric: the objective's name, or a dict of several names with "min" or "max" each; "value" by default.
        mode: "min" (default) or "max", for a metric given by name.
        constraints: bounds that metrics have to keep, such as {"latency": la.at_most(10)}; a trial that breaks one is
            never the best, and searchers keep away from where that is likely.
        searcher: a name ("auto" (default), "gp", "tpe", "forest", "random", "sobol", "grid", "cmaes", "evolution" and
            others) or an object with `ask`.
        scheduler: a name ("fifo" (default), "median", "asha", ...), an object with `on`, or a list: a scheduler and
            rules that may end trials besides, such as `[ASHA(30), Plateau(5)]`.
        store: None for SQLite at `$LANISTA_HOME/lanista.db`, "memory", a path, a URL or a store.
        checkpoints: the folder that trials save to, or a URL that fsspec knows, such as "s3://bucket/folder"; by
            default what the experiment was created with, else a folder beside the store.
        seed: makes proposals and trial seeds repeatable; drawn at random, and journalled, when not given.

    Raises:
        MismatchError: the store has an experiment of that name with another space, metric, constraint or seed. Priors
            may be others: those given hold for this object.
        SpaceError: the space is wrong.
        StoreError: the store cannot be used.

    >>> import lanista as la
    >>> exp = la.Experiment("parabola", {"x": la.Float(-5, 5)}, metric="loss", store="memory", seed=0)
    >>> exp.run(lambda trial: (trial["x"] - 1) ** 2, trials=30, progress=False).best.value < 0.5
    True
    """

    @named
    def __init__(
        self,
        name: str,
        space: Mapping[str, Any] | Space | None = None,
        metric: str | Mapping[str, str] | None = None,
        *,
        mode: Mode | None = None,
        constraints: Mapping[str, Bound | str] | None = None,
        searcher: str | Searcher | None = None,
        scheduler: str | Scheduler | Sequence[str | Scheduler] | None = None,
        store: str | Path | Store | None = None,
        checkpoints: str | Path | None = None,
        seed: int | None = None,
    ) -> None:
        check_name(name)
        self.name = name
        deciders = as_searcher(searcher), as_scheduler(scheduler)
        given = as_space(space)
        wanted, bounds = as_directions(metric, mode), as_bounds(constraints)
        place = as_place(checkpoints)
        self.store = open_store(store)
        info = self.store.find(name) or self.store.create(
            first_event(name, given, wanted, bounds, seed, (describe(deciders[0]), describe(deciders[1])), place)
        )
        self._info: ExperimentInfo = info
        self._journal = Journal(self.store, info, given)
        check_same(self._created, given, wanted, bounds, seed)
        self._place = folder_in(place or self._created.checkpoints, self._created)
        self._owner: Beat = new_owner()
        self._watch = Watch(self.store, info.id)
        self._heart: Heart | None = None
        self._decide_by(*deciders)

    @classmethod
    def load(cls, name: str, store: str | Path | Store | None = None) -> "Experiment":
        """Opens an experiment that the store has.

        Raises:
            ExperimentError: it has none of that name; the message names near ones.
        """
        opened = open_store(store)
        if opened.find(name) is None:
            raise missing(name, opened)
        return cls(name, store=opened)

    def __repr__(self) -> str:
        counts = zip(STATES, self._synced().counts, strict=True)
        told = ", ".join(f"{count} {state}" for state, count in counts if count) or "no trials"
        return f"<Experiment {self.name!r}: {told}; {self.store.url}>"

    # --- running ------------------------------------------------------------------------------------------------------

    @named
    def run(
        self,
        objective: Callable[..., Any] | type[Any],
        *,
        trials: int | None = None,
        workers: int | None = None,
        executor: str | Executor | None = None,
        cohort: int = 1,
        time_limit: float | None = None,
        limits: Limits | None = None,
        progress: bool | Progress | None = None,
        callbacks: Sequence[Callable[["Experiment", Event], None]] = (),
    ) -> "Experiment":
        """Runs trials until a limit, the searcher or a person ends it; the same call again resumes.

        Args:
            objective: a function of a trial, a `Trainable` class, a `Command`; with `cohort` a function of a `Cohort`
                of trials, which is a list that may change.
            trials: how many trials the experiment shall have in all; those that ended count, and are not run again.
            workers: how many run at once; 1 by default.
            executor: "inline" (this process; the default for one worker), "processes" (the default for more), "ray" or
                an object.
            cohort: how many trials one call of the objective has at most at a time.
            time_limit: wall-clock seconds; trials that run then pause at their next report, and go on at the next run.
            limits: all limits, see `Limits`; `trials` and `time_limit` given here take precedence.
            progress: False for silence; None or True: a live view on a terminal, else a line a trial.
            callbacks: called as callback(experiment, event) with each event once it is journalled.

        Returns:
            The experiment.

        Raises:
            MetricError: the objective does not give the metric, seen from its first trials.
            ObjectiveError: `limits.failures` trials failed in a row (10 by default), and none completed.
            ExecutorError: workers cannot be started, or checkpoints cannot be written where they are to live.
            KeyboardInterrupt: interrupted twice; everything is journalled.
        """
        bounds = as_limits(limits, trials, time_limit)
        if callable(callbacks):
            raise UsageError(f"callbacks={callbacks!r} must be a list of functions; write callbacks=[...]")
        if not isinstance(cohort, int) or cohort < 1:
            raise UsageError(f"cohort={cohort!r} must be a whole number from 1")
        runner = as_executor(executor, workers, bounds.trial_time)
        view = progress if isinstance(progress, Progress) else Progress(progress, url=self.store.url)
        return self._carry_out(objective, runner, bounds, cohort=cohort, view=view, callbacks=callbacks)

    reason: str | None = None
    """Why the last `run` ended."""

    def _carry_out(
        self,
        objective: Any,
        runner: Executor,
        bounds: Limits,
        *,
        cohort: int,
        view: Progress,
        callbacks: Sequence[Callable[["Experiment", Event], None]] = (),
        helper: Helper | None = None,
    ) -> "Experiment":
        """A run of its own, or, as a helper, a part in that of another process."""
        if isinstance(objective, Command):
            objective.check(None if self._created.define else self.space.names)
        callable_ = as_objective(objective, cohort=cohort if cohort > 1 else 0, groups=self.space.groups)
        deciders = self.searcher, self.scheduler
        plan: dict[str, Any] = {}
        if helper is None:
            plan = plan_of(objective, runner, cohort, deciders, checkpoints=self._place, groups=self.space.groups)
        if getattr(runner, "files", True):
            self._engine.reach()
        self._beat()
        self._journal.sync()
        self._engine.finish, self._engine.exhausted, self._engine.limits = None, False, bounds
        if self._journal.history.paused:
            view.say(f"experiment {self.name!r} is paused and starts nothing until: lanista resume {self.name}")
        hears: list[Callable[[Event], None]] = [partial(callback, self) for callback in callbacks]
        if not self._explain(view):
            hears.insert(0, once_known(partial(self._explain, view)))
        controller = Controller(self._engine, runner, bounds, watch=self._watch, progress=view, cohort=cohort)
        controller.callbacks, controller.helper = hears, helper
        owner, now, limits, helps = self._owner, runner.now(), bounds.as_dict(), helper is not None
        joined = Joined(now, owner.owner, owner.host, owner.pid, limits=limits, plan=plan, helps=helps)
        try:
            self.reason = controller.run(callable_, joined)
            _tell(view, unfinished(self._journal.history, self.scheduler), self.name)
        finally:
            view.abandon()
            self._rest()
        return self

    @named
    def reevaluate(
        self,
        objective: Callable[..., Any] | type[Any],
        *,
        top: int = 5,
        times: int = 3,
        workers: int | None = None,
        executor: str | Executor | None = None,
        progress: bool | Progress | None = None,
    ) -> list[Finalist]:
        """Runs the `top` best trials' configurations again, `times` times each, and tells which has the best mean.

        One run's value is partly luck, and the best of many trials is the luckiest. The new runs, as `run` makes them,
        are an experiment of their own, NAME followed by "finalists"; what has been run there is not run again, unless
        it failed or was cancelled. The objective has to take its randomness from `trial.seed`.

        Returns:
            The finalists, the best mean first; those whose runs all failed at the end.

        Raises:
            ExperimentError: no trial has completed.

        >>> import lanista as la, random
        >>> exp = la.Experiment("noisy", {"x": la.Float(0, 1)}, metric="loss", store="memory", seed=0)
        >>> train = lambda trial: trial["x"] + random.Random(trial.seed).gauss(0, 0.1)
        >>> finalists = exp.run(train, trials=20, progress=False).reevaluate(train, progress=False)
        >>> len(finalists), len(finalists[0].values), finalists[0].mean < 0.3
        (5, 3, True)
        """
        how = {"workers": workers, "executor": executor, "progress": progress}
        return reevaluate(self, objective, top, times, how)

    def ask(self) -> Trial:
        """Starts a trial for a loop of your own; end it with `tell`.

        Its `report` does not raise: look at `trial.stopped`.

        Raises:
            ExperimentError: the searcher has no further configuration.
        """
        self._engine.reach()
        with self._journal.lock:
            self._beat()
            return self._desk.ask()

    def tell(
        self,
        trial: Trial | int,
        value: Any = None,
        *,
        state: Literal["completed", "stopped", "failed", "infeasible"] | None = None,
    ) -> TrialRecord:
        """Ends a trial that `ask` started.

        Args:
            trial: the trial or its number.
            value: a number, a tuple of all objectives or a dict of metrics; None: the last report.
            state: completed by default, or what the scheduler decided on the last report: stopped, completed or paused.

        Raises:
            ExperimentError: it has ended already, or there is none.
            MetricError: the value is no number, or the metric is missing.
        """
        with self._journal.lock:
            return self._desk.tell(trial, value, state)

    def enqueue(self, params: Params | Iterable[Params], *, again: bool = False) -> "Experiment":
        """Adds configurations to run before any that the searcher proposes.

        Args:
            params: one or several; parameters left out take their default, where they have one.
            again: enqueue it also when the same configuration was enqueued before; by default a script can simply be
                run again.

        Raises:
            SpaceError: a configuration is no dict, or not of the space.
        """
        if not isinstance(params, Iterable) or isinstance(params, str):
            raise UsageError(f"enqueue({params!r}): give a configuration, such as {{'lr': 0.01}}, or a list of them")
        self._enqueue([dict(params)] if isinstance(params, Mapping) else list(params), again=again)
        return self

    def warm_start(self, other: "Experiment", count: int = 5) -> "Experiment":
        """Begins with what another experiment has found.

        Its best `count` configurations that fit this space are enqueued, to be measured anew. If the two have the same
        metrics, its trials are journalled here too, for searchers that learn from earlier experiments.

        Raises:
            UsageError: `other` is this experiment, has another direction of the same metric, or no trial that fits.
        """
        if not isinstance(other, Experiment):
            raise UsageError(f"warm_start({other!r}): give an experiment, such as Experiment.load('old')")
        check_related(self._created, other._created, count)
        earlier, name = other._synced(), f"{other.name} in {other.store.url}"
        best = fitting(earlier, self.space, count, define=self._created.define)
        if other.metrics == self.metrics:
            self._decide(lambda h: learned(earlier, name) if all(s.name != name for s in h.sources) else [])
        return self.enqueue(best) if best else self

    def add(
        self, params: Params, value: Any, *, state: Literal["completed", "failed", "stopped"] = "completed"
    ) -> "Experiment":
        """Adds a trial that was run elsewhere: searchers learn from it, limits do not count it."""
        check_end(state)
        checked = self._checked("add", params)
        metrics = as_metrics(value, tuple(self.metrics))
        if state == "completed":
            check_metrics(metrics, (*self.metrics, *self._created.constraints))
        self._decide(lambda h: imported(h, [(checked, metrics, state)]))
        return self

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _decide_by(self, searcher: Searcher, scheduler: Scheduler) -> None:
        """Takes up a searcher and a scheduler; what they knew is in the journal."""
        self.searcher, self.scheduler = searcher, scheduler
        owner, directory = self._owner.owner, self.directory
        self._engine = Engine(
            self._journal, searcher, scheduler, owner=owner, directory=directory, checkpoints=self._place
        )
        self._desk = Desk(self._engine, self._watch)

    def _explain(self, view: Progress) -> bool:
        """Says what the searcher does now, and why, or the scheduler where it proposes in the searcher's place."""
        said = explained(self._journal.history, speaker(self.searcher, self.scheduler))
        _tell(view, said, self.name)
        return bool(said)

    def _checked(self, place: str, params: Params) -> Params:
        """A configuration that a person gave; one for a space yet to be discovered is checked when it is taken up."""
        check_params(place, params)
        return dict(params) if self._created.define else self.space.check(dict(params))

    def _enqueue(self, many: Iterable[Params], *, again: bool) -> list[int]:
        """Enqueues configurations, and returns the numbers of the trials that are new."""
        checked = [self._checked(f"enqueue([...])[{i}]", params) for i, params in enumerate(many)]
        new = self._decide(lambda h: enqueued(h, checked, again=again))
        return [event.number for event in new if isinstance(event, Asked)]

    def _decide(self, events: Callable[[History], list[Event]]) -> list[Event]:
        """Writes what depends on the history, again when others wrote first, and returns it."""
        with self._journal.lock:
            self._journal.sync()
            while new := events(self._journal.history):
                if self._journal.decide(new):
                    return new
        return []

    def _beat(self) -> None:
        """Lets others see that this process lives; a memory store has no others."""
        if self._heart is None and not isinstance(self.store, MemoryStore):
            self._heart = Heart(self.store, self._info.id, self._owner)

    def _rest(self) -> None:
        """Ends the heartbeat, unless trials that were asked for still run."""
        if self._heart is not None and not any(self._engine.mine(n) for n in self._engine.handed_out):
            heart, self._heart = self._heart, None
            heart.stop()


def _tell(view: Progress, line: str, name: str) -> None:
    """Says a line about an experiment, where there is one, to those who watch and to the log."""
    if line:
        import logging

        logging.getLogger("lanista").info("%s: %s", name, line)
        view.say(line)
