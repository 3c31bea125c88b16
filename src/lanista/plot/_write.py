"""Figures as files: a page that needs no network, or a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from lanista.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FORMATS = (".html", ".json", ".png", ".svg")
WIDTH, HEIGHT = 1000, 560


def write(figure: "Figure", path: str | Path) -> Path:
    """Writes a figure as .html, .json (Plotly's), .png or .svg, by the ending of the path; an older file is replaced.

    The page holds all that it needs. Pictures are made by kaleido, which needs Chrome or Chromium.

    Raises:
        UsageError: another ending, or the file cannot be written.
        MissingExtraError: kaleido or a browser is missing.

    >>> import tempfile
    >>> from lanista.journal import History
    >>> from lanista.plot import history
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(history(History()), Path(folder) / "nothing.json").name
    'nothing.json'
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise UsageError(f"{str(path)!r} ends in none of {', '.join(FORMATS)}; name the file so")
    if ending == ".html":
        data = figure.to_html(include_plotlyjs=True, full_html=True).encode()
    elif ending == ".json":
        data = figure.to_json().encode()
    else:
        data = _picture(figure, ending.lstrip("."))
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _picture(figure: "Figure", format: str) -> bytes:
    """The picture, twice as fine as a screen."""
    try:
        import kaleido
        from kaleido import errors
    except ImportError as error:
        raise MissingExtraError.of("kaleido", "plot") from error
    size = {"width": figure.layout.width or WIDTH, "height": figure.layout.height or HEIGHT}
    try:
        return bytes(
            kaleido.calc_fig_sync(
                figure, opts={"format": format, "scale": 2, **size}, kopts={"mathjax": False, "timeout": 60}
            )
        )
    except errors.ChromeNotFoundError as error:
        raise MissingExtraError(
            f"a .{format} is drawn by Chrome or Chromium, and none is found; install one (on Debian: "
            "apt install chromium), name it in the environment variable BROWSER_PATH, or write .html"
        ) from error
    except (errors.BrowserFailedError, errors.BrowserClosedError) as error:
        raise UsageError(f"the browser that draws a .{format} did not start: {error}; write .html instead") from error
