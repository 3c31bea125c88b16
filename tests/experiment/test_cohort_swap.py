"""Trials leave a cohort that runs, and others enter in their place."""

import os
import signal
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lanista as la
from lanista.errors import UsageError
from lanista.experiment import Progress
from lanista.experiment._limits import Helper
from lanista.experiment._work import work
from lanista.journal import Asked, Ended, Released, Reported, Started, Yielded

SPACE = {"x": la.Float(0, 1)}
STEPS = 9


def make(scheduler="fifo", **kw):
    kw.setdefault("store", "memory")
    return la.Experiment("swaps", SPACE, metric="loss", searcher="random", scheduler=scheduler, seed=1, **kw)


def stack(trials):
    """Trains all that are in at once, from where each was; those that are through make room for others."""
    weights = {trial: [trial.load()] for trial in trials}
    while trials:
        for trial in trials:
            weights[trial][0] += 1
            trial.save()
            trial.report(loss=trial["x"] + 1 / weights[trial][0])
            assert trial.step == weights[trial][0]
        done = [trial for trial in trials if trial.stopped or trial.step >= STEPS]
        if done:
            assert len(trials) <= trials.capacity
            for trial in trials.swap(done):
                weights[trial] = [trial.load()]


def events_of(exp):
    return exp.store.read(exp.store.find("swaps").id)


def check(exp, trials):
    """Each attempt has one last fact, each step was reported once, and there are as many trials as was said."""
    started, ended, reports = Counter(), Counter(), Counter()
    for event in events_of(exp):
        match event:
            case Asked(owner=str()):
                started[event.number, 1] += 1
            case Started():
                started[event.number, event.attempt] += 1
            case Ended() | Yielded() | Released():
                ended[event.number, event.attempt] += 1
            case Reported():
                reports[event.number, event.step] += 1
    assert set(started.values()) == {1}
    assert ended.keys() == started.keys()
    assert all(
        count == 1 or exp.trials[number].state in ("stopped", "completed") for (number, _), count in ended.items()
    )
    assert set(reports.values()) <= {1}
    assert len(exp.trials) == trials
    assert not exp.history.running
    replayed = la.History()
    replayed.extend(events_of(exp))
    assert replayed == exp.history


@pytest.mark.parametrize(
    ("scheduler", "workers"),
    [
        (la.ASHA(STEPS), 1),
        (la.ASHA(STEPS), 2),
        (la.ASHA(STEPS, form="promotion"), 1),
        (la.ASHA(STEPS, form="promotion"), 2),
        (la.MedianStopping(), 1),
        (la.HyperBand(STEPS), 2),
        (la.SuccessiveHalving(STEPS), 1),
    ],
    ids=repr,
)
def test_the_stack_runs_under_each_scheduler(scheduler, workers, tmp_path):
    calls = tmp_path / "calls"

    def train(trials):
        with calls.open("a") as file:
            file.write("called\n")
        stack(trials)

    exp = make(scheduler).run(train, trials=20, cohort=4, workers=workers, progress=False)
    check(exp, len(exp.trials))
    assert len(exp.trials) <= 20
    assert {trial.state for trial in exp.trials} <= {"stopped", "completed", "paused"}
    assert max(trial.steps for trial in exp.trials) == STEPS
    if workers == 1 and not isinstance(scheduler, la.HyperBand | la.SuccessiveHalving):  # none waits for another
        assert len(exp.trials) == 20
        assert calls.read_text().count("called") == 1


def test_the_stack_is_full_until_the_last_trials():
    sizes = []

    def train(trials):
        while trials:
            sizes.append((len(trials), len(exp.trials)))
            for trial in trials:
                trial.report(loss=trial["x"])
            trials.swap([trial for trial in trials if trial.stopped or trial.step > trial.number % 4])

    exp = make()
    exp.run(train, trials=23, cohort=5, progress=False)
    check(exp, 23)
    assert [size for size, begun in sizes if begun < 23] == [5] * sum(begun < 23 for _, begun in sizes)
    assert {trial.state for trial in exp.trials} == {"completed"}


def test_trials_leave_with_what_they_are_given():
    def train(trials):
        a, b, c, d = trials
        entered = trials.swap({a: 1.0, b: ValueError("diverged"), c: la.Infeasible("too large")})
        assert [trial.number for trial in entered] == [4, 5, 6]
        assert [trial.number for trial in trials] == [3, 4, 5, 6]
        assert trials[0] is d
        assert trials[1:] == entered
        assert a not in trials
        assert [trial.number for trial in trials.swap([])] == []
        return [10.0 + trial.number for trial in trials]

    exp = make().run(train, trials=7, cohort=4, progress=False)
    check(exp, 7)
    assert [trial.state for trial in exp.trials] == ["completed", "failed", "infeasible", *["completed"] * 4]
    assert [trial.value for trial in exp.trials[3:]] == [13.0, 14.0, 15.0, 16.0]
    assert exp.trials[1].reason == "ValueError: diverged"


def test_an_error_fails_only_those_that_are_still_in():
    def train(trials):
        trials.swap({trials[0]: 1.0})
        raise ValueError("broken")

    exp = make().run(train, trials=3, cohort=2, progress=False)
    check(exp, 3)
    assert [trial.state for trial in exp.trials] == ["completed", "failed", "failed"]


def test_results_are_one_for_each_that_is_still_in():
    def train(trials):
        trials.swap({trials[0]: 1.0})
        return [1.0, 2.0, 3.0]

    exp = make().run(train, trials=3, cohort=2, progress=False)
    assert [trial.state for trial in exp.trials] == ["completed", "failed", "failed"]
    assert "returns None or a list of 2 results, one a trial; it returned [1.0, 2.0, 3.0]" in exp.trials[1].error


def test_only_members_can_leave():
    def train(trials):
        first = trials[0]
        with pytest.raises(UsageError, match=r"takes several trials; write for one: trials.swap\(\[trial\]\)"):
            trials.swap(first)
        trials.swap({first: 1.0})
        with pytest.raises(
            UsageError, match=r"was given trial 0, which is not in the cohort \(any more\); it has 1, 2"
        ):
            trials.swap([trials[0], first])
        with pytest.raises(UsageError, match="was given 7, which is not in the cohort"):
            trials.swap([7])
        return [2.0, 3.0]

    exp = make().run(train, trials=3, cohort=2, progress=False)
    assert [trial.value for trial in exp.trials] == [1.0, 2.0, 3.0]


def test_a_paused_trial_goes_on_in_the_cohort_that_it_left():
    met = defaultdict(list)

    def train(trials):
        entered = list(trials)
        while trials:
            for trial in entered:
                met[trial.number].append((trial.attempt, trial.load()))
            for trial in trials:
                trial.save()
                trial.report(loss=trial["x"])
            entered = trials.swap([trial for trial in trials if trial.stopped or trial.step >= STEPS])

    exp = make(la.ASHA(STEPS, form="promotion")).run(train, trials=9, cohort=3, progress=False)
    check(exp, 9)
    assert max(map(len, met.values())) == 3
    for number, starts in met.items():
        assert [attempt for attempt, _ in starts] == list(range(1, len(starts) + 1))
        assert [step for _, step in starts] == [0, 1, 3][: len(starts)], number


def test_clones_enter_with_their_parents_weights():
    begun = {}

    def train(trials):
        entered = list(trials)
        while trials:
            for trial in entered:
                begun[trial.number] = (trial.load(), trial.checkpoint is not None)
            for trial in trials:
                trial.save()
                trial.report(loss=trial["x"])
            entered = trials.swap([trial for trial in trials if trial.stopped or trial.step >= STEPS])

    exp = make(la.PBT(STEPS, population=6, interval=3)).run(train, cohort=6, progress=False)
    clones = [trial for trial in exp.trials if trial.parent]
    assert clones
    check(exp, len(exp.trials))
    for trial in exp.trials:
        assert begun[trial.number] == ((trial.parent[1], True) if trial.parent else (0, False))


def test_a_pause_gives_none_until_it_is_lifted():
    given_ = []

    def train(trials):
        exp.pause()
        given_.append(trials.swap({trials[0]: 1.0}))
        exp.resume()
        given_.append([trial.number for trial in trials.swap()])
        return [1.0 for _ in trials]

    exp = make()
    exp.run(train, trials=4, cohort=3, progress=False)
    check(exp, 4)
    assert given_ == [[], [3]]


@pytest.mark.parametrize("now", [False, True])
def test_a_stop_gives_none(now):
    def train(trials):
        exp.stop(now=now)
        assert trials.swap({trials[0]: 1.0}) == []
        return [1.0 for _ in trials]

    exp = make()
    exp.run(train, trials=9, cohort=3, progress=False)
    check(exp, 3)
    assert exp.reason == "stopped by command"
    assert [trial.state for trial in exp.trials] == ["completed", *["waiting" if now else "completed"] * 2]


def test_a_target_gives_none():
    def train(trials):
        assert trials.swap({trials[0]: 0.25}) == []
        return [1.0 for _ in trials]

    exp = make().run(train, limits=la.Limits(trials=9, target=0.5), cohort=3, progress=False)
    check(exp, 3)
    assert exp.reason == "target of 0.5 reached with 0.25"


def test_what_is_enqueued_enters_first():
    def train(trials):
        exp.enqueue({"x": 0.125})
        (trial,) = trials.swap({trials[0]: 1.0})
        assert trial["x"] == 0.125
        return [1.0 for _ in trials]

    exp = make()
    exp.run(train, trials=4, cohort=3, progress=False)
    check(exp, 4)


def test_a_failure_is_retried_in_the_cohort():
    def train(trials):
        (trial,) = trials.swap({trials[0]: ValueError("once")})
        assert (trial.number, trial.attempt) == (0, 2)
        return [1.0 for _ in trials]

    exp = make().run(train, limits=la.Limits(trials=2, retries=1), cohort=2, progress=False)
    check(exp, 2)
    assert {trial.state for trial in exp.trials} == {"completed"}


def test_a_helper_takes_no_more_than_it_was_to(tmp_path):
    begun = make(store=tmp_path / "a.db")
    begun.run(
        stack,
        trials=50,
        cohort=3,
        progress=False,
        callbacks=[lambda exp, event: exp.stop() if exp.history.ended else None],
    )
    before = len(begun.trials)
    exp = la.Experiment.load("swaps", tmp_path / "a.db")
    work(exp, stack, helper=Helper(count=8), progress=Progress(False))
    check(exp, before + 8)
    assert exp.reason == "took 8 trials, as many as it was to take"


class Restless(la.Random):
    """Does something when it is asked for trials that are to enter a cohort."""

    def __init__(self, deed):
        self.deed = deed

    def ask(self, history, count, rng):
        if len(history) == 3:
            self.deed()
        return super().ask(history, count, rng)


@pytest.mark.parametrize("executor", [la.Inline(), la.Processes(1)], ids=repr)
def test_an_interrupt_amid_a_swap_leaves_no_trial_behind(executor):
    def twice():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    exp = la.Experiment("swaps", SPACE, "loss", searcher=Restless(twice), store="memory", seed=1)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        exp.run(swap_once, trials=9, cohort=3, executor=executor, progress=False)
    assert not exp.history.running
    assert exp.trials[0].state == "completed"
    assert exp.reason is None
    exp.run(lambda trials: [1.0 for _ in trials], trials=9, cohort=3, progress=False)
    assert {trial.state for trial in exp.trials} == {"completed"}


@pytest.mark.parametrize("executor", [la.Inline(), la.Processes(1)], ids=repr)
def test_a_searcher_that_fails_amid_a_swap_ends_the_run(executor):
    def fall():
        raise RuntimeError("no proposal")

    exp = la.Experiment("swaps", SPACE, "loss", searcher=Restless(fall), store="memory", seed=1)
    with pytest.raises(Exception, match="no proposal"):
        exp.run(swap_once, trials=9, cohort=3, executor=executor, progress=False)
    assert [trial.state for trial in exp.trials] == ["completed", "waiting", "waiting"]
    assert not exp.history.running


def swap_once(trials):
    """Lets one go."""
    trials.swap({trials[0]: 1.0})
    return [1.0 for _ in trials]


def test_an_executor_without_the_means_gives_none():
    class Plain(la.Inline):
        offer = None

    calls = []

    def train(trials):
        calls.append(len(trials))
        assert trials.swap({trials[0]: 1.0}) == []
        return [1.0 for _ in trials]

    exp = make().run(train, trials=6, cohort=3, executor=Plain(), progress=False)
    check(exp, 6)
    assert calls == [3, 3]


def test_a_worker_that_is_killed_fails_those_that_are_in(tmp_path: Path):
    """The cohort of trial 5 loses its worker once; what had left it stays as it was, the others are tried again."""
    mark = tmp_path / "killed"

    def train(trials):
        while trials:
            for trial in trials:
                trial.save()
                trial.report(loss=trial["x"])
            trials.swap([trial for trial in trials if trial.step >= 3 + trial.number % 2])
            if any(trial.number == 5 for trial in trials) and not mark.exists():
                mark.write_text(" ".join(str(trial.number) for trial in trials))
                os.kill(os.getpid(), signal.SIGKILL)

    exp = make().run(train, limits=la.Limits(trials=12, retries=1), cohort=3, workers=2, progress=False)
    check(exp, 12)
    assert {trial.state for trial in exp.trials} == {"completed"}
    hit = {int(number) for number in mark.read_text().split()}
    assert {trial.number for trial in exp.trials if trial.attempts == 2} == hit


def test_trials_that_are_to_get_more_wait_for_a_place_of_their_own():
    def train(trials):
        entered = list(trials)
        while trials:
            for trial in entered:
                trial.load()
                trial.note(cpus=trial.resources["cpus"])
            for trial in trials:
                trial.save()
                trial.report(loss=trial["x"])
            entered = trials.swap([trial for trial in trials if trial.stopped or trial.step >= STEPS])

    scheduler = la.ResourceChanging(la.ASHA(STEPS, form="promotion"), rule=lambda h, n: {"cpus": 2})
    exp = make(scheduler).run(train, trials=9, cohort=3, executor=la.Processes(2, cpus=1), progress=False)
    check(exp, 9)
    wanted = {trial.number: exp.history.resources(trial.number) for trial in exp.trials}
    assert {"cpus": 2} in wanted.values()
    for trial in exp.trials:
        assert exp.history.notes[trial.number]["cpus"] >= (wanted[trial.number] or {"cpus": 1})["cpus"]


@settings(max_examples=25)
@given(st.data())
def test_whatever_it_swaps_each_trial_ends_once(data):
    promotion = data.draw(st.booleans(), "promotion")
    trials_ = data.draw(st.integers(1, 12), "trials")
    capacity = data.draw(st.integers(2, 5), "cohort")
    outcomes = st.sampled_from([None, 1.0, ValueError("no"), la.Infeasible("no")])

    def train(trials):
        entered = list(trials)
        for _ in range(data.draw(st.integers(1, 6), "turns")):
            for trial in trials:
                if trial in entered or (data.draw(st.booleans()) and not trial.stopped):
                    trial.save()
                    trial.report(loss=trial["x"])
            leaving = data.draw(st.lists(st.sampled_from(list(trials)), unique=True)) if trials else []
            if data.draw(st.booleans()):
                entered = trials.swap({trial: data.draw(outcomes) for trial in leaving})
            else:
                entered = trials.swap(leaving)
            assert len(trials) <= trials.capacity
            assert list(trials)[len(trials) - len(entered) :] == entered
            assert not set(leaving) & set(trials)
        if data.draw(st.booleans(), "raises"):
            raise ValueError("no")
        return [1.0 for _ in trials] if data.draw(st.booleans()) else None

    exp = make(la.ASHA(STEPS, form="promotion") if promotion else "fifo")
    limits = la.Limits(trials=trials_, failures=None, retries=data.draw(st.integers(0, 1), "retries"))
    exp.run(train, limits=limits, cohort=capacity, progress=False)
    last = Counter((e.number, e.attempt) for e in events_of(exp) if isinstance(e, Ended | Yielded | Released))
    begun = {(e.number, 1) for e in events_of(exp) if isinstance(e, Asked)}
    begun |= {(e.number, e.attempt) for e in events_of(exp) if isinstance(e, Started)}
    assert last.keys() == begun
    assert all(count == 1 for (number, attempt), count in last.items())
    assert len(exp.trials) == trials_
