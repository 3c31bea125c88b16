"""Figures as files, and the command that writes them."""

import json
import shutil
import sys
from pathlib import Path

import pytest

import lanista as la
from lanista import plot
from lanista.cli import main
from lanista.errors import MissingExtraError, UsageError

PNG = b"\x89PNG\r\n\x1a\n"
BROWSER = any(shutil.which(name) for name in ("chromium", "google-chrome", "chrome"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with two experiments, and an empty folder to write into."""
    where = str(tmp_path / "lanista.db")
    for name in ("digits", "other"):
        exp = la.Experiment(name, {"lr": la.Float(0, 1), "width": la.Int(1, 9)}, metric="loss", store=where, seed=0)
        exp.run(lambda trial: trial["lr"], trials=8, progress=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return where


def test_a_page_holds_all_that_it_needs(experiment: la.Experiment, tmp_path: Path) -> None:
    page = plot.write(experiment.plot.history(), tmp_path / "history.html").read_text("utf-8")
    assert "best accuracy so far" in page
    assert '<script src="http' not in page
    assert len(page) > 1_000_000


def test_json_is_plotly_s(experiment: la.Experiment, tmp_path: Path) -> None:
    told = json.loads(plot.write(experiment.plot.edf(), tmp_path / "edf.json").read_text("utf-8"))
    assert told["data"][0]["type"] == "scatter"


@pytest.mark.skipif(not BROWSER, reason="needs Chrome or Chromium")
def test_a_picture_is_drawn_by_the_browser(experiment: la.Experiment, tmp_path: Path) -> None:
    pytest.importorskip("kaleido")
    path = plot.write(experiment.plot.history(), tmp_path / "history.png")
    data = path.read_bytes()
    assert data.startswith(PNG)
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (2000, 1120)


def test_without_a_browser_the_mend_is_told(
    experiment: la.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("kaleido")
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "nothing"))
    with pytest.raises(MissingExtraError, match=r"install one \(on Debian: apt install chromium\)"):
        plot.write(experiment.plot.history(), tmp_path / "history.png")


def test_without_kaleido_the_extra_is_named(
    experiment: la.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(MissingExtraError, match=r"kaleido is not installed; pip install 'lanista\[plot\]'"):
        plot.write(experiment.plot.history(), tmp_path / "history.svg")


def test_other_endings_and_folders_are_refused(experiment: la.Experiment, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'a.gif' ends in none of .html, .json, .png, .svg"):
        plot.write(experiment.plot.history(), "a.gif")
    with pytest.raises(UsageError, match="cannot be written: No such file or directory"):
        plot.write(experiment.plot.history(), tmp_path / "no" / "a.json")


def test_the_command_writes_the_best_so_far_by_default(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "digits", "--store", store]) == 0
    assert capsys.readouterr().out == "wrote digits-history.html\n"
    assert Path("digits-history.html").stat().st_size > 1_000_000


@pytest.mark.parametrize("figure", plot.FIGURES)
def test_the_command_writes_every_figure(figure: str, store: str) -> None:
    assert main(["plot", "digits", figure, "--store", store, "-o", "a.json", "--theme", "dark"]) == 0
    assert json.loads(Path("a.json").read_text("utf-8"))["layout"]["template"]["layout"]["paper_bgcolor"] == "#14181d"


def test_options_go_to_the_figure(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "digits", "slice", "--params", "width", "--store", store, "-o", "a.json"]) == 0
    assert json.loads(Path("a.json").read_text("utf-8"))["layout"]["xaxis"]["title"]["text"] == "width"
    assert (
        main(["plot", "digits", "compare", "--with", "other", "--over", "time", "--store", store, "-o", "b.json"]) == 0
    )
    names = [trace["name"] for trace in json.loads(Path("b.json").read_text("utf-8"))["data"]]
    assert names == ["digits", "other"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["histroy"], "'histroy' is not known; did you mean 'history'?"),
        (["edf", "--params", "lr"], "the figure 'edf' takes no --params; it takes --metric, --theme"),
        (["slice", "--params", "lrr"], "there is no parameter 'lrr'; did you mean 'lr'?"),
        (["edf", "--with", "other"], "--with is for compare; write: lanista plot digits compare --with other"),
        (["-o", "a.gif"], "'a.gif' ends in none of"),
    ],
)
def test_a_wrong_command_is_told_the_right_one(
    words: list[str], told: str, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plot", "digits", *words, "--store", store]) == 2
    assert told in capsys.readouterr().err
