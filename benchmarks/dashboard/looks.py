"""What is looked at in each dashboard, and by what one knows that it is there."""

import json
from collections.abc import Callable

from benchmarks.dashboard.browser import FIGURE, Browser
from benchmarks.dashboard.ours import NAME
from benchmarks.dashboard.server import Server
from benchmarks.dashboard.trials import Trials
from benchmarks.measure import Result

LIMIT_S = 120.0
"""How long Lanista may take for anything."""
ROWS = "[...document.querySelectorAll('table.trials tbody:not(.spacer) tr')]"
THERE = f"() => {ROWS}.length > 10 && {ROWS}.every((row) => row.querySelector('a'))"
"""All rows on the screen hold a trial."""
SCROLL = "const box = document.querySelector('.scroll'); box.scrollTop = box.scrollHeight * {share}"
SCROLLED = f"() => Number({ROWS}[0]?.querySelector('a')?.innerText) < {{below}} && ({THERE})()"
FILTER = """const field = document.getElementById('filter');
  field.value = {text}; field.dispatchEvent(new Event('input', {{ bubbles: true }}))"""
FILTERED = (
    f"() => document.querySelector('.controls [role=status]').innerText.startsWith('{{count}} of') && ({THERE})()"
)

Told = Callable[[str, Result], None]


def first_figure(browser: Browser, server: Server, place: str, limit_s: float) -> Result:
    """A new window opens the page of the experiment or study, until its first figure is drawn."""
    server.settle()
    cpu = server.cpu()
    with browser.window(limit_s) as window:
        result = window.visit(server.url + place, FIGURE)
    return {**result, "server": server.cpu() - cpu}


def table(browser: Browser, server: Server, trials: Trials, times: int, tell: Told) -> None:
    """The table of trials: opened, scrolled far down, filtered by an expression."""
    many = len(trials.params)
    with browser.window(LIMIT_S) as window:
        tell("table", window.visit(f"{server.url}#/e/{NAME}/trials", THERE))
        for turn in range(1, times + 1):
            share = turn / (times + 1)
            below = many * (1 - share) + 200  # the newest stand first
            tell("scroll", window.act(SCROLL.format(share=share), SCROLLED.format(below=below)))
        for turn in range(times):
            server.settle()
            cpu = server.cpu()
            text, count = trials.filtered(0.5 + turn / 100)
            act = FILTER.format(text=json.dumps(text))
            result = window.act(act, FILTERED.format(count=f"{count:,}"))
            tell("filter", {**result, "server": server.cpu() - cpu})


def listed(browser: Browser, server: Server, trials: Trials, limit_s: float) -> Result:
    """The peer's list of trials, until it tells how many there are."""
    server.settle()
    with browser.window(limit_s) as window:
        count = len(trials.params)
        return window.visit(
            f"{server.url}dashboard/studies/1/trials", f"() => document.body.innerText.includes('{count} Trials')"
        )
