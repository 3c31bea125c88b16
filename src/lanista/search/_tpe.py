"""The tree-structured Parzen estimator."""

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._axes import Axes, Floats
from lanista.search._branching import drawn, inside
from lanista.search._checks import is_number
from lanista.search._densities import FADING, PRIOR, Densities, good_rows, weights_of
from lanista.search._lessons import lessons_of
from lanista.search._ranking import Outcomes, outcomes
from lanista.search._stream import latin_startup
from lanista.search._threads import one_thread
from lanista.space import Space

ELSEWHERE = 0.15
"""Weight of branches at random, in units of that of the good trials; at least the uniform kernel's."""
ROUNDS = 20
"""Draws of candidates before constraints are left to plain rejection."""


class TPE(Described):
    """Proposes what is likely among the good trials and unlikely among the others.

    Two densities over the whole space, conditional parameters included, are fitted to the good and to the other trials;
    of `candidates` points drawn from the first, the one with the greatest ratio of the two is proposed, and one that
    was not tried before if there is any. Bergstra et al., Algorithms for Hyper-Parameter Optimization (2011), section
    4; kernels are products over all columns, as in Falkner et al., BOHB (2018), section 3.2; Watanabe, Tree-Structured
    Parzen Estimator (2023), discusses the choices.

    Where choices have parameters below them, these are drawn from the good density first, and the rest is modelled
    from the trials that lie in the same branch.

    Of n trials with an outcome the best `good_share` * n, at most 25, are good, and weigh more the better they are.
    Completed trials go before stopped and paused ones, which are ranked by the steps they reached, then by value; of
    several objectives the non-dominated fronts decide; what breaks a constraint comes last. Trials that failed, were
    infeasible or gave no finite value are bad, and the probability of being feasible counts. Pending trials are bad,
    which keeps parallel proposals apart. Until `startup` trials have an outcome, proposals are the default where a
    domain has one, the best trials of earlier experiments, and points of Latin hypercubes.

    Priors of domains count as in Hvarfner et al., Augmenting Acquisition Functions with User Beliefs (2022), and half
    of the first points are drawn from them. The good trials of earlier experiments are kernels of the good density,
    and weigh by how well those experiments predict the order of the own trials. Both fade as the experiment's own
    trials come in.

    Args:
        startup: trials before the model is used.
        candidates: points among which the model chooses.
        good_share: share of the trials that count as good, above 0 and below 1.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> TPE().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.46...}]
    """

    _axes: Axes | None = None
    _space: Space | None = None

    def __init__(self, *, startup: int = 10, candidates: int = 48, good_share: float = 0.15) -> None:
        self.startup, self.candidates, self.good_share = startup, candidates, good_share
        for name, value in (("startup", startup), ("candidates", candidates)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"TPE({name}={value!r}): it must be a whole number from 1")
        if not is_number(good_share) or not 0 < good_share < 1:
            raise UsageError(f"TPE(good_share={good_share!r}): it must be above 0 and below 1")
        self._startup = latin_startup(startup)

    @one_thread()
    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes one after the other, each knowing those before it."""
        space = history.space
        axes = self._axes_of(space)
        if not len(axes.searched):
            return space.sample(rng, count)
        found = outcomes(history)
        if not self._modelled(history, found):
            return self._first(history, count)
        models: dict[bytes, Densities] = {}
        points = np.empty((0, space.width))
        for _ in range(count):
            values = self._branch(axes, history, found, rng)
            if values.tobytes() not in models:
                own = inside(axes, history, found, values) if len(values) else found
                model = Densities(axes, history, found if own is None else own, self.good_share)
                for x in points:
                    model.add(x[None], axes.active(x[None]))
                models[values.tobytes()] = model
            x = self._propose(history, models[values.tobytes()], values, points, rng)
            points = np.concatenate([points, x])
            if len(points) < count:
                for model in models.values():
                    model.add(x, axes.active(x))
        return space.decode(points)

    def explain(self, history: History) -> str:
        """Says in one line what it does now, and why."""
        found = outcomes(history)
        if not self._modelled(history, found):
            return f"tpe: first points, until {self.startup} trials have an outcome ({found.known} have)"
        good = len(good_rows(history, found, self.good_share))
        earlier = len(history.sources)
        also = [f"{earlier} earlier experiment{'s' * (earlier > 1)}"] * bool(earlier)
        also += ["priors"] * history.space.has_prior + ["feasibility"] * bool(history.constraints)
        return f"tpe: {good} good of {found.known} trials" + (f", with {', '.join(also)}" if also else "")

    def _axes_of(self, space: Space) -> Axes:
        if self._axes is None or self._space is not space:
            self._axes, self._space = Axes(space), space
        return self._axes

    def _modelled(self, history: History, found: Outcomes) -> bool:
        return found.known >= self.startup and bool(len(found.complete) or len(found.partial))

    def _first(self, history: History, count: int) -> list[Params]:
        """The n-th proposal is the n-th guess, beyond them the n-th point of Latin hypercubes of `startup` each."""
        first = history.proposed
        guesses = self._guesses(history)[first : first + count] if first < self.startup else []
        return guesses + self._startup.stream(history).take(first + len(guesses), count - len(guesses))

    def _guesses(self, history: History) -> list[Params]:
        """The default where the user gave one or a prior, then the best trials of earlier experiments."""
        space = history.space
        domains = [parameter.domain for parameter in space.parameters]
        guesses = []
        if any(domain.default is not None or domain.prior is not None for domain in domains):
            guesses += [params for params in [space.defaults()] if space.valid(params)]
        if history.sources:
            lessons = lessons_of(history, self.good_share)
            X = lessons.X[np.argsort(lessons.place, kind="stable")]
            for params in space.decode(X[space.feasible_unit(X)]):
                if params not in guesses and len(guesses) < self.startup // 2:
                    guesses.append(params)
        return guesses

    def _branch(self, axes: Axes, history: History, found: Outcomes, rng: "np.random.Generator") -> Floats:
        """Values for the choices that split the space, none where nothing does."""
        if not len(axes.roots):
            return np.empty(0)
        space, good = history.space, good_rows(history, found, self.good_share)
        weights = weights_of(history.Y[good])
        weight = max(PRIOR, ELSEWHERE * len(good))
        if space.has_prior:
            weight += FADING**2 / (FADING + found.known)
            other = space.sample_prior(rng, 1)[0]
        else:
            other = rng.random(space.width)
        return drawn(axes, history, good, np.append(weights, weight), other, rng)

    def _propose(
        self, history: History, model: Densities, values: Floats, points: Floats, rng: "np.random.Generator"
    ) -> Floats:
        """The most promising candidate (1, d), if possible not among the trials or the `points` of this question."""
        space, axes = history.space, model.axes
        for attempt in range(ROUNDS):
            X = model.sample(rng, self.candidates)
            if attempt == 0 and len(values):  # if nothing there meets the constraints, the branch is left
                X[:, axes.roots] = values
            if space.constraints:
                X = X[space.feasible_unit(X)]
            if len(X):
                active = axes.active(X)
                order = np.argsort(-model.score(X, active), kind="stable")
                for at in order.tolist():
                    applies = None if active is None else active[at]
                    if axes.is_new(X[at], applies) or not (
                        axes.holds(history.X, X[at], applies) or axes.holds(points, X[at], applies)
                    ):
                        return X[[at]]
                return X[order[:1]]
        return space.sample_unit(rng, 1)
