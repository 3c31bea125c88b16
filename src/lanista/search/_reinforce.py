"""Reinforcement learning: a controller that learns to make good configurations."""

from bisect import bisect_left, bisect_right, insort
from typing import Any

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import CANCELLED, COMPLETED, STOPPED, History, Params
from lanista.search._adam import Adam
from lanista.search._axes import Axes, Bools, Floats, Ints
from lanista.search._climb import keys
from lanista.search._controller import Controller, Step
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
CLIP = 0.2
Place = tuple[float, ...]
"""How good a trial is, to be compared: the least is the best."""


class Reinforce(Described):
    """Draws from a recurrent network that follows the gradient of the expected reward.

    Williams, Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning (1992), section
    4; Zoph and Le, Neural Architecture Search with Reinforcement Learning (2017), sections 3.1 and 3.2: a recurrent
    network makes a configuration parameter by parameter, each from a softmax over options, or eight cells of a number.
    After each `batch` of trials that ended, it takes a step of Adam along the gradient of their log-probability times
    how far their reward is above a moving baseline, and of its entropy. The reward is the share of all trials so far
    that a trial beats, so that the scale of the objective does not matter.

    What was learnt is remembered, and learnt again from the history where it is lost. A configuration that was tried
    before is drawn anew where possible. Trials rank as for `TPE`: stopped ones after completed ones, then those that
    break a constraint, failures last. Of several objectives the first counts.

    Args:
        batch: trials of one step.
        rate: of learning.
        entropy: weight of the entropy, which keeps the network from settling too early.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Choice, Space
    >>> Reinforce().ask(History(Space({"x": Choice(["a", "b"])})), 1, np.random.default_rng(0))
    [{'x': 'a'}]
    """

    def __init__(self, *, batch: int = 5, rate: float = 0.03, entropy: float = 0.1) -> None:
        self.batch, self.rate, self.entropy = batch, rate, entropy
        _check(self)
        self._pupils = _Pupils(self)

    @one_thread()
    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Draws each proposal on its own."""
        return self._pupils.ask(history, count, rng)

    def _learn(self, pupil: "_Pupil", cells: Ints, active: Bools, gain: Floats) -> None:
        """One step along the gradient of a batch of which the gains (b,) are known."""
        steps = pupil.controller.run(cells, active)
        weights = np.repeat(gain[:, None], cells.shape[1], axis=1)
        pupil.descend(steps, cells, active, weights, self.rate, self.entropy)


class PPO(Described):
    """Draws from a recurrent network that is taught by proximal policy optimisation.

    Schulman et al., Proximal Policy Optimization Algorithms (2017), section 3, in the place of the plain gradient of
    `Reinforce`, whose network and reward it has: each batch is learnt from in several `epochs`, in which no choice's
    probability is pushed beyond 0.8 or 1.2 times what it was at the first. The advantage is that over a moving
    baseline, the same for all choices of a configuration; there is no network of values.

    Args:
        batch: trials that are learnt from together.
        epochs: steps on each batch.
        rate: of learning.
        entropy: weight of the entropy, which keeps the network from settling too early.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Choice, Space
    >>> PPO().ask(History(Space({"x": Choice(["a", "b"])})), 1, np.random.default_rng(0))
    [{'x': 'a'}]
    """

    def __init__(self, *, batch: int = 10, epochs: int = 8, rate: float = 0.01, entropy: float = 0.05) -> None:
        self.batch, self.epochs, self.rate, self.entropy = batch, epochs, rate, entropy
        _check(self)
        self._pupils = _Pupils(self)

    @one_thread()
    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Draws each proposal on its own."""
        return self._pupils.ask(history, count, rng)

    def _learn(self, pupil: "_Pupil", cells: Ints, active: Bools, gain: Floats) -> None:
        """Several steps along the clipped gradient of a batch of which the gains (b,) are known."""
        old = np.empty(0)
        for _ in range(self.epochs):
            steps = pupil.controller.run(cells, active)
            chosen = _chosen(steps, cells)
            old = old if len(old) else chosen
            ratio = chosen / old
            clipped = np.where(gain[:, None] > 0, ratio > 1.0 + CLIP, ratio < 1.0 - CLIP)
            weights = np.where(clipped, 0.0, ratio * gain[:, None])
            pupil.descend(steps, cells, active, weights, self.rate, self.entropy)


def _check(searcher: Any) -> None:
    """Holds the arguments that both take against their range."""
    name = type(searcher).__name__
    for each in ("batch", "epochs"):
        value = getattr(searcher, each, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError(f"{name}({each}={value!r}): it must be a whole number from 1")
    if not 0 < searcher.rate < np.inf:
        raise UsageError(f"{name}(rate={searcher.rate!r}): it must be above 0 and finite")
    if not 0 <= searcher.entropy < np.inf:
        raise UsageError(f"{name}(entropy={searcher.entropy!r}): it must be from 0 and finite")


def _chosen(steps: list[Step], cells: Ints) -> Floats:
    """(b, t) the probabilities of the cells (b, t)."""
    rows = np.arange(len(cells))
    return np.stack([step.p[rows, cells[:, t]] for t, step in enumerate(steps)], axis=1)


class _Pupil:
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

    def descend(
        self, steps: list[Step], cells: Ints, active: Bools, weights: Floats, rate: float, entropy: float
    ) -> None:
        """One step up along the log-probabilities of the cells (b, t) by their weights (b, t), and the entropy."""
        rows = np.arange(len(cells))
        found = []
        for t, step in enumerate(steps):
            logs = np.log(np.maximum(step.p, 1e-300))
            spread = -(step.p * logs).sum(axis=1, keepdims=True)
            slope = weights[:, [t]] * step.p + entropy * step.p * (logs + spread)
            slope[rows, cells[:, t]] -= weights[:, t]
            found.append(slope * active[:, [t]] / len(cells))
        self.adam.step(self.controller.theta, self.controller.gradient(steps, found), rate)


class _Pupils:
    """The controllers of a searcher, each kept with what it was taught."""

    def __init__(self, searcher: Any) -> None:
        self._searcher = searcher
        self._kept: dict[bytes, _Pupil] = {}

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

    def _taught(self, history: History) -> _Pupil:
        """The controller that was taught all full batches of trials that ended."""
        state, batch = history.state, self._searcher.batch
        ended = np.array([n for n in history.finished if state[n] != CANCELLED], dtype=np.intp)
        wanted = len(ended) // batch * batch
        known = [
            pupil
            for key, pupil in self._kept.items()
            if pupil.taught <= wanted and key == _digest(history, ended[: pupil.taught])
        ]
        pupil = max(known, key=lambda each: each.taught, default=None)
        if pupil is None:
            pupil = _Pupil(history.space, seed_of(history))
        else:
            self._kept = {key: each for key, each in self._kept.items() if each is not pupil}
        for at in range(pupil.taught, wanted, batch):
            rows = ended[at : at + batch]
            cells, active = pupil.controller.cells(history.X[rows])
            self._searcher._learn(pupil, cells, active, pupil.gains(_places(history, rows)))
        pupil.taught = wanted
        self._kept[_digest(history, ended[:wanted])] = pupil
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return pupil


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
