"""The axis of a parameter: numbers, logarithmic where the domain is, or categories."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lanista.journal import History
from lanista.plot._frame import cut, unknown
from lanista.plot._style import Part, axis, safe, short
from lanista.plot._thin import Floats
from lanista.space import Choice, Float, Int, Normal

MARGIN = 0.04
"""Of an axis, free at either end."""
MOST = 24
"""Parameters beside each other."""
APART = 3.0
"""The distance of two categories, where the whole range of a number is 1."""


class Scale:
    """A parameter by name: its places on an axis for the configurations of k trials that are drawn.

    Numbers stand at their value, categories at their index in `labels`; `places` (k,) is NaN where a trial does not
    have the parameter. Domains that share the name are one axis, of numbers only if all of them are.
    """

    def __init__(self, history: History, name: str, params: Sequence[Mapping[str, Any]]) -> None:
        domains = [p.domain for p in history.space.parameters if p.name == name]
        if not domains:
            raise unknown("parameter", name, history.space.names)
        self.name = name
        self.numeric = all(isinstance(d, Float | Int | Normal) for d in domains)
        values = [given.get(name, math.nan) for given in params]
        if self.numeric:
            self.labels: list[str] = []
            self.places: Floats = np.array(values, dtype=np.float64)
            self.whole = all(isinstance(d, Int) for d in domains)
            self.log = all(isinstance(d, Float | Int | Normal) and d.log for d in domains)
            self.low, self.high = _ends(domains, self.places)
        else:
            words = [_label(given[name]) if name in given else "" for given in params]
            options = [_label(option) for d in domains if isinstance(d, Choice) for option in d.options]
            self.labels = list(dict.fromkeys([*options, *sorted(set(words) - {""})]))
            index = {label: float(at) for at, label in enumerate(self.labels)}
            self.places = np.array([index.get(word, math.nan) for word in words], dtype=np.float64)
            self.whole = self.log = False
            self.low, self.high = 0.0, max(len(self.labels) - 1.0, 0.0)

    @property
    def absent(self) -> int:
        """How many of the trials do not have the parameter."""
        return int(np.isnan(self.places).sum())

    def unit(self) -> Floats:
        """(k,) the places between 0 and 1."""
        return self._to_unit(self.places)

    def spaced(self, places: Floats) -> Floats:
        """(k,) places so that their distances compare: numbers between 0 and 1, categories far apart."""
        return self._to_unit(places) if self.numeric else places * APART

    def ticks(self, most: int = 5) -> list[tuple[float, str]]:
        """Some places between 0 and 1, with their labels."""
        if not self.numeric:
            step = -(-len(self.labels) // 12)
            chosen = list(enumerate(self.labels))[::step]
            return [(float(self._to_unit(np.array([float(at)]))[0]), cut(label, 16)) for at, label in chosen]
        if self.log:
            decades = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
            values = [10.0**exponent for exponent in decades][:: max(1, len(decades) // most)]
            values = values if len(values) > 1 else [self.low, math.sqrt(self.low * self.high), self.high]
        else:
            values = list(np.linspace(self.low, self.high, most))
        if self.whole:
            values = sorted({float(round(value)) for value in values})
        return [(float(self._to_unit(np.array([value]))[0]), f"{value:.3g}") for value in values]

    def axis(self, **more: Any) -> Part:
        """The axis as Plotly has it."""
        title = self.name + (f" (absent in {self.absent})" if self.absent else "")
        if not self.numeric:
            marks = {"tickmode": "array", "tickvals": list(range(len(self.labels)))}
            texts = [safe(cut(label, 24)) for label in self.labels]
            return axis(title, **marks, ticktext=texts, range=[-0.5, len(self.labels) - 0.5], **more)
        low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        free = MARGIN * ((high - low) or 1.0)
        return axis(title, type="log" if self.log else "linear", range=[low - free, high + free], **more)

    def grid(self, count: int) -> Floats:
        """(g,) places along the axis: every category, or so many numbers, evenly."""
        if not self.numeric:
            return np.arange(len(self.labels), dtype=np.float64)
        if self.log:
            return np.geomspace(self.low, self.high, count)
        return np.linspace(self.low, self.high, count)

    def _to_unit(self, places: Floats) -> Floats:
        if self.high <= self.low:
            return np.where(np.isnan(places), math.nan, 0.5)
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return np.asarray((np.log(places) - low) / (high - low), dtype=np.float64)
        return np.asarray((places - self.low) / (self.high - self.low), dtype=np.float64)


def chosen(history: History, names: Sequence[str] | None) -> Sequence[str]:
    """The parameters to show; None: all, as far as they fit.

    Raises:
        UsageError: there is no such parameter.
    """
    if names is None:
        return history.space.names[:MOST]
    wanted = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    for name in wanted:
        if name not in history.space.names:
            raise unknown("parameter", name, history.space.names)
    return wanted


def left_out(history: History, names: Sequence[str] | None) -> str:
    """What to say where not all parameters fit."""
    count = len(history.space.names)
    return f"the first {MOST} of {count} parameters; params= shows others" if names is None and count > MOST else ""


def scales(history: History, names: Sequence[str], params: Sequence[Mapping[str, Any]]) -> list[Scale]:
    """The scales of some parameters, which exist."""
    return [Scale(history, name, params) for name in names]


def _label(value: Any) -> str:
    """The name of a category; "" is left to say that there is none."""
    return short(value) or "(none)"


def _ends(domains: Sequence[Any], places: Floats) -> tuple[float, float]:
    """The ends of the domains; of a normal one, where the trials are."""
    finite = places[np.isfinite(places)]
    ends: list[float] = []
    for domain in domains:
        if not isinstance(domain, Normal):
            ends += [float(domain.low), float(domain.high)]
        elif len(finite):
            ends += [float(finite.min()), float(finite.max())]
        else:
            ends += [domain.middle, domain.bounds[1]]
    return min(ends), max(ends)
