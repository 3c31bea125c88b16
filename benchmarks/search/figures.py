"""Regret curves and critical-difference diagrams as small SVG files, drawn by hand: no plotting library is needed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22")
STYLE = "<style>text{font:12px sans-serif;fill:#222}.small{font-size:11px}</style>"


def _svg(width: int, height: int, parts: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    paper = f'<rect width="{width}" height="{height}" fill="white"/>'
    return "\n".join([head, STYLE, paper, *parts, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str = "start", small: bool = False) -> str:
    style = ' class="small"' if small else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = "#222", width: float = 1.0) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width:g}"/>'


def regret(title: str, curves: Mapping[str, Floats], what: str = "mean normalised regret") -> str:
    """A line an optimiser: evaluations to the right, regret (n,) upwards on a log scale; the best at the end first."""
    width, height, left, right, top, bottom = 720, 400, 64, 170, 34, 44
    order = sorted(curves, key=lambda label: float(curves[label][-1]))
    most = max(len(curve) for curve in curves.values())
    seen = np.concatenate([np.maximum(curve, 1e-6) for curve in curves.values()])
    low, high = math.log10(seen.min()), math.log10(seen.max())
    low, high = low - 0.03 * (high - low + 0.1), high + 0.03 * (high - low + 0.1)

    def x(evaluation: float) -> float:
        return left + (width - left - right) * (evaluation - 1) / max(most - 1, 1)

    def y(value: float) -> float:
        return top + (height - top - bottom) * (high - math.log10(max(value, 1e-6))) / (high - low)

    parts = [_text(left, 20, title)]
    for tick in _ticks(10**low, 10**high):
        parts += [
            _line(left, y(tick), width - right, y(tick), "#ddd"),
            _text(left - 6, y(tick) + 4, f"{tick:g}", "end", True),
        ]
    for tick in (1, *(round(most * share) for share in (0.25, 0.5, 0.75, 1))):
        parts += [
            _line(x(tick), height - bottom, x(tick), height - bottom + 4),
            _text(x(tick), height - bottom + 17, f"{tick}", "middle", True),
        ]
    parts.append(_text((left + width - right) / 2, height - 8, f"evaluations ({what})", "middle", True))
    for i, label in enumerate(order):
        colour = COLOURS[i % len(COLOURS)]
        dash = ' stroke-dasharray="5 3"' if i >= len(COLOURS) else ""
        points = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in enumerate(curves[label], 1))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>')
        row = top + 10 + 17 * i
        parts += [
            _line(width - right + 10, row - 4, width - right + 30, row - 4, colour, 2),
            _text(width - right + 36, row, label),
        ]
    return _svg(width, height, parts)


def _ticks(low: float, high: float) -> list[float]:
    """The 1, 2 and 5 of each power of ten between two numbers."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [digit * 10.0**power for power in powers for digit in (1, 2, 5) if low <= digit * 10.0**power <= high]


def difference(title: str, ranks: Mapping[str, float], critical: float, groups: Sequence[tuple[float, float]]) -> str:
    """A critical-difference diagram: mean ranks on an axis, bars over those that do not differ.

    Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets (2006), section 3.2.4.
    """
    order = sorted(ranks, key=lambda label: ranks[label])
    k, half = len(order), (len(order) + 1) // 2
    width, left, right, axis = 720, 150, 150, 76
    height = axis + 24 + 9 * len(groups) + 20 * half + 16

    def x(rank: float) -> float:
        return left + (width - left - right) * (rank - 1) / max(k - 1, 1)

    parts = [_text(left, 20, title), _line(x(1), 44, x(min(1 + critical, k)), 44, width=2)]
    parts += [_text(x(1), 38, f"critical difference {critical:.2f}", small=True), _line(x(1), axis, x(k), axis)]
    for rank in range(1, k + 1):
        parts += [_line(x(rank), axis - 5, x(rank), axis), _text(x(rank), axis - 9, f"{rank}", "middle", True)]
    for i, (low, high) in enumerate(groups):
        level = axis + 10 + 9 * i
        parts.append(_line(x(low) - 4, level, x(high) + 4, level, width=4))
    for i, label in enumerate(order):
        first = i < half
        level = axis + 24 + 9 * len(groups) + 20 * (i if first else k - 1 - i)
        edge = left - 8 if first else width - right + 8
        at = x(ranks[label])
        parts.append(f'<path d="M{at:.1f} {axis} V{level:.1f} H{edge}" stroke="#555" fill="none"/>')
        parts.append(
            _text(
                edge - 4 if first else edge + 4, level + 4, f"{label} {ranks[label]:.2f}", "end" if first else "start"
            )
        )
    return _svg(width, height, parts)
