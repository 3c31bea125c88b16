"""Bayesian optimisation with a Gaussian process."""

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._ranking import outcomes
from lanista.search._stream import seed_of
from lanista.search._threads import one_thread
from lanista.search.gaussian._believe import Belief, teaches
from lanista.search.gaussian._data import Data, Known
from lanista.search.gaussian._region import box, region
from lanista.search.gaussian._session import Box, Setting, propose

STARTUP, MANY_STARTUP = 6, 20
"""Trials before the model is used, with up to two objectives and with more: random weights need a spread of trials."""


class GP(Described):
    """Proposes where a Gaussian process expects the greatest improvement.

    The process has a Matérn 5/2 kernel with a length scale for each column, choices included; its hyperparameters are
    those of the greatest posterior density, found anew whenever the trials have grown by a tenth. Objectives pass
    through a logarithm where that makes them look more normal. What is maximised is the logarithm of the expected
    improvement (of two objectives: of hypervolume; of more: of a random scalarisation), times the probability that
    metrics keep their constraints, times the user's prior: Jones, Schonlau and Welch, Efficient Global Optimization
    (1998), section 4; Snoek, Larochelle and Adams, Practical Bayesian Optimization (2012), section 3. Pending trials
    count as if they had come out as expected. Every second proposal stays in a trust region around the best trial, as
    in `TuRBO`, which gets to the bottom of a valley that was found.

    Until `startup` trials have an outcome, proposals are the space's defaults, then points of Latin hypercubes. Trials
    that failed count as the worst of the others; where trials were stopped early, ranks are modelled instead of values.
    Trials of earlier experiments (`Experiment.warm_start`) with one objective have processes of their own, which count
    as much as they rank this experiment's trials well.

    Args:
        startup: trials before the model is used; None: 6, or 20 where there are more than two objectives.
        warp: also learn a warp of each number's range: Snoek et al., Input Warping for Bayesian Optimization (2014).
        local: whether every second proposal stays in the trust region.

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

        def within(pending: int) -> Box | None:
            if not self.local or (len(data.X) + pending) % 2:
                return None
            trusted = region(data.progress, max(4, history.space.width), setting.startup, data.own[: data.settled])
            return box(setting.features, belief.scales[0], belief.centres(1)[0], trusted.length)

        return propose(setting, history, found, belief, count, rng, within)

    def _prepared(self, history: History) -> Setting:
        space, seed = history.space, seed_of(history)
        startup = self.startup or (STARTUP if history.Y.shape[1] <= 2 else MANY_STARTUP)
        if self._setting is None or not self._setting.fits(space, seed, startup):
            self._setting = Setting(space, seed, startup)
        return self._setting
