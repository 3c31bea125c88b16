"""Trials that a searcher made by changing others."""

import numpy as np

import lanista as la
from lanista import plot
from lanista.journal import Asked, Ended, Started
from lanista.testing import Story
from tests.plot.conftest import named, note

SPACE = la.Space({"op": la.Choice(["a", "b", "c"]), "x": la.Float(0, 1)})


def story() -> Story:
    """Trial 3 was made from trial 1, and 4 from 3, which is the best."""
    told = Story(SPACE)
    for number, (made_from, loss) in enumerate([(None, 5.0), (None, 4.0), (0, 6.0), (1, 3.0), (3, 1.0)]):
        params = {"op": "abc"[number % 3], "x": number / 4}
        told.tell(Asked(0.0, number, params, made_from=made_from), Started(0.0, number, 1, "story"))
        told.tell(Ended(0.0, number, 1, "completed", {"loss": loss}))
    return told


def test_the_line_of_the_best_goes_back_to_the_first() -> None:
    figure = plot.lineage(story().history)
    line = named(figure, "ancestors of the best")
    assert (list(line.x), list(line.y)) == ([1, 3, 4], [4.0, 3.0, 1.0])
    assert note(figure) == "trial 4, the best, was made from trial 1 by 2 changes"
    pairs = named(figure, "made from")
    assert [(a, b) for a, b in zip(pairs.x[::3], pairs.x[1::3], strict=True)] == [(0, 2), (1, 3), (3, 4)]
    assert np.isnan(pairs.y[2::3]).all()


def test_a_parameter_in_place_of_the_metric() -> None:
    assert list(named(plot.lineage(story().history, "x"), "ancestors of the best").y) == [0.25, 0.75, 1.0]


def test_an_experiment_tells_what_was_made_from_what(tmp_path) -> None:
    def loss(trial: la.Trial) -> float:
        return float(sum(trial.params.values()))

    space = {f"x{i}": la.Choice([0, 1, 2, 3]) for i in range(4)}
    place = tmp_path / "lineage.db"
    exp = la.Experiment("tree", space, searcher=la.RegularizedEvolution(8, 3), store=place, seed=0)
    exp.run(loss, trials=40, progress=False)
    made_from = exp.history.each("made_from")
    assert made_from[:8] == [None] * 8
    for number, parent in enumerate(made_from[8:], 8):
        assert parent is not None and parent < number
        pair = exp.trials[number].params, exp.trials[parent].params
        assert sum(pair[0][name] != pair[1][name] for name in space) == 1
    assert la.Experiment.load("tree", place).history.each("made_from") == made_from
    assert "was made from trial" in note(exp.plot.lineage())
