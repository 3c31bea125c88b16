"""A real headless Chromium that looks at a dashboard: seconds from a start to what is then drawn, and its CPU time.

A script in the page looks every 10 ms whether the end is there, and takes the time of the next frame. Looking at each
frame would have the browser make frames of a page that does not change.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from benchmarks.measure import Result

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
WINDOW = {"width": 1280, "height": 860}
WATCH = """
window.bench = (start, done) => new Promise((resolve, reject) => {
  const look = () => {
    try {
      if (done()) return requestAnimationFrame(() => resolve((performance.now() - start) / 1000));
    } catch (error) {
      return reject(error);
    }
    setTimeout(look, 10);
  };
  look();
});
"""
FIGURE = """() => [...document.querySelectorAll('.js-plotly-plot')].some((plot) =>
  plot.calcdata?.some((trace) => trace.length > 1) && plot.querySelector('.scatterlayer .trace, .gl-canvas'))"""
"""A figure has been drawn, with points."""


class Window:
    """A window of the browser that knows nothing yet: no cache, no cookies."""

    def __init__(self, page: Any, limit_s: float) -> None:
        self._page, self._limit_s = page, limit_s

    def visit(self, url: str, drawn: str) -> Result:
        """Opens a page: seconds from the navigation until `drawn`, JavaScript, holds and has been painted."""
        cpu = _cpu()
        self._page.goto(url, wait_until="commit")
        return self._ended(f"bench(0, {drawn})", cpu)

    def act(self, action: str, drawn: str) -> Result:
        """The same from an action, JavaScript, on the page as it stands."""
        return self._ended(
            f"(() => {{ const start = performance.now(); {action}; return bench(start, {drawn}); }})()", _cpu()
        )

    def _ended(self, promise: str, cpu: float) -> Result:
        late = f"new Promise((resolve) => setTimeout(() => resolve(null), {1000 * self._limit_s}))"
        seconds = self._page.evaluate(f"Promise.race([{promise}, {late}])")
        return {"late": self._limit_s} if seconds is None else {"wall": seconds, "cpu": _cpu() - cpu}


class Browser:
    """The browser."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    @contextmanager
    def window(self, limit_s: float) -> Iterator[Window]:
        """A new window; nothing in it may take longer than the limit."""
        context = self._browser.new_context(viewport=WINDOW)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(1000 * (limit_s + 60))
        try:
            yield Window(page, limit_s)
        finally:
            context.close()


def _cpu() -> float:
    """CPU seconds so far of the browser's processes that live."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            if "chrom" in child.name():
                total += sum(child.cpu_times()[:2])
        except psutil.Error:
            continue
    return total


@contextmanager
def chromium() -> Iterator[Browser]:
    """Starts the machine's Chromium."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("the benchmark needs a chromium; on Debian: apt install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield Browser(browser)
        browser.close()
