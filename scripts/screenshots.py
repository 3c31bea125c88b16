"""Takes docs/_static/dashboard-*.png: the dashboard over a real run of the demo, by a Chromium of this machine."""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from lanista.cli._demo import EPOCHS, NAME, SPACE, train
from lanista.experiment import Experiment
from lanista.schedule import ASHA

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "_static"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
SETTLE_MS = 1_000
LAPTOP, PHONE = (1280, 800), (390, 780)
NOTE = """ASHA stops what is not among the best third at 1, 3 and 9 epochs.

- next: a wider range for `width`
- **adam** wins at small learning rates"""

# file, place, size, theme, what is clicked before, and a part of the page that shows when it is ready
PICTURES: list[tuple[str, str, tuple[int, int], Any, str, str]] = [
    ("overview", f"#/e/{NAME}/overview", LAPTOP, "light", "", ".js-plotly-plot .legend"),
    ("phone", f"#/e/{NAME}/overview", PHONE, "dark", "", ".js-plotly-plot .legend"),
    ("trials", f"#/e/{NAME}/trials?sort=-accuracy", LAPTOP, "dark", "", "table.trials a"),
    ("figures", f"#/e/{NAME}/figures", LAPTOP, "light", "", "#figure-importance .js-plotly-plot"),
    ("enqueue", f"#/e/{NAME}/trials", LAPTOP, "light", "Enqueue", "dialog .fields"),
]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that is ended at the end."""
    process = subprocess.Popen([sys.executable, "-m", "lanista", *arguments])
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def others() -> None:
    """Two experiments beside the demo, so that there is a list."""
    for name, searcher, tags in (("digits-random", "random", ["baseline"]), ("digits-asha-sobol", "sobol", ["asha"])):
        made = Experiment(name, SPACE, "accuracy", mode="max", searcher=searcher, scheduler=ASHA(EPOCHS), seed=1)
        made.run(train, trials=40, workers=2, progress=False)
        made.note(tags=tags)


def until(moment: int) -> None:
    """Waits until so many trials of the demo are over."""
    while Experiment.load(NAME).history.ended < moment:
        Event().wait(0.2)


def answers(url: str) -> None:
    """Waits until the server answers."""
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            Event().wait(0.2)


def take(browser: Browser, url: str, picture: tuple[str, str, tuple[int, int], Any, str, str]) -> Path:
    """One picture."""
    name, place, (width, height), theme, click, ready = picture
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=theme, device_scale_factor=1 if width > height else 2
    )
    page.goto(url + place)
    if click:
        page.get_by_role("button", name=click, exact=True).click()
    page.locator(ready).first.wait_for()
    page.wait_for_timeout(SETTLE_MS)
    file = FOLDER / f"dashboard-{name}.png"
    page.screenshot(path=file)
    page.close()
    return file


def main(moment: int) -> None:
    """Runs the demo, and takes all pictures when so many of its trials are over."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("there is no Chromium on this machine")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with ExitStack() as stack:
        os.environ["LANISTA_HOME"] = stack.enter_context(tempfile.TemporaryDirectory())
        others()
        Experiment(NAME, SPACE, "accuracy", mode="max", scheduler=ASHA(EPOCHS), seed=0).note(note=NOTE, tags=["asha"])
        stack.enter_context(running("ui", "--port", str(port), "--no-browser"))
        url = f"http://127.0.0.1:{port}/"
        answers(url)
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=chromium, args=FLAGS)
        stack.enter_context(running("demo", "--quiet", "--trials", "200"))
        until(moment)
        for picture in PICTURES:
            print(take(browser, url, picture))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moment", type=int, default=60, help="how many trials of the demo are over in the pictures")
    main(parser.parse_args().moment)
