"""Bayesian optimisation with a Gaussian process."""

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._ranking import Floats, outcomes
from lanista.search._stream import seed_of
from lanista.search._threads import one_thread
from lanista.search.gaussian._acquire import LogEI
from lanista.search.gaussian._believe import Belief, teaches
from lanista.search.gaussian._data import Data, Known
from lanista.search.gaussian._features import CATEGORICAL, Features
from lanista.search.gaussian._region import FIRST, box, region
from lanista.search.gaussian._session import CENTRES, Box, Setting, Step, propose
from lanista.search.gaussian._trend import Trend

SMOOTH_STARTUP, STARTUP, MANY_STARTUP = 2, 6, 20
"""Trials before the model is used: where a slope can be followed, where not, and with more than two objectives, whose
random weights need a spread of trials."""
SMOOTH_CYCLE, CYCLE = 4, 2
"""Of so many proposals one is drawn from anywhere; the others stay in the trust region."""
MOST_FOLLOWING = 6
"""Pending trials that may follow a slope; more of them would crowd in one place."""
SMOOTH_FIRST = 0.56
"""First length of the trust region's side times the root of the number of columns, where a slope can be followed."""


class GP(Described):
    """Proposes where a Gaussian process expects the greatest improvement.

    The process has a Matérn 5/2 kernel with a length scale for each column, choices included; its hyperparameters are
    those of the greatest posterior density, found anew whenever the trials have grown by a tenth. Objectives pass
    through a logarithm where that makes them look more normal. What is maximised is the logarithm of the expected
    improvement (of two objectives: of hypervolume; of more: of a random scalarisation), times the probability that
    metrics keep their constraints, times the user's prior: Jones, Schonlau and Welch, Efficient Global Optimization
    (1998), section 4; Snoek, Larochelle and Adams, Practical Bayesian Optimization (2012), section 3. Pending trials
    count as if they had come out as expected.

    Every second proposal stays in a trust region around the best trial, as in `TuRBO`, which gets to the bottom of a
    valley that was found. Where one objective depends on numbers alone and few trials are pending, it is three of four,
    in a smaller region, where the process is of another kind, a quadratic function and what that leaves: a valley may
    then run in any direction.

    Until `startup` trials have an outcome, proposals are the space's defaults, then points of Latin hypercubes. Trials
    that failed count as the worst of the others; where trials were stopped early, ranks are modelled instead of values.
    Trials of earlier experiments (`Experiment.warm_start`) with one objective have processes of their own, which count
    as much as they rank this experiment's trials well.

    Args:
        startup: trials before the model is used; None: 6, or 20 where there are more than two objectives, or 2 where
            one depends on numbers alone.
        warp: also learn a warp of each number's range: Snoek et al., Input Warping for Bayesian Optimization (2014).
        local: whether proposals also stay in the trust region.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> GP().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.5}]
    """

    def __init__(self, *, startup: int | None = None, warp: bool = False, local: bool = True) -> None:
        self.startup, self.warp, self.local = startup, warp, local
        if startup is not None and (isinstance(startup, bool) or not isinstance(startup, int) or startup < 1):
            raise UsageError(f"GP(startup={startup!r}): it must be a whole number from 1, or None")
        for name, value in (("warp", warp), ("local", local)):
            if not isinstance(value, bool):
                raise UsageError(f"GP({name}={value!r}): it must be True or False")
        self._setting: Setting | None = None

    @one_thread()
    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes one after the other, each knowing those before it."""
        setting = self._prepared(history)
        if not setting.features.count:
            return history.space.sample(rng, count)
        found = outcomes(history)
        startup = min(setting.startup, 2) if teaches(history) else setting.startup
        if found.known < startup or not len(found.complete) + len(found.partial):
            return setting.first.take(history.proposed, count)
        data = Data.of(history, found)
        belief = Belief(setting.features, setting.memory, Known.of(data), history, warp=self.warp, rng=rng)

        few = len(found.pending) + count <= MOST_FOLLOWING
        is_smooth = few and _smooth(history) and not teaches(history) and not data.ranks
        cycle = SMOOTH_CYCLE if is_smooth else CYCLE
        patience = max(4, history.space.width)
        first = SMOOTH_FIRST / patience**0.5 if is_smooth else FIRST

        def step(waiting: int, pending: Floats) -> Step:
            if not self.local or (len(data.X) + waiting) % cycle == cycle - 1:
                return Step(belief.acquisition(pending), belief.centres(CENTRES))
            trusted = region(data.progress, patience, setting.startup, data.own[: data.settled], first=first)
            centre = belief.centres(1)
            part = box(setting.features, belief.scales[0], centre[0], trusted.length)
            if is_smooth:
                return Step(_downhill(setting.features, data, centre, part, pending), centre, part)
            return Step(belief.acquisition(pending), centre, part)

        return propose(setting, history, found, count, rng, step)

    def _prepared(self, history: History) -> Setting:
        space, seed = history.space, seed_of(history)
        startup = self.startup or _startup(history, local=self.local)
        if self._setting is None or not self._setting.fits(space, seed, startup):
            self._setting = Setting(space, seed, startup)
        return self._setting


def _smooth(history: History) -> bool:
    """Whether all that is known is one objective that depends on numbers, all of which always apply."""
    space = history.space
    kind, cardinality, _ = space.columns
    return (
        not (kind[cardinality != 1] == CATEGORICAL).any()
        and all(parameter.parent is None for parameter in space.parameters)
        and history.Y.shape[1] == 1
        and not history.C.shape[1]
        and not space.has_prior
    )


def _startup(history: History, *, local: bool) -> int:
    """Trials before the model is used, where the user does not say."""
    if history.Y.shape[1] > 2:
        return MANY_STARTUP
    return SMOOTH_STARTUP if local and _smooth(history) else STARTUP


def _downhill(features: Features, data: Data, centre: Floats, part: Box, pending: Floats) -> LogEI:
    """The improvement to be expected near the best trial (1, d), given what is pending (q, d)."""
    X, C, P = (features.of(points, ~np.isnan(points)) for points in (data.X, centre, pending))
    sides = (part[1] - part[0])[features.columns]
    trend = Trend.of_best(C[0], 0.5 * float(sides.max()), X, data.Y[:, 0]).believing(P)
    return LogEI(features, trend, trend.best)
