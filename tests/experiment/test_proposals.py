"""Searchers that are not ours: what they propose is checked before it is journalled, what they raise is told."""

import numpy as np
import pytest

import lanista as la
from lanista.errors import ExperimentError, UnsatisfiableError

SPACE = {"x": la.Float(0, 1), "k": la.Choice(["a", "b"]), "n": la.Int(1, 5)}
GOOD = {"x": 0.5, "k": "a", "n": 3}


class Returns:
    """A searcher that returns the same, whatever it is asked."""

    def __init__(self, what=None):
        self.what = what

    def ask(self, history, count, rng):
        return self.what


def made(searcher, space=SPACE):
    return la.Experiment("e", space, metric="loss", searcher=searcher, store="memory", seed=0)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([{**GOOD, "x": 7}], r"Returns proposed \{'x': 7, .*\} for trial 0: 'x': 7 .*history\.space"),
        ([{**GOOD, "k": "zzz"}], r"for trial 0: 'k': .*'zzz'"),
        ([{"x": 0.5}], r"for trial 0: 'k' is missing"),
        ([{**GOOD, "y": 1}], r"for trial 0: 'y' is no parameter"),
        ({"x": 0.5}, r"Returns returned \{'x': 0\.5\} for trial 0; ask\(history, count, rng\) has to return a list"),
        (None, r"Returns returned None for trial 0; .* a list"),
        ([0.5], r"Returns returned \[0\.5\] for trial 0; .* each a dict"),
        ([GOOD, GOOD], "returned 2 configurations, asked for 1"),
    ],
)
def test_what_is_no_proposal_is_not_journalled(returned, message):
    exp = made(Returns(returned))
    for ask in (lambda: exp.run(lambda t: t["x"], trials=3, progress=False), exp.ask, exp.suggest_next):
        with pytest.raises(ExperimentError, match=message):
            ask()
    assert len(exp.trials) == 0


def test_a_proposal_that_a_condition_forbids():
    exp = made(Returns([GOOD]), la.Space(SPACE).where("x < 0.4"))
    with pytest.raises(ExperimentError, match=r"trial 0: .*breaks the constraint 'x < 0\.4'"):
        exp.ask()


def test_a_proposal_gets_the_space_s_own_values_and_defaults():
    space = {**SPACE, "n": la.Int(1, 5, default=2), "c": 7}
    exp = made(Returns([{"k": np.str_("a"), "x": np.float64(0.5)}]), space)
    params = exp.run(lambda t: t["x"], trials=1, progress=False).trials[0].params
    assert params == {"x": 0.5, "k": "a", "n": 2, "c": 7}
    assert [type(value) for value in params.values()] == [float, str, int, int]


def test_a_space_that_is_discovered_takes_any_proposal():
    exp = la.Experiment("e", searcher=Returns([{"x": 9.0}]), store="memory", seed=0)
    exp.run(lambda t: t.suggest_float("x", 0, 1), trials=2, progress=False)
    assert all(0 <= t.params["x"] <= 1 for t in exp.trials)


class WrongSignature:
    def ask(self, history):
        return []


class Raises:
    def ask(self, history, count, rng):
        raise self.error

    def __init__(self, error=None):
        self.error = error or ValueError("boom")


def test_what_a_searcher_raises_is_told_with_its_name():
    with pytest.raises(ExperimentError, match=r"WrongSignature .*TypeError.*ask\(history, count, rng\)") as told:
        made(WrongSignature()).run(lambda t: t["x"], trials=3, progress=False)
    assert isinstance(told.value.__cause__, TypeError)
    with pytest.raises(ExperimentError, match="the searcher Raises was asked for trial 0 and raised ValueError: boom"):
        made(Raises()).ask()


def test_what_a_searcher_raises_of_ours_passes():
    with pytest.raises(UnsatisfiableError, match="nothing fits"):
        made(Raises(UnsatisfiableError("nothing fits"))).ask()


def test_the_choice_for_a_space_that_trials_discover_is_told_once_it_is_known(caplog):
    def objective(trial):
        if trial.number == 0:
            raise ValueError("before it asked for anything")
        return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1)

    with caplog.at_level("INFO", logger="lanista"):
        la.Experiment("d", None, "loss", store="memory", seed=0).run(objective, trials=4, progress=False)
    said = [line for line in caplog.messages if "auto:" in line]
    assert said == ["d: auto: GP() for 2 numbers and 0 choices, up to 500 trials; then TPE()"]


def test_what_explain_raises_is_told_with_its_name():
    class Silent(Returns):
        def explain(self, history):
            raise KeyError("q")

    with pytest.raises(ExperimentError, match=r"Silent was asked to explain itself and raised KeyError: 'q'"):
        made(Silent([GOOD])).run(lambda t: t["x"], trials=1, progress=False)
