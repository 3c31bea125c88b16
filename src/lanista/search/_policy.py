"""Searchers that draw from a controller, and teach it by the trials that ended."""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right, insort

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import CANCELLED, COMPLETED, STOPPED, History, Params
from lanista.search._adam import Adam
from lanista.search._axes import Axes, Bools, Floats, Ints
from lanista.search._climb import keys
from lanista.search._controller import Controller, Steps
from lanista.search._ranking import Rows
from lanista.search._stream import seed_of
from lanista.search._threads import one_thread
from lanista.space import Space

FORGET = 0.2
"""Share of the moving baseline that a new batch makes up."""
KEPT = 2
"""Controllers remembered: of a searcher that serves two experiments in turn, each keeps its own."""
TRIES = 20
"""Draws for a configuration that was not tried before and meets the constraints."""
Place = tuple[float, ...]
"""How good a trial is, to be compared: the least is the best."""


class Policy(Described, ABC):
    """Draws each proposal on its own, from a network that has learnt of all full batches of trials that ended.

    What was learnt is remembered, and learnt again from the history where it is lost. The reward of a trial is the
    share of all trials so far that it beats.

    Args:
        batch: trials that are learnt from together.
        rate: of learning.
        entropy: weight of the entropy.

    Raises:
        UsageError: an argument is out of range.
    """

    def __init__(self, batch: int, rate: float, entropy: float) -> None:
        self.batch, self.rate, self.entropy = batch, rate, entropy
        self._kept: dict[bytes, Pupil] = {}
        self._check_count("batch", batch)
        name = type(self).__name__
        if not 0 < rate < np.inf:
            raise UsageError(f"{name}(rate={rate!r}): it must be above 0 and finite")
        if not 0 <= entropy < np.inf:
            raise UsageError(f"{name}(entropy={entropy!r}): it must be from 0 and finite")

    def _check_count(self, name: str, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError(f"{type(self).__name__}({name}={value!r}): it must be a whole number from 1")

    @abstractmethod
    def _learn(self, pupil: "Pupil", cells: Ints, active: Bools, gain: Floats) -> None:
        """Teaches the cells (b, t) of a batch, of which the gains (b,) are known."""

    @one_thread()
    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Draws proposals, new ones where there are any."""
        space = history.space
        if not len(Axes(space).searched):
            return space.sample(rng, count)
        controller = self._taught(history).controller
        tried = set(keys(history.X))
        fresh: list[Floats] = []
        again: list[Floats] = []
        for _ in range(TRIES):
            X = controller.sample(count, rng)
            X = X[space.feasible_unit(X)] if space.constraints else X
            for key, x in zip(keys(X), X, strict=True):
                (again if key in tried else fresh).append(x)
                tried.add(key)
            if len(fresh) >= count:
                break
        chosen = (fresh + again)[:count]
        return [*(space.decode(np.stack(chosen)) if chosen else []), *space.sample(rng, count - len(chosen))]

    def _taught(self, history: History) -> "Pupil":
        """The controller that was taught all full batches of trials that ended."""
        state, batch = history.state, self.batch
        ended = np.array([n for n in history.finished if state[n] != CANCELLED], dtype=np.intp)
        wanted = len(ended) // batch * batch
        known = [
            pupil
            for key, pupil in self._kept.items()
            if pupil.taught <= wanted
            and pupil.controller.space == history.space
            and key == _digest(history, ended[: pupil.taught])
        ]
        pupil = max(known, key=lambda each: each.taught, default=None)
        if pupil is None:
            pupil = Pupil(history.space, seed_of(history))
        else:
            self._kept = {key: each for key, each in self._kept.items() if each is not pupil}
        for at in range(pupil.taught, wanted, batch):
            rows = ended[at : at + batch]
            cells, active = pupil.controller.cells(history.X[rows])
            self._learn(pupil, cells, active, pupil.gains(_places(history, rows)))
        pupil.taught = wanted
        self._kept[_digest(history, ended[:wanted])] = pupil
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return pupil


class Pupil:
    """A controller with all that its learning goes by.

    Args:
        space: of the configurations.
        seed: of the first weights.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self.controller = Controller(space, np.random.default_rng(seed))
        self.adam = Adam(len(self.controller.theta))
        self.taught = 0
        self._places: list[Place] = []
        self._baseline = 0.5

    def gains(self, places: list[Place]) -> Floats:
        """(b,) how far the rewards of a batch are above the baseline; both move on."""
        for place in places:
            insort(self._places, place)
        worse = [bisect_left(self._places, p) + bisect_right(self._places, p) for p in places]
        reward = 1.0 - 0.5 * np.array(worse) / len(self._places)
        gains = reward - self._baseline
        self._baseline += FORGET * float(gains.mean())
        return gains

    def descend(self, steps: Steps, cells: Ints, active: Bools, weights: Floats, rate: float, entropy: float) -> None:
        """One step up along the log-probabilities of the cells (b, t) by their weights (b, t), and the entropy."""
        chosen = np.arange(steps.p.shape[2]) == cells.T[..., None]
        by_chosen, logs = weights.T[..., None], np.log(np.maximum(steps.p, 1e-300))
        spread = -(steps.p * logs).sum(axis=2, keepdims=True)
        slope = by_chosen * (steps.p - chosen) + entropy * steps.p * (logs + spread)
        by_logits = slope * active.T[..., None] / len(cells)
        self.adam.step(self.controller.theta, self.controller.gradient(steps, by_logits), rate)


def _digest(history: History, rows: Rows) -> bytes:
    """What tells apart the trials that were learnt from, and the seed."""
    import hashlib

    told = hashlib.blake2b(repr((seed_of(history), history.space.width, history.X[rows].shape)).encode())
    for array in (history.X, history.Y, history.C, history.state, history.steps):
        told.update(array[rows].tobytes())
    return told.digest()


def _places(history: History, rows: Rows) -> list[Place]:
    """How good each of the trials is."""
    found: list[Place] = []
    Y, C = history.Y[rows, 0].tolist(), history.C[rows]
    for row, y, broken in zip(rows.tolist(), Y, C, strict=True):
        state = history.state_of(row)
        if not np.isfinite(y) or state not in (COMPLETED, STOPPED):
            found.append((3.0,))
        elif not (broken <= 0).all():
            found.append((2.0, float((~(broken <= 0)).sum()), y))
        elif state == STOPPED:
            found.append((1.0, -float(history.steps[row]), y))
        else:
            found.append((0.0, y))
    return found
