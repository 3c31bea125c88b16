"""Stopping by extrapolated learning curves: Domhan et al., Speeding up Automatic Hyperparameter Optimization, 2015."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanista.journal import COMPLETED, History
from lanista.schedule._base import Action, Described, Event, Report, Slots, Stop
from lanista.schedule._checks import number, whole
from lanista.schedule._fifo import fill
from lanista.schedule._rungs import completed

Floats = NDArray[np.float64]
Model = Callable[..., Any]

MODELS: dict[str, tuple[Model, tuple[float, ...]]] = {
    "vapor pressure": (lambda x, a, b, c: np.exp(a + b / x + c * np.log(x)), (-0.2, -1.0, 0.0)),
    "pow3": (lambda x, c, a, p: c - a * x**-p, (0.9, 0.8, 0.5)),
    "log-log linear": (lambda x, a, b: np.log(a * np.log(x) + b), (0.3, 1.1)),
    "Hill3": (lambda x, top, p, k: top * x**p / (np.abs(k) ** p + x**p), (0.9, 1.0, 2.0)),
    "log power": (lambda x, a, b, c: a / (1 + (x / np.exp(b)) ** c), (0.9, 0.7, -1.0)),
    "pow4": (lambda x, c, a, b, p: c - (np.abs(a) * x + b) ** -p, (0.9, 1.0, 0.5, 1.0)),
    "MMF": (lambda x, top, low, k, p: top - (top - low) / (1 + (np.abs(k) * x) ** p), (0.9, 0.1, 0.5, 1.0)),
    "exp4": (lambda x, c, a, b, p: c - np.exp(b - a * x**p), (0.9, 0.5, 0.0, 0.7)),
    "Janoschek": (lambda x, top, low, k, p: top - (top - low) * np.exp(-k * x**p), (0.9, 0.1, 0.3, 0.8)),
    "Weibull": (lambda x, top, low, k, p: top - (top - low) * np.exp(-((np.abs(k) * x) ** p)), (0.9, 0.1, 0.3, 0.8)),
    "ilog2": (lambda x, c, a: c - a / np.log(x + 1), (0.9, 0.5)),
}
"""The families of Domhan et al., appendix, as functions of x >= 1, and where their fits begin for rising curves."""


class CurveFitting(Described):
    """Stops a trial whose curve, drawn on to the last step, ends worse than the best completed trial by a margin.

    A trial's reports are fitted, by least squares with weights that grow with the step, by eleven families of curves.
    The prediction is the median of theirs, weighted by the inverse variance of what each leaves unexplained; families
    that run off beyond twice the range seen so far are left out. This is the rule of NNI's Curvefitting assessor
    without its sampling. Nobody is stopped while no trial has completed. The first objective decides.

    The margin is `1 - threshold` of the size of the best value: an accuracy is stopped below 0.95 times the best,
    a loss above 1.05 times the best, and what is negative in the same proportion. Curves are fitted after shifting and
    scaling each to its own range, so that falling and rising ones, of either sign, are treated alike.

    Args:
        max_steps: the step at which a trial is complete, and which is predicted.
        grace_steps: no trial is stopped at or before this step.
        interval: in steps; a trial is judged at its first report in each interval, which takes some 20 ms. None: about
            ten times, `max_steps // 10`.
        threshold: above 0, at most 1; the lower, the fewer are stopped.

    Raises:
        UsageError: an argument is out of range.

    >>> CurveFitting(max_steps=100).on(History(), Slots(free=1))[0].budget is None
    True
    """

    rule = True

    def __init__(
        self, max_steps: int, *, grace_steps: int = 6, interval: int | None = None, threshold: float = 0.95
    ) -> None:
        whole("CurveFitting", 1, max_steps=max_steps, interval=1 if interval is None else interval)
        whole("CurveFitting", 0, grace_steps=grace_steps)
        number("CurveFitting", 0, 1, strictly=True, threshold=threshold)
        self.max_steps, self.grace_steps, self.interval, self.threshold = max_steps, grace_steps, interval, threshold

    def on(self, history: History, event: Event) -> list[Action]:
        """Fills free slots, completes trials and judges reports."""
        if isinstance(event, Slots):
            return fill(history, event.free)
        if not isinstance(event, Report):
            return []
        if event.step >= self.max_steps:
            return [completed(event.trial, self.max_steps)]
        best = history.best
        if best is None or history.state_of(best) != COMPLETED or not self._due(history, event):
            return []
        bar = history.first(best) + (1 - self.threshold) * abs(history.first(best))
        value = self.predict(history, event.trial)
        if value is None or value <= bar:
            return []
        sign = float(history.signs[0])
        told = f"predicted to end at {sign * value:.6g}, worse than {sign * bar:.6g}"
        return [Stop(event.trial, f"{told}, which is {self.threshold:g} of the best")]

    def predict(self, history: History, trial: int) -> float | None:
        """The trial's first objective, minimised, at the last step; None where no family can tell."""
        steps, values = history.curve(trial)
        known = np.isfinite(values[:, 0])
        return extrapolate(steps[known], values[known, 0], self.max_steps)

    def _due(self, history: History, event: Report) -> bool:
        interval = self.interval or max(1, self.max_steps // 10)
        steps, _ = history.curve(event.trial)
        earlier = steps[steps < event.step]
        last = earlier[-1] if len(earlier) else 0
        return event.step > self.grace_steps and bool(event.step // interval > last // interval)


def extrapolate(steps: NDArray[np.int64], values: Floats, at: int) -> float | None:
    """The value of a curve at a later step, by the weighted ensemble; None where no family can tell.

    >>> curve = 1 - 0.8 * np.arange(1, 21) ** -0.5
    >>> round(extrapolate(np.arange(1, 21), curve, 100), 3)
    0.92
    """
    if len(steps) < 3:
        return None
    low, high = values.min(), values.max()
    if low == high:
        return float(low)
    stride = (steps[-1] - steps[0]) / (len(steps) - 1)
    x, end = 1 + (steps - steps[0]) / stride, 1 + (at - steps[0]) / stride
    flip, y = (-1, high - values) if values[-1] < values[0] else (1, values - low)
    fits = [fit for model in MODELS.values() if (fit := _fit(*model, x, 0.1 + 0.8 * y / (high - low), end)) is not None]
    if not fits:
        return None
    ends, weights = np.array(sorted(fits)).T
    median = ends[np.searchsorted(weights.cumsum(), weights.sum() / 2)]
    risen = (median - 0.1) / 0.8 * (high - low)
    return float(low + risen if flip > 0 else high - risen)


def _fit(model: Model, start: tuple[float, ...], x: Floats, y: Floats, end: float) -> tuple[float, float] | None:
    """One family's value at `end`, and its weight; None where it cannot be fitted to so few points, or runs off."""
    from scipy.optimize import leastsq

    spare = len(x) - len(start)
    if spare < 1:
        return None
    root = np.sqrt(x / x.mean())

    def residuals(parameters: Floats) -> Floats:
        off: Floats = root * (model(x, *parameters) - y)
        return np.nan_to_num(off, nan=1e3, posinf=1e3, neginf=-1e3)

    with np.errstate(all="ignore"):
        found = leastsq(residuals, start, full_output=True, maxfev=100)[0]
        value, left = float(model(end, *found)), residuals(found)
    if not -1 <= value <= 2:
        return None
    return value, 1 / (float(left @ left) / spare + 1e-12)
