"""What others write while we decide: threads, other controllers, a store that fails, people who change records."""

import io
import os
import socket
import threading
import time

import pytest

import lanista as la
from lanista.errors import ExperimentError, MetricError, StoreError, UsageError
from lanista.experiment import Progress, _controller
from lanista.experiment._lease import new_owner, this_host
from lanista.journal import PAUSED, Asked, Ended, Joined, Released, Reported, Suggested, Yielded
from lanista.schedule import Slots, Start, Stop

SPACE = {"x": la.Float(0, 1)}


@pytest.fixture
def two(tmp_path):
    """One experiment, opened twice."""
    exp = la.Experiment("two", SPACE, "y", store=tmp_path / "two.db", seed=0)
    other = la.Experiment.load("two", tmp_path / "two.db")
    yield exp, other
    exp.store.close()
    other.store.close()


def same_when_replayed(exp):
    replayed = la.History()
    replayed.extend(exp.store.read(exp.store.find(exp.name).id))
    return replayed == exp.history


def test_a_number_is_given_once_though_others_write_amid_a_decision(two):
    exp, other = two

    class Ending:
        def on(self, history, event):
            if not isinstance(event, Slots):
                return []
            if len(history) == 1 and history.state_of(0) == PAUSED:
                other.enqueue({"x": 0.25})
                return [Stop(0, "enough"), *[Start()] * event.free]
            return [Start(budget=1 if len(history) == 0 else None)] * event.free

    exp._engine.scheduler = Ending()
    exp.run(lambda trial: trial.report(y=trial["x"]), trials=3, progress=False)
    asked = [e.number for e in exp.store.read(1) if isinstance(e, Asked)]
    assert asked == [0, 1, 2]
    assert same_when_replayed(exp)


def test_starts_are_decided_anew_where_others_wrote_while_the_stops_beside_them_were_journalled(two):
    """Two processes that fill one free place would make a population grow."""
    exp, other = two

    class Replacing:
        def on(self, history, event):
            if not isinstance(event, Slots) or len(history) >= 3:
                return []
            if len(history) == 1 and history.state_of(0) == PAUSED:
                other.add({"x": 0.25}, 1.0)
                return [Stop(0, "behind"), Start(params={"x": 0.1 * len(history)})]
            return [Start(budget=1, params={"x": 0.1 * len(history)})]

    exp._engine.scheduler = Replacing()
    exp.run(lambda trial: trial.report(y=trial["x"]), progress=False)
    assert [trial.params["x"] for trial in exp.trials] == [0.0, 0.25, 0.2]
    assert exp.trials[0].state == "stopped"
    assert same_when_replayed(exp)


def test_threads_may_ask_report_tell_and_note_at_once(tmp_path):
    exp = la.Experiment("threads", SPACE, "y", store=tmp_path / "a.db", searcher="random", seed=0)

    def work():
        for _ in range(25):
            trial = exp.ask()
            trial.report(y=1.0)
            exp.note(last=trial.number)
            trial.report(y=2.0)
            exp.tell(trial, 3.0)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [t.state for t in exp.trials] == ["completed"] * 150
    assert same_when_replayed(exp)
    exp.store.close()


def test_another_thread_may_steer_a_run(tmp_path):
    exp = la.Experiment("steer", SPACE, "y", store=tmp_path / "a.db", searcher="random", seed=0)

    def steer():
        for i in range(100):
            exp.note(i=i)
            exp.enqueue({"x": i / 100})
        exp.stop()

    thread = threading.Thread(target=steer)
    thread.start()
    exp.run(lambda trial: trial["x"], progress=False)
    thread.join()
    assert exp.reason == "stopped by command"
    assert same_when_replayed(exp)
    exp.store.close()


@pytest.mark.parametrize("scheduler", ["fifo", "median"])
def test_a_trial_that_others_took_for_dead_is_let_go_and_runs_once_at_a_time(two, scheduler, monkeypatch):
    monkeypatch.setattr(_controller, "SYNC_S", 0.0)
    exp, other = two
    exp._engine.scheduler = la.MedianStopping() if scheduler == "median" else exp.scheduler
    ran = []

    def train(trial):
        ran.append(trial.attempt)
        for step in range(3):
            if step == 1 and trial.attempt == 1:
                other._journal.sync()
                other._journal.append([Released(time.time(), trial.number, 1, "its controller died")])
            trial.save([step])
            trial.report(y=step)

    exp.run(train, trials=1, progress=False)
    assert ran == [1, 2]
    assert (exp.trials[0].state, exp.trials[0].attempts) == ("completed", 2)
    assert same_when_replayed(exp)


def test_parameters_that_contradict_each_other_in_one_batch_leave_the_journal_whole(tmp_path):
    exp = la.Experiment("found", None, "y", store=tmp_path / "a.db", seed=0)

    def train(trials):
        trials[0].suggest_float("x", 0, 1)
        trials[1].suggest_categorical("x", ["a", "b"])
        return [1.0, 2.0]

    exp.run(train, trials=2, cohort=2, progress=False)
    assert [t.state for t in la.Experiment.load("found", tmp_path / "a.db").trials] == ["completed", "failed"]


def test_parameters_that_contradict_what_others_found_meanwhile_leave_the_journal_whole(tmp_path):
    exp = la.Experiment("found", None, "y", store=tmp_path / "a.db", seed=0)
    exp.ask().suggest_float("x", 0, 1)
    exp.store.append(1, [Suggested(0.0, 0, 1, "x", la.Choice(["a", "b"]).to_json(), "a")])
    assert la.Experiment.load("found", tmp_path / "a.db").space == la.Space({"x": la.Float(0, 1)})
    assert same_when_replayed(exp)


def test_a_run_leaves_in_peace_while_others_start_trials(two, monkeypatch):
    exp, other = two
    leave = _controller.Controller._leave

    def left(self, reason):
        other.ask()
        leave(self, reason)

    monkeypatch.setattr(_controller.Controller, "_leave", left)
    exp.run(lambda trial: trial["x"], trials=2, workers=2, progress=False)
    assert exp.reason == "all 2 trials are done"
    assert exp.status.owners == ()


def test_a_run_after_a_store_that_failed_goes_on_with_what_ran(two):
    exp, _ = two
    append, broken = exp.store.append, []

    def unreliable(experiment, events, after=None):
        if broken:
            raise StoreError("the disk is full")
        return append(experiment, events, after)

    def train(trial):
        if trial.number == 1 and trial.attempt == 1:
            broken.append(True)
        trial.report(y=trial["x"])

    exp.store.append = unreliable
    with pytest.raises(StoreError, match="the disk is full"):
        exp.run(train, trials=3, progress=False)
    assert exp.trials[1].state == "running"
    broken.clear()
    exp.run(train, trials=3, progress=False)
    assert [(t.state, t.attempts) for t in exp.trials] == [("completed", 1), ("completed", 2), ("completed", 1)]


def test_a_trial_asked_here_can_be_told_elsewhere_but_once(two):
    exp, other = two
    trial = exp.ask()
    assert other.tell(0, 1.0).value == 1.0
    with pytest.raises(ExperimentError, match="trial 0 has ended already, as completed"):
        exp.tell(trial, 2.0)


def test_a_trial_that_others_run_again_cannot_be_told(two):
    exp, other = two
    trial = exp.ask()
    other._journal.sync()
    other._journal.append([Released(time.time(), 0, 1, "its controller died")])
    again = other.ask()
    trial.report(y=0.5)
    assert trial.stopped
    with pytest.raises(ExperimentError, match="trial 0 was taken over"):
        exp.tell(trial, 1.0)
    assert other.tell(again, 2.0).value == 2.0


class Later(la.Inline):
    """A thousand seconds after the epoch; between two turns a hundred go by, and what `meanwhile` does."""

    seconds = 1000.0

    def __init__(self, meanwhile=lambda: None):
        super().__init__()
        self.meanwhile = meanwhile

    def now(self):
        return self.seconds

    def poll(self, timeout):
        self.seconds += 100.0
        self.meanwhile()
        super().poll(timeout)


def leave_behind(exp, owner, budget=None):
    """A trial that a controller on this machine began at 100 seconds, and that last reported at 130."""
    joined = Joined(100.0, owner, this_host(), os.getpid())
    asked = Asked(100.0, 0, {"x": 0.5}, owner=owner, budget=budget)
    exp._journal.append([joined, asked, Reported(130.0, 0, 1, 1, {"y": 1.0})])


def test_the_time_in_which_nothing_ran_after_a_crash_is_not_the_trials(two):
    exp, other = two
    leave_behind(other, "gone")
    exp.run(lambda trial: 1.0, trials=1, executor=Later(), progress=False)
    assert (exp.trials[0].attempts, exp.trials[0].state) == (2, "completed")
    lost = next(event for event in exp.store.read(1) if isinstance(event, Released))
    assert (lost.reason, lost.time) == ("its controller died", 130.0)
    assert same_when_replayed(exp)


def test_nor_is_it_where_the_trial_is_asked_for_again(two):
    exp, other = two
    leave_behind(other, "gone")
    assert [trial.state for trial in exp.trials] == ["running"]
    exp.ask()
    assert (exp.trials[0].attempts, exp.trials[0].seconds) == (2, 30.0)


def test_a_trial_whose_controller_was_seen_alive_ran_until_that_look(two, monkeypatch):
    monkeypatch.setattr(_controller, "WATCH_S", 0.0)
    exp, other = two
    beat = new_owner()
    other.store.beat(1, beat)
    leave_behind(other, beat.owner)
    dies = Later(lambda: other.store.silence(1, beat.owner))
    exp.run(lambda trial: 1.0, trials=1, executor=dies, progress=False)
    lost = next(event for event in exp.store.read(1) if isinstance(event, Released))
    assert (lost.reason, lost.time) == ("its controller died", 1000.0)


@pytest.mark.parametrize("way", ["run", "ask"])
@pytest.mark.parametrize(("budget", "state"), [(2, "waiting"), (1, "paused")])
def test_a_trial_that_had_spent_its_budget_when_its_controller_died_is_paused(two, budget, state, way):
    exp, other = two
    exp._engine.scheduler = la.schedule.FIFO()
    leave_behind(other, "gone", budget)
    assert [trial.state for trial in exp.trials] == ["running"]
    if way == "run":
        exp.run(lambda trial: 1.0, trials=1, time_limit=50, executor=Later(), progress=False)
    else:
        exp.ask()
    after = {"waiting": Released, "paused": Yielded}[state]
    lost = next(event for event in exp.store.read(1) if isinstance(event, Released | Yielded))
    assert (type(lost), lost.number, lost.time) == (after, 0, 130.0)
    assert same_when_replayed(exp)


def test_a_run_says_for_whose_trials_it_waits(two):
    exp, other = two
    trial = other.ask()

    class Out(io.StringIO):
        def write(self, text):
            if "waits for" in text:
                other.tell(trial, 1.0)
            return super().write(text)

    out = Out()
    exp.run(lambda trial: 2.0, trials=2, time_limit=10, progress=Progress(stream=out))
    assert out.getvalue().count(f"waits for trial 0, held by pid {os.getpid()} on {socket.gethostname()}\n") == 1
    assert exp.reason == "all 2 trials are done"


def test_killing_a_trial_that_was_asked_for_stops_it(two):
    exp, other = two
    trial = exp.ask()
    other.kill(0)
    trial.report(y=1.0)
    assert trial.stopped
    assert exp.trials[0].state == "cancelled"


def test_a_run_that_is_paused_ends_when_all_is_done(two):
    exp, _ = two

    def train(trial):
        if trial.number == 1:
            exp.pause()
        return 1.0

    exp.run(train, trials=2, progress=False)
    assert exp.reason == "all 2 trials are done"


def test_a_stop_that_comes_while_a_trial_pauses_is_not_lost(two):
    exp, _ = two

    class Judging:
        def on(self, history, event):
            if isinstance(event, Slots):
                return [Start(budget=1)] * event.free
            return []

    exp._engine.scheduler = Judging()
    trial = exp.ask()
    trial.report(y=1.0)
    exp._engine._apply([Stop(0, "worse than its twin")])
    exp.tell(trial)
    assert (exp.trials[0].state, exp.trials[0].reason) == ("stopped", "worse than its twin")


def test_retries_and_trial_time_can_be_set_while_it_runs(tmp_path):
    exp = la.Experiment("set", SPACE, "y", store=tmp_path / "a.db", seed=0)

    def train(trial):
        if trial.number == 0:
            exp.set(retries=1)
        trial.report(y=1.0)
        if trial.attempt == 1:
            raise ValueError("once")

    exp.run(train, trials=2, progress=False)
    assert [(t.state, t.attempts) for t in exp.trials] == [("completed", 2), ("completed", 2)]

    def forever(trial):
        la.Experiment.load("set", tmp_path / "a.db").set(trial_time=0.2)
        time.sleep(60)

    exp.run(forever, trials=3, executor=la.Processes(1), progress=False)
    assert "longer than 0.2 s" in exp.trials[2].reason
    exp.store.close()


def test_records_and_parameters_can_be_changed_without_changing_the_history(tmp_path):
    space = {**SPACE, "order": la.Permutation(["a", "b", "c"])}
    exp = la.Experiment("own", space, "y", store=tmp_path / "a.db", seed=0)

    def train(trial):
        trial["order"].clear()
        return trial["x"]

    exp.run(train, trials=1, progress=False)
    exp.best.params["order"].clear()
    exp.best.params.pop("x")
    exp.best.metrics.pop("y")
    exp.note(tags=("a", "b"))
    assert len(exp.best.params["order"]) == 3
    assert same_when_replayed(exp)
    exp.store.close()


def test_limits_are_the_same_live_and_replayed(two):
    exp, _ = two
    same = []
    limits = la.Limits(trials=1, plateau=(5, 0.1))
    exp.run(lambda t: 1.0, limits=limits, progress=False, callbacks=[lambda e, _: same.append(same_when_replayed(e))])
    assert all(same)


def test_metrics_that_are_reported_apart_belong_together():
    def train(trial):
        trial.report(y=0.5, step=1)
        trial.report(loss=0.1, step=1)

    exp = la.Experiment("apart", SPACE, "y", store="memory", seed=0)
    exp.run(train, trials=1, progress=False)
    assert (exp.best.value, float(exp.history.Y[0, 0])) == (0.5, 0.5)


def test_what_is_added_or_noted_is_checked():
    exp = la.Experiment("added", SPACE, "y", store="memory", seed=0)
    with pytest.raises(MetricError, match="without metric 'y'; it reported 'z'"):
        exp.add({"x": 0.5}, {"z": 1.0})
    with pytest.raises(UsageError, match="is not JSON serializable"):
        exp.note(thing={1, 2})
    assert not any(isinstance(e, Ended) for e in exp.store.read(1))
