"""Looking at experiments: summaries, detail, figures, the journal in words."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import lanista as la
from lanista.journal import Journal
from lanista.plot import FIGURES
from lanista.web._hall import DRAWERS


def test_the_list_tells_how_each_experiment_stands(api, digits) -> None:
    la.Experiment("empty", {"x": la.Float(0, 1)}, store=digits.store)
    first, second = api.get("/experiments")["experiments"]
    assert (first["name"], first["state"], first["trials"]) == ("digits", "interrupted", 5)
    assert first["metrics"] == [{"name": "acc", "direction": "max"}]
    assert first["best"] == {"number": 1, "value": 0.9}
    assert (first["counts"]["completed"], first["counts"]["waiting"]) == (2, 1)
    assert first["created"] <= first["updated"]
    assert (second["name"], second["state"], second["best"]) == ("empty", "new", None)


def test_the_list_follows_what_other_processes_write(api, digits) -> None:
    assert api.get("/experiments")["experiments"][0]["trials"] == 5
    la.Experiment.load("digits", digits.store.url).add({"lr": 0.2, "opt": "adam"}, 0.95)
    assert api.get("/experiments")["experiments"][0]["best"] == {"number": 5, "value": 0.95}


def test_the_detail_has_what_a_form_and_a_page_need(api, digits) -> None:
    found = api.get("/experiments/digits")
    assert (found["searcher"], found["seed"], found["define"]) == ("Auto()", 1, False)
    assert la.Space.from_json(found["space"]) == digits.space
    lr, opt, momentum = found["parameters"]
    assert (lr["kind"], lr["low"], lr["high"], lr["log"]) == ("float", 1e-5, 1.0, True)
    assert (opt["kind"], opt["options"]) == ("choice", ["sgd", "adam"])
    assert (momentum["parent"], momentum["when"]) == ("opt", ["sgd"])
    assert set(found["figures"]) == set(FIGURES) - {"architecture", "compare", "pareto", "hypervolume"}
    assert {"number", "state", "acc", "lr", "params.lr", "value"} <= set(found["columns"])


def test_models_have_an_architecture_to_draw(api, store) -> None:
    made = la.Experiment("models", {"net.width": la.Int(8, 64)}, store=store, seed=0)
    made.add({"net.width": 8}, 1.0).add({"net.width": 16}, 2.0)
    assert "architecture" in api.get("/experiments/models")["figures"]
    drawn = api.get("/experiments/models/figures/architecture?trial=1&against=0")
    assert drawn["layout"]["title"]["text"] == "models · architecture of trial 1"
    assert "net.width" in str(drawn["data"]) and "(was 8)" in str(drawn["data"])
    assert "there is no trial 7" in api.error("/experiments/models/figures/architecture?trial=7", 400)


def test_progress_to_each_limit_is_told(api, store) -> None:
    experiment = la.Experiment("limited", {"x": la.Float(0, 1)}, store=store, seed=0)
    limits = la.Limits(trials=4, cost=100.0, plateau=(3, 0.0), target=-1.0)
    experiment.run(lambda trial: trial["x"], limits=limits, progress=False)
    progress = {one["limit"]: one for one in api.get("/experiments/limited")["progress"]}
    assert (progress["trials"]["used"], progress["trials"]["total"]) == (4, 4)
    assert set(progress) == {"trials", "cost", "plateau", "target"}
    assert progress["target"]["used"] == experiment.best.value
    assert progress["plateau"]["total"] == 3


def test_progress_to_a_limit_on_trials_and_cost_counts_those_that_are_paused(api, store) -> None:
    scheduler = la.ASHA(9, form="promotion")
    experiment = la.Experiment("pausing", {"x": la.Float(0, 1)}, "loss", scheduler=scheduler, store=store, seed=0)
    la.simulate(
        experiment, lambda p, step: ({"loss": p["x"], "cost": step}, 1.0), limits=la.Limits(trials=6, cost=1000.0)
    )
    history, progress = experiment.history, api.get("/experiments/pausing")["progress"]
    used = {one["limit"]: one["used"] for one in progress}
    assert history.paused_trials
    assert used == {"trials": 6, "cost": pytest.approx(float(history.steps.sum()))}


def test_the_default_searcher_says_what_it_does(api, store) -> None:
    experiment = la.Experiment("auto", {"x": la.Float(0, 1)}, store=store, seed=0)
    experiment.run(lambda trial: trial["x"], trials=3, progress=False)
    assert api.get("/experiments/auto")["searcher_says"]
    other = la.Experiment("other", {"x": la.Float(0, 1)}, store=store, searcher="random")
    assert api.get(f"/experiments/{other.name}")["searcher_says"] == ""


@pytest.mark.parametrize("figure", sorted(set(FIGURES) - {"compare"}))
def test_each_figure_is_plotly_s_json(api, digits, figure: str) -> None:
    found = api.get(f"/experiments/digits/figures/{figure}?theme=dark")
    assert set(found) == {"data", "layout"}


def test_a_figure_takes_its_options_and_is_drawn_again_when_the_journal_grows(api, digits) -> None:
    path = "/experiments/digits/figures/slice?params=lr"
    before = api.get(path)
    assert api.get(path) == before
    assert api.get("/experiments/digits/figures/slice?params=lr,opt") != before
    digits.add({"lr": 0.3, "opt": "adam"}, 0.99)
    assert api.get(path) != before


def test_what_a_figure_cannot_show_is_said(api, digits) -> None:
    assert "there is no figure 'nope'; there are history" in api.error("/experiments/digits/figures/nope", 404)
    assert "acc" in api.error("/experiments/digits/figures/history?metric=ac", 400)
    assert api.get("/experiments/digits/figures/history?theme=pink", 422)["error"]["code"] == "LA700"
    assert "completed trials" in api.error("/experiments/digits/importance", 400)


def test_experiments_are_compared(api, digits, store) -> None:
    la.Experiment("more", {"x": la.Float(0, 1)}, "acc", mode="max", store=store).add({"x": 0.5}, 0.4)
    names = {trace.get("name") for trace in api.get("/compare?names=more,digits")["data"]}
    assert {"more", "digits"} <= names
    assert "there is no experiment 'gone'" in api.error("/compare?names=digits,gone", 404)
    assert "names no experiment" in api.error("/compare?names=,", 400)


def test_importance_adds_up_to_one(api, store) -> None:
    experiment = la.Experiment("shares", {"x": la.Float(0, 1), "idle": la.Float(0, 1)}, store=store, seed=0)
    experiment.run(lambda trial: trial["x"], trials=12, progress=False)
    shares = api.get("/experiments/shares/importance")
    assert sum(shares.values()) == pytest.approx(1.0)
    assert next(iter(shares)) == "x"


def test_the_journal_is_told_in_words_and_page_by_page(api, store) -> None:
    experiment = la.Experiment("told", {"x": la.Float(0, 1)}, "loss", store=store, seed=0)

    def objective(trial: la.Trial) -> None:
        for _ in range(3):
            trial.report(loss=trial["x"])

    experiment.run(objective, trials=4, progress=False)
    experiment.pause()
    found = api.get("/experiments/told/log?limit=3")
    assert [event["kind"] for event in found["events"]] == ["ended", "left", "commanded"]
    assert found["events"][-1]["text"] == "command pause"
    texts, before = [event["text"] for event in found["events"]], found["first"]
    while before > 1:
        found = api.get(f"/experiments/told/log?limit=3&before={before}")
        texts, before = [event["text"] for event in found["events"]] + texts, found["first"]
    assert texts[0] == "'told' was created"
    assert len([text for text in texts if "was asked for (searcher)" in text]) == 4
    assert not any("step 2:" in text for text in texts)
    every = api.get("/experiments/told/log?limit=1000&reports=true")["events"]
    assert [event["seq"] for event in every] == list(range(1, len(experiment.store.read(1)) + 1))
    assert any(event["text"].startswith("trial 0, step 2: loss=") for event in every)


def test_an_experiment_that_is_removed_meanwhile_is_no_longer_there(api, digits, store) -> None:
    assert api.get("/experiments/digits")["trials"] == 5
    la.remove("digits", store)
    assert "there is no experiment 'digits'" in api.error("/experiments/digits", 404)
    assert api.get("/experiments")["experiments"] == []
    la.Experiment("digits", {"x": la.Float(0, 1)}, store=store)
    assert api.get("/experiments/digits")["trials"] == 0


def test_an_experiment_that_is_made_anew_is_another_one(api, digits, store) -> None:
    assert api.get("/experiments/digits")["trials"] == 5
    la.remove("digits", store)
    la.Experiment("digits", {"y": la.Float(0, 1)}, "loss", store=store).add({"y": 0.5}, 2.0)
    assert api.get("/experiments/digits")["best"] == {"number": 0, "value": 2.0}
    assert api.get("/experiments")["experiments"][0]["metrics"] == [{"name": "loss", "direction": "min"}]


def test_an_experiment_of_any_name_is_found(api, store) -> None:
    name = "a b?c#d..ü\\x"
    la.Experiment(name, {"x": la.Float(0, 1)}, store=store)
    from urllib.parse import quote

    assert api.get(f"/experiments/{quote(name, safe='')}")["name"] == name


def test_an_experiment_that_cannot_be_read_does_not_hide_the_others(digits, store, request) -> None:
    la.Experiment("later", {"x": la.Float(0, 1)}, store=store)
    with sqlite3.connect(store.url.removeprefix("sqlite:///")) as db:
        db.execute("UPDATE lanista_events SET body = replace(body, 'float', 'of a later version') WHERE experiment = 2")
    api = request.getfixturevalue("api")  # only now: it reads what is new as soon as it is there
    assert [one["name"] for one in api.get("/experiments")["experiments"]] == ["digits"]
    assert "of a later version" in api.error("/experiments/later", 400)


def test_nobody_waits_for_a_figure_that_takes_long(api, digits) -> None:
    book = api.client.app.state.hall.shelf.get("digits")
    begun, go_on = threading.Event(), threading.Event()

    def slow(journal: Journal) -> int:
        begun.set()
        assert go_on.wait(30)
        return len(journal.history)

    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1) as others:
        drawn = pool.submit(book.keep, ("slow",), slow)
        assert begun.wait(30)
        try:
            digits.enqueue({"lr": 0.25, "opt": "adam"})
            seen = others.submit(api.get, "/experiments/digits/trials").result(30)["total"]
        finally:
            go_on.set()
        assert (seen, drawn.result(30)) == (6, 5)


def test_figures_leave_threads_for_everything_else(api, digits, monkeypatch) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slow(*_: object, **__: object) -> bytes:
        begun.release()
        assert go_on.wait(30)
        return b"{}"

    monkeypatch.setattr("lanista.web._figures.figure", slow)
    with ThreadPoolExecutor(13) as browsers:
        drawn = [browsers.submit(api.get, "/experiments/digits/figures/history") for _ in range(12)]
        try:
            assert all(begun.acquire(timeout=30) for _ in range(DRAWERS))
            assert browsers.submit(api.get, "/experiments/digits/trials").result(10)["total"] == 5
        finally:
            go_on.set()
        assert [one.result(30) for one in drawn] == [{}] * 12


def test_experiments_with_commas_in_their_names_are_compared(api, store) -> None:
    for name in ("one, two", "three"):
        la.Experiment(name, {"x": la.Float(0, 1)}, store=store).add({"x": 0.5}, 1.0)
    both = api.get("/compare?names=one%2C%20two&names=three")
    assert [trace["name"] for trace in both["data"]] == ["one, two", "three"]
    assert [trace["name"] for trace in api.get("/compare?names=one%2C%20two")["data"]] == ["one, two"]
