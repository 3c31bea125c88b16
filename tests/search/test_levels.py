"""Values at one level, where a scheduler cuts trials at different steps."""

import numpy as np

import lanista as la
from lanista.journal import RUNNING
from lanista.search._levels import at_level


def simulated(scheduler: la.Scheduler | None) -> la.History:
    exp = la.Experiment(
        "levels", {"x": la.Float(0, 1)}, metric="loss", searcher="random", scheduler=scheduler, store="memory", seed=0
    )
    la.simulate(exp, lambda p, step: (p["x"] + 1 / step, 1.0) if step <= 9 else None, workers=4, trials=30)
    return exp.history


def test_all_values_are_those_at_the_highest_step_that_enough_trials_came_to() -> None:
    history = simulated(la.ASHA(9))
    level = at_level(history)
    known = np.isfinite(level.Y[:, 0])
    furthest = history.steps[known].min()
    assert known.sum() >= 8
    assert (history.steps[~known] < furthest).all()
    expected = level.X[known, 0] + 1 / furthest
    np.testing.assert_allclose(level.Y[known, 0], expected)


def test_the_default_searcher_learns_at_the_level() -> None:
    history, seed = simulated(la.ASHA(9)), 3
    found = la.Auto().ask(history, 1, np.random.default_rng(seed))
    assert found == la.GP().ask(at_level(history), 1, np.random.default_rng(seed))
    assert found != la.GP().ask(history, 1, np.random.default_rng(seed))


def test_where_nothing_is_cut_the_history_is_its_own_level() -> None:
    history = simulated(None)
    assert at_level(history) is history


def test_what_was_cut_below_the_level_counts_as_pending() -> None:
    history = simulated(la.ASHA(9))
    level = at_level(history)
    cut = np.isnan(level.Y[:, 0])
    assert cut.any()
    assert (level.state[cut] == RUNNING).all()


def test_lower_steps_are_told_as_earlier_experiments() -> None:
    history = simulated(la.ASHA(9))
    level = at_level(history)
    assert [source.name for source in level.sources] == ["step 1"]
    X, _, Y = level.sources[0].points(history.space)
    np.testing.assert_allclose(Y[:, 0], X[:, 0] + 1)
    assert 24 <= len(X) <= len(history)


def test_proposals_are_not_repeated_where_trials_are_always_cut() -> None:
    """The level says that small x is best; where it is smallest nothing gets past the first rung, so no value tells."""

    def curve(params: dict[str, float], step: int) -> tuple[float, float] | None:
        return (params["x"] + (params["x"] < 0.3 and step < 9), 1.0) if step <= 9 else None

    exp = la.Experiment("cut", {"x": la.Float(0, 1)}, metric="loss", scheduler=la.ASHA(9), store="memory", seed=0)
    la.simulate(exp, curve, workers=2, trials=60)
    late = {round(trial.params["x"], 2) for trial in exp.trials[30:]}
    assert len(late) >= 8
