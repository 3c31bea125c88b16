"""How all figures look: two themes, colours that everybody can tell apart, axes, and the figure itself.

Figures are built of plain dicts; plotly is imported when the first one is made.
"""

import html
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from lanista._frozen import Frozen
from lanista.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Theme = Literal["light", "dark"]
Part = dict[str, Any]
"""A trace, an axis, or another part of a figure, as Plotly's JSON has it."""

BROKEN = "breaks a constraint"
LOST = "interrupted"
SYMBOLS = {
    "completed": "circle",
    "stopped": "triangle-down-open",
    "paused": "square-open",
    "running": "diamond-open",
    "failed": "x-thin-open",
    "infeasible": "cross-thin-open",
    "cancelled": "line-ns-open",
    "waiting": "circle-open",
    BROKEN: "circle-x-open",
}
"""The mark of each state: it can be told without its colour, too."""


class Look(Frozen):
    """The colours of a theme.

    `lines` are those of Okabe and Ito that stand out from its paper; `scale`, for values, is blue to yellow, evenly
    lighter, as cividis is, which looks alike to everybody.
    """

    dark: bool
    paper: str
    text: str
    muted: str
    grid: str
    strong: str
    lines: tuple[str, ...]
    states: dict[str, str]
    scale: tuple[str, ...]

    def colours(self, count: int) -> list[str]:
        """So many colours along the scale, the last of which stands out most."""
        scale = self.scale if self.dark else self.scale[::-1]
        return [scale[round(at * (len(scale) - 1) / max(1, count - 1))] for at in range(count)]

    @property
    def colorscale(self) -> list[list[Any]]:
        """The scale as Plotly has it, from low to high values."""
        return [[at / (len(self.scale) - 1), colour] for at, colour in enumerate(self.scale)]


_LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5B5B5B")
_DARK = ("#56B4E9", "#F0803C", "#2BC49A", "#E39CC4", "#E6B422", "#8FA8FF", "#B4B4B4")

_CIVIDIS = (
    "#00224e",
    "#123570",
    "#3b496c",
    "#575d6d",
    "#707173",
    "#8a8678",
    "#a59c74",
    "#c3b369",
    "#e1cc55",
    "#fee838",
)
_BRIGHT = ("#5c7fd6", "#6f88c4", "#8090b2", "#9098a2", "#a09f92", "#b3a986", "#c6b577", "#d9c366", "#ecd550", "#fee838")


def _states(lines: Sequence[str]) -> dict[str, str]:
    blue, vermilion, green, purple, orange, sky, grey = lines
    return {
        "completed": blue,
        "stopped": orange,
        "paused": sky,
        "running": green,
        "failed": vermilion,
        "infeasible": purple,
        "cancelled": grey,
        "waiting": grey,
        BROKEN: purple,
        LOST: grey,
    }


LOOKS: dict[str, Look] = {
    "light": Look(False, "#ffffff", "#1f2933", "#66727f", "#e3e7eb", "#111111", _LIGHT, _states(_LIGHT), _CIVIDIS),
    "dark": Look(True, "#14181d", "#e4e7eb", "#95a1ad", "#2c333b", "#f5f5f5", _DARK, _states(_DARK), _BRIGHT),
}


def look(theme: str) -> Look:
    """The colours of a theme.

    Raises:
        UsageError: there is no such theme.
    """
    if theme not in LOOKS:
        raise UsageError(f"theme={theme!r}: the themes are 'light' and 'dark'")
    return LOOKS[theme]


def safe(text: object) -> str:
    """A text from a user, to be shown as it is: Plotly reads some HTML.

    >>> safe("a<b>")
    'a&lt;b&gt;'
    """
    return html.escape(str(text), quote=False)


def short(value: Any) -> str:
    """A value as people write it.

    >>> short(0.1 + 0.2), short(True), short([1, 2]), short(math.nan)
    ('0.3', 'True', '1, 2', '–')
    """
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(short, value))
    return str(value)


def axis(title: str, **more: Any) -> Part:
    """An axis with its title."""
    return {"title": {"text": safe(title)}, **more}


def figure(
    traces: Sequence[Part],
    *,
    title: str,
    theme: str,
    note: str = "",
    x: Part | None = None,
    y: Part | None = None,
    legend: bool = True,
) -> "Figure":
    """A figure of these traces; `note` stands below its title.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    layout: Part = {"title": {"text": safe(title), "subtitle": {"text": safe(note)}}, "template": template(theme)}
    layout |= {"showlegend": legend} | ({} if legend else {"margin": {"b": 56}})
    layout.update({"xaxis": x} if x else {}, **({"yaxis": y} if y else {}))
    return _graph_objects().Figure(data=list(traces), layout=layout)


def empty(title: str, theme: str, why: str) -> "Figure":
    """A figure of nothing yet, which says why and what to do."""
    hidden = {"visible": False}
    made = figure([], title=title, theme=theme, x=hidden, y=hidden, legend=False)
    made.add_annotation(text=safe(why), x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font_size=15)
    return made


def template(theme: str) -> Part:
    """What all figures of a theme share, as a Plotly template."""
    own = look(theme)
    line: Part = {
        "gridcolor": own.grid,
        "linecolor": own.muted,
        "zerolinecolor": own.grid,
        "automargin": True,
        "title": {"standoff": 10},
    }
    layout = {
        "paper_bgcolor": own.paper,
        "plot_bgcolor": own.paper,
        "font": {"color": own.text, "family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13},
        "title": {
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "font": {"size": 17},
            "subtitle": {"font": {"size": 12, "color": own.muted}},
        },
        "colorway": list(own.lines),
        "margin": {"l": 60, "r": 24, "t": 72, "b": 92},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": own.paper, "bordercolor": own.muted, "font": {"color": own.text}, "align": "left"},
        "legend": {"orientation": "h", "x": 0, "yref": "container", "y": 0, "yanchor": "bottom"},
        "xaxis": {**line, "ticks": "outside", "tickcolor": own.muted, "exponentformat": "power"},
        "yaxis": {**line, "exponentformat": "power"},
        "coloraxis": {"colorbar": {"outlinewidth": 0, "thickness": 12}},
    }
    return {"layout": layout}


def _graph_objects() -> Any:
    try:
        import plotly.graph_objects
    except ImportError as error:
        raise MissingExtraError.of("plotly", "plot") from error
    return plotly.graph_objects


def clock(seconds: float) -> tuple[float, str]:
    """The unit, in seconds, in which a stretch of time is best told, and its name.

    >>> clock(50), clock(7000), clock(90_000)
    ((1.0, 's'), (60.0, 'min'), (3600.0, 'h'))
    """
    units: Mapping[str, float] = {"s": 1.0, "min": 60.0, "h": 3600.0}
    for name, size in units.items():
        if seconds < 150 * size:
            return size, name
    return (3600.0, "h") if seconds < 72 * 3600 else (86400.0, "d")
