"""The half of the public object that looks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lanista.errors import ExperimentError
from lanista.experiment._insight import Reference, missing_best, pareto, proposals, volume
from lanista.experiment._lease import Watch
from lanista.experiment._status import Status, status_of
from lanista.experiment._trials import Trials, as_frame
from lanista.journal import Created, History, Journal, MemoryStore, Params, Store, TrialRecord, files_of
from lanista.search import Searcher
from lanista.space import Space
from lanista.trial import _checkpoint

if TYPE_CHECKING:
    import pandas as pd

    from lanista.plot import Plots


class Results:
    """What an experiment has found, up to date whenever it is looked at."""

    name: str
    store: Store
    searcher: Searcher
    _journal: Journal
    _watch: Watch

    @property
    def history(self) -> History:
        """The fold of the journal, up to date; what searchers and schedulers see."""
        return self._synced()

    @property
    def trials(self) -> Trials:
        """All trials by number, as records."""
        return Trials(self._synced())

    @property
    def best(self) -> TrialRecord:
        """The completed trial with the best first metric (while none completed: the best stopped, else paused one).

        Only trials that keep all constraints count.

        Raises:
            ExperimentError: no trial has a value yet, or none keeps the constraints.
        """
        h = self._synced()
        if h.best is None:
            raise ExperimentError(f"experiment {self.name!r} {missing_best(h)}")
        return h.trial(h.best)

    @property
    def pareto(self) -> list[TrialRecord]:
        """The completed trials, of those that keep all constraints, that no other one beats in every objective."""
        h = self._synced()
        return [h.trial(n) for n in pareto(h)]

    def hypervolume(self, reference: Reference | None = None) -> float:
        """The volume of objective values that the trials of `pareto` beat, up to a reference: greater is better.

        Args:
            reference: a value of each objective in its own sign, by name or in their order, beyond which nothing
                counts; None: the worst that any completed trial has of each, which moves as trials come in. Give one
                to compare experiments, or moments of one.

        Returns:
            The volume, in the product of the objectives' units; 0 without completed trials.

        Raises:
            UsageError: the reference has not one finite number for each objective.
            MissingExtraError: over three objectives, and moocore is not installed.

        >>> import lanista as la
        >>> exp = la.Experiment("two", {"x": la.Float(0, 1)}, {"loss": "min", "score": "max"}, store="memory")
        >>> exp.add({"x": 0.1}, (1.0, 5.0)).add({"x": 0.2}, (2.0, 7.0)).hypervolume((3.0, 4.0))
        4.0
        """
        return volume(self._synced(), reference)

    def importance(
        self, method: Literal["fanova", "permutation"] = "fanova", metric: str | None = None
    ) -> dict[str, float]:
        """How much each parameter matters for a metric: shares that add up to 1, the greatest first.

        Args:
            method: "fanova": the share of the variance over the whole space that a parameter explains by itself;
                "permutation": by how much predictions of the trials get worse without it, together with others.
            metric: an objective, or any other metric that trials reported; the first objective by default.

        Raises:
            UsageError: no such method or metric, or fewer than 4 completed trials with a finite value.

        >>> import lanista as la
        >>> exp = la.Experiment("one", {"x": la.Float(0, 1), "idle": la.Float(0, 1)}, store="memory", seed=0)
        >>> exp = exp.run(lambda trial: trial["x"], trials=20, progress=False)
        >>> [name for name, share in exp.importance().items() if share > 0.5]
        ['x']
        """
        from lanista.search import importance

        return importance(self._synced(), method=method, metric=metric)

    @property
    def plot(self) -> "Plots":
        """The figures: `exp.plot.history()` and others, Plotly's, as in the dashboard; see `lanista.plot`."""
        from lanista.plot import Plots

        self._synced()
        return Plots(self._journal)

    def tensorboard(self, logdir: str | Path) -> Path:
        """Writes all trials for TensorBoard: their metrics by step, and the table of its HParams page.

        The experiment may run meanwhile, here or elsewhere; another call adds what is new, and writes nothing twice.
        To have it written while it runs, give `callbacks=[la.TensorBoard(logdir)]` to `run`.

        Args:
            logdir: the folder that TensorBoard is started with.

        Returns:
            The experiment's own folder in it: `logdir/NAME`.

        Raises:
            UsageError: the folder cannot be written to.
            MissingExtraError: tensorboard is not installed.

        >>> import lanista as la
        >>> exp = la.Experiment("boarded", {"x": la.Float(0, 1)}, metric="loss", store="memory")
        >>> folder = exp.add({"x": 0.5}, 0.25).tensorboard(getfixture("tmp_path"))
        >>> sorted(path.name for path in folder.iterdir() if path.is_dir())
        ['trial-00000']
        """
        from lanista.integrations import TensorBoard

        return TensorBoard(logdir).write(self)

    def suggest_next(self, count: int = 1) -> list[Params]:
        """The configurations that the searcher would propose now; nothing is journalled, and no trial starts.

        They are what the next `ask`, or a run with `count` free workers, would take, unless configurations wait that
        were enqueued. The searcher is the one that this object was made with: "auto" after `load`.

        Returns:
            At most `count` configurations; fewer: the searcher is exhausted.

        Raises:
            UsageError: the count is no whole number from 1.

        >>> import lanista as la
        >>> exp = la.Experiment("next", {"x": la.Float(0, 1)}, store="memory", seed=0)
        >>> exp.suggest_next() == [exp.ask().params]
        True
        """
        with self._journal.lock:
            return proposals(self._synced(), self.searcher, count)

    def frame(self) -> "pd.DataFrame":
        """All trials as a pandas table: number, state, objectives, `params.*`, other metrics and times."""
        return as_frame(self._synced())

    @property
    def space(self) -> Space:
        """The search space; one that is discovered by running grows."""
        return self._journal.history.space

    @property
    def metrics(self) -> dict[str, str]:
        """The objectives with their directions."""
        return dict(self._created.metrics)

    @property
    def status(self) -> Status:
        """State, counts, owners and best."""
        return status_of(self._synced(), self._watch.living())

    @property
    def directory(self) -> Path:
        """The folder of the experiment's files: checkpoints and logs."""
        if isinstance(self.store, MemoryStore):
            return self.store.files / self.name
        return files_of(self.store) / self.name

    def log_path(self, number: int) -> Path:
        """The file with what a trial printed (where the executor redirects it)."""
        return self.directory / "logs" / f"{number}.log"

    def checkpoint(self, number: int | None = None) -> Path | None:
        """The last checkpoint of a trial, by default the best one; None where it has none, or none any more.

        One that lives at a URL is brought into the experiment's folder.

        Raises:
            UsageError: there is no such trial.
            CheckpointError: it lives at a URL that cannot be read.
        """
        history = self._synced()
        number = history.best if number is None else history.trial(number).number
        saved = history.checkpoints.get(number, {}) if number is not None else {}
        there = _checkpoint.existing(saved.values())
        latest = max((step for step, name in saved.items() if name in there), default=None)
        return None if latest is None else _checkpoint.fetch(saved[latest], self.directory / "checkpoints")

    def restore(self, *objects: Any, number: int | None = None) -> None:
        """Puts what a trial saved last, by default the best one, back into objects: the same as it gave to `save`.

        Raises:
            ExperimentError: the trial has no checkpoint.
            ObjectiveError: these are not the objects that it saved.

        >>> import lanista as la
        >>> def train(trial):
        ...     trial.save({"weight": trial["x"]})
        ...     trial.report(loss=trial["x"] ** 2)
        >>> space = {"x": la.Choice([1.0, 2.0])}
        >>> exp = la.Experiment("restored", space, metric="loss", store="memory", searcher="grid")
        >>> model = {}
        >>> exp.run(train, trials=2, progress=False).restore(model)
        >>> model
        {'weight': 1.0}
        """
        path = self.checkpoint(number)
        if path is None:
            what = "the best trial" if number is None else f"trial {number}"
            raise ExperimentError(
                f"{what} has no checkpoint: either it never called trial.save, or it is not among the best trials, "
                "which keep theirs; raise Limits(checkpoints=...)"
            )
        _checkpoint.restore(path, objects)

    @property
    def _created(self) -> Created:
        created = self._journal.history.created
        assert created is not None
        return created

    def _synced(self) -> History:
        if self._journal.listener is None:
            self._journal.sync()
        return self._journal.history
