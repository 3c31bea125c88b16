"""NNI's algorithms that decide how long a trial runs: what their names and arguments come to, and runs of them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import lanista as la
from lanista.cli import main
from lanista.compat import NniExperiment, read_nni_config
from lanista.errors import ConfigError
from lanista.schedule import Slots, Start
from lanista.search import describe

BASE: dict[str, Any] = {
    "experimentName": "nni",
    "searchSpace": {"x": {"_type": "uniform", "_value": [0, 1]}},
    "trialCommand": f"{sys.executable} train.py",
    "trialConcurrency": 1,
    "trainingService": {"platform": "local"},
}


@pytest.fixture
def read(tmp_path: Path):
    """Reads a config of the base with these fields."""

    def read_one(**fields: Any) -> NniExperiment:
        path = tmp_path / "config.yml"
        path.write_text(yaml.safe_dump(BASE | fields, sort_keys=False))
        return read_nni_config(path)

    return read_one


@pytest.fixture
def run(tmp_path: Path, read, capfd: pytest.CaptureFixture[str]):
    """Runs a script by `lanista run`, and returns the experiment as the store has it."""

    def run_one(code: str, **fields: Any) -> la.Experiment:
        (tmp_path / "train.py").write_text("from lanista.compat import nni\n" + code)
        read(**fields)
        store = f"sqlite:///{tmp_path / 'lanista.db'}"
        assert main(["run", str(tmp_path / "config.yml"), "--store", store, "--seed", "1"]) == 0, capfd.readouterr()
        return la.Experiment.load("nni", store=store)

    return run_one


def advisor(name: str, **arguments: Any) -> dict[str, Any]:
    return {"advisor": {"name": name, "classArgs": arguments}}


def pbt(trials: int | None = 40, **arguments: Any) -> dict[str, Any]:
    return {"tuner": {"name": "PBTTuner", "classArgs": arguments}, "maxTrialNumber": trials}


def assessed(**arguments: Any) -> dict[str, Any]:
    return {"tuner": {"name": "Random"}, "assessor": {"name": "Curvefitting", "classArgs": arguments}}


# --- Hyperband and BOHB -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "budgets"),
    [
        ({}, [2, 6, 19, 60]),
        ({"R": 81, "eta": 3, "exec_mode": "parallelism"}, [1, 3, 9, 27, 81]),
        ({"R": 100, "eta": 4}, [1, 5, 22, 100]),
        ({"R": 1}, [1]),
        ({"R": 2}, [2]),
    ],
)
def test_hyperband_begins_where_nni_s_does(read, arguments: dict[str, Any], budgets: list[int]) -> None:
    found = read(**advisor("Hyperband", optimize_mode="minimize", **arguments))
    assert (found.searcher, found.mode) == ("random", "min")
    assert isinstance(found.scheduler, la.HyperBand)
    assert found.scheduler.fidelity.name == "TRIAL_BUDGET"
    assert [step for _, step in found.scheduler.brackets[0]] == budgets


def test_a_bracket_after_the_other_is_noted(read) -> None:
    notes = read(**advisor("hyperband", exec_mode="serial")).notes
    assert notes == ("ignored: exec_mode serial; workers that are free begin the next bracket",)


def test_bohb_is_a_searcher_and_hyperband(read) -> None:
    found = read(**advisor("BOHB", min_budget=2, max_budget=50, eta=5, seed=4))
    assert describe(found.searcher) == describe(la.BOHB())
    assert found.scheduler.fidelity == la.Fidelity("TRIAL_BUDGET", 2, 50, log=True)
    assert (found.scheduler.reduction, found.seed) == (5, 4)
    assert read(**advisor("BOHBAdvisor")).scheduler.fidelity.high == 3


def test_arguments_of_bohb_s_model_are_kept_or_named(read) -> None:
    model = {"top_n_percent": 20, "num_samples": 32, "random_fraction": 0.5, "min_points_in_model": 7}
    found = read(**advisor("BOHB", **model, bandwidth_factor=3, min_bandwidth=0.001))
    assert describe(found.searcher) == "BOHB(random_share=0.5, candidates=32, good_share=0.2)"
    names = ("min_points_in_model", "bandwidth_factor", "min_bandwidth")
    assert found.notes == tuple(f"ignored: advisor.classArgs.{name}" for name in names)


BUDGET = """
params = nni.get_next_parameter()
assert set(params) == {"x", "TRIAL_BUDGET"}, params
assert nni.get_current_parameter("TRIAL_BUDGET") == params["TRIAL_BUDGET"]
for epoch in range(params["TRIAL_BUDGET"]):
    nni.report_intermediate_result({"default": 0, "note": "seen"})
nni.report_final_result({"default": params["x"] + params["TRIAL_BUDGET"], "size": 3})
"""


@pytest.mark.parametrize("name", ["Hyperband", "BOHB"])
def test_a_script_is_called_once_a_budget(run, name: str) -> None:
    limits = {"R": 3} if name == "Hyperband" else {"max_budget": 3}
    exp = run(BUDGET, **advisor(name, optimize_mode="maximize", **limits), maxTrialNumber=5)
    curves = [exp.history.curve(trial.number) for trial in exp.trials]
    best = max(range(3), key=lambda n: exp.trials[n].params["x"])
    assert [steps.tolist() for steps, _ in curves] == [[1, 3] if n == best else [1] for n in range(3)] + [[3], [3]]
    assert [trial.state for trial in exp.trials].count("completed") == 3
    assert exp.trials[best].value == pytest.approx(exp.trials[best].params["x"] + 3)
    assert exp.trials[best].metrics["size"] == 3
    assert exp.history.notes[best] == {"note": "seen"}


# --- PBT --------------------------------------------------------------------------------------------------------------


def test_pbt_takes_its_arguments_over(read) -> None:
    arguments = {"population_size": 8, "factor": 0.5, "resample_probability": 0.1, "fraction": 0.3}
    found = read(**pbt(**arguments, all_checkpoint_dir="/nowhere", optimize_mode="minimize"))
    assert (found.searcher, found.mode, found.trials) == ("random", "min", None)
    wanted = la.PBT(5, population=8, interval=1, quantile=0.3, perturb=(0.5, 1.5), resample=0.1)
    assert describe(found.scheduler).replace("Generations", "PBT") == describe(wanted)
    assert found.scheduler.fidelity.high == 5
    note = "ignored: tuner.classArgs.all_checkpoint_dir; checkpoints are kept in the folders of the trials"
    assert found.notes == (note,)
    assert read(**pbt(25)).scheduler.max_steps == 3


def test_members_pause_after_each_step(read) -> None:
    scheduler = read(**pbt(population_size=2)).scheduler
    assert scheduler.on(la.History(), Slots(2)) == [Start(1), Start(1)]
    exp = la.Experiment("e", {"x": la.Float(0, 1)}, store="memory", scheduler=scheduler)
    trials = [exp.ask(), exp.ask()]
    assert [exp.tell(trial, 1.0).state for trial in trials] == ["paused", "paused"]
    assert exp.ask().fidelity == 2


STEP = """
import json, os
params = nni.get_next_parameter()
assert set(params) == {"x", "load_checkpoint_dir", "save_checkpoint_dir"}, params
assert nni.get_next_parameter() == params
path = os.path.join(params["load_checkpoint_dir"], "model.json")
seen = json.load(open(path)) if os.path.isfile(path) else []
assert os.listdir(params["load_checkpoint_dir"]) == (["model.json"] if seen else [])
seen.append(params["x"])
nni.report_intermediate_result(0)
nni.report_final_result({"default": sum(seen), "seen": seen})
os.makedirs(params["save_checkpoint_dir"], exist_ok=True)
with open(os.path.join(params["save_checkpoint_dir"], "model.json"), "w") as file:
    json.dump(seen, file)
"""


def test_members_go_on_from_the_folder_of_the_step_before(run) -> None:
    exp = run(STEP, **pbt(9, population_size=3, optimize_mode="maximize"))
    done = [trial for trial in exp.trials if trial.state == "completed"]
    assert len(done) == 3
    for trial in done:
        assert len(exp.history.notes[trial.number]["seen"]) == 3
        assert trial.value == pytest.approx(sum(exp.history.notes[trial.number]["seen"]))
    copies = [trial for trial in exp.trials if exp.history.parent(trial.number) is not None]
    assert copies
    for copy in copies:
        source, step = exp.history.parent(copy.number)
        seen, before = (exp.history.notes[number]["seen"] for number in (copy.number, source))
        assert seen == before[:step] + [copy.params["x"]] * (len(seen) - step)


def test_a_script_that_saves_nothing_or_fails_leaves_no_checkpoint(run) -> None:
    code = """
import os
params = nni.get_next_parameter()
open(os.path.join(params["save_checkpoint_dir"], "half"), "w").close()
if params["x"] > 0.48:
    raise SystemExit("broken")
os.remove(os.path.join(params["save_checkpoint_dir"], "half"))
nni.report_final_result(1)
"""
    exp = run(code, **pbt(2, population_size=2))
    assert {trial.state for trial in exp.trials} >= {"completed", "failed"}
    assert not exp.history.checkpoints


# --- Curvefitting -----------------------------------------------------------------------------------------------------


def test_curvefitting_takes_its_arguments_over(read) -> None:
    found = read(**assessed(epoch_num=50, start_step=10, threshold=0.9, gap=2)).scheduler
    assert isinstance(found, la.CurveFitting)
    assert describe(found) == "Curvefitting(max_steps=50, grace_steps=9, interval=2, threshold=0.9)"
    assert describe(read(**assessed()).scheduler) == "Curvefitting(max_steps=20, grace_steps=5, interval=1)"


def test_curvefitting_stops_scripts_and_leaves_their_end_to_them(run) -> None:
    code = """
params = nni.get_next_parameter()
top = 0.9 if nni.get_sequence_id() == 0 else 0.2
for epoch in range(1, 16):
    nni.report_intermediate_result(top - 0.1 / epoch)
nni.report_final_result(top)
"""
    exp = run(code, **assessed(epoch_num=12, optimize_mode="maximize"), maxTrialNumber=2)
    assert [trial.state for trial in exp.trials] == ["completed", "stopped"]
    assert (exp.trials[0].value, exp.trials[0].steps) == (0.9, 15)
    assert exp.trials[1].steps == 6
    assert "predicted to end at 0." in exp.trials[1].reason


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (advisor("Hyperband", R=0), r":\d+:5: advisor.classArgs.R: 0 must be at least 1"),
        (advisor("Hyperband", R=2.5), r"advisor.classArgs.R: 2.5 must be a whole number"),
        (advisor("Hyperband", eta=1), r":\d+:5: advisor.classArgs.eta: HyperBand\(reduction=1\): .* at least 2"),
        (advisor("Hyperband", exec_mode="paralel"), r"exec_mode: 'paralel' is no mode; did you mean 'parallelism'\?"),
        (advisor("Hyperband", max_budget=3), r"advisor.classArgs.max_budget: there is no such field; there are R,"),
        (advisor("BOHB", min_budget=9), r":\d+:5: advisor.classArgs.min_budget: Fidelity\('TRIAL_BUDGET', low=9, hi"),
        (advisor("BOHB", top_n_percent=100), r"top_n_percent: BOHB\(good_share=1.0\): it must be above 0 and below 1"),
        (advisor("BOHB", random_fraction="a"), r"advisor.classArgs.random_fraction: 'a' must be a number"),
        (advisor("BOHB", random_fraction=2), r"random_fraction: BOHB\(random_share=2.0\): it must be from 0 to 1"),
        (advisor("BOHB", num_samples=0), r"num_samples: 0 must be at least 1"),
        (advisor("BOHB", config_space="a.pcs"), r"config_space: the space is read from the search space alone; leave"),
        (advisor("BOHP"), r"advisor.name: there is no advisor 'BOHP'; did you mean 'BOHB'\?"),
        (pbt(None), r"config.yml:1:1: PBT needs to know how many steps its members have; write maxTrialNumber"),
        (pbt(population_size=1), r"tuner.classArgs.population_size: PBT\(population=1\): it must be a whole"),
        (pbt(factor=1), r":\d+:5: tuner.classArgs.factor: PBT\(perturb=0.0\): it must be a number above 0"),
        (pbt(fraction=0.7), r"tuner.classArgs.fraction: \w+\(quantile=0.7\): it must be a number above 0"),
        (pbt(resample_probability=-1), r"resample_probability: PBT\(resample=-1.0\): it must be a number from 0 to 1"),
        (pbt(popultion_size=1), r"popultion_size: there is no such field; did you mean 'population_size'\?"),
        (
            {**advisor("Hyperband"), "assessor": {"name": "Medianstop"}},
            r":\d+:1: assessor: the tuner decides by itself how long a trial runs; leave the assessor out",
        ),
        (assessed(epoch_num=0), r"assessor.classArgs.epoch_num: 0 must be at least 1"),
        (assessed(threshold=2), r":\d+:5: assessor.classArgs.threshold: CurveFitting\(threshold=2.0\): it must be"),
        (assessed(gap="often"), r"assessor.classArgs.gap: 'often' must be a whole number"),
        (assessed(epochs=3), r"assessor.classArgs.epochs: there is no such field; did you mean 'epoch_num'\?"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(read, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(**fields)


def test_the_folders_take_the_place_of_nothing_in_the_space(read) -> None:
    convert = read(**pbt()).convert
    assert convert({"x": 0.5}) == {"x": 0.5, "load_checkpoint_dir": "", "save_checkpoint_dir": ""}
    assert json.dumps(convert({"x": 0.5}))
