"""A cohort that is trained as one is killed in the midst of training, and goes on as if nothing had happened."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

import lanista as la
from lanista.fuse import _team
from lanista.fuse._checkpoints import Checkpoints
from lanista.fuse._choose import Choice
from lanista.fuse._together import Together
from tests.fuse.tasks import close, curves, run, trainer

EPOCHS = 5
STEPS = 4  # an epoch of the 60 examples in batches of 16
TRIALS = 5

pytestmark = pytest.mark.long


class Count:
    """Counts calls in a file, and kills its process at one of them; at a negative one it never does."""

    def __init__(self, path: Path, kill: int) -> None:
        self.path, self.kill = path, kill

    @property
    def calls(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def __call__(self) -> None:
        with self.path.open("ab") as file:
            file.write(b".")
        if self.calls == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)


def counting(folder: Path, *, step: int = -1, report: int = -1, **_: int) -> la.fuse.Trainer:
    """A trainer that counts the steps of its stacks, and the epochs of its models; it is killed at one of these."""
    steps, reports = Count(folder / "steps", step), Count(folder / "reports", report)

    def falling(done: float) -> float:
        steps()
        return 1 - done

    def counted(outputs, target) -> float:
        reports()
        return float((outputs.argmax(-1) == target).double().mean())

    return trainer(schedule=falling, metrics={"accuracy": counted}, epochs=EPOCHS, checkpoints=0)


def stacked(stack, graphs, plan) -> Choice:
    return Choice(Together(graphs), "the test says so")


def _killed(folder: Path, when: dict[str, int], options: dict[str, object]) -> None:
    _team.choose = stacked
    save, saves = Checkpoints.save, Count(folder / "saves", when.get("save", -1))
    Checkpoints.save = lambda *args: (saves(), save(*args))
    run(counting(folder, **when), store=folder / "a.db", **options)


def killed(folder: Path, when: dict[str, int], **options: object) -> dict[str, list[float]]:
    """Runs in a process of its own that is killed; the curves that the journal has then."""
    process = multiprocessing.get_context("spawn").Process(target=_killed, args=(folder, when, options))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    return curves(la.Experiment.load("fused", folder / "a.db"))


@pytest.fixture
def always_stacked(monkeypatch):
    monkeypatch.setattr(_team, "choose", stacked)


@pytest.mark.parametrize(
    ("when", "known", "again"),
    [
        # in a step of the third epoch: two epochs of each are saved
        ({"step": 2 * STEPS + 5}, [2] * TRIALS, 0),
        # while the second epoch is told: that of two models is, and the stack that goes on is of models of two ages
        ({"report": TRIALS + 3}, [2, 2, 1, 1, 1], 0),
        # when the report of an epoch is written, and its checkpoint is not: this one is trained again
        ({"save": TRIALS + 3}, [2, 2, 2, 1, 1], 1),
    ],
    ids=["in a step", "between two reports", "between a report and its checkpoint"],
)
def test_a_stack_that_is_killed_goes_on_from_its_checkpoints(tmp_path, always_stacked, when, known, again) -> None:
    before = killed(tmp_path, when, trials=TRIALS, cohort=TRIALS)
    assert [len(curve) for curve in before.values()] == known
    (tmp_path / "reports").unlink()

    exp = run(counting(tmp_path), store=tmp_path / "a.db", trials=TRIALS, cohort=TRIALS)

    assert [(trial.state, trial.steps) for trial in exp.trials] == [("completed", EPOCHS)] * TRIALS
    for number, (params, told) in enumerate(before.items()):
        assert exp.history.curve(number)[0].tolist() == [*range(1, EPOCHS + 1)]  # none is lost, none is there twice
        assert curves(exp)[params][: len(told)] == told
        assert exp.history.notes[number]["training"] == "stacked with 4 others: the test says so"
    assert (tmp_path / "reports").stat().st_size == TRIALS * EPOCHS - sum(known) + again
    whole = run(counting(tmp_path), trials=TRIALS, cohort=TRIALS)
    assert close(curves(exp), curves(whole))
    for one, other in zip(exp.trials, whole.trials, strict=True):
        assert one.metrics == pytest.approx(other.metrics, rel=1e-7)
    weights = [trainer().trained(each).state_dict() for each in (exp, whole)]
    for name, weight in weights[0].items():
        assert weight.numpy() == pytest.approx(weights[1][name].numpy(), rel=1e-6), name


def test_a_search_with_early_stopping_is_killed_when_its_models_are_of_many_ages(tmp_path, always_stacked) -> None:
    options = {"scheduler": la.ASHA(EPOCHS, reduction=2), "trials": 9, "cohort": 3}
    before = killed(tmp_path, {"report": 17}, **options)
    exp = run(counting(tmp_path), store=tmp_path / "a.db", **options)
    assert {trial.state for trial in exp.trials} == {"completed", "stopped"}
    whole = curves(run(counting(tmp_path), trials=9, cohort=3))
    found = curves(exp)
    assert found.keys() == whole.keys()
    assert close(found, {params: whole[params][: len(curve)] for params, curve in found.items()})
    assert {params: found[params][: len(told)] for params, told in before.items()} == before
    assert len({len(told) for told in before.values()}) > 2
