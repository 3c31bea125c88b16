"""What an ensemble of networks has learnt of a history, remembered while that stays the same."""

from collections.abc import Callable, Hashable, Iterable
from collections.abc import Set as AbstractSet

import numpy as np

from lanista.journal import History, Params
from lanista.search._ensemble import Ensemble, fit
from lanista.search._network import Inputs
from lanista.search._ranking import Floats, Outcomes, outcomes, violation
from lanista.search._stream import seed_of
from lanista.search._targets import targets
from lanista.space import Space

EVERY = 10
"""Trials after which the networks learn anew; the first so many one by one, and of many trials a tenth of them."""
KEPT = 2
"""Ensembles remembered: of a searcher that serves two experiments in turn, each keeps its own."""

Traits = Callable[[Params], Iterable[Hashable]]


class Predictor:
    """Learns the values of trials.

    Args:
        traits: what the networks see of a configuration; None: its parameters.
    """

    def __init__(self, traits: Traits | None = None) -> None:
        self._traits = traits
        self._learnt: dict[bytes, Ensemble] = {}

    def learnt(self, history: History) -> Callable[[Floats], Floats] | None:
        """From points (c, d) to predictions (e, c), low is good; None where no trial has values."""
        import hashlib

        taught = _taught(history)
        if not len(taught.complete) + len(taught.partial):
            return None
        seed = seed_of(history), taught.known
        rows, y = targets(history, taught, np.random.default_rng(seed))
        see = Seen(history.space, history.X[rows], self._traits)
        Z = see(history.X[rows])
        key = hashlib.blake2b(Z.tobytes() + y.tobytes() + repr((Z.shape, seed)).encode()).digest()
        ensemble = self._learnt.pop(key, None)
        if ensemble is None:
            ensemble = fit(Z, y, np.random.default_rng([*seed, 1]))
        self._learnt[key] = ensemble
        while len(self._learnt) > KEPT:
            del self._learnt[next(iter(self._learnt))]
        return lambda X: ensemble.predict(see(X))


class Seen:
    """What networks see of points: parameters, or the traits that any of the given points has.

    Args:
        space: of the points.
        X: (n, d) the points to be learnt from.
        traits: of a configuration; None: its parameters.
    """

    def __init__(self, space: Space, X: Floats, traits: Traits | None) -> None:
        self._space, self._traits = space, traits
        self._inputs = Inputs(space)
        found = [_listed(traits(params)) for params in space.decode(X)] if traits is not None else []
        self._places = {trait: i for i, trait in enumerate(dict.fromkeys(t for each in found for t in each))}

    def __call__(self, X: Floats) -> Floats:
        """(n, p) inputs at points X (n, d)."""
        if self._traits is None:
            return self._inputs.of(X)
        Z = np.zeros((len(X), len(self._places)))
        for row, params in zip(Z, self._space.decode(X), strict=True):
            row[[at for trait in self._traits(params) if (at := self._places.get(trait)) is not None]] = 1.0
        return Z


def _listed(traits: Iterable[Hashable]) -> list[Hashable]:
    """The traits in an order that is the same in another process, which that of a set is not."""
    return sorted(traits, key=repr) if isinstance(traits, AbstractSet) else list(traits)


def _taught(history: History) -> Outcomes:
    """The first so many trials that ended; those that break a constraint count as bad."""
    ended = np.array(history.finished, dtype=np.intp)
    size = min(len(ended), EVERY)
    while size >= EVERY and (larger := size + max(EVERY, size // 10)) <= len(ended):
        size = larger
    among = np.zeros(len(history), dtype=np.bool_)
    among[ended[:size]] = True
    complete, partial, bad, pending, cancelled = (rows[among[rows]] for rows in outcomes(history))
    if history.constraints:
        broken = violation(history) > 0
        bad = np.sort(np.concatenate([bad, complete[broken[complete]], partial[broken[partial]]]))
        complete, partial = complete[~broken[complete]], partial[~broken[partial]]
    return Outcomes(complete, partial, bad, pending, cancelled)
