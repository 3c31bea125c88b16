"""The tree of a population: who was copied from whom, and the line of the best."""

import numpy as np
import pytest

import lanista as la
from lanista import plot
from lanista.errors import UsageError
from lanista.journal import Asked, Started
from lanista.testing import Story
from tests.plot.conftest import message, named, note

SPACE = la.Space({"lr": la.Float(1e-4, 1, log=True)})


@pytest.fixture
def story() -> Story:
    """Trial 2 is copied from trial 0 at step 2, and gets better than all."""
    told = Story(SPACE, metrics={"score": "max"})
    for lr in (0.1, 0.01):
        told.start({"lr": lr})
    for step in (1, 2, 3):
        told.report(0, step, 1.0 * step)
        told.report(1, step, 0.5 * step)
    told.end(1, "stopped")
    told.tell(Asked(0.0, 2, {"lr": 0.2}, parent=(0, 2)), Started(0.0, 2, 1, "story"))
    for step in (3, 4):
        told.report(2, step, 3.0 * step)
    told.end(2, "completed")
    return told


def test_the_line_of_the_best_goes_from_its_first_ancestor_to_its_end(story: Story) -> None:
    figure = plot.lineage(story.history)
    line = named(figure, "ancestors of the best")
    points = [(x, y) for x, y in zip(line.x, line.y, strict=True) if not np.isnan(x)]
    assert points == [(1, 1.0), (2, 2.0), (2, 2.0), (3, 9.0), (4, 12.0)]
    assert note(figure) == "trial 2, the best, descends from trial 0 by 1 copy"


def test_copies_are_marked_where_they_begin(story: Story) -> None:
    copied = named(plot.lineage(story.history), "copied")
    assert (list(copied.x), list(copied.y)) == ([2], [2.0])
    assert copied.hovertext[0] == "<b>trial 2</b> from trial 0, step 2<br>lr 0.2"


def test_a_parameter_along_the_line_is_the_schedule(story: Story) -> None:
    figure = plot.lineage(story.history, "lr")
    line = named(figure, "ancestors of the best")
    points = [(x, y) for x, y in zip(line.x, line.y, strict=True) if not np.isnan(x)]
    assert points == [(1, 0.1), (2, 0.1), (2, 0.1), (2, 0.2), (3, 0.2), (4, 0.2)]
    assert figure.layout.yaxis.type == "log"
    with pytest.raises(UsageError, match="no parameter 'rl'; did you mean 'lr'"):
        plot.lineage(story.history, "rl")


def test_a_population_has_a_lineage() -> None:
    def train(trial: la.Trial) -> None:
        box = {"score": 0.0}
        for _ in range(trial.load(box), 8):
            box["score"] += trial["lr"]
            trial.save(box)
            trial.report(score=box["score"])

    scheduler = la.PBT(8, population=4, interval=2)
    exp = la.Experiment("pbt", SPACE, metric="score", mode="max", scheduler=scheduler, store="memory", seed=0)
    exp.run(train, progress=False)
    copies = sum(r.parent is not None for r in exp.trials)
    assert copies > 0
    assert len(named(exp.plot.lineage(), "copied").x) == copies


def test_without_copies_there_is_no_lineage(busy: Story) -> None:
    assert (
        message(plot.lineage(busy.history))
        == "no trial was made from another yet, as PBT, evolution and local search do"
    )
