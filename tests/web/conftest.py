"""A browser and a site for the tests of the page: one of each a module."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.web.site import Site

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
OpenPage = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The machine's own Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs a chromium")
    with playwright.sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=chromium, args=FLAGS)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A filled store, an experiment that runs, and the server."""
    made = Site(tmp_path_factory.mktemp("site"))
    made.fill()
    made.run()
    made.start()
    yield made
    made.close()


class Windows:
    """One window a width and theme, so that scripts are loaded once; what goes wrong in any of them is kept."""

    def __init__(self, browser: Any, site: Site) -> None:
        self.problems: list[str] = []
        self._browser, self._site = browser, site
        self._pages: dict[tuple[int, bool], Any] = {}
        self._refusals = False

    def open(self, place: str = "", *, width: int = 1280, dark: bool = False, refusals: bool = False) -> Any:
        """Opens a place of the page; `refusals`: the server will refuse something, which the console tells, too."""
        self._refusals = refusals
        page = self._pages.get((width, dark)) or self._new(width, dark)
        page.goto(self._site.url + place)
        return page

    def check(self) -> None:
        """No window has told of an error since the last time."""
        found, self.problems = self.problems, []
        assert found == []

    def _new(self, width: int, dark: bool) -> Any:
        scheme = "dark" if dark else "light"
        page = self._browser.new_page(viewport={"width": width, "height": 860}, color_scheme=scheme)
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("request", lambda request: self._own(request.url))
        self._pages[width, dark] = page
        return page

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not self._refusals:
            self.problems.append(text)

    def _own(self, url: str) -> None:
        """The page asks no other host for anything."""
        if not url.startswith((self._site.url, "blob:", "data:")):
            self.problems.append(f"request to {url}")


@pytest.fixture(scope="module")
def windows(browser: Any, site: Site) -> Windows:
    """The windows of the tests of a module."""
    return Windows(browser, site)


@pytest.fixture
def open_page(windows: Windows) -> Iterator[OpenPage]:
    """Opens a place of the page; at the end of the test, no window may have told of an error."""
    yield windows.open
    windows.check()
