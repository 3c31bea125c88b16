"""export, import, rm."""

import csv
import io
import json
from pathlib import Path

import pytest

import lanista as la


def test_export_as_csv_json_and_parquet(lanista, digits, tmp_path) -> None:
    rows = list(csv.DictReader(io.StringIO(lanista("export", "digits").out)))
    assert [row["number"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert (rows[1]["acc"], rows[1]["params.lr"], rows[1]["metrics.size"], rows[2]["acc"]) == (
        "0.9",
        "0.01",
        "12.0",
        "",
    )
    assert lanista("export", "digits", "--format", "json").json == lanista("trials", "digits", "--json").json
    path = tmp_path / "trials.parquet"
    assert lanista("export", "digits", "-o", path).out == f"wrote 5 trials to {path}\n"
    import pandas as pd

    frame = pd.read_parquet(path)
    assert list(frame["number"]) == [0, 1, 2, 3, 4]
    assert list(frame["params.lr"]) == [0.1, 0.01, 0.001, 0.0001, 0.5]


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_what_was_noted_is_written_and_left_out_when_read(lanista, tmp_path, ending) -> None:
    def train(trial):
        trial.note(training=f"with {trial.number} others, fast", size={"weights": 3})
        return trial["x"]

    la.Experiment("noted", {"x": la.Float(0, 1)}, seed=0).run(train, trials=2, progress=False)
    path = tmp_path / f"trials.{ending}"
    assert lanista("export", "noted", "-o", path).code == 0
    assert "with 1 others, fast" in path.read_text()
    other = la.Experiment("other", {"x": la.Float(0, 1)})
    result = lanista("import", "other", path)
    assert result.out == "added 2 trials to 'other'\n", result.err
    assert [trial.metrics for trial in other.trials] == [t.metrics for t in la.Experiment.load("noted").trials]


def test_parquet_takes_mixed_and_nested_values(lanista, tmp_path) -> None:
    experiment = la.Experiment("mixed", {"a": la.Choice([1, "x", None]), "b": la.Subset([1, 2])})
    experiment.add({"a": 1, "b": [1]}, 0.0)
    experiment.add({"a": "x", "b": []}, 0.0)
    assert lanista("export", "mixed", "-o", tmp_path / "mixed.parquet").code == 0


def test_a_folder_that_is_not_there(lanista, digits, tmp_path) -> None:
    result = lanista("export", "digits", "-o", tmp_path / "no" / "trials.csv")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error LA700: ")
    assert "cannot be written: No such file" in result.err


@pytest.mark.parametrize("format", ["csv", "json"])
def test_what_is_exported_can_be_imported(lanista, digits, tmp_path, format) -> None:
    path = tmp_path / f"trials.{format}"
    lanista("export", "digits", "-o", path)
    space = tmp_path / "space.yml"
    space.write_text(
        "lr: {float: [1e-5, 1], log: true}\nopt: {choice: {sgd: {momentum: {float: [0, 0.99]}}, adam: {}}}\n"
    )
    result = lanista("import", "copy", path, "--space", space, "--metric", "acc", "--mode", "max")
    assert result == (0, "added 4 trials to 'copy'; left out 1 that have not ended\n", "")
    copy = la.Experiment.load("copy")
    assert copy.space == digits.space
    assert [trial.params for trial in copy.trials] == [trial.params for trial in digits.trials][:4]
    assert [trial.state for trial in copy.trials] == ["completed", "completed", "failed", "stopped"]
    assert copy.best.metrics == {"acc": 0.9, "size": 12.0}
    assert lanista("import", "digits", path).code == 0
    assert len(digits.trials) == 9


def test_a_plain_table_is_imported_with_values_read_by_their_domains(lanista, tmp_path) -> None:
    space = tmp_path / "space.json"
    space.write_text(
        json.dumps({"a": {"choice": ["1", "2"]}, "b": {"choice": [1, True, "x"]}, "c": {"subset": ["p", "q"]}})
    )
    table = tmp_path / "table.csv"
    table.write_text('a,b,c,loss,who\n1,1,"[""p""]",0.5,me\n2,true,[],0.25,you\n2,x,[],nan,\n')
    result = lanista("import", "plain", table, "--space", space, "--metric", "loss", "--ignore", "who")
    assert result.code == 1 or result.code == 2
    assert "line 4: there is no value of the metric 'loss'" in result.err
    assert lanista("ls").out == "no experiments\n"
    table.write_text("\n".join(table.read_text().splitlines()[:3]))
    result = lanista("import", "plain", table, "--space", space, "--metric", "loss", "--ignore", "who")
    assert result.out == "added 2 trials to 'plain'\n"
    params = [trial.params for trial in la.Experiment.load("plain").trials]
    assert params == [{"a": "1", "b": 1, "c": ["p"]}, {"a": "2", "b": True, "c": []}]
    assert params[1]["b"] is True


def test_a_space_may_stand_in_nni_s_file_or_in_a_config(lanista, tmp_path) -> None:
    (tmp_path / "t.json").write_text('[{"params": {"x": 0.5}, "values": [1.5]}]')
    (tmp_path / "nni.json").write_text('{"x": {"_type": "uniform", "_value": [0, 1]}}')
    (tmp_path / "config.yml").write_text("name: e\nspace: {x: {float: [0, 1]}}\nwhere: x < 0.9\n")
    for name in ("nni.json", "config.yml"):
        result = lanista("import", name, tmp_path / "t.json", "--space", tmp_path / name, "--metric", "y")
        assert result.out == f"added 1 trial to '{name}'\n", result.err
    assert la.Experiment.load("config.yml").space.constraints == ("x < 0.9",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "lr,opt,acc,lrr\n0.1,adam,1,2\n",
            "line 2: the column 'lrr' is neither a parameter nor a metric (did you mean 'lr'?)",
        ),
        ("lr,opt,acc\n5,adam,1\n", "line 2: "),
        ("lr,opt,acc\n0.1,adam,good\n", "line 2: metric 'acc' is 'good', which is no number"),
        ("lr,opt\n0.1,adam\n", "line 2: there is no value of the metric 'acc'"),
        ("lr,opt,acc,state\n0.1,adam,1,done\n", "line 2: 'done' is no state of a trial"),
        ("lr,opt,acc\n0.1,adam,1,2\n", "line 2: more values than the head of the table has columns"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_added(lanista, digits, tmp_path, text, message) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    result = lanista("import", "digits", path)
    assert (result.code, result.out) == (2, "")
    assert f"{path}, {message}" in result.err
    assert len(digits.trials) == 5


@pytest.fixture
def small() -> la.Experiment:
    return la.Experiment("small", {"x": la.Float(0, 1)}, "loss", constraints={"size": "<= 5"}, seed=1)


def test_a_row_without_the_constrained_metric_is_named_and_nothing_is_added(lanista, small, tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,loss,metrics.size\n0.1,1,3\n0.2,2,\n")
    result = lanista("import", "small", path)
    assert (result.code, result.out) == (2, "")
    assert f"{path}, line 3: there is no value of the metric 'size'; the row has 'loss'" in result.err
    assert len(small.trials) == 0


def test_a_column_of_a_constrained_metric_is_a_metric(lanista, small, tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,loss,size\n0.1,1,3\n0.2,0.5,9\n")
    assert lanista("import", "small", path).out == "added 2 trials to 'small'\n"
    assert [(trial.metrics, trial.feasible) for trial in small.trials] == [
        ({"loss": 1.0, "size": 3.0}, True),
        ({"loss": 0.5, "size": 9.0}, False),
    ]


def test_a_file_is_added_in_one_piece(lanista, small, tmp_path, monkeypatch) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,loss,size\n0.1,1,3\n0.2,0.5,9\n")
    appended = []
    append = type(small.store).append

    def counted(store, experiment, events, *given):
        appended.append(len(events))
        return append(store, experiment, events, *given)

    monkeypatch.setattr(type(small.store), "append", counted)
    lanista("import", "small", path)
    assert appended == [4]


def test_a_column_that_is_not_known_can_be_left_out(lanista, small, tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,loss,size,zz\n0.1,1,3,4\n")
    assert (
        "line 2: the column 'zz' is neither a parameter nor a metric (there are loss, size, state, x); "
        "leave it out with --ignore zz\n"
    ) in lanista("import", "small", path).err


def test_a_file_that_holds_no_trials(lanista, digits, tmp_path) -> None:
    path = tmp_path / "t.json"
    for text, message in (("{", "this is no JSON"), ("{}", "is a list of objects"), ("[1]", "is a list of objects")):
        path.write_text(text)
        result = lanista("import", "digits", path)
        assert (result.code, message in result.err) == (2, True)
    assert "there is no file" in lanista("import", "digits", tmp_path / "none.csv").err


def test_a_new_experiment_needs_a_space_and_a_metric(lanista, tmp_path) -> None:
    (tmp_path / "t.json").write_text("[]")
    result = lanista("import", "new", tmp_path / "t.json")
    assert (
        result.err
        == "error LA700: there is no experiment 'new' yet; to create it give --space FILE and --metric NAME\n"
    )
    assert result.code == 2


def test_rm_deletes_for_good_and_asks_before(lanista, digits, monkeypatch: pytest.MonkeyPatch) -> None:
    la.Experiment("other", {"x": la.Float(0, 1)})
    folder = Path(digits.directory)
    folder.mkdir(parents=True)
    assert lanista("rm", "digits").err == "error LA700: deleting 'digits' is for good; say --yes\n"
    assert lanista("rm", "digits", "none", "--yes").err.startswith("error LA300: there is no experiment 'none'")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    assert lanista("rm", "digits") == (1, "nothing deleted\n", "")
    assert folder.exists()
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    assert lanista("rm", "digits", "other").out == "deleted 'digits'\ndeleted 'other'\n"
    assert not folder.exists()
    assert lanista("ls").out == "no experiments\n"


def test_export_refuses_an_ending_that_it_cannot_write(lanista, digits, tmp_path) -> None:
    path = tmp_path / "trials.xlsx"
    result = lanista("export", "digits", "-o", path)
    assert result.code == 2
    assert "'.xlsx' is none of csv, json and parquet" in result.err
    assert not path.exists()
    assert lanista("export", "digits", "-o", path, "--format", "csv").code == 0


def test_an_import_that_fails_leaves_no_experiment(lanista, digits, tmp_path) -> None:
    (tmp_path / "trials.parquet").write_bytes(b"PAR1\xff")
    (tmp_path / "space.yml").write_text("lr: {float: [0, 1]}")
    given = ("--space", tmp_path / "space.yml", "--metric", "acc")
    result = lanista("import", "new", tmp_path / "trials.parquet", *given)
    assert result.code == 2
    assert "trials are read from csv and json" in result.err
    lanista("import", "digits", tmp_path / "trials.parquet")
    assert [row["name"] for row in lanista("ls", "--json").json] == ["digits"]
