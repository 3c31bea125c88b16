"""The best trials, measured again."""

import math
import random

import pytest

import lanista as la
from lanista.errors import ExperimentError, UsageError


def noisy(trial: la.Trial) -> float:
    return trial["x"] + random.Random(trial.seed).gauss(0, 2.0)


def made(store="memory", mode="max", **more) -> la.Experiment:
    return la.Experiment(
        "noisy", {"x": la.Int(0, 9)}, "score", mode=mode, searcher="random", store=store, seed=1, **more
    )


def test_the_mean_of_new_runs_decides() -> None:
    exp = made().run(noisy, trials=60, progress=False)
    found = exp.reevaluate(noisy, top=6, times=40, progress=False)
    assert len(found) == len({each.params["x"] for each in found}) == 6
    means = [each.mean for each in found]
    assert means == sorted(means, reverse=True)
    assert found[0].params == {"x": 9}
    assert all(each.mean == pytest.approx(each.params["x"], abs=1.2) for each in found)
    assert all(each.std == pytest.approx(2.0, abs=0.8) for each in found)
    firsts = {each.number: each.first for each in found}
    assert firsts == {number: exp.trials[number].value for number in firsts}
    assert exp.best.value > max(means), "what it was chosen for was luck in part"


def test_of_a_metric_to_minimise_the_least_is_first() -> None:
    found = made(mode="min").run(noisy, trials=30, progress=False).reevaluate(noisy, times=20, progress=False)
    assert found[0].mean == min(each.mean for each in found)


def test_what_has_been_run_is_not_run_again(tmp_path) -> None:
    runs = []

    def counted(trial: la.Trial) -> float:
        runs.append(trial.params)
        return noisy(trial)

    exp = made(tmp_path / "a.db").run(noisy, trials=20, progress=False)
    first = exp.reevaluate(counted, top=2, times=2, progress=False)
    assert len(runs) == 4
    assert made(tmp_path / "a.db").reevaluate(counted, top=2, times=2, progress=False) == first
    assert len(runs) == 4
    more = exp.reevaluate(counted, top=3, times=3, progress=False)
    assert len(runs) == 9
    assert [len(each.values) for each in more] == [3, 3, 3]
    assert len(la.Experiment.load("noisy finalists", tmp_path / "a.db").trials) == 9
    assert len(exp.trials) == 20


def test_a_configuration_whose_new_runs_fail_comes_last() -> None:
    def fails(trial: la.Trial) -> float:
        if trial["x"] == 9:
            raise ValueError("no memory")
        return float(trial["x"])

    exp = made().run(lambda trial: float(trial["x"]), trials=40, progress=False)
    found = exp.reevaluate(fails, top=3, times=2, progress=False)
    assert [each.params["x"] for each in found] == [8, 7, 9]
    assert math.isnan(found[-1].mean) and math.isnan(found[-1].std)


def test_runs_that_failed_are_made_up_for_when_called_again() -> None:
    def fails(trial: la.Trial) -> float:
        raise ValueError("no memory")

    exp = made().run(lambda trial: float(trial["x"]), trials=20, progress=False)
    assert [each.values for each in exp.reevaluate(fails, top=2, times=2, progress=False)] == [(), ()]
    assert [len(each.values) for each in exp.reevaluate(noisy, top=2, times=2, progress=False)] == [2, 2]


def test_only_what_keeps_the_constraints_is_a_finalist() -> None:
    def train(trial: la.Trial) -> dict[str, float]:
        return {"score": float(trial["x"]), "size": float(trial["x"])}

    exp = made(constraints={"size": la.at_most(6)}).run(train, trials=40, progress=False)
    assert [each.params["x"] for each in exp.reevaluate(train, top=3, times=1, progress=False)] == [6, 5, 4]


def test_a_space_that_is_discovered() -> None:
    exp = la.Experiment("noisy", metric="score", mode="max", searcher="random", store="memory", seed=0)

    def train(trial: la.Trial) -> float:
        return float(trial.suggest_int("x", 0, 9))

    found = exp.run(train, trials=30, progress=False).reevaluate(train, top=3, times=2, progress=False)
    assert [(each.params["x"], each.values) for each in found] == [(n, (float(n),) * 2) for n in (9, 8, 7)]


def test_nothing_to_measure_and_wrong_numbers() -> None:
    exp = made()
    with pytest.raises(ExperimentError, match="has no completed trial that keeps the constraints yet"):
        exp.reevaluate(noisy)
    with pytest.raises(UsageError, match=r"reevaluate\(top=0\): it must be a whole number from 1"):
        exp.reevaluate(noisy, top=0)
    with pytest.raises(UsageError, match=r"reevaluate\(times=1.5\): it must be a whole number from 1"):
        exp.reevaluate(noisy, times=1.5)  # type: ignore[arg-type]
