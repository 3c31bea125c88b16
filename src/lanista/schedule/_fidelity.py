"""How much of the work a trial does before it is compared: epochs, rows, pixels, folds."""

import math

from lanista._frozen import Frozen
from lanista.errors import UsageError
from lanista.schedule._checks import whole


class Fidelity(Frozen):
    """What a scheduler buys more of for the trials that deserve it, where that is not a count of epochs.

    Give it to a scheduler in place of `max_steps`. A trial then runs once for each level that it reaches: it reads how
    much to use from `trial.fidelity` and reports, or returns, its metrics once. A level is also the step under which
    the journal keeps what was reported.

    Args:
        name: what it counts, say "rows".
        low: the least that says anything about a configuration.
        high: all there is.
        log: whether the levels stand in equal ratios; otherwise in equal distances.

    Raises:
        UsageError: the name is no text, a bound is no whole number, or not 1 <= low <= high.

    >>> Fidelity("rows", 500, 50_000, log=True).levels(3)
    [500, 1581, 5000, 15811, 50000]
    >>> Fidelity("folds", 1, 10).levels(3)
    [1, 6, 10]
    """

    name: str
    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        for bound, value in (("low", self.low), ("high", self.high)):
            if not isinstance(value, int) or isinstance(value, bool):
                raise UsageError(
                    f"Fidelity({self.name!r}, {bound}={value!r}): it must be a whole number; count a share in percent"
                )
        if not isinstance(self.name, str) or not self.name:
            raise UsageError(f"Fidelity({self.name!r}): its name must be a text that says what it counts, say 'rows'")
        if not 1 <= self.low <= self.high:
            raise UsageError(
                f"Fidelity({self.name!r}, low={self.low!r}, high={self.high!r}): 1 <= low <= high must hold"
            )

    def levels(self, reduction: int) -> list[int]:
        """The levels, lowest first, `low` and `high` among them: as many as lie a factor of `reduction` apart."""
        whole("Fidelity.levels", 2, reduction=reduction)
        count = math.floor(math.log(self.high / self.low, reduction) + 1e-9)
        if count == 0:
            return [self.low, self.high] if self.low < self.high else [self.high]
        shares = [k / count for k in range(count + 1)]
        if self.log:
            return [round(self.low * (self.high / self.low) ** share) for share in shares]
        return [round(self.low + (self.high - self.low) * share) for share in shares]


def levels(
    limit: int | Fidelity,
    min_steps: int | None,
    reduction: int,
    owner: str,
    *,
    from_top: bool = False,
    deepest: int | None = None,
) -> list[int]:
    """The steps at which a scheduler compares trials, and last the one at which they are complete.

    `limit` is the last step, with the others at `min_steps * reduction**k` below it, as in ASHA, or, `from_top`, at
    `limit / reduction**k` down to `min_steps`, rounded, as in HyperBand; these, with `k` up to `deepest`, also where
    `min_steps` is left out. Or it is a fidelity, which has its own.

    Raises:
        UsageError: arguments of the scheduler named `owner` that are out of range, or contradict each other.

    >>> levels(30, 1, 3, "ASHA"), levels(30, 1, 3, "HyperBand", from_top=True)
    ([1, 3, 9, 27, 30], [1, 3, 10, 30])
    >>> levels(100, None, 3, "ASHA", deepest=3)
    [4, 11, 33, 100]
    >>> levels(Fidelity("rows", 100, 1000, log=True), None, 3, "ASHA")
    [100, 316, 1000]
    """
    whole(owner, 2, reduction=reduction)
    if isinstance(limit, Fidelity):
        if min_steps is not None:
            raise UsageError(
                f"{owner}(min_steps={min_steps!r}): the fidelity {limit.name!r} begins at its own low={limit.low}; "
                "leave min_steps out"
            )
        return limit.levels(reduction)
    lowest = 1 if min_steps is None else min_steps
    whole(owner, 1, max_steps=limit, min_steps=lowest)
    if lowest > limit:
        raise UsageError(f"{owner}(max_steps={limit!r}, min_steps={lowest!r}): 1 <= min_steps <= max_steps must hold")
    if deepest is not None and min_steps is None:
        return sorted({max(1, round(limit / reduction**k)) for k in range(deepest + 1)})
    if from_top:
        count = math.floor(math.log(limit / lowest, reduction) + 1e-9)
        return [max(lowest, round(limit / reduction**k)) for k in range(count, -1, -1)]
    steps = [lowest]
    while steps[-1] * reduction < limit:
        steps.append(steps[-1] * reduction)
    return [*steps, limit] if steps[-1] < limit else steps
