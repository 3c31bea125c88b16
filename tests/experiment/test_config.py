"""Config files: what they may say, and what is said about one that is wrong."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import lanista as la
from lanista.errors import ConfigError, UsageError
from lanista.experiment._arguments import seconds
from lanista.experiment._config import load_config
from lanista.experiment._yaml import read_yaml
from lanista.search import describe

HEAD = "name: exp\nobjective: work.py:f\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    code = "def f(trial):\n    return trial['x'] ** 2\n\nclass Box:\n    g = staticmethod(f)\n"
    for name in ("work.py", "work_as_module.py"):
        (tmp_path / name).write_text(code)
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yml"
    path.write_text(dedent(text))
    return path


def test_all_fields_reach_the_experiment_and_its_run(folder: Path) -> None:
    path = write(
        folder,
        """
        name: full
        space:
          lr: {float: [1e-5, 0.1], log: true}
          layers: {int: [1, 8], step: 1}
          noise: {normal: [0, 1]}
          optimizer:
            choice:
              sgd: {momentum: {float: [0, 0.99]}, nesterov: {choice: [true, false]}}
              adam:
            default: adam
          inputs: {subset: [a, b, c], min: 1}
          order: {permutation: [p, q]}
          epochs: 10
          shape: {constant: {width: 3}}
        where: ["layers < epochs or lr < 0.01"]
        metric: {loss: min, latency: max}
        searcher: random
        scheduler: {name: asha, max_steps: 9}
        store: here.db
        seed: 7
        objective: work.py:f
        trials: 1e2
        workers: 1
        executor: inline
        time_limit: 1h30m
        limits: {trial_time: 10m, target: 0.1, plateau: [5, 0.01]}
        retries: 2
        """,
    )
    config = load_config(path)
    space = config.experiment["space"]
    tree = la.Space(
        {
            "lr": la.Float(1e-5, 0.1, log=True),
            "layers": la.Int(1, 8),
            "noise": la.Normal(0, 1),
            "optimizer": la.Choice(
                {"sgd": {"momentum": la.Float(0, 0.99), "nesterov": la.Choice([True, False])}, "adam": {}},
                default="adam",
            ),
            "inputs": la.Subset(["a", "b", "c"], min=1),
            "order": la.Permutation(["p", "q"]),
            "epochs": 10,
            "shape": {"width": 3},
        }
    )
    assert space == tree.where("layers < epochs or lr < 0.01")
    given = {name: value for name, value in config.experiment.items() if name not in ("space", "searcher", "scheduler")}
    store = str(folder / "here.db")
    assert given == {"name": "full", "metric": {"loss": "min", "latency": "max"}, "store": store, "seed": 7}
    assert isinstance(config.experiment["searcher"], la.Random)
    assert config.experiment["scheduler"].max_steps == 9
    limits = la.Limits(trial_time=600, target=0.1, plateau=(5, 0.01), retries=2)
    assert config.run == {"trials": 100, "workers": 1, "executor": "inline", "time_limit": 5400.0, "limits": limits}
    assert config.objective({"x": 3}) == 9


def test_a_config_runs(folder: Path) -> None:
    config = load_config(write(folder, HEAD + "space: {x: {float: [-1, 1]}}\ntrials: 3\nstore: memory\n"))
    experiment = config.open().run(config.objective, progress=False, **config.run)
    assert len(experiment.trials) == 3


def test_resources_are_arguments_of_the_executor(folder: Path) -> None:
    config = load_config(
        write(folder, HEAD + "workers: 2\nresources: {cpus: 1, memory: 2GB}\ntrials: 3\nstore: memory\n")
    )
    assert repr(config.run["executor"]) == repr(la.Processes(2, cpus=1, memory="2GB"))
    assert "workers" not in config.run
    config = load_config(write(folder, HEAD + "workers: 2\nexecutor: {name: processes, gpus: 0.5}\n"))
    assert repr(config.run["executor"]) == repr(la.Processes(2, gpus=0.5))


def test_changes_take_the_place_of_fields(folder: Path) -> None:
    config = load_config(write(folder, HEAD + "trials: 3\n"), {"trials": 5, "name": "other"})
    assert (config.experiment["name"], config.run["trials"]) == ("other", 5)


def test_constraints_priors_and_other_names_of_searchers(folder: Path) -> None:
    path = write(
        folder,
        """
        name: bound
        space: {x: {float: [1e-5, 0.1], log: true, prior: 1e-3, confidence: high}}
        metric: loss
        constraints: {latency: "<= 10", accuracy: ">= 0.9"}
        searcher: {name: SMAC, startup: 5}
        store: memory
        objective: work.py:f
        limits: {improvement: 0.01}
        """,
    )
    config = load_config(path)
    exp = config.open()
    assert exp.history.constraints == {"latency": la.at_most(10), "accuracy": la.at_least(0.9)}
    assert exp.space.has_prior
    assert isinstance(exp.searcher, la.Forest)
    assert exp.searcher.startup == 5
    assert config.run["limits"] == la.Limits(improvement=0.01)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{name: asha, max_steps: {name: rows, low: 500, high: 50000, log: true}}",
            la.ASHA(la.Fidelity("rows", 500, 50_000, log=True)),
        ),
        (
            "{name: HyperBand, max_steps: {name: folds, low: 1, high: 10}, reduction: 2}",
            la.HyperBand(la.Fidelity("folds", 1, 10), reduction=2),
        ),
        ("{name: pbt, max_steps: 9, population: 4, perturb: [0.5, 2]}", la.PBT(9, population=4, perturb=(0.5, 2))),
        ("{name: curve-fitting, max_steps: 20}", la.CurveFitting(20)),
        ("[{name: asha, max_steps: 30}]", la.ASHA(30)),
    ],
)
def test_schedulers_come_with_their_arguments(folder: Path, text: str, expected: Any) -> None:
    scheduler = load_config(write(folder, HEAD + f"scheduler: {text}\n")).experiment["scheduler"]
    assert describe(scheduler) == describe(expected)
    assert getattr(scheduler, "fidelity", None) == getattr(expected, "fidelity", None)


def test_a_list_of_schedulers_is_one_and_further_rules(folder: Path) -> None:
    text = HEAD + "scheduler: [{name: asha, max_steps: 30}, {name: plateau, patience: 5}, {name: budget, limit: 99}]\n"
    found = load_config(write(folder, text)).experiment["scheduler"]
    assert isinstance(found, la.Combined)
    assert [describe(one) for one in (found.main, *found.rules)] == [
        describe(one) for one in (la.ASHA(30), la.Plateau(5), la.Budget(99.0))
    ]


def test_a_scheduler_may_stand_within_another(folder: Path) -> None:
    inner = "{name: asha, max_steps: {name: rows, low: 1, high: 9}, form: promotion}"
    text = HEAD + f"scheduler: {{name: resource-changing, most: {{cpus: 2}}, scheduler: {inner}}}\n"
    found = load_config(write(folder, text)).experiment["scheduler"]
    assert isinstance(found, la.ResourceChanging)
    assert (found.most, found.fidelity) == ({"cpus": 2}, la.Fidelity("rows", 1, 9))
    assert describe(found.scheduler) == describe(la.ASHA(la.Fidelity("rows", 1, 9), form="promotion"))


@pytest.mark.parametrize("objective", ["work.py:f", "work.py:Box.g", "work_as_module:f"])
def test_objectives_are_imported_from_the_folder_of_the_config(folder: Path, objective: str) -> None:
    config = load_config(write(folder, f"name: a\nobjective: {objective}\n"))
    assert config.objective({"x": 2}) == 4


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    values = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same_name.py").write_text(f"def f(trial):\n    return {name!r}\n")
        values.append(load_config(write(tmp_path / name, "name: a\nobjective: same_name.py:f\n")).objective(None))
    assert values == ["one", "two"]


def test_a_command_runs_in_the_folder_of_the_config(folder: Path) -> None:
    command = load_config(write(folder, "name: a\ncommand: [python, train.py, 3]\n")).objective
    assert command.template == ["python", "train.py", "3"]
    assert Path(command.cwd) == folder
    command = load_config(write(folder, "name: a\ncommand: {template: make, env: {A: b}, grace: 1}\n")).objective
    assert (command.template, command.env, command.grace) == ("make", {"A": "b"}, 1.0)


def test_a_space_may_stand_in_nni_s_file(folder: Path) -> None:
    (folder / "search_space.json").write_text('{"x": {"_type": "uniform", "_value": [0, 1]}}')
    config = load_config(write(folder, "name: a\ncommand: make\nspace: search_space.json\n"))
    assert config.experiment["space"].names == ("x",)
    assert config.objective.convert({"x": 0.5}) == {"x": 0.5}


def test_words_are_read_as_people_mean_them(tmp_path: Path) -> None:
    path = tmp_path / "words.yml"
    path.write_text("[1e-5, 1E3, .5, -2, no, on, true, null, '1', 12:30, 2020-01-01, .inf, 0x1F]")
    words = [1e-5, 1e3, 0.5, -2, "no", "on", True, None, "1", "12:30", "2020-01-01", float("inf"), "0x1F"]
    assert read_yaml(path).value == words


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\n\ttrials: 3\n", r":2:1: a tab stands here"),
        ("name: a\ntrials:\n\t- 3\n", r":3:1: a tab stands here"),
        ("name: [a\n", r":\d:\d: this is no YAML"),
        ("name: a: b\n", r":1:8: a ':' stands where none may"),
        ("name: a\ntrials: 3\nname: b\n", r":3:1: 'name' stands here twice, first in line 1"),
        ("name: a\n? [x]\n: 1\n", r":2:3: a key must be a single word"),
        ("name: !!python/object:os.system a\n", r"the tag .* is not understood"),
        ("- a\n", r":1:1: a config file is a mapping"),
        ("", r"a config file is a mapping"),
        ("trials: 3\n", r"the field 'name' is missing"),
        (HEAD + "trails: 3\n", r":3:1: trails: there is no field 'trails'; did you mean 'trials'\?"),
        (
            HEAD + "improvement: 0.1\n",
            r":3:1: improvement: 'improvement' is one of the limits; write limits: \{improvement: 0\.1\}",
        ),
        (HEAD + "callbacks: []\n", r"there is no field 'callbacks'"),
        (HEAD + "trials: many\n", r":3:1: trials: 'many' is a text; it must be a whole number"),
        (HEAD + "trials: 2.5\n", r"2.5 is a number; it must be a whole number"),
        (HEAD + "trials: true\n", r"True is a truth value; it must be a whole number"),
        (HEAD + "mode: up\n", r"'up' is a text; it must be 'min' or 'max'"),
        (HEAD + "metric: [loss]\n", r"\['loss'\] is a list; it must be a text or a mapping"),
        (HEAD + "time_limit: soon\n", r":3:1: time_limit: 'soon' is no length of time"),
        (HEAD + "searcher: tpa\n", r":3:1: searcher: 'tpa' is not known; did you mean 'tpe'\?"),
        (HEAD + "searcher: [tpe]\n", r"is no searcher; write its name"),
        (HEAD + "scheduler: {name: asha, max_step: 3}\n", r":3:25: .*takes no 'max_step'; did you mean 'max_steps'\?"),
        (
            HEAD + "scheduler: {name: asha, max_steps: x}\n",
            r"max_steps: 'x' is a text; it must be a whole number or a mapping with name, low, high, log",
        ),
        (
            HEAD + "scheduler: {name: asha, max_steps: {name: rows, low: 5}}\n",
            r":3:25: scheduler.max_steps: a Fidelity needs 'high'",
        ),
        (
            HEAD + "scheduler: {name: asha, max_steps: {name: rows, low: 5, hihg: 9}}\n",
            r":3:57: scheduler.max_steps.hihg: a Fidelity takes no 'hihg'; did you mean 'high'\?",
        ),
        (
            HEAD + "scheduler: {name: asha, max_steps: {name: rows, low: 5.5, high: 9}}\n",
            r":3:49: scheduler.max_steps.low: 5.5 is a number; it must be a whole number",
        ),
        (
            HEAD + "scheduler: {name: asha, max_steps: {name: rows, low: 50, high: 9}}\n",
            r":3:49: scheduler.max_steps.low: Fidelity\('rows', low=50, high=9\): 1 <= low <= high must hold",
        ),
        (
            HEAD + "scheduler: {name: pbt, max_steps: {name: rows, low: 5, high: 9}}\n",
            r":3:24: scheduler.max_steps: .* is a mapping; it must be a whole number",
        ),
        (
            HEAD + "scheduler:\n- {name: asha, max_steps: 30}\n- {name: plato, patience: 5}\n",
            r":5:4: scheduler.1.name: 'plato' is not known; did you mean 'plateau'\?",
        ),
        (
            HEAD + "scheduler:\n- {name: asha, max_steps: 30}\n- {name: plateau, patience: 0}\n",
            r":5:19: scheduler.1.patience: Plateau\(patience=0\): it must be a whole number",
        ),
        (HEAD + "scheduler: [{name: asha, max_steps: 30}, plateau]\n", r":3:42: scheduler.1: .* needs 'patience'"),
        (HEAD + "scheduler: [fifo, 3]\n", r":3:19: scheduler.1: 3 is no scheduler; write its name"),
        (HEAD + "scheduler: []\n", r":3:1: scheduler: \[\] is no scheduler; write its name"),
        (
            HEAD + "scheduler: {name: resource-changing, most: {cpus: 2}}\n",
            r":3:1: scheduler: scheduler 'resource-changing' needs 'scheduler'; write "
            r"{name: resource-changing, most: ..., scheduler: ...}",
        ),
        (
            HEAD + "scheduler: {name: resource-changing, most: {cpus: 2}, scheduler: {name: asha, max_step: 9}}\n",
            r":3:79: scheduler.scheduler.max_step: .*takes no 'max_step'; did you mean 'max_steps'\?",
        ),
        (
            HEAD + "scheduler: {name: resource-changing, most: {cpu: 2}, scheduler: fifo}\n",
            r":3:38: scheduler.most: ResourceChanging\(most=.*cpu",
        ),
        (HEAD + "scheduler: {name: median, scheduler: fifo}\n", r":3:27: .*'median' takes no 'scheduler'"),
        (HEAD + "searcher: hyperband\n", r":3:1: searcher: 'hyperband': it is a scheduler here: give scheduler='hyper"),
        (HEAD + "scheduler: bohb\n", r":3:1: scheduler: 'bohb': it is two things here: searcher='bohb' with sched"),
        (
            HEAD + "scheduler: asha\n",
            r":3:1: scheduler: scheduler 'asha' needs 'max_steps'; write {name: asha, max_steps: ...}",
        ),
        (HEAD + "scheduler:\n  name: asha\n  max_steps: 0\n", r":\d:\d+: scheduler.*max_steps=0\): it must be a whole"),
        (
            HEAD + "searcher: NetworkMorphism\n",
            r":3:1: searcher: 'NetworkMorphism': it grows networks of its own making",
        ),
        (HEAD + "constraints: {a: 3}\n", r":3:\d+: constraints: .*is no bound; write la.at_most\(10\)"),
        (HEAD + "executor: process\n", r"there is no executor 'process'; did you mean 'processes'\?"),
        (HEAD + "resources: {cpu: 2}\n", r":3:13: resources.cpu: .*takes no 'cpu'; did you mean 'cpus'\?"),
        (HEAD + "executor: inline\nresources: {cpus: 2}\n", r"executor 'inline' takes no 'cpus'"),
        (
            HEAD + "limits: {trial: 3}\n",
            r":3:10: limits.trial: limits takes no 'trial'; did you mean '(trials|trial_time)'\?",
        ),
        (HEAD + "limits: {trials: -3}\n", r":3:10: limits.trials: limit trials=-3.* must be a number above 0"),
        (HEAD + "limits: 3\n", r"limits are a mapping"),
        (HEAD + "where: [a < b]\n", r":3:1: where: conditions need a space"),
        (HEAD + "space: {x: {flaot: [0, 1]}}\n", r":3:9: space.x: .*'flaot' is none: did you mean 'float'\?"),
        (
            HEAD + "space: {x: {float: [0, 1], lgo: true}}\n",
            r":3:28: space.x.lgo: float takes no 'lgo'; did you mean 'log'\?",
        ),
        (HEAD + "space: {x: {float: [0, 1], int: [0, 1]}}\n", r"one domain, this one has float and int"),
        (HEAD + "space: {x: {float: 1}}\n", r"float takes \[low, high\], got 1"),
        (HEAD + "space:\n  x:\n    float: [2, 1]\n", r":4:3: space.x: .*"),
        (HEAD + "space: {x: {float: [0, 1], log: true}}\n", r"space.x: .*log"),
        (HEAD + "space: {x: {choice: [a, a]}}\n", r"space.x: .*'a'"),
        (HEAD + "space: {x: {_type: uniform, _value: [0, 1]}}\n", r"NNI's form of a space"),
        (HEAD + "space: {x: {choice: {a: {y: {flot: [0, 1]}}}}}\n", r"space.x.choice.a.y: .*did you mean 'float'"),
        (HEAD + "space: {1: {float: [0, 1]}}\n", r"the parameter's name 1 is no text"),
        (HEAD + "space: [x]\n", r"is no space"),
        (HEAD + "space: nowhere.json\n", r"there is no file .*nowhere.json"),
        (HEAD + "space: {x: {float: [0, 1]}}\nwhere: ['x < z']\n", r":4:\d+: where.0: .*z"),
        ("name: a\n", r"neither 'command' nor 'objective' stands here"),
        (HEAD + "command: make\n", r"both 'command' and 'objective' stand here"),
        ("name: a\nobjective: work.py\n", r":2:1: objective: 'work.py' names no objective"),
        ("name: a\nobjective: wrok.py:f\n", r"objective: there is no file .*wrok.py"),
        ("name: a\nobjective: work.py:ff\n", r"objective: 'work.py' has no 'ff'; did you mean 'f'\?"),
        ("name: a\nobjective: no_such_module_here:f\n", r"importing .* failed with ModuleNotFoundError"),
        ("name: a\ncommand: ''\n", r":2:1: command: the command is empty"),
        ("name: a\ncommand: {templat: make}\n", r"command takes no 'templat'; did you mean 'template'\?"),
        ("name: a\ncommand: {env: {}}\n", r"command needs 'template'"),
        ("name: a\ncommand: 3\n", r"command.* it must be a text or a list"),
        ("name: a\ncommand: 'run {'\n", r":2:1: command: .*brace"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_the_place_and_the_mend(folder: Path, text: str, message: str) -> None:
    path = folder / "config.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path)) or "there is no file" in str(caught.value)


def test_a_missing_or_unreadable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no file .*none\.yml"):
        load_config(tmp_path / "none.yml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)
    (tmp_path / "latin.yml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ConfigError, match="byte 9 is not UTF-8"):
        load_config(tmp_path / "latin.yml")


def test_an_alias_that_contains_itself_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "loop.yml").write_text("a: &a [*a]\n")
    with pytest.raises(ConfigError, match="nested more than"):
        read_yaml(tmp_path / "loop.yml")


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90), ("90s", 90), ("1.5m", 90), ("1h 30m", 5400), ("2d", 172800), (3, 3), ("10min", 600)]
)
def test_lengths_of_time(text: Any, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "h", "5 parsecs", "1h30", "1h soon"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(UsageError, match="is no length of time"):
        seconds(text)
