"""Which checkpoint files live on, and which of them a trial goes on from."""

from pathlib import Path

import pytest

import lanista as la
from lanista.errors import ExperimentError, UsageError
from lanista.schedule import Ended, Slots, Start


def run(objective, *, retries=1, trials=1, scheduler=None):
    exp = la.Experiment("kept", {"x": la.Float(0, 1)}, store="memory", searcher="random", scheduler=scheduler, seed=0)
    return exp.run(objective, limits=la.Limits(trials=trials, retries=retries), progress=False)


def saved(trial):
    """The files with the trial's checkpoints, by name."""
    return sorted(path.name for path in trial.directory.glob("checkpoint-*"))


def test_only_the_latest_checkpoint_is_kept_and_none_beyond_the_best_three():
    def objective(trial):
        for step in range(3):
            trial.save([step])
            trial.report(value=trial.number + step)

    exp = run(objective, trials=5)
    folders = {number: exp.directory / "trials" / str(number) for number in range(5)}
    kept = {number: [path.name for path in folder.iterdir()] for number, folder in folders.items()}
    assert kept == {0: ["checkpoint-3-1"], 1: ["checkpoint-3-1"], 2: ["checkpoint-3-1"], 3: [], 4: []}


def test_a_trial_whose_latest_checkpoint_is_gone_goes_on_from_the_one_before():
    starts = []

    def objective(trial):
        state = {"at": 0}
        starts.append((trial.load(state), state["at"]))
        if trial.attempt > 1:
            return
        for at in (1, 2, 3):
            state["at"] = at
            trial.save(state)
            if at == 2:
                second = trial.directory / "checkpoint-2-1"
                content = second.read_bytes()
            trial.report(value=1.0)
        second.write_bytes(content)
        (trial.directory / "checkpoint-3-1").unlink()
        raise OSError("the disk was full")

    run(objective)
    assert starts == [(0, 0), (2, 2)]


def test_a_clone_whose_own_checkpoints_are_gone_goes_on_from_its_parents():
    starts = []

    class Cloning:
        def on(self, history, event):
            clones = len(history) > 0 and bool(history.checkpoints)
            return [Start(parent=(0, 2) if clones else None)] if isinstance(event, Slots) else []

    def objective(trial):
        state = {"by": None}
        starts.append((trial.number, trial.load(state), state["by"]))
        for _ in range(2):
            state["by"] = trial.number
            trial.save(state)
            trial.report(value=1.0)
        if trial.number == 1 and trial.attempt == 1:
            (trial.directory / "checkpoint-4-1").unlink()
            raise OSError("the disk was full")

    run(objective, trials=2, scheduler=Cloning())
    assert starts == [(0, 0, None), (1, 2, 0), (1, 2, 0)]


def test_a_checkpoint_is_not_deleted_for_a_later_one_that_is_gone():
    starts = []

    def objective(trial):
        starts.append(trial.load([]))
        for _ in range(starts[-1], 4 // trial.attempt):
            trial.save([])
            trial.report(value=1.0)
        if trial.attempt == 1:
            (trial.directory / "checkpoint-4-1").unlink()
        if trial.attempt < 3:
            raise OSError("the disk was full")

    run(objective, retries=2)
    assert starts == [0, 0, 2]


def test_a_step_that_is_saved_again_leaves_no_file_of_the_attempt_before():
    found = []

    def objective(trial):
        state = {"at": trial.attempt}
        trial.load(state)
        trial.save(state, step=1)
        found.append(saved(trial))
        if trial.attempt == 1:
            raise OSError("the disk was full")
        trial.report(value=1.0)

    exp = run(objective)
    assert found == [["checkpoint-1-1"], ["checkpoint-1-2"]]
    assert Path(exp.history.latest_checkpoint(0)[1]).exists()


def test_how_many_of_the_best_keep_theirs_can_be_chosen():
    def objective(trial):
        trial.save([trial.number])
        trial.report(value=trial.number)

    exp = la.Experiment("chosen", {"x": la.Float(0, 1)}, store="memory")
    exp.run(objective, limits=la.Limits(trials=6, checkpoints=4), progress=False)
    assert [exp.checkpoint(number) is not None for number in range(6)] == [True] * 4 + [False] * 2
    model = [None]
    exp.restore(model)
    assert model == [0]
    exp.restore(model, number=3)
    assert model == [3]
    with pytest.raises(ExperimentError, match="trial 5 has no checkpoint"):
        exp.restore(model, number=5)
    with pytest.raises(UsageError, match="there is no trial 9"):
        exp.checkpoint(9)


def test_the_parents_checkpoint_stays_until_the_clone_has_one_of_its_own():
    """A clone may take its time before it loads; the parent goes on, and saves, meanwhile."""

    class CloneAtTwo:
        def on(self, history, event):
            if isinstance(event, Slots):
                return [Start(parent=(0, 2)) if len(history) == 1 else Start()][: event.free]
            return []

    exp = la.Experiment("slow", {"x": la.Float(0, 1)}, store="memory", scheduler=CloneAtTwo())
    trial = exp.ask()
    trial.save([2], step=2)
    trial.report(value=1.0, step=2)
    clone = exp.ask()
    for step in (3, 4, 5):
        trial.save([step], step=step)
        trial.report(value=1.0, step=step)
    state = [0]
    assert clone.load(state) == 2
    assert state == [2]
    clone.save([3])
    clone.report(value=1.0)
    trial.save([6], step=6)
    trial.report(value=1.0, step=6)
    assert saved(trial) == ["checkpoint-6-1"]


def test_the_checkpoints_of_trials_that_are_stopped_while_paused_go_too():
    ended = []

    class Heard(la.HyperBand):
        def on(self, history, event):
            if isinstance(event, Ended):
                ended.append(event.trial)
            return super().on(history, event)

    def objective(trial):
        state = [0]
        for _ in range(trial.load(state), 9):
            trial.save(state)
            trial.report(value=trial.number % 7)

    exp = la.Experiment("swept", {"x": la.Float(0, 1)}, store="memory", searcher="random", scheduler=Heard(9))
    exp.run(objective, trials=30, progress=False)
    over = {trial.number for trial in exp.trials if trial.state in ("stopped", "completed")}
    assert sorted(ended) == sorted(over)
    assert sum(exp.checkpoint(number) is not None for number in over) == 3
