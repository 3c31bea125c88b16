"""Crossover and mutation on mixed, conditional spaces, for the genetic searchers.

Shapes: c children, d columns.
"""

import numpy as np

from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._axes import Axes, Floats
from lanista.search._ranking import Rows
from lanista.space import Permutation, Space

CROSSOVER_INDEX = 15.0
"""Of simulated binary crossover: the greater, the closer children are to their parents."""
MUTATION_INDEX = 20.0
"""Of polynomial mutation: the greater, the smaller the steps."""
CROSSED = 0.9
"""Share of the children that come of two parents; the others of one."""
TRIES = 30
"""Times that children are made anew which break the constraints or are as one of their parents."""


def check_population(searcher: str, population: object) -> None:
    """Raises UsageError unless the size of a population is a whole number from 4."""
    if isinstance(population, bool) or not isinstance(population, int) or population < 4:
        raise UsageError(f"{searcher}(population={population!r}): it must be a whole number from 4")


def children(history: History, axes: Axes, mothers: Rows, fathers: Rows, rng: "np.random.Generator") -> list[Params]:
    """One valid child for each pair of trials: crossed, then mutated, unlike both where that can be.

    A column that applies to one parent only is that one's; what neither has is drawn at random. Where no valid child is
    found it is a random configuration.

    Raises:
        UnsatisfiableError: too few configurations meet the constraints.
    """
    space, X = history.space, history.X
    found: dict[int, Params] = {}
    spare: dict[int, Params] = {}
    left = np.arange(len(mothers))
    for _ in range(TRIES):
        mother, father = mothers[left], fathers[left]
        made = space.decode(mutated(space, axes, crossed(axes, X[mother], X[father], rng), rng))
        for i, m, f, params in zip(left.tolist(), mother.tolist(), father.tolist(), made, strict=True):
            if space.constraints and not space.valid(params):
                continue
            spare[i] = params
            if params not in (history.params[m], history.params[f]):
                found[i] = params
        left = np.array([i for i in range(len(mothers)) if i not in found], dtype=np.intp)
        if not len(left):
            break
    lost = [i for i in left.tolist() if i not in spare]
    strangers = dict(zip(lost, space.sample(rng, len(lost)), strict=True)) if lost else {}
    everyone = strangers | spare | found
    return [everyone[i] for i in range(len(mothers))]


def crossed(axes: Axes, mothers: Floats, fathers: Floats, rng: "np.random.Generator") -> Floats:
    """Full points (c, d) between those of the parents (c, d), which have NaN where a column does not apply.

    Numbers by simulated binary crossover: Deb and Agrawal, Simulated Binary Crossover for Continuous Search Space
    (1995), section 3; each is the child's nearer to one parent or the other with equal chance. Options are either's.
    """
    shape = mothers.shape
    U = rng.random((4, *shape))
    mothers = np.where(np.isnan(mothers), np.where(np.isnan(fathers), U[0], fathers), mothers)
    fathers = np.where(np.isnan(fathers), mothers, fathers)
    other = U[1] < 0.5
    first, second = np.where(other, fathers, mothers), np.where(other, mothers, fathers)
    spread = np.where(U[2] < 0.5, 2.0 * U[2], 0.5 / (1.0 - U[2])) ** (1.0 / (CROSSOVER_INDEX + 1.0))
    numbers = np.clip(0.5 * ((1.0 + spread) * first + (1.0 - spread) * second), 0.0, 1.0)
    points: Floats = first.copy()
    at = axes.gaussian
    points[:, at] = np.where(U[3][:, at] < 0.5, numbers[:, at], mothers[:, at])
    alone = rng.random(shape[0]) >= CROSSED
    points[alone] = mothers[alone]
    return points


def mutated(space: Space, axes: Axes, points: Floats, rng: "np.random.Generator") -> Floats:
    """The full points (c, d) with each column that applies changed with chance 1 / (number of them).

    Numbers by polynomial mutation, by at least one cell where they are ordered: Deb and Goyal, A Combined Genetic
    Adaptive Search (GeneAS) for Engineering Design (1996), section 3. Options become another one, an item of a
    permutation moves anywhere.
    """
    active = space.active(points)
    searched = np.zeros(points.shape[1], dtype=np.bool_)
    searched[axes.searched] = True
    applies = active & searched
    chance = 1.0 / np.maximum(applies.sum(axis=1, keepdims=True), 1)
    U, n = rng.random((2, *points.shape)), axes.cardinality
    power = 1.0 / (MUTATION_INDEX + 1.0)
    step = np.where(U[1] < 0.5, (2.0 * U[1]) ** power - 1.0, 1.0 - (2.0 - 2.0 * U[1]) ** power)
    least = np.where(n > 0, 1.0 / np.maximum(n, 1), 0.0)
    changed = reflected(points + np.sign(step) * np.maximum(np.abs(step), least))
    at = axes.options
    if len(at):
        cells = axes.cells(points, at)
        turn = 1 + (U[1][:, at] * (n[at] - 1)).astype(np.intp)
        changed[:, at] = ((cells + turn) % n[at] + 0.5) / n[at]
    for parameter in space.parameters:
        if isinstance(parameter.domain, Permutation):
            own = slice(parameter.start, parameter.stop)
            changed[:, own] = U[1][:, own]
    return np.where(applies & (U[0] < chance), changed, points)


def reflected(points: Floats) -> Floats:
    """The points with what lies beyond an edge of the cube thrown back into it."""
    folded = np.mod(points, 2.0)
    inside: Floats = np.where(folded > 1.0, 2.0 - folded, folded)
    return inside
