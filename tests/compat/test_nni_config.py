import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lanista.compat import NniExperiment, is_nni_config, read_nni_config
from lanista.errors import ConfigError
from lanista.schedule import MedianStopping
from lanista.search import describe
from lanista.space import Choice, Float
from lanista.trial import Job, as_objective

SPACE = {
    "lr": {"_type": "loguniform", "_value": [0.0001, 0.1]},
    "layer": {"_type": "choice", "_value": [{"_name": "conv", "size": {"_type": "choice", "_value": [3, 5]}}, "none"]},
}
V1: dict[str, Any] = {
    "authorName": "me",
    "experimentName": "mnist",
    "trialConcurrency": 3,
    "maxExecDuration": "1h",
    "maxTrialNum": 10,
    "trainingServicePlatform": "local",
    "searchSpacePath": "space.json",
    "useAnnotation": False,
    "tuner": {"builtinTunerName": "TPE", "classArgs": {"optimize_mode": "minimize"}},
    "trial": {"command": "python3 mnist.py", "codeDir": "code", "gpuNum": 1},
    "localConfig": {"maxTrialNumPerGpu": 2, "useActiveGpu": True},
}
V2: dict[str, Any] = {
    "experimentName": "mnist",
    "searchSpaceFile": "space.json",
    "trialCommand": "python3 mnist.py",
    "trialCodeDirectory": "code",
    "trialGpuNumber": 1,
    "trialConcurrency": 3,
    "maxExperimentDuration": "0.5h",
    "maxTrialDuration": "10m",
    "maxTrialNumber": 10,
    "tuner": {"name": "TPE", "classArgs": {"optimize_mode": "minimize", "seed": 3}},
    "assessor": {"name": "Medianstop", "classArgs": {"start_step": 4}},
    "trainingService": {"platform": "local", "useActiveGpu": True, "maxTrialNumberPerGpu": 2},
}


@pytest.fixture
def read(tmp_path: Path):
    """Reads a config with some fields changed (`field=...` or `"section.field": ...`), None to leave one out."""

    def read_one(base: dict[str, Any], changes: dict[str, Any] | None = None, space: Any = SPACE) -> NniExperiment:
        config = json.loads(json.dumps(base))
        for name, value in (changes or {}).items():
            *way, last = name.split(".")
            at = config
            for part in way:
                at = at.setdefault(part, {})
            at[last] = value
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "space.json").write_text(json.dumps(space))
        path = tmp_path / "config.yml"
        path.write_text(
            yaml.safe_dump({name: value for name, value in config.items() if value is not None}, sort_keys=False)
        )
        return read_nni_config(path)

    return read_one


def run(found: NniExperiment, params: dict[str, Any], tmp_path: Path, seen: list[Any]) -> None:
    """Runs the command of a config once, for its side effects and facts."""

    class Link:
        def send(self, event: Any) -> None:
            seen.append(event)

        def report(self, event: Any) -> Any:
            raise AssertionError(event)

    directory = str(tmp_path / "exp" / "trials" / "2")
    job = Job(number=2, params=params, attempt=1, seed=0, directory=directory, metrics=("default",))
    as_objective(found.command).run([job], Link())


def test_version_1_is_read(read, tmp_path: Path) -> None:
    found = read(V1)
    assert (found.name, found.metric, found.mode) == ("mnist", "default", "min")
    assert (found.searcher, found.scheduler, found.seed) == ("tpe", None, None)
    assert (found.trials, found.workers, found.time_limit, found.trial_time) == (10, 3, 3600.0, None)
    assert found.gpus == 0.5
    assert found.cwd == str((tmp_path / "code").resolve())
    assert set(found.space.names) == {"lr", "layer", "layer/size"}
    assert found.convert({"lr": 0.01, "layer": "conv", "layer/size": 3}) == {
        "lr": 0.01,
        "layer": {"_name": "conv", "size": 3},
    }
    assert found.notes == ("ignored: localConfig.useActiveGpu",)


def test_version_2_is_read(read, tmp_path: Path) -> None:
    found = read(V2)
    assert (found.name, found.metric, found.mode, found.seed) == ("mnist", "default", "min", 3)
    assert isinstance(found.scheduler, MedianStopping)
    assert found.scheduler.grace_steps == 4
    assert (found.trials, found.workers, found.time_limit, found.trial_time) == (10, 3, 1800.0, 600.0)
    assert found.gpus == 0.5
    assert found.cwd == str((tmp_path / "code").resolve())
    assert set(found.space.names) == {"lr", "layer", "layer/size"}


def test_little_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(
        "searchSpace:\n  lr: {_type: uniform, _value: [1e-5, 0.1]}\ntrialCommand: 'true'\ntuner: {name: random}\n"
        "trialConcurrency: 1\ntrainingService:\n  platform: local\n"
    )
    found = read_nni_config(path)
    assert found.name == tmp_path.name
    assert found.space.parameters[0].domain == Float(1e-5, 0.1)
    assert (found.mode, found.searcher, found.workers, found.trials, found.gpus) == ("max", "random", 1, None, None)
    assert found.cwd == str(tmp_path.resolve())


def test_names_in_snake_case_are_taken(read) -> None:
    renamed = {"trial_command": "true", "trialCommand": None, "max_trial_number": 4, "maxTrialNumber": None}
    assert read(V2, renamed).trials == 4


@pytest.mark.parametrize(
    ("tuner", "searcher"),
    [
        ("tpe", "tpe"),
        ("Random", "random"),
        ("GridSearch", "grid"),
        ("Evolution", "evolution"),
        ("RegularizedEvolutionTuner", "evolution"),
        ("Anneal", "anneal"),
        ("SMAC", "forest"),
        ("SMACTuner", "forest"),
        ("GP", "gp"),
        ("GPTuner", "gp"),
        ("MetisTuner", "gp"),
        ("Metis", "gp"),
        ("DNGO", "dngo"),
        ("DNGOTuner", "dngo"),
        ("PPO", "ppo"),
    ],
)
def test_tuners_have_their_searchers(read, tuner: str, searcher: str) -> None:
    found = read(V2, {"tuner": {"name": tuner, "classArgs": {"optimize_mode": "minimize"}}})
    assert (found.searcher, found.mode) == (searcher, "min")
    assert callable(found.open(store="memory").run)


@pytest.mark.parametrize(
    ("tuner", "arguments", "expected"),
    [
        ("Evolution", {"population_size": 7}, "RegularizedEvolution(population=7, sample=7)"),
        ("RegularizedEvolution", {"population_size": 90, "sample_size": 20}, "population=90, sample=20"),
        ("GP", {"cold_start_num": 12, "utility": "ei", "nu": 2.5, "kappa": 5}, "GP(startup=12)"),
        ("PPOTuner", {"trials_per_update": 12, "lr": 0.1}, "PPO(batch=12)"),
        ("Metis", {"cold_start_num": 5, "exploration_probability": 0.9}, "GP(startup=5)"),
    ],
)
def test_arguments_that_mean_the_same_are_kept(read, tuner: str, arguments: dict[str, Any], expected: str) -> None:
    found = read(V2, {"tuner": {"name": tuner, "classArgs": arguments}, "assessor": None})
    assert expected in describe(found.searcher)


def test_arguments_of_tpe_that_mean_the_same_are_kept(read) -> None:
    args = {"n_startup_jobs": 5, "n_ei_candidates": 100, "gamma": 0.3}
    found = read(V2, {"tuner": {"name": "TPE", "classArgs": {"tpe_args": args}}})
    assert (found.searcher.startup, found.searcher.candidates) == (5, 100)
    assert "ignored: tuner.classArgs.tpe_args.gamma" in found.notes


@pytest.mark.parametrize("points", [[{"x": 1, "y": "a"}, {"x": 2, "y": "a"}], [{"x": 1}, {"y": 2}]])
def test_a_batch_is_run_in_its_order(read, points: list[dict[str, Any]]) -> None:
    space = {"combine_params": {"_type": "choice", "_value": points}}
    found = read(V1, {"tuner": {"builtinTunerName": "BatchTuner"}}, space)
    proposed = found.searcher.configurations
    assert [found.convert(found.space.check(params)) for params in proposed] == points


def test_a_batch_of_another_form_is_refused(read) -> None:
    with pytest.raises(
        ConfigError, match=r"config.yml:\d+:1: searchSpacePath: space.json: the BatchTuner takes a list of"
    ):
        read(V1, {"tuner": {"builtinTunerName": "BatchTuner"}})


@pytest.mark.parametrize("name", ["NetworkMorphism", "NetworkMorphismTuner"])
def test_tuners_of_later_say_what_to_take(read, name: str) -> None:
    with pytest.raises(
        ConfigError,
        match=rf"config.yml:\d+:\d+: tuner.name: the tuner '{name}': it grows networks of its own making",
    ):
        read(V2, {"tuner": {"name": name}})


def test_an_advisor_is_a_tuner(read) -> None:
    assert read(V1, {"tuner": None, "advisor": {"builtinAdvisorName": "Random"}}).searcher == "random"
    with pytest.raises(
        ConfigError, match=r"advisor.builtinAdvisorName: the advisor 'NetworkMorphism': it grows networks of its own"
    ):
        read(V1, {"tuner": None, "advisor": {"builtinAdvisorName": "NetworkMorphism"}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tuner": {"name": "TPF"}}, r"tuner.name: there is no tuner 'TPF'; did you mean 'TPE'\?"),
        (
            {"tuner.classArgs.tpe_args": {"n_startup_job": 5}},
            r"tpe_args.n_startup_job: there is no such field; did you mean 'n_startup_jobs'\?",
        ),
        (
            {"tuner": {"name": "GP", "classArgs": {"utility": "ucb"}}},
            r"utility: 'ucb' is not to be had: the GP here maximises the expected improvement; leave the field out",
        ),
        ({"tuner": {"name": "GP", "classArgs": {"nu": 1.5}}}, r"nu: 1.5 is not to be had: the GP's kernel here is Mat"),
        (
            {"tuner": {"name": "RegularizedEvolution", "classArgs": {"population_size": 5, "sample_size": 9}}},
            r"population_size: RegularizedEvolution\(population=5, sample=9\): the sample must not be the larger one",
        ),
        ({"tuner": None}, r"config.yml:1:1: the field 'tuner' is missing; write tuner: \{name: TPE\}"),
        ({"tuner": {"className": "mine.Tuner"}}, r"tuner.className: tuners of one's own are written in Python here"),
        ({"tuner": {"classArgs": {}, "gpuIndices": 0}}, r"the tuner has no name; write name: TPE"),
        (
            {"tuner.classArgs.optimize_mode": "maximise"},
            r"optimize_mode: 'maximise' is no direction; did you mean 'maximize'\?",
        ),
        ({"assessor": {"name": "Mean"}}, r"there is no assessor 'Mean'; did you mean 'Medianstop'"),
        (
            {"assessor.classArgs.optimize_mode": "maximize"},
            r"assessor.classArgs.optimize_mode: the tuner goes the other way",
        ),
        (
            {"trainingService": {"platform": "remote"}},
            r"trainingService.platform: the platform 'remote' is not supported; write local",
        ),
        ({"trainingService": [{"platform": "local"}]}, r"trainingService: trials run on this machine"),
        (
            {"useAnnotation": True},
            r"useAnnotation: annotations in comments are not read; call nni.get_next_parameter\(\)",
        ),
        ({"experimentType": "nas"}, r"experimentType: 'nas' experiments are not read"),
        ({"sharedStorage": {"storageType": "NFS"}}, r"sharedStorage: trials run on this machine"),
        ({"maxTrialNumbr": 5}, r"maxTrialNumbr: there is no such field; did you mean 'maxTrialNumber'\?"),
        ({"maxTrialNumber": "many"}, r"maxTrialNumber: 'many' must be a whole number"),
        ({"maxTrialNumber": 0}, r"maxTrialNumber: 0 must be at least 1"),
        ({"maxExperimentDuration": "1 hour"}, r"maxExperimentDuration: '1 hour' is no length of time"),
        ({"maxTrialDuration": "0s"}, r"maxTrialDuration: '0s' must be above 0"),
        ({"trialCommand": None}, r"the field 'trialCommand' is missing"),
        ({"trialCodeDirectory": "nowhere"}, r"trialCodeDirectory: there is no folder '.*nowhere' for the trials"),
        ({"searchSpaceFile": "nowhere.json"}, r"there is no file .*nowhere.json"),
        ({"searchSpaceFile": None}, r"neither searchSpaceFile nor searchSpace stands here; give one of them"),
        ({"searchSpace": {}}, r"both a file and a searchSpace stand here; give one of them"),
        ({"tuner": "TPE"}, r"tuner: 'TPE' must be a mapping of fields"),
        ({"experimentName": "a/b"}, r"experimentName: 'a/b' names a folder too"),
        ({"advisor": {"name": "BOHB"}}, r"advisor: both a tuner and an advisor stand here"),
    ],
)
def test_what_cannot_be_done_is_named_with_its_mend(read, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(V2, changes)


@pytest.mark.parametrize("platform", ["remote", "pai", "kubeflow"])
def test_platforms_of_version_1_are_refused(read, platform: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"config.yml:6:1: trainingServicePlatform: the platform '{platform}' is not supported"
    ):
        read(V1, {"trainingServicePlatform": platform, "machineList": []})


def test_a_wrong_space_is_named_with_its_file(read) -> None:
    with pytest.raises(
        ConfigError, match=r"searchSpaceFile: space.json: NNI parameter 'lr' has the unknown _type 'unifrom'"
    ):
        read(V2, space={"lr": {"_type": "unifrom", "_value": [0, 1]}})


def test_a_space_that_is_no_json_is_named(read, tmp_path: Path) -> None:
    read(V2)
    (tmp_path / "space.json").write_text("{")
    with pytest.raises(ConfigError, match=r"space.json: this is no JSON"):
        read_nni_config(tmp_path / "config.yml")


def test_harmless_fields_are_noted(read) -> None:
    found = read(
        V2,
        {
            "description": "mine",
            "nniManagerIp": "10.0.0.1",
            "debug": False,
            "logLevel": "info",
            "tuner.classArgs.tpe_args": {"gamma": 0.25},
            "trainingService.gpuIndices": [0, 1],
            "trialGpuNumber": 2,
        },
    )
    assert found.notes == (
        "ignored: nniManagerIp",
        "ignored: debug",
        "ignored: logLevel",
        "ignored: trainingService.useActiveGpu",
        "ignored: trainingService.gpuIndices; set CUDA_VISIBLE_DEVICES when you start the run",
        "ignored: tuner.classArgs.tpe_args.gamma",
        "ignored: 2 trials to a GPU, since each trial takes 2 whole GPUs",
    )
    assert found.gpus == 2.0


def test_files_of_nni_are_told_from_ours() -> None:
    assert is_nni_config(V1)
    assert is_nni_config(V2)
    assert is_nni_config({"trial_command": "x"})
    assert not is_nni_config({"name": "digits", "space": {}, "command": "x", "trials": 3})
    assert not is_nni_config([])


def test_the_command_runs_as_in_nni(read, tmp_path: Path) -> None:
    code = 'env | grep ^NNI_ | sort >env; echo "${{CUDA_VISIBLE_DEVICES-unset}} {x} [$0]" >out; [[ 1 == 1 ]]'.replace(
        "{{", "{"
    ).replace("}}", "}")
    found = read(V1, {"trial.command": code, "trial.gpuNum": 0, "experimentName": "a {b}'s"})
    run(found, {"lr": 0.01, "layer": "none"}, tmp_path, seen := [])
    assert (tmp_path / "code" / "out").read_text() == " {x} [/usr/bin/bash]\n".replace(
        "/usr/bin/bash", str(found.command.shell)
    )
    assert (tmp_path / "code" / "env").read_text().splitlines() == [
        "NNI_CODE_DIR=.",
        "NNI_EXP_ID=a {b}'s",
        f"NNI_OUTPUT_DIR={tmp_path / 'exp' / 'trials' / '2'}",
        "NNI_PLATFORM=local",
        f"NNI_SYS_DIR={tmp_path / 'exp' / 'trials' / '2'}",
        "NNI_TRIAL_JOB_ID=a {b}'s-2",
        "NNI_TRIAL_SEQ_ID=2",
    ]
    assert json.loads((tmp_path / "exp" / "trials" / "2" / "params.json").read_text()) == {
        "lr": 0.01,
        "layer": "none",
    } | {"layer": found.convert({"lr": 0.01, "layer": "none"})["layer"]}
    assert len(seen) == 1


def test_options_stay_what_they_are(read) -> None:
    found = read(V2, space={"x": {"_type": "choice", "_value": [1, 2.5, "a", True]}})
    assert found.space.parameters[0].domain == Choice([1, 2.5, "a", True])
