"""Bayesian optimisation in a trust region."""

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._ranking import Floats, outcomes
from lanista.search._stream import seed_of
from lanista.search._threads import one_thread
from lanista.search.gaussian._believe import Belief
from lanista.search.gaussian._data import Data, Known
from lanista.search.gaussian._region import box, region
from lanista.search.gaussian._session import Setting, Step, propose


class TuRBO(Described):
    """Searches with a Gaussian process within a region around the best trial, for 20 to some 200 dimensions.

    Eriksson et al., Scalable Global Optimization via Local Bayesian Optimization (2019), section 2. The region doubles
    after three improvements in a row and halves after as many trials without one as there are columns; when it has
    become too small, the search begins anew elsewhere, with what came before forgotten. Its sides follow the length
    scales of the process. Within it the expected improvement is maximised, where the paper draws a sample of the
    process. Everything else is as in `GP`.

    Args:
        startup: trials that each beginning spends on points of Latin hypercubes; None: as many as there are columns,
            at most 20.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> TuRBO().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.5}]
    """

    def __init__(self, *, startup: int | None = None) -> None:
        self.startup = startup
        if startup is not None and (isinstance(startup, bool) or not isinstance(startup, int) or startup < 2):
            raise UsageError(f"TuRBO(startup={startup!r}): it must be a whole number from 2, or None")
        self._setting: Setting | None = None

    @one_thread()
    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes one after the other, each knowing those before it."""
        space = history.space
        setting = self._prepared(history)
        if not setting.features.count:
            return space.sample(rng, count)
        found = outcomes(history)
        if not len(found.complete) + len(found.partial):
            return setting.first.take(history.proposed, count)
        data = Data.of(history, found)
        trusted = region(data.progress, max(4, space.width), setting.startup, data.own[: data.settled])
        if len(data.X) - trusted.begun < setting.startup:
            return setting.first.take(history.proposed, count)
        belief = Belief(
            setting.features, setting.memory, Known.of(data.since(trusted.begun)), history, warp=False, rng=rng
        )

        def step(_: int, pending: Floats) -> Step:
            centre = belief.centres(1)
            part = box(setting.features, belief.scales[0], centre[0], trusted.length)
            return Step(belief.acquisition(pending), centre, part)

        return propose(setting, history, found, count, rng, step)

    def _prepared(self, history: History) -> Setting:
        space, seed = history.space, seed_of(history)
        startup = self.startup if self.startup is not None else min(max(space.width, 4), 20)
        if self._setting is None or not self._setting.fits(space, seed, startup):
            self._setting = Setting(space, seed, startup)
        return self._setting
