"""The figures of the page, as SVG drawn by hand."""

import math
from collections.abc import Mapping, Sequence

from benchmarks.search.figures import COLOURS, _line, _svg, _text, _ticks

Series = Mapping[str, Sequence[tuple[float, float]]]


def lines(
    title: str,
    series: Series,
    *,
    across: str,
    upwards: str,
    log: tuple[bool, bool] = (False, False),
    marks: Sequence[float] = (),
) -> str:
    """A line a series; `log` tells which axes are logarithmic, `marks` are bars to be met, drawn grey."""
    width, height, left, right, top, bottom = 760, 400, 64, 200, 34, 46
    shown = {label: [p for p in points if all(map(math.isfinite, p))] for label, points in series.items()}
    scales = [(lambda v: math.log10(max(v, 1e-9))) if flag else float for flag in log]
    xs = [scales[0](x) for points in shown.values() for x, _ in points]
    ys = [scales[1](y) for y in (*(y for points in shown.values() for _, y in points), *marks)]
    low, high = min(ys), max(ys)
    low, high = low - 0.05 * (high - low or 1), high + 0.05 * (high - low or 1)

    def at_x(value: float) -> float:
        return left + (width - left - right) * (scales[0](value) - min(xs)) / (max(xs) - min(xs) or 1)

    def at_y(value: float) -> float:
        return top + (height - top - bottom) * (high - scales[1](value)) / (high - low)

    parts = [_text(left, 20, title)]
    for tick in _ticks(10**low, 10**high) if log[1] else _even(low, high):
        parts += [_line(left, at_y(tick), width - right, at_y(tick), "#ddd")]
        parts += [_text(left - 6, at_y(tick) + 4, f"{tick:g}", "end", True)]
    for mark in marks:
        parts.append(_line(left, at_y(mark), width - right, at_y(mark), "#888", 2))
    for tick in sorted({x for points in shown.values() for x, _ in points}) if log[0] else _even(min(xs), max(xs)):
        parts.append(_text(at_x(tick), height - bottom + 17, f"{tick:g}", "middle", True))
    parts.append(_text((left + width - right) / 2, height - 8, f"{across}; upwards: {upwards}", "middle", True))
    order = sorted(shown, key=lambda label: -shown[label][-1][1] if shown[label] else math.inf)
    for i, label in enumerate(order):
        colour = COLOURS[i % len(COLOURS)]
        dash = ' stroke-dasharray="5 3"' if i >= len(COLOURS) else ""
        points = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in shown[label])
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>')
        parts += [
            f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="2" fill="{colour}"/>' for x, y in shown[label][:40]
        ]
        row = top + 10 + 17 * i
        parts.append(_line(width - right + 10, row - 4, width - right + 30, row - 4, colour, 2))
        parts.append(_text(width - right + 36, row, label))
    return _svg(width, height, parts)


def _even(low: float, high: float) -> list[float]:
    """Round numbers, about five, between two."""
    step = 10 ** math.floor(math.log10((high - low) / 2 or 1))
    step *= next(k for k in (1, 2, 5, 10) if (high - low) / (k * step) <= 8)
    return [round(k * step, 9) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
