"""lanista work: helping a run that another process began."""

import subprocess
import sys
from pathlib import Path

import pytest

import lanista as la

SPACE = {"x": la.Float(-1, 1)}
WORK = """
import lanista as la

def f(trial):
    return trial["x"] ** 2

def other(trial):
    return trial["x"] ** 2 + 10

def pairs(trials):
    assert len(trials) <= 2
    return [trial["x"] for trial in trials]

def slow(trial):
    for step in range(3):
        trial.report(loss=trial["x"] ** 2 + step)

def saves(trial):
    trial.save([trial.number])
    trial.report(loss=trial["x"] ** 2)

fails = lambda trial: trial["x"] ** 2

class Curve(la.Trainable):
    max_steps = 2

    def setup(self, trial):
        self.x = trial["x"]

    def step(self):
        return {"loss": self.x ** 2}

class Halfway:
    def __init__(self, at=0.5):
        self.at = at

    def ask(self, history, count, rng):
        return [{"x": self.at}] * count
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A module `work` in the current folder."""
    (tmp_path / "work.py").write_text(WORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "work", raising=False)
    import work as module

    yield module
    sys.modules.pop("work", None)


def begin(objective, *, ended=2, then=None, trials=6, experiment=None, **run):
    """A run of `trials` trials that somebody stops when some have ended."""

    def hear(exp, event):
        if isinstance(event, la.journal.Ended) and exp.history.ended == ended:
            (then or exp.stop)()

    exp = experiment or la.Experiment("shared", SPACE, "loss", searcher="random", seed=1)
    return exp.run(objective, trials=trials, progress=False, callbacks=[hear], **run)


def undisturbed(objective, **given):
    """The same experiment without a stop, in memory."""
    exp = la.Experiment("alone", SPACE, "loss", store="memory", seed=1, **given)
    return exp.run(objective, trials=6, progress=False)


def test_it_goes_on_as_the_run_would_have(lanista, work, tmp_path) -> None:
    given = {"searcher": la.TPE(startup=3), "scheduler": la.ASHA(3, reduction=2)}
    begin(work.slow, experiment=la.Experiment("shared", SPACE, "loss", seed=1, **given))
    result = lanista("work", "shared")
    assert (result.code, result.err) == (0, "")
    assert result.lines[0].startswith(f"works on 'shared': work.py:slow in {tmp_path}, with TPE(startup=3) and ASHA(")
    assert result.lines[0].endswith("up to 6 trials")
    assert "shared: all 6 trials are done" in result.out
    trials, expected = la.Experiment.load("shared").trials, undisturbed(work.slow, **given).trials
    assert [(t.params, t.state, t.value) for t in trials] == [(t.params, t.state, t.value) for t in expected]


class Built(la.space.Group):
    tree = SPACE

    def build(self, params):
        return params


def test_what_a_space_builds_is_known_to_the_program_that_made_it_only(lanista, work) -> None:
    begin(work.f, experiment=la.Experiment("shared", {"x": la.Float(0, 1), "net": Built()}, "loss", seed=1))
    result = lanista("work", "shared")
    assert result.code != 0
    assert "the space of 'shared' builds 'net'" in result.err
    assert "run that program on this machine, too" in result.err


def test_a_finished_experiment_is_left_at_once(lanista, work) -> None:
    begin(work.f, ended=99)
    result = lanista("work", "shared", "--quiet")
    assert result == (0, "", "")
    assert len(la.Experiment.load("shared").trials) == 6


def test_classes_cohorts_and_workers(lanista, work) -> None:
    begin(work.Curve)
    assert lanista("work", "shared", "--workers", 2).code == 0
    assert [trial.steps for trial in la.Experiment.load("shared").trials] == [2] * 6
    begin(work.pairs, cohort=2, experiment=la.Experiment("pairs", SPACE, "loss"))
    assert lanista("work", "pairs").code == 0
    assert len(la.Experiment.load("pairs").trials) == 6


def test_limits_are_those_of_the_run_as_they_were_set_since(lanista, work) -> None:
    exp = la.Experiment("shared", SPACE, "loss", seed=1)

    def then():
        exp.set(trials=4, failures=None)
        exp.stop()

    begin(work.f, then=then, experiment=exp, limits=la.Limits(retries=1))
    assert lanista("work", "shared").lines[0].endswith("up to 4 trials")
    assert len(exp.trials) == 4


def test_it_leaves_after_so_many_trials_or_so_long(lanista, work) -> None:
    begin(work.f)
    result = lanista("work", "shared", "--count", 1)
    assert result.code == 0
    assert "shared: took 1 trial, as many as it was to take" in result.out
    assert lanista("work", "shared", "--count", 2, "--workers", 2).code == 0
    assert len(la.Experiment.load("shared").trials) == 5
    assert "time limit of 1e-09 s reached" in lanista("work", "shared", "--time-limit", "1e-9").out
    assert "up to 6 trials" in lanista("work", "shared").lines[0]  # what was theirs is not handed on
    assert len(la.Experiment.load("shared").trials) == 6
    assert "count=0 must be a whole number from 1" in lanista("work", "shared", "--count", 0).err


@pytest.mark.parametrize("what", ["work.py:other", "work:other", "config.yml"])
def test_the_objective_can_be_named(lanista, work, tmp_path, what) -> None:
    begin(lambda trial: trial["x"] ** 2)
    (tmp_path / "config.yml").write_text("name: any\nobjective: work.py:other\n")
    assert lanista("work", "shared", "--objective", what).code == 0
    assert [trial.value > 5 for trial in la.Experiment.load("shared").trials] == [False] * 2 + [True] * 4


def test_nni_s_config_names_it_too(lanista, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("script.py").write_text(
        "from lanista.compat import nni\np = nni.get_next_parameter()\nnni.report_final_result(p['x'])\n"
    )
    Path("search_space.json").write_text('{"x": {"_type": "choice", "_value": [1, 2, 3]}}')
    Path("config.yml").write_text(
        "experimentName: walk\ntrialConcurrency: 1\nmaxTrialNumber: 1\nsearchSpaceFile: search_space.json\n"
        f"trialCommand: {sys.executable} script.py\ntrialCodeDirectory: .\ntrainingService: {{platform: local}}\n"
        "tuner: {name: Random}\n"
    )
    assert lanista("run", "config.yml").code == 0
    exp = la.Experiment.load("walk")
    exp.enqueue({"x": 3})
    result = lanista("work", "walk")
    assert (result.code, result.err[:11]) == (1, "error LA300")
    assert "in NNI's form" in result.err
    assert "--objective config.yml" in result.err
    assert lanista("work", "walk", "--objective", "config.yml").code == 0
    assert exp.trials[1].value == 3


def test_an_objective_without_a_name_has_to_be_named(lanista, work, tmp_path) -> None:
    for name, objective, told in (
        ("a", lambda trial: 1.0, f"'a' runs a lambda of {__file__}, which cannot be imported by name"),
        ("b", work.fails, "'b' runs a lambda"),
        ("c", begin_within(), "'c' runs inner, a function within a function"),
        ("d", la.Experiment.load, "'d' runs Experiment.load of "),
    ):
        exp = la.Experiment(name, SPACE, "loss")
        begin(objective, experiment=exp, ended=1, limits=la.Limits(failures=None))
        result = lanista("work", name)
        assert result.code == 1
        assert told in result.err
        assert f"lanista work {name} --objective " in result.err


def begin_within():
    def inner(trial):
        return 1.0

    return inner


def test_a_function_of_a_script_is_named_by_its_file(lanista, tmp_path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import lanista as la\ndef train(trial):\n    return trial['x']\n"
        "if __name__ == '__main__':\n"
        "    exp = la.Experiment('shared', {'x': la.Float(0, 1)}, 'loss')\n"
        "    exp.run(train, trials=3, progress=False, callbacks=[lambda exp, event: exp.history.ended or exp.stop()])\n"
    )
    subprocess.run([sys.executable, script], check=True)
    result = lanista("work", "shared")
    assert result.code == 1
    assert f"'shared' runs train of {script}, which cannot be imported by name" in result.err
    assert result.err.endswith("lanista work shared --objective train.py:train\n")
    assert lanista("work", "shared", "--objective", f"{script}:train").code == 0
    assert len(la.Experiment.load("shared").trials) == 3


def test_code_that_is_elsewhere_is_an_error_that_says_so(lanista, work, tmp_path, monkeypatch) -> None:
    begin(work.f)
    code = (tmp_path / "work.py").read_text()
    (tmp_path / "work.py").unlink()
    result = lanista("work", "shared")
    assert result.code == 2
    assert f"there is no file {tmp_path / 'work.py'}; start it in the folder that holds the code" in result.err
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "work.py").write_text(code)
    monkeypatch.chdir(tmp_path / "copy")
    result = lanista("work", "shared")
    assert result.code == 0
    assert result.lines[0].startswith(f"works on 'shared': work.py:f in {tmp_path / 'copy'},")


def test_code_is_looked_for_here_where_its_folder_holds_other_things(lanista, tmp_path, monkeypatch) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    (there / "wandering").mkdir(parents=True)
    (there / "wandering" / "code.py").write_text("def f(trial):\n    return trial['x']\n")
    (there / "go.py").write_text(
        "import lanista as la\nfrom wandering.code import f\n"
        "la.Experiment('shared', {'x': la.Float(0, 1)}, 'loss').run(f, trials=1, progress=False)\n"
    )
    subprocess.run([sys.executable, there / "go.py"], check=True)
    here.mkdir()
    (there / "wandering").rename(here / "wandering")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(here)
    result = lanista("work", "shared")
    assert (result.code, result.err) == (0, "")
    assert result.lines[0].startswith(f"works on 'shared': wandering.code:f in {here},")


def test_what_is_to_be_typed_can_be_typed(lanista, work, tmp_path) -> None:
    store = tmp_path / "other.db"
    la.Experiment("my runs", SPACE, "loss", store=store)
    told = lanista("work", "my runs", "--store", store).err
    assert f"name it: lanista work 'my runs' --store {store} --objective train.py:train" in told


def test_checkpoints_live_where_the_run_had_them_last(lanista, work, tmp_path) -> None:
    la.Experiment("shared", SPACE, "loss", checkpoints=tmp_path / "old")
    begin(work.saves, experiment=la.Experiment("shared", checkpoints=tmp_path / "new"))
    assert lanista("work", "shared").code == 0
    assert {path.parts[-3] for path in tmp_path.glob("*/*/trial-*")} == {"new"}


def test_a_function_of_a_package_is_found_from_the_folder_around_it(lanista, tmp_path, monkeypatch) -> None:
    package = tmp_path / "mine" / "deep"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "code.py").write_text("def f(trial):\n    return trial['x']\n")
    (tmp_path / "go.py").write_text(
        "import lanista as la\nfrom mine.deep.code import f\n"
        "exp = la.Experiment('shared', {'x': la.Float(0, 1)}, 'loss')\n"
        "exp.run(f, trials=3, progress=False, callbacks=[lambda exp, event: exp.history.ended or exp.stop()])\n"
    )
    subprocess.run([sys.executable, tmp_path / "go.py"], check=True)
    monkeypatch.setattr(sys, "path", list(sys.path))
    result = lanista("work", "shared")
    assert result.code == 0
    assert result.lines[0].startswith(f"works on 'shared': mine.deep.code:f in {tmp_path},")


def test_a_command_runs_as_it_did_and_its_variables_are_not_journalled(lanista, tmp_path, monkeypatch) -> None:
    (tmp_path / "script.py").write_text(
        "import lanista, os; p = lanista.get_params(); lanista.finish(p['x'] + len(os.environ['TOKEN']))"
    )
    (tmp_path / "config.yml").write_text(
        "name: shared\nspace: {x: {float: [0, 1]}}\nmetric: loss\nseed: 1\nsearcher: random\n"
        f"command: {{template: [{sys.executable}, script.py], env: {{TOKEN: hush}}}}\n"
    )
    assert lanista("run", tmp_path / "config.yml", "--trials", 1).code == 0
    exp = la.Experiment.load("shared")
    assert "hush" not in repr(exp.store.read(exp.store.find("shared").id))
    exp.enqueue({"x": 0.5})
    result = lanista("work", "shared")
    assert result.code == 1
    assert "the command of 'shared' wants the variables TOKEN, whose values the journal does not keep" in result.err
    monkeypatch.setenv("TOKEN", "say it")
    assert lanista("work", "shared").code == 0
    assert exp.trials[1].value == 6.5


DECIDERS = [
    {"searcher": la.Grid({"x": 3})},
    {"searcher": la.BOHB(candidates=9), "scheduler": la.HyperBand(la.Fidelity("rows", 10, 90, log=True), reduction=4)},
    {"searcher": la.Batch([{"x": -0.5}, {"x": 1e-3}])},
    {"scheduler": [la.ASHA(9, form="promotion"), la.Plateau(5), la.Threshold("loss", above=float("inf"), below=-1)]},
    {"scheduler": la.PBT(10, population=4, perturb=(0.5, 2.0))},
    {"scheduler": la.ResourceChanging(la.ASHA(9, form="promotion"), most={"cpus": 2})},
    {"scheduler": la.TimeSharing(9, seconds=2.5)},
]


@pytest.mark.parametrize("given", DECIDERS, ids=[next(iter(given.values())).__class__.__name__ for given in DECIDERS])
def test_searcher_and_scheduler_are_the_experiment_s_own(lanista, work, given) -> None:
    exp = la.Experiment("shared", SPACE, "loss", **given)
    exp.run(work.f, trials=1, progress=False)
    line = lanista("work", "shared").lines[0]
    assert f"with {la.search.describe(exp.searcher)} and {la.search.describe(exp.scheduler)}, " in line


def test_a_searcher_of_one_s_own_is_imported_by_name(lanista, work) -> None:
    begin(work.f, experiment=la.Experiment("shared", SPACE, "loss", searcher=work.Halfway(at=0.25)))
    assert lanista("work", "shared").code == 0
    assert [trial.params["x"] for trial in la.Experiment.load("shared").trials] == [0.25] * 6


class Here:
    def __init__(self, rule=None):
        self.rule = rule

    def ask(self, history, count, rng):
        return []


def test_a_searcher_that_cannot_be_written_down_is_an_error(lanista, work) -> None:
    exp = la.Experiment("shared", SPACE, "loss", searcher=Here(rule=print))
    exp.run(work.f, trials=1, progress=False)
    result = lanista("work", "shared")
    assert result.code == 1
    assert "cannot be made again from the journal: it holds what has no name; run the script" in result.err


@pytest.mark.parametrize("text", ["os.system('touch made')", "__import__('os').mkdir('made')", "Path('made').touch()"])
def test_the_journal_cannot_call_what_is_no_searcher(lanista, work, tmp_path, text) -> None:
    exp = begin(work.f)
    joined = la.journal.Joined(0.0, "me", "here", 1, plan={**exp.history.begun.plan, "searcher": text})
    exp.store.append(exp.store.find("shared").id, [joined])
    result = lanista("work", "shared")
    assert result.code == 1
    assert "cannot be made again from the journal" in result.err
    assert not (tmp_path / "made").exists()


def test_an_old_journal_and_one_that_never_ran_need_the_objective(lanista, work) -> None:
    exp = la.Experiment("shared", SPACE, "loss", searcher=la.Grid({"x": 3}))
    result = lanista("work", "shared")
    assert "the journal of 'shared' does not tell what a trial runs; name it: lanista work shared" in result.err
    exp.store.append(exp.store.find("shared").id, [la.journal.Joined(0.0, "me", "here", 1, limits={"trials": 2})])
    result = lanista("work", "shared", "--objective", "work:f")
    assert (result.code, len(exp.trials)) == (0, 2)
    assert "with Grid(points={'x': 3}) and FIFO(), up to 2 trials" in result.lines[0]


def test_the_executor_gives_each_trial_what_the_run_gave(lanista, work) -> None:
    executor = la.Processes(3, cpus=1, memory="3GB", trial_time=60.0)
    exp = begin(work.f, executor=executor)
    told = {"name": "processes", "cpus": 1, "memory": "3GB", "trial_time": 60.0}
    assert exp.history.begun.plan["executor"] == told
    assert lanista("work", "shared", "--count", 1).code == 0
    joined = [e for e in exp.store.read(exp.store.find("shared").id) if isinstance(e, la.journal.Joined)]
    assert [(each.workers, each.resizable, each.helps) for each in joined] == [(3, True, False), (1, True, True)]
    assert exp.history.begun == joined[0]
    assert "there is no executor 'proceses'; did you mean" in lanista("work", "shared", "--executor", "proceses").err
    assert "needs executor='processes'" in lanista("work", "shared", "--executor", "inline", "--workers", 2).err
    assert "workers=0 must be a whole number from 1" in lanista("work", "shared", "--workers", 0).err


# --- beside other processes -------------------------------------------------------------------------------------------


def foreign(experiment, *events):
    """Another process writes into the journal."""
    experiment.store.append(experiment.store.find(experiment.name).id, events)


def test_it_takes_up_the_limits_of_a_run_that_begins_meanwhile(lanista, work) -> None:
    exp = begin(work.f, trials=4)
    plan = exp.history.begun.plan

    def more(trial):
        if trial.number == 2:
            foreign(exp, la.journal.Joined(0.0, "next", "elsewhere", 1, limits={"trials": 7}, plan=plan))
        return 0.0

    work.f = more
    assert lanista("work", "shared").code == 0
    assert len(exp.trials) == 7


@pytest.mark.parametrize(
    ("given", "reason"), [([], "time limit of 5000 s reached"), (["--time-limit", 5000], "all 6 trials are done")]
)
def test_the_time_of_the_run_is_the_worker_s_unless_it_has_its_own(lanista, work, given, reason) -> None:
    exp = begin(work.f, time_limit=5000.0)

    def last(trial):
        if trial.number == 2:
            foreign(exp, la.journal.Left(0.0, exp.history.begun.owner, "time limit of 5000 s reached"))
        return 0.0

    work.f = last
    result = lanista("work", "shared", *given)
    assert (result.code, f"shared: {reason}" in result.out) == (0, True)


@pytest.mark.parametrize(
    ("given", "reason"), [([], "time limit of 1e-09 s reached"), (["--time-limit", 5000], "all 6 trials are done")]
)
def test_the_time_that_is_set_is_the_worker_s_unless_it_has_its_own(lanista, work, given, reason) -> None:
    exp = begin(work.f)

    def last(trial):
        if trial.number == 2:
            exp.set(time_limit=1e-9)
        return 0.0

    work.f = last
    assert f"shared: {reason}" in lanista("work", "shared", *given).out


def test_a_run_that_begins_gives_a_worker_no_other_time_than_its_own(lanista, work) -> None:
    exp = begin(work.f)
    limits = {"trials": 6, "time": 1e-9}

    def last(trial):
        if trial.number == 2:
            foreign(exp, la.journal.Joined(0.0, "next", "elsewhere", 1, limits=limits, plan=exp.history.begun.plan))
        return 0.0

    work.f = last
    assert "shared: all 6 trials are done" in lanista("work", "shared", "--time-limit", 5000).out


def test_another_worker_s_time_is_not_that_of_the_run(lanista, work) -> None:
    exp = begin(work.f, time_limit=5000.0)

    def last(trial):
        if trial.number == 2:
            foreign(
                exp,
                la.journal.Joined(0.0, "helper", "elsewhere", 1, helps=True),
                la.journal.Left(0.0, "helper", "time limit of 5000 s reached"),
            )
        return 0.0

    work.f = last
    assert "shared: all 6 trials are done" in lanista("work", "shared").out


def test_a_run_that_begins_while_the_code_is_imported_is_not_missed(lanista, tmp_path, monkeypatch) -> None:
    (tmp_path / "late.py").write_text(
        "import os\nimport lanista as la\n"
        "if 'LATE' in os.environ:\n"
        "    exp = la.Experiment.load('shared')\n"
        "    run = la.journal.Joined(0.0, 'next', 'elsewhere', 1, limits={'trials': 5})\n"
        "    exp.store.append(exp.store.find('shared').id, [run])\n"
        "def f(trial):\n    return trial['x']\n"
    )
    (tmp_path / "go.py").write_text(
        "import lanista as la\nfrom late import f\n"
        "la.Experiment('shared', {'x': la.Float(0, 1)}, 'loss').run(f, trials=3, progress=False)\n"
    )
    subprocess.run([sys.executable, tmp_path / "go.py"], check=True)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("LATE", "1")
    result = lanista("work", "shared")
    assert (result.code, len(la.Experiment.load("shared").trials)) == (0, 5), result


def test_a_run_that_begins_with_something_else_is_told_of(lanista, work) -> None:
    exp = begin(work.f)
    plan = {**exp.history.begun.plan, "searcher": "TPE()", "cohort": 2}

    def last(trial):
        if trial.number == 2:
            foreign(exp, la.journal.Joined(0.0, "next", "elsewhere", 1, limits={"trials": 6}, plan=plan))
        return 0.0

    work.f = last
    told = "a run with another searcher and cohort began; this worker goes on with what it has, until started again"
    assert told in lanista("work", "shared").out
