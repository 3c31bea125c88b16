"""What an experiment writes for TensorBoard, read by TensorBoard."""

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lanista as la
from lanista.cli import main
from lanista.errors import MissingExtraError, UsageError

Boards = Callable[[], Any]

SPACE = {
    "lr": la.Float(1e-5, 1.0, log=True),
    "layers": la.Int(0, 4),
    "opt": la.Choice({"sgd": {"momentum": la.Float(0, 0.99)}, "adam": {}}),
    "batch": la.Choice([32, 16]),
    "bias": la.Choice([True, False]),
    "widths": la.Choice([[64, 32], [8], None]),
    "features": la.Subset(["age", "size", "price"]),
    "noise": la.Normal(0, 2),
    "data": "digits",
}
SGD = {
    "lr": 0.5,
    "layers": 2,
    "opt": "sgd",
    "momentum": 0.75,
    "batch": 16,
    "bias": True,
    "widths": [64, 32],
    "features": ["age", "price"],
    "noise": -1.0,
}
ADAM = {**{k: v for k, v in SGD.items() if k != "momentum"}, "opt": "adam", "widths": None, "bias": False}


def experiment(space: Any = SPACE, store: Any = "memory", **options: Any) -> la.Experiment:
    options = {"metric": "loss", "searcher": "random", "seed": 0, **options}
    return la.Experiment("digits", space, store=store, **options)


def learn(trial: la.Trial) -> None:
    for step in range(1, 4):
        trial.report(loss=1 / step, accuracy=step / 4)


def contents(runs: Path) -> dict[Path, bytes]:
    return {path.relative_to(runs): path.read_bytes() for path in runs.rglob("*") if path.is_file()}


def by_run(runs: Path) -> dict[Path, bytes]:
    """What is written, whatever the names of the files; a second file of a run would be a mistake."""
    found = {path.parent: data for path, data in contents(runs).items()}
    assert len(found) == len(contents(runs))
    return found


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_has_each_parameter_with_its_type_and_its_values(runs: Path, board: Boards) -> None:
    exp = experiment().enqueue([SGD, ADAM]).run(learn, trials=2, progress=False)
    assert exp.tensorboard(runs) == runs / "digits"

    found = board().hparams
    bounds = {n: (h.domain_interval.min_value, h.domain_interval.max_value) for n, h in found.items()}
    values = {n: [getattr(v, v.WhichOneof("kind")) for v in h.domain_discrete.values] for n, h in found.items()}
    number, text, boolean = 3, 1, 2
    assert {name: info.type for name, info in found.items()} == {
        **dict.fromkeys(["lr", "layers", "momentum", "batch", "noise"], number),
        **dict.fromkeys(["opt", "widths", "features", "data"], text),
        "bias": boolean,
    }
    assert bounds["lr"] == (1e-5, 1.0)
    assert bounds["layers"] == (0, 4)
    assert bounds["noise"] == (-10, 10)
    assert values["batch"] == [16, 32]
    assert values["opt"] == ["sgd", "adam"]
    assert values["bias"] == [False, True]
    assert values["widths"] == ["[64, 32]", "[8]", "null"]
    assert values["features"] == ['["age", "price"]']
    assert values["data"] == ["digits"]


def test_a_row_has_the_parameters_that_apply(runs: Path, board: Boards) -> None:
    experiment().enqueue([SGD, ADAM]).run(learn, trials=2, progress=False).tensorboard(runs)
    sgd = {**SGD, "widths": "[64, 32]", "features": '["age", "price"]', "data": "digits"}
    assert board().values("digits/trial-00000") == sgd
    adam = {**{k: v for k, v in sgd.items() if k != "momentum"}, "opt": "adam", "widths": "null", "bias": False}
    assert board().values("digits/trial-00001") == adam


def test_parameters_of_one_name_that_exclude_each_other_share_a_column(runs: Path, board: Boards) -> None:
    space = {
        "model": la.Choice(
            {
                "tree": {"size": la.Int(1, 9), "loss": la.Choice([1, 2])},
                "net": {"size": la.Float(0.5, 4), "loss": "huber"},
            }
        )
    }
    exp = experiment(space).enqueue([{"model": "tree", "size": 3, "loss": 1}, {"model": "net", "size": 0.5}])
    exp.run(learn, trials=2, progress=False).tensorboard(runs)
    size = board().hparams["size"].domain_interval
    assert (size.min_value, size.max_value) == (0.5, 9)
    assert board().values("digits/trial-00000") == {"model": "tree", "size": 3, "loss": "1"}
    assert board().values("digits/trial-00001") == {"model": "net", "size": 0.5, "loss": "huber"}


def test_a_space_that_is_discovered_by_running(runs: Path, board: Boards) -> None:
    def define(trial: la.Trial) -> float:
        rate = trial.suggest_float("rate", 0.1, 2.0)
        return rate if trial.suggest_categorical("kind", ["a", "b"]) == "a" else rate + trial.suggest_int("n", 1, 3)

    exp = experiment(None, searcher="random").run(
        define, trials=8, progress=False, callbacks=[la.TensorBoard(runs, every=0)]
    )
    assert set(board().hparams) == {"rate", "kind", "n"}
    for trial in exp.trials:
        assert board().values(f"digits/trial-{trial.number:05d}") == trial.params


def test_all_metrics_have_a_column_objectives_first(runs: Path, board: Boards) -> None:
    def several(trial: la.Trial) -> None:
        trial.report(aside=1.0, latency=5.0, accuracy=0.75, loss=trial["x"])

    exp = experiment(
        {"x": la.Float(0, 1)},
        metric={"loss": "min", "accuracy": "max"},
        constraints={"latency": la.at_most(10)},
    )
    exp.run(several, trials=2, progress=False).tensorboard(runs)
    told = board().experiment.metric_infos
    assert [info.name.tag for info in told] == ["loss", "accuracy", "latency", "aside"]
    assert [info.description for info in told][:3] == [
        "objective, the minimum is best",
        "objective, the maximum is best",
        "to be <= 10",
    ]
    loss = pytest.approx(exp.trials[1].params["x"])
    assert board().metrics("digits/trial-00001") == {"loss": loss, "accuracy": 0.75, "latency": 5.0, "aside": 1.0}


# --- trials -----------------------------------------------------------------------------------------------------------


def test_metrics_are_scalars_by_step_at_the_time_of_their_report(runs: Path, board: Boards) -> None:
    exp = experiment().run(learn, trials=1, progress=False)
    exp.tensorboard(runs)
    assert board().scalars("digits/trial-00000", "accuracy") == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert board().tags("digits/trial-00000") == {"loss", "accuracy"}
    info = exp.store.find("digits")
    assert info is not None
    reported = [e.time for e in exp.store.read(info.id, 0, info.seq) if isinstance(e, la.journal.Reported)]
    assert board().times("digits/trial-00000", "accuracy") == reported


def test_a_value_that_is_returned_is_the_trial_s(runs: Path, board: Boards) -> None:
    def best_of_all(trial: la.Trial) -> float:
        if trial.number == 0:
            learn(trial)
        return 0.125

    experiment().run(best_of_all, trials=2, progress=False).tensorboard(runs)
    assert board().metrics("digits/trial-00000") == {"loss": 0.125, "accuracy": 0.75}
    assert board().scalars("digits/trial-00000", "accuracy") == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert board().scalars("digits/trial-00001", "loss") == [(0, 0.125)]


def test_each_state_has_its_status_and_a_reason_stands_as_text(runs: Path, board: Boards) -> None:
    def fates(trial: la.Trial) -> None:
        trial.report(loss=float(trial.number))
        if trial.number == 1:
            raise ValueError("out of luck")
        if trial.number == 2:
            raise la.Infeasible("too wide")
        trial.report(loss=float(trial.number))

    exp = experiment(scheduler=la.Threshold("loss", above=2.5))
    exp.run(fates, trials=4, progress=False, limits=la.Limits(retries=0)).tensorboard(runs)
    assert [trial.state for trial in exp.trials] == ["completed", "failed", "infeasible", "stopped"]
    found = board()
    assert [found.status(f"digits/trial-{n:05d}") for n in range(4)] == [
        "STATUS_SUCCESS",
        "STATUS_FAILURE",
        "STATUS_FAILURE",
        "STATUS_SUCCESS",
    ]
    assert found.text("digits/trial-00001").startswith("**failed**: ")
    assert "\n    ValueError: out of luck" in found.text("digits/trial-00001")
    assert found.text("digits/trial-00002") == "**infeasible**: too wide"
    assert found.text("digits/trial-00003") == f"**stopped**: {exp.trials[3].reason}"


def test_values_that_are_no_numbers_and_numbers_too_large(runs: Path, board: Boards) -> None:
    def wild(trial: la.Trial) -> None:
        trial.report(loss=1.0, other=math.nan)
        trial.report(loss=1e300, other=-math.inf)
        trial.report(loss=2.0, other=math.nan)

    exp = experiment().run(wild, trials=1, progress=False)
    exp.tensorboard(runs)
    before = contents(runs)
    exp.tensorboard(runs)
    assert contents(runs) == before
    assert board().scalars("digits/trial-00000", "loss") == [(1, 1.0), (2, math.inf), (3, 2.0)]
    (_, first), (_, second), (_, third) = board().scalars("digits/trial-00000", "other")
    assert math.isnan(first) and second == -math.inf and math.isnan(third)


def test_trials_that_were_run_elsewhere_are_rows_and_those_that_wait_are_not(runs: Path, board: Boards) -> None:
    exp = experiment().add(ADAM, 0.5).enqueue(SGD)
    exp.tensorboard(runs)
    assert set(board().rows) == {"digits/trial-00000"}
    assert board().metrics("digits/trial-00000") == {"loss": 0.5}


def test_an_experiment_without_trials_is_a_table_without_rows(runs: Path, board: Boards) -> None:
    experiment().tensorboard(runs)
    assert board().rows == {}
    assert "lr" in board().hparams


# --- again, and while it runs -----------------------------------------------------------------------------------------


def test_again_adds_what_is_new_and_writes_nothing_twice(runs: Path, board: Boards) -> None:
    exp = experiment({"x": la.Float(0, 1)})
    trial = exp.ask()
    trial.report(loss=1.0)
    exp.tensorboard(runs)
    early = contents(runs)
    assert board().status("digits/trial-00000") == "STATUS_UNKNOWN"
    trial.report(loss=0.5)
    exp.tell(trial)
    exp.tensorboard(runs)
    late = contents(runs)
    assert late.keys() == early.keys()
    assert all(late[name].startswith(data) for name, data in early.items())
    assert board().scalars("digits/trial-00000", "loss") == [(1, 1.0), (2, 0.5)]
    assert board().status("digits/trial-00000") == "STATUS_SUCCESS"
    exp.tensorboard(runs)
    assert contents(runs) == late


def test_another_process_writes_the_same(runs: Path, tmp_path: Path) -> None:
    store = tmp_path / "lanista.db"
    experiment(store=store).run(learn, trials=4, progress=False).tensorboard(runs)
    before = contents(runs)
    words = ["-m", "lanista", "tensorboard", "digits", "--logdir", str(runs), "--store", str(store)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    assert contents(runs) == before


@pytest.mark.parametrize("cut", [1, 7, 60, 200])
def test_a_file_that_was_cut_in_the_middle_is_made_whole(runs: Path, cut: int) -> None:
    exp = experiment().run(learn, trials=2, progress=False)
    exp.tensorboard(runs)
    whole = contents(runs)
    for name, data in whole.items():
        (runs / name).write_bytes(data[:-cut])
    exp.tensorboard(runs)
    assert contents(runs) == whole


@pytest.mark.parametrize("every", [0, 1e9])
def test_the_callback_writes_what_the_method_writes(runs: Path, tmp_path: Path, every: float) -> None:
    seen: list[int] = []

    def look(exp: la.Experiment, event: Any) -> None:
        seen.append(len(list(runs.glob("digits/trial-*"))))

    exp = experiment(store=tmp_path / "lanista.db", scheduler=la.ASHA(3))
    exp.run(learn, trials=6, progress=False, callbacks=[la.TensorBoard(runs, every=every), look])
    exp.tensorboard(tmp_path / "other")
    assert by_run(runs) == by_run(tmp_path / "other")
    assert (seen[len(seen) // 2] > 0) == (every == 0)


def test_a_resumed_experiment_has_all_its_trials_written(runs: Path, tmp_path: Path, board: Boards) -> None:
    store = tmp_path / "lanista.db"
    experiment(store=store).run(learn, trials=2, progress=False)
    for trials in (4, 6):
        callbacks = [la.TensorBoard(runs)]
        exp = experiment(store=store).run(learn, trials=trials, progress=False, callbacks=callbacks)
    exp.tensorboard(tmp_path / "other")
    assert len(board().rows) == 6
    assert by_run(runs) == by_run(tmp_path / "other")


def test_steps_that_a_retried_trial_repeats_count_the_last_time(runs: Path, board: Boards) -> None:
    def flaky(trial: la.Trial) -> None:
        trial.report(loss=1.0 if trial.attempt == 1 else 4.0)
        if trial.attempt == 1:
            raise OSError("the disk is away")
        trial.report(loss=2.0)

    board_writer = la.TensorBoard(runs, every=0)
    exp = experiment().run(flaky, trials=1, progress=False, limits=la.Limits(retries=1), callbacks=[board_writer])
    assert exp.trials[0].attempts == 2
    assert board().scalars("digits/trial-00000", "loss") == [(1, 4.0), (2, 2.0)]
    assert len(list((runs / "digits" / "trial-00000").iterdir())) == 1


def test_another_experiment_of_the_name_takes_its_place_and_leaves_what_is_not_ours(runs: Path, board: Boards) -> None:
    experiment().run(learn, trials=4, progress=False).tensorboard(runs)
    mine = runs / "digits" / "trial-00003" / "events.out.tfevents.1.elsewhere"
    mine.write_bytes(b"")
    experiment(seed=1).run(learn, trials=2, progress=False).tensorboard(runs)
    assert set(board().rows) == {"digits/trial-00000", "digits/trial-00001"}
    assert mine.exists()
    assert not (runs / "digits" / "trial-00002").exists()


def test_one_callback_serves_several_experiments(runs: Path, board: Boards) -> None:
    writer = la.TensorBoard(runs)
    for name in ("one", "two"):
        exp = la.Experiment(name, {"x": la.Float(0, 1)}, metric="loss", store="memory", searcher="random", seed=0)
        exp.run(learn, trials=2, progress=False, callbacks=[writer])
    assert set(board().rows) == {f"{name}/trial-0000{n}" for name in ("one", "two") for n in (0, 1)}


def test_one_that_knows_less_does_not_take_anything_away(runs: Path, tmp_path: Path) -> None:
    exp = experiment({"x": la.Float(0, 1)}, store=tmp_path / "lanista.db")
    slow = la.TensorBoard(runs, every=1e9)
    trial = exp.ask()
    trial.report(loss=1.0)
    history = exp.history
    early = type("Early", (), {"name": exp.name, "store": exp.store, "history": history})()
    other = la.Experiment.load("digits", tmp_path / "lanista.db")
    other.tell(0, 0.5)
    other.tensorboard(runs)
    whole = contents(runs)
    slow.write(early)
    assert contents(runs) == whole


# --- the command line, and what is wrong ------------------------------------------------------------------------------


def test_the_command_writes_and_says_how_to_see_it(
    runs: Path, tmp_path: Path, board: Boards, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "lanista.db"
    experiment(store=store).run(learn, trials=2, progress=False)
    assert main(["tensorboard", "digits", "--logdir", str(runs), "--store", str(store)]) == 0
    folder = runs / "digits"
    assert capsys.readouterr().out == f"wrote {folder}\nsee it with: tensorboard --logdir {folder}\n"
    assert len(board().rows) == 2


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(UsageError, match=r"cannot be written to .*runs.*; give another logdir"):
        experiment().tensorboard(tmp_path / "runs")
    with pytest.raises(UsageError, match=r"cannot be written to .*runs.*; give another logdir"):
        experiment().run(learn, trials=1, progress=False, callbacks=[la.TensorBoard(tmp_path / "runs")])


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match=r"every=-1\): it must be a number of seconds from 0"):
        la.TensorBoard("runs", every=-1)
    with pytest.raises(UsageError, match=r"logdir=3\): it must be a folder"):
        la.TensorBoard(3)  # type: ignore[arg-type]


def test_a_url_is_no_folder() -> None:
    with pytest.raises(UsageError, match=r"logdir='s3://bucket/runs' must be a folder of this machine"):
        experiment().tensorboard("s3://bucket/runs")


def test_without_tensorboard_the_extra_is_named(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("_folder", "_records"):
        monkeypatch.delitem(sys.modules, f"lanista.integrations.{module}", raising=False)
        monkeypatch.delattr(f"lanista.integrations.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lanista\[tensorboard\]'"):
        experiment().tensorboard(runs)
