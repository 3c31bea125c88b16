"""ls, show, trials, best, importance, top --once, and what all commands share."""

import subprocess
import sys

import pytest

import lanista as la
from lanista import __version__

COMMANDS = [
    *("run", "ls", "show", "trials", "best", "logs", "top", "stop", "pause", "resume", "kill", "enqueue", "set"),
    *("export", "import", "rm", "demo", "doctor", "importance", "plot", "suggest"),
]


def test_ls_lists_the_experiments_of_the_store(lanista, digits) -> None:
    la.Experiment("other", {"x": la.Float(0, 1)})
    result = lanista("ls")
    assert [line.split()[:2] for line in result.lines] == [
        ["name", "state"],
        ["digits", "interrupted"],
        ["other", "new"],
    ]
    rows = lanista("ls", "--json").json
    assert [(row["name"], row["trials"], row["ended"], row["best"]) for row in rows] == [
        ("digits", 5, 4, 0.9),
        ("other", 0, 0, None),
    ]


def test_an_empty_store(lanista) -> None:
    assert lanista("ls") == (0, "no experiments\n", "")
    assert lanista("ls", "--json").json == []


def test_show_tells_all_of_an_experiment(lanista, digits) -> None:
    digits.note(author="me")
    result = lanista("show", "digits")
    for text in (
        "acc (max)",
        "2 completed",
        "opt=sgd/momentum",
        "Float(0.0, 0.99)",
        "trial 1, acc 0.9",
        "note",
        "author: me",
    ):
        assert text in result.out
    record = lanista("show", "digits", "--json").json
    assert record["metrics"] == {"acc": "max"}
    assert record["best"]["number"] == 1
    assert la.Space.from_json(record["space"]) == digits.space


def test_trials_are_filtered_sorted_and_cut(lanista, digits) -> None:
    def numbers(*words: str) -> list[int]:
        result = lanista("trials", "digits", *words, "--json")
        assert result.code == 0
        return [record["number"] for record in result.json]

    assert numbers() == [0, 1, 2, 3, 4]
    assert numbers("--filter", "lr < 0.05 and state == 'completed'") == [1]
    assert numbers("--filter", "params.opt == 'adam'", "--limit", "2") == [0, 2]
    assert numbers("--sort", "lr") == [3, 2, 1, 0, 4]
    assert numbers("--sort", "-lr") == [4, 0, 1, 2, 3]
    assert numbers("--sort", "-acc") == [1, 3, 0, 2, 4]
    assert numbers("--sort", "acc") == [0, 3, 1, 2, 4]
    assert numbers("--sort=-value") == [1, 3, 0, 2, 4]
    assert numbers("--sort", "momentum")[0] == 1
    assert numbers("--filter", "size > 1") == [1]


def test_trials_as_a_table(lanista, digits) -> None:
    result = lanista("trials", "digits")
    assert result.lines[0].split() == ["number", "state", "acc", "lr", "opt", "momentum", "steps", "seconds", "reason"]
    assert result.lines[1].split()[:5] == ["0", "completed", "0.5", "0.1", "adam"]
    result = lanista("trials", "digits", "--columns", "number, params.lr,size", "--limit", "2")
    assert [line.split() for line in result.lines] == [
        ["number", "params.lr", "size"],
        ["0", "0.1"],
        ["1", "0.01", "12"],
    ]
    rows = lanista("trials", "digits", "--columns", "number,acc", "--json").json
    assert rows[2] == {"number": 2, "acc": None}


def test_a_note_named_value_does_not_stand_for_the_metric(lanista) -> None:
    def train(trial):
        trial.note(value="a word")
        return trial["x"]

    exp = la.Experiment("words", {"x": la.Choice([0.5, 0.25])}, "loss", searcher="grid", seed=0)
    exp.run(train, trials=2, progress=False)
    rows = lanista("trials", "words", "--columns", "value,notes.value", "--sort", "value", "--json").json
    assert rows == [{"value": x, "notes.value": "a word"} for x in (0.25, 0.5)]


@pytest.fixture
def noted() -> la.Experiment:
    """Trials of several fates, with notes; one is a copy of another."""

    def train(trial):
        trial.note(training=f"with {trial.number} others:\nfast", lr="a word", size={"weights": 3})
        trial.save({})
        trial.report(loss=trial["lr"], spread=0.5)
        if trial.number == 1:
            raise ValueError("it is <too> large")

    exp = la.Experiment("noted", {"lr": la.Choice([0.5, 0.25])}, "loss", searcher="grid", seed=0)
    return exp.run(train, trials=2, progress=False)


def test_one_trial_is_shown_with_what_was_noted_on_it(lanista, noted) -> None:
    done, failed = lanista("show", "noted", 0), lanista("show", "noted", "1")
    assert done.lines[:2] == ["trial 0: loss = 0.5 (min)", "also: spread=0.5"]
    assert done.lines[2].startswith("completed after 1 step, ")
    assert done.lines[3:] == [
        "training: with 0 others: fast",
        "lr: a word",
        'size: {"weights": 3}',
        *("params = {", '    "lr": 0.5,', "}"),
    ]
    assert failed.lines[2].startswith("failed after 1 step, ")
    assert failed.lines[2].endswith(": ValueError: it is <too> large")
    assert failed.lines[9] == ""
    assert failed.lines[10].startswith("Traceback")
    assert failed.lines[-1] == "ValueError: it is <too> large"
    record = lanista("show", "noted", "0", "--json").json
    assert (record["number"], record["value"], record["notes"]["size"]) == (0, 0.5, {"weights": 3})
    wrong = lanista("show", "noted", "2")
    assert (wrong.code, wrong.err.splitlines()[0][:35]) == (2, "error LA700: there is no trial 2; t")


def test_notes_are_told_of_the_best_trial_and_are_columns(lanista, noted) -> None:
    assert "training: with 0 others: fast" in lanista("best", "noted").lines
    assert lanista("best", "noted", "--json").json["notes"]["lr"] == "a word"
    assert [record["notes"]["size"] for record in lanista("trials", "noted", "--json").json] == [{"weights": 3}] * 2
    result = lanista("trials", "noted", "--columns", "number,lr,training,notes.lr", "--filter", "notes.lr == 'a word'")
    assert [line.split() for line in result.lines] == [
        ["number", "lr", "training", "notes.lr"],
        ["0", "0.5", "with", "0", "others:", "fast", "a", "word"],
        ["1", "0.25", "with", "1", "others:", "fast", "a", "word"],
    ]
    assert "training" not in lanista("trials", "noted").lines[0]


def test_a_trial_that_has_given_nothing_and_a_copy_are_shown(lanista, digits) -> None:
    assert lanista("show", "digits", "4").lines[0] == "trial 4: no acc so far"
    exp = la.Experiment("copies", {"lr": la.Float(0, 1)}, "loss", scheduler=la.PBT(4, population=3, interval=2), seed=0)

    def train(trial):
        done = trial.load(state := [0.0])
        for _ in range(done, 4):
            state[0] += trial["lr"]
            trial.save(state)
            trial.report(loss=state[0])

    exp.run(train, progress=False)
    copy = next(trial for trial in exp.trials if trial.parent is not None)
    told = f"copied from trial {copy.parent[0]} at step {copy.parent[1]}"
    assert told in lanista("show", "copies", copy.number).lines


def test_trials_of_an_experiment_without_any(lanista) -> None:
    la.Experiment("none", {"x": la.Float(0, 1)}, "loss")
    assert lanista("trials", "none").out == "no trials\n"
    assert lanista("trials", "none", "--filter", "x > 1", "--sort", "loss").out == "no trials\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sort", "rl"], "error LA700: there is no column 'rl'; did you mean 'lr'?"),
        (["--columns", "number,stat"], "error LA700: there is no column 'stat'; did you mean 'state'?"),
        (["--filter", "ls < 3"], "error LA700: the filter 'ls < 3' names 'ls', which is no column; did you mean 'lr'?"),
        (["--limit", "0"], "error LA700: --limit 0 must be at least 1"),
    ],
)
def test_a_wrong_column_is_an_error_of_usage(lanista, digits, words, message) -> None:
    assert lanista("trials", "digits", *words) == (2, "", message + "\n")


def test_best_prints_code(lanista, digits) -> None:
    result = lanista("best", "digits")
    assert result.lines[0] == "trial 1: acc = 0.9 (max)"
    assert result.lines[1] == "also: size=12"
    namespace: dict[str, object] = {}
    exec(result.out[result.out.index("params = ") :], namespace)
    assert namespace["params"] == {"lr": 0.01, "opt": "sgd", "momentum": 0.9}
    record = lanista("best", "digits", "--json").json
    assert (record["number"], record["value"], record["params"]["opt"]) == (1, 0.9, "sgd")


def test_best_of_several_metrics_shows_the_front(lanista) -> None:
    experiment = la.Experiment("two", {"x": la.Float(0, 1)}, {"loss": "min", "acc": "max"})
    experiment.add({"x": 0.1}, (1.0, 0.5))
    experiment.add({"x": 0.2}, (2.0, 0.9))
    experiment.add({"x": 0.3}, (2.0, 0.4))
    result = lanista("best", "two")
    assert "loss = 1.0 (min), acc = 0.5 (max)" in result.out
    assert [line.split()[0] for line in result.lines[-2:]] == ["0", "1"]
    assert [record["number"] for record in lanista("best", "two", "--json").json["pareto"]] == [0, 1]


def test_best_without_a_value_is_an_error(lanista) -> None:
    la.Experiment("none", {"x": la.Float(0, 1)}, "loss")
    result = lanista("best", "none")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error LA300: experiment 'none' has no trial with a value of 'loss'")


@pytest.fixture
def bounded() -> la.Experiment:
    """Two objectives and a bound that one of three trials breaks."""
    experiment = la.Experiment(
        "bounded", {"x": la.Float(0, 1)}, {"loss": "min", "acc": "max"}, constraints={"latency": la.at_most(10)}
    )
    for x, loss, acc, latency in [(0.1, 1.0, 0.5, 9.0), (0.2, 2.0, 0.9, 8.0), (0.3, 0.5, 0.4, 12.0)]:
        experiment.add({"x": x}, {"loss": loss, "acc": acc, "latency": latency})
    return experiment


def test_show_tells_constraints_front_and_hypervolume(lanista, bounded) -> None:
    result = lanista("show", "bounded")
    assert "constraints latency <= 10" in result.lines
    assert "front       2 trials that no other one beats in every metric, see lanista best" in result.lines
    assert "hypervolume 0.1 up to the worst of each metric" in result.lines
    record = lanista("show", "bounded", "--json").json
    assert record["constraints"] == {"latency": "<= 10"}
    assert (record["front"], record["hypervolume"]) == (2, pytest.approx(0.1))


def test_best_tells_the_hypervolume_up_to_a_reference(lanista, bounded) -> None:
    result = lanista("best", "bounded", "--hypervolume", "acc=0,loss=3")
    assert result.lines[-1] == f"hypervolume {bounded.hypervolume((3, 0))!r} up to acc=0,loss=3"
    record = lanista("best", "bounded", "--hypervolume", "acc=0,loss=3", "--json").json
    assert record["hypervolume"] == pytest.approx(1.4)
    assert "'acc=a': write a value for each metric" in lanista("best", "bounded", "--hypervolume", "acc=a").err
    assert "one finite number for each of loss, acc" in lanista("best", "bounded", "--hypervolume", "acc=0").err


def test_trials_that_break_a_constraint_are_shown_as_such(lanista, bounded) -> None:
    lines = [line.split() for line in lanista("trials", "bounded").lines]
    assert lines[0][:7] == ["number", "state", "loss", "acc", "feasible", "latency", "x"]
    assert [line[4] for line in lines[1:]] == ["true", "true", "false"]
    assert [r["number"] for r in lanista("trials", "bounded", "--filter", "not feasible", "--json").json] == [2]
    assert lanista("best", "bounded", "--json").json["number"] == 0


def test_where_none_keeps_the_constraints_the_nearest_is_named(lanista) -> None:
    experiment = la.Experiment("none", {"x": la.Float(0, 1)}, "loss", constraints={"latency": "<= 10"})
    for latency in (30.0, 11.0):
        experiment.add({"x": 0.1}, {"loss": 1.0, "latency": latency})
    told = "has no trial that keeps the constraints yet; trial 1 comes nearest: latency is 11, to be <= 10"
    assert f"best        {told}" in lanista("show", "none").lines
    assert lanista("best", "none").err == f"error LA300: experiment 'none' {told}\n"
    assert "no trial keeps the constraints yet; trial 1 comes" in " ".join(lanista("top", "none", "--once").out.split())
    assert lanista("top", "none", "--json").json["nearest"].startswith("trial 1 comes nearest")


def test_trials_with_constraints_travel_through_a_file(lanista, bounded, tmp_path) -> None:
    table = tmp_path / "trials.csv"
    assert lanista("export", "bounded", "-o", table).code == 0
    other = la.Experiment(
        "other", {"x": la.Float(0, 1)}, {"loss": "min", "acc": "max"}, constraints={"latency": la.at_most(8)}
    )
    assert lanista("import", "other", table).code == 0
    assert [trial.feasible for trial in other.trials] == [False, True, False]


def test_suggest_shows_what_the_searcher_of_the_experiment_proposes(lanista) -> None:
    space = {"lr": la.Choice([0.1, 0.2, 0.3]), "opt": la.Choice(["adam"])}
    exp = la.Experiment("left", space, "loss", searcher="grid", seed=0)
    exp.run(lambda trial: trial["lr"], trials=1, progress=False)
    left = exp.suggest_next(9)
    assert len(left) == 2
    assert lanista("suggest", "left", "--count", 9, "--json").json == left
    shown = lanista("suggest", "left")
    assert shown.lines == ["params = {", f'    "lr": {left[0]["lr"]},', '    "opt": "adam",', "}"]
    assert "count=0 must be a whole number from 1" in lanista("suggest", "left", "--count", 0).err
    assert len(exp.trials) == 1
    exp.run(lambda trial: trial["lr"], progress=False)
    assert lanista("suggest", "left").lines == ["the searcher has no further configurations"]
    assert lanista("suggest", "left", "--json").json == []


def test_importance_is_a_bar_for_each_parameter(lanista) -> None:
    experiment = la.Experiment("imp", {"lr": la.Float(0, 1), "idle": la.Float(0, 1)}, "loss", seed=0, searcher="random")
    experiment.run(lambda t: {"loss": t["lr"], "size": t["idle"]}, trials=30, progress=False)
    result = lanista("importance", "imp")
    assert [line.split()[0] for line in result.lines] == ["lr", "idle"]
    assert result.lines[0].count("#") > 35
    shares = lanista("importance", "imp", "--json").json
    assert list(shares) == ["lr", "idle"]
    assert sum(shares.values()) == pytest.approx(1)
    assert (
        next(iter(lanista("importance", "imp", "--metric", "size", "--method", "permutation", "--json").json)) == "idle"
    )
    assert lanista("importance", "imp", "--method", "shap").code == 2
    assert lanista("importance", "imp", "--metric", "acc").err.startswith("error LA700: importance(metric='acc')")


def test_top_once_prints_one_picture(lanista, digits) -> None:
    result = lanista("top", "digits", "--once")
    assert "best  acc 0.9" in result.out
    view = lanista("top", "digits", "--json").json
    assert (view["name"], view["done"], view["best"]["value"]) == ("digits", 4, 0.9)


@pytest.mark.parametrize(
    "words", [["show"], ["trials"], ["best"], ["top"], ["logs", "0"], ["stop"], ["pause"], ["kill", "0"], ["export"]]
)
def test_a_misspelt_experiment_names_near_ones(lanista, digits, words) -> None:
    result = lanista(words[0], "digist", *words[1:])
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error LA300: there is no experiment 'digist'")
    assert "did you mean 'digits'?" in result.err
    assert result.err.count("\n") == 1


def test_store_may_stand_before_and_after_the_command(lanista, tmp_path) -> None:
    where = tmp_path / "other.db"
    la.Experiment("there", {"x": la.Float(0, 1)}, store=where)
    assert "there" in lanista("--store", where, "ls").out
    assert "there" in lanista("ls", "--store", where).out
    assert lanista("ls").out == "no experiments\n"
    assert lanista("--store", "mysql://x", "ls").err.startswith("error LA700: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "error LA700: the following arguments are required: COMMAND; see lanista --help\n"),
        (["shwo"], "error LA700: argument COMMAND: 'shwo' is not known; did you mean 'show'?; see lanista --help\n"),
        (["show"], "error LA700: the following arguments are required: NAME; see lanista show --help\n"),
        (["ls", "--jsn"], "error LA700: unrecognized arguments: --jsn; see lanista --help\n"),
        (["kill", "a", "b"], "error LA700: argument TRIAL: invalid int value: 'b'; see lanista kill --help\n"),
    ],
)
def test_wrong_usage_ends_with_2(lanista, words, message) -> None:
    assert lanista(*words) == (2, "", message)


def test_help_and_version(lanista) -> None:
    assert lanista("--version") == (0, f"lanista {__version__}\n", "")
    result = lanista("--help")
    assert result.code == 0
    for name in COMMANDS:
        assert f"    {name} " in result.out
        assert lanista(name, "--help").code == 0


def test_a_reader_that_has_seen_enough_is_no_error(digits) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lanista", "trials", "digits"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_show_prints_the_traceback_of_the_last_failure(lanista) -> None:
    def objective(trial):
        return {"a": 1}[trial["y"]]

    la.Experiment("bad", {"x": la.Float(0, 1)}).run(objective, trials=2, progress=False)
    result = lanista("show", "bad")
    assert "trial 1 failed: ParameterError: trial['y']: the trial has no such parameter; there are x; " in result.out
    assert any("in objective" in line for line in result.lines)


def test_what_a_trial_did_not_report_is_blank(lanista, digits) -> None:
    assert lanista("trials", "digits", "--filter", "state == 'waiting'").lines[1].split()[:3] == ["4", "waiting", "0.5"]


def test_a_store_that_is_not_there_is_a_mistake_and_is_not_created(lanista, tmp_path) -> None:
    for command in (["ls"], ["show", "digits"], ["rm", "digits", "--yes"]):
        result = lanista(*command, "--store", str(tmp_path / "nosuch.db"))
        assert result.code == 1
        assert "there is no store at" in result.err
    assert not (tmp_path / "nosuch.db").exists()
