"""Bayesian optimisation with a Gaussian process."""

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._ranking import Outcomes, outcomes
from lanista.search._stream import seed_of
from lanista.search._threads import one_thread
from lanista.search.gaussian._believe import teaches
from lanista.search.gaussian._data import Data
from lanista.search.gaussian._features import CATEGORICAL
from lanista.search.gaussian._plan import Plan
from lanista.search.gaussian._session import Setting, propose

SMOOTH_STARTUP, STARTUP, MANY_STARTUP = 2, 6, 20
"""Trials before the model is used: where a slope can be followed, where not, and with more than two objectives, whose
random weights need a spread of trials."""
MOST_FOLLOWING = 6
"""Trials that may follow a slope at a time; more of them would crowd in one place."""


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
    valley that was found. Slopes are followed where one objective depends on numbers alone, without conditions, bounds
    on metrics, priors, earlier experiments, trials that were stopped early or `warp`, and at most six trials are
    pending, those that are asked for among them: three of four proposals then stay in a smaller region, and all do as
    long as there are no more trials than a slope has coefficients. The process there is of another kind, a quadratic
    function and what that leaves, so that a valley may run in any direction.
    As long as all values are alike, and no trial was stopped early, the space is searched evenly. Every third proposal
    is random while the search for one objective has stalled: when the model has had 20 trials since the best one, and
    as many as half of those that ended. It may be wrong about where better ones are; Hutter, Hoos and Leyton-Brown,
    Sequential Model-Based Optimization for General Algorithm Configuration (2011), always guard against that so.

    Where choices bring parameters with them, length scales are believed to be those of a space of as many columns as
    apply together; and of the options of those choices that always apply, every eighth proposal is for the one that has
    the fewest trials, by a process of these alone: a part of the space that began badly is not given up.

    Until `startup` trials have an outcome, proposals are the space's defaults, then points of Latin hypercubes. Trials
    that failed count as the worst of the others; where trials were stopped early, ranks are modelled instead of values.
    Trials of earlier experiments (`Experiment.warm_start`) with one objective have processes of their own, which count
    as much as they rank this experiment's trials well.

    Args:
        startup: trials before the model is used; None: 6, or 20 where there are more than two objectives, or 2 where
            slopes are followed.
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
        follows = self._follows(history, found, count)
        startup = self.startup or (SMOOTH_STARTUP if follows else setting.startup)
        startup = min(startup, 2) if teaches(history) else startup
        if found.known < startup or not len(found.complete) + len(found.partial):
            return setting.first.take(history.proposed, count)
        step = Plan(
            setting,
            history,
            Data.of(history, found),
            startup=startup,
            warp=self.warp,
            local=self.local,
            follows=follows,
            rng=rng,
        )
        return propose(setting, history, found, count, rng, step)

    def _prepared(self, history: History) -> Setting:
        space, seed = history.space, seed_of(history)
        startup = self.startup or (STARTUP if history.Y.shape[1] <= 2 else MANY_STARTUP)
        if self._setting is None or not self._setting.fits(space, seed, startup):
            self._setting = Setting(space, seed, startup)
        return self._setting

    def _follows(self, history: History, found: Outcomes, count: int) -> bool:
        """Whether slopes are followed: all there is to know is one objective of numbers, which always apply."""
        space = history.space
        kind, cardinality, _ = space.columns
        return (
            self.local
            and not self.warp
            and len(found.pending) + count <= MOST_FOLLOWING
            and not len(found.partial)
            and history.Y.shape[1] == 1
            and not history.C.shape[1]
            and not space.has_prior
            and not teaches(history)
            and not (kind[cardinality != 1] == CATEGORICAL).any()
            and all(parameter.parent is None for parameter in space.parameters)
        )
