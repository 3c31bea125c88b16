"""What a trial tells an objective that trains for it: where it was saved, and what it must give."""

from pathlib import Path

import lanista as la


def test_a_trial_says_where_it_was_saved_and_what_it_must_give(tmp_path):
    def train(trial):
        name = trial.save({"x": trial["x"]})
        assert Path(name).exists()
        assert trial.wanted == ("loss", "size")
        trial.report(loss=trial["x"], size=1)
        return {"loss": 0.0, "size": 1}

    exp = la.Experiment(
        "told", {"x": 1.0}, metric="loss", constraints={"size": la.at_most(3)}, store=tmp_path / "a.db", searcher="grid"
    )
    exp.run(train, trials=1, progress=False)
    assert exp.trials[0].state == "completed", exp.trials[0].error
    assert exp.checkpoint() is not None
