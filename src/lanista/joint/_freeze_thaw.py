"""Freeze-thaw: Swersky, Snoek and Adams, Freeze-Thaw Bayesian Optimization, 2014.

Shapes: q busy trials, k frozen trials, d columns.
"""

from typing import NamedTuple

import numpy as np

from lanista._described import Described, describe
from lanista.errors import UsageError
from lanista.joint._curves import Curves, Stepped, Values
from lanista.journal import COMPLETED, RUNNING, History
from lanista.schedule import ASHA, Action, Event, Fidelity, Finish, Report, Resume, Slots, Start, Stop, Yielded
from lanista.schedule._checks import whole
from lanista.schedule._fidelity import levels
from lanista.schedule._rungs import completed, lost, through
from lanista.search._ranking import Floats, Rows
from lanista.search._stream import seed_of
from lanista.search._threads import one_thread
from lanista.search.gaussian._acquire import Acquisition, Believed, LogEI, Sum
from lanista.search.gaussian._believe import PRIOR_WEIGHT
from lanista.search.gaussian._maximise import maximise
from lanista.search.gaussian._region import box, region
from lanista.search.gaussian._session import CENTRES, EFFORT, MOST_PENDING, Box, Seen, Setting

ENOUGH = 0.1
"""The share of what a new trial promises for which a frozen one is thawed where there may be no new ones."""


class Fresh(NamedTuple):
    """The most promising new configuration.

    Attributes:
        x: (1, d) its point; one that was tried already only where there is no other.
        worth: the logarithm of the improvement to be expected of it; -inf for repeats of what is complete or runs.
    """

    x: Floats
    worth: float


class FreezeThaw(Described):
    """Goes on with what promises most for the steps it still needs: a frozen trial or a new one, which it proposes.

    Each trial runs to the next level and is frozen there, that is, paused. The curves of all trials are one Gaussian
    process of configuration and step, which tells what each would come to at the last level, and what a new
    configuration would; Swersky, Snoek and Adams (2014), sections 3 and 4. A free slot goes to the frozen trial with
    the greatest improvement to be expected over the complete ones, divided by the share of the steps that it still
    needs, or, if it promises more, to the best new configuration; the paper takes the gain in information instead. So
    a trial that began badly is thawed once others have shown that such a beginning says little. Trials that run count
    as if they had come out as expected. Every second new configuration is looked for in a trust region around the best
    trial, as `GP` does.

    Trials need `trial.save` and `trial.load`, or begin again when they are thawed. The configurations are its own,
    whatever the searcher is: the defaults, then points of a Latin hypercube, and once `startup` trials have reported,
    those of the model. Where there may be no more trials the run ends once no frozen one promises a tenth of what a new
    one would. Trials that failed, and values that are missing or infinite, count as the worst. Earlier experiments are
    not heeded.

    Args:
        max_steps: the step at which a trial is complete, or a fidelity in place of steps.
        min_steps: the lowest level; the others are `reduction` times as high each. None: levels are at
            `max_steps / reduction**k`, rounded, for k up to 5, or where the fidelity has them.
        reduction: ratio of a level to the one below it.
        startup: trials that have reported before the model is used.

    Raises:
        UsageError: an argument is out of range; or the experiment has several objectives, or bounds on metrics.

    >>> import lanista as la
    >>> def train(trial):
    ...     state = {"speed": trial["speed"]}
    ...     for step in range(trial.load(state), 4):
    ...         trial.save(state)
    ...         trial.report(loss=1 / (1 + state["speed"] * step))
    >>> space = {"speed": la.Float(0.1, 10)}
    >>> exp = la.Experiment("thaw", space, metric="loss", scheduler=FreezeThaw(4), store="memory")
    >>> exp = exp.run(train, trials=8, progress=False)
    >>> exp.best.steps
    4
    """

    def __init__(
        self, max_steps: int | Fidelity, *, min_steps: int | None = None, reduction: int = 2, startup: int = 6
    ) -> None:
        self.max_steps, self.min_steps, self.reduction, self.startup = max_steps, min_steps, reduction, startup
        self.fidelity = max_steps if isinstance(max_steps, Fidelity) else None
        self._levels = levels(max_steps, min_steps, reduction, "FreezeThaw", deepest=5)
        whole("FreezeThaw", 1, startup=startup)
        self._setting: Setting | None = None

    def explain(self, history: History) -> str:
        """One line on what it does, in place of the searcher's."""
        steps = ", ".join(map(str, self._levels))
        return f"freezethaw: proposes by itself, without the searcher; trials are frozen at {steps}"

    @one_thread()
    def on(self, history: History, event: Event) -> list[Action]:
        """Completes trials; on free slots thaws what is frozen, or starts new trials; ends once none is left."""
        if history.Y.shape[1] > 1 or history.constraints:
            raise UsageError(
                "FreezeThaw finds the best of one objective without bounds on metrics; with several, or with bounds, "
                f"take {describe(ASHA(self.max_steps, reduction=4))}, which leaves them to the searcher"
            )
        if isinstance(event, Report | Yielded) and event.step >= self._levels[-1]:
            return [completed(event.trial, self.max_steps)]
        if not isinstance(event, Slots):
            return []
        done = through(history, self._levels[-1])
        paused = np.array([n for n in history.paused_trials if n not in done], dtype=np.intp)
        silent = history.steps[paused] == 0
        told = np.isfinite(history.Y[paused, 0])
        first: list[Action] = [self._resume(history, n) for n in paused[silent].tolist()]
        waiting = [n for n in history.waiting if n not in history.released]
        given: list[Action] = [*first, *([Start(self._levels[0])] * len(waiting))]
        given = given[: event.free]
        actions = [
            *(completed(trial, self.max_steps) for trial in done),
            *(Stop(n, lost(history, np.inf, int(history.steps[n]), "")) for n in paused[~silent & ~told].tolist()),
            *given,
            *self._fill(history, paused[~silent & told], event.free - len(given)),
        ]
        if actions or history.running or history.waiting or not event.free:
            return actions
        return [Finish("every configuration is complete")]

    def _fill(self, history: History, frozen: Rows, free: int) -> list[Action]:
        """What the slots go to that are still free; where no trial is complete, also in case new ones are refused."""
        if not free:
            return []
        setting = self._prepared(history)
        steps = np.array(self._levels, dtype=np.float64)
        values = Values.of(history, steps)
        if not setting.features.count:
            actions: list[Action] = [Start(self._levels[0])] * free
        elif len(np.unique(values.trial)) < self.startup:
            params = setting.first.take(len(history), free)
            actions = [Start(self._levels[0], params=each) for each in params]
        else:
            curves = Curves(Stepped(history.space), setting.memory, history, steps, values)
            actions = self._chosen(_Search(history, setting, curves), frozen, free)
        if history.counts[COMPLETED] > history.imported:
            return actions
        resumed = [action.trial for action in actions if isinstance(action, Resume)]
        others = [n for n in self._furthest(history, frozen) if n not in resumed]
        return [*actions, *(self._resume(history, n) for n in others[: free - len(resumed)])]

    def _chosen(self, search: "_Search", frozen: Rows, free: int) -> list[Action]:
        """One after the other, each knowing those before it: the best of the frozen trials, or a new one.

        What is complete or runs already is not begun again. Before a trial is complete nobody knows what is to be
        improved on: one after the other is thawed until then.
        """
        history = search.history
        resumes, starts, least = list[Action](), list[Action](), np.inf
        leading = history.counts[COMPLETED] or (history.steps[history.running] >= self._levels[0]).any()
        for _ in range(free):
            worth = self._worth(search, frozen)
            fresh = search.fresh() if leading or not len(frozen) else None
            if fresh and fresh.worth == -np.inf and not (worth > -np.inf).any():
                break
            if fresh is None or (len(frozen) and worth.max() >= fresh.worth):
                at = int(np.argmax(worth if leading else -search.mean(frozen)))
                trial, frozen = int(frozen[at]), np.delete(frozen, at)
                resumes.append(self._resume(history, trial))
                search.begin(history.X[[trial]])
                leading = True
            else:
                starts.append(Start(self._levels[0], params=history.space.decode(fresh.x)[0]))
                search.begin(fresh.x, is_new=True)
                least = fresh.worth + np.log(ENOUGH)
        worth = self._worth(search, frozen)
        others = frozen[np.argsort(-worth, kind="stable")[: np.sum(worth >= least)]]
        spare = [self._resume(history, n) for n in others[: len(starts)].tolist()]
        return [*resumes, *starts, *spare]

    def _worth(self, search: "_Search", frozen: Rows) -> Floats:
        """(k,) the logarithm of the improvement to be expected of frozen trials, for all steps that there are."""
        found: Floats = search.worth(frozen) - np.log(1.0 - search.history.steps[frozen] / self._levels[-1])
        return found

    def _resume(self, history: History, trial: int) -> Resume:
        """The trial until the next level."""
        return Resume(trial, next(level for level in self._levels if level > history.steps[trial]))

    def _furthest(self, history: History, frozen: Rows) -> list[int]:
        """The frozen trials that came furthest first, and among them the best."""
        found: list[int] = frozen[np.lexsort((history.Y[frozen, 0], -history.steps[frozen]))].tolist()
        return found

    def _prepared(self, history: History) -> Setting:
        space, seed = history.space, seed_of(history)
        if self._setting is None or not self._setting.fits(space, seed, self.startup):
            self._setting = Setting(space, seed, self.startup)
        return self._setting


class _Search:
    """What is worth how much, given what is busy already."""

    def __init__(self, history: History, setting: Setting, curves: Curves) -> None:
        self.history, self._setting, self._curves = history, setting, curves
        self._features = curves.features
        self._rng = np.random.default_rng([setting.seed, len(history), len(history.log[0])])
        self._seen = Seen(history.X)
        self._busy = history.X[history.running][-MOST_PENDING:]
        self._count = len(history)
        self._known = self._of(history.X[curves.trials])
        self._over = Seen(history.X[np.isin(history.state, (COMPLETED, RUNNING))])
        complete = history.state[curves.trials] == COMPLETED
        self._complete = self._known[complete] if complete.any() else self._known
        self._condition()

    def begin(self, x: Floats, *, is_new: bool = False) -> None:
        """From now on a point (1, d) is busy."""
        self._busy = np.concatenate([self._busy, x])[-MOST_PENDING:]
        self._over.add(x)
        if is_new:
            self._seen.add(x)
            self._count += 1
        self._condition()

    def worth(self, trials: Rows) -> Floats:
        """(k,) the logarithm of the improvement over complete and busy trials that is to be expected of some trials.

        It is -inf for repeats of what is complete or runs already, unless a person asked for them.
        """
        X = self.history.X[trials]
        if not len(X):
            return np.empty(0)
        best = float(self._process.mean(np.concatenate([self._complete, self._of(self._busy)])).min())
        gain = LogEI(self._features, self._process, best).value(X, ~np.isnan(X))
        own = np.array([self.history.origin(n) == "scheduler" for n in trials.tolist()])
        return np.where(self._over(X) & own, -np.inf, gain)

    def mean(self, trials: Rows) -> Floats:
        """(k,) what some trials are expected to come to."""
        found: Floats = self._process.mean(self._of(self.history.X[trials]))
        return found

    def fresh(self) -> Fresh:
        """The new configuration of the greatest improvement over all trials."""
        space, n = self.history.space, len(self._curves.trials)
        mean = self._process.mean(self._known)
        gain = LogEI(self._features, self._process, float(self._process.mean(self._all).min()))
        wanted: Acquisition = Sum(gain, Believed(space, PRIOR_WEIGHT / (1.0 + n))) if space.has_prior else gain
        local = self._count % 2 == 0
        best = self._curves.trials[np.argsort(mean, kind="stable")[: 1 if local else CENTRES]]
        centres = self.history.X[best]
        within = self._box(centres[0]) if local else None
        x = maximise(space, wanted, self._rng, centres=centres, taken=self._seen, effort=EFFORT, within=within)
        return Fresh(x, -np.inf if self._over(x)[0] else float(gain.value(x, ~np.isnan(x))[0]))

    def _box(self, centre: Floats) -> Box:
        plain, scales = self._setting.features, self._curves.scales
        length = region(self._curves.progress, max(4, plain.count), self._setting.startup).length
        return box(plain, scales._replace(weight=scales.weight[:-1]), centre, length)

    def _condition(self) -> None:
        busy = self._of(self._busy)
        self._process = self._curves.believing(busy)
        self._all = np.concatenate([self._known, busy])

    def _of(self, X: Floats) -> Floats:
        return self._features.of(X, ~np.isnan(X))
