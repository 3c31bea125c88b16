"""Shows a run while it goes on: a live picture on a terminal, one line a finished trial elsewhere."""

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from lanista._words import counted
from lanista.experiment._limits import Limits
from lanista.experiment._render import closing, last_failure, rate, render, trial_line
from lanista.experiment._view import Feed, View, view_of
from lanista.journal import COMPLETED, STATES, STOPPED, Ended, Event, History, TrialRecord

if TYPE_CHECKING:
    from rich.live import Live

REDRAW_S = 0.25
"""At most four redraws a second."""
LINES_S = 10.0
"""At most so many plain lines a second; a flood is summed up once a second."""


class Progress:
    """Shows a run of an experiment; fed by the controller.

    `event` and `update` are called thousands of times a second and look at the clock before they do any work. `now` is
    the clock of the events: in a simulation another one.

    Args:
        show: None or True: a live picture on a terminal, lines elsewhere; False: nothing.
        url: where the journal is, for the closing lines.
        resume: how to run it again, for the closing lines.
        stream: where to; by default standard error, so that a script's own output stays its own.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        show: bool | None = None,
        *,
        url: str = "memory",
        resume: str = "the same call again, with higher limits",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.show = show
        self.url, self.resume = url, resume
        self.stream = stream
        self._clock = clock
        self.now: Callable[[], float] = time.time
        self._face: _Picture | _Lines | None = None
        self._limits = Limits()
        self._started: float | None = None

    def say(self, line: str) -> None:
        """Prints a line before the run begins."""
        if self.show is not False:
            _print(self._out(), line)

    def remark(self, line: str, history: History) -> None:
        """Shows a line on what is no event while the run goes on."""
        if self.show is not False:
            self._opened(history).remark(line)

    def event(self, event: Event, history: History) -> None:
        """Takes note of an event that was folded."""
        if self.show is not False:
            self._opened(history).event(event)

    def update(self, history: History, limits: Limits) -> None:
        """Shows what is new, if it is time to."""
        if self.show is False:
            return
        self._limits = limits
        face = self._opened(history)
        now = self._clock()
        if now >= face.due:
            face.draw(now, self, history)

    def finish(self, history: History, reason: str) -> None:
        """Ends the picture and prints the best configuration, where the journal is, and how to go on."""
        if self.show is False:
            return
        face = self._opened(history)
        face.close(self, history)
        view = view_of(history, self._limits, self.now(), started=self._started)
        failure = last_failure(history) if view.best is None else None
        lines = closing(view, reason, url=self.url, resume=self.resume, failure=failure)
        _print(self._out(), *lines)

    def abandon(self) -> None:
        """Gives the terminal back, without closing lines; harmless when nothing is shown."""
        if isinstance(self._face, _Picture):
            self._face.stop()

    def _out(self) -> TextIO:
        return self.stream if self.stream is not None else sys.stderr

    def _opened(self, history: History) -> "_Picture | _Lines":
        if self._face is None:
            self._started = self.now()
            out = self._out()
            self._face = _Picture(out) if is_terminal(out) else _Lines(out, history)
        return self._face


class _Picture:
    """The live picture on a terminal, by rich."""

    def __init__(self, out: TextIO) -> None:
        self.due = 0.0
        self._out = out
        self._feed = Feed()
        self._live: Live | None = None

    def event(self, event: Event) -> None:
        self._feed.see((event,))

    def remark(self, line: str) -> None:
        self._feed.say(line)

    def draw(self, now: float, progress: Progress, history: History) -> None:
        from rich.live import Live

        if self._live is None:
            from rich.console import Console

            console = Console(file=self._out, highlight=False)
            # Output that goes to a file stays in it: only what would land on the screen is led around the picture.
            over, under = sys.stdout.isatty(), sys.stderr.isatty()
            self._live = Live(console=console, auto_refresh=False, redirect_stdout=over, redirect_stderr=under)
            self._live.start()
        self._live.update(render(self._view(progress, history)), refresh=True)
        self.due = now + REDRAW_S

    def _view(self, progress: Progress, history: History) -> View:
        return view_of(history, progress._limits, progress.now(), started=progress._started, feed=self._feed)

    def close(self, progress: Progress, history: History) -> None:
        if self._live is not None:
            self.draw(0.0, progress, history)
        self.stop()

    def stop(self) -> None:
        """Gives the terminal back."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()


class _Lines:
    """One line a finished trial; when they come too fast, one line for many."""

    def __init__(self, out: TextIO, history: History) -> None:
        self.due = 0.0
        self._out = out
        self._pending: list[int] = []
        self._tokens, self._filled, self._last = LINES_S, 0.0, 0.0
        self._best = Best(history)

    def event(self, event: Event) -> None:
        if type(event) is Ended:
            self._pending.append(event.number)

    def remark(self, line: str) -> None:
        _print(self._out, line)

    def draw(self, now: float, progress: Progress, history: History) -> None:
        count = len(self._pending)
        if not count:
            return
        self._tokens = min(LINES_S, self._tokens + LINES_S * (now - self._filled))
        self._filled = now
        if count <= self._tokens:
            self._tokens -= count
            self._print_each(history)
        elif now - self._last >= 1.0:
            self._tokens = 0.0
            self._print_sum(history, now - self._last)
        else:
            return
        self._last = now

    def close(self, progress: Progress, history: History) -> None:
        if len(self._pending) <= LINES_S:
            self._print_each(history)
        else:
            self._print_sum(history, None)

    def _print_each(self, history: History) -> None:
        lines = []
        for number in self._pending:
            record = history.trial(number)
            self._best.see(record)
            lines.append(trial_line(record, history.metrics[0], self._best.now))
        self._pending.clear()
        _print(self._out, *lines)

    def _print_sum(self, history: History, seconds: float | None) -> None:
        states = history.state[self._pending]
        counts = ", ".join(f"{n:,} {state}" for code, state in enumerate(STATES) if (n := int((states == code).sum())))
        self._best.jump(history)
        best = f"; best {self._best.now[1]:.6g} (trial {self._best.now[0]})" if self._best.now else ""
        speed = f"; {rate(len(self._pending) / seconds)}" if seconds and seconds < 60 else ""
        more = counted(len(self._pending), "more trial")
        _print(self._out, f"{more}: {counts}{best}{speed}; {history.ended:,} are over")
        self._pending.clear()


class Best:
    """The best so far, from that of earlier runs on, trial by trial, as `History.best` ranks them."""

    def __init__(self, history: History) -> None:
        self.now: tuple[int, float] | None = None
        self._rank = (len(STATES), 0.0)
        self._sign = float(history.signs[0]) if len(history.signs) else 1.0
        self.jump(history)

    def see(self, record: TrialRecord) -> None:
        """Takes a trial that ended."""
        rank = (STATES.index(record.state), self._sign * record.value)
        counts = rank[0] in (COMPLETED, STOPPED) and record.feasible and abs(record.value) < float("inf")
        if counts and rank < self._rank:
            self.now, self._rank = (record.number, record.value), rank

    def jump(self, history: History) -> None:
        """Takes the history's best."""
        if history.best is not None:
            self.see(history.trial(history.best))


def is_terminal(stream: TextIO) -> bool:
    """Whether a live picture can be drawn there."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


def _print(out: TextIO, *lines: str) -> None:
    """Prints lines; a reader that has gone away ends the lines, not the run."""
    try:
        out.write("".join(f"{line}\n" for line in lines))
        out.flush()
    except (BrokenPipeError, ValueError):
        return
