"""What is drawn on a real terminal, and what follows a growing log."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

Start = Callable[..., "Screen"]
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen:
    """A process on a terminal of its own."""

    def __init__(self, *words: str, cwd: str) -> None:
        ours, theirs = pty.openpty()
        env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "50"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lanista", *words], cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, env=env
        )
        os.close(theirs)
        self._terminal = ours
        self.raw = ""

    def read_until(self, text: str) -> str:
        """Reads until a text was shown; returns all that was."""
        while text not in ANSI.sub("", self.raw):
            assert self._read(), f"the process ended before it showed {text!r}:\n{self.raw}"
        return ANSI.sub("", self.raw)

    def read_all(self) -> str:
        """Reads until the process ends."""
        while self._read():
            pass
        self.process.wait()
        return ANSI.sub("", self.raw)

    def _read(self) -> bool:
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # how Linux tells that the other side has closed
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._terminal)


@pytest.fixture
def start(tmp_path) -> Iterator[Start]:
    """Starts `lanista` on a terminal."""
    screens: list[Screen] = []

    def begin(*words: str) -> Screen:
        screens.append(Screen(*words, cwd=str(tmp_path)))
        return screens[-1]

    yield begin
    for screen in screens:
        screen.close()


def test_run_draws_a_live_picture_and_then_says_how_to_go_on(start, tmp_path) -> None:
    (tmp_path / "work.py").write_text(
        "def f(trial):\n    for step in range(3):\n        trial.report(loss=trial['x'] + step)\n"
    )
    (tmp_path / "config.yml").write_text(
        "name: live\nspace: {x: {float: [0, 1]}}\nmetric: loss\nobjective: work.py:f\ntrials: 5\nsearcher: random\n"
    )
    screen = start("run", "config.yml")
    text = screen.read_all()
    assert screen.process.returncode == 0
    assert "\x1b[?25l" in screen.raw
    assert screen.raw.rindex("\x1b[?25h") > screen.raw.rindex("\x1b[?25l")
    for part in (
        "5 of 5 trials",
        "5 completed",
        "best  loss",
        "live: all 5 trials are done",
        "to go on: lanista run config.yml",
    ):
        assert part in text
    assert "params = {" in text[text.index("live: all") :]


def test_top_watches_a_run_in_another_process_until_it_ends(start, gated) -> None:
    gated.step()
    gated.step()
    screen = start("top", "gated")
    screen.read_until("trial 0")
    assert gated.finish().code == 0
    text = screen.read_all()
    assert screen.process.returncode == 0
    assert "3 of 3 trials" in text
    assert "no process runs it" in text


def test_tables_are_drawn_by_rich_on_a_terminal(start, digits) -> None:
    screen = start("trials", "digits", "--columns", "number,state,lr")
    text = screen.read_all()
    assert screen.process.returncode == 0
    assert "\x1b[" in screen.raw
    assert "completed" in text


def test_logs_prints_and_follows(lanista, start, tmp_path, gated_processes) -> None:
    gated_processes.step()
    assert lanista("logs", "gated", 0).out == "hello from 0\n"
    follow = start("logs", "gated", "0", "-f")
    follow.read_until("hello from 0")
    assert gated_processes.finish().code == 0
    assert "hello from 0" in follow.read_all()
    assert follow.process.returncode == 0
