"""Draws docs/_static/run.svg: a moment of a real run of the demo, as the terminal shows it."""

import argparse
import io
import re
import time
from pathlib import Path

from rich.console import Console

from lanista.cli._demo import EPOCHS, SPACE, train
from lanista.experiment import Experiment, Limits
from lanista.experiment._render import render
from lanista.experiment._view import Feed, view_of
from lanista.journal import Event, Reported
from lanista.schedule import ASHA

FILE = Path(__file__).resolve().parent.parent / "docs" / "_static" / "run.svg"
WIDTH = 116
TRIALS = 100


class Photographer:
    """Watches a run, and keeps the view at the moment that is wanted."""

    def __init__(self, moment: int) -> None:
        terminal = {"force_terminal": True, "color_system": "truecolor", "file": io.StringIO()}
        self.console = Console(record=True, width=WIDTH, highlight=False, **terminal)  # type: ignore[arg-type]
        self.done = False
        self._moment, self._feed, self._started = moment, Feed(most=5), time.time()

    def see(self, experiment: Experiment, event: Event) -> None:
        """Takes the picture when enough trials are over and those that run have reported."""
        self._feed.see((event,))
        history = experiment.history
        ready = all(history.steps[n] for n in history.running) and len(history.running) > 1
        if self.done or history.ended < self._moment or not isinstance(event, Reported) or not ready:
            return
        self.done = True
        view = view_of(history, Limits(trials=TRIALS), time.time(), started=self._started, feed=self._feed)
        self.console.print("[bold]$ lanista demo")
        self.console.print(render(view))
        experiment.stop(now=True)


def draw(moment: int, workers: int) -> str:
    """The picture as SVG, without fonts from elsewhere."""
    experiment = Experiment(
        "demo-digits", SPACE, "accuracy", mode="max", scheduler=ASHA(max_steps=EPOCHS), store="memory", seed=0
    )
    photographer = Photographer(moment)
    experiment.run(train, trials=TRIALS, workers=workers, progress=False, callbacks=[photographer.see])
    svg = photographer.console.export_svg(title="lanista", unique_id="run")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moment", type=int, default=60, help="how many trials are over in the picture")
    parser.add_argument("--workers", type=int, default=2, help="how many trials run at once")
    arguments = parser.parse_args()
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(draw(arguments.moment, arguments.workers), encoding="utf-8")
    print(FILE)
