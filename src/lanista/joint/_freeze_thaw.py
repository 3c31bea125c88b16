"""Freeze-thaw: Swersky, Snoek and Adams, Freeze-Thaw Bayesian Optimization, 2014.

Shapes: q busy trials, k frozen trials, d columns.
"""

from typing import NamedTuple

import numpy as np

from lanista._described import Described, describe
from lanista.errors import UsageError
from lanista.joint._curves import Curves
from lanista.joint._search import MANY, Search, Tried
from lanista.joint._values import Values, failed, silent
from lanista.journal import CANCELLED, COMPLETED, History
from lanista.schedule import ASHA, Action, Event, Fidelity, Finish, Report, Resume, Slots, Start, Stop, Yielded
from lanista.schedule._checks import whole
from lanista.schedule._fidelity import levels
from lanista.schedule._rungs import completed, lost, through
from lanista.search._densities import found_by_running
from lanista.search._ranking import Floats, Rows
from lanista.search._stream import seed_of
from lanista.search._threads import one_thread
from lanista.search.gaussian._session import Setting

BLOCKS = 8
"""Reports are heeded in blocks: of as many as there are trials that run, over this, down to a power of 2."""
MOST_THAWED, MOST_FURTHEST = 64, 16
"""Frozen trials that are looked at more closely: those that are expected to end best, and those that came furthest."""
FIRST = 4
"""Trials that each of many workers may begin before their number is bounded."""
LEADERS = 16
"""Until a trial is complete, one of so many workers goes on with one that was begun."""
ENOUGH = 0.1
"""The share of what a new trial promises for which a frozen one is thawed where there may be no new ones."""


class _Known(NamedTuple):
    """What is kept from one decision to the next; all of it follows from the history.

    Attributes:
        history: of which it is.
        tried: the points of its trials.
        key: what the curves were made from.
        curves: what is believed; None: too little is known.
    """

    history: History
    tried: Tried
    key: tuple[object, ...]
    curves: Curves | None


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

    From 32 slots on it decides quicker and less thoroughly, heeds reports in blocks of up to an eighth as many as there
    are trials that run, and, once there are four trials for each slot, gives the first level no more steps than the
    others on average, as successive halving does; at a limit of trials it then goes on until that is so.

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
        self._known: _Known | None = None

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
        curves, tried = self._believed(history, setting)
        if not setting.features.count:
            actions: list[Action] = [Start(self._levels[0])] * free
        elif curves is None:
            params = setting.first.take(len(history), free)
            actions = [Start(self._levels[0], params=each) for each in params]
        else:
            slots = len(history.running) + free
            actions = self._chosen(history, Search(history, setting, curves, tried, slots), frozen, free)
        if any(history.origin(n) != "imported" for n in np.flatnonzero(history.state == COMPLETED).tolist()):
            return actions
        resumed = [action.trial for action in actions if isinstance(action, Resume)]
        others = [n for n in self._furthest(history, frozen) if n not in resumed]
        return [*actions, *(self._resume(history, n) for n in others[: free - len(resumed)])]

    def _chosen(self, history: History, search: Search, frozen: Rows, free: int) -> list[Action]:
        """One after the other, each knowing those before it: the best of the frozen trials, or a new one.

        What is complete or runs already is not begun again. Before a trial is complete nobody knows what is to be
        improved on: until then one worker of some goes on with one that came furthest of all that may well be the best.
        """
        slots = len(history.running) + free
        leading = int((history.steps[history.running] >= self._levels[0]).sum())
        leaders = 0 if history.counts[COMPLETED] else max(1, min(slots, int((history.steps > 0).sum())) // LEADERS)
        resumes, starts, least = list[Action](), list[Action](), np.inf
        near = np.union1d(search.curves.leaders(frozen, MOST_THAWED), self._furthest(history, frozen)[:MOST_FURTHEST])
        near = near.astype(np.intp)
        for _ in range(free):
            worth = self._worth(history, search, near)
            if not (worth > -np.inf).any() and len(near) < len(frozen):
                near, worth = frozen, self._worth(history, search, frozen)
            promising = (worth > -np.inf).any()
            explores = leading >= leaders and self._explores(history, slots, len(starts))
            fresh = search.fresh() if explores or not promising else None
            if fresh and fresh.worth == -np.inf and not promising:
                break
            if fresh is None or (len(near) and worth.max() >= fresh.worth):
                trial = int(near[np.argmax(worth)])
                if leading < leaders:
                    trial = self._leader(history, search, near[worth > -np.inf])
                near, frozen = near[near != trial], frozen[frozen != trial]
                resumes.append(self._resume(history, trial))
                search.begin(history.X[[trial]])
                leading += 1
            else:
                starts.append(Start(self._levels[0], params=history.space.decode(fresh.x)[0]))
                search.begin(fresh.x, is_new=True)
                least = fresh.worth + np.log(ENOUGH)
        if not starts:
            return [*resumes]
        worth = self._worth(history, search, near)
        others = near[np.argsort(-worth, kind="stable")[: np.sum(worth >= least)]]
        spare = [self._resume(history, n) for n in others[: len(starts)].tolist()]
        return [*resumes, *starts, *spare]

    def _explores(self, history: History, slots: int, begun: int) -> bool:
        """Whether there may be new trials: where many run, the first level gets no more steps than others on average.

        Successive halving spends as much on each level. With few slots the worth of trials keeps the balance; with many
        those that are begun at a time know nothing of each other, and each of them seems to promise most.
        """
        made = np.sum(history.steps > 0) + np.sum(history.steps[history.running] == 0) + begun
        even = history.steps.sum() / (self._levels[0] * len(self._levels))
        return slots < MANY or made < max(FIRST * slots, even)

    def _leader(self, history: History, search: Search, frozen: Rows) -> int:
        """That of some frozen trials which came furthest of all that may be as good as the best."""
        ends, sd = search.ends(frozen)
        behind = np.where(ends - sd <= ends.min(), -history.steps[frozen], 0)
        return int(frozen[np.lexsort((ends, behind))[0]])

    def _worth(self, history: History, search: Search, frozen: Rows) -> Floats:
        """(k,) the logarithm of the improvement to be expected of frozen trials, for all steps that there are."""
        found: Floats = search.worth(frozen) - np.log(1.0 - history.steps[frozen] / self._levels[-1])
        return found

    def _resume(self, history: History, trial: int) -> Resume:
        """The trial until the next level."""
        return Resume(trial, next(level for level in self._levels if level > history.steps[trial]))

    def _furthest(self, history: History, frozen: Rows) -> list[int]:
        """The frozen trials that came furthest first, and among them the best."""
        found: list[int] = frozen[np.lexsort((history.Y[frozen, 0], -history.steps[frozen]))].tolist()
        return found

    def _believed(self, history: History, setting: Setting) -> tuple[Curves | None, Tried]:
        """What is believed of the trials, none before `startup` of them have values, and their points.

        Where many run, new values are heeded a block at a time, so that what is believed serves for several decisions.
        """
        running = len(history.running)
        block = 1 << (running // BLOCKS).bit_length() - 1 if running >= MANY else 1
        heeded = len(history.log[0]) // block * block
        kinds = [failed(history), silent(history, self._levels[-1]), history.state == CANCELLED]
        kind = np.select(kinds, [1, 2, 3])
        key = heeded, np.flatnonzero(kind).tobytes(), kind[kind > 0].tobytes()
        known = self._known
        if known is None or known.history is not history or found_by_running(history):  # there points are not final
            known = _Known(history, Tried(), (), None)
        known.tried.follow(history.X)
        if known.key != key:
            steps = np.array(self._levels, dtype=np.float64)
            values = Values.of(history, steps, heeded)
            enough = len(np.unique(values.trial)) >= self.startup
            known = known._replace(key=key, curves=Curves(setting, history, steps, values) if enough else None)
        self._known = known
        return known.curves, known.tried

    def _prepared(self, history: History) -> Setting:
        space, seed = history.space, seed_of(history)
        if self._setting is None or not self._setting.fits(space, seed, self.startup):
            self._setting = Setting(space, seed, self.startup)
        return self._setting
