"""The view of a run: one record, drawn live on a terminal and as lines elsewhere."""

import io
import re
import sys
from pathlib import Path

import pytest

import lanista as la
from lanista.experiment._progress import Progress
from lanista.experiment._render import closing, python_params, render, trial_line
from lanista.experiment._view import Feed, View, view_of
from lanista.journal import (
    Asked,
    Commanded,
    Created,
    Ended,
    Event,
    History,
    Joined,
    Released,
    Reported,
    Started,
    Yielded,
)

SPACE = la.Space({"x": la.Float(0, 1), "opt": la.Choice(["sgd", "[red]adam"])})
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Run:
    """A history that grows by hand, and what a progress view prints of it."""

    def __init__(self, out: io.StringIO, *, mode: str = "max", show: bool | None = None) -> None:
        self.clock, self.out = Clock(), out
        self.history = History()
        self.limits = la.Limits(trials=100)
        self.progress = Progress(show, stream=out, clock=self.clock, url="sqlite:////there/lanista.db")
        self.add(Created(0.0, "exp", SPACE.to_json(), {"acc": mode}, 0), Joined(0.0, "me", "host/1", 42, 2))

    def add(self, *events: Event) -> None:
        self.history.extend(events)
        for event in events:
            self.progress.event(event, self.history)

    def start(self, count: int = 1) -> None:
        for number in range(len(self.history), len(self.history) + count):
            self.add(Asked(1.0, number, {"x": 0.5, "opt": "[red]adam"}), Started(1.0, number, 1, "me"))

    def end(self, number: int, value: float, state: str = "completed", reason: str = "", time: float = 3.0) -> None:
        self.add(Ended(time, number, 1, state, {"acc": value}, reason))

    def update(self, seconds: float = 0.0) -> str:
        """Lets time pass, shows what is new and returns it."""
        before = len(self.out.getvalue())
        self.clock.now += seconds
        self.progress.update(self.history, self.limits)
        return self.out.getvalue()[before:]


# --- the record -------------------------------------------------------------------------------------------------------


def test_the_view_tells_best_running_rate_and_the_limit_that_binds() -> None:
    run = Run(io.StringIO())
    run.start(6)
    for number, value in enumerate([0.5, 0.9, 0.7, 0.6]):
        run.end(number, value, time=10.0 + number)
    run.add(Reported(14.0, 4, 1, 3, {"acc": 0.85}))
    view = view_of(run.history, run.limits, 20.0, started=0.0)
    assert view.best is not None
    assert (view.name, view.metric, view.mode, view.done, view.total) == ("exp", "acc", "max", 4, 100)
    assert (view.best.number, view.best_age) == (1, 9.0)
    assert view.counts == {"running": 2, "completed": 4}
    assert [(t.number, t.step, t.value) for t in view.running] == [(4, 3, 0.85), (5, 0, None)]
    assert view.running[0].gap == pytest.approx(-0.05)
    assert view.rate == pytest.approx(4 / 20)
    assert view.eta == pytest.approx(96 / 0.2)
    assert view.limit == "4 of 100 trials"
    hurried = view_of(run.history, la.Limits(trials=100, time=40.0), 20.0, started=0.0)
    assert (hurried.limit, hurried.eta, hurried.fraction) == ("20 s of 40 s", 20.0, 0.5)
    costly = view_of(run.history, la.Limits(cost=80.0), 20.0, started=0.0)
    assert (costly.limit, costly.eta) == ("cost 55 of 80", None)
    free = view_of(run.history, la.Limits(), 20.0)
    assert (free.limit, free.eta, free.fraction, free.rate) == ("", None, None, None)


def test_while_trials_are_paused_they_are_told_and_nobody_guesses_when_the_run_ends() -> None:
    run = Run(io.StringIO())
    run.start(7)
    run.end(0, 0.5)
    run.add(*(Yielded(4.0, number, 1, 3) for number in range(1, 6)))
    view = view_of(run.history, la.Limits(trials=24), 20.0, started=0.0)
    assert (view.limit, view.eta, view.fraction) == ("6 of 24 trials, 5 of them paused", None, 0.25)
    assert (view.done, view.rate) == (1, pytest.approx(1 / 20))
    hurried = view_of(run.history, la.Limits(trials=24, time=40.0), 20.0, started=0.0)
    assert (hurried.limit, hurried.eta) == ("20 s of 40 s", 20.0)


def test_the_rate_counts_only_the_trials_of_this_run() -> None:
    run = Run(io.StringIO())
    run.start(500)
    for number in range(500):
        run.end(number, 0.5, time=10.0 + number / 100)
    assert view_of(run.history, run.limits, 16.0, started=14.0).rate == pytest.approx(100 / 2)
    assert view_of(run.history, run.limits, 15.0, started=0.0).rate == pytest.approx(100, rel=0.01)


def test_imported_trials_do_not_count_against_the_limit() -> None:
    run = Run(io.StringIO())
    run.add(Asked(1.0, 0, {"x": 0.1, "opt": "sgd"}, "imported"), Ended(1.0, 0, 0, "completed", {"acc": 0.5}))
    assert view_of(run.history, run.limits, 2.0).limit == "0 of 100 trials"


def test_the_feed_keeps_what_is_worth_a_line_with_its_reason() -> None:
    run = Run(io.StringIO())
    feed = Feed(most=3)
    run.start(3)
    run.end(0, 0.5)
    events: list[Event] = [
        Ended(2.0, 1, 1, "stopped", {}, "below the top third"),
        Ended(2.0, 0, 1, "completed", {}),
        Released(2.0, 2, 1, "its controller died"),
        Commanded(2.0, "set", None, {"trials": 5}),
    ]
    run.history.extend(events[:1])
    feed.see(events)
    lines = [line.partition(" ")[2] for line in feed.lines(run.history)]
    assert lines == [
        "trial 1 stopped: below the top third",
        "trial 2 waits again: its controller died",
        "command set trials=5",
    ]


# --- elsewhere than on a terminal -------------------------------------------------------------------------------------


def test_each_finished_trial_is_a_line_with_the_best_so_far_and_its_reason() -> None:
    run = Run(io.StringIO())
    run.start(3)
    assert run.update() == ""
    run.end(0, 0.5)
    run.end(1, 0.9)
    run.end(2, 0.7, "failed", "ValueError: boom\nmore")
    lines = run.update().splitlines()
    assert re.fullmatch(r"trial 0 +completed +acc 0\.5 +best 0\.5 \(trial 0\)  2\.0 s", lines[0])
    assert re.fullmatch(r"trial 1 +completed +acc 0\.9 +best 0\.9 \(trial 1\)  2\.0 s", lines[1])
    assert re.fullmatch(r"trial 2 +failed +acc 0\.7 +best 0\.9 \(trial 1\)  2\.0 s  ValueError: boom", lines[2])


def test_a_minimised_metric_has_its_smallest_value_as_best() -> None:
    run = Run(io.StringIO(), mode="min")
    run.start(2)
    run.end(0, 0.5)
    run.end(1, 0.9)
    assert "best 0.5 (trial 0)" in run.update().splitlines()[1]


def test_a_flood_of_trials_is_summed_up() -> None:
    run = Run(io.StringIO())
    printed = ""
    for _ in range(3000):  # three seconds of a thousand trials a second
        run.start()
        run.end(len(run.history) - 1, 0.5)
        printed += run.update(0.001)
    lines = printed.splitlines()
    assert 3 <= len(lines) <= 25
    assert re.search(
        r"^[\d,]+ more trials: [\d,]+ completed; best 0\.5 \(trial 0\); [\d,]+ trials/s; [\d,]+ are over$",
        printed,
        re.M,
    )
    told = sum(1 for line in lines if line.startswith("trial ")) + sum(
        int(line.split()[0].replace(",", "")) for line in lines if "more trials" in line
    )
    run.progress.finish(run.history, "done")
    rest = re.search(r"^([\d,]+) more trials", run.out.getvalue()[len(printed) :], re.M)
    assert told + (int(rest[1].replace(",", "")) if rest else 0) == 3000


def test_nothing_is_lost_when_a_slow_trial_follows_a_flood() -> None:
    run = Run(io.StringIO())
    run.start(13)
    for number in range(12):
        run.end(number, 0.5)
    run.update()
    run.end(12, 0.6)
    run.update(5.0)
    text = run.out.getvalue()
    assert "12 more trials" in text or "13 more trials" in text


def test_remarks_are_lines() -> None:
    run = Run(io.StringIO())
    run.progress.remark("waits for trial 7", run.history)
    assert run.out.getvalue() == "waits for trial 7\n"


def test_a_person_who_sets_workers_that_a_run_cannot_have_is_told() -> None:
    exp = la.Experiment("alone", {"x": la.Float(0, 1)}, store="memory", searcher="random")
    out = io.StringIO()

    def objective(trial: la.Trial) -> float:
        exp._journal.append([Commanded(0.0, "set", None, {"workers": 3})])  # as if before this run joined
        return 1.0

    exp.run(objective, trials=1, progress=Progress(stream=out))
    assert "workers=3 changes nothing here: Inline() keeps to 1 at a time; run it again with" in out.getvalue()


def test_silence() -> None:
    run = Run(Terminal(), show=False)
    run.start()
    run.end(0, 0.5)
    run.update(5)
    run.progress.remark("waits", run.history)
    run.progress.finish(run.history, "done")
    assert run.out.getvalue() == ""


def test_silence_and_lines_by_way_of_run(capsys: pytest.CaptureFixture[str]) -> None:
    def objective(trial: la.Trial) -> float:
        return float(trial["x"])

    la.Experiment("quiet", {"x": la.Float(0, 1)}, store="memory").run(objective, trials=2, progress=False)
    assert capsys.readouterr() == ("", "")
    la.Experiment("loud", {"x": la.Float(0, 1)}, store="memory").run(objective, trials=2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(re.findall(r"^trial \d", captured.err, re.M)) == 2
    assert "in the memory of this process" in captured.err


def test_a_reader_that_goes_away_does_not_end_the_run() -> None:
    run = Run(io.StringIO())
    run.start()
    run.end(0, 0.5)
    run.out.close()
    run.progress.update(run.history, run.limits)


def test_the_best_of_a_run_that_goes_on_is_that_of_all_runs() -> None:
    before = Run(io.StringIO())
    before.start(2)
    before.end(0, 0.9)
    out, clock = io.StringIO(), Clock()
    progress = Progress(stream=out, clock=clock)
    again: list[Event] = [Joined(4.0, "again", "host/1", 43, 2), Ended(5.0, 1, 1, "completed", {"acc": 0.5})]
    for event in again:
        before.history.extend([event])
        progress.event(event, before.history)
    progress.update(before.history, before.limits)
    assert re.fullmatch(r"trial 1 +completed +acc 0\.5 +best 0\.9 \(trial 0\)  4\.0 s\n", out.getvalue())


# --- on a terminal ----------------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def test_the_live_picture_shows_the_view_and_takes_markup_as_text(terminal: Terminal) -> None:
    run = Run(terminal)
    run.start(3)
    run.end(0, 0.5)
    run.end(1, 0.4, "stopped", "too slow")
    run.add(Reported(5.0, 2, 1, 7, {"acc": 0.45}))
    run.progress.remark("waits for trial 7", run.history)
    picture = ANSI.sub("", run.update())
    for text in (
        "2 of 100 trials",
        "1 running",
        "best  acc 0.5",
        "opt=[red]adam",
        "step 7",
        "-0.05 to best",
        "too slow",
        "waits for trial 7",
    ):
        assert text in picture
    run.progress.finish(run.history, "done")
    assert terminal.getvalue().count("\x1b[?25l") == terminal.getvalue().count("\x1b[?25h") == 1


def test_at_most_four_redraws_a_second(terminal: Terminal) -> None:
    run = Run(terminal)
    run.start()
    drawn = sum(bool(run.update(0.001)) for _ in range(2000))
    assert 7 <= drawn <= 9


def test_no_color_is_respected(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9][;m]|\x1b\[38;")
    coloured = Run(terminal)
    coloured.start()
    assert colour.search(coloured.update())
    coloured.progress.abandon()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Run(Terminal())
    plain.start()
    assert not colour.search(plain.update())
    plain.progress.abandon()


def test_a_dumb_terminal_gets_lines(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    run = Run(terminal)
    run.start()
    run.end(0, 0.5)
    assert run.update().startswith("trial 0")


def test_rich_is_not_imported_for_lines() -> None:
    import subprocess

    code = (
        "import sys, lanista as la\n"
        "la.Experiment('e', {'x': la.Float(0, 1)}, store='memory').run(lambda t: t['x'], trials=2)\n"
        "assert 'rich' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# --- the end ----------------------------------------------------------------------------------------------------------


def test_the_closing_lines_hold_the_best_as_code_the_journal_and_what_next() -> None:
    run = Run(io.StringIO())
    run.start(2)
    run.end(0, 0.5)
    run.progress.finish(run.history, "all 2 trials are done")
    text = run.out.getvalue()
    code = text[text.index("params = {") : text.index("journal:")]
    namespace: dict[str, object] = {}
    exec(code, namespace)
    assert namespace["params"] == run.history.params[0]
    for part in ("exp: all 2 trials are done (1 running, 1 completed)", "best: trial 0, acc = 0.5 (max)", "to go on: "):
        assert part in text
    assert "lanista show exp --store /there/lanista.db" in text


def test_the_closing_lines_of_several_objectives_hold_the_front(capsys: pytest.CaptureFixture[str]) -> None:
    exp = la.Experiment("two", {"x": la.Float(0, 1)}, {"loss": "min", "acc": "max"}, store="memory", searcher="random")
    exp.run(lambda t: (float(t.number), 2.0 * t.number - 8 * (t.number == 7)), trials=8)
    lines = capsys.readouterr().err.splitlines()
    at = lines.index("front: 7 trials that no other one beats in every metric (all of them: exp.pareto)")
    assert lines[at + 1] == "    trial 0: loss 0, acc 0"
    assert lines[at + 5] == "    trial 4: loss 4, acc 8"
    assert lines[at + 6] == "    and 2 more"
    assert lines[at + 7] == "best by loss: trial 0, loss = 0.0 (min)"


def test_the_closing_lines_tell_the_command_that_lists_the_front(tmp_path: Path) -> None:
    metrics = {"loss": "min", "acc": "max"}
    exp = la.Experiment("two", {"x": la.Float(0, 1)}, metrics, store=tmp_path / "a.db", searcher="random")
    out = io.StringIO()
    exp.run(lambda t: (1.0, 2.0), trials=1, progress=Progress(stream=out, url=exp.store.url))
    listing = f"lanista best two --store {tmp_path}/a.db"
    assert f"front: 1 trial that no other one beats in every metric (all of them: {listing})\n" in out.getvalue()
    exp.store.close()


def test_of_a_large_space_the_closing_lines_show_a_part(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    space = {f"p{i}": la.Float(0, 1) for i in range(60)}
    file = tmp_path / "a.db"
    for store, everything in (("memory", "exp.best.params"), (file, f"lanista best big --store {file}")):
        exp = la.Experiment("big", space, "loss", store=store, searcher="random")
        exp.run(lambda t: 1.0, trials=1)
        text = capsys.readouterr().err
        code = text[text.index("params = {") : text.index("journal:")].splitlines()
        assert (len(code), code[20].partition(":")[0], code[-1]) == (23, '    "p19"', "}")
        assert code[21].startswith(f"    # and 40 more; all of them: {everything}")
        exp.store.close()


def test_while_no_trial_keeps_the_constraints_the_nearest_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    exp = la.Experiment(
        "bound", {"x": la.Float(0, 1)}, "loss", constraints={"size": "<= 3"}, store="memory", searcher="random"
    )
    exp.run(lambda t: {"loss": 1.0, "size": 9.0 - t.number}, trials=3)
    text = capsys.readouterr().err
    assert text.count("best -") == text.count("breaks a constraint") == 3
    assert "no trial keeps the constraints size <= 3; trial 2 comes nearest: size is 7, to be <= 3" in text
    exp.run(lambda t: {"loss": 2.0, "size": 1.0}, trials=4)
    text = capsys.readouterr().err
    assert "best 2 (trial 3)" in text
    assert "best: trial 3, loss = 2.0 (min)" in text


def test_the_default_store_needs_no_option(lanista_home: object) -> None:
    view = view_of(Run(io.StringIO()).history, la.Limits(), 0.0)
    lines = closing(view, "", url=f"sqlite:///{lanista_home}/lanista.db", resume="again")
    assert lines[-1].startswith("to look further: lanista show exp  ")
    assert "no trial ended with a value" in lines


@pytest.mark.parametrize("params", [{}, {"a": 'q"uo\\te\n', "b": [1, "x", None], "c": {"d": True}, "e": 1e-5}])
def test_configurations_as_code_give_back_what_they_were(params: dict[str, object]) -> None:
    namespace: dict[str, object] = {}
    exec("\n".join(python_params(params)), namespace)
    assert namespace["params"] == params


def test_a_view_of_nothing_can_be_drawn() -> None:
    view = view_of(Run(io.StringIO()).history, la.Limits(), 0.0)
    assert isinstance(view, View)
    render(view)
    run = Run(io.StringIO())
    run.start()
    assert "best -" in trial_line(run.history.trial(0), "acc", None)
